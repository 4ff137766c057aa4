//! The log of runs: files of a day each in the workspace, without secrets.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::LogFormat;

/// Files that are kept, a day each.
const DAYS_KEPT: usize = 30;

/// Shorter values are words of other lines as well.
const SHORTEST_SECRET: usize = 8;

/// Parts of names of environment variables whose values are nobody's business.
const SECRET_NAMES: [&str; 5] = ["TOKEN", "SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY"];

/// Begins the log of this process. `also_secret` names environment variables that workers get beside the usual ones.
pub(crate) fn begin(
    workspace: &Path,
    format: LogFormat,
    also_secret: &[String],
) -> anyhow::Result<Option<PathBuf>> {
    if format == LogFormat::None {
        return Ok(None);
    }
    let folder = workspace.join("logs");
    // The appender would say on stderr that it is not there yet.
    std::fs::create_dir_all(&folder)?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("vidbench")
        .filename_suffix(if format == LogFormat::Json { "jsonl" } else { "log" })
        .max_log_files(DAYS_KEPT)
        .build(&folder)?;
    let lines = Redacted { files, secrets: secrets(also_secret) };
    let subscriber = tracing_subscriber::fmt().with_writer(lines).with_ansi(false);
    // One process runs once; a second log would be a mistake of ours and loses nothing of a run.
    let _ = match format {
        LogFormat::Json => {
            let json = subscriber.json().flatten_event(true);
            json.with_current_span(false).with_span_list(false).try_init()
        }
        LogFormat::Text | LogFormat::None => subscriber.try_init(),
    };
    Ok(Some(folder))
}

fn secrets(also: &[String]) -> Vec<String> {
    let is_secret = |name: &str| {
        let upper = name.to_uppercase();
        also.iter().any(|other| other == name) || SECRET_NAMES.iter().any(|part| upper.contains(part))
    };
    let mut found: Vec<String> = std::env::vars()
        .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST_SECRET)
        .map(|(_, value)| value)
        .collect();
    // Of two that contain one another the longer goes first.
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found
}

/// Lines go to files, and secrets do not.
struct Redacted {
    files: RollingFileAppender,
    secrets: Vec<String>,
}

struct Line<'a> {
    to: &'a Redacted,
}

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { to: self }
    }
}

impl Write for Line<'_> {
    /// Called with whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.to.files.make_writer();
        let text = String::from_utf8_lossy(bytes);
        let clean = self.to.secrets.iter().fold(text.into_owned(), |text, secret| {
            // As JSON writes it, and as it stands.
            let quoted = serde_json::to_string(secret).unwrap_or_default();
            let inner = quoted.get(1..quoted.len().saturating_sub(1)).filter(|inner| !inner.is_empty());
            text.replace(inner.unwrap_or(secret), "[secret]").replace(secret.as_str(), "[secret]")
        });
        file.write_all(clean.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.files.make_writer().flush()
    }
}
