use proptest::prelude::*;
use vidbench_metrics::{
    CovDivisor, FeatureMatrix, FeatureMetric, FeatureMetricError, FrechetReference, Reference, SetMoments,
    SetOptions, feature_metric_against, frechet_distance,
};

use crate::numpy::RandomState;

fn matrix(rows: &[Vec<f32>]) -> FeatureMatrix {
    FeatureMatrix::from_rows(rows.iter().map(Vec::as_slice)).unwrap()
}

fn distance(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    frechet_distance(&matrix(a), &matrix(b), CovDivisor::NMinus1).unwrap()
}

fn normals(seed: u32, rows: usize, columns: usize) -> Vec<Vec<f32>> {
    RandomState::new(seed).normals(rows, columns, 1.0, 0.0)
}

fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} within {tolerance}");
}

fn assert_close(value: f64, expected: f64, relative: f64) {
    assert_near(value, expected, relative * expected.abs());
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
fn four_hundred_dimensions_agree_with_scipy_under_both_divisors() {
    let a = RandomState::normal_matrix(1, 2048, 400, 1.0, 0.0);
    let b = RandomState::normal_matrix(2, 2048, 400, 1.1, 0.05);
    let distance = |divisor| frechet_distance(&a, &b, divisor).unwrap();
    assert_close(distance(CovDivisor::NMinus1), 48.04368291814785, 1e-11);
    assert_close(distance(CovDivisor::NMinus1), 48.04368292, 1e-8);
    assert_close(distance(CovDivisor::N), 48.02089922, 1e-8);
}

/// Of a reference set, only mean and covariance may be known: its distances are those of its features.
#[test]
fn moments_of_a_reference_give_the_distances_of_its_features() {
    let generated = matrix(&RandomState::new(4).normals(500, 64, 1.5, -0.25));
    // The last has fewer rows than dimensions; of those before, one has a dimension that never changes.
    let flat = normals(5, 300, 64).into_iter().map(|row| [&row[..63], &[2.0]].concat()).collect();
    for (rows, relative) in [(normals(3, 300, 64), 1e-12), (flat, 1e-10), (normals(6, 40, 64), 1e-6)] {
        let reference = matrix(&rows);
        let moments = SetMoments::of(&reference);
        for divisor in [CovDivisor::N, CovDivisor::NMinus1] {
            let whole = FrechetReference::new(&reference, divisor).unwrap();
            let of_moments = FrechetReference::from_moments(&moments, divisor).unwrap();
            assert_eq!(of_moments.dims(), whole.dims());
            let (found, expected) = (of_moments.distance(&generated), whole.distance(&generated));
            assert_close(found.unwrap(), expected.unwrap(), relative);
        }
    }
    let one = SetMoments::new(1, 1, vec![0.0], vec![0.0]).unwrap();
    let error = FrechetReference::from_moments(&one, CovDivisor::N).unwrap_err();
    assert!(matches!(error, FeatureMetricError::TooFew { n: 1, needed: 2 }), "{error}");
}

#[test]
fn what_needs_features_says_so_of_a_reference_without() {
    let (generated, reference) = (matrix(&normals(1, 60, 3)), matrix(&normals(2, 60, 3)));
    let moments = SetMoments::of(&reference);
    let options = SetOptions { resamples: 20, bootstrap_seed: 1 };
    let against = |metric, reference| feature_metric_against(metric, &generated, Some(reference), &options);
    for metric in [FeatureMetric::FrechetDistance, FeatureMetric::FrechetInfinity] {
        let (of_moments, whole) =
            (against(metric, Reference::Moments(&moments)), against(metric, Reference::Features(&reference)));
        assert_close(of_moments.score.value().unwrap(), whole.score.value().unwrap(), 1e-9);
        assert_close(of_moments.interval.unwrap().1, whole.interval.unwrap().1, 1e-9);
        assert_eq!((of_moments.n_reference, of_moments.underpowered), (Some(60), whole.underpowered));
    }
    let kernel = against(FeatureMetric::KernelDistance, Reference::Moments(&moments));
    let reason = "the reference set was created without features, which the metric needs";
    assert_eq!(kernel.score, vidbench_core::Score::not_available(reason));
}

/// Two samples of one distribution in 400 dimensions. Expected: `tr S1 + tr S2 - 2 sum(svd(A @ B.T))` with NumPy 2.4.6; SciPy's
/// square root agrees to 3 decimals where the rank is below 400, and to 1e-11 where it is not.
#[test]
fn the_bias_of_few_clips_is_as_known() {
    let all = [3, 4].map(|seed| normals(seed, 2048, 400));
    let expected = [
        (64, 542.3397640717892),
        (256, 298.0383249489121),
        (512, 157.58385998347228),
        (1024, 78.45042666432653),
        (2048, 39.37318890958329),
    ];
    for (n, expected) in expected {
        assert_close(distance(&all[0][..n], &all[1][..n]), expected, 1e-10);
    }
}

/// mpmath 1.3.0 with 60 digits, on `(RandomState(seed).randn(n, 6) * scale + shift).astype(float32)`.
#[test]
fn the_distance_is_exact_at_any_rank() {
    let set = |seed, n, scale, shift| RandomState::normal_matrix(seed, n, 6, scale, shift);
    let (thirty, twenty_five) = (set(11, 30, 1.0, 0.0), set(12, 25, 1.5, 0.25));
    let (four, five) = (set(13, 4, 1.0, 0.0), set(14, 5, 2.0, 0.5));
    let cases = [
        (&thirty, &twenty_five, CovDivisor::NMinus1, 5.365_237_293_916_361),
        (&thirty, &twenty_five, CovDivisor::N, 5.158_322_629_388_627_5),
        (&four, &five, CovDivisor::NMinus1, 15.717_382_898_089_41),
        (&four, &twenty_five, CovDivisor::NMinus1, 11.172_078_544_256_193),
        (&twenty_five, &four, CovDivisor::NMinus1, 11.172_078_544_256_193),
    ];
    for (a, b, divisor, expected) in cases {
        assert_close(frechet_distance(a, b, divisor).unwrap(), expected, 1e-13);
    }
}

/// Columns of deviations 1, 1e-2 ... 1e-10, so that variances span twenty decades. mpmath as above.
#[test]
fn variances_of_any_size_count() {
    let scaled = |seed| {
        let mut rows = RandomState::new(seed).normals(40, 6, 1.0, 0.0);
        for row in &mut rows {
            row.iter_mut().enumerate().for_each(|(j, x)| *x *= 10.0_f32.powi(-2 * j as i32));
        }
        rows
    };
    // Scaling in 32 bits moves the value in the eighth digit.
    assert_close(distance(&scaled(15), &scaled(16)), 0.106_907_101_705_092_61, 1e-6);
}

#[test]
fn a_covariance_without_full_rank_agrees_with_the_exact_value_and_with_scipy_to_the_root_of_rounding() {
    // 40 clips in 64 dimensions: SciPy's root has an imaginary part of 1.7e-8 here and gives 40.76473072934236.
    let distance = distance(&normals(5, 40, 64), &normals(6, 200, 64));
    assert_close(distance, 40.76473131051135, 1e-12);
    assert_near(distance, 40.76473072934236, 1e-5);
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
        assert!(distance(&rows, &rows) < 1e-11, "{n}: {}", distance(&rows, &rows));
    }
    let constant = vec![vec![3.5; 64]; 5];
    assert_eq!(distance(&constant, &constant), 0.0);
}

#[test]
fn spaces_of_different_dimensions_have_no_distance() {
    let reference = FrechetReference::new(&matrix(&normals(1, 4, 2)), CovDivisor::N).unwrap();
    let error = reference.distance(&matrix(&normals(1, 4, 3))).unwrap_err();
    assert_eq!(error.to_string(), "features of 3 dimensions cannot be compared with 2");
}

#[test]
fn the_largest_floats_give_a_distance_or_a_reason_and_end() {
    let huge = [vec![f32::MAX, 0.0], vec![-f32::MAX, 1.0], vec![0.0, f32::MAX]];
    let other = normals(1, 3, 2);
    assert!(distance(&huge, &other) > 1e70);
    let tiny = [vec![f32::from_bits(1), 0.0], vec![0.0, f32::from_bits(1)]];
    assert!(distance(&tiny, &other).is_finite());
    let beyond = FeatureMatrix::f64(3, 2, vec![1e200, 0.0, -1e200, 1.0, 0.0, 1e200]).unwrap();
    let error = frechet_distance(&beyond, &beyond, CovDivisor::N);
    assert_eq!(error, Err(FeatureMetricError::NoConvergence));
}

#[test]
fn a_fit_of_many_clips_agrees_with_the_textbook_formula() {
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

/// What rounding may cost on variances of up to 100, at any rank.
const ROUNDING: f64 = 1e-10;

#[test]
fn as_many_clips_as_dimensions_are_measured_from_either_side() {
    let (few, many) = (normals(17, 6, 6), normals(18, 40, 6));
    assert_close(distance(&few, &many), distance(&many, &few), 1e-10);
}

fn rows() -> impl Strategy<Value = Vec<Vec<f32>>> {
    (2_usize..20)
        .prop_flat_map(|n| proptest::collection::vec(proptest::collection::vec(-10.0_f32..10.0, 5), n))
}

/// Six clips for five dimensions: small eigenvalues are all but lost beside the large ones, and a rational QL lost more of them.
#[test]
fn a_set_with_small_eigenvalues_is_at_no_distance_from_itself() {
    let rows = [
        [-6.0, -4.5, 1.25, -0.5, 7.25],
        [4.5, -5.5, -1.0, -6.0, -4.5],
        [-3.5, 4.5, -3.75, -6.75, 9.75],
        [7.5, -3.75, 9.5, -8.25, -4.5],
        [-8.0, 8.0, 0.0, -5.75, 1.75],
        [9.0, -6.0, 0.0, -7.75, -1.0],
    ]
    .map(|row| row.to_vec());
    assert!(distance(&rows, &rows) < ROUNDING);
}

proptest! {
    #[test]
    fn a_set_is_at_no_distance_from_itself(a in rows()) {
        prop_assert!(distance(&a, &a) < ROUNDING);
    }

    #[test]
    fn the_distance_is_symmetric_and_not_negative(a in rows(), b in rows()) {
        let (there, back) = (distance(&a, &b), distance(&b, &a));
        prop_assert!(there >= 0.0);
        prop_assert!((there - back).abs() < ROUNDING, "{there} {back}");
    }

    #[test]
    fn a_shift_by_c_is_at_distance_c_squared(a in rows(), c in proptest::collection::vec(-8_i8..8, 5)) {
        // Quarters of the grid and whole shifts are exact in f32, so nothing is lost before the fit.
        let on_grid: Vec<Vec<f32>> = a.iter().map(|row| row.iter().map(|x| (x * 4.0).round() / 4.0).collect()).collect();
        let shifted: Vec<Vec<f32>> =
            on_grid.iter().map(|row| row.iter().zip(&c).map(|(x, c)| x + f32::from(*c)).collect()).collect();
        let expected: f64 = c.iter().map(|c| f64::from(*c).powi(2)).sum();
        prop_assert!((distance(&on_grid, &shifted) - expected).abs() < ROUNDING);
    }

    #[test]
    fn the_order_of_clips_does_not_matter(a in rows(), b in rows()) {
        let mut reversed = a.clone();
        reversed.reverse();
        prop_assert!((distance(&a, &b) - distance(&reversed, &b)).abs() < ROUNDING);
    }
}
