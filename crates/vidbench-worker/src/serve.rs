//! The loop that reads requests and answers them.
//!
//! One request at a time, in the order they come. Whatever a line contains, the loop goes on; it ends with `shutdown`, with
//! the end of input (the parent has gone), or when nobody reads its output.

mod check;
mod lines;
mod notifier;

use std::any::Any;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vidbench_core::protocol::{
    Capabilities, Empty, GenerateParams, GenerateResult, InitializeParams, InitializeResult, LoadParams,
    LoadResult, Message, PROTOCOL_VERSION, PingResult, Request, RpcError, ScoreParams, ScoreResult,
    UnloadParams, code, method,
};
use vidbench_core::{ErrorKind, ModelId};

use crate::clock;
use lines::{Line, read_line};
pub use notifier::Notifier;

/// What a worker says of itself at `initialize`.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerInfo {
    /// The worker's name.
    pub name: String,
    /// The worker's version.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// What a worker does. The loop calls it with checked parameters only; a method it leaves out answers `unsupported`.
pub trait Handler {
    /// Who the worker is and what it can do.
    fn initialize(&mut self) -> WorkerInfo;

    /// Makes a model ready. Loading a model that is already loaded is sound.
    fn load(&mut self, params: &LoadParams, notifier: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        let _ = (params, notifier);
        Err(unsupported(method::LOAD))
    }

    /// Makes one video with a model that is loaded; `params.output` does not exist and its folder does.
    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        let _ = (params, notifier);
        Err(unsupported(method::GENERATE))
    }

    /// Decodes, checks and scores one video.
    fn score(&mut self, params: &ScoreParams, notifier: &mut Notifier<'_>) -> Result<ScoreResult, RpcError> {
        let _ = (params, notifier);
        Err(unsupported(method::SCORE))
    }

    /// Whether the worker is of no use after the last answer, so that the loop ends.
    fn is_broken(&self) -> bool {
        false
    }

    /// Frees a model that is loaded.
    fn unload(&mut self, model: &ModelId) -> Result<(), RpcError> {
        let _ = model;
        Err(unsupported(method::UNLOAD))
    }
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The client asked for it.
    Shutdown,
    /// The input ended: the client has gone.
    EndOfInput,
    /// The handler is broken; its last answer said why.
    Broken,
}

/// Reads requests from `input` and answers them on `output` until `shutdown` or the end of input.
///
/// # Errors
/// When `input` cannot be read or `output` cannot be written: the client has gone.
pub fn serve(mut input: impl BufRead, mut output: impl Write, handler: &mut dyn Handler) -> io::Result<Exit> {
    let mut session = Session { handler, initialized: false, loaded: BTreeSet::new() };
    let mut buffer = Vec::new();
    loop {
        let (answer, exit) = match read_line(&mut input, &mut buffer)? {
            Line::End => return Ok(Exit::EndOfInput),
            Line::TooLong => (unread(code::PARSE_ERROR, lines::too_long()), None),
            Line::Whole => session.answer(&buffer, &mut output)?,
        };
        write_message(&mut output, &answer)?;
        if let Some(exit) = exit {
            return Ok(exit);
        }
    }
}

fn write_message(output: &mut dyn Write, message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

/// What one client and one worker have agreed on so far.
struct Session<'a> {
    handler: &'a mut dyn Handler,
    initialized: bool,
    loaded: BTreeSet<ModelId>,
}

impl Session<'_> {
    /// The answer to one line, and whether the loop ends after it.
    fn answer(&mut self, line: &[u8], output: &mut dyn Write) -> io::Result<(Message, Option<Exit>)> {
        let request = match parse_request(line) {
            Ok(request) => request,
            Err(answer) => return Ok((*answer, None)),
        };
        let mut notifier = Notifier::new(output);
        let result = self.guarded(&request, &mut notifier);
        notifier.finish()?;
        let shutdown = (request.method == method::SHUTDOWN && result.is_ok()).then_some(Exit::Shutdown);
        let exit = shutdown.or_else(|| self.handler.is_broken().then_some(Exit::Broken));
        Ok((response(Value::from(request.id), result), exit))
    }

    /// Serves a request; a panic becomes an `internal` error, so that one bad sample does not cost the loaded model.
    fn guarded(&mut self, request: &Request, notifier: &mut Notifier<'_>) -> Result<Value, RpcError> {
        catch_unwind(AssertUnwindSafe(|| self.dispatch(request, notifier))).unwrap_or_else(|panic| {
            let message =
                format!("the worker panicked in {}: {}", request.method, panic_text(panic.as_ref()));
            Err(RpcError::new(ErrorKind::Internal, message)
                .with_hint("the worker's log on stderr shows where; this is a bug in the worker"))
        })
    }

    fn dispatch(&mut self, request: &Request, notifier: &mut Notifier<'_>) -> Result<Value, RpcError> {
        let known = [
            method::INITIALIZE,
            method::LOAD,
            method::GENERATE,
            method::SCORE,
            method::UNLOAD,
            method::SHUTDOWN,
            method::PING,
        ];
        let name = request.method.as_str();
        if !known.contains(&name) {
            return Err(unknown_method(name, &known));
        }
        if self.initialized == (name == method::INITIALIZE) {
            return Err(out_of_order(name));
        }
        match name {
            method::INITIALIZE => self.initialize(&parse_params(request)?).and_then(to_value),
            method::LOAD => self.load(&parse_params(request)?, notifier).and_then(to_value),
            method::GENERATE => self.generate(&parse_params(request)?, notifier).and_then(to_value),
            method::SCORE => self.handler.score(&parse_params(request)?, notifier).and_then(to_value),
            method::UNLOAD => self.unload(&parse_params(request)?).and_then(to_value),
            method::PING => parse_params(request)
                .and_then(|Empty {}| to_value(PingResult { clock_ns: clock::monotonic_ns() })),
            method::SHUTDOWN => parse_params::<Empty>(request).and_then(to_value),
            _ => Err(unknown_method(name, &known)),
        }
    }

    fn initialize(&mut self, params: &InitializeParams) -> Result<InitializeResult, RpcError> {
        let asked = params.protocol_version;
        if asked != PROTOCOL_VERSION {
            let message =
                format!("protocol version {asked} is not supported: this worker speaks {PROTOCOL_VERSION}");
            return Err(RpcError::new(ErrorKind::Unsupported, message)
                .with_hint("use a client and a worker from the same release"));
        }
        let WorkerInfo { name, version, capabilities } = self.handler.initialize();
        self.initialized = true;
        let clock_ns = clock::monotonic_ns();
        Ok(InitializeResult { protocol_version: PROTOCOL_VERSION, name, version, capabilities, clock_ns })
    }

    fn load(&mut self, params: &LoadParams, notifier: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        check::load(params)?;
        let result = self.handler.load(params, notifier)?;
        self.loaded.insert(params.model.clone());
        Ok(result)
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        self.check_loaded(&params.model)?;
        check::generate(params)?;
        self.handler.generate(params, notifier)
    }

    /// Forgets the model before the handler frees it: after a failed `unload` its state is not known.
    fn unload(&mut self, params: &UnloadParams) -> Result<Empty, RpcError> {
        self.check_loaded(&params.model)?;
        self.loaded.remove(&params.model);
        self.handler.unload(&params.model).map(|()| Empty {})
    }

    fn check_loaded(&self, model: &ModelId) -> Result<(), RpcError> {
        if self.loaded.contains(model) {
            return Ok(());
        }
        let message = format!("model {model} is not loaded");
        Err(RpcError::new(ErrorKind::InvalidRequest, message).with_hint("send load first"))
    }
}

/// Reads one line as a request; the error is the answer to give.
fn parse_request(line: &[u8]) -> Result<Request, Box<Message>> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| unread(code::PARSE_ERROR, format!("the line is not JSON: {error}")))?;
    let id = value.get("id").filter(|id| id.is_u64()).cloned().unwrap_or(Value::Null);
    let refuse =
        |message| Box::new(response(id.clone(), Err(protocol_error(code::INVALID_REQUEST, message))));
    if !value.is_object() {
        return Err(refuse("not a request: not an object".into()));
    }
    // From the text and not from the value: a value has forgotten that a field came twice.
    let request: Request = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(line))
        .map_err(|error| refuse(format!("not a request: {error}")))?;
    if request.jsonrpc != "2.0" {
        return Err(refuse(format!("jsonrpc is {:?}, not \"2.0\"", request.jsonrpc)));
    }
    Ok(request)
}

/// Reads a request's parameters; absent ones are an object without fields.
fn parse_params<T: DeserializeOwned>(request: &Request) -> Result<T, RpcError> {
    let params = match &request.params {
        Value::Null => Value::Object(serde_json::Map::new()),
        params @ Value::Object(_) => params.clone(),
        _ => {
            let message = format!("parameters of {} are not an object", request.method);
            return Err(protocol_error(code::INVALID_PARAMS, message));
        }
    };
    serde_path_to_error::deserialize(params).map_err(|error| {
        let message = format!("parameters of {} do not fit: {error}", request.method);
        protocol_error(code::INVALID_PARAMS, message)
    })
}

fn to_value(result: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result)
        .map_err(|error| RpcError::new(ErrorKind::Internal, format!("the result cannot be written: {error}")))
}

fn response(id: Value, result: Result<Value, RpcError>) -> Message {
    let (result, error) = match result {
        Ok(result) => (Some(result), None),
        Err(error) => (None, Some(error)),
    };
    Message { jsonrpc: "2.0".into(), id: Some(id), method: None, params: None, result, error }
}

/// The answer to a line that is no request.
fn unread(code: i64, message: String) -> Message {
    response(Value::Null, Err(protocol_error(code, message)))
}

fn protocol_error(code: i64, message: String) -> RpcError {
    RpcError { code, ..RpcError::new(ErrorKind::InvalidRequest, message) }
}

fn unknown_method(name: &str, known: &[&str]) -> RpcError {
    let name: String = name.chars().take(64).collect();
    let message = format!("unknown method {name:?}: known are {}", known.join(", "));
    RpcError { code: code::METHOD_NOT_FOUND, ..RpcError::new(ErrorKind::Unsupported, message) }
}

fn out_of_order(name: &str) -> RpcError {
    let message = match name {
        method::INITIALIZE => "initialize came twice".into(),
        _ => format!("{name} came before initialize"),
    };
    RpcError::new(ErrorKind::InvalidRequest, message)
}

fn unsupported(name: &str) -> RpcError {
    RpcError::new(ErrorKind::Unsupported, format!("this worker does not support {name}"))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
