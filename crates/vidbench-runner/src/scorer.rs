//! A scorer: a worker that decodes and scores, started when it is needed and again when it died, so that a file that crashes
//! or hangs the decoder costs one file and not the run.

use std::sync::Arc;
use std::time::Duration;

use vidbench_core::Clock;
use vidbench_core::protocol::{ScoreParams, ScoreResult};
use vidbench_engines::{CallError, WorkerCommand, WorkerProcess};

use crate::error::ModelError;
use crate::log::Log;
use crate::workers::{self, UntilCancelled};
use crate::{Cancel, RunError};

/// One scorer and how it is started.
pub(crate) struct Scorer<'a> {
    pub(crate) command: &'a WorkerCommand,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    /// Where its own log goes.
    pub(crate) log: Option<Log>,
    /// How many scorers may die over one file. The first may have been killed from outside; only when another dies over
    /// it too is the file the cause.
    pub(crate) attempts: u32,
    process: Option<WorkerProcess>,
    restarts: Vec<String>,
}

/// What a scorer answered about a file.
pub(crate) struct Answer {
    pub(crate) result: Result<ScoreResult, CallError>,
    /// Seconds of decoding and scoring, without starting a worker for it.
    pub(crate) secs: f64,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(
        command: &'a WorkerCommand,
        clock: Arc<dyn Clock>,
        cancel: Cancel,
        log: Option<Log>,
        attempts: u32,
    ) -> Self {
        Self { command, clock, cancel, log, attempts, process: None, restarts: Vec::new() }
    }

    /// Has a file scored.
    pub(crate) fn score(&mut self, params: &ScoreParams, timeout: Duration) -> Result<Answer, RunError> {
        let mut answer = self.score_once(params, timeout)?;
        for _ in 1..self.attempts {
            if !matches!(answer.result, Err(CallError::Crashed { .. })) {
                break;
            }
            answer = self.score_once(params, timeout)?;
        }
        Ok(answer)
    }

    /// Why workers had to be started anew since this was last asked.
    pub(crate) fn restarts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.restarts)
    }

    /// The number of its process, when it has one.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(WorkerProcess::pid)
    }

    /// Ends its process.
    pub(crate) fn stop(self) {
        self.process.into_iter().for_each(workers::stop);
    }

    fn score_once(&mut self, params: &ScoreParams, timeout: Duration) -> Result<Answer, RunError> {
        let mut process = match self.idle() {
            Some(process) => process,
            None => self.start()?,
        };
        let begun_ns = self.clock.monotonic_ns();
        let result = process.score(params, timeout, &mut UntilCancelled(&self.cancel));
        let secs = self.clock.monotonic_ns().saturating_sub(begun_ns) as f64 / 1e9;
        match &result {
            _ if process.is_usable() => self.process = Some(process),
            Err(error) => self.restarts.push(error.to_string()),
            Ok(_) => {}
        }
        Ok(Answer { result, secs })
    }

    /// The process that scored the previous file, if it lives. If it died since then, that says nothing about the next
    /// file.
    fn idle(&mut self) -> Option<WorkerProcess> {
        let mut process = self.process.take()?;
        match process.check_idle(&mut UntilCancelled(&self.cancel)) {
            Ok(()) => Some(process),
            Err(reason) => {
                self.restarts.push(reason);
                None
            }
        }
    }

    /// A scorer that dies before it has answered may have been killed from outside, so it is started again; one that
    /// never answers ends the run.
    fn start(&mut self) -> Result<WorkerProcess, RunError> {
        let mut attempts = 1;
        loop {
            let log = self.log.as_ref().map(|log| log.of_worker("scorer"));
            match workers::start(self.command, &self.clock, log) {
                Ok(process) => return Ok(process),
                Err(error @ ModelError::Call { source: CallError::Crashed { .. }, .. })
                    if attempts < self.attempts =>
                {
                    attempts += 1;
                    self.restarts.push(error.to_string());
                }
                Err(error) => return Err(not_up(error)),
            }
        }
    }
}

fn not_up(error: ModelError) -> RunError {
    match error {
        ModelError::Start(error) => RunError::Start(error),
        ModelError::Store(error) => RunError::Store(error),
        ModelError::Call { source, .. } => RunError::Scorer(source),
        ModelError::Mismatch { .. }
        | ModelError::BreakerOpen { .. }
        | ModelError::TooLarge { .. }
        | ModelError::Quarantined { .. } => {
            unreachable!("starting a worker loads nothing")
        }
    }
}
