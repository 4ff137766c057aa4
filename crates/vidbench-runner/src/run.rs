//! One session of a run: what is left of the plan, model by model, until all is done or something stops it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::protocol::LoadedModel;
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{
    Clock, Event, FailedAttempt, Generation, GivenUp, Operation, Outcome, Plan, PlannedSample, ResolvedSuite,
    RunRecord, RunStatus, SampleId, Session, Verdict,
};
use vidbench_engines::{CallError, WorkerProcess};
use vidbench_store::{Progress, Store};

use crate::breaker::Breaker;
use crate::error::ModelError;
use crate::ledger::Account;
use crate::log::Log;
use crate::pace::Pace;
use crate::retry::Retries;
use crate::telemetry::{Sampler, Watch};
use crate::workers::{self, Commands};
use crate::{Cancel, RunError};

/// Everything a run depends on.
#[expect(missing_debug_implementations, reason = "closures have no debug form")]
pub struct Inputs<'a> {
    /// Where outcomes go.
    pub store: &'a Store,
    /// The run; it is in the store already.
    pub run: &'a RunRecord,
    /// Its plan.
    pub plan: &'a Plan,
    /// How workers are started.
    pub commands: Commands<'a>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// A person's wish to stop.
    pub cancel: Cancel,
    /// Told everything as it happens.
    pub events: &'a mut dyn FnMut(&Event),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// Every planned sample has a verdict.
    pub complete: bool,
    /// A person stopped it.
    pub interrupted: bool,
    /// The disk was nearly full.
    pub disk_full: Option<String>,
    /// Models that were given up.
    pub given_up: Vec<GivenUp>,
    /// Samples with a verdict, of this and all earlier sessions.
    pub done: u64,
    /// Of these, not ok.
    pub failed: u64,
}

/// Executes what is left of a run.
pub fn execute(inputs: Inputs<'_>) -> Result<Finish, RunError> {
    let lock = inputs.store.lock_run(&inputs.run.id)?;
    let progress = inputs.store.progress(&inputs.run.id)?;
    let mut runner = Runner::new(inputs, &progress)?;
    runner.announce();
    let worked = runner.work_and_watch(progress);
    let finish = runner.close(worked)?;
    drop(lock);
    Ok(finish)
}

pub(crate) struct Runner<'a> {
    pub(crate) inputs: Inputs<'a>,
    pub(crate) session: Session,
    pub(crate) log: Log,
    pub(crate) started_ns: u64,
    pub(crate) account: Account,
    pub(crate) pace: Pace,
    pub(crate) scorer: Option<WorkerProcess>,
    done: u64,
    failed: u64,
    /// Models whose warm-up killed their worker: the timed samples tell what happens, without another warm-up.
    pub(crate) cold: Vec<u32>,
    /// Failed attempts at each sample so far, by its place in the plan.
    pub(crate) failed_attempts: BTreeMap<u64, u32>,
    pub(crate) retries: Retries,
    pub(crate) breakers: BTreeMap<(u32, Operation), Breaker>,
    pub(crate) disk_full: Option<String>,
    /// What earlier sessions loaded.
    pub(crate) earlier: Vec<LoadedModel>,
    has_work: bool,
}

impl<'a> Runner<'a> {
    fn new(inputs: Inputs<'a>, progress: &Progress) -> Result<Self, RunError> {
        let has_work = (progress.judged.len() as u64) < inputs.run.planned;
        let sessions = inputs.store.sessions(&inputs.run.id)?;
        let started_ms = inputs.clock.unix_ms();
        // A complete run that is asked to go on leaves no trace.
        let index = if has_work { inputs.store.begin_session(&inputs.run.id, started_ms)? } else { 0 };
        if has_work {
            inputs.store.set_status(&inputs.run.id, RunStatus::Running, None)?;
        }
        let made = (progress.judged.len() + progress.generated_only.len()) as u64;
        let retries = Retries::new(inputs.run.suite.retry, inputs.run.planned.saturating_sub(made));
        let attempts =
            |tried: &Vec<FailedAttempt>| tried.iter().map(|failed| failed.attempt).max().unwrap_or(0);
        let failed = progress.judged.values().filter(|outcome| **outcome != Outcome::Ok).count() as u64;
        Ok(Self {
            started_ns: inputs.clock.monotonic_ns(),
            log: Log::new(&inputs.run.id, index),
            session: Session {
                index,
                started_ms,
                models: vec![],
                given_up: vec![],
                breakers: vec![],
                ledger: None,
            },
            account: Account::default(),
            pace: Pace::default(),
            scorer: None,
            done: progress.judged.len() as u64,
            failed,
            cold: Vec::new(),
            failed_attempts: progress
                .failed_attempts
                .iter()
                .map(|(at, tried)| (*at, attempts(tried)))
                .collect(),
            retries,
            breakers: BTreeMap::new(),
            disk_full: None,
            earlier: sessions
                .into_iter()
                .flat_map(|session| session.models)
                .map(|model| model.model)
                .collect(),
            has_work,
            inputs,
        })
    }

    fn announce(&mut self) {
        let (run, planned, done) = (self.inputs.run.id.clone(), self.inputs.run.planned, self.done);
        self.tell(&Event::RunStarted { run, planned, done });
    }

    /// Works while a thread of its own reads the sensors.
    fn work_and_watch(&mut self, progress: Progress) -> Result<(), RunError> {
        let interval = Duration::from_secs_f64(self.suite().telemetry.interval_secs);
        if interval.is_zero() || !self.has_work {
            return self.work(progress);
        }
        let (store, run, session) = (self.inputs.store, &self.inputs.run.id, self.session.index);
        let (clock, started_ns) = (Arc::clone(&self.inputs.clock), self.started_ns);
        let workers_are_children = self.suite().models.iter().all(|model| model.place.container.is_none());
        std::thread::scope(|scope| {
            let watch = Watch { store, run, session, clock, started_ns, interval, workers_are_children };
            let sampler = Sampler::start(scope, watch);
            let worked = self.work(progress);
            if let Err(error) = sampler.stop() {
                // What samples gave is safe; only what sensors said is missing, and that is told.
                let message = format!("what sensors said could not be kept: {error}");
                self.tell(&Event::Warning { message });
            }
            worked
        })
    }

    fn work(&mut self, mut progress: Progress) -> Result<(), RunError> {
        progress.generated_only = self.sound(progress.generated_only)?;
        let generated: std::collections::HashSet<SampleId> =
            progress.generated_only.iter().map(|(_, generation)| generation.sample).collect();
        let plan = self.inputs.plan;
        let open = |sample: &&PlannedSample| {
            !progress.judged.contains_key(&sample.id) && !generated.contains(&sample.id)
        };
        let (rejected, pending): (Vec<PlannedSample>, Vec<PlannedSample>) =
            plan.samples.iter().filter(open).partition(|sample| self.suite().prompt_of(sample).rejected);
        self.reject(&rejected)?;
        let mut backlog = progress.generated_only;
        self.take_turns(&pending, &mut backlog)?;
        backlog.sort_by_key(|(ordinal, _)| *ordinal);
        self.score_backlog(&backlog)
    }

    /// Of the files that an earlier session left unscored those that still are what they were; the others are made again.
    fn sound(&mut self, generated: Vec<(u64, Generation)>) -> Result<Vec<(u64, Generation)>, RunError> {
        let mut sound = Vec::new();
        for (ordinal, generation) in generated {
            match self.inputs.store.verify_artifact(&generation.artifact_sha256) {
                Ok(_) => sound.push((ordinal, generation)),
                Err(error) => {
                    self.tell(&Event::Warning { message: format!("{error}; its sample is generated again") });
                    self.inputs.store.forget_generation(&self.inputs.run.id, ordinal)?;
                }
            }
        }
        Ok(sound)
    }

    /// Samples whose prompt the policy rejected are not generated.
    fn reject(&mut self, samples: &[PlannedSample]) -> Result<(), RunError> {
        for sample in samples {
            let findings = self.suite().prompt_of(sample).findings.join("; ");
            let reason = format!("the prompt policy rejects it: {findings}");
            self.judge(sample, failure(sample.id, Outcome::PromptRejected, reason))?;
        }
        Ok(())
    }

    /// When the scenario means the next sample to start.
    pub(crate) fn intended_ns(&self, phase_ns: u64) -> u64 {
        match self.suite().scenario.kind {
            ScenarioKind::SingleStream => self.inputs.clock.monotonic_ns(),
            ScenarioKind::Offline => phase_ns,
        }
    }

    /// A single stream has nothing else to do between two samples, so a file is scored at once and a broken model shows
    /// early. Offline, scoring would stretch the makespan and waits.
    pub(crate) fn file(
        &mut self,
        sample: &PlannedSample,
        generation: Generation,
        backlog: &mut Vec<(u64, Generation)>,
    ) -> Result<(), RunError> {
        match self.suite().scenario.kind {
            ScenarioKind::SingleStream if !self.inputs.cancel.is_urgent() => self.score(sample, &generation),
            ScenarioKind::SingleStream | ScenarioKind::Offline => {
                backlog.push((sample.ordinal, generation));
                Ok(())
            }
        }
    }

    /// Starts a worker, loads the model and warms it up. A warm-up that kills the worker is not the end: the samples are to
    /// have their outcomes, so another worker takes them on without it.
    pub(crate) fn bring_up(
        &mut self,
        model: u32,
        left: &[PlannedSample],
    ) -> Result<WorkerProcess, ModelError> {
        let worker = self.load(model)?;
        if self.cold.contains(&model) {
            return Ok(worker);
        }
        match self.warm_up(worker, left) {
            Err(error) if !workers::was_cancelled(&error) => {
                self.tell(&Event::Warning { message: format!("{error}; going on without warm-up") });
                self.cold.push(model);
                self.load(model)
            }
            warmed => warmed,
        }
    }

    fn load(&mut self, model: u32) -> Result<WorkerProcess, ModelError> {
        let begun_ns = self.inputs.clock.monotonic_ns();
        let loaded = self.load_worker(model);
        self.account.loaded(self.secs_since(begun_ns));
        loaded
    }

    fn load_worker(&mut self, model: u32) -> Result<WorkerProcess, ModelError> {
        let suite = &self.inputs.run.suite;
        let resolved = &suite.models[model as usize];
        self.log.at(resolved.id.as_str(), None);
        let mut worker = workers::start_logged(
            &(self.inputs.commands.generator)(resolved),
            &self.inputs.clock,
            Some(self.log.of_worker(resolved.id.as_str())),
        )?;
        let timeout = Duration::from_secs(suite.limits.load_timeout_secs.into());
        let earlier = self.earlier.iter().find(|earlier| earlier.id == resolved.id).cloned();
        let (threads, cancel) = (self.inputs.commands.threads, self.inputs.cancel.clone());
        let loaded = workers::load(&mut worker, resolved, threads, timeout, earlier.as_ref(), &cancel)?;
        self.tell(&Event::ModelLoaded { model: resolved.id.clone(), load_secs: loaded.load_secs });
        self.earlier.push(loaded.model.clone());
        self.session.models.push(loaded);
        Ok(worker)
    }

    /// Ends a worker. With its model it takes an interpreter a second, which belongs to what loading costs.
    pub(crate) fn stop(&mut self, worker: WorkerProcess) {
        let begun_ns = self.inputs.clock.monotonic_ns();
        workers::stop(worker);
        self.account.loaded(self.secs_since(begun_ns));
    }

    pub(crate) fn give_up(&mut self, model: u32, error: &ModelError) {
        if workers::was_cancelled(error) {
            return;
        }
        let hint = match error {
            ModelError::Call { source: CallError::Worker(refusal), .. } => refusal.data.hint.as_deref(),
            _ => None,
        };
        let reason = hint.map_or(error.to_string(), |hint| format!("{error} (hint: {hint})"));
        let given_up = GivenUp { model: self.suite().models[model as usize].id.clone(), reason };
        self.tell(&Event::Warning {
            message: format!(
                "model {} is given up: {}; its other samples stay planned and `--resume` picks them up",
                given_up.model, given_up.reason
            ),
        });
        self.session.given_up.push(given_up);
    }

    /// Records a verdict and tells it.
    pub(crate) fn judge(&mut self, sample: &PlannedSample, verdict: Verdict) -> Result<(), RunError> {
        self.inputs.store.record_verdict(&self.inputs.run.id, sample.ordinal, &verdict)?;
        self.done += 1;
        self.failed += u64::from(verdict.outcome != Outcome::Ok);
        let label = self.label(sample);
        self.tell(&Event::Judged {
            sample: sample.id,
            label,
            outcome: verdict.outcome,
            reason: verdict.reason,
        });
        Ok(())
    }

    /// What a sample is, for people.
    pub(crate) fn label(&self, sample: &PlannedSample) -> String {
        let suite = self.suite();
        let steps = suite.params_of(sample).steps;
        let prompt: String =
            suite.prompt_of(sample).text.chars().filter(|c| !c.is_control()).take(60).collect();
        format!("{}, steps {steps}, seed {}: {prompt}", suite.model_of(sample).id, sample.seed)
    }

    /// Ends the session. Also when the work failed: the ledger is part of what is never lost.
    fn close(mut self, worked: Result<(), RunError>) -> Result<Finish, RunError> {
        self.scorer.take().into_iter().for_each(|scorer| self.stop(scorer));
        let complete = self.done == self.inputs.run.planned;
        if self.has_work {
            let wall_secs = self.secs_since(self.started_ns);
            self.session.ledger = Some(std::mem::take(&mut self.account).close(wall_secs));
            let closed = self.record_end(complete);
            // The first error is the cause.
            worked.and(closed)?;
        }
        let (done, failed) = (self.done, self.failed);
        self.tell(&Event::RunFinished { complete, done, failed });
        let interrupted = !complete && self.inputs.cancel.is_asked();
        let Self { disk_full, session, .. } = self;
        Ok(Finish { complete, interrupted, disk_full, given_up: session.given_up, done, failed })
    }

    fn record_end(&self, complete: bool) -> Result<(), RunError> {
        let (store, run) = (self.inputs.store, &self.inputs.run.id);
        store.save_session(run, &self.session)?;
        match complete {
            true => store.set_status(run, RunStatus::Complete, Some(self.inputs.clock.unix_ms()))?,
            false => store.set_status(run, RunStatus::Interrupted, None)?,
        }
        Ok(())
    }

    pub(crate) fn should_stop(&self) -> bool {
        self.inputs.cancel.is_asked() || self.disk_full.is_some()
    }

    pub(crate) fn suite(&self) -> &'a ResolvedSuite {
        &self.inputs.run.suite
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        self.log.event(event);
        (self.inputs.events)(event);
    }

    pub(crate) fn secs_since(&self, begun_ns: u64) -> f64 {
        self.inputs.clock.monotonic_ns().saturating_sub(begun_ns) as f64 / 1e9
    }
}

/// The verdict on a sample that gave no file.
pub(crate) fn failure(sample: SampleId, outcome: Outcome, reason: String) -> Verdict {
    Verdict {
        sample,
        outcome,
        reason: Some(reason),
        facts: None,
        scores: vec![],
        features: vec![],
        score_secs: 0.0,
    }
}
