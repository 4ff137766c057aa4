//! Metrics: one file per metric, pure functions of frames and features.
//!
//! A metric is a [`MetricDescriptor`] and a function. A clip metric turns the frames of one clip (and its prompt) into
//! a [`Score`]; a set metric compares the features of many clips with those of a reference set. No clock, no files, no
//! network, no global random numbers; no result depends on the number of threads.
//!
//! ```
//! use vidbench_core::{FramesU8, Score};
//! use vidbench_metrics::{ClipMetric, score_clip};
//!
//! // Two frames of one pixel: black, then white.
//! let frames = FramesU8::new(2, 1, 1, vec![0, 0, 0, 255, 255, 255]).unwrap();
//! assert_eq!(score_clip(ClipMetric::TemporalFlickering, &frames, None), Score::Value(0.0));
//! assert_eq!(score_clip(ClipMetric::MotionMagnitude, &frames, None), Score::Value(1.0));
//! ```
#![warn(missing_docs)]

mod bootstrap;
mod clip;
pub mod colourfulness;
mod error;
pub mod frame_difference;
mod frame_mean;
mod frechet;
pub mod frechet_shapes;
pub mod meter;
pub mod motion_magnitude;
pub mod ms_ssim;
pub mod psnr;
mod registry;
mod set;
pub mod shape_adherence;
pub mod sharpness;
pub mod ssim;
pub mod still_share;
pub mod structure;
pub mod temporal_flickering;

pub use bootstrap::{CONFIDENCE, RESAMPLES};
pub use clip::score_clip;
pub use error::MetricError;
pub use frechet::{
    FeatureError, Features, FrechetError, FrechetReference, Gaussian, MAX_DIMS, frechet_distance,
};
pub use registry::{ClipMetric, DESCRIPTORS, Metric, PairMetric, SetMetric, UnknownMetric, find};
pub use set::{FeatureGroup, ReferenceSet, is_underpowered, set_scores};
pub use vidbench_core::{MetricDescriptor, Score};
