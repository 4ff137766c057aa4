//! Models in turn: one works until it is done or its breaker opens; those that were left alone come again later.

use std::thread;
use std::time::Duration;

use vidbench_core::{BreakerChange, Event, FailedAttempt, Generation, Operation, Phase, PlannedSample};
use vidbench_engines::WorkerProcess;

use crate::breaker::{Breaker, Call, Change, Permit};
use crate::error::ModelError;
use crate::generate::{Attempt, Failed};
use crate::pace::is_slow;
use crate::run::{Runner, failure};
use crate::{RunError, workers};

/// How often a wait looks whether a person wants to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Samples of a model that are left, in the order of the plan.
struct Lane {
    model: u32,
    left: Vec<PlannedSample>,
    state: LaneState,
}

enum LaneState {
    /// It may go on.
    Ready,
    /// Its breaker is open.
    Tripped { until_ns: u64, error: ModelError },
    /// Nothing more comes of it in this session.
    Ended,
}

/// How a model's turn ended.
enum End {
    Finished,
    Stopped,
    GivenUp(ModelError),
    Tripped { until_ns: u64, error: ModelError },
}

/// A breaker that has just opened.
struct Opened {
    until_ns: u64,
    reason: String,
}

/// What follows a failed attempt.
enum Next {
    /// Another one, at once: the wait is over.
    Again,
    /// The next sample.
    Judged,
    /// Nothing more in this turn.
    Leave { end: End, judged: bool },
}

type Backlog = Vec<(u64, Generation)>;

impl Runner<'_> {
    /// Makes everything that is pending, model by model.
    pub(crate) fn take_turns(
        &mut self,
        pending: &[PlannedSample],
        backlog: &mut Backlog,
    ) -> Result<(), RunError> {
        let of = |model| pending.iter().filter(|sample| sample.model == model).copied().collect();
        let models = 0..self.suite().models.len() as u32;
        let mut lanes: Vec<Lane> =
            models.map(|model| Lane { model, left: of(model), state: LaneState::Ready }).collect();
        loop {
            for lane in lanes.iter_mut().filter(|lane| matches!(lane.state, LaneState::Ready)) {
                if !lane.left.is_empty() && !self.should_stop() {
                    self.turn(lane, backlog)?;
                }
            }
            if self.should_stop() || !self.reopen(&mut lanes) {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, lane: &mut Lane, backlog: &mut Backlog) -> Result<(), RunError> {
        let mut done = 0;
        let end = self.run_model(lane.model, &lane.left, &mut done, backlog)?;
        lane.left.drain(..done);
        lane.state = match end {
            End::Finished | End::Stopped => LaneState::Ended,
            End::GivenUp(error) => {
                self.give_up(lane.model, &error);
                LaneState::Ended
            }
            End::Tripped { .. } if lane.left.is_empty() => LaneState::Ended,
            End::Tripped { until_ns, error } => LaneState::Tripped { until_ns, error },
        };
        Ok(())
    }

    /// Waits for the first breaker that may close again. Models that were tried again often enough are given up.
    fn reopen(&mut self, lanes: &mut [Lane]) -> bool {
        let most = self.suite().breaker.reopenings;
        let mut first_ns: Option<u64> = None;
        for lane in lanes.iter_mut() {
            let tried = |operation| self.breakers.get(&(lane.model, operation)).map_or(0, Breaker::openings);
            let openings = tried(Operation::Load).max(tried(Operation::Generate));
            match std::mem::replace(&mut lane.state, LaneState::Ended) {
                LaneState::Tripped { error, .. } if openings > most => self.give_up(lane.model, &error),
                LaneState::Tripped { until_ns, .. } => {
                    lane.state = LaneState::Ready;
                    first_ns = Some(first_ns.map_or(until_ns, |first| first.min(until_ns)));
                }
                LaneState::Ready | LaneState::Ended => {}
            }
        }
        first_ns.is_some_and(|until_ns| self.wait_until(until_ns))
    }

    /// False when a person wants to stop.
    fn wait_until(&self, until_ns: u64) -> bool {
        loop {
            if self.should_stop() {
                return false;
            }
            let left = Duration::from_nanos(until_ns.saturating_sub(self.inputs.clock.monotonic_ns()));
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(LOOK));
        }
    }

    /// `done` counts the samples from the first on that need nothing more.
    fn run_model(
        &mut self,
        model: u32,
        samples: &[PlannedSample],
        done: &mut usize,
        backlog: &mut Backlog,
    ) -> Result<End, RunError> {
        let mut worker = None;
        let mut timed_phase_ns = None;
        let mut first_ns = None;
        let end = loop {
            let Some(sample) = samples.get(*done) else { break End::Finished };
            if self.should_stop() {
                break End::Stopped;
            }
            let ready = match worker.take() {
                Some(ready) => ready,
                None => match self.ready_worker(model, &samples[*done..]) {
                    Ok(ready) => ready,
                    Err(end) => break end,
                },
            };
            let epoch = match self.ask(model, Operation::Generate) {
                Permit::Granted { epoch } => epoch,
                Permit::Refused { until_ns } => {
                    worker = Some(ready);
                    break left_alone(until_ns);
                }
            };
            if timed_phase_ns.is_none() {
                self.tell(&Event::PhaseStarted { phase: Phase::Generate, total: samples.len() as u64 });
            }
            let phase_ns = *timed_phase_ns.get_or_insert_with(|| self.inputs.clock.monotonic_ns());
            let begun_ns = *first_ns.get_or_insert_with(|| self.inputs.clock.monotonic_ns());
            let usual = self.pace.usual(sample.model, sample.params);
            match self.generate(ready, sample, self.intended_ns(phase_ns))? {
                Attempt::Generated { worker: ready, generation } => {
                    let slow = is_slow(generation.timing.service_secs(), usual);
                    self.report(model, Operation::Generate, epoch, if slow { Call::Slow } else { Call::Ok });
                    worker = Some(ready);
                    self.file(sample, *generation, backlog)?;
                    (*done, first_ns) = (*done + 1, None);
                }
                Attempt::Failed { worker: left, failed } => {
                    let secs = self.secs_since(begun_ns);
                    let is_last = *done + 1 == samples.len();
                    let tell_restart = left.is_none() && !is_last;
                    worker = left;
                    match self.failed(sample, epoch, failed, secs, tell_restart)? {
                        Next::Again => {}
                        Next::Judged => (*done, first_ns) = (*done + 1, None),
                        Next::Leave { end, judged } => {
                            *done += usize::from(judged);
                            break end;
                        }
                    }
                }
                Attempt::WorkerGone { reason } => {
                    if let Some(opened) = self.report(model, Operation::Generate, epoch, Call::Failed) {
                        break tripped(opened, reason);
                    }
                    self.tell_restart(model, reason);
                }
                Attempt::Stopped { worker: left } => {
                    self.report(model, Operation::Generate, epoch, Call::Void);
                    worker = left;
                    break End::Stopped;
                }
            }
        };
        worker.into_iter().for_each(workers::stop);
        Ok(end)
    }

    /// Records a failed attempt and decides what follows.
    fn failed(
        &mut self,
        sample: &PlannedSample,
        epoch: u64,
        failed: Failed,
        secs: f64,
        tell_restart: bool,
    ) -> Result<Next, RunError> {
        let Failed { outcome, reason, wall_ms, secs: attempt_secs } = failed;
        let attempt = self.failed_attempts.entry(sample.ordinal).and_modify(|made| *made += 1).or_insert(1);
        let attempt = *attempt;
        let record = FailedAttempt {
            attempt,
            session: self.session.index,
            started_ms: wall_ms,
            secs: attempt_secs,
            outcome,
            reason: reason.clone(),
        };
        self.inputs.store.record_attempt(&self.inputs.run.id, sample.ordinal, &record)?;
        let call = if outcome.blames_the_worker() { Call::Failed } else { Call::Void };
        let opened = self.report(sample.model, Operation::Generate, epoch, call);
        let of = self.suite().retry.attempts_for(outcome);
        if let Some(opened) = opened {
            if attempt < of {
                return Ok(Next::Leave { end: tripped(opened, reason), judged: false });
            }
            self.judge(sample, failure(sample.id, outcome, numbered(&reason, attempt)))?;
            return Ok(Next::Leave { end: tripped(opened, reason), judged: true });
        }
        if let Some(wait) = self.retries.next(sample.id, attempt, outcome, secs) {
            let label = self.label(sample);
            let (sample, wait_secs) = (sample.id, wait.as_secs_f64());
            self.tell(&Event::Retried { sample, label, attempt, of, wait_secs, outcome, reason });
            return Ok(match self.wait(wait) {
                true => Next::Again,
                false => Next::Leave { end: End::Stopped, judged: false },
            });
        }
        self.judge(sample, failure(sample.id, outcome, numbered(&reason, attempt)))?;
        if tell_restart {
            self.tell_restart(sample.model, reason);
        }
        Ok(Next::Judged)
    }

    /// A worker with its model loaded and warm.
    fn ready_worker(&mut self, model: u32, left: &[PlannedSample]) -> Result<WorkerProcess, End> {
        let mut attempts = 0;
        loop {
            let epoch = match self.ask(model, Operation::Load) {
                Permit::Granted { epoch } => epoch,
                Permit::Refused { until_ns } => return Err(left_alone(until_ns)),
            };
            let error = match self.bring_up(model, left) {
                Ok(worker) => {
                    self.report(model, Operation::Load, epoch, Call::Ok);
                    return Ok(worker);
                }
                Err(error) => error,
            };
            if workers::was_cancelled(&error) {
                self.report(model, Operation::Load, epoch, Call::Void);
                return Err(End::Stopped);
            }
            attempts += 1;
            let opened = self.report(model, Operation::Load, epoch, Call::Failed);
            // What is not there now is not there in a second.
            let Some(outcome) = error.outcome().filter(|outcome| outcome.is_worth_another_attempt()) else {
                return Err(End::GivenUp(error));
            };
            if let Some(opened) = opened {
                return Err(tripped(opened, error.to_string()));
            }
            let sample = left.first().map_or(vidbench_core::SampleId([0; 16]), |sample| sample.id);
            let Some(wait) = self.retries.next(sample, attempts, outcome, 0.0) else {
                return Err(End::GivenUp(error));
            };
            let message = format!("{error}; loading it again in {:.1} s", wait.as_secs_f64());
            self.tell(&Event::Warning { message });
            if !self.wait(wait) {
                return Err(End::Stopped);
            }
        }
    }

    fn wait(&self, wait: Duration) -> bool {
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.wait_until(self.inputs.clock.monotonic_ns().saturating_add(wait_ns))
    }

    fn tell_restart(&mut self, model: u32, reason: String) {
        let worker = self.suite().models[model as usize].id.to_string();
        self.tell(&Event::WorkerRestarted { worker, reason });
    }

    fn breaker(&mut self, model: u32, operation: Operation) -> &Breaker {
        let suite = self.suite();
        let new = || Breaker::new(suite.breaker, suite.limits.max_consecutive_failures);
        self.breakers.entry((model, operation)).or_insert_with(new)
    }

    fn ask(&mut self, model: u32, operation: Operation) -> Permit {
        let now_ns = self.inputs.clock.monotonic_ns();
        let (permit, change) = self.breaker(model, operation).ask(now_ns);
        if let Some(change) = change {
            self.tell_change(model, operation, change);
        }
        permit
    }

    fn report(&mut self, model: u32, operation: Operation, epoch: u64, call: Call) -> Option<Opened> {
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

fn tripped(opened: Opened, last: String) -> End {
    let Opened { until_ns, reason } = opened;
    End::Tripped { until_ns, error: ModelError::BreakerOpen { reason, last } }
}

fn left_alone(until_ns: u64) -> End {
    tripped(Opened { until_ns, reason: "it is tried again later".into() }, "told before".into())
}

/// A reason that says how often it was tried.
fn numbered(reason: &str, attempt: u32) -> String {
    if attempt == 1 { reason.into() } else { format!("{reason} (attempt {attempt})") }
}
