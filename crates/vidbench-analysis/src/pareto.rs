//! The front of points that no other point beats in both time and quality.

use vidbench_core::Direction;

/// Whether each of `points` (time, quality) lies on the front; time is better when lower.
///
/// A point is beaten when another is at least as good in both and better in one. So equal points are either all on the
/// front or all off it. A point with a number that is not finite is never on the front and beats nothing. A descriptive
/// quality has no better or worse, so no point is on the front.
pub fn pareto_front(points: &[(f64, f64)], direction: Direction) -> Vec<bool> {
    let sign = match direction {
        Direction::HigherIsBetter => 1.0,
        Direction::LowerIsBetter => -1.0,
        Direction::Descriptive => return vec![false; points.len()],
    };
    let mut order: Vec<usize> =
        (0..points.len()).filter(|&at| points[at].0.is_finite() && points[at].1.is_finite()).collect();
    // Adding zero turns -0 into 0, which `total_cmp` would tell apart.
    let time = |at: usize| points[at].0 + 0.0;
    let gain = |at: usize| sign * points[at].1 + 0.0;
    // Fastest first, and among equally fast the best first: then only an earlier point can beat a later one.
    order.sort_by(|&a, &b| time(a).total_cmp(&time(b)).then(gain(b).total_cmp(&gain(a))).then(a.cmp(&b)));
    let mut front = vec![false; points.len()];
    let mut best: Option<(f64, f64)> = None;
    for at in order {
        let here = (time(at), gain(at));
        let beats_all_before = best.is_none_or(|(_, gain)| here.1 > gain);
        let equals_the_best = best.is_some_and(|(time, gain)| here.0 == time && here.1 == gain);
        if beats_all_before {
            best = Some(here);
        }
        front[at] = beats_all_before || equals_the_best;
    }
    front
}
