use proptest::prelude::*;
use vidbench_analysis::stats::{
    mean, mean_interval, pairwise_sum, standard_deviation, student_t_975, wilson_interval,
};

/// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, to three decimals, with more digits from the exact forms:
/// one degree is tan(0.475 pi), two degrees 0.95 sqrt(2 / (1 - 0.95^2)).
#[test]
fn student_t_equals_published_tables() {
    for (degrees, expected) in [
        (1.0, 12.706_204_736_432_1),
        (2.0, 4.302_652_729_696_1),
        (3.0, 3.182_446_305_284_3),
        (4.0, 2.776_445_105_197_8),
        (5.0, 2.570_581_836_614_7),
        (10.0, 2.228_138_851_986_3),
        (30.0, 2.042_272_456_301_2),
        (100.0, 1.983_971_518_523_6),
    ] {
        let found = student_t_975(degrees);
        assert!((found - expected).abs() < 1e-6, "{degrees} degrees: {found}");
    }
    assert!((student_t_975(1.0) - (0.475 * std::f64::consts::PI).tan()).abs() < 1e-9);
    assert!((student_t_975(2.0) - 0.95 * (2.0_f64 / (1.0 - 0.95 * 0.95)).sqrt()).abs() < 1e-9);
}

#[test]
fn student_t_falls_towards_the_normal_quantile() {
    let quantiles: Vec<f64> = [1.0, 2.0, 9.0, 99.0, 999.0, 1e6].map(student_t_975).to_vec();
    assert!(quantiles.windows(2).all(|pair| pair[0] > pair[1]), "{quantiles:?}");
    assert!((quantiles[5] - 1.959_963_984_540_054).abs() < 1e-5);
}

#[test]
fn the_interval_of_a_mean_is_the_textbook_one() {
    // Mean 3, standard deviation sqrt(2.5), n 5: half width 2.776445 * sqrt(2.5) / sqrt(5).
    let interval = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let half = 2.776_445_105 * (0.5_f64).sqrt();
    assert!((interval.low - (3.0 - half)).abs() < 1e-8 && (interval.high - (3.0 + half)).abs() < 1e-8);
}

#[test]
fn too_few_values_give_nothing_rather_than_zero() {
    assert_eq!(mean(&[]), None);
    assert_eq!(standard_deviation(&[1.0]), None);
    assert_eq!(mean_interval(&[1.0]), None);
    assert_eq!(wilson_interval(0, 0), None);
    assert_eq!(wilson_interval(2, 1), None);
}

/// Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
#[test]
fn wilson_equals_newcombe() {
    for (successes, trials, low, high) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let interval = wilson_interval(successes, trials).unwrap();
        assert!((interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5, "{interval:?}");
    }
}

#[test]
fn small_numbers_survive_beside_many_large_ones() {
    let mut values = vec![1e-3; 1_000_000];
    values[0] = 1e9;
    let error = (pairwise_sum(&values) - (1e9 + 999.999)).abs();
    // Added one after the other, each of the small values could be off by up to half of 1.2e-7, 0.06 in all.
    assert!(error < 1e-5, "{error}");
}

proptest! {
    #[test]
    fn the_mean_lies_within_its_interval_and_between_the_extremes(values in prop::collection::vec(-1e6..1e6_f64, 2..200)) {
        let centre = mean(&values).unwrap();
        let interval = mean_interval(&values).unwrap();
        prop_assert!(interval.low <= centre && centre <= interval.high);
        let (min, max) = values.iter().fold((f64::MAX, f64::MIN), |(min, max), v| (min.min(*v), max.max(*v)));
        prop_assert!(min - 1e-6 <= centre && centre <= max + 1e-6);
    }

    #[test]
    fn wilson_contains_the_share(trials in 1_u64..10_000, part in 0.0..=1.0_f64) {
        let successes = (trials as f64 * part) as u64;
        let interval = wilson_interval(successes, trials).unwrap();
        let share = successes as f64 / trials as f64;
        prop_assert!(0.0 <= interval.low && interval.low <= share + 1e-12);
        prop_assert!(share <= interval.high + 1e-12 && interval.high <= 1.0);
    }
}
