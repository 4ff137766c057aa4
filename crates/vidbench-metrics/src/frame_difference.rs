//! `frame_difference.mean@1`, `frame_difference.sd@1`, `frame_difference.max@1`: how much consecutive frames differ.
//!
//! # Definition
//!
//! The mean absolute difference of two consecutive frames over pixels and channels, in levels of 8 bit. The three
//! metrics are the mean, the standard deviation (divisor pairs - 1) and the maximum over all pairs of a clip.
//!
//! # Range and direction
//!
//! [0, 255] levels, descriptive. 0 is a clip that stands still. A large standard deviation with a small mean points to
//! jumps, a large maximum to a cut or a flash.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least two, three for the standard deviation. No prompt, no net.
//!
//! # Reference
//!
//! `255 (1 - mean)` is VBench's temporal flickering: see `temporal_flickering@1`.
//!
//! # Differences
//!
//! None: the sums are exact integers.
//!
//! # Cost
//!
//! One pass over the bytes on one core, shared with `temporal_flickering@1`; no extra memory.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clip::check_frames;
use crate::meter::{ClipMeter, FrameView, Measured};

const fn descriptor(id: &'static str, title: &'static str) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "levels",
        direction: Direction::Descriptive,
        range: (Some(0.0), Some(255.0)),
        needs: Needs::Clip,
        aggregate: Aggregate::ClipMean,
        nets: &[],
    }
}

/// What `frame_difference.mean@1` says about itself.
pub const MEAN_DESCRIPTOR: MetricDescriptor =
    descriptor("frame_difference.mean@1", "mean absolute difference between consecutive frames");
/// What `frame_difference.sd@1` says about itself.
pub const SD_DESCRIPTOR: MetricDescriptor = descriptor(
    "frame_difference.sd@1",
    "standard deviation over time of the difference between consecutive frames",
);
/// What `frame_difference.max@1` says about itself.
pub const MAX_DESCRIPTOR: MetricDescriptor =
    descriptor("frame_difference.max@1", "largest difference between consecutive frames");

/// Which statistic over the pairs of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// The standard deviation, divisor pairs - 1.
    Sd,
    /// The largest.
    Max,
}

/// The metric, being computed. Only the mean has a series, from frame 1 on; those of the other statistics would be the
/// same.
#[derive(Debug)]
pub struct Meter {
    statistic: Statistic,
    frames: usize,
    differences: Vec<f64>,
}

impl Meter {
    /// Begins to measure a clip.
    pub fn new(statistic: Statistic) -> Self {
        Self { statistic, frames: 0, differences: Vec::new() }
    }
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.frames += 1;
        let difference = view.absolute_difference();
        self.differences.extend(difference.map(|sum| sum as f64 / view.frame.rgb.len() as f64));
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        check_frames(self.frames, if self.statistic == Statistic::Sd { 3 } else { 2 })?;
        let pairs = self.differences.len() as f64;
        let mean = self.differences.iter().sum::<f64>() / pairs;
        let value = match self.statistic {
            Statistic::Mean => mean,
            Statistic::Max => self.differences.iter().copied().fold(0.0, f64::max),
            Statistic::Sd => {
                let squares: f64 = self.differences.iter().map(|value| (value - mean).powi(2)).sum();
                (squares / (pairs - 1.0)).sqrt()
            }
        };
        Ok(match self.statistic {
            Statistic::Mean => {
                let values = self.differences.iter().map(|value| *value as f32).collect();
                Measured::with_series(value, 1, values)
            }
            Statistic::Sd | Statistic::Max => Measured::value(value),
        })
    }
}
