//! Knows how long samples usually take, and when one is slow enough to report.

use std::collections::HashMap;

use vidbench_core::Params;

/// A sample with nothing to compare with is announced after this long. (Patience of a person at a terminal, not a fact of
/// any model.)
const SLOW_WITHOUT_HISTORY_SECS: f64 = 30.0;

/// A sample is slow when it takes this many times the median of similar samples.
const SLOW_FACTOR: f64 = 3.0;

/// A sample that is shorter than this is never reported as slow.
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

    /// How long a sample is likely to take: the median of similar samples, else that of the model's other parameters,
    /// scaled by their `work`; the largest counts.
    pub(crate) fn expected(&self, model: u32, params: u32, work: impl Fn(u32) -> f64) -> Option<f64> {
        let others = || {
            let of_model = self.secs.keys().filter(|(other, _)| *other == model);
            let scaled = of_model
                .filter_map(|&(_, other)| Some(self.usual(model, other)? * work(params) / work(other)));
            scaled.reduce(f64::max)
        };
        self.usual(model, params).or_else(others)
    }
}

/// Whether a generation was slow compared with the usual time.
pub(crate) fn is_slow(secs: f64, usual: Option<f64>) -> bool {
    usual.is_some_and(|usual| secs > (usual * SLOW_FACTOR).max(SLOW_AT_LEAST_SECS))
}

/// How much work a generation is, up to a factor that depends on the model: steps times values per frame times frames.
/// The latencies of one model are nearly proportional to it.
pub(crate) fn work(params: &Params) -> f64 {
    f64::from(params.steps) * f64::from(params.frames) * f64::from(params.width) * f64::from(params.height)
}

/// Nothing is given up as stalled before this many seconds of silence: a shorter silence troubles nobody.
const STALLED_AT_LEAST_SECS: f64 = 30.0;

/// Notices a generation that is silent for many times its usual total time.
#[derive(Debug)]
pub(crate) struct StallWatch {
    expected_secs: Option<f64>,
    factor: f64,
    seen_secs: f64,
    sign: bool,
    stalled_secs: Option<f64>,
}

impl StallWatch {
    /// Without an expectation, or with a factor of 0, nothing is ever stalled.
    pub(crate) fn new(expected_secs: Option<f64>, factor: f64) -> Self {
        Self { expected_secs, factor, seen_secs: 0.0, sign: false, stalled_secs: None }
    }

    /// Seconds of silence after which it counts as stalled; `None` where it never does.
    pub(crate) fn patience_secs(&self) -> Option<f64> {
        let expected = self.expected_secs.filter(|_| self.factor > 0.0)?;
        Some((expected * self.factor).max(STALLED_AT_LEAST_SECS))
    }

    /// The worker has sent something.
    pub(crate) fn sign(&mut self) {
        self.sign = true;
    }

    /// Whether the worker has been silent for too long, `elapsed_secs` after the request.
    pub(crate) fn is_stalled(&mut self, elapsed_secs: f64) -> bool {
        if std::mem::take(&mut self.sign) {
            self.seen_secs = elapsed_secs;
        }
        let silent_secs = elapsed_secs - self.seen_secs;
        if self.patience_secs().is_some_and(|most| silent_secs > most) {
            self.stalled_secs = Some(silent_secs);
        }
        self.stalled_secs.is_some()
    }

    /// Why the generation was given up, if it was.
    pub(crate) fn reason(&self) -> Option<String> {
        let (silent, expected) = self.stalled_secs.zip(self.expected_secs)?;
        Some(format!("stalled: silent for {silent:.0} s in a generation that usually takes {expected:.1} s"))
    }
}

/// Announces a slow sample, and again whenever its time so far has doubled.
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

    /// Whether to announce it now.
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

    #[test]
    fn what_is_not_known_is_scaled_from_what_is() {
        let mut pace = Pace::default();
        pace.add(0, 0, 2.0);
        pace.add(1, 1, 100.0);
        let work = |params: u32| f64::from(params + 1);
        assert_eq!(pace.expected(0, 0, work), Some(2.0));
        assert_eq!(pace.expected(0, 3, work), Some(8.0));
        assert_eq!(pace.expected(2, 0, work), None);
    }

    #[test]
    fn silence_is_a_stall_and_signs_are_none() {
        let mut watch = StallWatch::new(Some(10.0), 5.0);
        assert!((1..=50).all(|secs| !watch.is_stalled(f64::from(secs))));
        watch.sign();
        assert!((51..=101).all(|secs| !watch.is_stalled(f64::from(secs))));
        assert!(watch.is_stalled(102.0));
        assert_eq!(
            watch.reason().as_deref(),
            Some("stalled: silent for 51 s in a generation that usually takes 10.0 s")
        );
        let never = |expected, factor| !StallWatch::new(expected, factor).is_stalled(1e9);
        assert!(never(None, 5.0) && never(Some(10.0), 0.0));
        assert!(!StallWatch::new(Some(0.1), 5.0).is_stalled(29.0), "half a minute is no trouble");
    }
}
