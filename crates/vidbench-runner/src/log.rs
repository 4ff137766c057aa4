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
        let Now { sample, model } = match event {
            // These events concern the whole run, whatever was worked on last.
            Event::RunStarted { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseFinished { .. }
            | Event::RunFinished { .. } => Now::default(),
            _ => self.now(),
        };
        let Self { run, session, .. } = self;
        // Workers are named after the models that they serve.
        let worker = &model;
        macro_rules! line {
            ($level:expr, $($text:tt)*) => {
                event!(target: "vidbench::run", $level, run, session, sample, model, worker, $($text)*)
            };
        }
        match event {
            Event::Step { .. } => {}
            Event::RunStarted { planned, done, .. } => {
                line!(Level::INFO, planned, done, "run started");
            }
            Event::PhaseStarted { phase, total } => {
                line!(Level::INFO, phase = ?phase, total, "phase started");
            }
            Event::PhaseFinished { phase } => {
                line!(Level::INFO, phase = ?phase, "phase finished");
            }
            Event::Downloading { model: fetched, done_bytes, total_bytes } => {
                line!(Level::INFO, done_bytes, total_bytes, "downloading {fetched}");
            }
            Event::ModelLoaded { model: loaded, load_secs } => {
                line!(Level::INFO, load_secs, "loaded {loaded}");
            }
            Event::SamplesReused { samples } => {
                line!(Level::INFO, samples, "taken from earlier runs");
            }
            Event::SampleStarted { ordinal, label, .. } => {
                line!(Level::INFO, ordinal, "started: {label}");
            }
            Event::SampleSlow { elapsed_secs, .. } => {
                line!(Level::WARN, elapsed_secs, "still running");
            }
            Event::Generated { service_secs, .. } => {
                line!(Level::INFO, service_secs, "generated");
            }
            Event::Judged { outcome, reason, label, .. } if reason.is_none() => {
                line!(Level::INFO, outcome = outcome.name(), "judged: {label}");
            }
            Event::Judged { outcome, reason, label, .. } => {
                line!(Level::WARN, outcome = outcome.name(), reason, "judged: {label}");
            }
            Event::ClipScored { label, outcome, reason: None, known, .. } => {
                line!(Level::INFO, outcome = %outcome, known, "scored: {label}");
            }
            Event::ClipScored { label, outcome, reason, known, .. } => {
                line!(Level::WARN, outcome = %outcome, known, reason, "scored: {label}");
            }
            Event::Retried { attempt, wait_secs, outcome, reason, .. } => {
                line!(Level::WARN, attempt, wait_secs, outcome = outcome.name(), reason, "tried again");
            }
            Event::Breaker(change) => {
                let (operation, state) = (change.operation.name(), change.state.name());
                line!(Level::WARN, operation, state, reason = change.reason, "breaker of {}", change.model);
            }
            Event::Health(change) if change.state == PartState::Healthy => {
                line!(
                    Level::INFO,
                    health = change.whole.name(),
                    reason = change.reason,
                    "{}",
                    health_words(change)
                );
            }
            Event::Health(change) => {
                line!(
                    Level::WARN,
                    health = change.whole.name(),
                    reason = change.reason,
                    "{}",
                    health_words(change)
                );
            }
            Event::Alert(change) if change.state == AlertState::Fired => {
                line!(
                    Level::WARN,
                    alert = change.alert.name(),
                    reason = change.reason,
                    "{}",
                    alert_words(change)
                );
            }
            Event::Alert(change) => {
                line!(
                    Level::INFO,
                    alert = change.alert.name(),
                    reason = change.reason,
                    "{}",
                    alert_words(change)
                );
            }
            Event::Resting { when, secs } => {
                line!(Level::INFO, when = when.name(), secs, "idle for the power of the machine");
            }
            Event::BreakersWait { secs } => line!(Level::INFO, secs, "waiting for a breaker"),
            Event::WorkerRestarted { worker, reason } => {
                line!(Level::WARN, worker, reason, "worker restarted");
            }
            Event::Warning { message } => {
                line!(Level::WARN, "{message}");
            }
            Event::RunFinished { complete, done, failed } => {
                line!(Level::INFO, complete, done, failed, "run finished");
            }
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
