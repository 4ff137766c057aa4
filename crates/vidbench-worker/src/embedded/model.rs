//! The model itself: attributes and a seed in, frames out.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::thread;

use vidbench_core::FramesU8;
use vidbench_nn::{DType, InputSpec, NnError, Session, SessionOptions, Tensor};
use vidbench_shapes::{Attributes, FRAME_COUNT, FRAME_SIZE};

use super::noise::gaussian_noise;
use super::sampler::{LATENT, guided, levels, stepped};
use super::weights::{DECODER, DENOISER};

const LATENT_LEN: usize = LATENT[0] * LATENT[1] * LATENT[2] * LATENT[3];
/// Shape of one frame's latent, [1, C, H, W].
const FRAME_LATENT: [usize; 4] = [1, 8, 8, 8];
const FRAME_LATENT_LEN: usize = 8 * 8 * 8;
const PLANE: usize = FRAME_SIZE * FRAME_SIZE;

/// The loaded networks. Sampling is a pure function of its arguments and of the runtime.
///
/// Every network is loaded twice, with half of the threads each, and the two copies work at the same time: the denoiser
/// with and without the prompt, the decoder on the first and the second half of the frames. That keeps two cores busier
/// than splitting each kernel in two.
pub struct ShapesModel {
    halves: [Networks; 2],
    threads: usize,
}

struct Networks {
    denoiser: Session,
    /// Latent of one frame [1, 8, 8, 8] to the frame [1, 3, 64, 64] in [0, 1].
    decoder: Session,
}

impl Networks {
    fn load(options: &SessionOptions) -> Result<Self, NnError> {
        let decoder_input = [InputSpec::new("z", DType::F32, FRAME_LATENT)];
        Ok(Self {
            denoiser: Session::load(DENOISER, &denoiser_inputs(), options)?,
            decoder: Session::load(DECODER, &decoder_input, options)?,
        })
    }

    /// The estimate of the clean latent.
    fn denoised(&self, latent: &[f32], level: f32, attributes: [usize; 5]) -> Result<Vec<f32>, NnError> {
        let outputs = self.denoiser.run(&[
            Tensor::f32(latent_shape(), latent.to_vec())?,
            Tensor::f32([1], vec![level])?,
            Tensor::i64([1, 5], attributes.map(|index| index as i64).to_vec())?,
        ])?;
        Ok(first_f32(&outputs)?.to_vec())
    }

    /// Planes [T, C=3, H, W] of the frames in `latents`. The frames are decoded one after the other, so that the
    /// kernels work on what fits the cache.
    fn decoded(&self, latents: &[f32]) -> Result<Vec<f32>, NnError> {
        let mut planes = Vec::with_capacity(latents.len() / FRAME_LATENT_LEN * 3 * PLANE);
        for latent in latents.chunks_exact(FRAME_LATENT_LEN) {
            let outputs = self.decoder.run(&[Tensor::f32(FRAME_LATENT, latent.to_vec())?])?;
            planes.extend_from_slice(first_f32(&outputs)?);
        }
        Ok(planes)
    }
}

/// Why sampling gave no frames.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A network could not be run.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The networks' output is not a clip.
    #[error("the decoder returned {found}, not a clip of finite numbers")]
    NotAClip {
        /// What came out.
        found: String,
    },
    /// The caller asked to stop.
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
        options.check()?;
        let half = SessionOptions { threads: options.threads.div_ceil(2), ..*options };
        Ok(Self { halves: [Networks::load(&half)?, Networks::load(&half)?], threads: options.threads })
    }

    /// Inference runtime and version.
    pub fn runtime_name(&self) -> &str {
        self.halves[0].decoder.runtime_name()
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
        self.decode(&latent)
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
        let levels = levels(steps);
        for (index, pair) in (1..).zip(levels.windows(2)) {
            let [level, next] = [pair[0], pair[1]];
            let estimate = self.estimate(&latent, level as f32, attributes, guidance as f32)?;
            let ratio = (next / level) as f32;
            latent.iter_mut().zip(estimate).for_each(|(z, x)| *z = stepped(*z, x, ratio));
            if on_step(index).is_break() {
                return Err(SampleError::Stopped { steps: index });
            }
        }
        Ok(Tensor::f32(latent_shape(), latent)?)
    }

    /// Latent [1, 4, 32, 8, 8] to frames.
    ///
    /// # Errors
    ///
    /// [`SampleError::Network`] and [`SampleError::NotAClip`].
    pub fn decode(&self, latent: &Tensor) -> Result<FramesU8, SampleError> {
        let latent = latent.as_f32()?;
        let (first, second) = latent.split_at(latent.len() / 2);
        let [one, other] = &self.halves;
        let (first, second) = self.both(|| one.decoded(first), || other.decoded(second));
        let (mut planes, second) = (first?, second?);
        planes.extend(second);
        frames_from_planes(&planes)
    }

    /// The guided estimate of the clean latent.
    ///
    /// Without guidance the prompt's estimate is all that is needed, which halves the work.
    fn estimate(
        &self,
        latent: &[f32],
        level: f32,
        attributes: &Attributes,
        guidance: f32,
    ) -> Result<Vec<f32>, NnError> {
        let [one, other] = &self.halves;
        // The index after the last value of an attribute is what the network learnt as "not given".
        let none = Attributes::CARDINALITIES;
        let conditional = || one.denoised(latent, level, attributes.indices());
        let unconditional = || other.denoised(latent, level, none);
        if guidance == 1.0 {
            return conditional();
        }
        let (conditional, unconditional) = self.both(conditional, unconditional);
        Ok(conditional?.iter().zip(unconditional?).map(|(c, u)| guided(*c, u, guidance)).collect())
    }

    /// Runs both, at the same time where there are threads for it.
    fn both<T: Send>(&self, one: impl FnOnce() -> T, other: impl FnOnce() -> T + Send) -> (T, T) {
        if self.threads == 1 {
            return (one(), other());
        }
        thread::scope(|scope| {
            let other = scope.spawn(other);
            (one(), other.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }
}

impl fmt::Debug for ShapesModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShapesModel").field("runtime", &self.runtime_name()).finish_non_exhaustive()
    }
}

fn first_f32(outputs: &[Tensor]) -> Result<&[f32], NnError> {
    Ok(outputs.first().map(Tensor::as_f32).transpose()?.unwrap_or_default())
}

fn latent_shape() -> Vec<usize> {
    std::iter::once(1).chain(LATENT).collect()
}

fn denoiser_inputs() -> [InputSpec; 3] {
    [
        InputSpec::new("z", DType::F32, latent_shape()),
        InputSpec::new("s", DType::F32, [1]),
        InputSpec::new("attributes", DType::I64, [1, 5]),
    ]
}

/// Planes [T, C=3, H, W] in [0, 1] to frames of interleaved bytes, rounded to the nearest.
fn frames_from_planes(planes: &[f32]) -> Result<FramesU8, SampleError> {
    if planes.iter().any(|value| !value.is_finite()) {
        return Err(not_a_clip("infinities or NaNs".to_owned()));
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
        assert_eq!(message, "the decoder returned infinities or NaNs, not a clip of finite numbers");
        assert!(frames_from_planes(&planes[8..]).is_err());
    }
}
