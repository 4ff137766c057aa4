//! The result of a sample: `ok` or one named failure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a worker could not do what it was asked; the closed list of the worker protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request cannot be served by any worker of this model: a bad prompt, a parameter out of range.
    InvalidRequest,
    /// The request is valid, but this worker does not support it.
    Unsupported,
    /// The device or the host ran out of memory.
    OutOfMemory,
    /// The device stopped answering.
    DeviceLost,
    /// The model's weights are not there.
    WeightsMissing,
    /// The model's weights are not the ones asked for.
    WeightsMismatch,
    /// The worker gave up after its own time limit.
    Timeout,
    /// Something the worker needs, such as a hub or a service, does not answer; it may answer later.
    Unreachable,
    /// Anything else that went wrong inside the worker.
    Internal,
}

/// The one result of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Generated, decoded, and as requested.
    Ok,
    /// See [`ErrorKind::InvalidRequest`].
    InvalidRequest,
    /// See [`ErrorKind::Unsupported`].
    Unsupported,
    /// See [`ErrorKind::OutOfMemory`].
    OutOfMemory,
    /// See [`ErrorKind::DeviceLost`].
    DeviceLost,
    /// See [`ErrorKind::WeightsMissing`].
    WeightsMissing,
    /// See [`ErrorKind::WeightsMismatch`].
    WeightsMismatch,
    /// No answer within `limits.sample_timeout_secs`, or the worker's own limit.
    Timeout,
    /// See [`ErrorKind::Unreachable`].
    Unreachable,
    /// See [`ErrorKind::Internal`].
    Internal,
    /// The worker process ended before it answered.
    WorkerCrashed,
    /// The worker went beyond a limit of `confinement` other than memory, and was ended.
    LimitExceeded,
    /// The worker broke the protocol: invalid output on stdout, a wrong answer or a second one.
    ProtocolError,
    /// The file cannot be decoded.
    DecodeFailed,
    /// The file decodes but is not what was requested.
    InvalidOutput,
    /// The prompt policy rejected the prompt; nothing was generated.
    PromptRejected,
    /// The model that this one stands in for (`instead_of`) did not run out of memory over the sample; nothing was
    /// generated.
    NotNeeded,
}

impl Outcome {
    /// Every outcome, in the order used by tables.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::InvalidRequest,
        Self::Unsupported,
        Self::OutOfMemory,
        Self::DeviceLost,
        Self::WeightsMissing,
        Self::WeightsMismatch,
        Self::Timeout,
        Self::Unreachable,
        Self::Internal,
        Self::WorkerCrashed,
        Self::LimitExceeded,
        Self::ProtocolError,
        Self::DecodeFailed,
        Self::InvalidOutput,
        Self::PromptRejected,
        Self::NotNeeded,
    ];

    /// The name used in files, tables and the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::OutOfMemory => "out_of_memory",
            Self::DeviceLost => "device_lost",
            Self::WeightsMissing => "weights_missing",
            Self::WeightsMismatch => "weights_mismatch",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Internal => "internal",
            Self::WorkerCrashed => "worker_crashed",
            Self::LimitExceeded => "limit_exceeded",
            Self::ProtocolError => "protocol_error",
            Self::DecodeFailed => "decode_failed",
            Self::InvalidOutput => "invalid_output",
            Self::PromptRejected => "prompt_rejected",
            Self::NotNeeded => "not_needed",
        }
    }

    /// Whether a video was needed but not made correctly.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::NotNeeded)
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<ErrorKind> for Outcome {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidRequest => Self::InvalidRequest,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::OutOfMemory => Self::OutOfMemory,
            ErrorKind::DeviceLost => Self::DeviceLost,
            ErrorKind::WeightsMissing => Self::WeightsMissing,
            ErrorKind::WeightsMismatch => Self::WeightsMismatch,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serde_and_read_back() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
    }
}
