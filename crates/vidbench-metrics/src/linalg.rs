//! The linear algebra of set metrics, on one thread: sums run in an order that nothing outside can change.
//!
//! faer is built without its thread pool, so its own choice is sequential as well; the calls of products state it
//! explicitly.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::{Accum, Mat, MatRef, Par, Side};

const FULL: BlockStructure = BlockStructure::Rectangular;
const LOWER: BlockStructure = BlockStructure::TriangularLower;
const UPPER: BlockStructure = BlockStructure::TriangularUpper;

/// Replaces by 0 what rounding made negative. NaN stays NaN, which [`f64::max`] would turn into 0.
pub(crate) fn zero_at_least(value: f64) -> f64 {
    if value < 0.0 { 0.0 } else { value }
}

/// `a b`.
pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(&mut out, Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// The lower triangle of `upper symmetric upper^T` for an upper triangular matrix; the upper triangle is zero.
pub(crate) fn congruent(upper: MatRef<'_, f64>, symmetric: MatRef<'_, f64>) -> Mat<f64> {
    let mut half = Mat::zeros(upper.nrows(), symmetric.ncols());
    triangular_matmul(&mut half, FULL, Accum::Replace, upper, UPPER, symmetric, FULL, 1.0, Par::Seq);
    let mut out = Mat::zeros(upper.nrows(), upper.nrows());
    let (half, right) = (half.as_ref(), upper.transpose());
    triangular_matmul(&mut out, LOWER, Accum::Replace, half, FULL, right, LOWER, 1.0, Par::Seq);
    out
}

/// The lower triangle of `rows^T rows`; the upper triangle is zero.
pub(crate) fn gram(rows: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(rows.ncols(), rows.ncols());
    // This many rows of a few hundred numbers stay in the cache next to the processor; all rows at once take twice as
    // long.
    const ROWS: usize = 128;
    for first in (0..rows.nrows()).step_by(ROWS) {
        let some = rows.subrows(first, ROWS.min(rows.nrows() - first));
        triangular_matmul(&mut out, LOWER, Accum::Add, some.transpose(), FULL, some, FULL, 1.0, Par::Seq);
    }
    out
}

/// The whole matrix from its lower triangle.
pub(crate) fn mirrored(lower: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(lower.nrows(), lower.ncols(), |i, j| lower[(i.max(j), i.min(j))])
}

/// Eigenvalues of the symmetric matrix with that lower triangle, in rising order; `None` when they are out of the range
/// of floats.
pub(crate) fn eigenvalues(lower: &Mat<f64>) -> Option<Vec<f64>> {
    is_finite(lower).then(|| lower.self_adjoint_eigenvalues(Side::Lower).ok())?
}

/// A matrix whose product `root^T root` is the symmetric one; eigenvalues below the rounding of the largest are taken as zero.
pub(crate) fn symmetric_root(symmetric: &Mat<f64>) -> Option<Mat<f64>> {
    let eigen = is_finite(symmetric).then(|| symmetric.self_adjoint_eigen(Side::Lower).ok())??;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let largest = values.iter().fold(0.0, |largest, value| value.max(largest));
    let noise = largest * symmetric.nrows() as f64 * f64::EPSILON;
    let root = |i: usize| if values[i] > noise { values[i].sqrt() } else { 0.0 };
    Some(Mat::from_fn(symmetric.nrows(), symmetric.ncols(), |i, j| root(i) * vectors[(j, i)]))
}

/// Singular values, in falling order; `None` when they are out of the range of floats.
pub(crate) fn singular_values(matrix: &Mat<f64>) -> Option<Vec<f64>> {
    is_finite(matrix).then(|| matrix.singular_values().ok())?
}

/// R of the QR decomposition: `min(n, d) x d` with `R^T R = rows^T rows`, to the precision of the rows themselves.
pub(crate) fn triangular_factor(rows: MatRef<'_, f64>) -> Mat<f64> {
    rows.qr().thin_R().to_owned()
}

/// L of the Cholesky decomposition; `None` for a matrix that is singular or nearly so: the ratio of its smallest to its
/// largest pivot is below `smallest`.
pub(crate) fn cholesky(lower: &Mat<f64>, smallest: f64) -> Option<Mat<f64>> {
    let factor = is_finite(lower).then(|| lower.llt(Side::Lower).ok())??.L().to_owned();
    let pivots = || factor.diagonal().column_vector().iter().map(|pivot| pivot * pivot);
    let (low, high) = (pivots().fold(f64::INFINITY, f64::min), pivots().fold(0.0, f64::max));
    (low > smallest * high).then_some(factor)
}

fn is_finite(matrix: &Mat<f64>) -> bool {
    matrix.col_iter().all(|column| column.iter().all(|cell| cell.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Mat<f64> {
        Mat::from_fn(5, 3, |i, j| ((i * 7 + j * 3) % 5) as f64 - 1.5 * j as f64)
    }

    fn assert_near(a: &Mat<f64>, b: &Mat<f64>) {
        assert!((a - b).norm_max() < 1e-12, "{a:?} {b:?}");
    }

    #[test]
    fn both_factors_give_the_gram_matrix_back() {
        let whole = product(rows().transpose(), rows().as_ref());
        assert_near(&mirrored(&gram(rows().as_ref())), &whole);
        let r = triangular_factor(rows().as_ref());
        assert_near(&product(r.transpose(), r.as_ref()), &whole);
        let l = cholesky(&gram(rows().as_ref()), 1e-12).unwrap();
        assert_near(&product(l.as_ref(), l.transpose()), &whole);
    }

    #[test]
    fn a_root_gives_the_matrix_back_even_of_low_rank() {
        // Three columns of which one is the sum of the others.
        let low = Mat::from_fn(6, 3, |i, j| {
            if j < 2 { rows()[(i % 5, j)] } else { rows()[(i % 5, 0)] + rows()[(i % 5, 1)] }
        });
        for of in [rows(), low] {
            let whole = product(of.transpose(), of.as_ref());
            let root = symmetric_root(&whole).unwrap();
            assert_near(&product(root.transpose(), root.as_ref()), &whole);
        }
        assert!(symmetric_root(&Mat::from_fn(2, 2, |_, _| f64::NAN)).is_none());
    }

    #[test]
    fn rows_beyond_a_block_count() {
        let many = Mat::from_fn(300, 3, |i, j| ((i * 7 + j * 3) % 11) as f64 - 1.5 * j as f64);
        let whole = product(many.transpose(), many.as_ref());
        assert_eq!(mirrored(&gram(many.as_ref())), whole);
    }

    #[test]
    fn a_congruent_matrix_is_both_products() {
        let r = triangular_factor(rows().as_ref());
        let symmetric = mirrored(&gram(rows().as_ref()));
        let expected = product(product(r.as_ref(), symmetric.as_ref()).as_ref(), r.transpose());
        assert_near(&mirrored(&congruent(r.as_ref(), symmetric.as_ref())), &expected);
    }

    #[test]
    fn eigenvalues_are_squares_of_singular_values() {
        let mut roots: Vec<f64> =
            eigenvalues(&gram(rows().as_ref())).unwrap().iter().map(|x| x.sqrt()).collect();
        roots.reverse();
        let singular = singular_values(&rows()).unwrap();
        assert!(roots.iter().zip(&singular).all(|(a, b)| (a - b).abs() < 1e-12), "{roots:?} {singular:?}");
    }

    #[test]
    fn what_has_no_decomposition_has_none() {
        let infinite = Mat::from_fn(2, 2, |_, _| f64::INFINITY);
        assert_eq!(eigenvalues(&infinite), None);
        assert_eq!(singular_values(&infinite), None);
        assert!(cholesky(&infinite, 0.0).is_none());
        let singular = Mat::from_fn(2, 2, |_, _| 1.0);
        assert!(cholesky(&singular, 1e-8).is_none());
    }
}
