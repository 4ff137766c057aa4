//! `inception_score@1`: how sure and how varied a classifier is over the generated clips.
//!
//! # Definition
//!
//! `exp(mean KL(p(y|x) || p(y)))` over the rows of a split, where p(y) is the mean row of the split; then the mean over
//! [`SPLITS`] splits of the rows, taken in a fixed random order. `0 log 0` is 0. The result also gives the standard
//! deviation over the splits (divided by their number).
//!
//! # Range and direction
//!
//! 1 to the number of classes, higher is better.
//!
//! # Input
//!
//! A file of class probabilities, one row per clip, no value below 0, each row's sum within 0.001 of 1. At least one
//! row per split. No reference.
//!
//! # Reference
//!
//! Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016; StyleGAN-V's `isv2048` for ten splits.
//!
//! # Differences
//!
//! StyleGAN-V orders the rows by `numpy.random.RandomState(42).shuffle`; here the order is ChaCha8's from the fixed seed
//! [`SPLIT_SEED`]. In StyleGAN-V's order the values are equal. tgan2 adds 1e-20 to probabilities.
//!
//! # Cost
//!
//! One pass over the rows.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::{resamples, shuffled};
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;

/// What `inception_score@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "inception_score@1",
    title: "inception score of class probabilities",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(1.0), None),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// Splits, as in StyleGAN-V.
pub const SPLITS: usize = 10;
/// Seed of the order of the rows, part of the definition.
pub const SPLIT_SEED: u64 = 0x6973_5f73_706c_6901;
/// How far a row's sum may be from 1: probabilities in 16-bit floats are that far off.
const SUM_TOLERANCE: f64 = 1e-3;

/// Mean and standard deviation (divided by the number of splits) of the scores of `splits` splits of the rows in that order.
/// `order` holds indices of rows; one that is drawn twice counts twice.
///
/// # Errors
///
/// [`FeatureMetricError::TooFew`] with fewer rows in `order` than splits, [`FeatureMetricError::NoDistribution`].
pub fn inception_score(
    probabilities: &FeatureMatrix,
    order: &[usize],
    splits: usize,
) -> Result<(f64, f64), FeatureMetricError> {
    let rows = distributions(probabilities)?;
    FeatureMetricError::check_count(order.len(), splits.max(1))?;
    Ok(mean_and_sd(&rows, probabilities.dims(), order, splits.max(1)))
}

pub(crate) fn measure(
    probabilities: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let (n, dims) = (probabilities.count(), probabilities.dims());
    FeatureMetricError::check_count(n, SPLITS)?;
    let rows = distributions(probabilities)?;
    let order = shuffled(n, SPLIT_SEED);
    let (value, sd) = mean_and_sd(&rows, dims, &order, SPLITS);
    let draws = resamples(options.resamples, n, options.bootstrap_seed);
    let resampled = draws.map(|times| {
        let drawn: Vec<usize> = repeated(&times).collect();
        let drawn: Vec<usize> = order.iter().filter_map(|&at| drawn.get(at).copied()).collect();
        mean_and_sd(&rows, dims, &drawn, SPLITS).0
    });
    Ok(Measured { extra: vec![("split_sd", sd)], ..Measured::new(value, resampled.collect()) })
}

/// Gives each index as often as `times` says.
fn repeated(times: &[u32]) -> impl Iterator<Item = usize> + '_ {
    times.iter().enumerate().flat_map(|(row, &times)| std::iter::repeat_n(row, times as usize))
}

/// The rows, after a check that each is a distribution.
fn distributions(probabilities: &FeatureMatrix) -> Result<Vec<f64>, FeatureMetricError> {
    let values = probabilities.to_f64();
    for (row, values) in values.chunks_exact(probabilities.dims()).enumerate() {
        let sum: f64 = values.iter().sum();
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        if smallest < 0.0 || (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(FeatureMetricError::NoDistribution { row, smallest, sum });
        }
    }
    Ok(values)
}

fn mean_and_sd(rows: &[f64], classes: usize, order: &[usize], splits: usize) -> (f64, f64) {
    let n = order.len();
    let score = |split: usize| {
        let part = order.iter().skip(split * n / splits).take((split + 1) * n / splits - split * n / splits);
        let part: Vec<&[f64]> = part.filter_map(|row| rows.chunks_exact(classes).nth(*row)).collect();
        score(&part, classes)
    };
    let scores: Vec<f64> = (0..splits).map(score).collect();
    let mean = scores.iter().sum::<f64>() / splits as f64;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / splits as f64;
    (mean, variance.sqrt())
}

/// The score of one split.
fn score(rows: &[&[f64]], classes: usize) -> f64 {
    let count = rows.len() as f64;
    let mut marginal = vec![0.0; classes];
    for row in rows {
        marginal.iter_mut().zip(*row).for_each(|(sum, p)| *sum += p);
    }
    let logs: Vec<f64> = marginal.iter().map(|sum| (sum / count).ln()).collect();
    let term = |(p, log): (&f64, &f64)| if *p > 0.0 { p * (p.ln() - log) } else { 0.0 };
    let divergence = rows.iter().map(|row| row.iter().zip(&logs).map(term).sum::<f64>()).sum::<f64>();
    (divergence / count).exp()
}
