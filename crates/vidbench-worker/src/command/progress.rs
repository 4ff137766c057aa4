//! What a program says while it runs.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};

use regex::Regex;

/// Most bytes of a line that are kept.
const MAX_LINE: usize = 4096;

/// Lines of the end that go into an error.
const TAIL_LINES: usize = 5;

/// Finds in a program's lines how far it is.
#[derive(Debug)]
pub(super) struct Progress(Option<Regex>);

impl Progress {
    pub(super) fn new(pattern: Option<&str>) -> Result<Self, String> {
        let compile = |pattern: &str| {
            let regex = Regex::new(pattern)
                .map_err(|error| format!("program.progress is not a regular expression: {error}"))?;
            let has = |name: &str| regex.capture_names().flatten().any(|group| group == name);
            match has("index") && has("total") {
                true => Ok(regex),
                false => Err("program.progress has no groups (?P<index>...) and (?P<total>...)".to_owned()),
            }
        };
        pattern.map(compile).transpose().map(Self)
    }

    /// The progress that a line reports. It goes to the log and not into steps: a program may skip some, and nobody saw
    /// when those ended.
    pub(super) fn of(&self, line: &str) -> Option<String> {
        let found = self.0.as_ref()?.captures(line)?;
        Some(format!("step {} of {}", found.name("index")?.as_str(), found.name("total")?.as_str()))
    }
}

/// Lines of a stream, each ended by a line feed or, as progress bars do, by a carriage return.
pub(super) fn lines_of(stream: impl Read + Send + 'static) -> Box<dyn Iterator<Item = String> + Send> {
    let mut reader = BufReader::new(stream);
    Box::new(std::iter::from_fn(move || {
        let mut line = Vec::new();
        loop {
            let buffer = reader.fill_buf().ok()?;
            if buffer.is_empty() {
                break;
            }
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let taken = end.unwrap_or(buffer.len());
            line.extend_from_slice(&buffer[..taken.min(MAX_LINE.saturating_sub(line.len()))]);
            reader.consume(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
        }
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    }))
}

/// The last lines that a program wrote.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    pub(super) fn add(&mut self, line: String) {
        if line.trim().is_empty() {
            return;
        }
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    /// For the end of a message.
    pub(super) fn text(&self) -> String {
        let lines: Vec<&str> = self.0.iter().map(|line| line.trim()).collect();
        if lines.is_empty() {
            "; it printed nothing".into()
        } else {
            format!("; its last output: {}", lines.join(" | "))
        }
    }

    pub(super) fn tells_out_of_memory(&self) -> bool {
        let told = ["out of memory", "outofmemoryerror", "cannot allocate memory"];
        self.0
            .iter()
            .map(|line| line.to_lowercase())
            .any(|line| told.iter().any(|words| line.contains(words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_bars_are_lines_too() {
        let text: &[u8] = b"loading\n 10%|#| 1/10\r 20%|##| 2/10\r\ndone";
        let lines: Vec<String> = lines_of(text).collect();
        assert_eq!(lines, ["loading", " 10%|#| 1/10", " 20%|##| 2/10", "", "done"]);
        let progress = Progress::new(Some(r"(?P<index>\d+)/(?P<total>\d+)")).unwrap();
        assert_eq!(progress.of(&lines[2]).as_deref(), Some("step 2 of 10"));
        assert_eq!(progress.of("done"), None);
        let optional = Progress::new(Some(r"(?P<index>\d+)?/(?P<total>\d+)")).unwrap();
        assert_eq!(optional.of("/5"), None);
    }

    #[test]
    fn a_pattern_must_name_its_groups() {
        assert!(Progress::new(Some(r"(\d+)")).unwrap_err().contains("(?P<index>"));
        assert!(Progress::new(Some("(")).unwrap_err().contains("not a regular expression"));
    }

    #[test]
    fn a_line_without_end_is_cut_and_not_kept_in_memory() {
        let text = std::io::repeat(b'x').take(1 << 20);
        let lines: Vec<String> = lines_of(text).collect();
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE]);
    }

    #[test]
    fn the_end_of_what_was_said_is_told() {
        let mut tail = Tail::default();
        assert_eq!(tail.text(), "; it printed nothing");
        for line in ["1", "2", "3", "4", "5", "", "CUDA out of memory"] {
            tail.add(line.into());
        }
        assert_eq!(tail.text(), "; its last output: 2 | 3 | 4 | 5 | CUDA out of memory");
        assert!(tail.tells_out_of_memory());
    }
}
