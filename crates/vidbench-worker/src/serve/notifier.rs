//! What a worker says while it serves a request.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use vidbench_core::protocol::{
    Features, LogParams, Message, RowsParams, Stage, StageSpan, StepParams, method,
};

use super::write_message;
use crate::clock;

/// Numbers in a notification `rows`: about 200 kB of text.
const ROWS_VALUES: usize = 16 * 1024;

/// Sends notifications while a request is served.
///
/// A handler need not check for failed writes: after the first one, the loop ends when the handler returns.
pub struct Notifier<'a> {
    output: &'a mut dyn Write,
    failure: Option<io::Error>,
}

impl fmt::Debug for Notifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("failure", &self.failure).finish_non_exhaustive()
    }
}

impl<'a> Notifier<'a> {
    /// A notifier that writes to `output`; for tests of a handler without [`crate::serve`].
    pub fn new(output: &'a mut dyn Write) -> Self {
        Self { output, failure: None }
    }

    /// Denoising step `index` of `total` (from 1) has ended now.
    pub fn step(&mut self, index: u32, total: u32) {
        self.send(method::STEP, &StepParams { index, total, t_ns: clock::monotonic_ns() });
    }

    /// A stage has ended; times are [`clock::monotonic_ns`].
    pub fn stage(&mut self, name: Stage, start_ns: u64, end_ns: u64) {
        self.send(method::STAGE, &StageSpan { name, start_ns, end_ns });
    }

    /// A line for the log; `level` is `debug`, `info`, `warn` or `error`.
    pub fn log(&mut self, level: &str, message: impl Into<String>) {
        self.send(method::LOG, &LogParams { level: level.into(), message: message.into() });
    }

    /// Sends the rows of features, as many on a line as fit well; leaves the features without their numbers.
    pub fn rows(&mut self, features: &mut Features) {
        for values in std::mem::take(&mut features.values).chunks(ROWS_VALUES) {
            self.send(method::ROWS, &RowsParams { net: features.net.clone(), values: values.to_vec() });
        }
    }

    /// Whether the client still reads; a handler may give up early when it does not.
    pub fn is_connected(&self) -> bool {
        self.failure.is_none()
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.failure.map_or(Ok(()), Err)
    }

    fn send(&mut self, name: &str, params: &impl Serialize) {
        if self.failure.is_some() {
            return;
        }
        self.failure = self.try_send(name, params).err();
    }

    fn try_send(&mut self, name: &str, params: &impl Serialize) -> io::Result<()> {
        let params = serde_json::to_value(params).map_err(io::Error::other)?;
        let message = Message {
            jsonrpc: "2.0".into(),
            id: None,
            method: Some(name.into()),
            params: Some(params),
            result: None,
            error: None,
        };
        write_message(self.output, &message)
    }
}
