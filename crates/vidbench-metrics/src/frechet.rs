//! The Fréchet distance between two normal distributions, and fitting them to features.
//!
//! `d2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2` in 64-bit floats. The matrix under the last root is
//! symmetric, so its eigenvalues are real and the trace is the sum of their roots: no general matrix square root, no imaginary
//! part to drop. Covariances are divided by N - 1.
//!
//! Sums run in the order of the clips, in blocks of fixed length, on one thread.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Longest feature vector that is taken.
pub const MAX_DIMS: usize = 4096;

/// Clips whose outer products are summed by one matrix product; bounds the memory of a fit.
const BLOCK: usize = 512;

/// Features cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// A covariance needs two clips.
    #[error("{n} clips with features, at least 2 are needed")]
    TooFew {
        /// Clips with features.
        n: usize,
    },
    /// Vectors of no or of too many elements.
    #[error("features of {dims} dimensions, 1 to {MAX_DIMS} are taken")]
    Dims {
        /// Length of the vectors.
        dims: usize,
    },
    /// Vectors of different length.
    #[error("features of clip {clip} have {found} dimensions, those of clip 0 have {wanted}")]
    Unequal {
        /// Index of the odd clip.
        clip: usize,
        /// Its length.
        found: usize,
        /// The others' length.
        wanted: usize,
    },
    /// A feature is infinite or not a number.
    #[error("feature {index} of clip {clip} is {value}")]
    NotFinite {
        /// Index of the clip.
        clip: usize,
        /// Index into its vector.
        index: usize,
        /// The value, as text.
        value: String,
    },
}

/// A distance cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrechetError {
    /// The distributions are of different spaces.
    #[error("features of {found} dimensions cannot be compared with {wanted}")]
    Dims {
        /// Dimensions of the one.
        found: usize,
        /// Dimensions of the reference.
        wanted: usize,
    },
    /// Eigenvalues were not found, because the covariance is out of the range of 64-bit floats.
    #[error("eigenvalues of the covariance do not converge")]
    NoConvergence,
}

/// Feature vectors that have been checked: at least two, of one length, finite.
#[derive(Debug, Clone)]
pub struct Features<'a> {
    rows: Vec<&'a [f32]>,
    mean: DVector<f64>,
}

impl<'a> Features<'a> {
    /// Checks `rows`, one vector a clip.
    ///
    /// # Errors
    ///
    /// Every [`FeatureError`], each for the input its doc names.
    pub fn new(rows: impl IntoIterator<Item = &'a [f32]>) -> Result<Self, FeatureError> {
        let rows: Vec<&[f32]> = rows.into_iter().collect();
        check(&rows)?;
        let mean = mean(&rows);
        Ok(Self { rows, mean })
    }

    /// Number of clips, at least 2.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Length of each vector, 1 to [`MAX_DIMS`].
    pub fn dims(&self) -> usize {
        self.mean.len()
    }

    /// The normal distribution with the mean and covariance (1/(N-1)) of these features.
    pub fn gaussian(&self) -> Gaussian {
        self.weighted_gaussian(&vec![1; self.count()])
    }

    /// As [`Features::gaussian`] with clip `i` taken `times[i]` times; the times add up to the number of clips.
    pub(crate) fn weighted_gaussian(&self, times: &[u32]) -> Gaussian {
        let (n, dims) = (self.count() as f64, self.dims());
        let (mut shift, mut scatter) = (DVector::zeros(dims), DMatrix::zeros(dims, dims));
        for (rows, times) in self.rows.chunks(BLOCK).zip(times.chunks(BLOCK)) {
            // Columns are clips, centred on the mean of all so that little cancels, times the root of their weight.
            let roots: Vec<f64> = times.iter().map(|&times| f64::from(times).sqrt()).collect();
            let mut block = DMatrix::zeros(dims, rows.len());
            for ((mut column, row), root) in block.column_iter_mut().zip(rows).zip(&roots) {
                let centred = column.iter_mut().zip(row.iter().zip(self.mean.iter()));
                centred.for_each(|(cell, (x, mean))| *cell = root * (f64::from(*x) - mean));
            }
            shift += &block * DVector::from_vec(roots);
            scatter += &block * block.transpose();
        }
        shift /= n;
        let covariance = (scatter - &shift * shift.transpose() * n) / (n - 1.0);
        Gaussian { mean: &self.mean + shift, covariance }
    }
}

fn check(rows: &[&[f32]]) -> Result<(), FeatureError> {
    let n = rows.len();
    let Some(first) = rows.first().filter(|_| n >= 2) else { return Err(FeatureError::TooFew { n }) };
    let dims = first.len();
    if !(1..=MAX_DIMS).contains(&dims) {
        return Err(FeatureError::Dims { dims });
    }
    for (clip, row) in rows.iter().enumerate() {
        if row.len() != dims {
            return Err(FeatureError::Unequal { clip, found: row.len(), wanted: dims });
        }
        if let Some((index, value)) = row.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(FeatureError::NotFinite { clip, index, value: value.to_string() });
        }
    }
    Ok(())
}

fn mean(rows: &[&[f32]]) -> DVector<f64> {
    let mut sum = DVector::zeros(rows.first().map_or(0, |row| row.len()));
    for row in rows {
        sum.iter_mut().zip(*row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sum / rows.len() as f64
}

/// A normal distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Gaussian {
    /// Its number of dimensions.
    pub fn dims(&self) -> usize {
        self.mean.len()
    }
}

/// One side of the distance, with the root of its covariance computed once.
#[derive(Debug, Clone)]
pub struct FrechetReference {
    gaussian: Gaussian,
    root: DMatrix<f64>,
}

impl FrechetReference {
    /// Takes the root of the covariance.
    ///
    /// # Errors
    ///
    /// [`FrechetError::NoConvergence`].
    pub fn new(gaussian: Gaussian) -> Result<Self, FrechetError> {
        let SymmetricEigen { eigenvectors, eigenvalues } = eigen(gaussian.covariance.clone())?;
        let roots = roots(&eigenvalues);
        let root = &eigenvectors * DMatrix::from_diagonal(&roots) * eigenvectors.transpose();
        Ok(Self { gaussian, root })
    }

    /// The squared distance, as the field reports it: 0 or more; 0 for equal distributions.
    ///
    /// # Errors
    ///
    /// Every [`FrechetError`].
    pub fn distance(&self, other: &Gaussian) -> Result<f64, FrechetError> {
        let reference = &self.gaussian;
        if other.dims() != reference.dims() {
            return Err(FrechetError::Dims { found: other.dims(), wanted: reference.dims() });
        }
        let product = &self.root * &other.covariance * &self.root;
        // Rounding breaks the symmetry that the eigenvalue routine relies on.
        let symmetric = (&product + product.transpose()) / 2.0;
        let common = roots(&eigen(symmetric)?.eigenvalues).sum();
        let spread = reference.covariance.trace() + other.covariance.trace() - 2.0 * common;
        let apart = (&reference.mean - &other.mean).norm_squared();
        // The distance cannot be negative; rounding can make it so for distributions that are equal.
        Ok((apart + spread).max(0.0))
    }
}

/// The Fréchet distance of two normal distributions.
///
/// # Errors
///
/// Every [`FrechetError`].
pub fn frechet_distance(a: &Gaussian, b: &Gaussian) -> Result<f64, FrechetError> {
    FrechetReference::new(a.clone())?.distance(b)
}

fn eigen(symmetric: DMatrix<f64>) -> Result<SymmetricEigen<f64, nalgebra::Dyn>, FrechetError> {
    /// Steps for each eigenvalue; two or three are usual.
    const STEPS: usize = 100;
    if symmetric.iter().any(|cell| !cell.is_finite()) {
        return Err(FrechetError::NoConvergence);
    }
    let steps = STEPS * symmetric.nrows();
    SymmetricEigen::try_new(symmetric, f64::EPSILON, steps).ok_or(FrechetError::NoConvergence)
}

/// Roots of the eigenvalues of a positive semidefinite matrix.
///
/// What lies below the rounding of the largest eigenvalue is zero: the root of rounding noise is a hundred million times the
/// noise, and a matrix of low rank has much of it.
fn roots(eigenvalues: &DVector<f64>) -> DVector<f64> {
    let noise = eigenvalues.max() * eigenvalues.len() as f64 * f64::EPSILON;
    eigenvalues.map(|value| if value > noise { value.sqrt() } else { 0.0 })
}
