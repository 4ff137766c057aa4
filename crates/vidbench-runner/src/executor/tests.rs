//! What runs when: nothing beside timed work that holds the machine, and otherwise as many tasks side by side as the
//! limit allows.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Barrier, Mutex};
use std::thread;

use proptest::prelude::*;

use crate::executor::*;

/// Serves `executor` with so many threads while `drive` runs; then closes it.
fn served<T: Send>(executor: &Executor<T>, threads: usize, work: impl Fn(T) + Sync, drive: impl FnOnce()) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| executor.serve(&work));
        }
        drive();
        executor.close();
    });
}

#[test]
fn as_many_tasks_run_side_by_side_as_may_and_no_more() {
    let executor = Executor::new(100, 3);
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // Each task waits for two others, so they end only if three run at a time.
    let three = Barrier::new(3);
    let work = |_| {
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        three.wait();
        running.fetch_sub(1, Ordering::SeqCst);
    };
    served(&executor, 8, work, || {
        (0..30).for_each(|ordinal| executor.offer(Urgency::Usual, ordinal, ordinal).unwrap());
    });
    assert_eq!(most.into_inner(), 3);
}

#[test]
fn nothing_runs_beside_work_that_is_alone() {
    let executor = Executor::new(10_000, 4);
    let (alone, overlaps, done) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |_| {
        for _ in 0..20 {
            overlaps.fetch_add(usize::from(alone.load(Ordering::SeqCst)), Ordering::SeqCst);
            thread::yield_now();
        }
        done.fetch_add(1, Ordering::SeqCst);
    };
    served(&executor, 4, work, || {
        for ordinal in 0..300 {
            executor.offer(Urgency::Usual, ordinal, ordinal).unwrap();
            let timed = executor.alone();
            alone.store(true, Ordering::SeqCst);
            (0..20).for_each(|_| thread::yield_now());
            alone.store(false, Ordering::SeqCst);
            drop(timed);
        }
    });
    assert_eq!((overlaps.into_inner(), done.into_inner()), (0, 300));
}

#[test]
fn a_full_queue_refuses_what_could_wait_and_takes_what_frees_memory() {
    let executor = Executor::new(2, 1);
    assert_eq!(executor.offer(Urgency::Usual, 0, 'a'), Ok(()));
    assert_eq!(executor.offer(Urgency::Usual, 1, 'b'), Ok(()));
    assert_eq!(executor.offer(Urgency::Usual, 2, 'c'), Err('c'));
    assert_eq!(executor.offer(Urgency::Free, 3, 'd'), Ok(()));
    assert_eq!(executor.withdraw(), ['d', 'a', 'b']);
    assert_eq!(executor.offer(Urgency::Usual, 2, 'c'), Ok(()));
}

/// The order in which one thread does tasks that were all there before it began.
fn order(offers: &[(Urgency, u64)]) -> Vec<(Urgency, u64)> {
    let executor = Executor::new(offers.len().max(1), 1);
    offers
        .iter()
        .for_each(|&(urgency, ordinal)| executor.offer(urgency, ordinal, (urgency, ordinal)).unwrap());
    let done = Mutex::new(Vec::new());
    served(&executor, 1, |task| done.lock().unwrap().push(task), || {});
    done.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]
    #[test]
    fn the_urgent_go_first_and_the_others_in_the_order_of_the_plan(
        offers in proptest::collection::vec((prop_oneof![Just(Urgency::Free), Just(Urgency::Usual)], 0..50_u64), 0..40)
    ) {
        let mut sorted = offers.clone();
        sorted.sort();
        prop_assert_eq!(order(&offers), sorted);
    }
}

#[test]
fn a_smaller_limit_holds_for_what_begins_after_it() {
    let executor = Executor::new(100, 8);
    executor.set_limit(0);
    assert_eq!(executor.limit(), 1);
    let (running, overlaps) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |_| {
        overlaps.fetch_add(running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        (0..20).for_each(|_| thread::yield_now());
        running.fetch_sub(1, Ordering::SeqCst);
    };
    served(&executor, 8, work, || {
        (0..50).for_each(|ordinal| executor.offer(Urgency::Usual, ordinal, ordinal).unwrap());
    });
    assert_eq!(overlaps.into_inner(), 0);
}

#[test]
fn a_task_that_panics_keeps_nobody_waiting() {
    let executor = Executor::<Sender<()>>::new(4, 1);
    let ended = thread::scope(|scope| {
        let serving = scope.spawn(|| executor.serve(|_| panic!("a task failed")));
        let (told, _) = channel();
        executor.offer(Urgency::Usual, 0, told).unwrap();
        let ended = serving.join();
        drop(executor.alone());
        ended
    });
    assert!(ended.is_err());
}
