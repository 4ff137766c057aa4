//! Percentile bootstrap (Efron 1979) for statistics without a formula of their own.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use crate::stats::Interval;

/// How a bootstrap is done. Whatever uses it stores this in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootstrapConfig {
    /// Resamples, 100 to 100,000; a 95 % interval needs at least 1,000.
    pub resamples: u32,
    /// Seed of the resampling.
    pub seed: u64,
}

/// Why there is no interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// Fewer than two values have no spread.
    #[error("a bootstrap needs at least 2 values, got {n}")]
    TooFewValues {
        /// Values given.
        n: usize,
    },
    /// The number of resamples is out of bounds.
    #[error("resamples must be 100 to 100000, got {resamples}")]
    Resamples {
        /// The number asked for.
        resamples: u32,
    },
    /// The statistic gave something that is not a finite number.
    #[error("the statistic of resample {resample} is not a finite number")]
    NotFinite {
        /// Which resample, from 0.
        resample: u32,
    },
}

/// 95 % percentile interval of `statistic` over resamples of `values` with replacement.
///
/// The same values, configuration and statistic give the same interval on every machine.
pub fn bootstrap_interval<T: Clone>(
    values: &[T],
    config: BootstrapConfig,
    statistic: impl Fn(&[T]) -> f64,
) -> Result<Interval, BootstrapError> {
    if values.len() < 2 {
        return Err(BootstrapError::TooFewValues { n: values.len() });
    }
    if !(100..=100_000).contains(&config.resamples) {
        return Err(BootstrapError::Resamples { resamples: config.resamples });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut statistics = Vec::with_capacity(config.resamples as usize);
    for resample in 0..config.resamples {
        let drawn: Vec<T> = values.iter().map(|_| values[below(&mut rng, values.len())].clone()).collect();
        let value = statistic(&drawn);
        if !value.is_finite() {
            return Err(BootstrapError::NotFinite { resample });
        }
        statistics.push(value);
    }
    statistics.sort_by(f64::total_cmp);
    let last = statistics.len() - 1;
    let at = |share: f64| statistics[((last as f64 * share).round() as usize).min(last)];
    Ok(Interval { low: at(0.025), high: at(0.975) })
}

/// A number below `n`, each equally likely: draws that would favour small numbers are rejected.
fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let n = n as u64;
    let fair = u64::MAX - u64::MAX % n;
    loop {
        let drawn = rng.next_u64();
        if drawn < fair {
            return (drawn % n) as usize;
        }
    }
}
