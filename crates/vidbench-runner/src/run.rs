//! One session of a run: what is left of the plan, model by model, until all is done or something stops it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::suite::{Engine, ScenarioKind};
use vidbench_core::{
    Clock, Event, Generation, GivenUp, IdleWhen, Operation, Outcome, Plan, PlannedSample, ResolvedSuite,
    RunRecord, RunStatus, SampleId, Session, Timing, Verdict,
};
use vidbench_engines::{CallError, WorkerProcess};
use vidbench_store::{Progress, Store, Wanted};

use crate::breaker::Breaker;
use crate::cached_features::announce_samples;
use crate::desk::DeskClient;
use crate::error::ModelError;
use crate::ledger::Account;
use crate::log::Log;
use crate::monitor::{Monitor, Watched};
use crate::pace::Pace;
use crate::past::{Earlier, PromptFiles, Trouble};
use crate::pool::{Budget, Pool};
use crate::retry::Retries;
use crate::telemetry::{Probe, Sampler, Watch, smallest_device_bytes};
use crate::wall_clock::WallClock;
use crate::workers::{self, Commands};
use crate::{Cancel, RunError, memory};

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
    /// Features of clips and prompts for the metrics of the suite, as far as they may be kept.
    pub wanted: &'a [Wanted],
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// A person's wish to stop.
    pub cancel: Cancel,
    /// Is told everything as it happens, from whichever thread.
    pub events: &'a (dyn Fn(&Event) + Sync),
    /// Called between samples, when nothing is timed; a text that it returns is told as a warning.
    pub between: &'a mut dyn FnMut() -> Option<String>,
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
    /// The time limit was reached, or left too little time for what was next.
    pub out_of_time: Option<String>,
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
    runner.record_beginning()?;
    let worked = runner.work_with_desk(progress);
    let finish = runner.close(worked)?;
    drop(lock);
    Ok(finish)
}

pub(crate) struct Runner<'a> {
    pub(crate) inputs: Inputs<'a>,
    pub(crate) session: Session,
    pub(crate) log: Log,
    pub(crate) monitor: Arc<Monitor<'a>>,
    pub(crate) started_ns: u64,
    pub(crate) account: Account,
    pub(crate) pace: Pace,
    /// Where files are scored and workers ended.
    pub(crate) desk: DeskClient<'a>,
    /// Workers that are loaded.
    pub(crate) pool: Pool<WorkerProcess>,
    wall_clock: WallClock,
    /// Samples with a verdict, of all sessions.
    done: u64,
    /// Of these, not ok.
    failed: u64,
    pub(crate) retries: Retries,
    pub(crate) breakers: BTreeMap<(u32, Operation), Breaker>,
    pub(crate) trouble: Trouble,
    pub(crate) earlier: Earlier,
    pub(crate) prompt_files: PromptFiles,
    has_work: bool,
}

impl<'a> Runner<'a> {
    fn new(inputs: Inputs<'a>, progress: &Progress) -> Result<Self, RunError> {
        let has_work = (progress.judged.len() as u64) < inputs.run.planned;
        let sessions = inputs.store.sessions(&inputs.run.id)?;
        let started_ms = inputs.clock.unix_ms();
        // Resuming a complete run leaves no trace.
        let index = if has_work { inputs.store.begin_session(&inputs.run.id, started_ms)? } else { 0 };
        if has_work {
            inputs.store.set_status(&inputs.run.id, RunStatus::Running, None)?;
        }
        let made = (progress.judged.len() + progress.generated_only.len()) as u64;
        let retries = Retries::new(inputs.run.suite.retry, inputs.run.planned.saturating_sub(made));
        let failed = progress.judged.values().filter(|outcome| outcome.is_failure()).count() as u64;
        let log = Log::new(&inputs.run.id, index);
        let started_ns = inputs.clock.monotonic_ns();
        let monitor = monitor(&inputs, index, started_ns, log.clone());
        let desk = DeskClient::new(&inputs, log.apart(), Arc::clone(&monitor.board));
        Ok(Self {
            started_ns,
            log,
            monitor: Arc::new(monitor),
            session: Session { index, started_ms, held: inputs.commands.held.clone(), ..Session::default() },
            account: Account::default(),
            pace: Pace::default(),
            desk,
            pool: pool(inputs.run, &sessions),
            wall_clock: WallClock::new(started_ms, started_ns),
            done: progress.judged.len() as u64,
            failed,
            retries,
            breakers: BTreeMap::new(),
            trouble: Trouble::so_far(inputs.plan, progress),
            earlier: Earlier::of(sessions),
            prompt_files: PromptFiles::of(&inputs.run.suite),
            has_work,
            inputs,
        })
    }

    fn announce(&mut self) {
        let (run, planned, done) = (self.inputs.run.id.clone(), self.inputs.run.planned, self.done);
        self.tell(&Event::RunStarted { run, planned, done });
    }

    /// Works while the desk's threads wait for untimed tasks.
    fn work_with_desk(&mut self, progress: Progress) -> Result<(), RunError> {
        let desk = Arc::clone(&self.desk.shared);
        let (worked, ended_ns) = std::thread::scope(|scope| {
            for _ in 0..if self.has_work { desk.threads } else { 0 } {
                scope.spawn(|| desk.serve());
            }
            // Closes the desk even after a panic: otherwise its threads would wait for ever.
            let _closed = desk.tasks.close_at_the_end();
            let worked = self.work_and_watch(progress);
            // After an error the queued tasks are dropped; running ones finish.
            drop(desk.tasks.withdraw());
            (worked, self.inputs.clock.monotonic_ns())
        });
        self.account.loaded(self.secs_since(ended_ns));
        worked
    }

    /// Records at once what the session's workers are held to, so that it is known even if the session is killed.
    fn record_beginning(&self) -> Result<(), RunError> {
        if self.has_work {
            self.inputs.store.save_session(&self.inputs.run.id, &self.session)?;
        }
        Ok(())
    }

    /// Works while a separate thread reads the sensors.
    fn work_and_watch(&mut self, progress: Progress) -> Result<(), RunError> {
        let interval = Duration::from_secs_f64(self.suite().telemetry.interval_secs);
        if interval.is_zero() || !self.has_work {
            return self.work(progress);
        }
        let (store, run, session) = (self.inputs.store, &self.inputs.run.id, self.session.index);
        let mut probe = self.probe();
        let first = probe.read();
        // Without a power sensor, or without a sample left whose energy is wanted, the machine need not rest.
        let made = (progress.judged.len() + progress.generated_only.len()) as u64;
        let rests = first.tells_power() && made < self.inputs.run.planned;
        let (monitor, desk) = (Arc::clone(&self.monitor), Arc::clone(&self.desk.shared));
        let (monitor, machine) = (&*monitor, &|machine| desk.look(machine));
        std::thread::scope(|scope| {
            let watch = Watch { probe, first, store, run, session, interval, machine, monitor };
            let sampler = Sampler::start(scope, watch);
            let worked = self.work_between_rests(progress, rests.then_some(interval));
            if let Err(error) = sampler.stop() {
                // The samples' results are safe; only sensor readings are missing, and the warning says so.
                let message = format!("sensor readings could not be saved: {error}");
                self.tell(&Event::Warning { message });
            }
            worked
        })
    }

    /// Sensors of this machine, as a session reads them.
    fn probe(&self) -> Probe {
        let workers_are_children = self.suite().models.iter().all(|model| model.place.container.is_none());
        let (disk, clock) = (self.inputs.store.root(), Arc::clone(&self.inputs.clock));
        Probe::new(disk, clock, self.started_ns, workers_are_children)
    }

    /// Works; with readings at `interval`, also measures the power of the idle machine before and after.
    fn work_between_rests(&mut self, progress: Progress, interval: Option<Duration>) -> Result<(), RunError> {
        let Some(interval) = interval else { return self.work(progress) };
        self.rest(IdleWhen::Before, interval);
        self.work(progress)?;
        self.end_idle_workers();
        self.settle(|runner| runner.inputs.cancel.is_urgent())?;
        self.rest(IdleWhen::After, interval);
        Ok(())
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
        let pending = self.reuse(pending, &mut backlog)?;
        announce_samples(&self.inputs, &backlog);
        self.take_turns(&pending, &mut backlog)?;
        self.settle(|runner| runner.inputs.cancel.is_urgent())?;
        backlog.sort_by_key(|(ordinal, _)| *ordinal);
        let scored = self.score_backlog(backlog);
        self.tell_trouble_of_the_cache();
        scored
    }

    /// Returns those files that an earlier session left unscored and that are unchanged; the others are made again.
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

    /// When the scenario intends the next sample to start.
    pub(crate) fn intended_ns(&self, phase_ns: u64) -> u64 {
        match self.suite().scenario.kind {
            ScenarioKind::SingleStream => self.inputs.clock.monotonic_ns(),
            ScenarioKind::Offline => phase_ns,
        }
    }

    /// How long somebody waits for a sample. In an offline scenario everybody waits from the beginning by design, so
    /// only the generation counts.
    fn wait_secs(&self, timing: &Timing) -> f64 {
        match self.suite().scenario.kind {
            ScenarioKind::SingleStream => timing.latency_secs(),
            ScenarioKind::Offline => timing.service_secs(),
        }
    }

    /// Has a file scored, now or later. Beside a model that leaves the processors alone, scoring runs while the next
    /// file is made. Otherwise a single stream, which has nothing else to do between two samples, has it scored at
    /// once, so that a broken model shows early. Offline, that would stretch the makespan and the waits, so the file
    /// goes to the backlog.
    pub(crate) fn file(
        &mut self,
        sample: &PlannedSample,
        generation: Generation,
        backlog: &mut Vec<(u64, Generation)>,
    ) -> Result<(), RunError> {
        let beside = self.is_beside(sample.model);
        if let Some(timing) = &generation.timing {
            self.monitor.took(&self.suite().model_of(sample).id, self.wait_secs(timing));
        }
        match self.suite().scenario.kind {
            _ if beside => {
                self.score(sample, generation)?;
                self.catch_up()
            }
            ScenarioKind::SingleStream if !self.inputs.cancel.is_urgent() => {
                self.score(sample, generation)?;
                self.settle(|runner| runner.inputs.cancel.is_urgent())
            }
            ScenarioKind::SingleStream | ScenarioKind::Offline => {
                backlog.push((sample.ordinal, generation));
                Ok(())
            }
        }
    }

    /// Whether clips may be scored while `model` works: it says that it computes on an accelerator, or its videos exist already.
    pub(crate) fn is_beside(&self, model: u32) -> bool {
        let imported = self.suite().models[model as usize].engine == Engine::Import;
        let accelerated = self.device(model).is_some_and(|device| device != "cpu");
        self.suite().pool.score_beside && (imported || accelerated)
    }

    /// What a loaded model computes on, in its worker's words.
    pub(crate) fn device(&self, model: u32) -> Option<&str> {
        let id = &self.suite().models[model as usize].id;
        self.earlier.models.iter().rev().find(|loaded| loaded.id == *id)?.device.as_deref()
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
                "model {} is given up: {}; its other samples stay planned, and `--resume` runs them",
                given_up.model, given_up.reason
            ),
        });
        self.session.given_up.push(given_up);
    }

    /// Records a verdict and tells it.
    pub(crate) fn judge(&mut self, sample: &PlannedSample, verdict: Verdict) -> Result<(), RunError> {
        self.inputs.store.record_verdict(&self.inputs.run.id, sample.ordinal, &verdict)?;
        self.judged(sample, verdict.outcome, verdict.reason);
        Ok(())
    }

    /// Tells a verdict that is already recorded.
    pub(crate) fn judged(&mut self, sample: &PlannedSample, outcome: Outcome, reason: Option<String>) {
        self.done += 1;
        self.failed += u64::from(outcome.is_failure());
        if outcome == Outcome::OutOfMemory {
            self.trouble.no_memory.insert(sample.ordinal);
        }
        let label = self.label(sample);
        self.tell(&Event::Judged { sample: sample.id, label, outcome, reason });
    }

    /// What a sample is, for people.
    pub(crate) fn label(&self, sample: &PlannedSample) -> String {
        let suite = self.suite();
        let steps = suite.params_of(sample).steps;
        let prompt: String =
            suite.prompt_of(sample).text.chars().filter(|c| !c.is_control()).take(60).collect();
        format!("{}, steps {steps}, seed {}: {prompt}", suite.model_of(sample).id, sample.seed)
    }

    /// Ends the session, even when the work failed: the ledger must never be lost.
    fn close(mut self, worked: Result<(), RunError>) -> Result<Finish, RunError> {
        let complete = self.done == self.inputs.run.planned;
        if self.has_work {
            let wall_secs = self.secs_since(self.started_ns);
            (self.session.health, self.session.alerts) = self.monitor.changes();
            self.session.ledger = Some(std::mem::take(&mut self.account).close(wall_secs, self.pool.stats()));
            let closed = self.record_end(complete);
            // The first error is the cause.
            worked.and(closed)?;
        }
        if !self.has_work && complete && self.inputs.run.status != RunStatus::Complete {
            // An earlier session was killed after the last verdict and before it set the status.
            let (run, now_ms) = (&self.inputs.run.id, self.inputs.clock.unix_ms());
            self.inputs.store.set_status(run, RunStatus::Complete, Some(now_ms))?;
        }
        let (done, failed) = (self.done, self.failed);
        self.tell(&Event::RunFinished { complete, done, failed });
        let interrupted = !complete && self.inputs.cancel.is_asked_by_a_person();
        let out_of_time = if complete { None } else { self.out_of_time() };
        let Self { trouble: Trouble { disk_full, .. }, session, .. } = self;
        Ok(Finish { complete, interrupted, disk_full, out_of_time, given_up: session.given_up, done, failed })
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

    /// Does, between samples, what would disturb a timed one.
    pub(crate) fn pause(&mut self) {
        let begun_ns = self.inputs.clock.monotonic_ns();
        if let Some(message) = (self.inputs.between)() {
            self.tell(&Event::Warning { message });
        }
        self.account.waited(self.secs_since(begun_ns));
    }

    /// Tells when the wall clock has jumped since the previous sample.
    pub(crate) fn look_at_wall_clock(&mut self) {
        let (unix_ms, now_ns) = (self.inputs.clock.unix_ms(), self.inputs.clock.monotonic_ns());
        if let Some(secs) = self.wall_clock.jumped(unix_ms, now_ns) {
            let message = format!(
                "the wall clock jumped by {secs:+.1} s, or the machine slept: this affects the dates of samples, but not durations"
            );
            self.tell(&Event::Warning { message });
        }
    }

    pub(crate) fn should_stop(&self) -> bool {
        self.inputs.cancel.is_asked() || self.trouble.disk_full.is_some()
    }

    pub(crate) fn suite(&self) -> &'a ResolvedSuite {
        &self.inputs.run.suite
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        self.log.event(event);
        (self.inputs.events)(event);
        self.monitor.hears(event);
    }

    pub(crate) fn secs_since(&self, begun_ns: u64) -> f64 {
        self.inputs.clock.monotonic_ns().saturating_sub(begun_ns) as f64 / 1e9
    }
}

fn monitor<'a>(inputs: &Inputs<'a>, session: u32, started_ns: u64, log: Log) -> Monitor<'a> {
    let clock = Arc::clone(&inputs.clock);
    let (store, run, events) = (inputs.store, &inputs.run.id, inputs.events);
    let watched = Watched { store, run, session, clock, started_ns, log, events };
    Monitor::new(watched, &inputs.run.suite)
}

/// A pool that knows what models needed in earlier sessions.
fn pool(run: &RunRecord, sessions: &[Session]) -> Pool<WorkerProcess> {
    let suite = &run.suite;
    let bytes = |mib: u64| mib.saturating_mul(1 << 20);
    let budget = Budget {
        host_bytes: suite.pool.host_mib.map(bytes).or_else(memory::total_bytes),
        device_bytes: suite.pool.device_mib.map(bytes).or_else(smallest_device_bytes),
        strict_host: suite.pool.host_mib.is_some(),
        strict_device: suite.pool.device_mib.is_some(),
    };
    let mut pool = Pool::new(suite.models.len(), budget);
    for (model, at) in suite.models.iter().zip(0..) {
        let of_model = sessions.iter().flat_map(|session| &session.models);
        let known =
            of_model.filter(|loaded| loaded.model.id == model.id).filter_map(|loaded| loaded.footprint);
        known.for_each(|footprint| drop(pool.learn(at, footprint)));
    }
    pool
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
