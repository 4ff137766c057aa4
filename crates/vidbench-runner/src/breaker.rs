//! The circuit breaker of one model and operation: after too many failures it lets no call through for a while, then a
//! few as probes.
//!
//! It never waits: a caller asks, makes its call without any lock, and reports. The caller supplies the times, so tests
//! need no clock.

use std::collections::VecDeque;

use vidbench_core::{Breaker as Settings, BreakerState};

use super::sync::{Mutex, MutexGuard, PoisonError};

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Granted {
        /// In which epoch of the breaker it was granted: a call from before a change says nothing about the time after
        /// it.
        epoch: u64,
    },
    /// Not before this time, in nanoseconds.
    Refused {
        /// When to ask again.
        until_ns: u64,
    },
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Well.
    Ok,
    /// Well, but slowly.
    Slow,
    /// The worker failed.
    Failed,
    /// The call says nothing about the worker: a person stopped it, or the request was to blame.
    Void,
}

/// A change of state, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The new state.
    pub state: BreakerState,
    /// For an open breaker: until when, in nanoseconds.
    pub until_ns: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Change {
    fn new(state: BreakerState, reason: &str) -> Self {
        Self { state, until_ns: None, reason: reason.into() }
    }
}

/// One breaker. May be shared between threads.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    /// Failures in a row that open it, whatever the window says.
    most_in_a_row: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    epoch: u64,
    window: VecDeque<Call>,
    in_a_row: u32,
    /// Times it opened since it was last closed; each doubles the wait.
    openings: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until_ns: u64 },
    HalfOpen { granted: u32, succeeded: u32 },
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: Settings, most_in_a_row: u32) -> Self {
        let inner = Inner {
            state: State::Closed,
            epoch: 0,
            window: VecDeque::with_capacity(settings.window as usize),
            in_a_row: 0,
            openings: 0,
        };
        Self { settings, most_in_a_row, inner: Mutex::new(inner) }
    }

    /// Whether a call may be made now; a granted call must be reported.
    pub fn ask(&self, now_ns: u64) -> (Permit, Option<Change>) {
        let mut inner = self.inner();
        let mut change = None;
        if let State::Open { until_ns } = inner.state {
            if now_ns < until_ns {
                return (Permit::Refused { until_ns }, None);
            }
            inner.enter(State::HalfOpen { granted: 0, succeeded: 0 });
            change = Some(Change::new(BreakerState::HalfOpen, "its pause is over"));
        }
        let epoch = inner.epoch;
        match &mut inner.state {
            // The probes that are under way decide; until then no other call is granted.
            State::HalfOpen { granted, .. } if *granted >= self.settings.probes => {
                (Permit::Refused { until_ns: now_ns }, change)
            }
            State::HalfOpen { granted, .. } => {
                *granted += 1;
                (Permit::Granted { epoch }, change)
            }
            State::Closed | State::Open { .. } => (Permit::Granted { epoch }, change),
        }
    }

    /// Reports how a granted call went. A call from before the last change is ignored.
    pub fn report(&self, epoch: u64, now_ns: u64, call: Call) -> Option<Change> {
        let mut inner = self.inner();
        if epoch != inner.epoch {
            return None;
        }
        match inner.state {
            State::Closed => self.while_closed(&mut inner, now_ns, call),
            State::HalfOpen { granted, succeeded } => match call {
                Call::Void => {
                    inner.state = State::HalfOpen { granted: granted - 1, succeeded };
                    None
                }
                Call::Failed => Some(self.open(&mut inner, now_ns, "it failed again".into())),
                Call::Ok | Call::Slow if succeeded + 1 >= self.settings.probes => {
                    inner.enter(State::Closed);
                    inner.openings = 0;
                    Some(Change::new(BreakerState::Closed, "it works again"))
                }
                Call::Ok | Call::Slow => {
                    inner.state = State::HalfOpen { granted, succeeded: succeeded + 1 };
                    None
                }
            },
            // No call of this epoch was granted.
            State::Open { .. } => None,
        }
    }

    /// The state, without changing it.
    pub fn state(&self) -> BreakerState {
        match self.inner().state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Times it opened since it was last closed.
    pub fn openings(&self) -> u32 {
        self.inner().openings
    }

    fn while_closed(&self, inner: &mut Inner, now_ns: u64, call: Call) -> Option<Change> {
        if call == Call::Void {
            return None;
        }
        inner.in_a_row = if call == Call::Failed { inner.in_a_row + 1 } else { 0 };
        let window = self.settings.window as usize;
        if inner.window.len() == window {
            inner.window.pop_front();
        }
        inner.window.push_back(call);
        let reason = self.reason_to_open(inner)?;
        Some(self.open(inner, now_ns, reason))
    }

    fn reason_to_open(&self, inner: &Inner) -> Option<String> {
        if inner.in_a_row >= self.most_in_a_row {
            return Some(format!("it failed {} times in a row", inner.in_a_row));
        }
        let window = self.settings.window as usize;
        if inner.window.len() < window {
            return None;
        }
        let count = |wanted: Call| inner.window.iter().filter(|call| **call == wanted).count();
        let reached = |count: usize, rate: f64| rate > 0.0 && count as f64 >= rate * window as f64;
        let (failed, slow) = (count(Call::Failed), count(Call::Slow));
        if reached(failed, self.settings.failure_rate) {
            return Some(format!("{failed} of the last {window} calls failed"));
        }
        reached(slow, self.settings.slow_rate).then(|| format!("{slow} of the last {window} calls were slow"))
    }

    fn open(&self, inner: &mut Inner, now_ns: u64, reason: String) -> Change {
        let wait_secs = self.settings.open_secs * 2.0_f64.powi(inner.openings.min(30).cast_signed());
        // Saturates: a wait of centuries is as good as one without an end.
        let until_ns = now_ns.saturating_add((wait_secs * 1e9) as u64);
        inner.enter(State::Open { until_ns });
        inner.openings = inner.openings.saturating_add(1);
        Change { state: BreakerState::Open, until_ns: Some(until_ns), reason }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change is made as a whole, so that a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
        self.window.clear();
        self.in_a_row = 0;
    }
}
