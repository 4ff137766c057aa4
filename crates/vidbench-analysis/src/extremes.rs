//! The best and worst clips of a metric, found in one pass over the clips.

use serde::Serialize;
use vidbench_core::{Direction, MetricId};

/// How many clips are named at each end.
const EXTREMES: usize = 3;

/// The clips at both ends of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extremes {
    /// The metric.
    pub metric: MetricId,
    /// Best first.
    pub best: Vec<ClipValue>,
    /// Worst first; none of them is among the best.
    pub worst: Vec<ClipValue>,
}

/// A clip with its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClipValue {
    /// The clip's place in the request.
    pub ordinal: u64,
    /// Its value.
    pub value: f64,
}

/// The best and worst of the clips seen so far. Only these clips are held.
#[derive(Debug)]
pub(crate) struct Ends {
    higher_is_better: bool,
    values: usize,
    best: Vec<ClipValue>,
    worst: Vec<ClipValue>,
}

impl Ends {
    /// `None` when the metric has no better direction.
    pub(crate) fn of(direction: Direction) -> Option<Self> {
        let higher_is_better = match direction {
            Direction::HigherIsBetter => true,
            Direction::LowerIsBetter => false,
            Direction::Descriptive => return None,
        };
        Some(Self { higher_is_better, values: 0, best: Vec::new(), worst: Vec::new() })
    }

    /// Takes the next clip. Of clips with the same value the earlier one ranks as better.
    pub(crate) fn add(&mut self, ordinal: u64, value: f64) {
        let clip = ClipValue { ordinal, value };
        let is_better = |a: f64, b: f64| {
            // Values are finite.
            let order = a.total_cmp(&b);
            if self.higher_is_better { order.is_gt() } else { order.is_lt() }
        };
        let at = self.best.partition_point(|known| !is_better(value, known.value));
        self.best.insert(at, clip);
        self.best.truncate(EXTREMES);
        let at = self.worst.partition_point(|known| is_better(value, known.value));
        self.worst.insert(at, clip);
        self.worst.truncate(EXTREMES);
        self.values += 1;
    }

    pub(crate) fn finish(self, metric: MetricId) -> Extremes {
        let Self { values, mut best, mut worst, .. } = self;
        // A clip with the best value is never listed among the worst, nor one with the worst value among the best.
        let (highest, lowest) = (best.first().map(|clip| clip.value), worst.first().map(|clip| clip.value));
        // When all clips have the same value there is neither a best nor a worst.
        let ends = if highest == lowest { 0 } else { EXTREMES.min(values / 2) };
        best.truncate(ends);
        worst.truncate(ends);
        best.retain(|clip| Some(clip.value) != lowest);
        worst.retain(|clip| Some(clip.value) != highest);
        Extremes { metric, best, worst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(direction: Direction, values: &[f64]) -> (Vec<u64>, Vec<u64>) {
        let mut ends = Ends::of(direction).unwrap();
        (0..).zip(values).for_each(|(ordinal, value)| ends.add(ordinal, *value));
        let found = ends.finish("psnr@1".parse().unwrap());
        let ordinals = |clips: Vec<ClipValue>| clips.into_iter().map(|clip| clip.ordinal).collect();
        (ordinals(found.best), ordinals(found.worst))
    }

    #[test]
    fn the_ends_are_those_of_all_clips_sorted() {
        let values = [3.0, 1.0, 2.0, 3.0, 1.0, 5.0, 1.0, 4.0];
        assert_eq!(ends(Direction::HigherIsBetter, &values), (vec![5, 7, 0], vec![6, 4, 1]));
        assert_eq!(ends(Direction::LowerIsBetter, &values), (vec![1, 4, 6], vec![5, 7, 3]));
    }

    #[test]
    fn no_clip_is_at_both_ends_and_clips_that_are_alike_are_at_none() {
        assert_eq!(ends(Direction::HigherIsBetter, &[1.0, 2.0, 3.0]), (vec![2], vec![0]));
        assert_eq!(ends(Direction::HigherIsBetter, &[1.0]), (vec![], vec![]));
        assert_eq!(ends(Direction::HigherIsBetter, &[1.0; 9]), (vec![], vec![]));
        assert_eq!(
            ends(Direction::LowerIsBetter, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.5]),
            (vec![0, 1, 2], vec![4, 5])
        );
        assert!(Ends::of(Direction::Descriptive).is_none());
    }
}
