//! Summarises a sample of times in the numbers that a table shows.

use serde::Serialize;

use crate::percentile::{Percentile, percentile};
use crate::stats::{Interval, mean, mean_interval, standard_deviation};

/// A sample of times in a few numbers, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Number of values.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// 95 % interval of the mean by Student's t; `None` for a single value.
    pub interval: Option<Interval>,
    /// Sample standard deviation; `None` for a single value.
    pub sd: Option<f64>,
    /// Median.
    pub p50: Percentile,
    /// 90th percentile.
    pub p90: Percentile,
    /// 95th percentile.
    pub p95: Percentile,
    /// 99th percentile.
    pub p99: Percentile,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Summary {
    /// Summarises `values`; `None` for an empty slice.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            n: sorted.len() as u64,
            mean: mean(&sorted)?,
            interval: mean_interval(&sorted),
            sd: standard_deviation(&sorted),
            p50: percentile(&sorted, 0.5)?,
            p90: percentile(&sorted, 0.9)?,
            p95: percentile(&sorted, 0.95)?,
            p99: percentile(&sorted, 0.99)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}
