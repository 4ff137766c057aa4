//! How many clips may be scored side by side, judged by what the machine has left.

/// Above this load the processors are left to the model that is computing.
const BUSY_PERCENT: f64 = 85.0;

/// When something waits for the disk for this share of the time, more scorers would only wait too.
const STALLED_PERCENT: f64 = 40.0;

/// Below this share the disk has room for more scorers. Between the two shares the number stays: the load that scorers
/// make must not make them come and go.
const FLOWING_PERCENT: f64 = 20.0;

/// The last sensor values. `None` is "not known".
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Machine {
    /// Share of all cores that was busy, in percent.
    pub(crate) cpu_percent: Option<f64>,
    /// Main memory that can still be had, in bytes.
    pub(crate) available_bytes: Option<u64>,
    /// Share of the time in which something waited for a disk, in percent.
    pub(crate) disk_stalled_percent: Option<f64>,
}

/// The number of scorers that may work from now on, from 1 to `most`. `scorers` have a process, and `now` may have one.
/// Each needs `each` bytes, 0 while that is unknown. While a timed model computes on an accelerator, the processors
/// must have room too.
pub(crate) fn side_by_side(
    scorers: usize,
    now: usize,
    most: usize,
    timed: bool,
    each: u64,
    machine: Machine,
) -> usize {
    if each == 0 {
        return 1;
    }
    let allowed = match machine.available_bytes {
        // There is not even room for one more, so one is given up: memory is nearly gone.
        Some(bytes) if bytes < each => scorers.saturating_sub(1),
        // A fifth of the memory stays free.
        Some(bytes) => scorers.saturating_add(usize::try_from(bytes / 5 * 4 / each).unwrap_or(usize::MAX)),
        None => now,
    };
    let allowed = match machine.cpu_percent {
        Some(percent) if timed && percent > BUSY_PERCENT => allowed.min(now / 2),
        // One more at each reading: the next reading shows whether there was room.
        _ if timed => allowed.min(now + 1),
        _ => allowed,
    };
    let allowed = match machine.disk_stalled_percent {
        Some(percent) if percent > STALLED_PERCENT => allowed.min(now / 2),
        Some(percent) if percent > FLOWING_PERCENT => allowed.min(now),
        _ => allowed,
    };
    allowed.clamp(1, most.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn machine(cpu_percent: f64, gib: u64) -> Machine {
        Machine {
            cpu_percent: Some(cpu_percent),
            available_bytes: Some(gib * GIB),
            disk_stalled_percent: None,
        }
    }

    #[test]
    fn one_until_it_is_known_what_a_scorer_needs_then_as_many_as_memory_has_room_for() {
        assert_eq!(side_by_side(0, 1, 16, false, 0, machine(0.0, 100)), 1);
        assert_eq!(side_by_side(1, 1, 16, false, GIB, machine(100.0, 100)), 16);
        assert_eq!(side_by_side(1, 1, 16, false, 4 * GIB, machine(0.0, 20)), 5);
        assert_eq!(side_by_side(5, 5, 16, false, 4 * GIB, machine(0.0, 3)), 4);
        assert_eq!(side_by_side(2, 2, 16, false, GIB, Machine::default()), 2);
    }

    #[test]
    fn beside_timed_work_busy_processors_halve_and_free_ones_add_one() {
        assert_eq!(side_by_side(8, 8, 16, true, GIB, machine(86.0, 100)), 4);
        assert_eq!(side_by_side(4, 4, 16, true, GIB, machine(84.0, 100)), 5);
        assert_eq!(side_by_side(4, 4, 4, true, GIB, machine(10.0, 100)), 4);
    }

    #[test]
    fn where_the_disk_is_what_they_wait_for_there_are_fewer() {
        let stalled = |percent| Machine { disk_stalled_percent: Some(percent), ..machine(0.0, 100) };
        let asked = |percent, timed| side_by_side(8, 8, 16, timed, GIB, stalled(percent));
        assert_eq!([0.0, 19.0, 21.0, 41.0, 100.0].map(|percent| asked(percent, false)), [16, 16, 8, 4, 4]);
        assert_eq!([0.0, 21.0, 41.0].map(|percent| asked(percent, true)), [9, 8, 4]);
        assert_eq!(side_by_side(1, 1, 16, false, GIB, stalled(100.0)), 1);
    }

    proptest! {
        #[test]
        fn there_is_always_one_and_never_more_than_may(
            scorers in 0_usize..100, now in 0_usize..100, most in 0_usize..100, timed: bool, each: u64,
            cpu in proptest::option::of(0.0..200.0_f64), bytes in proptest::option::of(any::<u64>()),
            stalled in proptest::option::of(0.0..100.0_f64),
        ) {
            let machine = Machine { cpu_percent: cpu, available_bytes: bytes, disk_stalled_percent: stalled };
            let allowed = side_by_side(scorers, now, most, timed, each, machine);
            prop_assert!(allowed >= 1 && allowed <= most.max(1));
        }
    }
}
