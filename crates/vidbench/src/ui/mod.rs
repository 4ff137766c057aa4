//! The only place that writes to the terminal: data to stdout, messages to stderr.

mod downloads;
mod live;
mod progress;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Read as _, Write};
use std::path::Path;

use anyhow::{Context as _, Result};

pub(crate) use downloads::DownloadView;
pub(crate) use live::LiveView;
pub(crate) use progress::{ProgressView, duration};

use crate::cli::{Color, Global, Progress};
use vidbench_report::visible_line;

/// How to communicate with the person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    pub(crate) stdout_color: bool,
    pub(crate) stderr_color: bool,
    quiet: bool,
    /// Whether messages are lines of JSON, as progress is.
    json: bool,
}

impl Ui {
    pub(crate) fn new(global: &Global) -> Self {
        let wanted = |is_terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            stdout_color: wanted(io::stdout().is_terminal()),
            stderr_color: wanted(io::stderr().is_terminal()),
            quiet: global.quiet,
            json: false,
        }
    }

    /// The same settings, adapted to the given kind of progress.
    pub(crate) fn beside(self, progress: Progress) -> Self {
        Self { json: matches!(progress, Progress::Json), ..self }
    }

    /// Whether only data and errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes data to stdout.
    pub(crate) fn data(&self, text: &str) -> Result<()> {
        self.write(Path::new("-"), text)
    }

    /// Writes a message to stderr: progress, advice, the path of a file that was written.
    pub(crate) fn say(&self, text: &str) {
        match (self.quiet, self.json) {
            (true, _) => {}
            (false, true) => write_stderr(&serde_json::json!({ "event": "said", "text": text }).to_string()),
            (false, false) => write_stderr(&visible(text)),
        }
    }

    /// Writes data to a file; `-` is stdout.
    pub(crate) fn write(&self, file: &Path, text: &str) -> Result<()> {
        self.stream(file, |out| Ok(out.write_all(text.as_bytes())?))
    }

    /// Writes data to a file as it is produced; `-` is stdout. If the reader has gone away, as in `| head`, the program
    /// ends quietly.
    pub(crate) fn stream(&self, file: &Path, make: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        if file == Path::new("-") {
            let mut stdout = BufWriter::new(io::stdout().lock());
            return match make(&mut stdout).and_then(|()| Ok(stdout.flush()?)) {
                Err(error) if is_broken_pipe(&error) => std::process::exit(0),
                done => done.map_err(|error| not_written(error, file)),
            };
        }
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create folder {}", folder.display()))?;
        }
        write_whole(file, make).map_err(|error| not_written(error, file))
    }
}

/// Adds the path to an error of writing; an error of producing the data stays as it is.
fn not_written(error: anyhow::Error, file: &Path) -> anyhow::Error {
    match error.is::<io::Error>() {
        true if file == Path::new("-") => error.context("cannot write to stdout"),
        true => error.context(format!("cannot write {}", file.display())),
        false => error,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The bytes that every SQLite file begins with (sqlite.org/fileformat.html, 1.3).
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// Leaves either the old file or the complete new one, never a part, and never replaces a workspace's database.
fn write_whole(file: &Path, make: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut head = Vec::new();
    if let Ok(old) = File::open(file) {
        if !old.metadata()?.is_file() {
            // A device or a pipe is written directly.
            return fill(&mut File::create(file)?, make);
        }
        old.take(SQLITE_MAGIC.len() as u64).read_to_end(&mut head)?;
    }
    if head == SQLITE_MAGIC {
        return Err(io::Error::other("it is a database, maybe that of a workspace; name another file").into());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().permissions(new_file_permissions()).tempfile_in(folder)?;
    fill(&mut new, make)?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

fn fill(file: &mut impl Write, make: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::new(file);
    make(&mut out)?;
    Ok(out.flush()?)
}

/// The permissions that `std::fs::write` would give a new file, subject to the system's umask.
fn new_file_permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// Prints an error with its causes and its hints. `--quiet` does not silence it.
pub(crate) fn print_error(message: &str, hints: &[String], color: bool) {
    let (red, blue, reset) = if color { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error:{reset} {}", visible(message));
    for hint in hints {
        text.push_str(&format!("\n{blue}hint:{reset} {}", visible(hint)));
    }
    write_stderr(&text);
}

/// Keeps line ends; everything else that a terminal would obey is escaped, because much of the text comes from files
/// and workers.
pub(crate) fn visible(text: &str) -> String {
    text.split('\n').map(visible_line).collect::<Vec<_>>().join("\n")
}

/// Errors are ignored: a closed stderr must not end the run.
fn write_stderr(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
