//! Metrics of features that a user supplies: from one or two matrices to a number with its interval.

use vidbench_core::Score;

use crate::bootstrap::{RESAMPLES, centred_interval};
use crate::features::FeatureMatrix;
use crate::frechet::{CovDivisor, FrechetReference};
use crate::set::is_underpowered;
use crate::set_moments::SetMoments;
use crate::{
    FeatureMetric, FeatureMetricError, density_coverage, frechet_distance, frechet_infinity, inception_score,
    kernel_distance, mmd_polynomial, precision_recall,
};

/// What a set is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Reference<'a> {
    /// A set with its features.
    Features(&'a FeatureMatrix),
    /// Mean and covariance of one, which are enough for Fréchet distances.
    Moments(&'a SetMoments),
}

impl<'a> Reference<'a> {
    fn count(self) -> usize {
        match self {
            Self::Features(matrix) => matrix.count(),
            Self::Moments(moments) => moments.count(),
        }
    }

    fn clips(self) -> usize {
        match self {
            Self::Features(matrix) => matrix.clips(),
            Self::Moments(moments) => moments.clips(),
        }
    }

    fn features(self) -> Result<&'a FeatureMatrix, FeatureMetricError> {
        match self {
            Self::Features(matrix) => Ok(matrix),
            Self::Moments(_) => Err(FeatureMetricError::NoFeatures),
        }
    }

    fn moments(self, divisor: CovDivisor) -> Result<FrechetReference, FeatureMetricError> {
        let reference = match self {
            Self::Features(matrix) => FrechetReference::new(matrix, divisor),
            Self::Moments(moments) => FrechetReference::from_moments(moments, divisor),
        };
        reference.map_err(FeatureMetricError::of_reference)
    }
}

/// How a metric of features is measured. Whatever changes the value itself is part of the metric and not an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOptions {
    /// Resamples of the interval; 0 for none, which is quicker. [`RESAMPLES`] is usual.
    pub resamples: usize,
    /// Seed of the resamples.
    pub bootstrap_seed: u64,
}

impl SetOptions {
    /// [`RESAMPLES`] resamples from that seed.
    pub fn new(bootstrap_seed: u64) -> Self {
        Self { resamples: RESAMPLES, bootstrap_seed }
    }
}

/// A metric of features, with what a reader of its value needs.
#[derive(Debug, Clone, PartialEq)]
pub struct SetMeasurement {
    /// The metric.
    pub metric: FeatureMetric,
    /// The value, or why there is none.
    pub score: Score,
    /// The 95 % bootstrap interval; `None` without a value or resamples.
    pub interval: Option<(f64, f64)>,
    /// Rows of the generated set: its clips, or their frames.
    pub n: usize,
    /// Rows of the reference; `None` for a metric that has none.
    pub n_reference: Option<usize>,
    /// Length of a row.
    pub dims: usize,
    /// Whether a set has too few clips for its dimensions: fewer than two per dimension, however many frames they have,
    /// or fewer than the metric itself asks for.
    pub underpowered: bool,
    /// Further numbers by name, as the metric's page explains them.
    pub extra: Vec<(&'static str, f64)>,
}

/// What the module of a metric returns.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    pub(crate) resampled: Vec<f64>,
    pub(crate) extra: Vec<(&'static str, f64)>,
    pub(crate) underpowered: bool,
}

impl Measured {
    pub(crate) fn new(value: f64, resampled: Vec<f64>) -> Self {
        Self { value, resampled, extra: Vec::new(), underpowered: false }
    }
}

/// Measures `generated` against `reference`. A value that cannot be computed is reported as not available, with the
/// reason; no input panics.
///
/// Rows are taken in their order: the draws of the interval, and the subsets of some metrics, go by index.
///
/// ```
/// use vidbench_metrics::{FeatureMatrix, FeatureMetric, SetOptions, feature_metric};
///
/// let generated = FeatureMatrix::f32(3, 1, vec![1.0, 2.0, 3.0]).unwrap();
/// let reference = FeatureMatrix::f32(3, 1, vec![2.0, 3.0, 4.0]).unwrap();
/// let options = SetOptions { resamples: 0, bootstrap_seed: 1 };
/// let measured = feature_metric(FeatureMetric::FrechetDistance, &generated, Some(&reference), &options);
/// assert!((measured.score.value().unwrap() - 1.0).abs() < 1e-12);
/// assert_eq!((measured.n, measured.n_reference, measured.dims), (3, Some(3), 1));
/// ```
pub fn feature_metric(
    metric: FeatureMetric,
    generated: &FeatureMatrix,
    reference: Option<&FeatureMatrix>,
    options: &SetOptions,
) -> SetMeasurement {
    feature_metric_against(metric, generated, reference.map(Reference::Features), options)
}

/// The same, with a reference of which only mean and covariance may be known.
pub fn feature_metric_against(
    metric: FeatureMetric,
    generated: &FeatureMatrix,
    reference: Option<Reference<'_>>,
    options: &SetOptions,
) -> SetMeasurement {
    let reference = reference.filter(|_| metric.compares());
    let (n, dims) = (generated.count(), generated.dims());
    let n_reference = reference.map(Reference::count);
    let clips = generated.clips();
    let few = is_underpowered(clips.min(reference.map_or(clips, Reference::clips)), dims);
    let measurement = SetMeasurement {
        metric,
        score: Score::not_available("not measured"),
        interval: None,
        n,
        n_reference,
        dims,
        underpowered: few,
        extra: Vec::new(),
    };
    match measure(metric, generated, reference, options) {
        Err(error) => SetMeasurement { score: Score::not_available(error.to_string()), ..measurement },
        Ok(measured) => SetMeasurement {
            score: Score::from_value(measured.value),
            // A set of one clip has no interval, because every resample of it is that clip.
            interval: interval(metric, &measured).filter(|_| clips > 1),
            underpowered: few || measured.underpowered,
            extra: measured.extra.into_iter().filter(|(_, value)| value.is_finite()).collect(),
            ..measurement
        },
    }
}

fn measure(
    metric: FeatureMetric,
    generated: &FeatureMatrix,
    reference: Option<Reference<'_>>,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let reference = || reference.ok_or(FeatureMetricError::NoReference);
    let compared = || reference()?.features();
    let moments = |divisor| reference()?.moments(divisor);
    match metric {
        FeatureMetric::Coverage => density_coverage::coverage(generated, compared()?, options),
        FeatureMetric::Density => density_coverage::density(generated, compared()?, options),
        FeatureMetric::FrechetDistance => {
            frechet_distance::measure(generated, &moments(CovDivisor::NMinus1)?, options)
        }
        FeatureMetric::FrechetDistanceBiased => {
            frechet_distance::measure(generated, &moments(CovDivisor::N)?, options)
        }
        FeatureMetric::FrechetInfinity => {
            frechet_infinity::measure(generated, &moments(CovDivisor::NMinus1)?, options)
        }
        FeatureMetric::InceptionScore => inception_score::measure(generated, options),
        FeatureMetric::KernelDistance => kernel_distance::measure(generated, compared()?, options),
        FeatureMetric::MmdPolynomial => mmd_polynomial::measure(generated, compared()?, options),
        FeatureMetric::Precision => precision_recall::precision(generated, compared()?, options),
        FeatureMetric::Recall => precision_recall::recall(generated, compared()?, options),
    }
}

/// The interval, moved onto the value and cut at the ends of the metric's range.
fn interval(metric: FeatureMetric, measured: &Measured) -> Option<(f64, f64)> {
    let (lowest, highest) = metric.descriptor().range;
    let cut = |bound: f64| {
        let bound = lowest.map_or(bound, |lowest| bound.max(lowest));
        highest.map_or(bound, |highest| bound.min(highest))
    };
    let (low, high) = centred_interval(measured.value, measured.resampled.clone())?;
    (low.is_finite() && high.is_finite()).then(|| (cut(low), cut(high)))
}
