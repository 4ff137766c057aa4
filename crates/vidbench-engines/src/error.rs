//! What can go wrong between the harness and a worker.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use vidbench_core::Outcome;
use vidbench_core::protocol::{RpcError, method};

use crate::Exceeded;

/// A worker could not be started, or a check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program cannot be started.
    #[error("worker {} cannot be started", program.display())]
    Spawn {
        /// The program.
        program: OsString,
        /// Why.
        source: io::Error,
    },
    /// The worker's resource use cannot be read, so its limits could not be enforced.
    #[error("worker {} cannot be watched, so its memory and processor time limits cannot be enforced", program.display())]
    Unwatched {
        /// The program.
        program: OsString,
        /// Why.
        source: io::Error,
    },
    /// A file or folder the conformance suite needs cannot be used.
    #[error("{} cannot be used for the check", path.display())]
    Scratch {
        /// The file or folder.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl EngineError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Spawn { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    Some("give the path of a program, or put its folder on PATH".into())
                }
                io::ErrorKind::PermissionDenied => Some("make the file executable: chmod +x FILE".into()),
                _ => None,
            },
            Self::Unwatched { .. } => Some(
                "these limits need Linux with /proc; remove memory_mib and cpu_secs from the suite".into(),
            ),
            Self::Scratch { .. } => Some("name an existing, empty and writable folder".into()),
        }
    }
}

/// A call did not give a result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The worker answered with an error; it can still be used.
    #[error("{0}")]
    Worker(RpcError),
    /// No answer in time; the worker was killed.
    #[error("no answer to {method} within {:.1} s", after.as_secs_f64())]
    Timeout {
        /// The method called.
        method: &'static str,
        /// How long the call waited.
        after: Duration,
        /// The end of the worker's log.
        stderr_tail: String,
    },
    /// The worker's process ended before the answer.
    #[error("the worker ended before it answered {method}: {status}")]
    Crashed {
        /// The method called.
        method: &'static str,
        /// Exit status or signal.
        status: String,
        /// The end of the worker's log.
        stderr_tail: String,
    },
    /// The worker exceeded a limit and was ended.
    #[error("the worker was killed during {method}: {exceeded}")]
    LimitExceeded {
        /// The method called.
        method: &'static str,
        /// Which limit.
        exceeded: Exceeded,
        /// The end of the worker's log.
        stderr_tail: String,
    },
    /// The worker broke the protocol; it was killed.
    #[error("the worker broke the protocol during {method}: {what}: {line}")]
    Protocol {
        /// The method called.
        method: &'static str,
        /// Which rule was broken.
        what: String,
        /// The line that broke it, shortened and escaped.
        line: String,
    },
    /// The observer asked to stop; the worker was killed.
    #[error("{method} was cancelled")]
    Cancelled {
        /// The method called.
        method: &'static str,
    },
    /// The request does not fit on a line; nothing was sent.
    #[error("the request is {bytes} bytes long, more than the protocol's limit of {limit}")]
    RequestTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// An earlier call ended this worker.
    #[error("{method} was called on a worker that has ended")]
    Ended {
        /// The method called.
        method: &'static str,
    },
}

impl CallError {
    /// The outcome of a sample whose call failed in this way; `None` when the sample was only cancelled and is still to
    /// be made.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Worker(error) => Some(error.data.kind.into()),
            Self::Timeout { .. } => Some(Outcome::Timeout),
            Self::Crashed { .. } | Self::Ended { .. } => Some(Outcome::WorkerCrashed),
            Self::LimitExceeded { exceeded: Exceeded::Memory { .. }, .. } => Some(Outcome::OutOfMemory),
            Self::LimitExceeded { .. } => Some(Outcome::LimitExceeded),
            Self::Protocol { .. } => Some(Outcome::ProtocolError),
            Self::RequestTooLong { .. } => Some(Outcome::InvalidRequest),
            Self::Cancelled { .. } => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Worker(error) => error.data.hint.clone(),
            Self::Timeout { method: method::LOAD, .. } => {
                Some("raise limits.load_timeout_secs if the model is just slow to load".into())
            }
            Self::Timeout { method: method::SCORE, .. } => {
                Some("raise limits.score_timeout_secs if the clip is just long".into())
            }
            Self::Timeout { .. } => Some("raise limits.sample_timeout_secs if the model is just slow".into()),
            Self::Protocol { .. } => {
                Some("`vidbench worker check -- CMD` shows which rules the worker breaks".into())
            }
            Self::LimitExceeded { .. } => Some("docs/confinement.md explains where limits are set".into()),
            Self::Crashed { .. } => Some("see the end of the worker's log".into()),
            Self::Cancelled { .. } | Self::RequestTooLong { .. } | Self::Ended { .. } => None,
        }
    }

    /// The end of the worker's log, where it was kept: up to 64 KiB, control characters escaped.
    pub fn stderr_tail(&self) -> Option<&str> {
        match self {
            Self::Timeout { stderr_tail, .. }
            | Self::Crashed { stderr_tail, .. }
            | Self::LimitExceeded { stderr_tail, .. } => Some(stderr_tail),
            Self::Worker(_)
            | Self::Protocol { .. }
            | Self::Cancelled { .. }
            | Self::RequestTooLong { .. }
            | Self::Ended { .. } => None,
        }
    }
}
