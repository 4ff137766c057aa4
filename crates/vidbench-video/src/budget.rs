//! The wall time a file may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{LimitName, VideoErrorKind};

/// Counts the time spent reading one file, without the time that its reader waits for the next request.
///
/// The budget is checked between frames, between packets, and by libav before each read from the file. It cannot stop a
/// decoder that hangs inside one frame; the program that runs the process has to watch for that.
#[derive(Debug, Clone)]
pub(crate) struct TimeBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Instant,
    max_secs: f64,
    spent_nanos: AtomicU64,
    /// When the current work began, in nanoseconds after `base`.
    since_nanos: AtomicU64,
}

impl TimeBudget {
    pub(crate) fn new(max_secs: f64) -> Self {
        let (spent_nanos, since_nanos) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { base: Instant::now(), max_secs, spent_nanos, since_nanos }))
    }

    /// Runs `work` and counts its time.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce() -> Result<T, VideoErrorKind>,
    ) -> Result<T, VideoErrorKind> {
        self.0.since_nanos.store(self.now_nanos(), Ordering::Relaxed);
        let result = work();
        let spent = self.spent_nanos();
        self.0.spent_nanos.store(spent, Ordering::Relaxed);
        self.0.since_nanos.store(self.now_nanos(), Ordering::Relaxed);
        // The budget is checked first, because `result` may only be the error that libav returns when it is told to
        // stop.
        self.check().and(result)
    }

    /// Says whether there is time left; for use within [`Self::run`].
    pub(crate) fn check(&self) -> Result<(), VideoErrorKind> {
        let value = Duration::from_nanos(self.spent_nanos()).as_secs_f64();
        if value <= self.0.max_secs {
            return Ok(());
        }
        Err(VideoErrorKind::OverLimit { limit: LimitName::DecodeSecs, value, max: self.0.max_secs })
    }

    /// The time that all calls of [`Self::run`] took; for use between those calls.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.0.spent_nanos.load(Ordering::Relaxed))
    }

    fn spent_nanos(&self) -> u64 {
        let running = self.now_nanos().saturating_sub(self.0.since_nanos.load(Ordering::Relaxed));
        self.0.spent_nanos.load(Ordering::Relaxed).saturating_add(running)
    }

    /// 64 bits of nanoseconds last for 584 years.
    fn now_nanos(&self) -> u64 {
        self.0.base.elapsed().as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_over_at_once_and_hides_what_came_of_it() {
        let budget = TimeBudget::new(0.0);
        let error = budget.run(|| Err::<(), _>(VideoErrorKind::NoFrames)).unwrap_err();
        assert!(matches!(error, VideoErrorKind::OverLimit { limit: LimitName::DecodeSecs, .. }), "{error}");
    }

    #[test]
    fn time_enough_changes_nothing() {
        let budget = TimeBudget::new(1e6);
        assert_eq!(budget.run(|| Ok(7)).unwrap(), 7);
        assert!(matches!(budget.run(|| Err::<(), _>(VideoErrorKind::Empty)), Err(VideoErrorKind::Empty)));
    }
}
