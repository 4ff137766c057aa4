//! `mmd_polynomial@1`: how far two sets of features are apart under a quadratic kernel, as JEDi measures it.
//!
//! # Definition
//!
//! `100 (mean k(x_i, x_j) + mean k(y_i, y_j) - 2 mean k(x_i, y_j))` with `k(x, y) = (x.y / d)^2`; the means are over all pairs of
//! rows, those of a row with itself included, in 64-bit floats.
//!
//! # Range and direction
//!
//! [0, unbounded), lower is better. Biased upwards, about as 1/N, because a row is a pair with itself.
//!
//! # Input
//!
//! As `frechet_distance@1`. One row in each set is enough.
//!
//! # Reference
//!
//! Luo et al., "Beyond FVD: Enhanced Evaluation Metrics for Video Generation Quality", ICLR 2025; oooolga/JEDi.
//!
//! # Differences
//!
//! JEDi is this on features of V-JEPA ViT-H; here it is computed on the features that are given. The kernel sums are in 64-bit
//! floats.
//!
//! # Cost
//!
//! As `kernel_distance@1`.

use vidbench_core::{Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::resamples;
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::kernel::{Degree, Polynomial, Weights, across, ones, weights, within};
use crate::linalg::zero_at_least;

/// What `mmd_polynomial@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "mmd_polynomial@1",
    title: "squared maximum mean discrepancy of features with a quadratic kernel, times 100, as in JEDi",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (Some(0.0), None),
    needs: Needs::Features,
    nets: &[],
};

/// What JEDi multiplies by.
const SCALE: f64 = 100.0;

/// The biased squared discrepancy under any polynomial kernel, not scaled. 0 or more but for rounding.
///
/// # Errors
///
/// [`FeatureMetricError::Dims`].
pub fn mmd_squared(
    kernel: Polynomial,
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
) -> Result<f64, FeatureMetricError> {
    let all = (ones(generated.count()), ones(reference.count()));
    let [values] = squared(kernel, generated, reference, &[all])?;
    Ok(values.first().copied().unwrap_or(f64::NAN))
}

pub(crate) fn measure(
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let (m, n) = (generated.count(), reference.count());
    let kernel = Polynomial { degree: Degree::Two, gamma: 1.0 / reference.dims() as f64, coef0: 0.0 };
    let draws: Vec<_> = resamples(options.resamples, m, options.bootstrap_seed).collect();
    let resamples = (weights(m, &draws), Weights::from_fn(n, draws.len(), |_, _| 1.0));
    let [value, resampled] = squared(kernel, generated, reference, &[(ones(m), ones(n)), resamples])?;
    // A mean of squares cannot be negative; rounding can make it so for sets that are equal.
    let value = zero_at_least(SCALE * value.first().copied().unwrap_or(f64::NAN));
    let scaled = resampled.into_iter().map(|value| SCALE * value).collect();
    Ok(Measured::new(value, scaled))
}

fn squared<const SETS: usize>(
    kernel: Polynomial,
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    sets: &[(Weights, Weights); SETS],
) -> Result<[Vec<f64>; SETS], FeatureMetricError> {
    if generated.dims() != reference.dims() {
        return Err(FeatureMetricError::Dims { found: generated.dims(), wanted: reference.dims() });
    }
    let (x, y) = (generated.columns(), reference.columns());
    let (x, y) = (x.transpose(), y.transpose());
    let pairs = sets.each_ref().map(|(u, v)| (u, v));
    let between = across(kernel, x, y, &pairs);
    let (here, own) = within(kernel, x, &pairs.map(|(u, _)| u));
    let (there, others) = within(kernel, y, &pairs.map(|(_, v)| v));
    Ok(std::array::from_fn(|set| {
        let (u, v) = pairs[set];
        let column = |column: usize| {
            let (m, n): (f64, f64) = (u.col(column).iter().sum(), v.col(column).iter().sum());
            biased(here[set][column], &own, u, column) / (m * m)
                + biased(there[set][column], &others, v, column) / (n * n)
                - 2.0 * between[set][column] / (m * n)
        };
        (0..u.ncols()).map(column).collect()
    }))
}

/// The sum over all pairs of drawn rows, those of a row with itself included.
fn biased(apart: f64, diagonal: &[f64], weights: &Weights, column: usize) -> f64 {
    let own = weights.col(column).iter().zip(diagonal).map(|(times, own)| times * times * own);
    apart + own.sum::<f64>()
}
