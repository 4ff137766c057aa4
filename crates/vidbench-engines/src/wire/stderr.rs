//! The worker's stderr: the last 64 KiB are kept, every line is offered to whoever shows logs.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::excerpt::escape;

/// Called with each line of the worker's log, on the thread that reads it; control characters are escaped.
pub type LogSink = Box<dyn FnMut(&str) + Send>;

/// How much of the end is kept.
const TAIL_BYTES: usize = 64 << 10;
/// The longest piece that is offered; a longer line is offered in pieces.
const LINE_BYTES: usize = 4 << 10;

/// The end of a log that is still being written.
#[derive(Default)]
pub(super) struct StderrTail {
    kept: Mutex<Kept>,
    ended: Condvar,
}

#[derive(Default)]
struct Kept {
    bytes: VecDeque<u8>,
    ended: bool,
}

impl StderrTail {
    /// Reads `pipe` to its end.
    pub(super) fn read(&self, mut pipe: impl Read, log: Option<LogSink>) {
        let mut lines = LineSplitter { line: Vec::new(), log };
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            let bytes = chunk.get(..length).unwrap_or_default();
            self.lock().keep(bytes);
            lines.push(bytes);
        }
        lines.flush();
        self.lock().ended = true;
        self.ended.notify_all();
    }

    /// The kept end of the log, escaped except for line feeds; waits up to `wait` for the log to end.
    pub(super) fn tail(&self, wait: Duration) -> String {
        let waited = self.ended.wait_timeout_while(self.lock(), wait, |kept| !kept.ended);
        let (mut kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(kept.bytes.make_contiguous()).into_owned();
        text.lines().map(escape).collect::<Vec<_>>().join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
    }
}

struct LineSplitter {
    line: Vec<u8>,
    log: Option<LogSink>,
}

impl LineSplitter {
    fn push(&mut self, bytes: &[u8]) {
        if self.log.is_none() {
            return;
        }
        for &byte in bytes {
            if byte == b'\n' || self.line.len() == LINE_BYTES {
                self.flush();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(log) = &mut self.log
            && !self.line.is_empty()
        {
            log(&escape(&String::from_utf8_lossy(&self.line)));
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn the_last_bytes_are_kept_and_the_rest_dropped() {
        let tail = StderrTail::default();
        tail.read(&[vec![b'a'; 10 * TAIL_BYTES], vec![b'b'; TAIL_BYTES - 1]].concat()[..], None);
        assert_eq!(tail.tail(Duration::ZERO), format!("a{}", "b".repeat(TAIL_BYTES - 1)));
    }

    #[test]
    fn lines_are_offered_escaped_and_in_bounded_pieces() {
        let (sender, receiver) = channel();
        let log: LogSink = Box::new(move |line| sender.send(line.to_owned()).unwrap());
        let text = [b"one\n\n\x1b[2Jtwo\xff\n", "x".repeat(LINE_BYTES + 5).as_bytes()].concat();
        StderrTail::default().read(&text[..], Some(log));
        let lines: Vec<String> = receiver.iter().collect();
        assert_eq!(lines[..2], ["one", "\\u{1b}[2Jtwo\u{fffd}"]);
        assert_eq!(lines[2..].iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES, 5]);
    }
}
