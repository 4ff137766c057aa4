//! Neighbourhoods of two sets of features: what precision, recall, density and coverage count.
//!
//! A row's ball reaches to its k-th nearest other row of its own set; a row lies in a ball when its distance to the centre is
//! below the radius. Distances are sums of squared differences in a fixed order, so that equal rows are at 0 exactly.

use crate::FeatureMetricError;
use crate::features::FeatureMatrix;

/// How many neighbours a ball reaches to, as in Naeem et al. 2020.
pub const NEIGHBOURS: usize = 5;

/// Which rows lie in which balls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbourhoods {
    /// For each generated row, the number of balls of the reference it lies in.
    pub reference_balls: Vec<usize>,
    /// For each row of the reference, whether it lies in the ball of a generated row.
    pub recalled: Vec<bool>,
    /// For each row of the reference, whether a generated row lies in its ball.
    pub covered: Vec<bool>,
}

impl Neighbourhoods {
    /// Counts with balls to the `k`-th neighbour.
    ///
    /// # Errors
    ///
    /// [`FeatureMetricError::TooFew`] when a set has no more than `k` rows, [`FeatureMetricError::Dims`] and
    /// [`FeatureMetricError::OutOfRange`].
    pub fn new(
        generated: &FeatureMatrix,
        reference: &FeatureMatrix,
        k: usize,
    ) -> Result<Self, FeatureMetricError> {
        let dims = reference.dims();
        if generated.dims() != dims {
            return Err(FeatureMetricError::Dims { found: generated.dims(), wanted: dims });
        }
        FeatureMetricError::check_count(generated.count(), k + 1)?;
        FeatureMetricError::check_count(reference.count(), k + 1)
            .map_err(FeatureMetricError::of_reference)?;
        let (generated, reference) = (generated.to_f64(), reference.to_f64());
        count(&generated, &reference, dims, k)
    }

    /// Share of generated rows in a ball of the reference (Kynkäänniemi et al. 2019). [0, 1].
    pub fn precision(&self) -> f64 {
        mean(self.inside())
    }

    /// Share of rows of the reference in a ball of a generated row (Kynkäänniemi et al. 2019). [0, 1].
    pub fn recall(&self) -> f64 {
        mean(self.recalled.iter().map(|recalled| f64::from(*recalled)))
    }

    /// The mean number of reference balls that a generated row lies in, divided by `k` (Naeem et al. 2020). 0 or more;
    /// 1 is expected for equal distributions.
    pub fn density(&self, k: usize) -> f64 {
        mean(self.reference_balls.iter().map(|balls| *balls as f64)) / k as f64
    }

    /// Share of balls of the reference with a generated row in them (Naeem et al. 2020). [0, 1].
    pub fn coverage(&self) -> f64 {
        mean(self.covered.iter().map(|covered| f64::from(*covered)))
    }

    fn inside(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.reference_balls.iter().map(|balls| f64::from(*balls > 0))
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn count(
    generated: &[f64],
    reference: &[f64],
    dims: usize,
    k: usize,
) -> Result<Neighbourhoods, FeatureMetricError> {
    let own_radii = radii(generated, dims, k);
    let reference_radii = radii(reference, dims, k);
    if !own_radii.iter().chain(&reference_radii).all(|radius| radius.is_finite()) {
        return Err(FeatureMetricError::OutOfRange);
    }
    let rows = reference.len() / dims;
    let (mut recalled, mut covered) = (vec![false; rows], vec![false; rows]);
    let mut reference_balls = Vec::with_capacity(own_radii.len());
    for (row, own_radius) in generated.chunks_exact(dims).zip(&own_radii) {
        let mut balls = 0;
        let others = reference.chunks_exact(dims).zip(&reference_radii);
        for ((other, radius), (recalled, covered)) in others.zip(recalled.iter_mut().zip(&mut covered)) {
            let distance = squared_distance(row, other);
            *recalled |= distance < *own_radius;
            *covered |= distance < *radius;
            balls += usize::from(distance < *radius);
        }
        reference_balls.push(balls);
    }
    Ok(Neighbourhoods { reference_balls, recalled, covered })
}

/// Squared distance of each row to the `k`-th nearest other row.
fn radii(rows: &[f64], dims: usize, k: usize) -> Vec<f64> {
    let radius = |(index, row): (usize, &[f64])| {
        let mut distances: Vec<f64> = rows
            .chunks_exact(dims)
            .enumerate()
            .filter(|(other, _)| *other != index)
            .map(|(_, other)| squared_distance(row, other))
            .collect();
        let (_, kth, _) = distances.select_nth_unstable_by(k - 1, f64::total_cmp);
        *kth
    };
    rows.chunks_exact(dims).enumerate().map(radius).collect()
}

/// Adds eight sums side by side, which a compiler can keep in vectors, and then adds those up in a fixed order.
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f64>() + rest
}
