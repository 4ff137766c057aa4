//! Sums of a polynomial kernel over pairs of rows, from which maximum mean discrepancies are computed.
//!
//! A kernel matrix is computed a block of rows at a time and never kept, so memory grows with the number of rows and
//! not with its square. Subsets and resamples are weights of rows; all of them are summed in the same pass.

use faer::{Mat, MatRef};

use crate::FeatureMetricError;
use crate::features::FeatureMatrix;
use crate::linalg::product;

/// Rows of a block.
const BLOCK: usize = 256;

/// `(gamma x.y + coef0)^degree`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    /// The power.
    pub degree: Degree,
    /// Factor of the scalar product.
    pub gamma: f64,
    /// Added to the scaled product.
    pub coef0: f64,
}

/// Powers in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degree {
    /// The square.
    Two,
    /// The cube.
    Three,
}

impl Polynomial {
    fn of(self, scalar_product: f64) -> f64 {
        let base = self.gamma * scalar_product + self.coef0;
        match self.degree {
            Degree::Two => base * base,
            Degree::Three => base * base * base,
        }
    }
}

/// How often each row counts: a column for each subset or resample, a row for each row of features.
pub(crate) type Weights = Mat<f64>;

/// One weight of 1 for each of `n` rows.
pub(crate) fn ones(n: usize) -> Weights {
    Mat::from_fn(n, 1, |_, _| 1.0)
}

/// The weights of draws, a column for each.
pub(crate) fn weights(n: usize, draws: &[Vec<u32>]) -> Weights {
    Mat::from_fn(n, draws.len(), |row, draw| f64::from(draws[draw].get(row).copied().unwrap_or(0)))
}

/// The mean of a kernel over the pairs of rows of one set: from the sum over pairs of different rows, the kernel of each row
/// with itself, the weights, and which column of them.
pub(crate) type MeanWithin = fn(f64, &[f64], &Weights, usize) -> f64;

/// For each column of each pair of weights the squared maximum mean discrepancy: the means within both sets less twice the mean
/// across.
///
/// # Errors
///
/// [`FeatureMetricError::Dims`].
pub(crate) fn discrepancies<const SETS: usize>(
    kernel: Polynomial,
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
    sets: &[(Weights, Weights); SETS],
    mean: MeanWithin,
) -> Result<[Vec<f64>; SETS], FeatureMetricError> {
    if generated.dims() != reference.dims() {
        return Err(FeatureMetricError::Dims { found: generated.dims(), wanted: reference.dims() });
    }
    let (x, y) = (generated.columns(), reference.columns());
    let (x, y) = (x.transpose(), y.transpose());
    let pairs = sets.each_ref().map(|(u, v)| (u, v));
    let between = across(kernel, x, y, &pairs);
    let (here, own) = within(kernel, x, &pairs.map(|(u, _)| u));
    let (there, others) = within(kernel, y, &pairs.map(|(_, v)| v));
    Ok(std::array::from_fn(|set| {
        let (u, v) = pairs[set];
        let column = |column: usize| {
            mean(here[set][column], &own, u, column) + mean(there[set][column], &others, v, column)
                - 2.0 * between[set][column] / (total(u, column) * total(v, column))
        };
        (0..u.ncols()).map(column).collect()
    }))
}

/// How many rows a column of weights counts.
pub(crate) fn total(weights: &Weights, column: usize) -> f64 {
    weights.col(column).iter().sum()
}

/// For each column of weights, the sum of `u_i v_j k(x_i, y_j)` over all i and j. `weights` are pairs of equal width;
/// each pair is summed by itself, so that the pairs beside it cannot change its bits.
fn across(
    kernel: Polynomial,
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    weights: &[(&Weights, &Weights)],
) -> Vec<Vec<f64>> {
    sums(kernel, x, y, weights, |_, _| {})
}

/// For each column of weights, the sum of `w_i w_j k(x_i, x_j)` over all i and j except i = j, and `k(x_i, x_i)` for
/// each i.
fn within(kernel: Polynomial, x: MatRef<'_, f64>, weights: &[&Weights]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let pairs: Vec<_> = weights.iter().map(|weights| (*weights, *weights)).collect();
    let mut diagonal = Vec::with_capacity(x.nrows());
    let sums = sums(kernel, x, x, &pairs, |first, block| {
        for row in 0..block.nrows() {
            diagonal.push(block[(row, first + row)]);
            block[(row, first + row)] = 0.0;
        }
    });
    (sums, diagonal)
}

fn sums(
    kernel: Polynomial,
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    weights: &[(&Weights, &Weights)],
    mut edit: impl FnMut(usize, &mut Mat<f64>),
) -> Vec<Vec<f64>> {
    let mut sums: Vec<Vec<f64>> = weights.iter().map(|(u, _)| vec![0.0; u.ncols()]).collect();
    for first in (0..x.nrows()).step_by(BLOCK) {
        let rows = BLOCK.min(x.nrows() - first);
        let mut block = product(x.subrows(first, rows), y.transpose());
        for column in block.col_iter_mut() {
            column.iter_mut().for_each(|cell| *cell = kernel.of(*cell));
        }
        edit(first, &mut block);
        for ((u, v), sums) in weights.iter().zip(&mut sums) {
            let weighted = product(block.as_ref(), v.as_ref());
            let columns = weighted.col_iter().zip(u.subrows(first, rows).col_iter());
            for ((weighted, u), sum) in columns.zip(sums) {
                *sum += weighted.iter().zip(u.iter()).map(|(weighted, u)| weighted * u).sum::<f64>();
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: Polynomial = Polynomial { degree: Degree::Three, gamma: 0.5, coef0: 1.0 };

    fn rows(n: usize, shift: usize) -> Mat<f64> {
        Mat::from_fn(n, 3, |i, j| (((i + shift) * 7 + j * 5) % 11) as f64 / 4.0 - 1.0)
    }

    fn slow(x: &Mat<f64>, y: &Mat<f64>, i: usize, j: usize) -> f64 {
        let dot: f64 = (0..3).map(|k| x[(i, k)] * y[(j, k)]).sum();
        (dot / 2.0 + 1.0).powi(3)
    }

    /// More rows than a block has.
    #[test]
    fn blocks_add_up_to_the_whole() {
        let (x, y) = (rows(300, 0), rows(20, 2));
        let u = Mat::from_fn(300, 2, |i, r| ((i + r) % 3) as f64);
        let v = Mat::from_fn(20, 2, |j, r| ((j + 2 * r) % 4) as f64);
        let found = across(KERNEL, x.as_ref(), y.as_ref(), &[(&u, &v)]).remove(0);
        for (r, found) in found.iter().enumerate() {
            let pairs = (0..300).flat_map(|i| (0..20).map(move |j| (i, j)));
            let expected: f64 = pairs.map(|(i, j)| u[(i, r)] * v[(j, r)] * slow(&x, &y, i, j)).sum();
            assert!((found - expected).abs() < 1e-9 * expected, "{found} {expected}");
        }
    }

    #[test]
    fn a_row_is_no_pair_with_itself() {
        let x = rows(300, 0);
        let (sums, diagonal) = within(KERNEL, x.as_ref(), &[&ones(300)]);
        let pairs = (0..300).flat_map(|i| (0..300).map(move |j| (i, j))).filter(|(i, j)| i != j);
        let expected: f64 = pairs.map(|(i, j)| slow(&x, &x, i, j)).sum();
        assert!((sums[0][0] - expected).abs() < 1e-9 * expected, "{sums:?} {expected}");
        assert!((diagonal[299] - slow(&x, &x, 299, 299)).abs() < 1e-12);
        assert_eq!(diagonal.len(), 300);
    }

    #[test]
    fn what_is_summed_beside_it_does_not_change_a_sum() {
        let x = rows(40, 0);
        let draws: Vec<Vec<u32>> = (0..37).map(|r| (0..40).map(|i| (i * r) % 3).collect()).collect();
        let (alone, _) = within(KERNEL, x.as_ref(), &[&ones(40)]);
        let (beside, _) = within(KERNEL, x.as_ref(), &[&ones(40), &weights(40, &draws)]);
        assert_eq!(alone[0], beside[0]);
    }
}
