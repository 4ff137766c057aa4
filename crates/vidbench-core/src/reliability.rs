//! What a run does when something fails: when it retries, and when it stops calling a model for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ModelId, Outcome};

/// When a sample is retried after its worker failed. Failures caused by the request itself are never retried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Maximum attempts per sample, over all sessions of its run; 1 means no retry. A sample that timed out gets at most two: each costs the full
    /// limit.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The wait before attempt k + 1 is drawn uniformly from 0 to `base_secs` 2^(k-1) seconds, at most `cap_secs` ("full jitter").
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub base_secs: f64,
    /// Longest wait, in seconds.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub cap_secs: f64,
    /// No attempt starts later than this many seconds after the sample's first attempt in a session.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub deadline_secs: f64,
    /// Maximum second and later attempts in a session, as a share of the samples it has to generate; ten are always allowed. Keeps a run with many failures from
    /// spending its time on retries.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub budget: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, base_secs: 1.0, cap_secs: 60.0, deadline_secs: 3600.0, budget: 0.1 }
    }
}

/// When a model is paused because its worker keeps failing, and when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Number of most recent calls to consider.
    #[schemars(range(min = 1, max = 10_000))]
    pub window: u32,
    /// Share of failed calls that opens the breaker, once the window is full.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub failure_rate: f64,
    /// Share of slow calls that opens it, once the window is full. Slow means more than three times the usual duration. 0 ignores slow calls.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub slow_rate: f64,
    /// Seconds until the model is tried again; doubled each time it fails again.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub open_secs: f64,
    /// How often the model is tried again in a session; after that its samples stay planned.
    #[schemars(range(min = 0, max = 1000))]
    pub reopenings: u32,
    /// Consecutive calls that must succeed before the model counts as recovered.
    #[schemars(range(min = 1, max = 100))]
    pub probes: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { window: 20, failure_rate: 0.5, slow_rate: 0.0, open_secs: 30.0, reopenings: 2, probes: 1 }
    }
}

/// An operation asked of a worker. The two are told apart because a model may load well and generate badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Making a model ready.
    Load,
    /// Making a video.
    Generate,
}

impl Operation {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Generate => "generate",
        }
    }
}

/// A breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// No call goes through.
    Open,
    /// A few calls go through, to test the model.
    HalfOpen,
}

impl BreakerState {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// A breaker went from one state to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BreakerChange {
    /// The model.
    pub model: ModelId,
    /// The operation that it guards.
    pub operation: Operation,
    /// The new state.
    pub state: BreakerState,
    /// Seconds since the session began.
    pub at_secs: f64,
    /// Why.
    pub reason: String,
}

/// An attempt at a sample that gave no file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailedAttempt {
    /// 1 for the first.
    pub attempt: u32,
    /// The session it was made in.
    pub session: u32,
    /// Unix time of its beginning, in milliseconds.
    pub started_ms: i64,
    /// Seconds until it failed.
    pub secs: f64,
    /// How it failed.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

impl Retry {
    /// The total number of attempts allowed after a failure of this kind.
    pub fn attempts_for(&self, outcome: Outcome) -> u32 {
        match outcome {
            Outcome::Timeout => self.attempts.min(2),
            other if other.is_worth_another_attempt() => self.attempts,
            _ => 1,
        }
    }
}

impl Outcome {
    /// Whether the same request may succeed next time, because the process, the device or the connection failed and not
    /// the request.
    pub fn is_worth_another_attempt(self) -> bool {
        match self {
            Self::WorkerCrashed
            | Self::Timeout
            | Self::Unreachable
            | Self::DeviceLost
            | Self::ProtocolError
            | Self::Internal => true,
            Self::Ok
            | Self::InvalidRequest
            | Self::Unsupported
            // The same request would need the same memory.
            | Self::OutOfMemory
            | Self::LimitExceeded
            | Self::WeightsMissing
            | Self::WeightsMismatch
            | Self::DecodeFailed
            | Self::InvalidOutput
            | Self::PromptRejected
            | Self::NotNeeded => false,
        }
    }

    /// Whether it says something about the model's worker, and not only about one sample.
    pub fn blames_the_worker(self) -> bool {
        self.is_worth_another_attempt() || matches!(self, Self::WeightsMissing | Self::WeightsMismatch)
    }
}
