//! `colourfulness@1`: how vivid the colours are.
//!
//! # Definition
//!
//! With `rg = R - G` and `yb = (R + G) / 2 - B` over the pixels of a frame: the square root of the sum of their
//! variances, plus 0.3 times the square root of the sum of their squared means. The value is the mean over frames. Sums
//! are exact integers.
//!
//! # Range and direction
//!
//! 0 and above; a grey clip has 0, and on the authors' scale about 33 is moderately and 82 extremely colourful.
//! Descriptive.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least one. No prompt, no net.
//!
//! # Reference
//!
//! Hasler, Süsstrunk, "Measuring colourfulness in natural images", SPIE 5007, 2003, the metric M(3).
//!
//! # Differences
//!
//! None; variances divide by the number of pixels.
//!
//! # Cost
//!
//! One pass over the pixels on one core; no extra memory.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::frame_mean::FrameMean;
use crate::meter::{ClipMeter, FrameView, Measured};

/// What `colourfulness@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "colourfulness@1",
    title: "how vivid the colours are",
    unit: "",
    direction: Direction::Descriptive,
    range: (Some(0.0), None),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &[],
};

/// Weight of the means: Hasler and Süsstrunk 2003, equation for M(3).
const MEAN_WEIGHT: f64 = 0.3;

/// The metric, being computed. Its series begins at frame 0.
#[derive(Debug, Default)]
pub struct Meter {
    mean: FrameMean,
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.mean.push(Ok(colourfulness(view.frame.rgb)));
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        self.mean.finish(0)
    }
}

fn colourfulness(rgb: &[u8]) -> f64 {
    let (mut rg_sum, mut rg_squares, mut yb_sum, mut yb_squares) = (0_i64, 0_i64, 0_i64, 0_i64);
    let pixels = rgb.as_chunks::<3>().0;
    for [r, g, b] in pixels {
        let (r, g, b) = (i32::from(*r), i32::from(*g), i32::from(*b));
        // Twice yb, to stay in integers.
        let (rg, yb) = (r - g, r + g - 2 * b);
        rg_sum += i64::from(rg);
        rg_squares += i64::from(rg * rg);
        yb_sum += i64::from(yb);
        yb_squares += i64::from(yb * yb);
    }
    let n = pixels.len() as f64;
    let (rg_mean, yb_mean) = (rg_sum as f64 / n, yb_sum as f64 / (2.0 * n));
    let rg_variance = rg_squares as f64 / n - rg_mean * rg_mean;
    let yb_variance = yb_squares as f64 / (4.0 * n) - yb_mean * yb_mean;
    (rg_variance + yb_variance).max(0.0).sqrt() + MEAN_WEIGHT * rg_mean.hypot(yb_mean)
}
