//! `duplicate_share@1`, `frozen_share@1`, `black_share@1`: how much of a clip repeats the frame before, or is black.
//!
//! # Definition
//!
//! - `duplicate_share@1`: the share of pairs of consecutive frames that are equal in every byte.
//! - `frozen_share@1`: the share of pairs whose mean absolute difference is at most [`FROZEN_LEVELS`] of 255 levels.
//! - `black_share@1`: the share of frames of which at least 98 % of the pixels have a BT.709 luma of at most a tenth of white.
//!
//! # Range and direction
//!
//! [0, 1], lower is better. A clip that stands still has the best possible `temporal_flickering`; here its duplicate
//! and frozen shares are 1, the worst.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least two, one for `black_share@1`. No prompt, no net.
//!
//! # Reference
//!
//! FFmpeg's filters `freezedetect` (noise tolerance 0.001 of the range, its default -60 dB) and `blackdetect` (defaults
//! `pixel_black_th` 0.10, `picture_black_ratio_th` 0.98).
//!
//! # Differences
//!
//! The filters look at the stored planes and report stretches of at least two seconds; these metrics are shares of all
//! frames, computed on decoded R, G and B.
//!
//! # Cost
//!
//! One pass over the bytes on one core, shared with `temporal_flickering@1`; no extra memory.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clip::check_frames;
use crate::meter::{ClipMeter, FrameView, Measured};

/// Largest mean difference of frames that count as frozen, in levels of 255: FFmpeg `freezedetect`, 0.001 of the range.
pub const FROZEN_LEVELS: f64 = 0.255;

/// Luma weights of ITU-R BT.709-6, item 3.2, times 10,000.
const LUMA_WEIGHTS: [u32; 3] = [2126, 7152, 722];
/// A tenth of white in the scale of [`LUMA_WEIGHTS`]: FFmpeg `blackdetect`, `pixel_black_th`.
const BLACK_LUMA: u32 = 255 * 10_000 / 10;

const fn descriptor(id: &'static str, title: &'static str) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::LowerIsBetter,
        range: (Some(0.0), Some(1.0)),
        needs: Needs::Clip,
        aggregate: Aggregate::ClipMean,
        nets: &[],
    }
}

/// What `duplicate_share@1` says about itself.
pub const DUPLICATE_DESCRIPTOR: MetricDescriptor =
    descriptor("duplicate_share@1", "share of frames identical to the previous one");
/// What `frozen_share@1` says about itself.
pub const FROZEN_DESCRIPTOR: MetricDescriptor =
    descriptor("frozen_share@1", "share of frames that hardly differ from the previous one");
/// What `black_share@1` says about itself.
pub const BLACK_DESCRIPTOR: MetricDescriptor = descriptor("black_share@1", "share of frames that are black");

/// Which frames a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Frames equal to the one before.
    Duplicate,
    /// Frames that hardly differ from the one before.
    Frozen,
    /// Black frames.
    Black,
}

/// The metric, being computed.
#[derive(Debug)]
pub struct Meter {
    kind: Kind,
    frames: usize,
    counted: usize,
}

impl Meter {
    /// Begins to measure a clip.
    pub fn new(kind: Kind) -> Self {
        Self { kind, frames: 0, counted: 0 }
    }
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.frames += 1;
        let counts = match self.kind {
            Kind::Duplicate => view.absolute_difference() == Some(0),
            Kind::Frozen => view
                .absolute_difference()
                .is_some_and(|sum| sum as f64 <= FROZEN_LEVELS * view.frame.rgb.len() as f64),
            Kind::Black => is_black(view.frame.rgb),
        };
        self.counted += usize::from(counts);
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        let of_pairs = self.kind != Kind::Black;
        check_frames(self.frames, if of_pairs { 2 } else { 1 })?;
        let all = self.frames - usize::from(of_pairs);
        Ok(Measured::value(self.counted as f64 / all as f64))
    }
}

fn is_black(rgb: &[u8]) -> bool {
    let luma = |pixel: &[u8; 3]| pixel.iter().zip(LUMA_WEIGHTS).map(|(v, w)| u32::from(*v) * w).sum::<u32>();
    let pixels = rgb.as_chunks().0;
    let black = pixels.iter().filter(|pixel| luma(pixel) <= BLACK_LUMA).count() as u64;
    // 98 %: FFmpeg `blackdetect`, `picture_black_ratio_th`.
    black * 100 >= pixels.len() as u64 * 98
}
