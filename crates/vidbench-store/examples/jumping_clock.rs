//! A wall clock that jumps, for tests: loaded before the C library (`LD_PRELOAD`), it adds SECS to the time of day from
//! MILLIS after the start on, as `JUMPING_CLOCK=MILLIS:SECS` says. The clock that measures durations does not jump.
//! Linux only.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "it takes the place of a function of the C library")]

use std::ffi::c_int;
use std::sync::OnceLock;

/// When the clock jumps, measured by the clock that does not, and how far.
struct Plan {
    at_ns: i128,
    secs: i64,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

fn read_plan() -> Option<Plan> {
    let text = std::env::var("JUMPING_CLOCK").ok()?;
    let (millis, secs) = text.split_once(':')?;
    let after_ns = i128::from(millis.parse::<u32>().ok()?) * 1_000_000;
    Some(Plan { at_ns: monotonic_ns() + after_ns, secs: secs.parse().ok()? })
}

fn system_time(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: handed on as it came; the system checks the address.
    unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int }
}

fn monotonic_ns() -> i128 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    system_time(libc::CLOCK_MONOTONIC, &raw mut time);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// See clock_gettime(2).
///
/// # Safety
/// `time` points to a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    let told = system_time(clock, time);
    if told == 0
        && clock == libc::CLOCK_REALTIME
        && let Some(plan) = PLAN.get_or_init(read_plan)
        && monotonic_ns() >= plan.at_ns
    {
        // SAFETY: the system has just written there.
        unsafe { (*time).tv_sec += plan.secs };
    }
    told
}
