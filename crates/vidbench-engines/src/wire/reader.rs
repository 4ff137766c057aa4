//! The worker's stdout as lines of bounded length.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::SyncSender;

use vidbench_core::Clock;
use vidbench_core::protocol::MAX_LINE_BYTES;

/// What came from the worker's stdout.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A line without its line feed, and the harness's clock when it had been read.
    Line { bytes: Vec<u8>, at_ns: u64 },
    /// The beginning of a line longer than the protocol allows; nothing is read after it.
    TooLong { head: Vec<u8> },
    /// The worker closed its stdout, perhaps in the middle of a line.
    End,
}

/// How many bytes of a line that is too long are kept to be shown.
const HEAD_BYTES: usize = 1024;

pub(super) fn read_lines(stdout: impl Read, clock: &dyn Clock, queue: &SyncSender<Incoming>) {
    let mut stdout = BufReader::new(stdout);
    while let Some(incoming) = read_line(&mut stdout, clock) {
        let last = matches!(incoming, Incoming::TooLong { .. });
        if queue.send(incoming).is_err() || last {
            return;
        }
    }
}

/// The next line; `None` at the end. A line cut off by the end does not count.
fn read_line(stdout: &mut BufReader<impl Read>, clock: &dyn Clock) -> Option<Incoming> {
    let mut bytes = Vec::new();
    stdout.take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut bytes).ok()?;
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        return Some(Incoming::Line { bytes, at_ns: clock.monotonic_ns() });
    }
    if bytes.len() < MAX_LINE_BYTES {
        return None;
    }
    bytes.truncate(HEAD_BYTES);
    Some(Incoming::TooLong { head: bytes })
}
