//! A worker's process and its lines: the base of both [`crate::WorkerProcess`] and the conformance suite.
//!
//! Three threads keep every pipe moving, so that no worker can block the harness: one writes requests, one reads lines of
//! bounded length into a bounded channel, one reads the log. A worker that floods its stdout is held back by its own pipe.

mod guard;
mod process;
mod reader;
mod stderr;

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use vidbench_core::Clock;

use crate::mark::Mark;
use crate::{EngineError, Exceeded, Limits, Walls, WorkerCommand, limits};
use guard::Guard;
pub(crate) use guard::can_watch;
pub(crate) use reader::Incoming;
pub use stderr::LogSink;
use stderr::StderrTail;

/// Lines waiting for the harness; with the longest line of 4 MiB this bounds the memory to 64 MiB.
const QUEUED_LINES: usize = 16;
/// How long the end of the log may take to arrive after the process has ended.
const STDERR_GRACE: Duration = Duration::from_millis(500);

/// A running worker. Dropping it kills it with everything it has started.
pub(crate) struct Wire {
    child: Child,
    clock: Arc<dyn Clock>,
    requests: Option<SyncSender<Vec<u8>>>,
    lines: Receiver<Incoming>,
    stderr: Arc<StderrTail>,
    status: Option<ExitStatus>,
    guard: Option<Guard>,
    held: Box<Held>,
}

/// What the worker is held to, and known by.
struct Held {
    mark: Mark,
    limits: Limits,
    walls: Walls,
}

impl Wire {
    pub(crate) fn start(
        command: &WorkerCommand,
        clock: Arc<dyn Clock>,
        log: Option<LogSink>,
    ) -> Result<Self, EngineError> {
        let fail = |source| EngineError::Spawn { program: command.program.clone(), source };
        let mark = Mark::new();
        let mut child = command.to_std(&mark).spawn().map_err(fail)?;
        let (requests, to_write) = sync_channel(1);
        let (to_queue, lines) = sync_channel(QUEUED_LINES);
        let stderr = Arc::new(StderrTail::default());
        if let Some(stdin) = child.stdin.take() {
            thread::spawn(move || write_requests(stdin, &to_write));
        }
        if let Some(stdout) = child.stdout.take() {
            let clock = Arc::clone(&clock);
            thread::spawn(move || reader::read_lines(stdout, clock.as_ref(), &to_queue));
        }
        if let Some(pipe) = child.stderr.take() {
            let stderr = Arc::clone(&stderr);
            thread::spawn(move || stderr.read(pipe, log));
        }
        let mut wire = Self {
            child,
            clock,
            requests: Some(requests),
            lines,
            stderr,
            status: None,
            guard: None,
            held: Box::new(Held { mark, limits: command.limits, walls: command.walls.clone() }),
        };
        let unwatched = |source| EngineError::Unwatched { program: command.program.clone(), source };
        // On an error `wire` is dropped, which ends the worker that cannot be watched.
        wire.guard = Guard::start(wire.child.id(), command.limits).map_err(unwatched)?;
        Ok(wire)
    }

    /// Hands a line, line feed included, to the writer; returns the time, or `None` when the worker does not read.
    pub(crate) fn send(&self, line: Vec<u8>) -> Option<u64> {
        self.guard.iter().for_each(Guard::begin_request);
        let sent_ns = self.clock.monotonic_ns();
        self.requests.as_ref()?.try_send(line).ok().map(|()| sent_ns)
    }

    /// Ends the worker's input once everything sent has been written.
    pub(crate) fn close_stdin(&mut self) {
        self.requests = None;
    }

    /// The next line, or `None` when none came in time.
    pub(crate) fn receive(&self, wait: Duration) -> Option<Incoming> {
        match self.lines.recv_timeout(wait) {
            Ok(incoming) => Some(incoming),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Incoming::End),
        }
    }

    /// A line that has already come.
    pub(crate) fn received(&self) -> Option<Incoming> {
        self.lines.try_recv().ok()
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits up to `grace` for the process to end by itself, then kills its group.
    ///
    /// The status of a process that had to be killed is that of SIGKILL; `None` when the system does not tell.
    pub(crate) fn end(&mut self, grace: Duration) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.close_stdin();
            process::has_ended(&self.child, grace);
            self.guard.iter_mut().for_each(Guard::stop);
            self.status = process::end_group(&mut self.child, &self.held.mark);
        }
        self.status
    }

    /// The limit for which the worker was ended, once it has ended.
    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        let of_guard = self.guard.as_ref().and_then(Guard::exceeded);
        of_guard.or_else(|| {
            let limit_bytes = self.held.limits.file_size_bytes?;
            ended_by(self.status?, Signal::SIGXFSZ).then_some(Exceeded::FileSize { limit_bytes })
        })
    }

    /// Which limit or wall is behind `said`, if that contains the system's words for it.
    pub(crate) fn explanation(&self, said: &str) -> Option<String> {
        limits::explanation(&self.held.limits, &self.held.walls, said)
    }

    /// Whether the process has ended within `wait`, without taking its status.
    pub(crate) fn has_ended(&self, wait: Duration) -> bool {
        self.status.is_some() || process::has_ended(&self.child, wait)
    }

    /// The end of the log, escaped; complete once the process has ended.
    pub(crate) fn stderr_tail(&self) -> String {
        let wait = if self.status.is_some() { STDERR_GRACE } else { Duration::ZERO };
        self.stderr.tail(wait)
    }
}

/// Whether a signal ended the process. A wrapper such as bubblewrap reports it as exit code 128 plus the signal's
/// number.
fn ended_by(status: ExitStatus, signal: Signal) -> bool {
    status.signal() == Some(signal as i32) || status.code() == Some(128 + signal as i32)
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// Ends with the first failed write: the reader sees the worker's end as well, and reports it.
fn write_requests(mut stdin: ChildStdin, lines: &Receiver<Vec<u8>>) {
    while let Ok(line) = lines.recv() {
        if stdin.write_all(&line).is_err() {
            return;
        }
    }
}
