//! Models take turns: one works until it is done or its breaker opens; those that were left come again later.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use vidbench_core::suite::Order;
use vidbench_core::{BreakerChange, Event, Generation, Operation, PlannedSample};

use crate::RunError;
use crate::breaker::{Breaker, Call, Change, Permit};
use crate::error::ModelError;
use crate::run::Runner;
use crate::schedule::{self, Waiting};

/// How often a wait checks whether a person wants to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Samples of a model that are left, in the order of the plan.
pub(crate) struct Lane {
    pub(crate) model: u32,
    pub(crate) left: VecDeque<PlannedSample>,
    pub(crate) state: LaneState,
    turns: u64,
}

pub(crate) enum LaneState {
    /// Which of its samples are needed is known only when another model has ended.
    Waits { first: u32 },
    /// It may go on.
    Ready,
    /// Its breaker is open.
    Tripped { until_ns: u64, error: ModelError },
    /// It does nothing more in this session.
    Ended,
}

impl Lane {
    /// If its breaker is open: until when.
    fn until_ns(&self) -> Option<u64> {
        match self.state {
            LaneState::Tripped { until_ns, .. } => Some(until_ns),
            LaneState::Waits { .. } | LaneState::Ready | LaneState::Ended => None,
        }
    }
}

/// How a model's turn ended.
pub(crate) enum End {
    Finished,
    Stopped,
    GivenUp(ModelError),
    Tripped { until_ns: u64, error: ModelError },
}

/// A breaker that has just opened.
pub(crate) struct Opened {
    pub(crate) until_ns: u64,
    reason: String,
}

impl Opened {
    /// The end of a turn because of this; `last` is the failure that opened it.
    pub(crate) fn ends(self, last: String) -> End {
        let Self { until_ns, reason } = self;
        End::Tripped { until_ns, error: ModelError::BreakerOpen { reason, last } }
    }
}

/// How many samples at the front share one prompt, seed and repeat.
fn one_round(left: &VecDeque<PlannedSample>) -> usize {
    let of = |sample: &PlannedSample| (sample.repeat, sample.seed, sample.prompt);
    left.iter().take_while(|sample| left.front().map(of) == Some(of(sample))).count()
}

/// Files that wait to be scored, by their place in the plan.
pub(crate) type Backlog = Vec<(u64, Generation)>;

impl Runner<'_> {
    /// Makes everything that is pending, model by model.
    pub(crate) fn take_turns(
        &mut self,
        pending: &[PlannedSample],
        backlog: &mut Backlog,
    ) -> Result<(), RunError> {
        let mut lanes: Vec<Lane> =
            (0..self.suite().models.len() as u32).map(|model| self.lane(model, pending)).collect();
        self.see_what_is_needed(&mut lanes)?;
        loop {
            while let Some(at) = self.next_lane(&lanes) {
                self.turn(&mut lanes[at], backlog)?;
                self.see_what_is_needed(&mut lanes)?;
            }
            if self.should_stop() {
                return Ok(());
            }
            let reopened = self.reopen(&mut lanes);
            // A model that was given up may be what others wait for.
            self.see_what_is_needed(&mut lanes)?;
            if !reopened && self.next_lane(&lanes).is_none() {
                return Ok(());
            }
        }
    }

    fn lane(&self, model: u32, pending: &[PlannedSample]) -> Lane {
        let left: VecDeque<_> = pending.iter().filter(|sample| sample.model == model).copied().collect();
        let state = match self.suite().models[model as usize].instead_of {
            _ if left.is_empty() => LaneState::Ended,
            Some(first) => LaneState::Waits { first },
            None => LaneState::Ready,
        };
        Lane { model, left, state, turns: 0 }
    }

    /// The index of the lane whose turn is next; `None` when all wait or are done, or the run is to stop.
    fn next_lane(&self, lanes: &[Lane]) -> Option<usize> {
        let waiting = |lane: &Lane| {
            let ready = matches!(lane.state, LaneState::Ready) && !lane.left.is_empty();
            let costs_nobody = || self.pool.is_warm(lane.model) || self.pool.has_room(lane.model);
            ready.then(|| Waiting { costs_nobody: costs_nobody(), turns: lane.turns })
        };
        let waiting: Vec<Option<Waiting>> = lanes.iter().map(waiting).collect();
        (!self.should_stop()).then(|| schedule::next(self.suite().scenario.order, &waiting))?
    }

    fn turn(&mut self, lane: &mut Lane, backlog: &mut Backlog) -> Result<(), RunError> {
        let share = match self.suite().scenario.order {
            Order::ByModel => lane.left.len(),
            Order::Interleaved => one_round(&lane.left),
        };
        let more = share < lane.left.len();
        let (done, end) = self.run_model(lane.model, &lane.left.make_contiguous()[..share], more, backlog)?;
        lane.left.drain(..done);
        lane.turns += 1;
        lane.state = match end {
            End::Finished if more => LaneState::Ready,
            End::Finished | End::Stopped => LaneState::Ended,
            End::GivenUp(error) if error.is_of_memory() && self.has_another(lane.model) => {
                self.lacks_memory(lane, &error)?;
                LaneState::Ended
            }
            End::GivenUp(error) => {
                self.give_up(lane.model, &error);
                LaneState::Ended
            }
            End::Tripped { .. } if lane.left.is_empty() => LaneState::Ended,
            End::Tripped { until_ns, error } => LaneState::Tripped { until_ns, error },
        };
        Ok(())
    }

    /// Gives up models that were tried again often enough, and waits until the first of the others may be tried; false
    /// when none is left, a person wants to stop, or the time limit comes first.
    fn reopen(&mut self, lanes: &mut [Lane]) -> bool {
        let most = self.suite().breaker.reopenings;
        for lane in lanes.iter_mut() {
            let opened = |operation| self.breakers.get(&(lane.model, operation)).map_or(0, Breaker::openings);
            let tried = opened(Operation::Load).max(opened(Operation::Generate));
            if let LaneState::Tripped { error, .. } = &lane.state
                && tried > most
            {
                self.give_up(lane.model, error);
                lane.state = LaneState::Ended;
            }
        }
        let Some(first_ns) = lanes.iter().filter_map(Lane::until_ns).min() else { return false };
        let wait_ns = first_ns.saturating_sub(self.inputs.clock.monotonic_ns());
        self.tell(&Event::BreakersWait { secs: Duration::from_nanos(wait_ns).as_secs_f64() });
        let waited = self.wait_until(first_ns);
        let now_ns = self.inputs.clock.monotonic_ns();
        for lane in lanes.iter_mut().filter(|lane| lane.until_ns().is_some_and(|until_ns| until_ns <= now_ns))
        {
            lane.state = LaneState::Ready;
        }
        waited
    }

    /// False when a person wants to stop, or the time limit comes first.
    fn wait_until(&mut self, until_ns: u64) -> bool {
        let begun_ns = self.inputs.clock.monotonic_ns();
        if self.lacks_time_to_wait(Duration::from_nanos(until_ns.saturating_sub(begun_ns))) {
            return false;
        }
        let waited = loop {
            if self.should_stop() {
                break false;
            }
            let left = Duration::from_nanos(until_ns.saturating_sub(self.inputs.clock.monotonic_ns()));
            if left.is_zero() {
                break true;
            }
            thread::sleep(left.min(LOOK));
        };
        self.account.waited(self.secs_since(begun_ns));
        waited
    }

    /// False when a person wants to stop, or the time limit comes first.
    pub(crate) fn wait(&mut self, wait: Duration) -> bool {
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.wait_until(self.inputs.clock.monotonic_ns().saturating_add(wait_ns))
    }

    fn breaker(&mut self, model: u32, operation: Operation) -> &Breaker {
        let suite = self.suite();
        let new = || Breaker::new(suite.breaker, suite.limits.max_consecutive_failures);
        self.breakers.entry((model, operation)).or_insert_with(new)
    }

    pub(crate) fn ask(&mut self, model: u32, operation: Operation) -> Permit {
        let now_ns = self.inputs.clock.monotonic_ns();
        let (permit, change) = self.breaker(model, operation).ask(now_ns);
        if let Some(change) = change {
            self.tell_change(model, operation, change);
        }
        permit
    }

    pub(crate) fn report(
        &mut self,
        model: u32,
        operation: Operation,
        epoch: u64,
        call: Call,
    ) -> Option<Opened> {
        let now_ns = self.inputs.clock.monotonic_ns();
        let change = self.breaker(model, operation).report(epoch, now_ns, call)?;
        let opened = change.until_ns.map(|until_ns| Opened { until_ns, reason: change.reason.clone() });
        self.tell_change(model, operation, change);
        opened
    }

    fn tell_change(&mut self, model: u32, operation: Operation, change: Change) {
        let model = self.suite().models[model as usize].id.clone();
        let at_secs = self.secs_since(self.started_ns);
        let Change { state, reason, .. } = change;
        let change = BreakerChange { model, operation, state, at_secs, reason };
        self.tell(&Event::Breaker(change.clone()));
        self.session.breakers.push(change);
    }
}
