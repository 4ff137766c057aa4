//! Eigenvalues of symmetric matrices, without eigenvectors: the matrix is made tridiagonal, and its eigenvalues found by the
//! rational QL algorithm, which takes no root within its loop and a third of the time of the one that makes eigenvectors.
//!
//! Reinsch, "A stable, rational QL algorithm for the computation of eigenvalues of an Hermitian matrix", Comm. ACM 1973, in the
//! form of Pal, Walker and Kahan: Parlett, "The Symmetric Eigenvalue Problem", SIAM 1998, section 8.15.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::tridiag::{tridiag_in_place, tridiag_in_place_scratch};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Mat, Par};

/// Steps that an eigenvalue may take; two are usual.
const MAX_STEPS: usize = 60;

/// Diagonal and subdiagonal of a tridiagonal matrix with the eigenvalues of the symmetric one with that lower triangle.
pub(crate) fn tridiagonal(lower: &Mat<f64>) -> (Vec<f64>, Vec<f64>) {
    let n = lower.nrows();
    let mut reduced = lower.clone();
    if n > 1 {
        let mut reflections = Mat::zeros(recommended_block_size::<f64>(n, n), n - 1);
        let scratch = tridiag_in_place_scratch::<f64>(n, Par::Seq, Default::default());
        let mut memory = MemBuffer::new(scratch);
        let memory = MemStack::new(&mut memory);
        tridiag_in_place(reduced.as_mut(), reflections.as_mut(), Par::Seq, memory, Default::default());
    }
    ((0..n).map(|at| reduced[(at, at)]).collect(), (1..n).map(|at| reduced[(at, at - 1)]).collect())
}

/// Eigenvalues of the matrix with that diagonal and those numbers beside it, rising, each to the rounding of the largest; `None`
/// when they are not found.
pub(crate) fn eigenvalues_of_tridiagonal(mut diagonal: Vec<f64>, beside: &[f64]) -> Option<Vec<f64>> {
    let largest = diagonal.iter().chain(beside).fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return Some(diagonal);
    }
    // Squares must stay within the range of floats.
    diagonal.iter_mut().for_each(|value| *value /= largest);
    let mut squares: Vec<f64> = beside.iter().map(|value| (value / largest).powi(2)).collect();
    for first in 0..diagonal.len() {
        let mut steps = 0;
        loop {
            let last = end_of_block(&diagonal, &mut squares, first);
            if last == first {
                break;
            }
            steps += 1;
            if steps > MAX_STEPS {
                return None;
            }
            step(&mut diagonal[first..=last], &mut squares[first..last]);
        }
    }
    diagonal.sort_by(f64::total_cmp);
    diagonal.iter_mut().for_each(|value| *value *= largest);
    Some(diagonal)
}

/// The last index of the block that begins at `first`: what couples it to the next is lost in the rounding.
fn end_of_block(diagonal: &[f64], squares: &mut [f64], first: usize) -> usize {
    const ROUNDING: f64 = f64::EPSILON * f64::EPSILON / 4.0;
    let neighbours = diagonal.windows(2).zip(squares).enumerate().skip(first);
    for (at, (neighbours, square)) in neighbours {
        let size: f64 = neighbours.iter().product();
        if *square <= ROUNDING * size.abs() || *square < f64::MIN_POSITIVE {
            *square = 0.0;
            return at;
        }
    }
    diagonal.len() - 1
}

/// One step of a block of two or more, whose first number converges: `squares` are those of the numbers beside the diagonal.
fn step(diagonal: &mut [f64], squares: &mut [f64]) {
    let shift = shift(diagonal[0], diagonal[1], squares[0].sqrt());
    let last = squares.len();
    let (mut cosine, mut sine) = (1.0, 0.0);
    let mut gamma = diagonal[last] - shift;
    let mut p = gamma * gamma;
    for at in (0..last).rev() {
        let square = squares[at];
        let sum = p + square;
        if at + 1 < last {
            squares[at + 1] = sine * sum;
        }
        let before = (cosine, gamma);
        (cosine, sine) = (p / sum, square / sum);
        gamma = cosine * (diagonal[at] - shift) - sine * before.1;
        diagonal[at + 1] = before.1 + (diagonal[at] - gamma);
        p = if cosine == 0.0 { before.0 * square } else { gamma * gamma / cosine };
    }
    squares[0] = sine * p;
    diagonal[0] = shift + gamma;
}

/// Wilkinson's shift: the eigenvalue of the first two rows that is nearer to the first number.
fn shift(first: f64, second: f64, beside: f64) -> f64 {
    let half = (second - first) / (2.0 * beside);
    first - beside / (half + half.hypot(1.0).copysign(half))
}

#[cfg(test)]
mod tests {
    use faer::Side;

    use super::*;

    fn found(matrix: &Mat<f64>) -> Vec<f64> {
        let (diagonal, beside) = tridiagonal(matrix);
        eigenvalues_of_tridiagonal(diagonal, &beside).unwrap()
    }

    fn assert_as_faer(matrix: &Mat<f64>) {
        let expected = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap();
        let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for (found, expected) in found(matrix).iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-13 * largest, "{found} is not {expected} of {largest}");
        }
    }

    /// `rows` numbers of each of `n` columns, times their transpose.
    fn scatter(n: usize, rows: usize, scale: f64) -> Mat<f64> {
        let wave = |i: usize, j: usize| scale * ((i * 31 + j * 17 + i * j) as f64 * 0.61).sin();
        let factor = Mat::from_fn(rows, n, wave);
        factor.transpose() * &factor
    }

    #[test]
    fn they_are_those_of_the_algorithm_with_eigenvectors() {
        for n in [1, 2, 3, 17, 64, 130] {
            assert_as_faer(&scatter(n, 2 * n, 1.0));
        }
    }

    #[test]
    fn matrices_of_low_rank_and_of_equal_eigenvalues_have_theirs() {
        for rows in [1, 2, 20] {
            assert_as_faer(&scatter(40, rows, 1.0));
        }
        assert_as_faer(&Mat::identity(30, 30));
        assert_eq!(found(&Mat::zeros(5, 5)), [0.0; 5]);
    }

    #[test]
    fn numbers_of_any_size_are_scaled() {
        for scale in [1e-120, 1e120] {
            assert_as_faer(&scatter(20, 40, scale));
        }
    }

    #[test]
    fn two_rows_follow_the_closed_form() {
        // Halves of 6 and of the root of 2^2 + 4 * 2^2.
        let found = eigenvalues_of_tridiagonal(vec![2.0, 4.0], &[2.0]).unwrap();
        let root = 5.0_f64.sqrt();
        assert!((found[0] - (3.0 - root)).abs() < 1e-15 && (found[1] - (3.0 + root)).abs() < 1e-15);
    }
}
