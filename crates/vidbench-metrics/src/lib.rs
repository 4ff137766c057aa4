//! Metrics: one file per metric, pure functions of frames and features.
//!
//! A metric is a [`MetricDescriptor`] and a function. A clip metric turns the frames of one clip (and its prompt) into
//! a [`Score`]; a set metric compares the features of many clips with those of a reference set, and a feature metric does so
//! with features that are given ([`feature_metric`], [`read_features`]). No clock, no files, no network, no global random
//! numbers; no result depends on the number of threads.
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
pub mod clip_temporal_consistency;
pub mod clipsim;
pub mod colourfulness;
pub mod density_coverage;
mod error;
pub mod extract;
mod feature_error;
mod feature_metric;
mod features;
pub mod fid;
pub mod flow;
pub mod frame_difference;
mod frame_mean;
mod frechet;
pub mod frechet_distance;
pub mod frechet_infinity;
pub mod frechet_shapes;
pub mod fvd;
pub mod inception_score;
pub mod inception_score_c3d;
mod kernel;
pub mod kernel_distance;
mod linalg;
pub mod lpips;
pub mod meter;
pub mod mmd_polynomial;
pub mod motion_magnitude;
pub mod ms_ssim;
mod neighbours;
mod net_metric;
mod net_set_metric;
pub mod numpy_random;
pub mod precision_recall;
pub mod psnr;
mod registry;
mod set;
mod set_moments;
pub mod shape_adherence;
pub mod sharpness;
pub mod ssim;
pub mod still_share;
pub mod structure;
pub mod temporal_flickering;
pub mod vbench_aesthetic_quality;
pub mod vbench_appearance_style;
pub mod vbench_consistency;
pub mod vbench_dynamic_degree;
pub mod vbench_human_action;
pub mod vbench_i2v;
pub mod vbench_imaging_quality;
pub mod vbench_motion_smoothness;
pub mod vbench_overall_consistency;
pub mod vbench_temporal_flickering;
pub mod vmaf;
pub mod warping_error;

pub use bootstrap::{CONFIDENCE, RESAMPLES};
pub use clip::score_clip;
pub use error::MetricError;
pub use feature_error::FeatureMetricError;
pub use feature_metric::{Reference, SetMeasurement, SetOptions, feature_metric, feature_metric_against};
pub use features::{
    DuplicateRow, FeatureError, FeatureFileError, FeatureFormat, FeatureMatrix, FeatureShard,
    MAX_ARRAY_BYTES, MAX_DIMS, Precision, read_features,
};
pub use frechet::{CovDivisor, FrechetReference, frechet_distance};
pub use kernel::{Degree, Polynomial};
pub use neighbours::{NEIGHBOURS, Neighbourhoods};
pub use net_metric::{ClipContext, NetMetric};
pub use net_set_metric::NetSetMetric;
pub use registry::{
    ClipMetric, DESCRIPTORS, FeatureMetric, Metric, PairMetric, SetMetric, UnknownMetric, find,
};
pub use set::{FeatureGroup, ReferenceSet, is_underpowered, set_scores};
pub use set_moments::SetMoments;
pub use vidbench_core::{MetricDescriptor, Score};
