//! `mmd_polynomial@1`: how far apart two sets of features are under a quadratic kernel, as JEDi measures it.
//!
//! # Definition
//!
//! `100 (mean k(x_i, x_j) + mean k(y_i, y_j) - 2 mean k(x_i, y_j))` with `k(x, y) = (x.y / d)^2`; the means are over
//! all pairs of rows, including those of a row with itself, in 64-bit floats.
//!
//! # Range and direction
//!
//! [0, unbounded), lower is better. Biased upwards, about as 1/N, because each row also forms a pair with itself.
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

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::resamples;
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::kernel::{Degree, Polynomial, Weights, discrepancies, ones, total, weights};
use crate::linalg::zero_at_least;

/// What `mmd_polynomial@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "mmd_polynomial@1",
    title: "squared maximum mean discrepancy of features with a quadratic kernel, times 100, as in JEDi",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (Some(0.0), None),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// The factor that JEDi multiplies by.
const SCALE: f64 = 100.0;

/// The biased squared discrepancy under any polynomial kernel, not scaled. 0 or more, apart from rounding.
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
    let [values] = discrepancies(kernel, generated, reference, &[all], biased)?;
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
    let sets = [(ones(m), ones(n)), resamples];
    let [value, resampled] = discrepancies(kernel, generated, reference, &sets, biased)?;
    // A mean of squares cannot be negative; rounding can make it so for sets that are equal.
    let value = zero_at_least(SCALE * value.first().copied().unwrap_or(f64::NAN));
    let scaled = resampled.into_iter().map(|value| SCALE * value).collect();
    Ok(Measured::new(value, scaled))
}

/// The mean over all pairs of drawn rows, including pairs of a row with itself.
fn biased(apart: f64, diagonal: &[f64], weights: &Weights, column: usize) -> f64 {
    let own = weights.col(column).iter().zip(diagonal).map(|(times, own)| times * times * own);
    (apart + own.sum::<f64>()) / total(weights, column).powi(2)
}
