use proptest::prelude::*;
use vidbench_analysis::percentile::{Percentile, percentile, percentile_interval, values_needed};

/// MLPerf LoadGen's early stopping at confidence 0.99 and tolerance 0.
#[test]
fn sample_floors_are_those_of_mlperf() {
    let floors = [0.5, 0.75, 0.8, 0.9, 0.95, 0.97, 0.99, 0.999].map(values_needed);
    assert_eq!(floors, [11, 24, 31, 64, 130, 219, 662, 6636]);
}

fn ramp(n: usize) -> Vec<f64> {
    (0..n).map(|value| value as f64).collect()
}

#[test]
fn below_the_floor_the_maximum_is_named_as_such() {
    assert_eq!(percentile(&ramp(63), 0.9), Some(Percentile::TooFew { n: 63, needed: 64, max: 62.0 }));
    assert_eq!(percentile(&[], 0.5), None);
}

#[test]
fn the_percentile_is_a_measured_value() {
    let found = percentile(&ramp(64), 0.9).unwrap();
    assert_eq!(found.value(), Some(57.0));
    assert_eq!(percentile(&ramp(11), 0.5).unwrap().value(), Some(5.0));
    assert_eq!(percentile(&ramp(662), 0.99).unwrap().value(), Some(655.0));
}

/// Conover, Practical Nonparametric Statistics, 3rd ed. 1999: for the median of 20 values, the 6th and the 15th.
#[test]
fn the_interval_of_a_median_is_the_sign_test_one() {
    let interval = percentile_interval(&ramp(20), 0.5).unwrap();
    assert_eq!((interval.low, interval.high), (5.0, 14.0));
}

#[test]
fn an_interval_that_would_need_unmeasured_values_is_none() {
    assert_eq!(percentile_interval(&ramp(5), 0.5), None);
    assert_eq!(percentile_interval(&ramp(64), 0.99), None);
}

/// Coverage by exact enumeration: the order statistics cover the true quantile with at least 95 %.
#[test]
fn coverage_is_at_least_nominal() {
    for (n, p) in [(20_usize, 0.5_f64), (100, 0.5), (100, 0.9), (250, 0.9)] {
        let interval = percentile_interval(&ramp(n), p).unwrap();
        // The interval [l, u] covers when l < values below the quantile <= u.
        let mut term = (1.0 - p).powi(n as i32);
        let mut covered = 0.0;
        for below in 0..=n {
            if interval.low < below as f64 && below as f64 <= interval.high {
                covered += term;
            }
            term *= (n - below) as f64 / (below + 1) as f64 * p / (1.0 - p);
        }
        assert!((0.95..0.985).contains(&covered), "n {n}, p {p}: {covered}");
    }
}

proptest! {
    #[test]
    fn percentiles_are_ordered_and_inside_their_intervals(mut values in prop::collection::vec(0.0..1e3_f64, 662..800)) {
        values.sort_by(f64::total_cmp);
        let all: Vec<Percentile> = [0.5, 0.9, 0.95, 0.99].iter().map(|p| percentile(&values, *p).unwrap()).collect();
        prop_assert!(all.windows(2).all(|pair| pair[0].value() <= pair[1].value()));
        for found in all {
            if let Percentile::Value { value, interval: Some(interval) } = found {
                prop_assert!(interval.low <= value && value <= interval.high);
            }
        }
    }
}
