//! `kernel_distance@1`: how far apart two sets of features are under a cubic kernel, without bias (KVD, KID).
//!
//! # Definition
//!
//! `sum_{i != j} k(x_i, x_j) / (m (m-1)) + sum_{i != j} k(y_i, y_j) / (n (n-1)) - 2 mean k(x_i, y_j)` with
//! `k(x, y) = (x.y / d + 1)^3` over all m generated and n reference rows, in 64-bit floats. The result also gives the
//! mean and standard deviation over [`SUBSETS`] random pairs of subsets of `min(1000, m, n)` rows each, the way KID is
//! reported.
//!
//! # Range and direction
//!
//! Unbounded, lower is better: 0 is expected for equal distributions, and samples of them fall below 0 half of the
//! time.
//!
//! # Input
//!
//! As `frechet_distance@1`. Unlike the Fréchet distance it is unbiased even without more rows than dimensions; few rows
//! make it noisy.
//!
//! # Reference
//!
//! Bińkowski et al., "Demystifying MMD GANs", ICLR 2018; Unterthiner et al. 2018 for KVD.
//!
//! # Differences
//!
//! The value is over all rows. torch-fidelity and clean-fid report the mean over subsets, often multiplied by 1,000;
//! here that mean is `subset_mean`, not scaled, and the subsets have their own seed.
//!
//! # Cost
//!
//! `(m + n)^2 (d + resamples)` multiplications on one core; memory for 256 rows of a kernel matrix.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;
use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::{resamples, subset};
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::kernel::{Degree, Polynomial, Weights, discrepancies, ones, total, weights};

/// What `kernel_distance@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "kernel_distance@1",
    title: "unbiased squared maximum mean discrepancy of features with a cubic kernel (KVD, KID)",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (None, None),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// Pairs of subsets that the mean over subsets is taken of, as in torch-fidelity.
pub const SUBSETS: usize = 100;
/// Most rows of a subset, as in torch-fidelity.
pub const SUBSET_SIZE: usize = 1000;
/// Seed of the subsets, part of the definition.
pub const SUBSET_SEED: u64 = 0x6b76_645f_7375_6201;

pub(crate) fn measure(
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let (m, n) = (generated.count(), reference.count());
    FeatureMetricError::check_count(m, 2)?;
    FeatureMetricError::check_count(n, 2).map_err(FeatureMetricError::of_reference)?;
    let size = SUBSET_SIZE.min(m).min(n);
    let (of_generated, of_reference) = subsets(m, n, size);
    let draws: Vec<_> = resamples(options.resamples, m, options.bootstrap_seed).collect();
    let sets = [
        (ones(m), ones(n)),
        (weights(m, &of_generated), weights(n, &of_reference)),
        (weights(m, &draws), Weights::from_fn(n, draws.len(), |_, _| 1.0)),
    ];
    let kernel = Polynomial { degree: Degree::Three, gamma: 1.0 / reference.dims() as f64, coef0: 1.0 };
    let [full, subsets, resampled] = &discrepancies(kernel, generated, reference, &sets, unbiased)?;
    let mean = subsets.iter().sum::<f64>() / SUBSETS as f64;
    let variance = subsets.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / SUBSETS as f64;
    Ok(Measured {
        extra: vec![("subset_mean", mean), ("subset_sd", variance.sqrt()), ("subset_size", size as f64)],
        ..Measured::new(full.first().copied().unwrap_or(f64::NAN), resampled.clone())
    })
}

/// Pairs of subsets as counts of rows.
fn subsets(m: usize, n: usize, size: usize) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(SUBSET_SEED);
    let (of_generated, of_reference) = (vec![1; m], vec![1; n]);
    let mut pair = || (subset(&mut rng, &of_generated, size), subset(&mut rng, &of_reference, size));
    (0..SUBSETS).map(|_| pair()).unzip()
}

/// The mean over all pairs of drawn rows. A row that was drawn twice forms a pair with its copy, not with itself.
fn unbiased(apart: f64, diagonal: &[f64], weights: &Weights, column: usize) -> f64 {
    let copies = weights.col(column).iter().zip(diagonal).map(|(times, own)| times * (times - 1.0) * own);
    let count = total(weights, column);
    (apart + copies.sum::<f64>()) / (count * (count - 1.0))
}
