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

    /// How long a sample is likely to take: the median of similar samples, else what the law fitted to the model's
    /// other parameters gives for its `work`.
    pub(crate) fn expected(&self, model: u32, params: u32, work: impl Fn(u32) -> f64) -> Option<f64> {
        let others = || {
            let of_model = self.secs.keys().filter(|(other, _)| *other == model);
            let points: Vec<Point> = of_model
                .filter_map(|&(_, other)| Some(Point { work: work(other), secs: self.usual(model, other)? }))
                .collect();
            Some(expected_secs(Law::fitted(&points)?, &points, work(params)))
        };
        self.usual(model, params).or_else(others)
    }
}

/// What the law gives within the known works. Beyond the largest, at least the largest proportion: a line through small
/// works says little about large ones, and a sample must not be given up because of that.
fn expected_secs(law: Law, points: &[Point], work: f64) -> f64 {
    let largest = points.iter().map(|point| point.work).fold(0.0, f64::max);
    let proportional = || points.iter().map(|point| point.secs * work / point.work).fold(0.0, f64::max);
    if work > largest { law.secs(work).max(proportional()) } else { law.secs(work) }
}

/// The median time of samples with the same parameters, and how much work they are.
#[derive(Debug, Clone, Copy)]
struct Point {
    work: f64,
    secs: f64,
}

/// The latency of a model: a part that every sample takes (text encoder, set-up), and a part in proportion to the work.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Law {
    fixed_secs: f64,
    secs_per_work: f64,
}

impl Law {
    /// The least-squares line through the points, neither part below zero: a part that would be negative is zero, and
    /// the other alone is fitted. One point, or several of equal work, give proportion alone. `None` without points.
    fn fitted(points: &[Point]) -> Option<Self> {
        let sum = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
        let count = points.len() as f64;
        let (work, secs) = (sum(|point| point.work) / count, sum(|point| point.secs) / count);
        let squares = sum(|point| point.work * point.work);
        let products = sum(|point| point.work * point.secs);
        if points.is_empty() || squares <= 0.0 {
            return None;
        }
        let proportion = Self { fixed_secs: 0.0, secs_per_work: products / squares };
        let spread = squares - count * work * work;
        // Of equal works rounding leaves a spread of this order.
        if spread <= 1e-9 * squares {
            return Some(proportion);
        }
        let secs_per_work = (products - count * work * secs) / spread;
        let fixed_secs = secs - secs_per_work * work;
        Some(if secs_per_work < 0.0 {
            Self { fixed_secs: secs, secs_per_work: 0.0 }
        } else if fixed_secs < 0.0 {
            proportion
        } else {
            Self { fixed_secs, secs_per_work }
        })
    }

    fn secs(self, work: f64) -> f64 {
        self.fixed_secs + self.secs_per_work * work
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
    fn the_law_is_the_line_of_least_squares_with_no_negative_part() {
        let check = |points: &[(f64, f64)], fixed_secs: f64, secs_per_work: f64, why: &str| {
            let points: Vec<Point> = points.iter().map(|&(work, secs)| Point { work, secs }).collect();
            let law = Law::fitted(&points).unwrap();
            let off = (law.fixed_secs - fixed_secs).abs().max((law.secs_per_work - secs_per_work).abs());
            assert!(off < 1e-12, "{why}: {law:?}");
        };
        assert_eq!(Law::fitted(&[]), None);
        check(&[(4.0, 8.0)], 0.0, 2.0, "one point");
        check(&[(4.0, 8.0), (4.0, 10.0)], 0.0, 2.25, "equal work");
        check(&[(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)], 3.0, 2.0, "a line");
        // The means are 3 and 5, the centred sums of squares and of products 14 and 11.
        let scattered = [(1.0, 3.0), (2.0, 4.0), (3.0, 6.0), (6.0, 7.0)];
        check(&scattered, 37.0 / 14.0, 11.0 / 14.0, "scattered points");
        check(&[(1.0, 1.0), (3.0, 9.0)], 0.0, 2.8, "the fixed part would be negative");
        check(&[(1.0, 4.0), (3.0, 2.0)], 3.0, 0.0, "the other part would be negative");
    }

    #[test]
    fn beyond_what_is_known_the_largest_proportion_counts() {
        let mut pace = Pace::default();
        pace.add(0, 4, 1.0);
        pace.add(0, 5, 0.8);
        let expected = |work: u32| pace.expected(0, work, f64::from).unwrap();
        assert!((expected(3) - 0.9).abs() < 1e-12, "{}", expected(3));
        assert!((expected(200) - 50.0).abs() < 1e-12, "{}", expected(200));
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
