//! Metrics computed from net features of sets of clips: compared with a reference set, or of the set alone.

use vidbench_core::MetricDescriptor;

use crate::extract::Extraction;
use crate::{FeatureMetric, fid, fvd, inception_score_c3d};

/// A metric of a set of clips, computed from the features that a net gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetSetMetric {
    /// [`fid`], as clean-fid has it.
    FidClean,
    /// [`fid`], as pytorch-fid has it.
    FidPytorch,
    /// [`fid`], as TensorFlow and torch-fidelity have it.
    FidTensorflow,
    /// [`fvd`], as cd-fvd has it.
    FvdCdfvd,
    /// [`fvd`] to VideoMAE, as cd-fvd has it.
    FvdVideomae,
    /// [`fvd`], as VideoGPT has it.
    FvdVideogpt,
    /// See [`fvd`].
    FvdCommonMetrics,
    /// See [`fvd`].
    FvdStyleganv,
    /// [`fvd`] of endless sets.
    FvdInfinity,
    /// [`inception_score_c3d`].
    InceptionScoreC3d,
    /// [`fvd`]'s kernel distance.
    Kvd,
}

impl NetSetMetric {
    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::FidClean => &fid::CLEAN_DESCRIPTOR,
            Self::FidPytorch => &fid::PYTORCH_DESCRIPTOR,
            Self::FidTensorflow => &fid::TENSORFLOW_DESCRIPTOR,
            Self::FvdCdfvd => &fvd::CDFVD_DESCRIPTOR,
            Self::FvdVideomae => &fvd::VIDEOMAE_DESCRIPTOR,
            Self::FvdVideogpt => &fvd::VIDEOGPT_DESCRIPTOR,
            Self::FvdCommonMetrics => &fvd::COMMON_METRICS_DESCRIPTOR,
            Self::FvdStyleganv => &fvd::STYLEGANV_DESCRIPTOR,
            Self::FvdInfinity => &fvd::INFINITY_DESCRIPTOR,
            Self::InceptionScoreC3d => &inception_score_c3d::DESCRIPTOR,
            Self::Kvd => &fvd::KVD_DESCRIPTOR,
        }
    }

    /// The extraction that is run on each clip; its rows are the features.
    pub fn extraction(self) -> Extraction {
        match self {
            Self::FidClean => Extraction::InceptionClean,
            Self::FidPytorch => Extraction::InceptionPytorch,
            Self::FidTensorflow => Extraction::InceptionTensorflow,
            Self::FvdCdfvd | Self::FvdInfinity | Self::Kvd => Extraction::I3dCdfvd,
            Self::InceptionScoreC3d => Extraction::C3dTgan2,
            Self::FvdVideomae => Extraction::VideomaeCdfvd,
            Self::FvdVideogpt => Extraction::I3dVideogpt,
            Self::FvdCommonMetrics => Extraction::I3dCommonMetrics,
            Self::FvdStyleganv => Extraction::I3dStyleganv,
        }
    }

    /// The metric that is computed from the features.
    pub fn of_features(self) -> FeatureMetric {
        match self {
            Self::FvdCdfvd | Self::FvdVideomae | Self::FvdStyleganv => FeatureMetric::FrechetDistanceBiased,
            Self::FvdVideogpt
            | Self::FvdCommonMetrics
            | Self::FidClean
            | Self::FidPytorch
            | Self::FidTensorflow => FeatureMetric::FrechetDistance,
            Self::FvdInfinity => FeatureMetric::FrechetInfinity,
            Self::InceptionScoreC3d => FeatureMetric::InceptionScore,
            Self::Kvd => FeatureMetric::KernelDistance,
        }
    }

    /// Whether it compares with a reference set; otherwise it looks at the set alone.
    pub fn compares(self) -> bool {
        self.of_features().compares()
    }
}
