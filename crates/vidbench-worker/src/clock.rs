//! The worker's clock: nanoseconds that never go back.

use std::sync::OnceLock;
use std::time::Instant;

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since this function was first called in this process; the system's monotonic clock.
///
/// The client learns the offset to its own clock at `initialize`, so the start does not matter.
pub fn monotonic_ns() -> u64 {
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::monotonic_ns;

    #[test]
    fn the_clock_never_goes_back_and_moves_on() {
        let first = monotonic_ns();
        let mut last = first;
        for _ in 0..10_000 {
            let now = monotonic_ns();
            assert!(now >= last);
            last = now;
        }
        assert!(last > first);
    }
}
