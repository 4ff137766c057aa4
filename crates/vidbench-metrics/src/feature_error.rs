//! Why a metric of features gives no number.

/// A metric of features cannot be computed; the message becomes the reason of [`Score::NotAvailable`](crate::Score).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FeatureMetricError {
    /// The metric compares two sets and one was given.
    #[error("the metric needs reference features, and none were given")]
    NoReference,
    /// There are too few rows.
    #[error("{n} clips with features, but at least {needed} are needed")]
    TooFew {
        /// Clips with features.
        n: usize,
        /// Clips the metric needs.
        needed: usize,
    },
    /// The sets are of different spaces.
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
    /// Distances between rows are beyond 64-bit floats.
    #[error("distances between features are beyond the range of 64-bit floats")]
    OutOfRange,
    /// A row is no distribution over classes.
    #[error("row {row} is not a distribution over classes: its smallest value is {smallest}, its sum {sum}")]
    NoDistribution {
        /// The row, counted from 0.
        row: usize,
        /// Its smallest value.
        smallest: f64,
        /// Its sum.
        sum: f64,
    },
    /// Mean and covariance cannot be those of a set.
    #[error("not the mean and covariance of a set: {reason}")]
    NoMoments {
        /// Why.
        reason: String,
    },
    /// The reference has only a mean and a covariance.
    #[error("the reference set was created without features, which the metric needs")]
    NoFeatures,
    /// The reference cannot be used.
    #[error("reference: {0}")]
    Reference(Box<FeatureMetricError>),
}

impl FeatureMetricError {
    /// Checks that there are `needed` rows.
    pub(crate) fn check_count(n: usize, needed: usize) -> Result<(), Self> {
        if n < needed { Err(Self::TooFew { n, needed }) } else { Ok(()) }
    }

    /// The same error, about the reference.
    pub(crate) fn of_reference(self) -> Self {
        Self::Reference(Box::new(self))
    }
}
