//! One model's turn: a worker for it, its samples one after the other, and what follows when an attempt fails.

use std::sync::Arc;
use std::time::Duration;

use vidbench_core::{Event, FailedAttempt, Operation, Outcome, Phase, PlannedSample, Timing};
use vidbench_engines::WorkerProcess;

use crate::breaker::{Call, Permit};
use crate::error::ModelError;
use crate::generate::{Attempt, Failed};
use crate::pace::is_slow;
use crate::run::{Runner, failure};
use crate::turns::{Backlog, End};
use crate::{RunError, workers};

/// The progress of a turn.
struct Turn<'s> {
    model: u32,
    samples: &'s [PlannedSample],
    /// How many samples, from the first on, need nothing more.
    done: usize,
    worker: Option<WorkerProcess>,
    /// When the first sample of the turn was meant to start.
    phase_ns: Option<u64>,
    /// When the first attempt at the sample began.
    first_ns: Option<u64>,
}

/// What follows a failed attempt.
enum Next {
    /// Another attempt, at once: the wait is over already.
    Again,
    /// The next sample.
    Judged,
    /// Nothing more in this turn.
    Leave { end: End, judged: bool },
}

impl Turn<'_> {
    fn next_sample(&mut self) {
        (self.done, self.first_ns) = (self.done + 1, None);
    }
}

impl Runner<'_> {
    /// Runs one turn of a model. Returns how many samples, from the first on, need nothing more, and how the turn
    /// ended. `more` says that further samples of the model follow in another turn.
    pub(crate) fn run_model(
        &mut self,
        model: u32,
        samples: &[PlannedSample],
        more: bool,
        backlog: &mut Backlog,
    ) -> Result<(usize, End), RunError> {
        if let Some(error) = self.device(model).and_then(|device| self.quarantined(device)) {
            return Ok((0, End::GivenUp(error)));
        }
        let worker = self.pool.take(model);
        let mut turn = Turn { model, samples, done: 0, worker, phase_ns: None, first_ns: None };
        let end = loop {
            if let Some(end) = self.attempt(&mut turn, backlog)? {
                break end;
            }
        };
        let comes_again = match end {
            End::Finished => more,
            End::Tripped { .. } => more || turn.done < samples.len(),
            End::Stopped | End::GivenUp(_) => false,
        };
        self.put_away(model, turn.worker, comes_again);
        Ok((turn.done, end))
    }

    /// Makes one attempt at the next sample; returns the end of the turn, if this ends it.
    fn attempt(&mut self, turn: &mut Turn<'_>, backlog: &mut Backlog) -> Result<Option<End>, RunError> {
        let Some(sample) = turn.samples.get(turn.done) else { return Ok(Some(End::Finished)) };
        self.pause();
        // Checked before the sample is meant to start: a wait for space is not part of its time.
        let loaded = turn.worker.is_some();
        if self.should_stop() || self.disk_is_full()? || self.lacks_time(sample, loaded) {
            return Ok(Some(End::Stopped));
        }
        let worker = match turn.worker.take() {
            Some(worker) => worker,
            None => match self.ready_worker(turn.model, &turn.samples[turn.done..]) {
                Ok(worker) => worker,
                Err(end) => return Ok(Some(end)),
            },
        };
        let epoch = match self.ask(turn.model, Operation::Generate) {
            Permit::Granted { epoch } => epoch,
            Permit::Refused { until_ns } => {
                turn.worker = Some(worker);
                return Ok(Some(left_alone(until_ns)));
            }
        };
        self.look_at_wall_clock();
        let desk = Arc::clone(&self.desk.shared);
        let timed = self.timed(&desk, turn.model);
        let (intended_ns, begun_ns) = self.begin(turn);
        let usual = self.pace.usual(sample.model, sample.params);
        let attempt = self.generate(worker, sample, intended_ns)?;
        drop(timed);
        match attempt {
            Attempt::Generated { worker, generation } => {
                let secs = generation.timing.as_ref().map(Timing::service_secs);
                let slow = secs.is_some_and(|secs| is_slow(secs, usual));
                self.report(turn.model, Operation::Generate, epoch, if slow { Call::Slow } else { Call::Ok });
                turn.worker = Some(worker);
                self.file(sample, *generation, backlog)?;
                turn.next_sample();
                Ok(None)
            }
            Attempt::Failed { worker, failed } => {
                turn.worker = worker;
                let secs = self.secs_since(begun_ns);
                let next = self.failed(sample, epoch, failed, secs)?;
                Ok(self.go_on(turn, next))
            }
            Attempt::WorkerGone { reason } => {
                if let Some(opened) = self.report(turn.model, Operation::Generate, epoch, Call::Failed) {
                    return Ok(Some(opened.ends(reason)));
                }
                self.tell_restart(turn.model, reason);
                Ok(None)
            }
            Attempt::Stopped { worker } => {
                self.report(turn.model, Operation::Generate, epoch, Call::Void);
                turn.worker = worker;
                Ok(Some(End::Stopped))
            }
        }
    }

    /// When the sample is meant to start, and when the first attempt at it began.
    fn begin(&mut self, turn: &mut Turn<'_>) -> (u64, u64) {
        if turn.phase_ns.is_none() {
            self.tell(&Event::PhaseStarted { phase: Phase::Generate, total: turn.samples.len() as u64 });
        }
        let now_ns = || self.inputs.clock.monotonic_ns();
        let phase_ns = *turn.phase_ns.get_or_insert_with(now_ns);
        let begun_ns = *turn.first_ns.get_or_insert_with(now_ns);
        (self.intended_ns(phase_ns), begun_ns)
    }

    /// Follows up a failed attempt; returns the end of the turn, if this ends it.
    fn go_on(&mut self, turn: &mut Turn<'_>, next: (Next, String)) -> Option<End> {
        match next {
            (Next::Again, _) => None,
            (Next::Judged, reason) => {
                turn.next_sample();
                // After the last sample no other worker is started.
                if turn.worker.is_none() && turn.done < turn.samples.len() {
                    self.tell_restart(turn.model, reason);
                }
                None
            }
            (Next::Leave { end, judged }, _) => {
                turn.done += usize::from(judged);
                Some(end)
            }
        }
    }

    /// Records a failed attempt and decides what follows; also returns the reason of the failure.
    fn failed(
        &mut self,
        sample: &PlannedSample,
        epoch: u64,
        failed: Failed,
        secs: f64,
    ) -> Result<(Next, String), RunError> {
        let attempt = self.record_failed(sample, &failed)?;
        let Failed { outcome, reason, .. } = failed;
        let call = if outcome.blames_the_worker() { Call::Failed } else { Call::Void };
        let opened = self.report(sample.model, Operation::Generate, epoch, call);
        if let Some(error) = self.device_failed(sample.model, outcome) {
            return Ok((Next::Leave { end: End::GivenUp(error), judged: false }, reason));
        }
        let wait = match opened {
            None if self.free_memory(outcome) => Some(Duration::ZERO),
            None => self.retries.next(sample.id, attempt, outcome, secs),
            Some(_) => None,
        };
        let of = self.suite().retry.attempts_for(outcome);
        if let Some(wait) = wait {
            self.tell_retry(sample, (attempt, of.max(attempt + 1)), wait, outcome, &reason);
            let next = match self.wait(wait) {
                true => Next::Again,
                false => Next::Leave { end: End::Stopped, judged: false },
            };
            return Ok((next, reason));
        }
        // If a breaker has opened, the remaining attempts wait until it is closed again.
        let judged = opened.is_none() || attempt >= of;
        if judged {
            self.judge(sample, failure(sample.id, outcome, numbered(&reason, attempt)))?;
        }
        let next = match opened {
            Some(opened) => Next::Leave { end: opened.ends(reason.clone()), judged },
            None => Next::Judged,
        };
        Ok((next, reason))
    }

    /// Records a failed attempt; returns its number.
    fn record_failed(&mut self, sample: &PlannedSample, failed: &Failed) -> Result<u32, RunError> {
        let made = self.trouble.failed_attempts.entry(sample.ordinal).or_default();
        *made += 1;
        let record = FailedAttempt {
            attempt: *made,
            session: self.session.index,
            started_ms: failed.wall_ms,
            secs: failed.secs,
            outcome: failed.outcome,
            reason: failed.reason.clone(),
        };
        self.inputs.store.record_attempt(&self.inputs.run.id, sample.ordinal, &record)?;
        Ok(record.attempt)
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
            if error.outcome().is_some_and(|outcome| self.free_memory(outcome)) {
                self.report(model, Operation::Load, epoch, Call::Void);
                let message = format!("{error}; loading it again after ending idle workers");
                self.tell(&Event::Warning { message });
                continue;
            }
            attempts += 1;
            let opened = self.report(model, Operation::Load, epoch, Call::Failed);
            // Missing weights or programs do not appear by retrying.
            let Some(outcome) = error.outcome().filter(|outcome| outcome.is_worth_another_attempt()) else {
                return Err(End::GivenUp(error));
            };
            if let Some(opened) = opened {
                return Err(opened.ends(error.to_string()));
            }
            let sample = left.first().map_or(vidbench_core::SampleId([0; 16]), |sample| sample.id);
            // Attempts do not count while a hub is unreachable: the breaker limits them, and other models run in the meantime.
            let counted = if outcome == Outcome::Unreachable { 1 } else { attempts };
            let Some(wait) = self.retries.next(sample, counted, outcome, 0.0) else {
                return Err(End::GivenUp(error));
            };
            let message = format!("{error}; loading it again in {:.1} s", wait.as_secs_f64());
            self.tell(&Event::Warning { message });
            if !self.wait(wait) {
                return Err(End::Stopped);
            }
        }
    }

    fn tell_retry(
        &mut self,
        sample: &PlannedSample,
        (attempt, of): (u32, u32),
        wait: Duration,
        outcome: Outcome,
        reason: &str,
    ) {
        let (label, wait_secs, reason) = (self.label(sample), wait.as_secs_f64(), reason.to_owned());
        self.tell(&Event::Retried { sample: sample.id, label, attempt, of, wait_secs, outcome, reason });
    }

    fn tell_restart(&mut self, model: u32, reason: String) {
        let worker = self.suite().models[model as usize].id.to_string();
        self.tell(&Event::WorkerRestarted { worker, reason });
    }
}

/// The breaker was open already when it was asked, so what opened it is not told a second time.
fn left_alone(until_ns: u64) -> End {
    let error = ModelError::BreakerOpen { reason: "it is open".into(), last: "in an earlier turn".into() };
    End::Tripped { until_ns, error }
}

/// A reason with the number of the attempt.
fn numbered(reason: &str, attempt: u32) -> String {
    if attempt == 1 { reason.into() } else { format!("{reason} (attempt {attempt})") }
}
