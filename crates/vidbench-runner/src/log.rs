//! Events as log lines, each with the run, and with the sample, model and worker that it concerns.
//!
//! The library only writes to `tracing`; the program decides where the lines go.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Level, event};
use vidbench_core::protocol::LogParams;
use vidbench_core::{AlertChange, AlertState, Event, HealthChange, PartState, RunId, SampleId};
use vidbench_engines::LogSink;

/// The ids that lines of a session carry.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    run: String,
    session: u32,
    now: Arc<Mutex<Now>>,
}

/// A line with the ids that every line has. Workers are named after the models that they serve.
macro_rules! line {
    ($log:expr, $now:expr, $level:expr, $($text:tt)*) => {{
        let (Log { run, session, .. }, Now { sample, model }) = ($log, &$now);
        event!(target: "vidbench::run", $level, run, session, sample, model, worker = model, $($text)*)
    }};
}

#[derive(Debug, Default, Clone)]
struct Now {
    sample: String,
    model: String,
}

impl Log {
    pub(crate) fn new(run: &RunId, session: u32) -> Self {
        Self { run: run.to_string(), session, now: Arc::default() }
    }

    /// A log of the same session for another thread, which works on other samples.
    pub(crate) fn apart(&self) -> Self {
        Self { now: Arc::default(), ..self.clone() }
    }

    /// Sets the model, and perhaps the sample, that is worked on from now on.
    pub(crate) fn at(&self, model: &str, sample: Option<SampleId>) {
        let sample = sample.map_or(String::new(), |sample| sample.to_string());
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Now { sample, model: model.to_owned() };
    }

    /// A sink for the lines that a worker writes to stderr.
    pub(crate) fn of_worker(&self, worker: &str) -> LogSink {
        let (log, worker) = (self.clone(), worker.to_owned());
        Box::new(move |line| {
            let Now { sample, model } = log.now();
            let Self { run, session, .. } = &log;
            event!(target: "vidbench::worker", Level::INFO, run, session, sample, model, worker, "{line}");
        })
    }

    /// Writes a line that a worker sends for the log.
    pub(crate) fn worker_says(&self, worker: &str, said: &LogParams) {
        let Now { sample, model } = self.now();
        let Self { run, session, .. } = self;
        macro_rules! line {
            ($level:expr) => {
                event!(target: "vidbench::worker", $level, run, session, sample, model, worker, "{}", said.message)
            };
        }
        match said.level.as_str() {
            "error" => line!(Level::ERROR),
            "warn" => line!(Level::WARN),
            "debug" => line!(Level::DEBUG),
            _ => line!(Level::INFO),
        }
    }

    /// Writes an event; steps are too frequent to be worth lines.
    pub(crate) fn event(&self, event: &Event) {
        match event {
            Event::Step { .. } => {}
            Event::RunStarted { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseFinished { .. }
            | Event::RunFinished { .. } => self.of_run(event),
            Event::Breaker(_) | Event::Health(_) | Event::Alert(_) => self.of_state(event),
            _ => self.of_work(event),
        }
    }

    /// Events of the whole run, whose lines have no ids of what was worked on last.
    fn of_run(&self, event: &Event) {
        let now = Now::default();
        match event {
            Event::RunStarted { planned, done, .. } => {
                line!(self, now, Level::INFO, planned, done, "run started");
            }
            Event::PhaseStarted { phase, total } => {
                line!(self, now, Level::INFO, phase = ?phase, total, "phase started");
            }
            Event::PhaseFinished { phase } => {
                line!(self, now, Level::INFO, phase = ?phase, "phase finished");
            }
            Event::RunFinished { complete, done, failed } => {
                line!(self, now, Level::INFO, complete, done, failed, "run finished");
            }
            _ => {}
        }
    }

    /// Changes of state: for the worse is a warning, for the better is not.
    fn of_state(&self, event: &Event) {
        let now = self.now();
        match event {
            Event::Breaker(change) => {
                let (operation, state) = (change.operation.name(), change.state.name());
                line!(
                    self,
                    now,
                    Level::WARN,
                    operation,
                    state,
                    reason = change.reason,
                    "breaker of {}",
                    change.model
                );
            }
            Event::Health(change) => {
                let (health, reason, words) = (change.whole.name(), &change.reason, health_words(change));
                match change.state {
                    PartState::Healthy => line!(self, now, Level::INFO, health, reason, "{words}"),
                    _ => line!(self, now, Level::WARN, health, reason, "{words}"),
                }
            }
            Event::Alert(change) => {
                let (alert, reason, words) = (change.alert.name(), &change.reason, alert_words(change));
                match change.state {
                    AlertState::Fired => line!(self, now, Level::WARN, alert, reason, "{words}"),
                    _ => line!(self, now, Level::INFO, alert, reason, "{words}"),
                }
            }
            _ => {}
        }
    }

    /// Events of the work on models, samples and clips.
    fn of_work(&self, event: &Event) {
        let now = self.now();
        match event {
            Event::Downloading { model, done_bytes, total_bytes } => {
                line!(self, now, Level::INFO, done_bytes, total_bytes, "downloading {model}");
            }
            Event::ModelLoaded { model, load_secs } => {
                line!(self, now, Level::INFO, load_secs, "loaded {model}");
            }
            Event::SamplesReused { samples } => {
                line!(self, now, Level::INFO, samples, "reused from earlier runs");
            }
            Event::SampleStarted { ordinal, label, .. } => {
                line!(self, now, Level::INFO, ordinal, "started: {label}");
            }
            Event::SampleSlow { elapsed_secs, .. } => {
                line!(self, now, Level::WARN, elapsed_secs, "still running");
            }
            Event::Generated { service_secs, .. } => {
                line!(self, now, Level::INFO, service_secs, "generated");
            }
            Event::Judged { outcome, reason: None, label, .. } => {
                line!(self, now, Level::INFO, outcome = outcome.name(), "judged: {label}");
            }
            Event::Judged { outcome, reason, label, .. } => {
                line!(self, now, Level::WARN, outcome = outcome.name(), reason, "judged: {label}");
            }
            Event::ClipScored { label, outcome, reason: None, known, .. } => {
                line!(self, now, Level::INFO, outcome = %outcome, known, "scored: {label}");
            }
            Event::ClipScored { label, outcome, reason, known, .. } => {
                line!(self, now, Level::WARN, outcome = %outcome, known, reason, "scored: {label}");
            }
            Event::Retried { attempt, wait_secs, outcome, reason, .. } => {
                let outcome = outcome.name();
                line!(self, now, Level::WARN, attempt, wait_secs, outcome, reason, "retrying");
            }
            Event::Resting { when, secs } => {
                line!(self, now, Level::INFO, when = when.name(), secs, "measuring idle power");
            }
            Event::BreakersWait { secs } => line!(self, now, Level::INFO, secs, "waiting for a breaker"),
            Event::WorkerRestarted { worker, reason } => {
                line!(self, now, Level::WARN, restarted = worker, reason, "worker restarted");
            }
            Event::Warning { message } => line!(self, now, Level::WARN, "{message}"),
            Event::Step { .. }
            | Event::RunStarted { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseFinished { .. }
            | Event::RunFinished { .. }
            | Event::Breaker(_)
            | Event::Health(_)
            | Event::Alert(_) => {}
        }
    }

    fn now(&self) -> Now {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn health_words(change: &HealthChange) -> String {
    format!("health: {} is {}", change.part.name(), change.state.name())
}

fn alert_words(change: &AlertChange) -> String {
    let of = change.subject.as_ref().map_or(String::new(), |subject| format!(" of {subject}"));
    format!("alert: {}{of} {}", change.alert.name(), change.state.name())
}
