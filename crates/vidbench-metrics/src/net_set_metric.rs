//! Metrics of sets of clips, as nets see them, against a reference set.

use vidbench_core::MetricDescriptor;

use crate::extract::Extraction;
use crate::{FeatureMetric, fvd};

/// A metric of a set of clips, of which a net gives features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetSetMetric {
    /// [`fvd`], as cd-fvd has it.
    FvdCdfvd,
    /// [`fvd`], as VideoGPT has it.
    FvdVideogpt,
    /// [`fvd`] of endless sets.
    FvdInfinity,
    /// [`fvd`]'s kernel distance.
    Kvd,
}

impl NetSetMetric {
    /// What it says about itself.
    pub fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::FvdCdfvd => &fvd::CDFVD_DESCRIPTOR,
            Self::FvdVideogpt => &fvd::VIDEOGPT_DESCRIPTOR,
            Self::FvdInfinity => &fvd::INFINITY_DESCRIPTOR,
            Self::Kvd => &fvd::KVD_DESCRIPTOR,
        }
    }

    /// What is looked at of each clip: its rows are the features.
    pub fn extraction(self) -> Extraction {
        match self {
            Self::FvdCdfvd | Self::FvdInfinity | Self::Kvd => Extraction::I3dCdfvd,
            Self::FvdVideogpt => Extraction::I3dVideogpt,
        }
    }

    /// What is computed of the features.
    pub fn of_features(self) -> FeatureMetric {
        match self {
            Self::FvdCdfvd => FeatureMetric::FrechetDistanceBiased,
            Self::FvdVideogpt => FeatureMetric::FrechetDistance,
            Self::FvdInfinity => FeatureMetric::FrechetInfinity,
            Self::Kvd => FeatureMetric::KernelDistance,
        }
    }
}
