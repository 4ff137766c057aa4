//! One worker as its caller sees it: start, initialize, load, generate, score, unload, shutdown.
//!
//! A call gives the worker's result, the worker's own error, or one of the ways in which a worker can fail. After a timeout,
//! a crash, a broken rule or a cancelled call the process is dead ([`WorkerProcess::is_usable`]) and the caller starts a new one.

pub(crate) mod call;
mod rows;

use std::fmt;
use std::ops::ControlFlow;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::protocol::{
    DownloadParams, Empty, GenerateParams, GenerateResult, InitializeParams, InitializeResult, LoadParams,
    LoadResult, LogParams, PROTOCOL_VERSION, PingResult, RowsParams, ScoreParams, ScoreResult, StageSpan,
    StepParams, UnloadParams, method,
};
use vidbench_core::{Clock, ModelId};

use crate::wire::{LogSink, Wire};
use crate::{CallError, ClockSync, EngineError, WorkerCommand, judge};

/// How often [`CallObserver::tick`] is called during a call.
pub const TICK: Duration = Duration::from_millis(200);

/// Clock exchanges at `initialize`; the quickest counts.
const CLOCK_PINGS: usize = 8;

/// What a worker says while it serves a request. Times are on the worker's clock.
#[derive(Debug, Clone, PartialEq)]
pub enum Notification {
    /// A denoising step has ended.
    Step(StepParams),
    /// A stage has ended.
    Stage(StageSpan),
    /// A line for the log.
    Log(LogParams),
    /// Rows of features.
    Rows(RowsParams),
    /// More of a model's files has been downloaded.
    Download(DownloadParams),
}

/// Follows a call while it waits. `()` follows nothing.
pub trait CallObserver {
    /// The worker has sent a valid notification.
    fn notification(&mut self, notification: &Notification) {
        let _ = notification;
    }

    /// Called about every [`TICK`] with the time since the request was sent; `Break` cancels the call and kills the worker.
    fn tick(&mut self, elapsed: Duration) -> ControlFlow<()> {
        let _ = elapsed;
        ControlFlow::Continue(())
    }
}

impl CallObserver for () {}

/// A video made, with the moments of the call on the harness's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateReply {
    /// The worker's result; its times are on the worker's clock, see [`ClockSync::translate_result`].
    pub result: GenerateResult,
    /// When the request was sent.
    pub sent_ns: u64,
    /// When the answer had been read.
    pub received_ns: u64,
}

/// A running worker. Dropping it kills the process with everything it has started.
pub struct WorkerProcess {
    wire: Wire,
    next_id: u64,
    info: Option<InitializeResult>,
    sync: Option<ClockSync>,
    usable: bool,
}

impl fmt::Debug for WorkerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { next_id, info, sync, usable, .. } = self;
        f.debug_struct("WorkerProcess")
            .field("next_id", next_id)
            .field("info", info)
            .field("sync", sync)
            .field("usable", usable)
            .finish_non_exhaustive()
    }
}

impl WorkerProcess {
    /// Starts a worker in a process group of its own. Its log is kept, see [`CallError::stderr_tail`].
    pub fn start(command: &WorkerCommand, clock: Arc<dyn Clock>) -> Result<Self, EngineError> {
        Self::start_logged(command, clock, None)
    }

    /// As [`Self::start`]; each line of the worker's log is offered to `log` as well.
    pub fn start_logged(
        command: &WorkerCommand,
        clock: Arc<dyn Clock>,
        log: Option<LogSink>,
    ) -> Result<Self, EngineError> {
        let wire = Wire::start(command, clock, log)?;
        Ok(Self { wire, next_id: 1, info: None, sync: None, usable: true })
    }

    /// Exchanges versions and clocks; `client` is this tool's name and version. First call of a process.
    pub fn initialize(&mut self, client: &str, timeout: Duration) -> Result<&InitializeResult, CallError> {
        let params = InitializeParams { protocol_version: PROTOCOL_VERSION, client: client.into() };
        let answer = self.call(method::INITIALIZE, &params, timeout, &mut ())?;
        let info: InitializeResult = self.read(method::INITIALIZE, &answer, |info: &InitializeResult| {
            let spoken = info.protocol_version;
            if spoken == PROTOCOL_VERSION {
                return Ok(());
            }
            Err(format!("the worker speaks protocol version {spoken}, not {PROTOCOL_VERSION}"))
        })?;
        self.exchange_clocks(info.clock_ns, timeout)?;
        Ok(self.info.insert(info))
    }

    /// Number of its process, which leads a group of its own.
    pub fn pid(&self) -> u32 {
        self.wire.pid()
    }

    /// Makes a model ready. The worker may fetch files first: `timeout` counts from its last notification about the
    /// download.
    pub fn load(
        &mut self,
        params: &LoadParams,
        timeout: Duration,
        observer: &mut dyn CallObserver,
    ) -> Result<LoadResult, CallError> {
        let answer = self.call(method::LOAD, params, timeout, observer)?;
        self.read(method::LOAD, &answer, |result| judge::load_result(params, result))
    }

    /// Makes one video.
    pub fn generate(
        &mut self,
        params: &GenerateParams,
        timeout: Duration,
        observer: &mut dyn CallObserver,
    ) -> Result<GenerateReply, CallError> {
        let answer = self.call(method::GENERATE, params, timeout, observer)?;
        let result = self.read(method::GENERATE, &answer, |result| judge::generate_result(params, result))?;
        Ok(GenerateReply { result, sent_ns: answer.sent_ns, received_ns: answer.received_ns })
    }

    /// Decodes, checks and scores one video.
    pub fn score(
        &mut self,
        params: &ScoreParams,
        timeout: Duration,
        observer: &mut dyn CallObserver,
    ) -> Result<ScoreResult, CallError> {
        let mut gathered = rows::Gathered::new(observer);
        let answer = self.call(method::SCORE, params, timeout, &mut gathered)?;
        let mut result: ScoreResult = self.read(method::SCORE, &answer, |_| Ok(()))?;
        let whole = gathered.fill(&mut result).and_then(|()| judge::score_result(params, &result));
        whole.map(|()| result).map_err(|what| self.broke(method::SCORE, what, answer.line()))
    }

    /// Frees a model.
    pub fn unload(&mut self, model: &ModelId, timeout: Duration) -> Result<(), CallError> {
        let params = UnloadParams { model: model.clone() };
        let answer = self.call(method::UNLOAD, &params, timeout, &mut ())?;
        self.read(method::UNLOAD, &answer, |_: &Empty| Ok(())).map(|Empty {}| ())
    }

    /// The worker's clock, in nanoseconds.
    pub fn ping(&mut self, timeout: Duration) -> Result<u64, CallError> {
        self.ping_exchange(timeout).map(|(clock_ns, _)| clock_ns)
    }

    /// Asks the worker to end, and kills what is left of it after `grace`. The status is the worker's own, or that of SIGKILL.
    pub fn shutdown(mut self, grace: Duration) -> Result<ExitStatus, CallError> {
        let answer = self.call(method::SHUTDOWN, &Empty {}, grace, &mut ())?;
        self.read(method::SHUTDOWN, &answer, |_: &Empty| Ok(()))?;
        let ended = self.wire.has_ended(grace);
        let status = self.wire.end(Duration::ZERO);
        match status {
            Some(status) if ended => Ok(status),
            Some(_) | None => Err(self.timed_out(method::SHUTDOWN, grace)),
        }
    }

    /// Whether another call can be made.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Whether the process ends within `wait`: some workers exit after an answer that says that they cannot go on.
    pub fn ends_within(&self, wait: Duration) -> bool {
        self.wire.has_ended(wait)
    }

    /// What the worker said of itself, once initialized.
    pub fn info(&self) -> Option<&InitializeResult> {
        self.info.as_ref()
    }

    /// How the worker's clock relates to the harness's, once initialized.
    pub fn clock_sync(&self) -> Option<ClockSync> {
        self.sync
    }

    /// The end of the worker's log so far, control characters escaped.
    pub fn stderr_tail(&self) -> String {
        self.wire.stderr_tail()
    }

    fn exchange_clocks(&mut self, mut last_ns: u64, timeout: Duration) -> Result<(), CallError> {
        for _ in 0..CLOCK_PINGS {
            let (clock_ns, sync) = self.ping_exchange(timeout)?;
            if clock_ns < last_ns {
                let what = format!("the worker's clock went backwards from {last_ns} ns to {clock_ns} ns");
                return Err(self.broke(method::PING, what, b""));
            }
            last_ns = clock_ns;
            self.sync = Some(self.sync.map_or(sync, |best| best.better(sync)));
        }
        Ok(())
    }

    fn ping_exchange(&mut self, timeout: Duration) -> Result<(u64, ClockSync), CallError> {
        let answer = self.call(method::PING, &Empty {}, timeout, &mut ())?;
        let PingResult { clock_ns } = self.read(method::PING, &answer, |_| Ok(()))?;
        Ok((clock_ns, ClockSync::from_exchange(answer.sent_ns, clock_ns, answer.received_ns)))
    }
}
