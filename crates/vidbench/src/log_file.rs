//! The log of runs and scorings: one file a day in the workspace, without secrets.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::LogFormat;

/// How many files are kept, one for each day.
const DAYS_KEPT: usize = 30;

/// The lowest level that is written.
const LEVEL: LevelFilter = LevelFilter::INFO;

/// Shorter values are not removed, because they also occur as ordinary words.
const SHORTEST_SECRET: usize = 8;

/// Parts of names of environment variables whose values are secret.
const SECRET_NAMES: [&str; 5] = ["TOKEN", "SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY"];

/// Objects that must live as long as the log.
pub(crate) struct Log {
    /// Sends any remaining lines when it is dropped.
    #[cfg(feature = "otel")]
    _export: Option<crate::otel::Export>,
}

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts the log of this process. `also_secret` names environment variables that workers get in addition to the usual
/// ones.
pub(crate) fn begin(workspace: &Path, format: LogFormat, also_secret: &[String]) -> anyhow::Result<Log> {
    let secrets = Arc::new(Secrets::of_environment(also_secret));
    let lines = to_files(workspace, format, &secrets)?.into_iter();
    #[cfg(feature = "otel")]
    let export = crate::otel::Export::begin(&secrets)?;
    #[cfg(feature = "otel")]
    let lines = lines.chain(export.as_ref().map(|export| as_json(export.lines())));
    // Fails harmlessly when the log was already started, as after a process has recovered its workspace.
    let _ = tracing_subscriber::registry().with(lines.collect::<Vec<Lines>>()).try_init();
    Ok(Log {
        #[cfg(feature = "otel")]
        _export: export,
    })
}

fn to_files(workspace: &Path, format: LogFormat, secrets: &Arc<Secrets>) -> anyhow::Result<Option<Lines>> {
    if format == LogFormat::None {
        return Ok(None);
    }
    let folder = workspace.join("logs");
    // Created here, because the appender would otherwise complain on stderr that the folder does not exist.
    std::fs::create_dir_all(&folder)?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("vidbench")
        .filename_suffix(if format == LogFormat::Json { "jsonl" } else { "log" })
        .max_log_files(DAYS_KEPT)
        .build(&folder)?;
    let lines = Redacted { files, secrets: Arc::clone(secrets) };
    Ok(Some(match format {
        LogFormat::Json => as_json(lines),
        LogFormat::Text | LogFormat::None => {
            fmt::layer().with_writer(lines).with_ansi(false).with_filter(LEVEL).boxed()
        }
    }))
}

/// One JSON object a line.
fn as_json(lines: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> Lines {
    let json = fmt::layer().with_writer(lines).with_ansi(false).json().flatten_event(true);
    json.with_current_span(false).with_span_list(false).with_filter(LEVEL).boxed()
}

/// Values of the environment that must not appear in a log.
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    fn of_environment(also: &[String]) -> Self {
        Self(secrets(also))
    }

    /// The text without secrets.
    pub(crate) fn out_of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            // Removes the secret both in its JSON form and as plain text.
            let quoted = serde_json::to_string(secret).unwrap_or_default();
            let inner = quoted.get(1..quoted.len().saturating_sub(1)).filter(|inner| !inner.is_empty());
            text.replace(inner.unwrap_or(secret), "[secret]").replace(secret.as_str(), "[secret]")
        })
    }
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
    // Longer secrets are removed first, because one may contain another.
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found
}

/// Writes lines to files with secrets removed.
struct Redacted {
    files: RollingFileAppender,
    secrets: Arc<Secrets>,
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
    /// Always called with whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let clean = self.to.secrets.out_of(&String::from_utf8_lossy(bytes));
        self.to.files.make_writer().write_all(clean.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.files.make_writer().flush()
    }
}
