//! What ends a run early through no fault of a sample.

use vidbench_core::Outcome;
use vidbench_engines::{CallError, EngineError};
use vidbench_store::StoreError;

/// The run cannot go on. What was recorded stays; `--resume` goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A worker program cannot be started.
    #[error(transparent)]
    Start(#[from] EngineError),
    /// The scorer does not come up.
    #[error("the scorer does not start")]
    Scorer(#[source] CallError),
}

impl RunError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Store(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::Scorer(error) => error.hint(),
        };
        hint.into_iter().collect()
    }
}

/// Why a model's remaining samples were not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// Its worker cannot be started.
    #[error(transparent)]
    Start(#[from] EngineError),
    /// There is no place for the video of a warm-up.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its worker answers `initialize` or `load` with a failure.
    #[error("{during} failed: {source}{}", log_tail(source))]
    Call {
        /// What was asked of it.
        during: &'static str,
        /// What came back.
        source: CallError,
    },
    /// It loaded something else than was asked for.
    #[error("the worker loaded {what} {loaded}, but {asked} was requested")]
    Mismatch {
        /// Weights, revision or model.
        what: &'static str,
        /// What the suite or an earlier session of the run says.
        asked: String,
        /// What the worker says.
        loaded: String,
    },
    /// It does not fit into memory.
    #[error("it needs {need}, more than model workers may use: {budget}")]
    TooLarge {
        /// What it was measured to need.
        need: String,
        /// What there is, `pool.host_mib` and `pool.device_mib`.
        budget: String,
    },
    /// Its device was lost too often.
    #[error("{device} failed {times} times and will not be used again in this session")]
    Quarantined {
        /// The device, in the worker's words.
        device: String,
        /// How often in this session.
        times: u32,
    },
    /// Its worker failed too often.
    #[error("paused after repeated failures: {reason}; the last failure: {last}")]
    BreakerOpen {
        /// Why it opened.
        reason: String,
        /// The last failure.
        last: String,
    },
}

impl ModelError {
    /// Whether there was not enough memory for it.
    pub(crate) fn is_of_memory(&self) -> bool {
        matches!(self, Self::TooLarge { .. }) || self.outcome() == Some(Outcome::OutOfMemory)
    }

    /// The outcome of a sample whose worker failed in this way; `None` where no worker was asked.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Call { source, .. } => source.outcome(),
            Self::Start(_)
            | Self::Store(_)
            | Self::Mismatch { .. }
            | Self::TooLarge { .. }
            | Self::Quarantined { .. }
            | Self::BreakerOpen { .. } => None,
        }
    }
}

/// The end of a dead worker's log, which becomes part of the reason.
fn log_tail(error: &CallError) -> String {
    match error.stderr_tail().map(str::trim) {
        Some(tail) if !tail.is_empty() => format!("; its log ends with: {}", last_chars(tail, 500)),
        _ => String::new(),
    }
}

/// The reason recorded for a sample whose call failed.
pub(crate) fn reason(error: &CallError) -> String {
    let hint = error.hint().filter(|_| matches!(error, CallError::Worker(_)));
    let text = format!(
        "{error}{}{}",
        log_tail(error),
        hint.map_or(String::new(), |hint| format!(" (hint: {hint})"))
    );
    first_chars(text)
}

/// A worker may answer with megabytes; a reason is for reading.
const MAX_REASON_CHARS: usize = 4000;

fn first_chars(text: String) -> String {
    match text.char_indices().nth(MAX_REASON_CHARS) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

fn last_chars(text: &str, count: usize) -> &str {
    text.char_indices().rev().nth(count - 1).map_or(text, |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_told_with_the_end_of_the_log() {
        let error = CallError::Crashed {
            method: "generate",
            status: "signal 9".into(),
            stderr_tail: format!("{}the end\n", "é".repeat(600)),
        };
        let reason = reason(&error);
        assert!(
            reason
                .starts_with("the worker ended before it answered generate: signal 9; its log ends with: é")
        );
        assert!(reason.ends_with("éthe end"));
    }
}
