//! Every metric by its id.

use vidbench_core::{MetricDescriptor, nearest};

use crate::{frechet_shapes, motion_magnitude, psnr, shape_adherence, temporal_flickering};

/// What every metric says about itself, sorted by id.
pub const DESCRIPTORS: &[MetricDescriptor] = &[
    frechet_shapes::DESCRIPTOR,
    motion_magnitude::DESCRIPTOR,
    psnr::DESCRIPTOR,
    shape_adherence::DESCRIPTOR,
    temporal_flickering::DESCRIPTOR,
];

/// A metric, by what it is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// A number about one clip.
    Clip(ClipMetric),
    /// A number about a clip and its reference.
    Pair(PairMetric),
    /// A number about a set of clips.
    Set(SetMetric),
}

/// A metric of one clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClipMetric {
    /// [`motion_magnitude`].
    MotionMagnitude,
    /// [`shape_adherence`].
    ShapeAdherence,
    /// [`temporal_flickering`].
    TemporalFlickering,
}

/// A metric of a clip and its reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairMetric {
    /// [`psnr`].
    Psnr,
}

/// A metric of a set of clips against a reference set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetMetric {
    /// [`frechet_shapes`].
    FrechetShapes,
}

impl Metric {
    /// Every metric, in the order of [`DESCRIPTORS`].
    pub const ALL: [Self; 5] = [
        Self::Set(SetMetric::FrechetShapes),
        Self::Clip(ClipMetric::MotionMagnitude),
        Self::Pair(PairMetric::Psnr),
        Self::Clip(ClipMetric::ShapeAdherence),
        Self::Clip(ClipMetric::TemporalFlickering),
    ];

    /// The metric of that id.
    ///
    /// # Errors
    ///
    /// [`UnknownMetric`] with the nearest id there is. An unknown version of a known metric is unknown.
    pub fn from_id(id: &str) -> Result<Self, UnknownMetric> {
        let known = Self::ALL.into_iter().find(|metric| metric.descriptor().id == id);
        known.ok_or_else(|| UnknownMetric {
            id: id.to_owned(),
            nearest: nearest(id, DESCRIPTORS.iter().map(|descriptor| descriptor.id)),
        })
    }

    /// The metric, if it is one of sets.
    pub fn set(self) -> Option<SetMetric> {
        match self {
            Self::Set(metric) => Some(metric),
            Self::Clip(_) | Self::Pair(_) => None,
        }
    }

    /// What it says about itself.
    pub fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::Clip(metric) => metric.descriptor(),
            Self::Pair(metric) => metric.descriptor(),
            Self::Set(metric) => metric.descriptor(),
        }
    }
}

impl ClipMetric {
    /// What it says about itself.
    pub fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::MotionMagnitude => &motion_magnitude::DESCRIPTOR,
            Self::ShapeAdherence => &shape_adherence::DESCRIPTOR,
            Self::TemporalFlickering => &temporal_flickering::DESCRIPTOR,
        }
    }
}

impl PairMetric {
    /// What it says about itself.
    pub fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::Psnr => &psnr::DESCRIPTOR,
        }
    }
}

impl SetMetric {
    /// What it says about itself.
    pub fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::FrechetShapes => &frechet_shapes::DESCRIPTOR,
        }
    }
}

/// The descriptor of that id; of the newest version when `name` has none.
///
/// # Errors
///
/// [`UnknownMetric`] with the nearest id there is.
pub fn find(name: &str) -> Result<&'static MetricDescriptor, UnknownMetric> {
    let newest = || {
        let versions = DESCRIPTORS.iter().filter(|known| known.id.split('@').next() == Some(name));
        versions
            .max_by_key(|known| known.id.split('@').nth(1).and_then(|version| version.parse::<u32>().ok()))
    };
    Metric::from_id(name).map(Metric::descriptor).or_else(|error| newest().ok_or(error))
}

/// There is no metric of that id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric {id:?}")]
pub struct UnknownMetric {
    /// The id asked for.
    pub id: String,
    /// The known id nearest to it, when one is near enough to be a slip of the pen.
    pub nearest: Option<&'static str>,
}

impl UnknownMetric {
    /// What to do about it, ending with the list of known metrics.
    pub fn hints(&self) -> Vec<String> {
        let known: Vec<&str> = DESCRIPTORS.iter().map(|descriptor| descriptor.id).collect();
        let suggestion = self.nearest.map(|id| format!("did you mean {id:?}?"));
        suggestion.into_iter().chain([format!("the metrics are {}", known.join(", "))]).collect()
    }
}
