//! The model itself: attributes and a seed in, frames out.

use std::fmt;
use std::ops::ControlFlow;

use vidbench_core::FramesU8;
use vidbench_nn::{DType, InputSpec, NnError, Session, SessionOptions, Tensor};
use vidbench_shapes::{Attributes, FRAME_COUNT, FRAME_SIZE};

use super::noise::gaussian_noise;
use super::sampler::{LATENT, guided, levels, stepped};
use super::weights::{DECODER, DENOISER};

const LATENT_LEN: usize = LATENT[0] * LATENT[1] * LATENT[2] * LATENT[3];
const PLANE: usize = FRAME_SIZE * FRAME_SIZE;

/// The loaded networks. Sampling is a pure function of its arguments and of the runtime.
pub struct ShapesModel {
    /// Denoiser for the prompt alone, batch 1.
    single: Session,
    /// Denoiser for prompt and no prompt side by side, batch 2.
    paired: Session,
    /// Latent [1, 4, 32, 8, 8] to frames [1, 16, 3, 64, 64] in [0, 1].
    decoder: Session,
}

/// Sampling did not end in frames.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A network could not be run.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The networks gave something that is no clip.
    #[error("the decoder gave {found}, not a clip of finite numbers")]
    NotAClip {
        /// What came out.
        found: String,
    },
    /// The caller said stop.
    #[error("stopped after {steps} steps")]
    Stopped {
        /// Steps done.
        steps: u32,
    },
}

impl ShapesModel {
    /// Loads and optimises the embedded networks.
    ///
    /// # Errors
    ///
    /// [`NnError`] for options that no runtime takes, or a runtime that is missing.
    pub fn load(options: &SessionOptions) -> Result<Self, NnError> {
        let decoder_input = [InputSpec::new("z", DType::F32, batch_of(1))];
        Ok(Self {
            single: Session::load(DENOISER, &denoiser_inputs(1), options)?,
            paired: Session::load(DENOISER, &denoiser_inputs(2), options)?,
            decoder: Session::load(DECODER, &decoder_input, options)?,
        })
    }

    /// Inference runtime and version.
    pub fn runtime_name(&self) -> &str {
        self.decoder.runtime_name()
    }

    /// Makes a clip of 16 frames of 64x64 pixels.
    ///
    /// # Errors
    ///
    /// [`SampleError::Network`] and [`SampleError::NotAClip`]; the latter only for a guidance beyond all reason.
    pub fn sample(
        &self,
        attributes: &Attributes,
        seed: u64,
        steps: u32,
        guidance: f64,
    ) -> Result<FramesU8, SampleError> {
        let latent = self.denoise(attributes, seed, steps, guidance, &mut |_| ControlFlow::Continue(()))?;
        self.decode(latent)
    }

    /// All denoising steps: noise of `seed` to a clean latent [1, 4, 32, 8, 8]. `on_step` is told each step's number,
    /// from 1, when it has ended.
    ///
    /// # Errors
    ///
    /// [`SampleError::Network`], and [`SampleError::Stopped`] if `on_step` breaks.
    pub fn denoise(
        &self,
        attributes: &Attributes,
        seed: u64,
        steps: u32,
        guidance: f64,
        on_step: &mut dyn FnMut(u32) -> ControlFlow<()>,
    ) -> Result<Tensor, SampleError> {
        let mut latent = gaussian_noise(seed, LATENT_LEN);
        let mut inputs = self.first_inputs(attributes, guidance)?;
        let levels = levels(steps);
        for (index, pair) in (1..).zip(levels.windows(2)) {
            let [level, next] = [pair[0], pair[1]];
            let estimate = self.estimate(&latent, level as f32, guidance as f32, &mut inputs)?;
            let ratio = (next / level) as f32;
            latent.iter_mut().zip(estimate).for_each(|(z, x)| *z = stepped(*z, x, ratio));
            if on_step(index).is_break() {
                return Err(SampleError::Stopped { steps: index });
            }
        }
        Ok(Tensor::f32(batch_of(1), latent)?)
    }

    /// Latent [1, 4, 32, 8, 8] to frames.
    ///
    /// # Errors
    ///
    /// [`SampleError::Network`] and [`SampleError::NotAClip`].
    pub fn decode(&self, latent: Tensor) -> Result<FramesU8, SampleError> {
        let outputs = self.decoder.run(&[latent])?;
        let Some(clip) = outputs.first() else { return Err(not_a_clip(format!("{outputs:?}"))) };
        frames_from_planes(clip.as_f32()?)
    }

    /// Tensors in the order of the denoiser's inputs; only the attributes are final.
    ///
    /// Without guidance the prompt's estimate is all that is needed, which halves the work.
    fn first_inputs(&self, attributes: &Attributes, guidance: f64) -> Result<[Tensor; 3], NnError> {
        let asked = attributes.indices();
        // The index after the last value of an attribute is what the network learnt as "not given".
        let none = Attributes::CARDINALITIES;
        let rows: &[[usize; 5]] = if guidance == 1.0 { &[asked] } else { &[asked, none] };
        let batch = rows.len();
        Ok([
            Tensor::f32(batch_of(batch), vec![0.0; batch * LATENT_LEN])?,
            Tensor::f32([batch], vec![0.0; batch])?,
            Tensor::i64([batch, 5], rows.iter().flatten().map(|index| *index as i64).collect())?,
        ])
    }

    /// The network's estimate of the clean latent, guided if `inputs` are a pair.
    fn estimate(
        &self,
        latent: &[f32],
        level: f32,
        guidance: f32,
        inputs: &mut [Tensor; 3],
    ) -> Result<Vec<f32>, SampleError> {
        let [z, s, attributes] = inputs;
        z.as_f32_mut()?.chunks_exact_mut(LATENT_LEN).for_each(|half| half.copy_from_slice(latent));
        s.as_f32_mut()?.fill(level);
        let session = if attributes.shape() == [1, 5] { &self.single } else { &self.paired };
        let outputs = session.run(inputs)?;
        let estimate = outputs.first().map(Tensor::as_f32).transpose()?.unwrap_or_default();
        let (conditional, unconditional) = estimate.split_at(estimate.len().min(LATENT_LEN));
        if unconditional.is_empty() {
            return Ok(conditional.to_vec());
        }
        Ok(conditional.iter().zip(unconditional).map(|(c, u)| guided(*c, *u, guidance)).collect())
    }
}

impl fmt::Debug for ShapesModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShapesModel").field("runtime", &self.runtime_name()).finish_non_exhaustive()
    }
}

fn batch_of(batch: usize) -> Vec<usize> {
    std::iter::once(batch).chain(LATENT).collect()
}

fn denoiser_inputs(batch: usize) -> [InputSpec; 3] {
    [
        InputSpec::new("z", DType::F32, batch_of(batch)),
        InputSpec::new("s", DType::F32, [batch]),
        InputSpec::new("attributes", DType::I64, [batch, 5]),
    ]
}

/// Planes [T, C=3, H, W] in [0, 1] to frames of interleaved bytes, rounded to the nearest.
fn frames_from_planes(planes: &[f32]) -> Result<FramesU8, SampleError> {
    if planes.iter().any(|value| !value.is_finite()) {
        return Err(not_a_clip("infinities or not-a-numbers".to_owned()));
    }
    let byte = |value: f32| (value * 255.0).round_ties_even() as u8;
    let mut data = Vec::with_capacity(planes.len());
    for frame in planes.chunks_exact(3 * PLANE) {
        let (red, rest) = frame.split_at(PLANE);
        let (green, blue) = rest.split_at(PLANE);
        for ((r, g), b) in red.iter().zip(green).zip(blue) {
            data.extend([byte(*r), byte(*g), byte(*b)]);
        }
    }
    let clip = FramesU8::new(FRAME_COUNT, FRAME_SIZE, FRAME_SIZE, data);
    clip.map_err(|error| not_a_clip(error.to_string()))
}

fn not_a_clip(found: String) -> SampleError {
    SampleError::NotAClip { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_interleaved_bytes() {
        let mut planes = vec![0.0; FRAME_COUNT * 3 * PLANE];
        planes[1] = 1.0;
        planes[PLANE + 1] = 0.5;
        planes[2 * PLANE + 1] = 0.25;
        let frames = frames_from_planes(&planes).unwrap();
        assert_eq!(frames.pixel(0, 0, 0), [0, 0, 0]);
        assert_eq!(frames.pixel(0, 0, 1), [255, 128, 64]);
    }

    #[test]
    fn a_clip_with_a_hole_is_an_error() {
        let mut planes = vec![0.5; FRAME_COUNT * 3 * PLANE];
        planes[7] = f32::NAN;
        let message = frames_from_planes(&planes).unwrap_err().to_string();
        assert_eq!(message, "the decoder gave infinities or not-a-numbers, not a clip of finite numbers");
        assert!(frames_from_planes(&planes[8..]).is_err());
    }
}
