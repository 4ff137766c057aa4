//! Metrics of one clip by name: the only place that turns a [`ClipMetric`] into its meter.

use vidbench_core::{FramesU8, MetricScore, Score};

use crate::meter::{Channels, ClipMeter, Measured, PairMeter, measure_clip};
use crate::{
    ClipMetric, MetricError, PairMetric, colourfulness, frame_difference, motion_magnitude, ms_ssim, psnr,
    shape_adherence, sharpness, ssim, still_share, temporal_flickering, vmaf, warping_error,
};

impl ClipMetric {
    /// Begins to measure a clip; `prompt` is what the clip was made for.
    pub fn meter(self, prompt: Option<&str>) -> Box<dyn ClipMeter> {
        match self {
            Self::BlackShare => Box::new(still_share::Meter::new(still_share::Kind::Black)),
            Self::Colourfulness => Box::new(colourfulness::Meter::default()),
            Self::DuplicateShare => Box::new(still_share::Meter::new(still_share::Kind::Duplicate)),
            Self::FrameDifference(statistic) => Box::new(frame_difference::Meter::new(statistic)),
            Self::FrozenShare => Box::new(still_share::Meter::new(still_share::Kind::Frozen)),
            Self::MotionMagnitude => Box::new(motion_magnitude::Meter::default()),
            Self::ShapeAdherence => Box::new(shape_adherence::Meter::new(prompt)),
            Self::Sharpness => Box::new(sharpness::Meter::default()),
            Self::TemporalFlickering => Box::new(temporal_flickering::Meter::default()),
            Self::WarpingError => Box::new(warping_error::Meter::default()),
        }
    }

    /// The score for what its meter measured.
    pub fn score(self, measured: Result<Measured, MetricError>) -> MetricScore {
        metric_score(self.descriptor().metric_id(), measured)
    }
}

impl PairMetric {
    /// Begins to measure a pair of clips.
    pub fn meter(self) -> Box<dyn PairMeter> {
        match self {
            Self::MsSsim => Box::new(ms_ssim::Meter::new(Channels::Rgb)),
            Self::MsSsimLuma => Box::new(ms_ssim::Meter::new(Channels::Luma)),
            Self::Psnr => Box::new(psnr::Meter::new(Channels::Rgb)),
            Self::PsnrLuma => Box::new(psnr::Meter::new(Channels::Luma)),
            Self::PsnrPooled => Box::new(psnr::PooledMeter::default()),
            Self::Ssim => Box::new(ssim::Meter::new(Channels::Rgb)),
            Self::SsimLuma => Box::new(ssim::Meter::new(Channels::Luma)),
            Self::Vmaf => Box::new(vmaf::Meter::default()),
        }
    }

    /// The score for what its meter measured.
    pub fn score(self, measured: Result<Measured, MetricError>) -> MetricScore {
        metric_score(self.descriptor().metric_id(), measured)
    }
}

pub(crate) fn metric_score(
    metric: vidbench_core::MetricId,
    measured: Result<Measured, MetricError>,
) -> MetricScore {
    match measured {
        Ok(Measured { value, series, note }) => {
            MetricScore { metric, score: Score::from_value(value), series, note }
        }
        Err(error) => MetricScore::new(metric, error.into()),
    }
}

/// Scores one clip. A metric that cannot be computed is reported as not available, with the reason; no input panics.
///
/// `frames` are `[T, H, W, 3]`, sRGB, full range, as decoded; `prompt` is what the clip was made for.
pub fn score_clip(metric: ClipMetric, frames: &FramesU8, prompt: Option<&str>) -> Score {
    metric.score(measure_clip(metric.meter(prompt), frames)).score
}

/// Checks that the clip has `needed` frames.
pub(crate) fn check_frames(frames: usize, needed: usize) -> Result<(), MetricError> {
    if frames < needed { Err(MetricError::TooFewFrames { frames, needed }) } else { Ok(()) }
}

/// Checks that the frames have pixels. Decoded frames always do.
pub(crate) fn check_pixels(frames: &FramesU8) -> Result<(), MetricError> {
    let (width, height) = (frames.width(), frames.height());
    if frames.frame_len() == 0 { Err(MetricError::NoPixels { width, height }) } else { Ok(()) }
}
