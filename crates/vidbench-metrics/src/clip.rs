//! Clip metrics by name: the one place that leads from a [`ClipMetric`] to its function.

use vidbench_core::{FramesU8, Score};

use crate::{ClipMetric, MetricError, motion_magnitude, shape_adherence, temporal_flickering};

/// Scores one clip. What cannot be computed is not available, with the reason; no input panics.
///
/// `frames` are `[T, H, W, 3]`, sRGB, full range, as decoded; `prompt` is what the clip was made for.
pub fn score_clip(metric: ClipMetric, frames: &FramesU8, prompt: Option<&str>) -> Score {
    let value = match metric {
        ClipMetric::MotionMagnitude => motion_magnitude::motion_magnitude(frames),
        ClipMetric::ShapeAdherence => shape_adherence::shape_adherence(frames, prompt),
        ClipMetric::TemporalFlickering => temporal_flickering::temporal_flickering(frames),
    };
    value.map_or_else(Score::from, Score::from_value)
}

/// Consecutive frames, each `[H, W, 3]`: at least one pair, each frame with at least one pixel.
///
/// # Errors
///
/// [`MetricError::NoPixels`] and [`MetricError::TooFewFrames`].
pub fn frame_pairs(frames: &FramesU8) -> Result<impl ExactSizeIterator<Item = (&[u8], &[u8])>, MetricError> {
    check_measurable(frames, 2)?;
    Ok(frames.iter().zip(frames.iter().skip(1)))
}

/// The clip has `needed` frames with pixels.
pub(crate) fn check_measurable(frames: &FramesU8, needed: usize) -> Result<(), MetricError> {
    if frames.count() < needed {
        return Err(MetricError::TooFewFrames { frames: frames.count(), needed });
    }
    if frames.frame_len() == 0 {
        return Err(MetricError::NoPixels { width: frames.width(), height: frames.height() });
    }
    Ok(())
}
