//! `vbench.temporal_flickering@1`: how steady brightness and colour are in a clip that should not move.
//!
//! # Definition
//!
//! VBench's static filter comes first. RAFT, in 20 iterations, computes the flow between consecutive frames, from the
//! first frame to the last, and from the last to the first. The movement of a pair is the mean length of the longest
//! 2 % of its flow vectors. In a clip of n frames, at most `round(n / 8)` consecutive pairs (halves are rounded to the
//! even number) may move more than `3 min(H, W) / 256` pixels, and the pairs of first and last frame no more than
//! `2 round(n / 8)` times as far. A clip that moves more has no score. A clip that stands still has
//! `1 - mean |F[t+1] - F[t]| / 255`, as in `temporal_flickering`.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. The mean over clips covers only those that stand still; the number of clips that do not is
//! given with it.
//!
//! # Input
//!
//! All frames at native size, at least two, both sides at least 121 pixels; for the flow, frames are padded to
//! multiples of 8 by repeating the border.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `static_filter.py` and `temporal_flickering.py`.
//!
//! # Differences
//!
//! VBench takes the first five clips of each prompt that stand still and renumbers them; here every clip is considered.
//!
//! Tested on the same frames with the same random weights, with flows made first short enough for a clip to pass and
//! then too long, the filter passes and rejects the same clips as VBench's, and the value agrees with VBench's to
//! 1e-10.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion.
//!
//! # Cost
//!
//! One pass of RAFT at native size for each frame; not timed yet. `temporal_flickering` needs no net.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::{ClipContext, mean_over_frames};

/// What `vbench.temporal_flickering@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.temporal_flickering@1",
    title: "frame-to-frame stability of static clips (RAFT), as in VBench",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &["raft"],
};

/// From the length and the difference of each pair; the pairs of first and last frame are at the end. The series begins
/// at frame 1.
pub(crate) fn measure(rows: &Rows, context: ClipContext<'_>) -> Result<Measured, MetricError> {
    let pairs: Vec<[f32; 2]> = rows.values.as_chunks().0.to_vec();
    let Some((consecutive, ends)) = pairs.split_last_chunk::<2>() else {
        return Err(MetricError::TooFewFrames { frames: 1, needed: 2 });
    };
    if moves(consecutive, ends, context) {
        return Err(MetricError::Unfit {
            reason: "the clip moves, and VBench measures only static clips".into(),
        });
    }
    let still: Vec<f64> =
        consecutive.iter().map(|[_, difference]| 1.0 - f64::from(*difference) / 255.0).collect();
    Ok(mean_over_frames(&still, 1))
}

fn moves(consecutive: &[[f32; 2]], ends: &[[f32; 2]; 2], context: ClipContext<'_>) -> bool {
    /// Pixels that count as motion at a shorter side of 256.
    const PIXELS: f64 = 3.0;
    const SIDE: f64 = 256.0;
    let threshold = PIXELS * (context.width.min(context.height) as f64 / SIDE);
    // Python rounds a half to the even number.
    let allowed = (2.0 * ((consecutive.len() + 1) as f64 / 16.0)).round_ties_even();
    let moving = consecutive.iter().filter(|[length, _]| f64::from(*length) > threshold).count();
    let apart = ends.iter().any(|[length, _]| f64::from(*length) > threshold * allowed * 2.0);
    moving as f64 > allowed || apart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::NoNets;

    fn score(lengths: &[f32]) -> Result<f64, MetricError> {
        let context =
            ClipContext { width: 256, height: 300, frames: 5, fps: None, prompt: None, nets: &NoNets };
        let values = lengths.iter().flat_map(|length| [*length, 51.0]).collect();
        measure(&Rows::new(2, values), context).map(|measured| measured.value)
    }

    #[test]
    fn an_eighth_of_the_frames_may_move_and_first_and_last_not_far() {
        // 8 frames: one of the 7 pairs may move, and the ends by twice 3 pixels.
        assert!((score(&[9.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0]).unwrap() - 0.8).abs() < 1e-12);
        assert!(score(&[9.0, 3.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).is_err());
        assert!(score(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.1]).is_err());
    }

    #[test]
    fn one_frame_has_no_score() {
        assert_eq!(score(&[]), Err(MetricError::TooFewFrames { frames: 1, needed: 2 }));
    }
}
