//! How many clips may be scored side by side, by what the machine has left.

/// Above this load the processors are left to the model that computes beside.
const BUSY_PERCENT: f64 = 85.0;

/// What sensors said last. Null is "not known".
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Machine {
    /// Share of all cores that was busy, in percent.
    pub(crate) cpu_percent: Option<f64>,
    /// Main memory that can still be had, in bytes.
    pub(crate) available_bytes: Option<u64>,
}

/// The number of scorers that may work from now on, from 1 to `most`. `scorers` have a process, `now` might; each needs `each` bytes, 0 when nobody knows yet. While a
/// timed model computes on an accelerator the processors must have room too.
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
        // Not even one more: memory that is nearly gone is given back.
        Some(bytes) if bytes < each => scorers.saturating_sub(1),
        // A fifth stays free.
        Some(bytes) => scorers.saturating_add(usize::try_from(bytes / 5 * 4 / each).unwrap_or(usize::MAX)),
        None => now,
    };
    let allowed = match machine.cpu_percent {
        Some(percent) if timed && percent > BUSY_PERCENT => allowed.min(now / 2),
        // One more a reading: the next shows whether there was room.
        _ if timed => allowed.min(now + 1),
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
        Machine { cpu_percent: Some(cpu_percent), available_bytes: Some(gib * GIB) }
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

    proptest! {
        #[test]
        fn there_is_always_one_and_never_more_than_may(
            scorers in 0_usize..100, now in 0_usize..100, most in 0_usize..100, timed: bool, each: u64,
            cpu in proptest::option::of(0.0..200.0_f64), bytes in proptest::option::of(any::<u64>()),
        ) {
            let machine = Machine { cpu_percent: cpu, available_bytes: bytes };
            let allowed = side_by_side(scorers, now, most, timed, each, machine);
            prop_assert!(allowed >= 1 && allowed <= most.max(1));
        }
    }
}
