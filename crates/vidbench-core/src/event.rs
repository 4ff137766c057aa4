//! Events of a run, sent as they happen. Progress displays are built from these alone.

use serde::Serialize;

use crate::{
    AlertChange, BreakerChange, ClipOutcome, HealthChange, IdleWhen, ModelId, Outcome, RunId, SampleId,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins or is resumed.
    RunStarted {
        /// The run.
        run: RunId,
        /// Samples planned.
        planned: u64,
        /// Samples that already had a verdict.
        done: u64,
    },
    /// A part of the run begins.
    PhaseStarted {
        /// Which part.
        phase: Phase,
        /// Items it has.
        total: u64,
    },
    /// A part of the run has ended, possibly because a person stopped it. Samples and clips are counted by their own
    /// events; a part without samples or clips is done as a whole.
    PhaseFinished {
        /// Which part.
        phase: Phase,
    },
    /// Another portion of a model's files has arrived.
    Downloading {
        /// The model.
        model: ModelId,
        /// Bytes that have arrived.
        done_bytes: u64,
        /// Bytes expected in all.
        total_bytes: u64,
    },
    /// A model is ready.
    ModelLoaded {
        /// The model.
        model: ModelId,
        /// Seconds it took.
        load_secs: f64,
    },
    /// Samples were taken from earlier runs and need not be made.
    SamplesReused {
        /// How many.
        samples: u64,
    },
    /// A sample was sent to its worker.
    SampleStarted {
        /// The sample.
        sample: SampleId,
        /// Its place in the plan.
        ordinal: u64,
        /// Its description for people.
        label: String,
    },
    /// A denoising step of the current sample has ended.
    Step {
        /// Steps done.
        index: u32,
        /// Steps in all.
        total: u32,
    },
    /// The current sample is taking unusually long.
    SampleSlow {
        /// The sample.
        sample: SampleId,
        /// Seconds so far.
        elapsed_secs: f64,
        /// Median of the earlier samples with the same model and parameters, if there are any.
        usual_secs: Option<f64>,
    },
    /// A sample's file has been stored.
    Generated {
        /// The sample.
        sample: SampleId,
        /// Seconds of its generation.
        service_secs: f64,
    },
    /// A sample has its verdict.
    Judged {
        /// The sample.
        sample: SampleId,
        /// Its description for people.
        label: String,
        /// The verdict.
        outcome: Outcome,
        /// Why, for failures.
        reason: Option<String>,
    },
    /// A clip of a scoring has its outcome.
    ClipScored {
        /// Its place in the request.
        ordinal: u64,
        /// Its description for people.
        label: String,
        /// The outcome.
        outcome: ClipOutcome,
        /// Why, for failures.
        reason: Option<String>,
        /// Every score was already known; nothing was decoded.
        known: bool,
    },
    /// An attempt at a sample failed, and another will follow.
    Retried {
        /// The sample.
        sample: SampleId,
        /// Its description for people.
        label: String,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Attempts it may have.
        of: u32,
        /// Seconds until the next attempt.
        wait_secs: f64,
        /// How it failed.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
    /// A breaker has changed.
    Breaker(BreakerChange),
    /// The session rests for a while, to measure the power of the idle machine.
    Resting {
        /// Before the first model, or after the last.
        when: IdleWhen,
        /// Seconds it takes.
        secs: f64,
    },
    /// Nothing can be generated for a while: every model that has samples left has an open breaker.
    BreakersWait {
        /// Seconds until the first is tried again.
        secs: f64,
    },
    /// A part of the machine or of the session has become better or worse.
    Health(HealthChange),
    /// An alert began or ended.
    Alert(AlertChange),
    /// A worker ended prematurely and a new one takes its place.
    WorkerRestarted {
        /// Its model, or the scorer.
        worker: String,
        /// Why the old one ended.
        reason: String,
    },
    /// Something a person should know.
    Warning {
        /// What, and what to do.
        message: String,
    },
    /// The run ends here.
    RunFinished {
        /// Every planned sample has a verdict.
        complete: bool,
        /// Samples with a verdict.
        done: u64,
        /// How many of these are not ok.
        failed: u64,
    },
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Generations of the measured shape whose times are reported separately.
    Warmup,
    /// Timed generations; where the scenario allows it, each is scored before the next begins.
    Generate,
    /// Decoding, checking, scoring.
    Score,
    /// Metrics of whole sets.
    SetMetrics,
}

impl Phase {
    /// The name people see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warmup => "warm-up",
            Self::Generate => "generate",
            Self::Score => "score",
            Self::SetMetrics => "set metrics",
        }
    }
}
