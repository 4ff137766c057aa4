//! From the worker's clock to the harness's.

use vidbench_core::protocol::{GenerateResult, StageSpan};

/// How the worker's clock relates to the harness's, learnt from the quickest of several pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSync {
    /// Worker time minus harness time, in nanoseconds; wider than either so that no pair of clocks overflows.
    offset_ns: i128,
    /// Half of the round trip: how wrong a translated time may be, in nanoseconds.
    pub error_ns: u64,
}

impl ClockSync {
    /// From one exchange: the harness's clock when the ping was sent and when its answer came, and the clock in the answer.
    pub fn from_exchange(sent_ns: u64, worker_ns: u64, received_ns: u64) -> Self {
        let round_trip_ns = received_ns.saturating_sub(sent_ns);
        let midpoint_ns = sent_ns.saturating_add(round_trip_ns / 2);
        Self {
            offset_ns: i128::from(worker_ns) - i128::from(midpoint_ns),
            error_ns: round_trip_ns.div_ceil(2),
        }
    }

    /// The better of two exchanges.
    #[must_use]
    pub fn better(self, other: Self) -> Self {
        if other.error_ns < self.error_ns { other } else { self }
    }

    /// A worker's time on the harness's clock; a time outside that clock's range becomes the nearest end of the range.
    pub fn translate(&self, worker_ns: u64) -> u64 {
        let harness_ns = (i128::from(worker_ns) - self.offset_ns).clamp(0, i128::from(u64::MAX));
        u64::try_from(harness_ns).unwrap_or(u64::MAX)
    }

    /// A result with all its times on the harness's clock.
    #[must_use]
    pub fn translate_result(&self, mut result: GenerateResult) -> GenerateResult {
        let translate = |ns: &mut u64| *ns = self.translate(*ns);
        [&mut result.start_ns, &mut result.end_ns].into_iter().for_each(translate);
        for StageSpan { start_ns, end_ns, .. } in &mut result.stages {
            [start_ns, end_ns].into_iter().for_each(translate);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_midpoint_of_the_exchange_is_the_moment_of_the_answer() {
        let sync = ClockSync::from_exchange(1_000, 50_000, 1_400);
        assert_eq!(sync.error_ns, 200);
        assert_eq!(sync.translate(50_000), 1_200);
        assert_eq!(sync.translate(50_100), 1_300);
    }

    #[test]
    fn the_quicker_exchange_wins() {
        let (slow, quick) = (ClockSync::from_exchange(0, 9, 100), ClockSync::from_exchange(200, 9, 210));
        assert_eq!(slow.better(quick), quick);
        assert_eq!(quick.better(slow), quick);
    }

    #[test]
    fn absurd_clocks_saturate() {
        let ahead = ClockSync::from_exchange(0, u64::MAX, 0);
        assert_eq!((ahead.translate(0), ahead.translate(u64::MAX)), (0, 0));
        let behind = ClockSync::from_exchange(u64::MAX, 0, u64::MAX);
        assert_eq!((behind.translate(0), behind.translate(u64::MAX)), (u64::MAX, u64::MAX));
        assert_eq!(ClockSync::from_exchange(5, 5, 0).error_ns, 0);
    }

    proptest! {
        #[test]
        fn the_error_bounds_what_the_translation_gets_wrong(
            sent in 0..1_u64 << 60, there in 0..1_u64 << 30, back in 0..1_u64 << 30, offset in 0..1_u64 << 60,
        ) {
            let moment = sent + there;
            let sync = ClockSync::from_exchange(sent, moment + offset, moment + back);
            prop_assert!(sync.translate(moment + offset).abs_diff(moment) <= sync.error_ns);
        }
    }
}
