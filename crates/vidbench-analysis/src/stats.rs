//! Sums, means and their intervals, with one definition each and a fixed order of summation.

use serde::Serialize;

use crate::special::incomplete_beta;

/// A 95 % interval, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether two intervals share a point.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// The part of the interval inside a range. A mean cannot lie outside the range of its values; only Student's t
    /// allows for that.
    pub(crate) fn within(self, (least, most): (Option<f64>, Option<f64>)) -> Self {
        let clip =
            |value: f64| value.max(least.unwrap_or(f64::NEG_INFINITY)).min(most.unwrap_or(f64::INFINITY));
        Self { low: clip(self.low), high: clip(self.high) }
    }
}

/// Confidence of every interval in this crate.
pub const CONFIDENCE: f64 = 0.95;

/// Standard normal quantile of 0.975 (Abramowitz and Stegun 1964, table 26.1, to double precision).
const Z_975: f64 = 1.959_963_984_540_054;

/// Up to this many values are added one after the other; longer slices are halved first.
const PAIRWISE_BLOCK: usize = 32;

/// Pairwise sum in index order: the error grows with the logarithm of the length, and the result depends only on the
/// values and their order.
pub fn pairwise_sum(values: &[f64]) -> f64 {
    if values.len() <= PAIRWISE_BLOCK {
        return values.iter().sum();
    }
    let (left, right) = values.split_at(values.len() / 2);
    pairwise_sum(left) + pairwise_sum(right)
}

/// Arithmetic mean; `None` for an empty slice.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(pairwise_sum(values) / values.len() as f64)
}

/// Sample standard deviation (denominator n - 1), in two passes; `None` for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares: Vec<f64> = values.iter().map(|value| (value - centre).powi(2)).collect();
    Some((pairwise_sum(&squares) / (values.len() - 1) as f64).sqrt())
}

/// 95 % interval of the mean by Student's t; `None` for fewer than two values.
///
/// It assumes that the values are independent and that their mean is about normal.
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    let (centre, spread) = (mean(values)?, standard_deviation(values)?);
    let half = student_t_975((values.len() - 1) as f64) * spread / (values.len() as f64).sqrt();
    Some(Interval { low: centre - half, high: centre + half })
}

/// Quantile 0.975 of Student's t with `degrees >= 1` degrees of freedom.
///
/// Inverts `P(|T| > t) = I_{v / (v + t^2)}(v / 2, 1 / 2)` (Abramowitz and Stegun 1964, 26.7.1) by bisection to the last bits.
pub fn student_t_975(degrees: f64) -> f64 {
    let outside = |t: f64| incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5);
    // One degree of freedom has the widest quantile, 12.7; the normal quantile, 1.96, is the lower bound.
    let (mut low, mut high) = (1.9, 13.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if outside(middle) > 1.0 - CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// 95 % interval of a proportion (Wilson 1927); `None` for no trials.
pub fn wilson_interval(successes: u64, trials: u64) -> Option<Interval> {
    if trials == 0 || successes > trials {
        return None;
    }
    let (n, square) = (trials as f64, Z_975 * Z_975);
    let share = successes as f64 / n;
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z_975 * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
    Some(Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}
