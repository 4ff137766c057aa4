//! `frechet_shapes@1`: how far the clips of a model are from rendered ones, as seen by the small classifier.
//!
//! # Definition
//!
//! `|m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2` between the clips of one model and set of parameters and a
//! reference set, with mean m and covariance S (divided by N - 1) of the 64 features of the shipped shapes classifier, in
//! 64-bit floats. The reference set [`REFERENCE_SET`] is [`REFERENCE_COUNT`] rendered clips: every combination of attributes
//! [`REFERENCE_PASSES`] times, seeds counted up from [`REFERENCE_SEED`].
//!
//! # Range and direction
//!
//! [0, unbounded), lower is better. The floor, given with the value, is the distance between the two halves of the
//! reference set: two samples of the same distribution are that far apart.
//!
//! # Input
//!
//! 16 frames of 64x64 pixels, sRGB, 8 bit, divided by 255, with no resizing: a clip of another shape has no features.
//! At least two clips; fewer than 128 (two per dimension) are flagged as underpowered. The prompts should cover the
//! combinations of attributes evenly, as the reference does: a list of prompts that leaves some out adds distance of
//! its own.
//!
//! # Reference
//!
//! Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017, eq. 6;
//! the formula goes back to Dowson and Landau 1982.
//!
//! # Differences
//!
//! Neither FID nor FVD: the features are those of a net that knows five attributes of moving shapes, so the value
//! cannot be compared with any other distance. The covariance is divided by N - 1 (StyleGAN-V and cd-fvd divide by N);
//! the root is taken as in [`frechet_distance`](crate::frechet_distance()) rather than by a general matrix square root.
//! The value is biased upwards, about as 1/N: compare only equal N. The 95 % interval is a bootstrap over the clips of
//! the model with the reference held fixed, seed [`BOOTSTRAP_SEED`], shifted until its mean is the value. The reference
//! clips are not encoded; H.264 at CRF 23 or better moves the value of rendered clips by less than the floor.
//!
//! # Cost
//!
//! Features: one pass per clip of a net of 0.2 M weights. Distance and interval: about a second at 1,000 clips on one
//! core.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};
use vidbench_nn::{DType, InputSpec, NnError, Runtime, Session, SessionOptions, Tensor};
use vidbench_shapes::{Attributes, FRAME_COUNT, FRAME_SIZE, render};

use crate::MetricError;

/// What `frechet_shapes@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "frechet_shapes@1",
    title: "Fréchet distance to rendered clips in shapes classifier features",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (Some(0.0), None),
    needs: Needs::Set,
    aggregate: Aggregate::OfSet,
    nets: &[NET],
};

/// Name of the net.
pub const NET: &str = "shapes-classifier";
/// Features of a clip.
pub const DIMS: usize = 64;
/// Seed of the bootstrap.
pub const BOOTSTRAP_SEED: u64 = 0x6672_6563_6865_7401;
/// Name and version of the reference set; a change of its clips bumps the version.
pub const REFERENCE_SET: &str = "shapes-uniform-1152@1";
/// How often the reference set has each combination of attributes; the floor is the distance between its two halves.
pub const REFERENCE_PASSES: usize = 2;
/// Clips of the reference set: two for each of the 576 combinations.
pub const REFERENCE_COUNT: usize = 1152;
/// Seed of the first reference clip. The training set draws its seeds at random from 2^64, so none is expected in both.
pub const REFERENCE_SEED: u64 = 0x7265_6665_7265_6e00;

/// Clip `index` of the reference set, `[16, 64, 64, 3]`; `None` from [`REFERENCE_COUNT`] on.
pub fn reference_clip(index: usize) -> Option<FramesU8> {
    let combinations = REFERENCE_COUNT / REFERENCE_PASSES;
    let attributes = Attributes::all().nth(index % combinations).filter(|_| index < REFERENCE_COUNT)?;
    Some(render(&attributes, REFERENCE_SEED + index as u64))
}

/// The classifier, ready to run.
#[derive(Debug)]
pub struct ShapesClassifier {
    session: Session,
    net: String,
}

impl ShapesClassifier {
    /// Loads the graph from the bytes of its ONNX file.
    ///
    /// It runs on the built-in runtime even where another is installed: features must have the same bits for clips and
    /// reference, in a resumed run too.
    ///
    /// # Errors
    ///
    /// As [`Session::load`].
    pub fn load(graph: &[u8]) -> Result<Self, NnError> {
        let shape = [1, FRAME_COUNT, FramesU8::CHANNELS, FRAME_SIZE, FRAME_SIZE];
        let inputs = [InputSpec::new("clip", DType::F32, shape)];
        let options = SessionOptions::on_cpu(1, Runtime::Tract);
        let session = Session::load(graph, &inputs, &options)?;
        let net = format!("{NET}@{}", session.graph_sha256().chars().take(12).collect::<String>());
        Ok(Self { session, net })
    }

    /// Name and weights, `shapes-classifier@` and the first 12 digits of the graph's SHA-256.
    pub fn net(&self) -> &str {
        &self.net
    }

    /// The [`DIMS`] features of a clip.
    ///
    /// # Errors
    ///
    /// [`MetricError::ClipShape`] for any clip but 16 frames of 64x64, and [`MetricError::Net`].
    pub fn features(&self, frames: &FramesU8) -> Result<Vec<f32>, MetricError> {
        let input = Tensor::f32(self.input_shape(), net_input(frames)?).map_err(|error| net_error(&error))?;
        let outputs = self.session.run(&[input]).map_err(|error| net_error(&error))?;
        let features = outputs.first().map(|output| output.as_f32()).transpose();
        let features = features.map_err(|error| net_error(&error))?.unwrap_or_default().to_vec();
        check_features(features)
    }

    fn input_shape(&self) -> Vec<usize> {
        self.session.inputs().first().map(|input| input.shape.clone()).unwrap_or_default()
    }
}

fn check_features(features: Vec<f32>) -> Result<Vec<f32>, MetricError> {
    let wrong = |reason| Err(MetricError::Net { net: NET, reason });
    if features.len() != DIMS {
        return wrong(format!("returned {} features, expected {DIMS}", features.len()));
    }
    match features.iter().find(|feature| !feature.is_finite()) {
        Some(feature) => wrong(format!("returned a feature of {feature}")),
        None => Ok(features),
    }
}

/// `[T, H, W, C]` in 0..=255 to `[T, C, H, W]` in [0, 1].
fn net_input(frames: &FramesU8) -> Result<Vec<f32>, MetricError> {
    let (count, width, height) = (frames.count(), frames.width(), frames.height());
    if (count, width, height) != (FRAME_COUNT, FRAME_SIZE, FRAME_SIZE) {
        let wanted = "16 frames of 64x64";
        return Err(MetricError::ClipShape { net: NET, wanted, frames: count, width, height });
    }
    let planes = frames.iter().flat_map(|frame| (0..FramesU8::CHANNELS).map(move |channel| (frame, channel)));
    let values = planes
        .flat_map(|(frame, channel)| frame.iter().skip(channel).step_by(FramesU8::CHANNELS))
        .map(|&value| f32::from(value) / 255.0);
    Ok(values.collect())
}

fn net_error(error: &NnError) -> MetricError {
    use std::error::Error as _;
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    MetricError::Net { net: NET, reason: format!("{error}{cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_become_planes_between_zero_and_one() {
        let mut data = vec![0; FRAME_COUNT * FRAME_SIZE * FRAME_SIZE * 3];
        // Frame 1, row 2, column 3, green: the fifth plane of [T, C].
        let wanted = ((3 + 1) * 64 + 2) * 64 + 3;
        data[((64 * 64) + 2 * 64 + 3) * 3 + 1] = 51;
        let input = net_input(&FramesU8::new(FRAME_COUNT, FRAME_SIZE, FRAME_SIZE, data).unwrap()).unwrap();
        let set: Vec<(usize, f32)> =
            input.into_iter().enumerate().filter(|(_, value)| *value != 0.0).collect();
        assert_eq!(set, [(wanted, 0.2)]);
    }

    #[test]
    fn a_clip_of_another_shape_has_no_features() {
        let error = net_input(&FramesU8::new(1, 2, 3, vec![0; 18]).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "clip has 1 frames of 3x2, but net shapes-classifier takes 16 frames of 64x64"
        );
    }

    #[test]
    fn features_that_are_not_numbers_are_refused() {
        assert!(check_features(vec![0.5; DIMS]).is_ok());
        let error = check_features(vec![0.5; 3]).unwrap_err().to_string();
        assert_eq!(error, "net shapes-classifier: returned 3 features, expected 64");
        let error = check_features(vec![f32::NAN; DIMS]).unwrap_err().to_string();
        assert_eq!(error, "net shapes-classifier: returned a feature of NaN");
    }

    #[test]
    fn the_reference_set_has_every_combination_as_often_and_no_clip_twice() {
        assert_eq!(REFERENCE_COUNT, REFERENCE_PASSES * Attributes::CARDINALITIES.iter().product::<usize>());
        assert_eq!(reference_clip(REFERENCE_COUNT), None);
        assert!(reference_clip(REFERENCE_COUNT - 1).is_some());
        assert_ne!(reference_clip(0), reference_clip(576));
    }
}
