//! One generation: requested at its intended time, followed while it runs, recorded when its file is there.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::protocol::{GenerateParams, GenerateResult, Stage, StageSpan};
use vidbench_core::{Event, Generation, Outcome, Phase, PlannedSample, SampleId, Timing};
use vidbench_engines::{CallError, CallObserver, ClockSync, GenerateReply, Notification, WorkerProcess};
use vidbench_store::StoreError;

use crate::board::Pulse;
use crate::error::{ModelError, reason};
use crate::log::Log;
use crate::pace::{SlowWatch, StallWatch};
use crate::run::Runner;
use crate::workers::{FollowBringUp, UntilCancelled};
use crate::{Cancel, RunError};

/// What became of an attempt.
pub(crate) enum Attempt {
    /// The file is in the store.
    Generated { worker: WorkerProcess, generation: Box<Generation> },
    /// There is no file. The worker is returned if it is still alive.
    Failed { worker: Option<WorkerProcess>, failed: Failed },
    /// The worker was unusable before it was asked; the sample is not to blame.
    WorkerGone { reason: String },
    /// A person or a full disk stopped the run.
    Stopped { worker: Option<WorkerProcess> },
}

/// Why an attempt gave no file.
pub(crate) struct Failed {
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
    pub(crate) wall_ms: i64,
    pub(crate) secs: f64,
}

/// A request that was sent.
struct Asked {
    intended_ns: u64,
    wall_ms: i64,
    at_ns: u64,
    temp: std::path::PathBuf,
}

impl Runner<'_> {
    /// Makes one sample.
    pub(crate) fn generate(
        &mut self,
        mut worker: WorkerProcess,
        sample: &PlannedSample,
        intended_ns: u64,
    ) -> Result<Attempt, RunError> {
        if let Err(reason) = worker.check_idle(&mut UntilCancelled(&self.inputs.cancel)) {
            return Ok(Attempt::WorkerGone { reason });
        }
        // A killed worker leaves its file behind, and the worker of a killed session may still be writing: no two
        // attempts share a name.
        let failed = self.trouble.failed_attempts.get(&sample.ordinal).copied().unwrap_or(0);
        let name = format!("{}-{}-{failed}.mp4", sample.id, self.session.index);
        let temp = self.inputs.store.temp_path(&self.inputs.run.id, &name)?;
        let request = self.request(sample, temp.to_string_lossy().into_owned());
        let label = self.label(sample);
        self.log.at(self.suite().model_of(sample).id.as_str(), Some(sample.id));
        self.tell(&Event::SampleStarted { sample: sample.id, ordinal: sample.ordinal, label });
        let wall_ms = self.inputs.clock.unix_ms();
        let timeout = Duration::from_secs(self.suite().limits.sample_timeout_secs.into());
        let stall = StallWatch::new(self.expected_secs(sample), self.suite().limits.stall_factor);
        let patience_secs = stall.patience_secs().unwrap_or(f64::INFINITY).min(timeout.as_secs_f64());
        let model = self.suite().model_of(sample).id.as_str();
        let pulse = self.monitor.board.works(model, Some(worker.pid()), patience_secs);
        let mut observer = Follow {
            sample: sample.id,
            watch: SlowWatch::new(self.pace.usual(sample.model, sample.params)),
            stall,
            pulse,
            cancel: &self.inputs.cancel,
            events: self.inputs.events,
            log: &self.log,
            model: model.to_owned(),
        };
        let asked = Asked { intended_ns, wall_ms, at_ns: self.inputs.clock.monotonic_ns(), temp };
        let answer = worker.generate(&request, timeout, &mut observer);
        if let Some(reason) = self.prompt_files.changed(self.suite().prompt_of(sample)) {
            // Which file the worker has read is unknown.
            return Ok(self.unmade(Some(worker), &asked, Outcome::InvalidRequest, reason));
        }
        match (observer.stall.reason(), answer) {
            (Some(reason), _) => Ok(self.unmade(None, &asked, Outcome::Timeout, reason)),
            (None, Ok(reply)) => self.made(worker, sample, &asked, &reply),
            (None, Err(error)) => {
                let Some(outcome) = error.outcome() else { return Ok(Attempt::Stopped { worker: None }) };
                let lives = outlives(&mut worker, outcome);
                Ok(self.unmade(lives.then_some(worker), &asked, outcome, reason(&error)))
            }
        }
    }

    /// Handles an answer that says that there is a file.
    fn made(
        &mut self,
        worker: WorkerProcess,
        sample: &PlannedSample,
        asked: &Asked,
        reply: &GenerateReply,
    ) -> Result<Attempt, RunError> {
        let sync = worker.clock_sync();
        if let Some(reason) = outside_the_request(reply, sync) {
            self.pool.ending(sample.model);
            self.end(sample.model, worker);
            return Ok(self.unmade(None, asked, Outcome::ProtocolError, reason));
        }
        let timing = self.timing(reply, sync, asked.intended_ns, asked.wall_ms);
        match self.keep(sample, &asked.temp, &reply.result, timing) {
            Ok(generation) => {
                self.learn(sample.model, &worker, Some(&reply.result));
                Ok(Attempt::Generated { worker, generation: Box::new(generation) })
            }
            Err(RunError::Store(StoreError::BadFile { why, .. })) => {
                // This is a fault of the sample and does not end the run.
                let reason = format!("the worker's file cannot be used: {why}");
                Ok(self.unmade(Some(worker), asked, Outcome::InvalidOutput, reason))
            }
            Err(error) => Err(error),
        }
    }

    /// Handles an attempt without a file, or with a file that cannot be taken.
    fn unmade(
        &mut self,
        worker: Option<WorkerProcess>,
        asked: &Asked,
        outcome: Outcome,
        reason: String,
    ) -> Attempt {
        // A partial file is of no use. If it cannot be removed now, it is swept when the run is locked again.
        let _ = std::fs::remove_file(&asked.temp);
        let secs = self.secs_since(asked.at_ns);
        self.account.generation_failed(secs);
        Attempt::Failed { worker, failed: Failed { outcome, reason, wall_ms: asked.wall_ms, secs } }
    }

    /// How long such a sample usually takes.
    pub(crate) fn expected_secs(&self, sample: &PlannedSample) -> Option<f64> {
        let suite = self.suite();
        self.pace.expected(sample.model, sample.params, |params| {
            let params = &suite.models[sample.model as usize].params[params as usize];
            crate::pace::work(params)
        })
    }

    /// Stores the artifact first, and the row second.
    fn keep(
        &mut self,
        sample: &PlannedSample,
        temp: &std::path::Path,
        result: &GenerateResult,
        timing: Timing,
    ) -> Result<Generation, RunError> {
        let artifact = self.inputs.store.adopt_artifact(temp)?;
        self.account.generated(&timing);
        let service_secs = timing.service_secs();
        let generation = Generation {
            sample: sample.id,
            artifact_sha256: artifact.sha256,
            artifact_bytes: artifact.bytes,
            timing: Some(timing),
            reused_from: None,
            peak_rss_bytes: result.peak_rss_bytes,
            peak_device_bytes: result.peak_device_bytes,
        };
        let (model, params) = (&self.suite().model_of(sample).id, self.suite().params_of(sample));
        self.inputs.store.record_generation(
            &self.inputs.run.id,
            sample.ordinal,
            model,
            params,
            &generation,
        )?;
        self.pace.add(sample.model, sample.params, service_secs);
        self.tell(&Event::Generated { sample: sample.id, service_secs });
        Ok(generation)
    }

    fn request(&self, sample: &PlannedSample, output: String) -> GenerateParams {
        let suite = self.suite();
        let prompt = suite.prompt_of(sample);
        GenerateParams {
            sample: sample.id,
            model: suite.model_of(sample).which().clone(),
            prompt: prompt.text.clone(),
            negative: prompt.negative.clone(),
            seed: sample.seed,
            params: suite.params_of(sample).clone(),
            output,
            inputs: prompt.inputs.iter().map(|(name, file)| (name.clone(), file.path.clone())).collect(),
        }
    }

    /// Puts a reply's times on the harness's clock, counted from the beginning of the session.
    fn timing(
        &self,
        reply: &GenerateReply,
        sync: Option<ClockSync>,
        intended_ns: u64,
        wall_ms: i64,
    ) -> Timing {
        let result = translated(reply, sync);
        let since = |ns: u64| ns.saturating_sub(self.started_ns);
        // The clock exchange may be off by its error, but no sample may start before it was sent or end after its
        // answer was read.
        let within = |ns: u64| since(ns.clamp(reply.sent_ns, reply.received_ns.max(reply.sent_ns)));
        let span = |name, start_ns, end_ns| StageSpan { name, start_ns, end_ns };
        let (intended, sent, start) = (since(intended_ns), since(reply.sent_ns), within(result.start_ns));
        let mut stages = vec![span(Stage::ClientWait, intended, sent), span(Stage::Submit, sent, start)];
        stages.extend(
            result.stages.iter().map(|stage| span(stage.name, within(stage.start_ns), within(stage.end_ns))),
        );
        Timing {
            intended_ns: intended,
            sent_ns: sent,
            start_ns: start,
            end_ns: within(result.end_ns),
            received_ns: since(reply.received_ns),
            stages,
            clock_error_ns: sync.map_or(0, |sync| sync.error_ns),
            wall_ms,
            session: self.session.index,
        }
    }

    /// Generates the measured shapes once before the timed samples. The times are kept apart; the files are not kept.
    pub(crate) fn warm_up(
        &mut self,
        mut worker: WorkerProcess,
        left: &[PlannedSample],
    ) -> Result<WorkerProcess, ModelError> {
        let rounds = self.suite().scenario.warmup;
        let shapes = one_of_each_shape(left);
        if rounds == 0 {
            return Ok(worker);
        }
        self.tell(&Event::PhaseStarted {
            phase: Phase::Warmup,
            total: u64::from(rounds) * shapes.len() as u64,
        });
        for sample in shapes.iter().cycle().take(rounds as usize * shapes.len()) {
            if self.should_stop() {
                break;
            }
            let desk = Arc::clone(&self.desk.shared);
            let _timed = self.timed(&desk, sample.model);
            let begun_ns = self.inputs.clock.monotonic_ns();
            let temp = self.inputs.store.temp_path(&self.inputs.run.id, "warm-up.mp4")?;
            if let Err(source) = self.warm_up_once(&mut worker, sample, &temp) {
                if !source.outcome().is_some_and(|outcome| outlives(&mut worker, outcome)) {
                    return Err(ModelError::Call { during: "warm-up", source });
                }
                // The timed sample of this shape will report the same failure as its outcome.
                self.tell(&Event::Warning { message: format!("a warm-up generation failed: {source}") });
            }
            let secs = self.secs_since(begun_ns);
            self.account.warmed_up(secs);
            self.session.models.last_mut().into_iter().for_each(|model| model.warmup_secs.push(secs));
        }
        Ok(worker)
    }

    fn warm_up_once(
        &mut self,
        worker: &mut WorkerProcess,
        sample: &PlannedSample,
        temp: &Path,
    ) -> Result<(), CallError> {
        let request = self.request(sample, temp.to_string_lossy().into_owned());
        let timeout = Duration::from_secs(self.suite().limits.sample_timeout_secs.into());
        let mut follow = FollowBringUp {
            model: &self.suite().model_of(sample).id,
            cancel: &self.inputs.cancel,
            log: &self.log,
            pulse: &self.monitor.board.works(
                request.model.as_str(),
                Some(worker.pid()),
                timeout.as_secs_f64(),
            ),
            events: self.inputs.events,
            clock: self.inputs.clock.as_ref(),
            downloaded_ns: None,
        };
        let answer = worker.generate(&request, timeout, &mut follow);
        // Left-over files are swept when the run is locked again.
        let _ = std::fs::remove_file(temp);
        let result = answer?.result;
        self.tell(&Event::Generated {
            sample: sample.id,
            service_secs: result.end_ns.saturating_sub(result.start_ns) as f64 / 1e9,
        });
        Ok(())
    }

    /// Below the low mark, waits for a while until the high mark is reached again; whether the disk is still too full.
    pub(crate) fn disk_is_full(&mut self) -> Result<bool, RunError> {
        let low_mib = self.suite().limits.min_free_disk_mib;
        let mut free_mib = self.inputs.store.free_disk_bytes()? >> 20;
        if free_mib >= low_mib {
            return Ok(false);
        }
        let message = |free_mib| {
            format!("{free_mib} MiB of disk space are free, less than limits.min_free_disk_mib = {low_mib}")
        };
        let high_mib = low_mib.saturating_add(low_mib / 4);
        if self.make_room_on_disk(high_mib.saturating_sub(free_mib) << 20) {
            free_mib = self.inputs.store.free_disk_bytes()? >> 20;
            if free_mib >= low_mib {
                return Ok(false);
            }
        }
        let wait = Duration::from_secs(self.suite().limits.disk_wait_secs.into());
        let begun_ns = self.inputs.clock.monotonic_ns();
        if !wait.is_zero() {
            let text =
                format!("{}; waiting up to {} s for {high_mib} MiB", message(free_mib), wait.as_secs());
            self.tell(&Event::Warning { message: text });
        }
        while self.secs_since(begun_ns) < wait.as_secs_f64() && self.wait(DISK_LOOK) {
            free_mib = self.inputs.store.free_disk_bytes()? >> 20;
            if free_mib >= high_mib {
                self.tell(&Event::Warning {
                    message: format!("{free_mib} MiB of disk space are free: continuing"),
                });
                return Ok(false);
            }
        }
        if self.inputs.cancel.is_asked() {
            return Ok(true);
        }
        let message = message(free_mib);
        self.tell(&Event::Warning { message: format!("{message}; stopping") });
        self.trouble.disk_full = Some(message);
        Ok(true)
    }
}

/// The worker's times on the harness's clock.
fn translated(reply: &GenerateReply, sync: Option<ClockSync>) -> GenerateResult {
    sync.map_or_else(|| reply.result.clone(), |sync| sync.translate_result(reply.result.clone()))
}

/// After an answer that may be its last, a worker has this long to exit before it is asked again.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Whether a worker can be asked again after a generation with this outcome.
fn outlives(worker: &mut WorkerProcess, outcome: Outcome) -> bool {
    worker.is_usable()
        && outcome != Outcome::DeviceLost
        && !(may_be_its_last(outcome) && worker.ends_within(LAST_WORDS))
}

/// Failures after which a worker may exit by itself: it has no other way to stop what it started, or its device did not
/// recover.
fn may_be_its_last(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Timeout | Outcome::OutOfMemory | Outcome::Internal)
}

/// How often a full disk is looked at again.
const DISK_LOOK: Duration = Duration::from_millis(100);

/// Allowed on top of the clock exchange's error: clocks drift apart by some parts in 100,000.
const CLOCK_SLACK_NS: u64 = 5_000_000;

/// Why a reply gives no latency: the worker says that it worked before it was asked or after it had answered.
fn outside_the_request(reply: &GenerateReply, sync: Option<ClockSync>) -> Option<String> {
    let slack_ns = CLOCK_SLACK_NS + sync.map_or(0, |sync| sync.error_ns);
    let result = translated(reply, sync);
    let last_ns = result.stages.iter().map(|stage| stage.end_ns).fold(result.end_ns, u64::max);
    let early = result.start_ns.saturating_add(slack_ns) < reply.sent_ns;
    let late = last_ns > reply.received_ns.saturating_add(slack_ns);
    (early || late).then(|| {
        format!(
            "the worker reports working from {} to {last_ns} ns, but the request was sent at {} ns and answered at {} ns",
            result.start_ns, reply.sent_ns, reply.received_ns
        )
    })
}

/// The first sample of each set of parameters.
fn one_of_each_shape(samples: &[PlannedSample]) -> Vec<PlannedSample> {
    let mut seen = std::collections::BTreeSet::new();
    samples.iter().filter(|sample| seen.insert(sample.params)).copied().collect()
}

/// Follows a generation: steps, slowness, a person's request to stop at once.
struct Follow<'a> {
    sample: SampleId,
    watch: SlowWatch,
    stall: StallWatch,
    pulse: Pulse,
    cancel: &'a Cancel,
    events: &'a (dyn Fn(&Event) + Sync),
    log: &'a Log,
    /// The model whose worker this is.
    model: String,
}

impl CallObserver for Follow<'_> {
    fn notification(&mut self, notification: &Notification) {
        self.stall.sign();
        self.pulse.sign();
        match notification {
            Notification::Step(step) => (self.events)(&Event::Step { index: step.index, total: step.total }),
            Notification::Log(line) => self.log.worker_says(&self.model, line),
            Notification::Stage(_) | Notification::Rows(_) | Notification::Download(_) => {}
        }
    }

    fn tick(&mut self, elapsed: Duration) -> ControlFlow<()> {
        let elapsed_secs = elapsed.as_secs_f64();
        if self.watch.is_due(elapsed_secs) {
            let usual_secs = self.watch.usual();
            (self.events)(&Event::SampleSlow { sample: self.sample, elapsed_secs, usual_secs });
        }
        let stop = self.cancel.is_urgent() || self.stall.is_stalled(elapsed_secs);
        if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
