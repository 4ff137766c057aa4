//! `vbench.subject_consistency@1`, `vbench.background_consistency@1`, `subject_consistency@1`,
//! `background_consistency@1`: how much the frames look alike, as seen by a net.
//!
//! # Definition
//!
//! `f[t]` is the net's output for frame t. Cosines below 0 count as 0:
//!
//! `mean over t >= 1 of (cos(f[t-1], f[t]) + cos(f[0], f[t])) / 2`
//!
//! The net is DINO ViT-B/16 (its class token) for the subject and CLIP ViT-B/32 for the background.
//!
//! Over several clips, the `vbench.*` metrics take the mean over the pairs of frames of all clips, so that a longer
//! clip counts for more; the other two take the mean over clips, each of which counts equally.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. A clip that stands still has 1, so read the value together with `vbench.dynamic_degree`.
//!
//! # Input
//!
//! All frames, at least two. DINO: the shorter side resized to 224, bilinear, no antialiasing, not cropped; ImageNet's
//! mean and deviation. CLIP: the shorter side resized to 224, bicubic (a = -0.75), no antialiasing, not clamped; then
//! cropped to the middle square; CLIP's mean and deviation.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at
//! commit 45e79ec, `subject_consistency.py` and `background_consistency.py`, run on the CPU.
//!
//! # Differences
//!
//! For a single clip, both ids of a dimension give the same value; they differ only in the mean over clips. `vbench.*`
//! is VBench's headline value on one GPU, which goes into its totals: a clip of 161 frames counts ten times as much as
//! one of 17. On several GPUs VBench counts clips equally for the subject, and by frames for the background.
//! `subject_consistency@1` and `background_consistency@1` count clips equally, as the mean of every other dimension
//! does; no value here depends on how many GPUs share the work. On GPUs VBench runs CLIP in 16-bit floats.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, both numbers agree with VBench's to 8e-8; on
//! three colourful H.264 clips the subject's differs by 0.12 % on average and at most 0.33 %, and the background's by
//! 0.08 % on average and at most 0.17 %. This is up to a tenth of the distance from the value to 1.
//!
//! # Cost
//!
//! On one core about 0.7 s per frame of 832x480 for DINO and 0.1 s for CLIP.

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
    "similarity of frames (CLIP), as in VBench",
    &["clip-vit-b32-vision"],
);
/// What `vbench.subject_consistency@1` says about itself.
pub const SUBJECT_DESCRIPTOR: MetricDescriptor =
    descriptor("vbench.subject_consistency@1", "similarity of frames (DINO), as in VBench", &["dino-vitb16"]);

/// What `background_consistency@1` says about itself.
pub const BACKGROUND_OF_CLIPS_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "background_consistency@1",
    title: "similarity of frames (CLIP), each clip weighted equally",
    aggregate: Aggregate::ClipMean,
    ..BACKGROUND_DESCRIPTOR
};
/// What `subject_consistency@1` says about itself.
pub const SUBJECT_OF_CLIPS_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "subject_consistency@1",
    title: "similarity of frames (DINO), each clip weighted equally",
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
