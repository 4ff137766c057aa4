//! Every metric by its id.

use vidbench_core::{MetricDescriptor, nearest};

use crate::frame_difference::Statistic;
use crate::net_metric::NetMetric;
use crate::net_set_metric::NetSetMetric;
use crate::{
    colourfulness, density_coverage, frame_difference, frechet_distance, frechet_infinity, frechet_shapes,
    inception_score, kernel_distance, mmd_polynomial, motion_magnitude, ms_ssim, precision_recall, psnr,
    shape_adherence, sharpness, ssim, still_share, temporal_flickering, vmaf, warping_error,
};

/// What every metric says about itself, in the order of [`Metric::ALL`].
pub const DESCRIPTORS: &[MetricDescriptor] = &descriptors();

const fn descriptors() -> [MetricDescriptor; Metric::ALL.len()] {
    let mut all = [*Metric::ALL[0].descriptor(); Metric::ALL.len()];
    let mut at = 1;
    // Iterators do not work in constants yet.
    while at < all.len() {
        all[at] = *Metric::ALL[at].descriptor();
        at += 1;
    }
    all
}

/// A metric, by what it is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// A number about one clip.
    Clip(ClipMetric),
    /// A number about a clip and its reference.
    Pair(PairMetric),
    /// A number about a set of clips.
    Set(SetMetric),
    /// A number about features that are given.
    Feature(FeatureMetric),
    /// A number computed from net features of one clip, or of a clip and its reference.
    Net(NetMetric),
    /// A number computed from net features of a set of clips.
    NetSet(NetSetMetric),
}

/// A metric of one clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipMetric {
    /// [`still_share`], black frames.
    BlackShare,
    /// [`colourfulness`].
    Colourfulness,
    /// [`still_share`], frames equal to the one before.
    DuplicateShare,
    /// [`frame_difference`].
    FrameDifference(Statistic),
    /// [`still_share`], frames that hardly differ from the one before.
    FrozenShare,
    /// [`motion_magnitude`].
    MotionMagnitude,
    /// [`shape_adherence`].
    ShapeAdherence,
    /// [`sharpness`].
    Sharpness,
    /// [`temporal_flickering`].
    TemporalFlickering,
    /// [`warping_error`].
    WarpingError,
}

/// A metric of a clip and its reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairMetric {
    /// [`ms_ssim`] of R, G and B.
    MsSsim,
    /// [`ms_ssim`] of luma.
    MsSsimLuma,
    /// [`psnr`] of R, G and B, mean over frames.
    Psnr,
    /// [`psnr`] of luma.
    PsnrLuma,
    /// [`psnr`] of R, G and B, error pooled over frames.
    PsnrPooled,
    /// [`ssim`] of R, G and B.
    Ssim,
    /// [`ssim`] of luma.
    SsimLuma,
    /// [`vmaf`].
    Vmaf,
}

/// A metric of a set of clips against a reference set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetMetric {
    /// [`frechet_shapes`].
    FrechetShapes,
}

/// A metric of features that are given, whatever net they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeatureMetric {
    /// [`density_coverage`].
    Coverage,
    /// [`density_coverage`].
    Density,
    /// [`mod@frechet_distance`], covariances over N - 1.
    FrechetDistance,
    /// [`mod@frechet_distance`], covariances over N.
    FrechetDistanceBiased,
    /// [`frechet_infinity`].
    FrechetInfinity,
    /// [`inception_score`].
    InceptionScore,
    /// [`kernel_distance`].
    KernelDistance,
    /// [`mmd_polynomial`].
    MmdPolynomial,
    /// [`precision_recall`].
    Precision,
    /// [`precision_recall`].
    Recall,
}

impl Metric {
    /// Every metric, sorted by id.
    pub const ALL: [Self; 63] = [
        Self::Net(NetMetric::BackgroundConsistency),
        Self::Clip(ClipMetric::BlackShare),
        Self::Net(NetMetric::ClipTemporalConsistency),
        Self::Net(NetMetric::Clipsim),
        Self::Clip(ClipMetric::Colourfulness),
        Self::Clip(ClipMetric::DuplicateShare),
        Self::Net(NetMetric::DynamicDegree),
        Self::Feature(FeatureMetric::Coverage),
        Self::Feature(FeatureMetric::Density),
        Self::Feature(FeatureMetric::Precision),
        Self::Feature(FeatureMetric::Recall),
        Self::NetSet(NetSetMetric::FidClean),
        Self::NetSet(NetSetMetric::FidPytorch),
        Self::NetSet(NetSetMetric::FidTensorflow),
        Self::Clip(ClipMetric::FrameDifference(Statistic::Max)),
        Self::Clip(ClipMetric::FrameDifference(Statistic::Mean)),
        Self::Clip(ClipMetric::FrameDifference(Statistic::Sd)),
        Self::Feature(FeatureMetric::FrechetDistanceBiased),
        Self::Feature(FeatureMetric::FrechetDistance),
        Self::Feature(FeatureMetric::FrechetInfinity),
        Self::Set(SetMetric::FrechetShapes),
        Self::Clip(ClipMetric::FrozenShare),
        Self::NetSet(NetSetMetric::FvdCdfvd),
        Self::NetSet(NetSetMetric::FvdVideomae),
        Self::NetSet(NetSetMetric::FvdCommonMetrics),
        Self::NetSet(NetSetMetric::FvdStyleganv),
        Self::NetSet(NetSetMetric::FvdVideogpt),
        Self::NetSet(NetSetMetric::FvdInfinity),
        Self::NetSet(NetSetMetric::InceptionScoreC3d),
        Self::Feature(FeatureMetric::InceptionScore),
        Self::Feature(FeatureMetric::KernelDistance),
        Self::NetSet(NetSetMetric::Kvd),
        Self::Net(NetMetric::LpipsAlex),
        Self::Net(NetMetric::LpipsSqueeze),
        Self::Net(NetMetric::LpipsVgg),
        Self::Feature(FeatureMetric::MmdPolynomial),
        Self::Clip(ClipMetric::MotionMagnitude),
        Self::Pair(PairMetric::MsSsim),
        Self::Pair(PairMetric::MsSsimLuma),
        Self::Pair(PairMetric::PsnrPooled),
        Self::Pair(PairMetric::Psnr),
        Self::Pair(PairMetric::PsnrLuma),
        Self::Clip(ClipMetric::ShapeAdherence),
        Self::Clip(ClipMetric::Sharpness),
        Self::Pair(PairMetric::Ssim),
        Self::Pair(PairMetric::SsimLuma),
        Self::Net(NetMetric::SubjectConsistency),
        Self::Clip(ClipMetric::TemporalFlickering),
        Self::Net(NetMetric::VbenchAestheticQuality),
        Self::Net(NetMetric::VbenchAppearanceStyle),
        Self::Net(NetMetric::VbenchBackgroundConsistency),
        Self::Net(NetMetric::VbenchDynamicDegree),
        Self::Net(NetMetric::VbenchHumanAction),
        Self::Net(NetMetric::VbenchImagingQuality),
        Self::Net(NetMetric::VbenchMotionSmoothness),
        Self::Net(NetMetric::VbenchOverallConsistency),
        Self::Net(NetMetric::VbenchSubjectConsistency),
        Self::Net(NetMetric::VbenchTemporalFlickering),
        Self::Net(NetMetric::VbenchTemporalStyle),
        Self::Net(NetMetric::VbenchI2vSubject),
        Self::Pair(PairMetric::Vmaf),
        Self::Clip(ClipMetric::WarpingError),
        Self::Net(NetMetric::WarpingErrorRaft),
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

    /// The metric, if it is a set metric.
    pub fn set(self) -> Option<SetMetric> {
        match self {
            Self::Set(metric) => Some(metric),
            Self::Clip(_) | Self::Pair(_) | Self::Feature(_) | Self::Net(_) | Self::NetSet(_) => None,
        }
    }

    /// The metric, if it is computed from net features of a set.
    pub fn net_set(self) -> Option<NetSetMetric> {
        match self {
            Self::NetSet(metric) => Some(metric),
            Self::Clip(_) | Self::Pair(_) | Self::Set(_) | Self::Feature(_) | Self::Net(_) => None,
        }
    }

    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::Clip(metric) => metric.descriptor(),
            Self::Pair(metric) => metric.descriptor(),
            Self::Set(metric) => metric.descriptor(),
            Self::Feature(metric) => metric.descriptor(),
            Self::Net(metric) => metric.descriptor(),
            Self::NetSet(metric) => metric.descriptor(),
        }
    }
}

impl ClipMetric {
    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::BlackShare => &still_share::BLACK_DESCRIPTOR,
            Self::Colourfulness => &colourfulness::DESCRIPTOR,
            Self::DuplicateShare => &still_share::DUPLICATE_DESCRIPTOR,
            Self::FrameDifference(Statistic::Mean) => &frame_difference::MEAN_DESCRIPTOR,
            Self::FrameDifference(Statistic::Sd) => &frame_difference::SD_DESCRIPTOR,
            Self::FrameDifference(Statistic::Max) => &frame_difference::MAX_DESCRIPTOR,
            Self::FrozenShare => &still_share::FROZEN_DESCRIPTOR,
            Self::MotionMagnitude => &motion_magnitude::DESCRIPTOR,
            Self::ShapeAdherence => &shape_adherence::DESCRIPTOR,
            Self::Sharpness => &sharpness::DESCRIPTOR,
            Self::TemporalFlickering => &temporal_flickering::DESCRIPTOR,
            Self::WarpingError => &warping_error::DESCRIPTOR,
        }
    }
}

impl PairMetric {
    /// Whether it compares luma as the files store it.
    pub fn is_of_luma(self) -> bool {
        match self {
            Self::MsSsimLuma | Self::PsnrLuma | Self::SsimLuma | Self::Vmaf => true,
            Self::MsSsim | Self::Psnr | Self::PsnrPooled | Self::Ssim => false,
        }
    }

    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::MsSsim => &ms_ssim::DESCRIPTOR,
            Self::MsSsimLuma => &ms_ssim::LUMA_DESCRIPTOR,
            Self::Psnr => &psnr::DESCRIPTOR,
            Self::PsnrLuma => &psnr::LUMA_DESCRIPTOR,
            Self::PsnrPooled => &psnr::POOLED_DESCRIPTOR,
            Self::Ssim => &ssim::DESCRIPTOR,
            Self::SsimLuma => &ssim::LUMA_DESCRIPTOR,
            Self::Vmaf => &vmaf::DESCRIPTOR,
        }
    }
}

impl SetMetric {
    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::FrechetShapes => &frechet_shapes::DESCRIPTOR,
        }
    }
}

impl FeatureMetric {
    /// Every metric of features, sorted by id.
    pub const ALL: [Self; 10] = [
        Self::Coverage,
        Self::Density,
        Self::Precision,
        Self::Recall,
        Self::FrechetDistanceBiased,
        Self::FrechetDistance,
        Self::FrechetInfinity,
        Self::InceptionScore,
        Self::KernelDistance,
        Self::MmdPolynomial,
    ];

    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::Coverage => &density_coverage::COVERAGE_DESCRIPTOR,
            Self::Density => &density_coverage::DENSITY_DESCRIPTOR,
            Self::FrechetDistance => &frechet_distance::DESCRIPTOR,
            Self::FrechetDistanceBiased => &frechet_distance::BIASED_DESCRIPTOR,
            Self::FrechetInfinity => &frechet_infinity::DESCRIPTOR,
            Self::InceptionScore => &inception_score::DESCRIPTOR,
            Self::KernelDistance => &kernel_distance::DESCRIPTOR,
            Self::MmdPolynomial => &mmd_polynomial::DESCRIPTOR,
            Self::Precision => &precision_recall::PRECISION_DESCRIPTOR,
            Self::Recall => &precision_recall::RECALL_DESCRIPTOR,
        }
    }

    /// Whether it compares two sets; otherwise it looks at the generated one alone.
    pub fn compares(self) -> bool {
        self != Self::InceptionScore
    }
}

/// The descriptor of that id; if `name` has no version, the descriptor of the newest one.
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
    /// The known id nearest to it, if it is near enough to be what was meant.
    pub nearest: Option<&'static str>,
}

impl UnknownMetric {
    /// What to do about it; the last hint says where all metrics are listed.
    pub fn hints(&self) -> Vec<String> {
        let known: Vec<&str> = DESCRIPTORS.iter().map(|descriptor| descriptor.id).collect();
        let of_family = |id: &&&str| id.strip_prefix(&self.id).is_some_and(|rest| rest.starts_with('.'));
        let ways: Vec<&str> = known.iter().filter(of_family).copied().collect();
        let suggestion = match (ways.as_slice(), self.nearest) {
            ([], nearest) => nearest.map(|id| format!("did you mean {id:?}?")),
            (ways, _) => {
                Some(format!("{} is a family; name one or more of its metrics: {}", self.id, ways.join(", ")))
            }
        };
        // A user who names a family has no use for all the other metrics.
        if !ways.is_empty() {
            return suggestion.into_iter().collect();
        }
        suggestion.into_iter().chain([format!("`vidbench list metrics` shows all {}", known.len())]).collect()
    }
}
