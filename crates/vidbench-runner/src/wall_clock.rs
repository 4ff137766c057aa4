//! Notices when the clock on the wall jumps. No duration is measured with it; the dates of samples are read from it.

/// Ordinary corrections of a clock move it by much less between two samples.
const JUMP_SECS: f64 = 2.0;

/// How far the wall clock is from the monotonic one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    ahead_ms: i128,
}

impl WallClock {
    pub(crate) fn new(unix_ms: i64, monotonic_ns: u64) -> Self {
        Self { ahead_ms: ahead_ms(unix_ms, monotonic_ns) }
    }

    /// Seconds by which the wall clock has jumped since the last call; `None` when it has not.
    pub(crate) fn jumped(&mut self, unix_ms: i64, monotonic_ns: u64) -> Option<f64> {
        let before = std::mem::replace(&mut self.ahead_ms, ahead_ms(unix_ms, monotonic_ns));
        let secs = (self.ahead_ms - before) as f64 / 1e3;
        (secs.abs() >= JUMP_SECS).then_some(secs)
    }
}

fn ahead_ms(unix_ms: i64, monotonic_ns: u64) -> i128 {
    i128::from(unix_ms) - i128::from(monotonic_ns / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_once_with_its_direction_and_time_that_goes_by_is_none() {
        let mut clock = WallClock::new(1_000_000, 5_000_000_000);
        assert_eq!(clock.jumped(1_060_000, 65_000_000_000), None);
        assert_eq!(clock.jumped(1_060_500, 65_000_000_000), None);
        assert_eq!(clock.jumped(4_660_500, 65_000_000_000), Some(3600.0));
        assert_eq!(clock.jumped(4_660_500, 65_000_000_000), None);
        assert_eq!(clock.jumped(1_060_500, 65_000_000_000), Some(-3600.0));
        assert_eq!(clock.jumped(i64::MIN, u64::MAX).map(|secs| secs < 0.0), Some(true));
    }
}
