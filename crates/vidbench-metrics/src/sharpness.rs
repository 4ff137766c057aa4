//! `sharpness@1`: how much fine detail the frames hold.
//!
//! # Definition
//!
//! The variance over pixels of the Laplacian of brightness (each pixel's four neighbours less four times itself; beyond
//! the edge the image is mirrored without repeating its edge). The value is the mean over frames. Brightness is 0.299
//! R + 0.587 G + 0.114 B, 8 bit, rounded. Sums are exact integers.
//!
//! # Range and direction
//!
//! 0 and above, in squared levels, higher is sharper; descriptive, because noise counts as detail. Compare clips of one size
//! only.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least one, both sides at least 2 pixels. No prompt, no net.
//!
//! # Reference
//!
//! Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000; OpenCV's
//! `Laplacian(cvtColor(frame, COLOR_RGB2GRAY), CV_64F).var()`.
//!
//! # Differences
//!
//! None.
//!
//! # Cost
//!
//! One pass over the pixels on one core; memory for one grey frame.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::frame_mean::FrameMean;
use crate::meter::{ClipMeter, FrameView, Measured};

/// What `sharpness@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "sharpness@1",
    title: "fine detail: variance of the Laplacian of brightness",
    unit: "levels²",
    direction: Direction::Descriptive,
    range: (Some(0.0), None),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &[],
};

/// The metric, being computed. Its series begins at frame 0.
#[derive(Debug, Default)]
pub struct Meter {
    mean: FrameMean,
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        if !self.mean.is_over() {
            let (width, height) = (view.frame.width, view.frame.height);
            let too_small = MetricError::TooSmall { width, height, needed: 2 };
            self.mean.push(laplacian_variance(view.grey(), width, height).ok_or(too_small));
        }
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        self.mean.finish(0)
    }
}

/// The variance of the Laplacian of `[height, width]` pixels; `None` when a side is below 2.
fn laplacian_variance(grey: &[u8], width: usize, height: usize) -> Option<f64> {
    if width < 2 || height < 2 {
        return None;
    }
    let row = |y: usize| grey.get(y * width..(y + 1) * width).unwrap_or_default();
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for y in 0..height {
        let (above, below) =
            (if y == 0 { 1 } else { y - 1 }, if y + 1 == height { height - 2 } else { y + 1 });
        let (row_sum, row_squares) = laplacian_row(row(above), row(y), row(below));
        sum += row_sum;
        squares += row_squares;
    }
    let pixels = (width * height) as f64;
    let mean = sum as f64 / pixels;
    Some((squares as f64 / pixels - mean * mean).max(0.0))
}

/// Sum of the Laplacian and of its square over one row of at least two pixels.
fn laplacian_row(above: &[u8], row: &[u8], below: &[u8]) -> (i64, i64) {
    let n = row.len();
    let at = |left: u8, right: u8, up: u8, down: u8, here: u8| {
        i32::from(left) + i32::from(right) + i32::from(up) + i32::from(down) - 4 * i32::from(here)
    };
    let inner = above[1..n - 1].iter().zip(&below[1..n - 1]).zip(row.windows(3));
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for ((up, down), around) in inner {
        let value = at(around[0], around[2], *up, *down, around[1]);
        sum += i64::from(value);
        squares += i64::from(value * value);
    }
    for (x, beside) in [(0, 1), (n - 1, n - 2)] {
        let value = i64::from(at(row[beside], row[beside], above[x], below[x], row[x]));
        sum += value;
        squares += value * value;
    }
    (sum, squares)
}
