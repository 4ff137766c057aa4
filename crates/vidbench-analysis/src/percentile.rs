//! Percentiles that are only reported when there are enough values for them.
//!
//! Definition: the order statistic `sorted[min(n - 1, floor(n p))]`, as in MLPerf LoadGen. There is no interpolation:
//! the result is always a measured value.
//!
//! Sample floor: the smallest n with `P(Bin(n, 1 - p) <= 1) <= 0.01`, MLPerf's early-stopping bound at confidence 0.99
//! and tolerance 0. Below this floor the maximum is reported instead, labelled as such.

use serde::Serialize;

use crate::special::binomial_at_most;
use crate::stats::Interval;

/// Name of the definition, for reports and exports.
pub const DEFINITION: &str = "order statistic sorted[min(n - 1, floor(n p))]; not reported below the MLPerf early-stopping sample size";

/// One minus the confidence with which enough values lie above the percentile.
const FLOOR_ERROR: f64 = 0.01;

/// A percentile, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Percentile {
    /// There are enough values.
    Value {
        /// The order statistic.
        value: f64,
        /// Distribution-free 95 % interval between two order statistics; `None` when there are too few values for one.
        interval: Option<Interval>,
    },
    /// There are too few values.
    TooFew {
        /// Number of values.
        n: u64,
        /// Values needed.
        needed: u64,
        /// The largest of them.
        max: f64,
    },
}

impl Percentile {
    /// The percentile, if there were enough values.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value { value, .. } => Some(*value),
            Self::TooFew { .. } => None,
        }
    }
}

/// Fewest values for percentile `p` in (0, 1): p50 11, p90 64, p95 130, p99 662.
pub fn values_needed(p: f64) -> u64 {
    let enough = |n: u64| binomial_at_most(1, n, 1.0 - p) <= FLOOR_ERROR;
    let mut high = 2;
    while !enough(high) && high < 1 << 40 {
        high *= 2;
    }
    first_true(high / 2, high, enough)
}

/// Percentile `p` in (0, 1) of values in ascending order; `None` for an empty slice.
pub fn percentile(sorted: &[f64], p: f64) -> Option<Percentile> {
    let max = *sorted.last()?;
    let (n, needed) = (sorted.len() as u64, values_needed(p));
    if n < needed {
        return Some(Percentile::TooFew { n, needed, max });
    }
    let value = *sorted.get(order_index(sorted.len(), p))?;
    Some(Percentile::Value { value, interval: percentile_interval(sorted, p) })
}

/// Distribution-free interval of percentile `p`: the narrowest pair of order statistics whose tails are each at most 2.5 %.
///
/// The number of values below the true percentile is Bin(n, p). So `sorted[l]` lies above it with probability
/// `P(Bin <= l)`, and `sorted[u]` below it with `1 - P(Bin <= u)`.
pub fn percentile_interval(sorted: &[f64], p: f64) -> Option<Interval> {
    let n = sorted.len() as u64;
    let tail = 0.5 * (1.0 - crate::stats::CONFIDENCE);
    let first_too_high = first_true(0, n, |l| binomial_at_most(l, n, p) > tail);
    let upper = first_true(0, n, |u| 1.0 - binomial_at_most(u, n, p) <= tail);
    let low = sorted.get(first_too_high.checked_sub(1)? as usize)?;
    // Index n lies beyond the measured values.
    let high = sorted.get(upper as usize)?;
    Some(Interval { low: *low, high: *high })
}

fn order_index(n: usize, p: f64) -> usize {
    ((n as f64 * p).floor() as usize).min(n.saturating_sub(1))
}

/// The smallest number in [low, high] for which a monotone condition holds; `high` when it holds for none of the
/// numbers below.
fn first_true(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
