//! `feature_density@1` and `feature_coverage@1`: how densely generated features lie where the reference is dense, and
//! how much of the reference they reach.
//!
//! # Definition
//!
//! A row's ball reaches to its [`NEIGHBOURS`]-th nearest other row of the reference (Euclidean). Density is the number
//! of such balls that a generated row lies in, averaged over the generated rows and divided by [`NEIGHBOURS`]; coverage
//! is the share of the balls with a generated row in them. A row lies in a ball when it is nearer to the centre than
//! the radius.
//!
//! # Range and direction
//!
//! Density [0, unbounded), 1 expected for equal distributions; coverage [0, 1]. Higher is better. A density above 1
//! means that a set keeps to where the reference is densest: read it together with coverage.
//!
//! # Input
//!
//! As `frechet_distance@1`, with more than [`NEIGHBOURS`] rows in each set.
//!
//! # Reference
//!
//! Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020;
//! clovaai/generative-evaluation-prdc.
//!
//! # Differences
//!
//! As `feature_precision@1`.
//!
//! # Cost
//!
//! As `feature_precision@1`.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::resampled_means;
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::neighbours::{NEIGHBOURS, Neighbourhoods};

/// What `feature_density@1` says about itself.
pub const DENSITY_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "feature_density@1",
    title: "how densely generated clips lie where the reference is dense",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), None),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// What `feature_coverage@1` says about itself.
pub const COVERAGE_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "feature_coverage@1",
    title: "share of reference clips with a generated clip in their neighbourhood",
    range: (Some(0.0), Some(1.0)),
    ..DENSITY_DESCRIPTOR
};

pub(crate) fn density(
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let balls = Neighbourhoods::new(generated, reference, NEIGHBOURS)?;
    let shares: Vec<f64> =
        balls.reference_balls.iter().map(|balls| *balls as f64 / NEIGHBOURS as f64).collect();
    Ok(Measured::new(balls.density(NEIGHBOURS), resampled_means(&shares, options)))
}

pub(crate) fn coverage(
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let balls = Neighbourhoods::new(generated, reference, NEIGHBOURS)?;
    let covered: Vec<f64> = balls.covered.iter().map(|covered| f64::from(*covered)).collect();
    Ok(Measured::new(balls.coverage(), resampled_means(&covered, options)))
}
