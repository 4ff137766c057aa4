//! One request and everything the worker may do before, instead of or after answering it.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vidbench_core::protocol::{MAX_LINE_BYTES, RpcError};

use super::{CallObserver, Notification, TICK, WorkerProcess};
use crate::CallError;
use crate::excerpt::{excerpt, with_log};
use crate::judge::{self, Progress, Said};
use crate::wire::Incoming;

/// How long a worker that has closed its stdout may take to exit by itself, so that its own exit status is seen.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// How long the lines of a worker that has ended may take to arrive.
const LAST_LINES: Duration = Duration::from_millis(100);

/// A result as it came, with the moments of the call on the harness's clock.
pub(super) struct Answer {
    pub(super) sent_ns: u64,
    pub(super) received_ns: u64,
    result: Value,
    line: Vec<u8>,
}

impl Answer {
    /// The line that carried the result.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }
}

/// A call that waits for its answer.
struct Pending<'a> {
    method: &'static str,
    id: u64,
    sent_ns: u64,
    /// When the timeout starts: at the sending, or at the last notification about a download.
    counted_from: Instant,
    progress: Progress,
    observer: &'a mut dyn CallObserver,
}

impl WorkerProcess {
    /// Sends a request and waits for its answer. `timeout` counts from the sending, or from the last notification `download` after it.
    pub(super) fn call(
        &mut self,
        method: &'static str,
        params: &impl Serialize,
        timeout: Duration,
        observer: &mut dyn CallObserver,
    ) -> Result<Answer, CallError> {
        if !self.usable {
            return Err(CallError::Ended { method });
        }
        self.drain(method, observer)?;
        let id = self.next_id;
        let line = request_line(id, method, params)?;
        self.next_id += 1;
        let Some(sent_ns) = self.wire.send(line) else {
            return Err(self.broke(method, "the worker does not read its input".into(), b""));
        };
        let (counted_from, progress) = (Instant::now(), Progress::default());
        self.wait(Pending { method, id, sent_ns, counted_from, progress, observer }, timeout)
    }

    /// Reads a result as its type and checks it against its request.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        method: &'static str,
        answer: &Answer,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Result<T, CallError> {
        let typed =
            judge::typed(answer.result.clone()).map_err(|fault| format!("the result does not fit: {fault}"));
        let checked = typed.and_then(|result| check(&result).map(|()| result));
        checked.map_err(|what| self.broke(method, what, &answer.line))
    }

    /// Checks that the worker is ready for a request: alive, and silent since its last answer except for its log. A
    /// worker that is not ready is of no further use, and the next request is not to blame for that.
    ///
    /// # Errors
    ///
    /// What the worker did since its last answer.
    pub fn check_idle(&mut self, observer: &mut dyn CallObserver) -> Result<(), String> {
        let mut checked = self.drain("its idle time", observer);
        if checked.is_ok() && self.wire.has_ended(Duration::ZERO) {
            checked = Err(self.crashed("its idle time"));
        }
        checked.map_err(|error| match error {
            CallError::LimitExceeded { exceeded, .. } => {
                format!("after its last answer the worker was killed: {exceeded}")
            }
            CallError::Crashed { status, stderr_tail, .. } => {
                with_log(format!("after its last answer the worker ended: {status}"), &stderr_tail)
            }
            CallError::Protocol { what, line, .. } => {
                format!("after its last answer the worker broke the protocol: {what}: {line}")
            }
            other => other.to_string(),
        })
    }

    /// Handles what came since the last answer: log lines are allowed, a second answer is not.
    fn drain(&mut self, method: &'static str, observer: &mut dyn CallObserver) -> Result<(), CallError> {
        while let Some(incoming) = self.wire.received() {
            let line = self.line(method, incoming)?.0;
            match judge::parse(&line) {
                Ok(Said::Notification(said @ Notification::Log(_))) => observer.notification(&said),
                Ok(Said::Notification(_)) => {
                    return Err(self.broke(
                        method,
                        "step, stage, rows and download are allowed only during a request".into(),
                        &line,
                    ));
                }
                Ok(Said::Answer { .. }) => {
                    return Err(self.broke(method, "an answer to no pending request".into(), &line));
                }
                Err(what) => return Err(self.broke(method, what, &line)),
            }
        }
        Ok(())
    }

    fn wait(&mut self, mut call: Pending<'_>, timeout: Duration) -> Result<Answer, CallError> {
        let began = Instant::now();
        let mut next_tick = TICK;
        loop {
            let elapsed = began.elapsed();
            let counted = call.counted_from.elapsed();
            if counted >= timeout {
                return Err(self.timed_out(call.method, timeout));
            }
            if elapsed >= next_tick {
                next_tick = elapsed + TICK;
                if call.observer.tick(elapsed).is_break() {
                    self.kill();
                    return Err(CallError::Cancelled { method: call.method });
                }
            }
            let wait = timeout.saturating_sub(counted).min(next_tick.saturating_sub(elapsed));
            let incoming = match self.wire.receive(wait) {
                // A descendant may hold the pipe of a worker that has ended, so the end of the lines may never come.
                None if self.wire.has_ended(Duration::ZERO) => match self.wire.receive(LAST_LINES) {
                    None => return Err(self.crashed(call.method)),
                    last => last,
                },
                received => received,
            };
            if let Some(incoming) = incoming
                && let Some(answer) = self.take(&mut call, incoming)?
            {
                return Ok(answer);
            }
        }
    }

    /// Handles one line of the worker; `None` unless it was the answer.
    fn take(&mut self, call: &mut Pending<'_>, incoming: Incoming) -> Result<Option<Answer>, CallError> {
        let (line, received_ns) = self.line(call.method, incoming)?;
        let judged = match judge::parse(&line) {
            Ok(Said::Notification(said)) => call.progress.take(call.method, &said).map(|()| {
                if let Notification::Download(_) = said {
                    call.counted_from = Instant::now();
                }
                call.observer.notification(&said);
                None
            }),
            Ok(Said::Answer { id, result }) => check_id(id.as_ref(), call.id)
                .and_then(|()| if result.is_ok() { call.progress.finish() } else { Ok(()) })
                .map(|()| Some(result)),
            Err(what) => Err(what),
        };
        match judged {
            Ok(None) => Ok(None),
            Ok(Some(Ok(result))) => Ok(Some(Answer { sent_ns: call.sent_ns, received_ns, result, line })),
            Ok(Some(Err(error))) => Err(CallError::Worker(self.explained(error))),
            Err(what) => Err(self.broke(call.method, what, &line)),
        }
    }

    /// The worker's error. If it repeats the system's words for a limit or a wall and has no hint of its own, the hint
    /// says which limit or wall it was.
    fn explained(&self, error: RpcError) -> RpcError {
        match self.wire.explanation(&error.message) {
            Some(held) if error.data.hint.is_none() => error.with_hint(held),
            Some(_) | None => error,
        }
    }

    fn line(&mut self, method: &'static str, incoming: Incoming) -> Result<(Vec<u8>, u64), CallError> {
        match incoming {
            Incoming::Line { bytes, at_ns } => Ok((bytes, at_ns)),
            Incoming::TooLong { head } => {
                Err(self.broke(method, format!("a line longer than {MAX_LINE_BYTES} bytes"), &head))
            }
            Incoming::End => Err(self.crashed(method)),
        }
    }

    fn crashed(&mut self, method: &'static str) -> CallError {
        self.usable = false;
        let ended = self.wire.has_ended(EXIT_GRACE);
        let status = self.wire.end(Duration::ZERO);
        let stderr_tail = self.wire.stderr_tail();
        if let Some(exceeded) = self.wire.exceeded() {
            return CallError::LimitExceeded { method, exceeded, stderr_tail };
        }
        let status = match status {
            Some(status) if ended => status.to_string(),
            Some(_) | None => "it closed its stdout and was killed".into(),
        };
        let status = match self.wire.explanation(&stderr_tail) {
            Some(held) => format!("{status} ({held})"),
            None => status,
        };
        CallError::Crashed { method, status, stderr_tail }
    }

    pub(super) fn timed_out(&mut self, method: &'static str, after: Duration) -> CallError {
        self.kill();
        CallError::Timeout { method, after, stderr_tail: self.wire.stderr_tail() }
    }

    pub(super) fn broke(&mut self, method: &'static str, what: String, line: &[u8]) -> CallError {
        self.kill();
        CallError::Protocol { method, what, line: excerpt(line) }
    }

    fn kill(&mut self) {
        self.usable = false;
        self.wire.end(Duration::ZERO);
    }
}

fn check_id(id: Option<&Value>, expected: u64) -> Result<(), String> {
    match id {
        Some(id) if id.as_u64() == Some(expected) => Ok(()),
        Some(id) => {
            Err(format!("an answer to request {} instead of {expected}", excerpt(id.to_string().as_bytes())))
        }
        None => Err(format!("an answer without its request id {expected}")),
    }
}

/// A request as a line with its line feed.
pub(crate) fn request_line(id: u64, method: &str, params: &impl Serialize) -> Result<Vec<u8>, CallError> {
    let mut line =
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string().into_bytes();
    line.push(b'\n');
    if line.len() > MAX_LINE_BYTES {
        return Err(CallError::RequestTooLong { bytes: line.len(), limit: MAX_LINE_BYTES });
    }
    Ok(line)
}
