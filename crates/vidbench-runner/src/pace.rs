//! Knows how long samples usually take, and when one is slow enough to tell.

use std::collections::HashMap;

/// A sample with nothing to compare with is announced after this long. (Patience of a person at a terminal, not a fact of
/// any model.)
const SLOW_WITHOUT_HISTORY_SECS: f64 = 30.0;

/// A sample is slow when it takes this many times the median of its like.
const SLOW_FACTOR: f64 = 3.0;

/// Nothing under this is worth a line.
const SLOW_AT_LEAST_SECS: f64 = 2.0;

/// Service times so far by model and parameters.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    secs: HashMap<(u32, u32), Vec<f64>>,
}

impl Pace {
    pub(crate) fn add(&mut self, model: u32, params: u32, secs: f64) {
        let sorted = self.secs.entry((model, params)).or_default();
        let at = sorted.partition_point(|known| *known < secs);
        sorted.insert(at, secs);
    }

    /// Median so far of samples with the same model and parameters.
    pub(crate) fn usual(&self, model: u32, params: u32) -> Option<f64> {
        let sorted = self.secs.get(&(model, params))?;
        sorted.get(sorted.len() / 2).copied()
    }
}

/// Announces a slow sample, each time at twice the patience of the time before.
#[derive(Debug)]
pub(crate) struct SlowWatch {
    usual: Option<f64>,
    next_secs: f64,
}

impl SlowWatch {
    pub(crate) fn new(usual: Option<f64>) -> Self {
        let next_secs =
            usual.map_or(SLOW_WITHOUT_HISTORY_SECS, |usual| (usual * SLOW_FACTOR).max(SLOW_AT_LEAST_SECS));
        Self { usual, next_secs }
    }

    pub(crate) fn usual(&self) -> Option<f64> {
        self.usual
    }

    /// Whether to say something now.
    pub(crate) fn is_due(&mut self, elapsed_secs: f64) -> bool {
        let due = elapsed_secs >= self.next_secs;
        if due {
            self.next_secs = elapsed_secs * 2.0;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_is_the_median_of_like_samples_only() {
        let mut pace = Pace::default();
        [5.0, 1.0, 3.0].into_iter().for_each(|secs| pace.add(0, 0, secs));
        pace.add(0, 1, 100.0);
        assert_eq!((pace.usual(0, 0), pace.usual(0, 1), pace.usual(1, 0)), (Some(3.0), Some(100.0), None));
    }

    #[test]
    fn slowness_is_told_at_growing_intervals() {
        let mut watch = SlowWatch::new(Some(10.0));
        let told: Vec<u32> = (1..200).filter(|second| watch.is_due(f64::from(*second))).collect();
        assert_eq!(told, [30, 60, 120]);
        assert!(!SlowWatch::new(None).is_due(29.0));
    }
}
