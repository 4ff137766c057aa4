use proptest::prelude::*;
use vidbench_analysis::pareto::pareto_front;
use vidbench_core::Direction;

#[test]
fn faster_or_better_is_on_the_front() {
    let points = [(1.0, 0.5), (2.0, 0.4), (3.0, 0.9), (3.0, 0.8), (4.0, 0.9)];
    assert_eq!(pareto_front(&points, Direction::HigherIsBetter), [true, false, true, false, false]);
    assert_eq!(pareto_front(&points, Direction::LowerIsBetter), [true, true, false, false, false]);
}

#[test]
fn equal_points_share_the_front() {
    assert_eq!(pareto_front(&[(1.0, 2.0), (1.0, 2.0)], Direction::HigherIsBetter), [true, true]);
}

#[test]
fn without_a_direction_or_a_number_there_is_no_front() {
    assert_eq!(pareto_front(&[(1.0, 2.0)], Direction::Descriptive), [false]);
    assert_eq!(pareto_front(&[(f64::NAN, 2.0), (1.0, 1.0)], Direction::HigherIsBetter), [false, true]);
}

fn beats(a: (f64, f64), b: (f64, f64), sign: f64) -> bool {
    a.0 <= b.0 && sign * a.1 >= sign * b.1 && a != b
}

proptest! {
    // Small whole numbers make ties common.
    #[test]
    fn the_front_is_exactly_what_nothing_beats(points in prop::collection::vec((-3_i8..4, -3_i8..4), 0..40), higher: bool) {
        let points: Vec<(f64, f64)> = points.iter().map(|(x, y)| (f64::from(*x), f64::from(*y))).collect();
        let (direction, sign) = if higher { (Direction::HigherIsBetter, 1.0) } else { (Direction::LowerIsBetter, -1.0) };
        for (point, on_front) in points.iter().zip(pareto_front(&points, direction)) {
            let beaten = points.iter().any(|other| beats(*other, *point, sign));
            prop_assert_eq!(on_front, !beaten);
        }
    }
}
