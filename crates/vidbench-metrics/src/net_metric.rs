//! Metrics computed from net features of a clip.

use vidbench_core::{MetricDescriptor, MetricScore, Needs};

use crate::clip::metric_score;
use crate::extract::{Extraction, NetSource, Rows};
use crate::meter::Measured;
use crate::{
    MetricError, clip_temporal_consistency, clipsim, lpips, vbench_aesthetic_quality,
    vbench_appearance_style, vbench_consistency, vbench_dynamic_degree, vbench_human_action, vbench_i2v,
    vbench_imaging_quality, vbench_motion_smoothness, vbench_overall_consistency, vbench_temporal_flickering,
    warping_error,
};

/// A metric computed from net features of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetMetric {
    /// [`vbench_consistency`] of the background, each clip counted alike.
    BackgroundConsistency,
    /// [`clip_temporal_consistency`].
    ClipTemporalConsistency,
    /// [`clipsim`].
    Clipsim,
    /// [`vbench_dynamic_degree`], in which a still clip never moves.
    DynamicDegree,
    /// [`lpips`] on AlexNet.
    LpipsAlex,
    /// [`lpips`] on SqueezeNet.
    LpipsSqueeze,
    /// [`lpips`] on VGG-16.
    LpipsVgg,
    /// [`vbench_consistency`] of the subject, each clip counted alike.
    SubjectConsistency,
    /// [`vbench_aesthetic_quality`].
    VbenchAestheticQuality,
    /// [`vbench_appearance_style`].
    VbenchAppearanceStyle,
    /// [`vbench_consistency`] of the background.
    VbenchBackgroundConsistency,
    /// [`vbench_dynamic_degree`].
    VbenchDynamicDegree,
    /// [`vbench_human_action`].
    VbenchHumanAction,
    /// [`vbench_i2v`] of the subject.
    VbenchI2vSubject,
    /// [`vbench_imaging_quality`].
    VbenchImagingQuality,
    /// [`vbench_motion_smoothness`].
    VbenchMotionSmoothness,
    /// [`vbench_overall_consistency`].
    VbenchOverallConsistency,
    /// [`vbench_consistency`] of the subject.
    VbenchSubjectConsistency,
    /// [`vbench_temporal_flickering`].
    VbenchTemporalFlickering,
    /// [`vbench_overall_consistency`] on prompts of a style.
    VbenchTemporalStyle,
    /// [`warping_error`] by RAFT.
    WarpingErrorRaft,
}

/// What is known of a clip after its last frame, apart from its features.
#[derive(Debug, Clone, Copy)]
pub struct ClipContext<'a> {
    /// Width of the frames in pixels.
    pub width: usize,
    /// Height of the frames in pixels.
    pub height: usize,
    /// Frames of the clip.
    pub frames: usize,
    /// Frames per second that the file records.
    pub fps: Option<f64>,
    /// The prompt the clip was made for.
    pub prompt: Option<&'a str>,
    /// Nets for texts.
    pub nets: &'a dyn NetSource,
}

impl NetMetric {
    /// What it says about itself.
    pub const fn descriptor(self) -> &'static MetricDescriptor {
        match self {
            Self::BackgroundConsistency => &vbench_consistency::BACKGROUND_OF_CLIPS_DESCRIPTOR,
            Self::ClipTemporalConsistency => &clip_temporal_consistency::DESCRIPTOR,
            Self::Clipsim => &clipsim::DESCRIPTOR,
            Self::DynamicDegree => &vbench_dynamic_degree::CORRECTED_DESCRIPTOR,
            Self::LpipsAlex => &lpips::ALEX_DESCRIPTOR,
            Self::LpipsSqueeze => &lpips::SQUEEZE_DESCRIPTOR,
            Self::LpipsVgg => &lpips::VGG_DESCRIPTOR,
            Self::SubjectConsistency => &vbench_consistency::SUBJECT_OF_CLIPS_DESCRIPTOR,
            Self::VbenchAestheticQuality => &vbench_aesthetic_quality::DESCRIPTOR,
            Self::VbenchAppearanceStyle => &vbench_appearance_style::DESCRIPTOR,
            Self::VbenchBackgroundConsistency => &vbench_consistency::BACKGROUND_DESCRIPTOR,
            Self::VbenchDynamicDegree => &vbench_dynamic_degree::DESCRIPTOR,
            Self::VbenchHumanAction => &vbench_human_action::DESCRIPTOR,
            Self::VbenchI2vSubject => &vbench_i2v::SUBJECT_DESCRIPTOR,
            Self::VbenchImagingQuality => &vbench_imaging_quality::DESCRIPTOR,
            Self::VbenchMotionSmoothness => &vbench_motion_smoothness::DESCRIPTOR,
            Self::VbenchOverallConsistency => &vbench_overall_consistency::DESCRIPTOR,
            Self::VbenchSubjectConsistency => &vbench_consistency::SUBJECT_DESCRIPTOR,
            Self::VbenchTemporalFlickering => &vbench_temporal_flickering::DESCRIPTOR,
            Self::VbenchTemporalStyle => &vbench_overall_consistency::STYLE_DESCRIPTOR,
            Self::WarpingErrorRaft => &warping_error::RAFT_DESCRIPTOR,
        }
    }

    /// Whether it compares the clip with its reference.
    pub fn is_of_pair(self) -> bool {
        self.descriptor().needs == Needs::Pair
    }

    /// The extraction that it is computed from.
    pub fn extraction(self) -> Extraction {
        match self {
            Self::ClipTemporalConsistency | Self::Clipsim | Self::VbenchAppearanceStyle => {
                Extraction::ClipB32
            }
            Self::LpipsAlex => Extraction::LpipsAlex,
            Self::LpipsSqueeze => Extraction::LpipsSqueeze,
            Self::LpipsVgg => Extraction::LpipsVgg,
            Self::VbenchAestheticQuality => Extraction::AestheticVbench,
            Self::BackgroundConsistency | Self::VbenchBackgroundConsistency => Extraction::ClipB32Vbench,
            Self::DynamicDegree | Self::VbenchDynamicDegree => Extraction::RaftFastest,
            Self::VbenchImagingQuality => Extraction::MusiqVbench,
            Self::VbenchMotionSmoothness => Extraction::AmtMiddles,
            Self::VbenchHumanAction => Extraction::UmtVbench,
            Self::VbenchI2vSubject => Extraction::DinoI2v,
            Self::VbenchOverallConsistency | Self::VbenchTemporalStyle => Extraction::ViclipVbench,
            Self::SubjectConsistency | Self::VbenchSubjectConsistency => Extraction::DinoVbench,
            Self::VbenchTemporalFlickering => Extraction::RaftStill,
            Self::WarpingErrorRaft => Extraction::RaftWarping,
        }
    }

    /// The text net through which it sees the clip's prompt unchanged; `None` where it sees no prompt, or makes another
    /// text of it.
    pub fn text_net(self) -> Option<&'static str> {
        let sees_prompt =
            matches!(self, Self::Clipsim | Self::VbenchOverallConsistency | Self::VbenchTemporalStyle);
        self.descriptor().nets.iter().copied().find(|net| sees_prompt && net.ends_with("-text"))
    }

    /// The score for what [`Self::measure`] returned.
    pub fn score(self, measured: Result<Measured, MetricError>) -> MetricScore {
        metric_score(self.descriptor().metric_id(), measured)
    }

    /// The number, from the rows of its extraction.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn measure(self, rows: &Rows, context: ClipContext<'_>) -> Result<Measured, MetricError> {
        match self {
            Self::ClipTemporalConsistency => clip_temporal_consistency::measure(rows),
            Self::Clipsim => clipsim::measure(rows, context),
            Self::LpipsAlex | Self::LpipsSqueeze | Self::LpipsVgg => lpips::measure(rows),
            Self::VbenchAestheticQuality => vbench_aesthetic_quality::measure(rows),
            Self::VbenchAppearanceStyle => vbench_appearance_style::measure(rows, context),
            Self::BackgroundConsistency
            | Self::SubjectConsistency
            | Self::VbenchBackgroundConsistency
            | Self::VbenchSubjectConsistency => vbench_consistency::measure(rows),
            Self::DynamicDegree => vbench_dynamic_degree::measure(rows, context, 1),
            Self::VbenchDynamicDegree => vbench_dynamic_degree::measure(rows, context, 0),
            Self::VbenchHumanAction => vbench_human_action::measure(rows, context),
            Self::VbenchI2vSubject => vbench_i2v::measure(rows),
            Self::VbenchImagingQuality => vbench_imaging_quality::measure(rows),
            Self::VbenchOverallConsistency | Self::VbenchTemporalStyle => {
                vbench_overall_consistency::measure(rows, context)
            }
            Self::VbenchTemporalFlickering => vbench_temporal_flickering::measure(rows, context),
            Self::WarpingErrorRaft => warping_error::measure_rows(rows),
            Self::VbenchMotionSmoothness => vbench_motion_smoothness::measure(rows),
        }
    }
}

/// Cosine of the angle between two rows, in 64 bits. A row of length 0 has the cosine 0 with any other, as with torch's
/// `normalize`.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

/// The mean over frames, with a series from frame `first_frame` on.
pub(crate) fn mean_over_frames(values: &[f64], first_frame: u32) -> Measured {
    let value = values.iter().sum::<f64>() / values.len() as f64;
    Measured::with_series(value, first_frame, values.iter().map(|value| *value as f32).collect())
}

/// The rows as one number each; an error when there are none.
pub(crate) fn numbers(rows: &Rows, needed: usize) -> Result<Vec<f64>, MetricError> {
    if rows.values.is_empty() {
        return Err(MetricError::TooFewFrames { frames: needed.saturating_sub(1), needed });
    }
    Ok(rows.values.iter().map(|value| f64::from(*value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_does_not_depend_on_lengths() {
        assert!((cosine(&[3.0, 0.0], &[1.0, 1.0]) - 0.5_f64.sqrt()).abs() < 1e-15);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
    }
}
