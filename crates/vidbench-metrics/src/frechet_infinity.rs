//! `frechet_infinity@1`: the Fréchet distance extrapolated to infinitely many generated clips.
//!
//! # Definition
//!
//! The Fréchet distance (covariances over N - 1) of random subsets of the generated clips to the whole reference, at
//! [`SIZES`] sizes equally spaced from `N_min` to N; least squares of `FD = a + b / N` over them; the value is a.
//! `N_min = min(max(2d, N/10), N/2)`.
//!
//! # Range and direction
//!
//! Unbounded, lower is better. The intercept may be negative and is not clipped.
//!
//! # Input
//!
//! As `frechet_distance@1`, with at least [`MIN_COUNT`] generated clips. Flagged as underpowered when the smallest
//! subset or the reference has fewer than two clips per dimension.
//!
//! # Reference
//!
//! Chong and Forsyth, "Effectively Unbiased FID and Inception Score and Where to Find Them", CVPR 2020.
//!
//! # Differences
//!
//! The authors' subset sizes begin at 5,000 of 50,000 images, which corresponds to `N/10` here; few sets of videos are
//! that large. They draw the samples of a generator by quasi-random latents, which is not possible for stored clips.
//! The bias that the number of reference clips brings remains, as it does in their work.
//!
//! # Cost
//!
//! [`SIZES`] Fréchet distances, and as many again for each resample of the interval.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;
use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::{resamples, subset};
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::frechet::{FrechetReference, Projected};

/// What `frechet_infinity@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "frechet_infinity@1",
    title: "Fréchet distance of features extrapolated to infinitely many generated clips",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (None, None),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// Sizes of subsets; Chong and Forsyth 2020, section 4.
pub const SIZES: usize = 15;
/// Fewest generated clips for which no two sizes are equal.
pub const MIN_COUNT: usize = 2 * SIZES;
/// Seed of the subsets, part of the definition.
pub const SUBSET_SEED: u64 = 0x6664_5f69_6e66_0001;

/// A straight line through distances over 1/N.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfinityFit {
    /// The distance at infinitely many clips.
    pub intercept: f64,
    /// How much the distance changes with one over the number of clips.
    pub slope: f64,
    /// Share of the variance of the distances that the line explains; 1 for distances that are all equal.
    pub r_squared: f64,
}

/// Least squares of `distance = intercept + slope / n` over pairs of n and distance, of at least two different n.
pub fn fit_infinity(points: &[(usize, f64)]) -> InfinityFit {
    let count = points.len() as f64;
    let inverse = |n: usize| 1.0 / n as f64;
    let mean_x = points.iter().map(|(n, _)| inverse(*n)).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let sum = |of: fn(f64, f64) -> f64| {
        points.iter().map(|(n, y)| of(inverse(*n) - mean_x, y - mean_y)).sum::<f64>()
    };
    let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
    let slope = xy / xx;
    let r_squared = if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 };
    InfinityFit { intercept: mean_y - slope * mean_x, slope, r_squared }
}

/// The sizes of subsets of `n` clips with features of `dims` dimensions, in rising order; the last is `n`.
pub fn subset_sizes(n: usize, dims: usize) -> Vec<usize> {
    let smallest = (2 * dims).max(n / 10).min(n / 2);
    (0..SIZES).map(|step| smallest + (n - smallest) * step / (SIZES - 1)).collect()
}

pub(crate) fn measure(
    generated: &FeatureMatrix,
    reference: &FrechetReference,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let n = generated.count();
    FeatureMetricError::check_count(n, MIN_COUNT)?;
    let projected = reference.project(generated)?;
    let sizes = subset_sizes(n, generated.dims());
    let fit = fit(&projected, &vec![1; n], &sizes)?;
    let draws = resamples(options.resamples, n, options.bootstrap_seed);
    let intercept = |times: Vec<u32>| Ok(self::fit(&projected, &times, &sizes)?.intercept);
    let resampled = draws.map(intercept).collect::<Result<_, FeatureMetricError>>()?;
    let smallest = sizes.first().copied().unwrap_or_default();
    Ok(Measured {
        extra: vec![("slope", fit.slope), ("r_squared", fit.r_squared), ("smallest_n", smallest as f64)],
        underpowered: smallest < 2 * generated.dims(),
        ..Measured::new(fit.intercept, resampled)
    })
}

fn fit(projected: &Projected<'_>, times: &[u32], sizes: &[usize]) -> Result<InfinityFit, FeatureMetricError> {
    let mut rng = ChaCha8Rng::seed_from_u64(SUBSET_SEED);
    let mut point = |size: usize| Ok((size, projected.distance(&subset(&mut rng, times, size))?));
    let points: Vec<_> = sizes.iter().map(|&size| point(size)).collect::<Result<_, FeatureMetricError>>()?;
    Ok(fit_infinity(&points))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_over_one_over_n_is_found_again() {
        let points: Vec<_> = subset_sizes(2048, 400).iter().map(|&n| (n, 3.0 - 700.0 / n as f64)).collect();
        let fit = fit_infinity(&points);
        assert!((fit.intercept - 3.0).abs() < 1e-10 && (fit.slope + 700.0).abs() < 1e-7, "{fit:?}");
        assert!((fit.r_squared - 1.0).abs() < 1e-10);
        assert_eq!(fit_infinity(&[(2, 5.0), (4, 5.0)]).r_squared, 1.0);
    }

    #[test]
    fn sizes_run_from_two_clips_a_dimension_or_a_tenth_to_all() {
        let ends = |n, dims| {
            let sizes = subset_sizes(n, dims);
            assert!(sizes.len() == SIZES && sizes.windows(2).all(|pair| pair[0] < pair[1]), "{sizes:?}");
            (sizes[0], sizes[SIZES - 1])
        };
        assert_eq!(ends(2048, 400), (800, 2048));
        assert_eq!(ends(50_000, 2048), (5000, 50_000));
        assert_eq!(ends(1000, 400), (500, 1000));
        assert_eq!(ends(MIN_COUNT, 1), (3, 30));
    }
}
