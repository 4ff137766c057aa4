//! `frechet_distance@1` and `frechet_distance.biased@1`: how far apart two sets of features are, each modelled as a
//! normal distribution.
//!
//! # Definition
//!
//! `|m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^1/2` with mean m and covariance S of the features of generated (1) and reference
//! (2) clips, in 64-bit floats. S is divided by N - 1, in `.biased` by N.
//!
//! # Range and direction
//!
//! [0, unbounded), lower is better. Two samples of one distribution are not at 0: the value is biased upwards, about as d/N.
//!
//! # Input
//!
//! Two files of features of one net, one row per clip; at least two rows in each, of 1 to 4,096 dimensions. Fewer than
//! two rows per dimension in either are flagged as underpowered. For a reference set, its mean and covariance are
//! enough.
//!
//! # Reference
//!
//! Heusel et al., NeurIPS 2017, eq. 6; Dowson and Landau 1982. FVD is this on features of I3D (Unterthiner et al. 2018).
//!
//! # Differences
//!
//! No general square root of a matrix is taken, so no imaginary part is dropped and nothing is added to a singular
//! covariance: the trace comes from eigenvalues of a symmetric matrix or, where those are not precise enough, from
//! singular values of a product of the centred features. The 95 % interval is a bootstrap over the generated clips with
//! the reference held fixed.
//!
//! # Cost
//!
//! N d^2 and d^3 on one core.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::FeatureMetricError;
use crate::bootstrap::clip_resamples;
use crate::feature_metric::{Measured, SetOptions};
use crate::features::FeatureMatrix;
use crate::frechet::FrechetReference;

/// What `frechet_distance@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "frechet_distance@1",
    title: "Fréchet distance of features to a reference, covariance over N - 1",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (Some(0.0), None),
    needs: Needs::Features,
    aggregate: Aggregate::OfSet,
    nets: &[],
};

/// What `frechet_distance.biased@1` says about itself.
pub const BIASED_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "frechet_distance.biased@1",
    title: "Fréchet distance of features to a reference, covariance over N as in StyleGAN-V and cd-fvd",
    ..DESCRIPTOR
};

pub(crate) fn measure(
    generated: &FeatureMatrix,
    reference: &FrechetReference,
    options: &SetOptions,
) -> Result<Measured, FeatureMetricError> {
    let value = reference.distance(generated)?;
    if options.resamples == 0 {
        return Ok(Measured::new(value, Vec::new()));
    }
    let projected = reference.project(generated)?;
    let resampled = clip_resamples(generated, options)
        .map(|times| projected.distance(&times))
        .collect::<Result<_, _>>()?;
    Ok(Measured::new(value, resampled))
}
