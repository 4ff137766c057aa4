//! The Fréchet distance of two sets of features, each taken as a normal distribution.
//!
//! `d2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^1/2` in 64-bit floats. With any factors `S1 = A^T A` and `S2 = B^T
//! B` the last trace is the sum of the roots of the eigenvalues of the symmetric `B S1 B^T`, and also the sum of the
//! singular values of `B A^T`. The first sum is quick but loses what is small beside the largest eigenvalue. The second
//! holds for covariances of any rank, because the centred features themselves are a factor. Neither needs an
//! eigenvector or a general matrix square root, and no imaginary part has to be dropped.
//!
//! Sums run in the order of the clips, on one thread.

use faer::{Mat, MatRef};

use crate::FeatureMetricError;
use crate::features::FeatureMatrix;
use crate::linalg::{
    cholesky, congruent, eigenvalues, gram, mirrored, product, singular_values, symmetric_root,
    triangular_factor, zero_at_least,
};
use crate::set_moments::SetMoments;

/// What sums of squares are divided by to become a covariance. Distances with different divisors cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CovDivisor {
    /// N: the biased estimate, as StyleGAN-V and cd-fvd have it.
    N,
    /// N - 1: the unbiased estimate, as TF-GAN, pytorch-fid, clean-fid and `numpy.cov` have it.
    NMinus1,
}

impl CovDivisor {
    fn of(self, n: f64) -> f64 {
        match self {
            Self::N => n,
            Self::NMinus1 => n - 1.0,
        }
    }
}

/// Ratio of smallest to largest eigenvalue above which the quick route is taken. An eigenvalue is off by about 1e-16 of the
/// largest; at this ratio its root is off by 1e-12 of the largest root.
const WELL_CONDITIONED: f64 = 1e-8;

/// The squared distance between two sets, as the field reports it: 0 or more; 0 for equal distributions.
///
/// # Errors
///
/// As [`FrechetReference::new`] and [`FrechetReference::distance`].
pub fn frechet_distance(
    a: &FeatureMatrix,
    b: &FeatureMatrix,
    divisor: CovDivisor,
) -> Result<f64, FeatureMetricError> {
    FrechetReference::new(b, divisor)?.distance(a)
}

/// One side of the distance, with a factor of its covariance computed once.
#[derive(Debug, Clone)]
pub struct FrechetReference {
    mean: Vec<f64>,
    /// The trace of the covariance times its divisor.
    scatter: f64,
    /// Rows of the set.
    count: usize,
    /// `k x d` with k = min(n, d), unscaled: `factor^T factor` is the covariance times its divisor. Upper triangular where n > d.
    factor: Mat<f64>,
    divisor: CovDivisor,
}

impl FrechetReference {
    /// Takes mean and covariance.
    ///
    /// # Errors
    ///
    /// [`FeatureMetricError::TooFew`] for one clip.
    pub fn new(features: &FeatureMatrix, divisor: CovDivisor) -> Result<Self, FeatureMetricError> {
        let moments = Moments::new(features)?;
        let factor = moments.factor();
        let Moments { mean, scatter, .. } = moments;
        Ok(Self { mean, scatter, count: features.count(), factor, divisor })
    }

    /// Takes mean and covariance of a set whose features are not available. Where its covariance is nearly singular,
    /// eigenvalues below the rounding of the largest are taken as zero; the features themselves would give such
    /// distances to more digits.
    ///
    /// # Errors
    ///
    /// [`FeatureMetricError::TooFew`] for one row, [`FeatureMetricError::NoConvergence`].
    pub fn from_moments(moments: &SetMoments, divisor: CovDivisor) -> Result<Self, FeatureMetricError> {
        FeatureMetricError::check_count(moments.count(), 2)?;
        let (dims, unscaled) = (moments.dims(), (moments.count() - 1) as f64);
        let covariance = moments.covariance();
        let scatters = Mat::from_fn(dims, dims, |i, j| covariance[i * dims + j] * unscaled);
        let factor = match cholesky(&scatters, WELL_CONDITIONED) {
            Some(lower) => lower.transpose().to_owned(),
            None => triangular_factor(
                symmetric_root(&scatters).ok_or(FeatureMetricError::NoConvergence)?.as_ref(),
            ),
        };
        let scatter = (0..dims).map(|i| scatters[(i, i)]).sum();
        Ok(Self { mean: moments.mean().to_vec(), scatter, count: moments.count(), factor, divisor })
    }

    /// Number of dimensions.
    pub fn dims(&self) -> usize {
        self.mean.len()
    }

    /// The squared distance, as the field reports it: 0 or more; 0 for equal distributions.
    ///
    /// # Errors
    ///
    /// [`FeatureMetricError::TooFew`], [`FeatureMetricError::Dims`] and [`FeatureMetricError::NoConvergence`].
    pub fn distance(&self, features: &FeatureMatrix) -> Result<f64, FeatureMetricError> {
        let other = self.comparable(features)?;
        let (here, there) = (self.own_divisor(), self.divisor.of(other.count()));
        let common = self.common(&other).ok_or(FeatureMetricError::NoConvergence)?;
        let spread = self.scatter / here + other.scatter / there - 2.0 * common / (here * there).sqrt();
        let apart = squared_distance(&self.mean, &other.mean);
        // The distance cannot be negative; rounding can make it so for distributions that are equal.
        Ok(zero_at_least(apart + spread))
    }

    /// Prepares the rows of a set for the distances of many of its subsets and resamples.
    ///
    /// # Errors
    ///
    /// [`FeatureMetricError::TooFew`] and [`FeatureMetricError::Dims`].
    pub(crate) fn project(&self, features: &FeatureMatrix) -> Result<Projected<'_>, FeatureMetricError> {
        let moments = self.comparable(features)?;
        let projected = product(self.factor.as_ref(), moments.columns());
        let projections = projected.col_iter().flat_map(|clip| clip.iter().copied()).collect();
        let clip_squares = moments.centred.chunks_exact(self.dims()).map(squares).collect();
        Ok(Projected { reference: self, moments, projections, clip_squares })
    }

    fn comparable(&self, features: &FeatureMatrix) -> Result<Moments, FeatureMetricError> {
        if features.dims() != self.dims() {
            return Err(FeatureMetricError::Dims { found: features.dims(), wanted: self.dims() });
        }
        Moments::new(features)
    }

    fn own_divisor(&self) -> f64 {
        self.divisor.of(self.count as f64)
    }

    /// `tr (S1 S2)^1/2`, times the roots of both divisors.
    fn common(&self, other: &Moments) -> Option<f64> {
        if let Some(quick) = self.quick_common(other) {
            return Some(quick);
        }
        let others = other.careful_factor();
        let singular = singular_values(&product(self.factor.as_ref(), others.transpose()))?;
        Some(singular.iter().sum())
    }

    /// The same by eigenvalues, if all are large enough for that.
    fn quick_common(&self, other: &Moments) -> Option<f64> {
        let dims = self.dims();
        // If a set has no more clips than dimensions, its factor is no triangle and its covariance is singular.
        if self.count <= dims || other.columns().ncols() <= dims {
            return None;
        }
        let covariance = mirrored(&gram(other.columns().transpose()));
        let eigenvalues = eigenvalues(&congruent(self.factor.as_ref(), covariance.as_ref()))?;
        let (smallest, largest) = (eigenvalues.first()?, eigenvalues.last()?);
        (*smallest > WELL_CONDITIONED * largest).then(|| eigenvalues.iter().map(|value| value.sqrt()).sum())
    }
}

/// Mean and spread of a set.
#[derive(Debug, Clone)]
struct Moments {
    mean: Vec<f64>,
    /// The features of each clip less their mean, clip after clip.
    centred: Vec<f64>,
    /// Sum of the squares of `centred`: the trace of the covariance times its divisor.
    scatter: f64,
}

impl Moments {
    fn new(features: &FeatureMatrix) -> Result<Self, FeatureMetricError> {
        FeatureMetricError::check_count(features.count(), 2)?;
        let mut centred = features.to_f64();
        let n = features.count();
        let mean = weighted_mean(&centred, features.dims(), &vec![1; n], n as f64);
        for clip in centred.chunks_exact_mut(features.dims()) {
            clip.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        }
        let scatter = centred.chunks_exact(features.dims()).map(squares).sum();
        Ok(Self { mean, centred, scatter })
    }

    /// A column for each clip, `d x n`.
    fn columns(&self) -> MatRef<'_, f64> {
        let dims = self.mean.len();
        MatRef::from_column_major_slice(&self.centred, dims, self.centred.len() / dims)
    }

    fn count(&self) -> f64 {
        self.columns().ncols() as f64
    }

    /// A factor by Cholesky, which is quick, if the covariance is far from singular.
    fn factor(&self) -> Mat<f64> {
        let regular = (self.columns().ncols() > self.mean.len()).then(|| gram(self.columns().transpose()));
        let lower = regular.and_then(|covariance| cholesky(&covariance, WELL_CONDITIONED));
        lower.map_or_else(|| self.careful_factor(), |lower| lower.transpose().to_owned())
    }

    /// A factor that is computed without squaring anything.
    fn careful_factor(&self) -> Mat<f64> {
        if self.columns().ncols() > self.mean.len() {
            triangular_factor(self.columns().transpose())
        } else {
            self.columns().transpose().to_owned()
        }
    }
}

/// A set beside a reference: distances of its subsets and resamples cost little more than one product each.
#[derive(Debug)]
pub(crate) struct Projected<'a> {
    reference: &'a FrechetReference,
    moments: Moments,
    /// The factor of the reference times each centred clip, `k` numbers a clip, clip after clip.
    projections: Vec<f64>,
    clip_squares: Vec<f64>,
}

impl Projected<'_> {
    /// The distance of the set in which row `i` counts `times[i]` times; at least two rows in all.
    ///
    /// Always by eigenvalues. Those below the rounding of the largest are taken as zero, because the root of rounding
    /// noise is a hundred million times the noise, and a covariance of low rank has much of it. The result is good to
    /// six digits, and intervals and fits need three.
    pub(crate) fn distance(&self, times: &[u32]) -> Result<f64, FeatureMetricError> {
        let n = times.iter().map(|&times| f64::from(times)).sum::<f64>();
        let reference = self.reference;
        let (here, there) = (reference.own_divisor(), reference.divisor.of(n));
        let shift = weighted_mean(&self.moments.centred, reference.dims(), times, n);
        let scatter =
            times.iter().zip(&self.clip_squares).map(|(times, squares)| f64::from(*times) * squares);
        let scatter = scatter.sum::<f64>() - n * squares(&shift);
        let common = self.common(times, n).ok_or(FeatureMetricError::NoConvergence)?;
        let spread = reference.scatter / here + scatter / there - 2.0 * common / (here * there).sqrt();
        let mean: Vec<f64> = self.moments.mean.iter().zip(&shift).map(|(mean, shift)| mean + shift).collect();
        Ok(zero_at_least(squared_distance(&reference.mean, &mean) + spread))
    }

    fn common(&self, times: &[u32], n: f64) -> Option<f64> {
        let width = self.reference.factor.nrows();
        let mean = weighted_mean(&self.projections, width, times, n);
        let clips = self.projections.chunks_exact(width).zip(times).filter(|(_, times)| **times > 0);
        let drawn: Vec<f64> = clips
            .flat_map(|(clip, times)| {
                let root = f64::from(*times).sqrt();
                clip.iter().zip(&mean).map(move |(value, mean)| root * (value - mean))
            })
            .collect();
        let columns = MatRef::from_column_major_slice(&drawn, width, drawn.len() / width);
        // Apart from zeros, both products have the same eigenvalues.
        let smaller =
            if columns.ncols() < columns.nrows() { gram(columns) } else { gram(columns.transpose()) };
        let eigenvalues = eigenvalues(&smaller)?;
        let noise = eigenvalues.last()? * eigenvalues.len() as f64 * f64::EPSILON;
        Some(eigenvalues.iter().filter(|value| **value > noise).map(|value| value.sqrt()).sum())
    }
}

/// Sum of squares in eight sums side by side, because each addition to one sum waits for the one before it.
fn squares(values: &[f64]) -> f64 {
    let (blocks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += value * value);
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| value * value).sum::<f64>()
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The mean of rows of `width` numbers, each counted as often as `times` says, `n` in all.
fn weighted_mean(rows: &[f64], width: usize, times: &[u32], n: f64) -> Vec<f64> {
    let mut mean = vec![0.0; width];
    for (row, times) in rows.chunks_exact(width).zip(times) {
        let times = f64::from(*times);
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += times * value);
    }
    mean.iter_mut().for_each(|sum| *sum /= n);
    mean
}
