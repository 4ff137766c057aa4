//! A client that takes whatever comes and writes down what is wrong with it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vidbench_core::protocol::{PROTOCOL_VERSION, method};
use vidbench_core::{Clock, ErrorKind};

use super::{RuleVerdict, verdict};
use crate::client::call::request_line;
use crate::excerpt::{excerpt, with_log};
use crate::wire::{Incoming, Wire};
use crate::{EngineError, WorkerCommand, judge};

/// A worker that closed its output has this long to end before it is killed.
const END_GRACE: Duration = Duration::from_secs(1);

pub(super) type SharedFaults = Rc<RefCell<Faults>>;

/// Faults in the worker's lines, whichever rule was being tried: the first fault of each kind.
#[derive(Debug, Default)]
pub(super) struct Faults {
    answer: Option<String>,
    rubbish: Option<String>,
    error: Option<String>,
}

impl Faults {
    /// The verdicts of R21, R22 and R23.
    pub(super) fn verdicts(&self) -> [RuleVerdict; 3] {
        [&self.answer, &self.rubbish, &self.error].map(|fault| verdict(fault.clone().map_or(Ok(()), Err)))
    }
}

/// An answer, and what was said before it.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) result: Result<Value, RawError>,
    /// Steps and stages as they came: (method, params).
    pub(super) notifications: Vec<(String, Value)>,
}

/// An error as it came.
#[derive(Debug, Clone)]
pub(super) struct RawError {
    pub(super) code: Option<i64>,
    pub(super) kind: Option<ErrorKind>,
    text: String,
}

impl Reply {
    /// The result, or why there is none.
    pub(super) fn success(&self) -> Result<&Value, String> {
        self.result.as_ref().map_err(|error| format!("refused: {}", error.text))
    }

    /// The error, or that there is none.
    pub(super) fn refusal(&self) -> Result<&RawError, String> {
        match &self.result {
            Ok(result) => Err(format!("accepted: {}", excerpt(result.to_string().as_bytes()))),
            Err(error) => Ok(error),
        }
    }

    /// The request was refused as one that no worker of this model could serve.
    pub(super) fn refused_as_invalid(&self) -> Result<(), String> {
        let error = self.refusal()?;
        if error.kind == Some(ErrorKind::InvalidRequest) {
            return Ok(());
        }
        Err(format!("refused with a different kind: {}", error.text))
    }

    /// The request was refused with that code.
    pub(super) fn refused_with_code(&self, code: i64) -> Result<(), String> {
        let error = self.refusal()?;
        if error.code == Some(code) {
            return Ok(());
        }
        Err(format!("refused with a code other than {code}: {}", error.text))
    }
}

pub(super) struct RawClient {
    wire: Wire,
    timeout: Duration,
    next_id: u64,
    faults: SharedFaults,
}

impl RawClient {
    pub(super) fn start(
        command: &WorkerCommand,
        clock: Arc<dyn Clock>,
        timeout: Duration,
        faults: SharedFaults,
    ) -> Result<Self, EngineError> {
        Ok(Self { wire: Wire::start(command, clock, None)?, timeout, next_id: 1, faults })
    }

    /// A correct `initialize`.
    pub(super) fn initialize(&mut self) -> Result<Value, String> {
        let params = json!({"protocol_version": PROTOCOL_VERSION, "client": "vidbench worker check"});
        let reply = self.request(method::INITIALIZE, &params).map_err(|why| format!("initialize: {why}"))?;
        reply.success().cloned().map_err(|why| format!("initialize: {why}"))
    }

    /// Sends a request and waits for its answer; the error says why there is none.
    pub(super) fn request(&mut self, method: &str, params: &Value) -> Result<Reply, String> {
        let id = self.next_id;
        self.next_id += 1;
        let line = request_line(id, method, params).map_err(|error| error.to_string())?;
        self.exchange(line, &Value::from(id))
    }

    /// Sends a line that is no request and waits for the answer with a null id.
    pub(super) fn send_rubbish(&mut self, line: &str) -> Result<Reply, String> {
        self.exchange(format!("{line}\n").into_bytes(), &Value::Null)
    }

    /// The worker's clock; the answer also shows that the worker is still running.
    pub(super) fn ping(&mut self) -> Result<u64, String> {
        let reply = self.request(method::PING, &json!({})).map_err(|why| format!("ping: {why}"))?;
        let result = reply.success().map_err(|why| format!("ping: {why}"))?;
        result.get("clock_ns").and_then(Value::as_u64).ok_or_else(|| "ping: no clock_ns".into())
    }

    /// The worker still answers.
    pub(super) fn goes_on(&mut self) -> Result<(), String> {
        self.ping().map(drop).map_err(|why| format!("afterwards {why}"))
    }

    pub(super) fn close_stdin(&mut self) {
        self.wire.close_stdin();
    }

    /// The status the process ends with by itself; lines it writes until then are judged too.
    pub(super) fn exit_status(&mut self) -> Result<std::process::ExitStatus, String> {
        let ended = self.wire.has_ended(self.timeout);
        while let Some(Incoming::Line { bytes, .. }) = self.wire.received() {
            self.judge_line(&bytes, &Value::Bool(false), &mut Vec::new());
        }
        let status = self.wire.end(Duration::ZERO);
        match status {
            Some(status) if ended => Ok(status),
            Some(_) | None => Err(format!("still running after {:.1} s", self.timeout.as_secs_f64())),
        }
    }

    fn exchange(&mut self, line: Vec<u8>, id: &Value) -> Result<Reply, String> {
        self.wire.send(line).ok_or("the worker does not read its input")?;
        let (began, mut notifications) = (Instant::now(), Vec::new());
        loop {
            let left = self.timeout.saturating_sub(began.elapsed());
            match self.wire.receive(left) {
                Some(Incoming::Line { bytes, .. }) => {
                    if let Some(result) = self.judge_line(&bytes, id, &mut notifications) {
                        return Ok(Reply { result, notifications });
                    }
                }
                Some(Incoming::TooLong { head }) => {
                    let fault = format!("a line longer than the protocol's limit: {}", excerpt(&head));
                    self.faults.borrow_mut().rubbish.get_or_insert(fault);
                    return Err("the worker wrote an endless line".into());
                }
                Some(Incoming::End) => return Err(self.last_words()),
                None => return Err(format!("no answer within {:.1} s", self.timeout.as_secs_f64())),
            }
        }
    }

    /// How the worker ended, and the end of its log, which mostly says why.
    fn last_words(&mut self) -> String {
        let status =
            self.wire.end(END_GRACE).map_or_else(|| "status unknown".into(), |status| status.to_string());
        with_log(format!("the worker ended without an answer: {status}"), &self.wire.stderr_tail())
    }

    /// Judges a line; returns the answer if the line counts as the answer to `id`.
    fn judge_line(
        &self,
        line: &[u8],
        id: &Value,
        notifications: &mut Vec<(String, Value)>,
    ) -> Option<Result<Value, RawError>> {
        let mut faults = self.faults.borrow_mut();
        let Ok(Value::Object(message)) = serde_json::from_slice::<Value>(line) else {
            faults.rubbish.get_or_insert_with(|| excerpt(line));
            return None;
        };
        match message.get("method").map(Value::as_str) {
            Some(Some(name @ (method::STEP | method::STAGE))) => {
                notifications.push((name.into(), message.get("params").cloned().unwrap_or_default()));
                return None;
            }
            Some(_) => {
                if let Err(fault) = judge::parse(line) {
                    faults.rubbish.get_or_insert_with(|| format!("{fault}: {}", excerpt(line)));
                }
                return None;
            }
            None => {}
        }
        let is_second = message
            .get("id")
            .and_then(Value::as_u64)
            .is_some_and(|found| id.as_u64() != Some(found) && found < self.next_id);
        if let Some(fault) = answer_fault(&message, id) {
            faults.answer.get_or_insert_with(|| format!("{fault}: {}", excerpt(line)));
        }
        if is_second {
            return None;
        }
        let Some(error) = message.get("error") else {
            return Some(Ok(message.get("result").cloned().unwrap_or_default()));
        };
        let error = raw_error(error);
        if let Err(fault) = &error.1 {
            faults.error.get_or_insert_with(|| format!("{fault}: {}", excerpt(line)));
        }
        Some(Err(error.0))
    }
}

fn answer_fault(message: &serde_json::Map<String, Value>, id: &Value) -> Option<&'static str> {
    let has = |key| message.get(key).is_some_and(|value: &Value| !value.is_null());
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        Some("jsonrpc is not \"2.0\"")
    } else if message.get("id") != Some(id) {
        Some("an answer with a different id, or a second answer")
    } else if has("result") == has("error") {
        Some("an answer needs either a result or an error")
    } else {
        None
    }
}

fn raw_error(error: &Value) -> (RawError, Result<(), String>) {
    let kind = error.pointer("/data/kind").cloned().map(judge::typed::<ErrorKind>);
    let code = error.get("code").and_then(Value::as_i64);
    let message = error.get("message").and_then(Value::as_str).filter(|message| !message.is_empty());
    let fault = match (&kind, code, message) {
        (Some(Ok(_)), Some(_), Some(_)) => Ok(()),
        (Some(Err(fault)), ..) => Err(fault.clone()),
        (None, ..) => Err("an error without data.kind".into()),
        (_, None, _) => Err("an error without a code".into()),
        (_, _, None) => Err("an error without a message".into()),
    };
    let text = excerpt(error.to_string().as_bytes());
    (RawError { code, kind: kind.and_then(Result::ok), text }, fault)
}
