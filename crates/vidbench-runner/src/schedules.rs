//! Breaker and executor under schedules that a checker chooses: the same sources, compiled with locks that let the
//! checker decide which thread runs next. (shuttle: random schedules, and PCT of S. Burckhardt et al., ASPLOS 2010,
//! which finds bugs of small depth with a known probability.)
#![allow(dead_code, unreachable_pub, reason = "what these sources offer to the crate is used there")]
#![allow(clippy::duplicate_mod, reason = "the same sources with other locks are what this is about")]

#[path = "breaker.rs"]
mod breaker;
#[path = "executor.rs"]
mod executor;
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
}

use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::{check_pct, check_random, thread};
use vidbench_core::BreakerState;

use breaker::{Breaker, Call, Permit};
use executor::{Executor, Urgency};

const SCHEDULES: usize = 2_000;
/// How many switches between threads a bug may need.
const DEPTH: usize = 3;

fn check(scenario: fn()) {
    check_random(scenario, SCHEDULES);
    check_pct(scenario, SCHEDULES, DEPTH);
}

#[test]
fn of_callers_side_by_side_no_more_probe_than_may_and_the_breaker_opens_once() {
    check(|| {
        let settings = vidbench_core::Breaker { probes: 2, open_secs: 1.0, ..Default::default() };
        let (breaker, granted, opened) =
            (Arc::new(Breaker::new(settings, 1)), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let Permit::Granted { epoch } = breaker.ask(0).0 else { panic!("a new breaker is closed") };
        assert_eq!(breaker.report(epoch, 0, Call::Failed).unwrap().state, BreakerState::Open);
        // By the time that the callers ask, the breaker's wait is over.
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                let (breaker, granted, opened) =
                    (Arc::clone(&breaker), Arc::clone(&granted), Arc::clone(&opened));
                thread::spawn(move || {
                    let Permit::Granted { epoch } = breaker.ask(2_000_000_000).0 else { return };
                    granted.fetch_add(1, Ordering::SeqCst);
                    let call = if caller == 0 { Call::Failed } else { Call::Ok };
                    let change = breaker.report(epoch, 2_000_000_000, call);
                    let is_open = change.is_some_and(|change| change.state == BreakerState::Open);
                    opened.fetch_add(u32::from(is_open), Ordering::SeqCst);
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        let state = breaker.state();
        assert!(opened.load(Ordering::SeqCst) <= 1);
        assert!(granted.load(Ordering::SeqCst) >= 1);
        // More than two are granted only where two have closed the breaker before the others asked.
        assert!(
            granted.load(Ordering::SeqCst) <= 2
                || opened.load(Ordering::SeqCst) == 0
                || state == BreakerState::Open
        );
    });
}

/// Two threads serve four tasks while the measuring thread holds the executor alone twice; then it closes. No thread
/// waits for ever, no task is lost, nothing overlaps.
#[test]
fn timed_work_is_alone_and_every_task_is_done_whatever_the_schedule() {
    check(|| {
        let executor = Arc::new(Executor::new(2, 2));
        let (running, timed, done) =
            (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (executor, running, timed, done) =
                    (Arc::clone(&executor), Arc::clone(&running), Arc::clone(&timed), Arc::clone(&done));
                thread::spawn(move || {
                    executor.serve(|()| {
                        assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
                        assert_eq!(timed.load(Ordering::SeqCst), 0);
                        thread::yield_now();
                        assert_eq!(timed.load(Ordering::SeqCst), 0);
                        running.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                })
            })
            .collect();
        let mut refused = 0;
        for ordinal in 0..4 {
            refused += u32::from(executor.offer(Urgency::Usual, ordinal, ()).is_err());
            if ordinal % 2 == 1 {
                let alone = executor.alone();
                timed.store(1, Ordering::SeqCst);
                assert_eq!(running.load(Ordering::SeqCst), 0);
                thread::yield_now();
                timed.store(0, Ordering::SeqCst);
                drop(alone);
            }
        }
        executor.set_limit(1);
        executor.close();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(done.load(Ordering::SeqCst) + refused, 4);
    });
}
