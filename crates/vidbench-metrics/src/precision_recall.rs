//! `feature_precision@1` and `feature_recall@1`: how much of one set of features lies within the other.
//!
//! # Definition
//!
//! A row's ball reaches to its [`NEIGHBOURS`]-th nearest other row of its own set (Euclidean). Precision is the share of
//! generated rows inside a ball of the reference, recall the share of rows of the reference inside a ball of a generated row;
//! inside means nearer than the radius.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. Precision falls with clips that look like none of the reference, recall with kinds of
//! clips that are never generated.
//!
//! # Input
//!
//! As `frechet_distance@1`, with more than [`NEIGHBOURS`] rows in each set. Values depend on the number of rows in both
//! sets.
//!
//! # Reference
//!
//! Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", NeurIPS 2019;
//! clovaai/generative-evaluation-prdc for k = 5 and the strict comparison.
//!
//! # Differences
//!
//! Kynkäänniemi et al. take k = 3. Distances are sums of squared differences in 64-bit floats, where the package multiplies
//! matrices, so that equal rows are at 0 exactly. The interval draws the rows over which the share is taken, with all
//! balls held fixed.
//!
//! # Cost
//!
//! `(m + n)^2 d` on one core.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::resampled_means;
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::neighbours::{NEIGHBOURS, Neighbourhoods};

/// What `feature_precision@1` says about itself.
pub const PRECISION_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "feature_precision@1",
    title: "share of generated clips whose features lie within the reference",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// What `feature_recall@1` says about itself.
pub const RECALL_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "feature_recall@1",
    title: "share of reference clips whose features lie within the generated ones",
    ..PRECISION_DESCRIPTOR
};

pub(crate) fn precision(
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let balls = Neighbourhoods::new(generated, reference, NEIGHBOURS)?;
    let inside: Vec<f64> = balls.reference_balls.iter().map(|balls| f64::from(*balls > 0)).collect();
    Ok(Measured::new(balls.precision(), resampled_means(&inside, options)))
}

pub(crate) fn recall(
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let balls = Neighbourhoods::new(generated, reference, NEIGHBOURS)?;
    let recalled: Vec<f64> = balls.recalled.iter().map(|recalled| f64::from(*recalled)).collect();
    Ok(Measured::new(balls.recall(), resampled_means(&recalled, options)))
}
