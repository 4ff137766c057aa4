//! `vbench.dynamic_degree@1`, `dynamic_degree@1`: whether a clip moves.
//!
//! # Definition
//!
//! Of n frames, eight a second, each is compared with the next by RAFT in 20 iterations; the mean length of the longest 5 % of its vectors
//! is how far the pair moves. A pair moves when that is more than `6 min(H, W) / 256` pixels. The clip moves, and has 1, when at
//! least `round(n / 4)` pairs move, a half rounded to the even number, and in `dynamic_degree` at least one; else it has 0. The mean over clips
//! is the share that moves.
//!
//! # Range and direction
//!
//! 0 or 1; describes. VBench takes more as better.
//!
//! # Input
//!
//! Every `max(1, round(fps / 8))`-th frame at native size, both sides at least 121 pixels; the border is repeated to multiples of 8, and the
//! vectors of the border count.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `dynamic_degree.py`; Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020.
//!
//! # Differences
//!
//! `vbench.dynamic_degree`: none that is meant. Of two frames no pair needs to move (`round(2 / 4)` is 0), so that a clip which stands still has 1: clips of up to
//! a quarter of a second, and those whose file says a frame rate many times the true one. `dynamic_degree` wants one pair that moves; of three frames and more
//! both are equal. A wrong frame rate in the file changes which frames are looked at, in both.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats
//! chroma and is about a level too dark, here chroma is interpolated. On the same frames the numbers agree to 1e-5; of
//! colourful files they may differ by a few percent.
//!
//! # Cost
//!
//! One pass of RAFT at native size for each pair of frames looked at; not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::Seen;

/// What `vbench.dynamic_degree@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.dynamic_degree@1",
    title: "whether a clip moves, to RAFT, as VBench has it",
    unit: "",
    direction: Direction::Descriptive,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &["raft"],
};

/// What `dynamic_degree@1` says about itself.
pub const CORRECTED_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "dynamic_degree@1",
    title: "whether a clip moves, to RAFT; a still clip never does",
    ..DESCRIPTOR
};

/// From how far each pair of frames moves, in pixels; `least` pairs have to move, however few there are.
pub(crate) fn measure(rows: &Rows, seen: Seen<'_>, least: usize) -> Result<Measured, MetricError> {
    /// Pixels that count as motion at a shorter side of 256.
    const PIXELS: f64 = 6.0;
    const SIDE: f64 = 256.0;
    let pairs = rows.count();
    if pairs == 0 {
        return Err(MetricError::TooFewFrames { frames: 1, needed: 2 });
    }
    let threshold = PIXELS * (seen.width.min(seen.height) as f64 / SIDE);
    // Python rounds a half to the even number.
    let needed = (4.0 * ((pairs + 1) as f64 / 16.0)).round_ties_even() as usize;
    let needed = needed.max(least);
    let moving = rows.values.iter().filter(|length| f64::from(**length) > threshold).count();
    Ok(Measured::value(f64::from(u8::from(moving >= needed))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::NoNets;

    fn moves_with(lengths: &[f32], least: usize) -> f64 {
        let seen = Seen { width: 832, height: 256, prompt: None, nets: &NoNets };
        measure(&Rows { dims: 1, values: lengths.to_vec() }, seen, least).unwrap().value
    }

    fn moves(lengths: &[f32]) -> f64 {
        moves_with(lengths, 0)
    }

    #[test]
    fn a_quarter_of_the_frames_have_to_move() {
        // 8 frames: 2 pairs of the 7.
        assert_eq!(moves(&[6.1, 6.1, 0.0, 0.0, 0.0, 0.0, 0.0]), 1.0);
        assert_eq!(moves(&[6.1, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 0.0);
    }

    #[test]
    fn a_still_clip_of_two_frames_moves_to_vbench_alone() {
        assert_eq!((moves_with(&[0.0], 0), moves_with(&[0.0], 1)), (1.0, 0.0));
        assert_eq!(moves_with(&[6.1], 1), 1.0);
        for lengths in [&[6.1, 0.0][..], &[0.0, 0.0], &[9.0, 0.0, 0.0, 0.0, 0.0], &[9.0, 9.0, 0.0, 0.0, 0.0]]
        {
            assert_eq!(moves_with(lengths, 0), moves_with(lengths, 1), "{lengths:?}");
        }
    }

    #[test]
    fn two_frames_always_move_and_halves_go_to_the_even_number_as_in_vbench() {
        assert_eq!(moves(&[0.0]), 1.0);
        // 6 frames: 1.5 becomes 2; 10 frames: 2.5 becomes 2.
        assert_eq!(moves(&[9.0, 0.0, 0.0, 0.0, 0.0]), 0.0);
        assert_eq!(moves(&[9.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 1.0);
    }
}
