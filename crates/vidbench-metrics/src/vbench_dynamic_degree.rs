//! `vbench.dynamic_degree@1`, `dynamic_degree@1`: whether a clip moves.
//!
//! # Definition
//!
//! The clip is sampled to n frames, eight per second. RAFT, in 20 iterations, computes the flow from each sampled frame
//! to the next. The movement of a pair is the mean length of the longest 5 % of its flow vectors, and a pair moves when
//! its movement is more than `6 min(H, W) / 256` pixels. The clip moves, and has 1, when at least `round(n / 4)` pairs
//! move (halves are rounded to the even number); `dynamic_degree` also requires at least one moving pair. Any other
//! clip has 0. The mean over clips is the share of clips that move.
//!
//! # Range and direction
//!
//! 0 or 1; descriptive. VBench treats a higher value as better.
//!
//! # Input
//!
//! Every `max(1, round(fps / 8))`-th frame at native size, both sides at least 121 pixels. Frames are padded to
//! multiples of 8 by repeating the border, and flow vectors in the padding count.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `dynamic_degree.py`; Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020.
//!
//! # Differences
//!
//! `vbench.dynamic_degree` has no intended differences. With two frames no pair needs to move (`round(2 / 4)` is 0), so
//! a clip that stands still has 1. This affects clips of up to a quarter of a second, and clips whose file states a
//! frame rate many times the true one. `dynamic_degree` requires one pair that moves; with three frames or more the two
//! metrics are equal. For both, a wrong frame rate in the file changes which frames are sampled.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. With the same random weights, both as they are and adjusted to give short flows, four clips
//! have the same value as in VBench, on the same frames and from H.264 files. With the short flows, the movement of a
//! pair differs by 0.5 % on average and at most 1.1 % for three colourful H.264 clips.
//!
//! # Cost
//!
//! One pass of RAFT at native size for each pair of frames, until the answer is certain: after a quarter of the pairs
//! where all of them move, after three quarters where none does. The clip is decoded a second time, without colours, to
//! count its frames.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::ClipContext;

/// What `vbench.dynamic_degree@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.dynamic_degree@1",
    title: "whether a clip moves (RAFT), as in VBench",
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
    title: "whether a clip moves (RAFT); a still clip never does",
    ..DESCRIPTOR
};

/// What a clip needs to count as moving.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion {
    /// How many pairs of frames there are to look at.
    pairs: usize,
    /// How many of them have to move.
    needed: usize,
    /// Length in pixels beyond which a pair moves.
    threshold: f64,
}

impl Motion {
    /// For a clip of `frames` frames, at the rate that its file states, if it states one.
    pub(crate) fn of(width: usize, height: usize, frames: usize, fps: Option<f64>) -> Self {
        /// Pixels that count as motion at a shorter side of 256.
        const PIXELS: f64 = 6.0;
        const SIDE: f64 = 256.0;
        let looked_at = frames.div_ceil(interval(fps));
        Self {
            pairs: looked_at.saturating_sub(1),
            // Python rounds a half to the even number.
            needed: (4.0 * (looked_at as f64 / 16.0)).round_ties_even() as usize,
            threshold: PIXELS * (width.min(height) as f64 / SIDE),
        }
    }

    /// The same, but at least `least` pairs have to move.
    pub(crate) fn at_least(self, least: usize) -> Self {
        Self { needed: self.needed.max(least), ..self }
    }

    /// Whether a clip moves whose first pairs have these lengths, in pixels; `None` while the other pairs may still
    /// decide it.
    pub(crate) fn of_pairs(&self, lengths: &[f32]) -> Option<bool> {
        let moving = lengths.iter().filter(|length| f64::from(**length) > self.threshold).count();
        let left = self.pairs.saturating_sub(lengths.len());
        match moving >= self.needed {
            true => Some(true),
            false => (moving + left < self.needed).then_some(false),
        }
    }
}

/// The distance between frames that are looked at, for eight per second. If a file states no rate, every frame is
/// looked at, because OpenCV reports 0 for it.
pub(crate) fn interval(fps: Option<f64>) -> usize {
    const FRAMES_A_SECOND: f64 = 8.0;
    (fps.unwrap_or(0.0) / FRAMES_A_SECOND).round_ties_even().max(1.0) as usize
}

/// From the lengths, in pixels, of as many first pairs of frames as decide the answer; at least `least` pairs have to
/// move.
pub(crate) fn measure(rows: &Rows, context: ClipContext<'_>, least: usize) -> Result<Measured, MetricError> {
    let motion = Motion::of(context.width, context.height, context.frames, context.fps).at_least(least);
    let moves = motion.of_pairs(&rows.values).filter(|_| motion.pairs > 0);
    let moves = moves.ok_or(MetricError::TooFewFrames { frames: context.frames, needed: 2 })?;
    Ok(Measured::value(f64::from(u8::from(moves))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::NoNets;

    /// For a clip of which every frame is looked at.
    fn moves_with(lengths: &[f32], least: usize) -> f64 {
        let frames = lengths.len() + 1;
        let context = ClipContext { width: 832, height: 256, frames, fps: None, prompt: None, nets: &NoNets };
        measure(&Rows::new(1, lengths.to_vec()), context, least).unwrap().value
    }

    fn moves(lengths: &[f32]) -> f64 {
        moves_with(lengths, 0)
    }

    #[test]
    fn pairs_are_looked_at_until_the_rest_cannot_change_the_answer() {
        // 49 frames at 24 a second: 17 are looked at, 4 of 16 pairs have to move.
        let motion = Motion::of(832, 256, 49, Some(24.0));
        assert_eq!((motion.pairs, motion.needed), (16, 4));
        assert_eq!(motion.of_pairs(&[9.0; 3]), None);
        assert_eq!(motion.of_pairs(&[9.0; 4]), Some(true));
        assert_eq!(motion.of_pairs(&[0.0; 12]), None);
        assert_eq!(motion.of_pairs(&[0.0; 13]), Some(false));
    }

    /// Whatever the lengths are, stopping early gives the answer of all pairs.
    #[test]
    fn stopping_early_changes_no_answer() {
        let motion = Motion::of(832, 256, 13, None);
        for bits in 0..1_u32 << 12 {
            let lengths: Vec<f32> = (0..12).map(|at| if bits >> at & 1 == 1 { 9.0 } else { 0.0 }).collect();
            let early = (0..=12).find_map(|pairs| motion.of_pairs(&lengths[..pairs]));
            assert_eq!(early, Some(bits.count_ones() >= 3), "{bits:b}");
        }
    }

    #[test]
    fn one_frame_neither_moves_nor_rests() {
        let context =
            ClipContext { width: 832, height: 256, frames: 1, fps: None, prompt: None, nets: &NoNets };
        assert!(measure(&Rows::of_dims(1), context, 0).is_err());
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
