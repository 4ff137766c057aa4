use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use vidbench_core::{Breaker as Settings, BreakerState};

use crate::breaker::*;

const SECOND: u64 = 1_000_000_000;

fn settings() -> Settings {
    Settings { window: 4, failure_rate: 0.5, slow_rate: 0.75, open_secs: 10.0, reopenings: 2, probes: 2 }
}

fn epoch(breaker: &Breaker, now_ns: u64) -> u64 {
    match breaker.ask(now_ns).0 {
        Permit::Granted { epoch } => epoch,
        Permit::Refused { .. } => panic!("refused"),
    }
}

fn call(breaker: &Breaker, now_ns: u64, call: Call) -> Option<BreakerState> {
    let epoch = epoch(breaker, now_ns);
    breaker.report(epoch, now_ns, call).map(|change| change.state)
}

#[test]
fn failures_in_a_row_open_it_before_the_window_is_full() {
    let breaker = Breaker::new(settings(), 2);
    assert_eq!(call(&breaker, 0, Call::Failed), None);
    assert_eq!(call(&breaker, 0, Call::Failed), Some(BreakerState::Open));
    assert_eq!(breaker.ask(9 * SECOND).0, Permit::Refused { until_ns: 10 * SECOND });
}

#[test]
fn a_share_of_failures_opens_it_when_the_window_is_full() {
    let breaker = Breaker::new(settings(), 100);
    for (at, expected) in
        [(Call::Failed, None), (Call::Ok, None), (Call::Failed, None), (Call::Ok, Some(BreakerState::Open))]
    {
        assert_eq!(call(&breaker, 0, at), expected);
    }
}

#[test]
fn slow_calls_open_it_and_calls_that_say_nothing_do_not_count() {
    let breaker = Breaker::new(settings(), 100);
    let calls = [Call::Slow, Call::Void, Call::Slow, Call::Void, Call::Ok, Call::Void];
    assert!(calls.into_iter().all(|at| call(&breaker, 0, at).is_none()));
    assert_eq!(call(&breaker, 0, Call::Slow), Some(BreakerState::Open));
}

#[test]
fn a_few_probes_decide_and_each_failure_doubles_the_wait() {
    let breaker = Breaker::new(settings(), 1);
    assert_eq!(call(&breaker, 0, Call::Failed), Some(BreakerState::Open));
    let (permit, change) = breaker.ask(10 * SECOND);
    assert_eq!(change.map(|change| change.state), Some(BreakerState::HalfOpen));
    let Permit::Granted { epoch: first } = permit else { panic!("refused") };
    let second = epoch(&breaker, 10 * SECOND);
    assert!(matches!(breaker.ask(10 * SECOND).0, Permit::Refused { .. }), "two probes are under way");
    assert_eq!(breaker.report(second, 11 * SECOND, Call::Void), None);
    let third = epoch(&breaker, 11 * SECOND);
    assert_eq!(breaker.report(first, 12 * SECOND, Call::Ok), None);
    assert_eq!(
        breaker.report(third, 12 * SECOND, Call::Failed).map(|change| change.state),
        Some(BreakerState::Open)
    );
    assert_eq!(breaker.ask(31 * SECOND).0, Permit::Refused { until_ns: 32 * SECOND });
    assert_eq!(call(&breaker, 32 * SECOND, Call::Ok), None);
    assert_eq!(call(&breaker, 32 * SECOND, Call::Ok), Some(BreakerState::Closed));
    assert_eq!(breaker.openings(), 0);
}

#[test]
fn what_was_asked_before_a_change_says_nothing_after_it() {
    let breaker = Breaker::new(settings(), 1);
    let (early, late) = (epoch(&breaker, 0), epoch(&breaker, 0));
    assert!(breaker.report(early, 0, Call::Failed).is_some());
    assert_eq!(breaker.report(late, 0, Call::Failed), None);
    assert_eq!(breaker.openings(), 1);
}

/// The same rules, written as plainly as possible.
#[derive(Debug)]
struct Model {
    open_until: Option<u64>,
    probing: Option<(u32, u32)>,
    calls: Vec<Call>,
    openings: u32,
}

impl Model {
    fn ask(&mut self, now_ns: u64) -> bool {
        if self.open_until.is_some_and(|until| now_ns < until) {
            return false;
        }
        if self.open_until.take().is_some() {
            self.probing = Some((0, 0));
        }
        match &mut self.probing {
            Some((granted, _)) if *granted == settings().probes => false,
            Some((granted, _)) => {
                *granted += 1;
                true
            }
            None => true,
        }
    }

    /// Whether the breaker opens.
    fn report(&mut self, now_ns: u64, call: Call) -> bool {
        let opens = match &mut self.probing {
            Some((granted, _)) if call == Call::Void => {
                *granted -= 1;
                false
            }
            Some(_) if call == Call::Failed => true,
            Some((_, succeeded)) => {
                *succeeded += 1;
                if *succeeded == settings().probes {
                    (self.probing, self.openings) = (None, 0);
                    self.calls.clear();
                }
                false
            }
            None if call == Call::Void => false,
            None => {
                self.calls.push(call);
                let tail = |n: usize| self.calls.iter().rev().take(n);
                let in_a_row = self.calls.len() >= 3 && tail(3).all(|call| *call == Call::Failed);
                let full = self.calls.len() >= 4;
                let count = |wanted| tail(4).filter(|call| **call == wanted).count();
                in_a_row || (full && (count(Call::Failed) >= 2 || count(Call::Slow) >= 3))
            }
        };
        if opens {
            self.open_until = Some(now_ns + ((10 * SECOND) << self.openings.min(20)));
            self.openings += 1;
            self.probing = None;
            self.calls.clear();
        }
        opens
    }
}

proptest! {
    // PROPTEST_CASES can ask for more cases.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

    #[test]
    fn it_does_what_the_plain_model_does(steps in prop::collection::vec((0..4_u8, 0..15_u64), 1..60)) {
        let breaker = Breaker::new(settings(), 3);
        let mut model = Model { open_until: None, probing: None, calls: vec![], openings: 0 };
        let mut now_ns = 0;
        for (kind, secs) in steps {
            now_ns += secs * SECOND;
            let permit = breaker.ask(now_ns).0;
            let expected = model.ask(now_ns);
            prop_assert_eq!(matches!(permit, Permit::Granted { .. }), expected);
            if let Permit::Granted { epoch } = permit {
                let call = [Call::Ok, Call::Slow, Call::Failed, Call::Void][usize::from(kind)];
                let opened = breaker.report(epoch, now_ns, call).is_some_and(|change| change.state == BreakerState::Open);
                prop_assert_eq!(opened, model.report(now_ns, call));
            }
            prop_assert_eq!(breaker.openings(), model.openings);
        }
    }
}

#[test]
fn of_callers_side_by_side_no_more_go_than_there_are_probes() {
    let breaker = Arc::new(Breaker::new(settings(), 1));
    assert!(call(&breaker, 0, Call::Failed).is_some());
    assert!(matches!(breaker.ask(9 * SECOND).0, Permit::Refused { .. }));
    let under_way = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (breaker, under_way) = (Arc::clone(&breaker), Arc::clone(&under_way));
            std::thread::spawn(move || {
                for _ in 0..2000 {
                    if let Permit::Granted { epoch } = breaker.ask(10 * SECOND).0 {
                        assert!(under_way.fetch_add(1, Ordering::SeqCst) < settings().probes);
                        under_way.fetch_sub(1, Ordering::SeqCst);
                        assert_eq!(breaker.report(epoch, 10 * SECOND, Call::Void), None);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
