use proptest::prelude::*;
use vidbench_core::Score;
use vidbench_metrics::inception_score::inception_score;
use vidbench_metrics::mmd_polynomial::mmd_squared;
use vidbench_metrics::{
    Degree, FeatureMatrix, FeatureMetric, Neighbourhoods, Polynomial, SetMeasurement, SetOptions,
    feature_metric,
};

use crate::numpy::RandomState;

const QUICK: SetOptions = SetOptions { resamples: 0, bootstrap_seed: 1 };

fn set(seed: u32, n: usize, dims: usize, scale: f64, shift: f64) -> FeatureMatrix {
    RandomState::normal_matrix(seed, n, dims, scale, shift)
}

fn value(metric: FeatureMetric, generated: &FeatureMatrix, reference: &FeatureMatrix) -> f64 {
    feature_metric(metric, generated, Some(reference), &QUICK).score.value().unwrap()
}

fn extra(measured: &SetMeasurement, name: &str) -> f64 {
    measured.extra.iter().find(|(known, _)| *known == name).unwrap().1
}

fn reason(measured: &SetMeasurement) -> &str {
    match &measured.score {
        Score::NotAvailable { reason } => reason,
        Score::Value(value) => panic!("{value}"),
    }
}

fn assert_close(value: f64, expected: f64, relative: f64) {
    assert!((value - expected).abs() <= relative * expected.abs(), "{value} is not {expected}");
}

/// NumPy 2.4.6, `(x @ y.T / d + 1) ** 3` in 64-bit floats.
#[test]
fn the_kernel_distance_agrees_with_numpy() {
    let small = value(FeatureMetric::KernelDistance, &set(31, 40, 6, 1.2, 0.1), &set(32, 50, 6, 1.0, 0.0));
    assert_close(small, 0.10546906821597268, 1e-12);
    let measured = feature_metric(
        FeatureMetric::KernelDistance,
        &set(1, 2048, 400, 1.0, 0.0),
        Some(&set(2, 2048, 400, 1.1, 0.05)),
        &QUICK,
    );
    assert_close(measured.score.value().unwrap(), 0.007483602909, 1e-9);
    // A hundred subsets of half the rows: their mean is near the whole, within their standard error.
    let (mean, sd) = (extra(&measured, "subset_mean"), extra(&measured, "subset_sd"));
    assert_eq!(extra(&measured, "subset_size"), 1000.0);
    assert!(sd > 0.0 && (mean - 0.007483602909).abs() < sd, "{mean} {sd}");
}

#[test]
fn subsets_of_all_rows_are_the_whole() {
    let (a, b) = (set(31, 40, 6, 1.2, 0.1), set(32, 40, 6, 1.0, 0.0));
    let measured = feature_metric(FeatureMetric::KernelDistance, &a, Some(&b), &QUICK);
    assert_close(extra(&measured, "subset_mean"), measured.score.value().unwrap(), 1e-12);
    assert!(extra(&measured, "subset_sd") < 1e-12);
}

/// scikit-learn's polynomial kernel, as JEDi calls it, on NumPy 2.4.6.
#[test]
fn the_polynomial_discrepancy_agrees_with_jedi() {
    let a = FeatureMatrix::f64(3, 3, (1..10).map(f64::from).collect()).unwrap();
    let b = [7, 6, 5, 4, 3, 2, 1, 1, 8, 0, 2, 5].map(f64::from);
    let b = FeatureMatrix::f64(4, 3, b.to_vec()).unwrap();
    // The value in JEDi's source has gamma 1 and is not scaled by 100; that of its default gamma, 1/d, is a ninth of it.
    let kernel = Polynomial { degree: Degree::Two, gamma: 1.0, coef0: 0.0 };
    assert_close(mmd_squared(kernel, &a, &b).unwrap(), 2436.5, 1e-12);
    assert_close(value(FeatureMetric::MmdPolynomial, &a, &b), 27_072.222_222_222_22, 1e-12);
    let uniform = |seed| {
        let mut random = RandomState::new(seed);
        FeatureMatrix::f64(1000, 1280, (0..1_280_000).map(|_| random.uniform()).collect()).unwrap()
    };
    assert_close(value(FeatureMetric::MmdPolynomial, &uniform(5), &uniform(6)), 0.00911397570915, 1e-10);
}

/// NumPy 2.4.6: `RandomState(7).dirichlet(.1 * ones(101), 2048)` in the order of `RandomState(42).shuffle`, ten splits.
#[test]
fn the_inception_score_agrees_with_stylegan_vs_formula() {
    let probabilities = FeatureMatrix::f64(2048, 101, RandomState::new(7).dirichlet(2048, 101, 0.1)).unwrap();
    let mut order: Vec<usize> = (0..2048).collect();
    RandomState::new(42).shuffle(&mut order);
    let (mean, sd) = inception_score(&probabilities, &order, 10).unwrap();
    assert_close(mean, 6.06691562, 1e-8);
    assert_close(sd, 0.08914695, 1e-6);
    // In the metric's own order the splits are others, and the value is another sample of the same.
    let measured = feature_metric(FeatureMetric::InceptionScore, &probabilities, None, &QUICK);
    let value = measured.score.value().unwrap();
    assert!((value - mean).abs() < 0.1 && value != mean, "{value}");
    assert!((extra(&measured, "split_sd") - sd).abs() < 0.08);
}

#[test]
fn sure_and_varied_is_the_number_of_classes_and_anything_else_is_less() {
    let score = |rows: &[[f64; 4]]| {
        let matrix = FeatureMatrix::f64(rows.len(), 4, rows.concat()).unwrap();
        inception_score(&matrix, &(0..rows.len()).collect::<Vec<_>>(), 1).unwrap().0
    };
    let sure: Vec<[f64; 4]> = (0..8).map(|i| std::array::from_fn(|j| f64::from(i % 4 == j))).collect();
    assert_close(score(&sure), 4.0, 1e-12);
    assert_close(score(&sure[..1].repeat(8)), 1.0, 1e-12);
    assert_close(score(&[[0.25; 4]; 8]), 1.0, 1e-12);
}

#[test]
fn what_is_no_distribution_over_classes_is_named() {
    let matrix = |rows: Vec<f64>| FeatureMatrix::f64(rows.len() / 2, 2, rows).unwrap();
    let score = |rows| {
        let measured = feature_metric(FeatureMetric::InceptionScore, &matrix(rows), None, &QUICK);
        reason(&measured).to_owned()
    };
    let rows = |last: [f64; 2]| [[0.5, 0.5].repeat(11), last.to_vec()].concat();
    assert_eq!(
        score(rows([0.5, 0.75])),
        "row 11 is not a distribution over classes: its smallest value is 0.5, its sum 1.25"
    );
    assert_eq!(
        score(rows([-0.5, 1.5])),
        "row 11 is not a distribution over classes: its smallest value is -0.5, its sum 1"
    );
    assert_eq!(score([0.5, 0.5].repeat(9)), "9 clips with features, but at least 10 are needed");
}

/// NumPy 2.4.6, with the definitions of clovaai/generative-evaluation-prdc: sorted distances, strict comparisons, k = 5.
#[test]
fn precision_recall_density_and_coverage_agree_with_numpy() {
    let check = |generated: &FeatureMatrix, reference: &FeatureMatrix, expected: [f64; 4]| {
        let metrics = [
            FeatureMetric::Precision,
            FeatureMetric::Recall,
            FeatureMetric::Density,
            FeatureMetric::Coverage,
        ];
        for (metric, expected) in metrics.into_iter().zip(expected) {
            assert_close(value(metric, generated, reference), expected, 1e-14);
        }
    };
    check(
        &set(21, 120, 10, 0.8, 0.1),
        &set(22, 150, 10, 1.0, 0.0),
        [0.9916666666666667, 0.64, 1.6016666666666666, 0.98],
    );
    check(&set(23, 50, 3, 0.5, 1.0), &set(24, 60, 3, 1.0, 0.0), [0.98, 0.26666666666666666, 1.076, 0.3]);
}

#[test]
fn balls_of_equal_rows_are_empty_and_far_sets_share_nothing() {
    let same = FeatureMatrix::f32(6, 2, vec![1.0; 12]).unwrap();
    let balls = Neighbourhoods::new(&same, &same, 5).unwrap();
    assert_eq!((balls.precision(), balls.recall(), balls.density(5), balls.coverage()), (0.0, 0.0, 0.0, 0.0));
    let balls = Neighbourhoods::new(&set(1, 20, 3, 1.0, 0.0), &set(2, 20, 3, 1.0, 100.0), 5).unwrap();
    assert_eq!((balls.precision(), balls.recall(), balls.density(5), balls.coverage()), (0.0, 0.0, 0.0, 0.0));
    let one = set(1, 20, 3, 1.0, 0.0);
    let balls = Neighbourhoods::new(&one, &one, 5).unwrap();
    assert_eq!((balls.precision(), balls.recall(), balls.coverage()), (1.0, 1.0, 1.0));
}

#[test]
fn a_collapsed_generator_is_precise_and_covers_little() {
    let reference = set(2, 200, 4, 1.0, 0.0);
    let collapsed = set(1, 200, 4, 0.2, 0.0);
    assert!(value(FeatureMetric::Precision, &collapsed, &reference) > 0.99);
    assert!(value(FeatureMetric::Recall, &collapsed, &reference) < 0.2);
    assert!(value(FeatureMetric::Density, &collapsed, &reference) > 1.0);
    assert!(value(FeatureMetric::Coverage, &collapsed, &reference) < 0.6);
}

/// 1,000 clips of the reference's own distribution are at about d^2/N by Fréchet, and at about 0 when extrapolated.
#[test]
fn extrapolation_takes_the_bias_of_few_generated_clips_away() {
    let (generated, reference) = (set(3, 1000, 16, 1.0, 0.0), set(4, 20_000, 16, 1.0, 0.0));
    let biased = value(FeatureMetric::FrechetDistance, &generated, &reference);
    let measured = feature_metric(FeatureMetric::FrechetInfinity, &generated, Some(&reference), &QUICK);
    let extrapolated = measured.score.value().unwrap();
    assert!(biased > 0.08 && extrapolated.abs() < biased / 3.0, "{biased} {extrapolated}");
    assert!(extra(&measured, "slope") > 0.0 && extra(&measured, "r_squared") > 0.9, "{:?}", measured.extra);
    assert_eq!(extra(&measured, "smallest_n"), 100.0);
    assert!(!measured.underpowered);
}

#[test]
fn a_measurement_carries_its_counts_and_is_flagged_when_a_set_is_small() {
    for metric in FeatureMetric::ALL.into_iter().filter(|metric| metric.compares()) {
        let measure = |n, n_reference| {
            let (generated, reference) = (set(1, n, 15, 1.0, 0.5), set(2, n_reference, 15, 1.0, 0.0));
            feature_metric(metric, &generated, Some(&reference), &QUICK)
        };
        let measured = measure(60, 40);
        assert_eq!((measured.n, measured.n_reference, measured.dims), (60, Some(40), 15), "{metric:?}");
        assert!(!measured.underpowered && measured.interval.is_none(), "{metric:?}");
        assert!(measure(60, 29).underpowered && measure(29, 60).underpowered, "{metric:?}");
    }
}

/// Every clip has its frame ten times: N is ten times as large, but nothing more is known.
#[test]
fn frames_of_a_clip_make_no_interval_narrower_and_no_set_large() {
    let (clips, reference) = (set(1, 60, 4, 1.0, 0.5), set(2, 200, 4, 1.0, 0.0));
    let repeated: Vec<f64> = clips.to_f64().chunks_exact(4).flat_map(|row| row.repeat(10)).collect();
    let rows = FeatureMatrix::f64(600, 4, repeated).unwrap();
    let frames = rows.clone().of_clips(vec![10; 60]).unwrap();
    let options = SetOptions { resamples: 100, bootstrap_seed: 1 };
    let measure = |set| feature_metric(FeatureMetric::FrechetDistanceBiased, set, Some(&reference), &options);
    let width = |measured: &SetMeasurement| measured.interval.map(|(low, high)| high - low).unwrap();
    let (of_clips, of_frames, of_rows) = (measure(&clips), measure(&frames), measure(&rows));
    assert_close(of_frames.score.value().unwrap(), of_clips.score.value().unwrap(), 1e-9);
    assert_close(width(&of_frames), width(&of_clips), 1e-6);
    assert!(width(&of_rows) < width(&of_clips) / 2.0);
    assert_eq!((of_frames.n, of_frames.underpowered), (600, false));
    let few = frames.clone().of_clips(vec![100; 6]).unwrap();
    assert!(measure(&few).underpowered);
}

#[test]
fn an_interval_ends_where_the_range_of_the_metric_does() {
    let options = SetOptions { resamples: 100, bootstrap_seed: 1 };
    let (generated, reference) = (set(1, 60, 3, 1.0, 0.0), set(2, 60, 3, 1.0, 0.0));
    for metric in FeatureMetric::ALL.into_iter().filter(|metric| metric.compares()) {
        let (low, high) = feature_metric(metric, &generated, Some(&reference), &options).interval.unwrap();
        let (lowest, highest) = metric.descriptor().range;
        assert!(lowest.is_none_or(|lowest| low >= lowest), "{metric:?} {low}");
        assert!(highest.is_none_or(|highest| high <= highest), "{metric:?} {high}");
    }
    let same = feature_metric(FeatureMetric::FrechetDistance, &reference, Some(&reference), &options);
    assert_eq!(same.interval.unwrap().0, 0.0);
}

#[test]
fn what_overflows_is_never_the_best_value() {
    for size in [1e77, 1e155, 1e200] {
        let values = set(1, 40, 3, 1.0, 0.0).to_f64().iter().map(|value| size * value).collect();
        let huge = FeatureMatrix::f64(40, 3, values).unwrap();
        let near = set(2, 40, 3, 1.0, 0.0);
        for metric in FeatureMetric::ALL.into_iter().filter(|metric| metric.compares()) {
            let measured = feature_metric(metric, &huge, Some(&near), &QUICK);
            let worst = match metric {
                FeatureMetric::Coverage | FeatureMetric::Density | FeatureMetric::Precision => Some(0.0),
                _ => None,
            };
            let sound = measured.score.value().is_none_or(|value| Some(value) == worst || value > 1e6);
            let recall = metric == FeatureMetric::Recall;
            assert!(sound || recall, "{metric:?} {size}: {:?}", measured.score);
            assert!(measured.extra.iter().all(|(_, value)| value.is_finite()), "{:?}", measured.extra);
        }
    }
}

#[test]
fn what_is_missing_or_does_not_fit_is_a_reason() {
    let (three, four) = (set(1, 40, 3, 1.0, 0.0), set(2, 40, 4, 1.0, 0.0));
    let one = set(1, 1, 3, 1.0, 0.0);
    for metric in FeatureMetric::ALL.into_iter().filter(|metric| metric.compares()) {
        let reason =
            |generated, reference| reason(&feature_metric(metric, generated, reference, &QUICK)).to_owned();
        assert_eq!(
            reason(&three, None),
            "the metric needs reference features, and none were given",
            "{metric:?}"
        );
        assert_eq!(
            reason(&three, Some(&four)),
            "features of 3 dimensions cannot be compared with 4",
            "{metric:?}"
        );
        if metric == FeatureMetric::MmdPolynomial {
            continue;
        }
        assert!(reason(&one, Some(&three)).starts_with("1 clips with features, but at least "), "{metric:?}");
        assert!(
            reason(&three, Some(&one)).starts_with("reference: 1 clips with features, but at least "),
            "{metric:?}"
        );
    }
}

/// Values whose squares or cubes leave the range of 64-bit floats: a reason, and no panic.
#[test]
fn numbers_beyond_the_range_have_no_value() {
    let huge = FeatureMatrix::f64(40, 1, (0..40).map(|i| f64::from(i) * 1e300).collect()).unwrap();
    for metric in FeatureMetric::ALL {
        let measured =
            feature_metric(metric, &huge, Some(&huge), &SetOptions { resamples: 3, bootstrap_seed: 1 });
        if let Score::Value(value) = measured.score {
            assert!(
                value.is_finite() && measured.interval.is_none_or(|(low, high)| low <= high),
                "{metric:?}"
            );
        }
    }
}

fn measured_with(metric: FeatureMetric, resamples: usize, bootstrap_seed: u64) -> SetMeasurement {
    let options = SetOptions { resamples, bootstrap_seed };
    if metric == FeatureMetric::InceptionScore {
        let rows = RandomState::new(7).dirichlet(100, 5, 0.5);
        return feature_metric(metric, &FeatureMatrix::f64(100, 5, rows).unwrap(), None, &options);
    }
    feature_metric(metric, &set(1, 60, 5, 1.5, 0.5), Some(&set(2, 80, 5, 1.0, 0.0)), &options)
}

#[test]
fn intervals_hold_their_value_and_follow_from_their_seed_alone() {
    for metric in FeatureMetric::ALL {
        let measured = measured_with(metric, 100, 1);
        let (value, (low, high)) = (measured.score.value().unwrap(), measured.interval.unwrap());
        assert!(low <= value && value <= high && low < high, "{metric:?}: {low} {value} {high}");
        let (lowest, highest) = metric.descriptor().range;
        assert!(lowest.is_none_or(|lowest| lowest <= low), "{metric:?}: {low}");
        assert!(highest.is_none_or(|highest| high <= highest), "{metric:?}: {high}");
        assert_eq!(measured_with(metric, 100, 1), measured);
        let other = measured_with(metric, 100, 2);
        assert_ne!(other.interval, measured.interval, "{metric:?}");
        for same in [other, measured_with(metric, 0, 1), measured_with(metric, 7, 1)] {
            assert_eq!((same.score, same.extra), (measured.score.clone(), measured.extra.clone()));
        }
    }
}

/// 100 sets of one distribution against one reference: how many of the intervals hold the mean of the values. Fewer than 86
/// would be a chance of 1 in 3,000 at 95 %.
#[test]
fn intervals_hold_the_mean_value_of_other_draws_about_as_often_as_they_say() {
    let reference = set(1000, 200, 4, 1.0, 0.0);
    let options = SetOptions { resamples: 100, bootstrap_seed: 1 };
    for metric in [
        FeatureMetric::FrechetDistance,
        FeatureMetric::KernelDistance,
        FeatureMetric::MmdPolynomial,
        FeatureMetric::Precision,
        FeatureMetric::Density,
    ] {
        let measure = |seed| feature_metric(metric, &set(seed, 60, 4, 1.0, 0.3), Some(&reference), &options);
        let measured: Vec<_> = (0..100).map(measure).collect();
        let mean = measured.iter().filter_map(|one| one.score.value()).sum::<f64>() / 100.0;
        let holds =
            |one: &SetMeasurement| one.interval.is_some_and(|(low, high)| low <= mean && mean <= high);
        let hits = measured.iter().filter(|one| holds(one)).count();
        assert!((80..=100).contains(&hits), "{metric:?}: {hits} of 100 hold {mean}");
    }
}

#[test]
fn a_larger_shift_is_further_by_every_distance() {
    let reference = set(2, 100, 6, 1.0, 0.0);
    for metric in [
        FeatureMetric::FrechetDistance,
        FeatureMetric::FrechetDistanceBiased,
        FeatureMetric::FrechetInfinity,
        FeatureMetric::KernelDistance,
        FeatureMetric::MmdPolynomial,
    ] {
        let values = [0.0, 0.5, 1.0, 2.0].map(|shift| value(metric, &set(1, 100, 6, 1.0, shift), &reference));
        assert!(values.is_sorted(), "{metric:?} {values:?}");
    }
}

#[test]
fn the_same_rows_give_the_same_bits_on_any_thread() {
    for metric in FeatureMetric::ALL {
        let here = measured_with(metric, 5, 1);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| measured_with(metric, 5, 1))).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), here);
            }
        });
    }
}

fn rows() -> impl Strategy<Value = FeatureMatrix> {
    (6_usize..30)
        .prop_flat_map(|n| proptest::collection::vec(-10.0_f32..10.0, 3 * n))
        .prop_map(|values| FeatureMatrix::f32(values.len() / 3, 3, values).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn distances_do_not_know_which_set_is_the_generated_one(a in rows(), b in rows()) {
        for metric in [FeatureMetric::FrechetDistanceBiased, FeatureMetric::KernelDistance, FeatureMetric::MmdPolynomial] {
            let (there, back) = (value(metric, &a, &b), value(metric, &b, &a));
            prop_assert!((there - back).abs() < 1e-9 * there.abs().max(100.0), "{metric:?} {there} {back}");
        }
    }

    #[test]
    fn any_sets_have_values_in_range_or_reasons(a in rows(), b in rows()) {
        for metric in FeatureMetric::ALL {
            let measured = feature_metric(metric, &a, Some(&b), &SetOptions { resamples: 2, bootstrap_seed: 3 });
            if let Score::Value(value) = measured.score {
                let (lowest, highest) = metric.descriptor().range;
                prop_assert!(lowest.is_none_or(|lowest| value >= lowest), "{metric:?} {value}");
                prop_assert!(highest.is_none_or(|highest| value <= highest), "{metric:?} {value}");
            }
        }
    }
}
