//! A sample of times in the numbers a table shows.

use serde::Serialize;

use crate::percentile::{Percentile, percentile};
use crate::stats::{Interval, mean, mean_interval, standard_deviation};

/// Numbers of a sample of times, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Values.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// 95 % interval of the mean by Student's t; none for one value.
    pub interval: Option<Interval>,
    /// Sample standard deviation; none for one value.
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
    /// Summarises `values`; none of nothing.
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
