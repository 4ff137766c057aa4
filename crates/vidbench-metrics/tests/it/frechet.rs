use proptest::prelude::*;
use vidbench_metrics::{Features, Gaussian, frechet_distance};

use crate::numpy::RandomState;

fn gaussian(rows: &[Vec<f32>]) -> Gaussian {
    Features::new(rows.iter().map(Vec::as_slice)).unwrap().gaussian()
}

fn distance(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    frechet_distance(&gaussian(a), &gaussian(b)).unwrap()
}

fn normals(seed: u32, rows: usize, columns: usize) -> Vec<Vec<f32>> {
    RandomState::new(seed).normals(rows, columns, 1.0, 0.0)
}

fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} within {tolerance}");
}

/// The goldens are SciPy 1.17.1: `sqrtm(S1 @ S2)` with NumPy 2.4.6's `cov(rowvar=False)`, all in 64-bit floats. Both routes
/// round in about the thirteenth digit.
#[test]
fn the_distance_agrees_with_scipy() {
    let a = normals(3, 300, 64);
    let b = RandomState::new(4).normals(500, 64, 1.5, -0.25);
    assert_near(distance(&a, &b), 27.985380734028183, 1e-9);
}

#[test]
fn four_hundred_dimensions_agree_with_scipy() {
    let a = normals(1, 2048, 400);
    let b = RandomState::new(2).normals(2048, 400, 1.1, 0.05);
    assert_near(distance(&a, &b), 48.04368291814785, 1e-9);
}

#[test]
fn a_covariance_without_full_rank_agrees_with_scipy_to_the_root_of_rounding() {
    // 40 clips in 64 dimensions: SciPy's root has an imaginary part of 1.7e-8 here.
    assert_near(distance(&normals(5, 40, 64), &normals(6, 200, 64)), 40.76473072934236, 1e-5);
}

#[test]
fn one_dimension_follows_the_closed_form() {
    // (m1 - m2)^2 + (s1 - s2)^2 with variances 1/(N-1): means 2 and 5, deviations 1 and 3.
    let a = [1.0, 2.0, 3.0].map(|x| vec![x]);
    let b = [2.0, 5.0, 8.0].map(|x| vec![x]);
    assert_near(distance(&a, &b), 9.0 + 4.0, 1e-12);
}

#[test]
fn independent_axes_add_up() {
    // Points of a rectangle: no covariance, deviations sqrt(4/3) times the half sides.
    let rectangle = |x: f32, y: f32| [vec![x, y], vec![-x, y], vec![x, -y], vec![-x, -y]];
    let expected = 4.0 / 3.0 * ((3.0_f64 - 1.0).powi(2) + (2.0_f64 - 7.0).powi(2));
    assert_near(distance(&rectangle(1.0, 2.0), &rectangle(3.0, 7.0)), expected, 1e-12);
}

#[test]
fn equal_sets_without_full_rank_are_at_no_distance() {
    for n in [2, 3, 10, 63] {
        let rows = normals(7, n, 64);
        assert!(distance(&rows, &rows) < 1e-9, "{n}: {}", distance(&rows, &rows));
    }
    let constant = vec![vec![3.5; 64]; 5];
    assert_eq!(distance(&constant, &constant), 0.0);
}

#[test]
fn spaces_of_different_dimensions_have_no_distance() {
    let error = frechet_distance(&gaussian(&normals(1, 4, 2)), &gaussian(&normals(1, 4, 3))).unwrap_err();
    assert_eq!(error.to_string(), "features of 3 dimensions cannot be compared with 2");
}

#[test]
fn the_largest_floats_give_a_distance_or_a_reason_and_end() {
    let huge = [vec![f32::MAX, 0.0], vec![-f32::MAX, 1.0], vec![0.0, f32::MAX]];
    let (a, b) = (gaussian(&huge), gaussian(&normals(1, 3, 2)));
    assert!(frechet_distance(&a, &b).is_ok_and(|distance| distance > 1e70));
    let tiny = [vec![f32::from_bits(1), 0.0], vec![0.0, f32::from_bits(1)]];
    assert!(frechet_distance(&gaussian(&tiny), &b).is_ok_and(f64::is_finite));
}

/// The order of the sum differs between blocks of 512, so many clips are where an error would show.
#[test]
fn a_fit_of_many_blocks_agrees_with_the_textbook_formula() {
    let rows = normals(9, 1300, 3);
    let n = rows.len() as f64;
    let mean: Vec<f64> = (0..3).map(|i| rows.iter().map(|row| f64::from(row[i])).sum::<f64>() / n).collect();
    let variance = |i: usize| {
        let squares = rows.iter().map(|row| (f64::from(row[i]) - mean[i]).powi(2));
        squares.sum::<f64>() / (n - 1.0)
    };
    // Against a point at the origin only means and variances count.
    let origin = vec![vec![0.0; 3]; 2];
    let expected: f64 = (0..3).map(|i| mean[i] * mean[i] + variance(i)).sum();
    assert_near(distance(&rows, &origin), expected, 1e-10);
}

/// What rounding may cost a covariance of a low rank: its zero eigenvalues come back as roots of 64-bit rounding errors, on
/// variances of up to 100.
const LOW_RANK: f64 = 1e-5;

fn rows() -> impl Strategy<Value = Vec<Vec<f32>>> {
    (2_usize..20)
        .prop_flat_map(|n| proptest::collection::vec(proptest::collection::vec(-10.0_f32..10.0, 5), n))
}

proptest! {
    #[test]
    fn a_set_is_at_no_distance_from_itself(a in rows()) {
        prop_assert!(distance(&a, &a) < LOW_RANK);
    }

    #[test]
    fn the_distance_is_symmetric_and_not_negative(a in rows(), b in rows()) {
        let (there, back) = (distance(&a, &b), distance(&b, &a));
        prop_assert!(there >= 0.0);
        prop_assert!((there - back).abs() < LOW_RANK, "{there} {back}");
    }

    #[test]
    fn a_shift_by_c_is_at_distance_c_squared(a in rows(), c in proptest::collection::vec(-8_i8..8, 5)) {
        // Quarters of the grid and whole shifts are exact in f32, so nothing is lost before the fit.
        let on_grid: Vec<Vec<f32>> = a.iter().map(|row| row.iter().map(|x| (x * 4.0).round() / 4.0).collect()).collect();
        let shifted: Vec<Vec<f32>> =
            on_grid.iter().map(|row| row.iter().zip(&c).map(|(x, c)| x + f32::from(*c)).collect()).collect();
        let expected: f64 = c.iter().map(|c| f64::from(*c).powi(2)).sum();
        prop_assert!((distance(&on_grid, &shifted) - expected).abs() < LOW_RANK);
    }

    #[test]
    fn the_order_of_clips_does_not_matter(a in rows(), b in rows()) {
        let mut reversed = a.clone();
        reversed.reverse();
        prop_assert!((distance(&a, &b) - distance(&reversed, &b)).abs() < LOW_RANK);
    }
}
