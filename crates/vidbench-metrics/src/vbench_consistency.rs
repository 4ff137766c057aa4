//! `vbench.subject_consistency@1`, `vbench.background_consistency@1`, `subject_consistency@1`, `background_consistency@1`: how much frames look alike to a net.
//!
//! # Definition
//!
//! With `f[t]` what the net gives of frame t, and cosines below 0 taken as 0:
//!
//! `mean over t >= 1 of (cos(f[t-1], f[t]) + cos(f[0], f[t])) / 2`
//!
//! The subject is looked at by DINO ViT-B/16 (its class token), the background by CLIP ViT-B/32.
//!
//! Over clips: of `vbench.*` the mean over the pairs of frames of all of them, so that a longer clip counts for more; of the others the mean
//! over clips, each of which counts alike.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. 1 is a clip that stands still: read it beside `vbench.dynamic_degree`.
//!
//! # Input
//!
//! All frames, at least two. DINO: the shorter side to 224, bilinear, no antialias, nothing cut off, ImageNet's mean and deviation.
//! CLIP: the shorter side to 224, bicubic (a = -0.75), no antialias, not clamped, then the middle, CLIP's mean and deviation.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `subject_consistency.py` and `background_consistency.py`, on the processor.
//!
//! # Differences
//!
//! A clip's number is one, whichever id it has; they differ over clips. `vbench.*` is VBench's headline on one GPU, which goes into its
//! totals: a clip of 161 frames counts ten times as much as one of 17. On several GPUs VBench counts clips alike for the subject, and by frames for the
//! background. `subject_consistency@1` and `background_consistency@1` count clips alike, as the mean of every other dimension does; no
//! number here depends on how many share the work. On GPUs VBench runs CLIP in 16-bit floats.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats chroma and is
//! about a level too dark, here chroma is interpolated unless `--pixels swscale` asks for theirs. On the same frames, with the same
//! random weights, both numbers agree with VBench's to 8e-8; of three colourful H.264 clips the subject's differs by 0.12 % on the
//! mean, at most 0.33 %, and the background's by 0.08 %, at most 0.17 %. Of what they lack of 1 that is up to a tenth.
//!
//! # Cost
//!
//! On one core about 0.7 s a frame of 832x480 for DINO and 0.1 s for CLIP.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::{cosine, mean_over_frames};

const fn descriptor(
    id: &'static str,
    title: &'static str,
    nets: &'static [&'static str],
) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::HigherIsBetter,
        range: (Some(0.0), Some(1.0)),
        needs: Needs::Clip,
        aggregate: Aggregate::FrameMean,
        nets,
    }
}

/// What `vbench.background_consistency@1` says about itself.
pub const BACKGROUND_DESCRIPTOR: MetricDescriptor = descriptor(
    "vbench.background_consistency@1",
    "likeness of frames to CLIP, as VBench has it",
    &["clip-vit-b32-vision"],
);
/// What `vbench.subject_consistency@1` says about itself.
pub const SUBJECT_DESCRIPTOR: MetricDescriptor = descriptor(
    "vbench.subject_consistency@1",
    "likeness of frames to DINO, as VBench has it",
    &["dino-vitb16"],
);

/// What `background_consistency@1` says about itself.
pub const BACKGROUND_OF_CLIPS_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "background_consistency@1",
    title: "likeness of frames to CLIP, each clip counted alike",
    aggregate: Aggregate::ClipMean,
    ..BACKGROUND_DESCRIPTOR
};
/// What `subject_consistency@1` says about itself.
pub const SUBJECT_OF_CLIPS_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "subject_consistency@1",
    title: "likeness of frames to DINO, each clip counted alike",
    aggregate: Aggregate::ClipMean,
    ..SUBJECT_DESCRIPTOR
};

/// From one row per frame. The series begins at frame 1.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    let mut frames = rows.iter();
    let (Some(first), true) = (frames.next(), rows.count() > 1) else {
        return Err(MetricError::TooFewFrames { frames: rows.count(), needed: 2 });
    };
    let mut previous = first;
    let alike = frames.map(|frame| {
        let (before, begin) = (cosine(previous, frame).max(0.0), cosine(first, frame).max(0.0));
        previous = frame;
        (before + begin) / 2.0
    });
    Ok(mean_over_frames(&alike.collect::<Vec<_>>(), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> Result<f64, MetricError> {
        measure(&Rows::new(2, values.to_vec())).map(|measured| measured.value)
    }

    #[test]
    fn frames_are_compared_with_the_one_before_and_with_the_first() {
        let alike = of(&[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]).unwrap();
        let half = 0.5_f64.sqrt();
        assert!((alike - ((half + half) / 2.0 + (half + 0.0) / 2.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn an_opposite_counts_as_nothing_and_one_frame_has_no_number() {
        assert_eq!(of(&[1.0, 0.0, -1.0, 0.0]), Ok(0.0));
        assert_eq!(of(&[1.0, 0.0]), Err(MetricError::TooFewFrames { frames: 1, needed: 2 }));
    }
}
