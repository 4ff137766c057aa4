//! What can go wrong with a store, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use vidbench_core::RunId;

use crate::difference::Difference;

/// Result of a call on the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder holds no store and none was to be made.
    #[error("no workspace in {}: there is no {}", .root.display(), crate::folders::DATABASE)]
    NoWorkspace {
        /// The folder.
        root: PathBuf,
    },
    /// A file or folder could not be used.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database could not be used.
    #[error("{doing} failed in {}", .path.display())]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file has the store's name but is not an SQLite database.
    #[error("{} is not an SQLite database", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database belongs to another program.
    #[error("{} is another program's database (application id {application_id:#x})", .path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What its header says.
        application_id: i64,
    },
    /// A newer vidbench has written the store.
    #[error("{} has version {found}, this vidbench reads up to {supported}", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version this tool knows.
        supported: u32,
    },
    /// The tables could not be brought up to date.
    #[error("cannot migrate {}", .path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<rusqlite_migration::Error>,
    },
    /// A stored value is not what this tool writes.
    #[error("{what} in the store cannot be read: {detail}")]
    Corrupt {
        /// Which value.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// What is recorded of a run is not what was written.
    #[error("run {run} is damaged: its records differ from what its sessions wrote")]
    Changed {
        /// The run.
        run: RunId,
    },
    /// What is recorded of a clip, or that it was scored, is not what was written.
    #[error("the record of {what} is damaged: it was changed after it was written")]
    ChangedScores {
        /// The clip or the scoring.
        what: String,
    },
    /// No run has this name.
    #[error("no run {wanted:?}{}", known_runs(.known))]
    UnknownRun {
        /// What was asked for.
        wanted: String,
        /// The run whose name is most like it.
        nearest: Option<String>,
        /// Some runs that exist, newest first.
        known: Vec<String>,
    },
    /// The store has no scoring of that name.
    #[error("the store has no scoring {wanted:?}")]
    UnknownScoring {
        /// What was asked for.
        wanted: String,
    },
    /// Several runs begin like this.
    #[error("{wanted:?} matches {count} runs: {}", .candidates.join(", "))]
    AmbiguousRun {
        /// What was asked for.
        wanted: String,
        /// How many runs begin like it.
        count: usize,
        /// The newest of them.
        candidates: Vec<String>,
    },
    /// Another record has this run id.
    #[error("run {run} already exists: {difference}")]
    RunExists {
        /// The run.
        run: RunId,
        /// How the records differ.
        difference: Box<Difference>,
    },
    /// Another process executes or removes the run.
    #[error("run {run} is in use{}", by_process(*.pid))]
    Locked {
        /// The run.
        run: RunId,
        /// The process that holds it, when it has said so.
        pid: Option<u32>,
    },
    /// Something else is recorded for this sample already.
    #[error("sample {ordinal} of run {run} already has a different {what}: {difference}")]
    Conflict {
        /// The run.
        run: RunId,
        /// Place in the plan.
        ordinal: u64,
        /// What kind of record.
        what: &'static str,
        /// How they differ.
        difference: Box<Difference>,
    },
    /// The plan has no such place.
    #[error("sample {ordinal} is beyond the {planned} planned samples of run {run}")]
    OrdinalOutOfPlan {
        /// The run.
        run: RunId,
        /// The place.
        ordinal: u64,
        /// Samples planned.
        planned: u64,
    },
    /// A verdict says ok and nothing was generated.
    #[error("sample {ordinal} of run {run} cannot be ok: no generation is recorded")]
    OkWithoutGeneration {
        /// The run.
        run: RunId,
        /// Place in the plan.
        ordinal: u64,
    },
    /// A run with open samples was called complete.
    #[error("run {run} is not complete: {done} of {planned} samples have a verdict")]
    Incomplete {
        /// The run.
        run: RunId,
        /// Samples with a verdict.
        done: u64,
        /// Samples planned.
        planned: u64,
    },
    /// The run has no such session.
    #[error("run {run} has no session {session}")]
    UnknownSession {
        /// The run.
        run: RunId,
        /// The session.
        session: u32,
    },
    /// A value cannot be kept exactly, so it is not kept at all.
    #[error("{what} cannot be stored: {detail}")]
    Unstorable {
        /// Which value.
        what: String,
        /// Why.
        detail: String,
    },
    /// A temporary file's name could lead out of its folder.
    #[error("{name:?} is not a plain file name")]
    BadTempName {
        /// The name.
        name: String,
    },
    /// What a worker was to write is not there, cannot be read, is a folder or a link, or is too large.
    #[error("{} cannot be accepted: {why}", .path.display())]
    BadFile {
        /// The path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A text is not a SHA-256.
    #[error("{text:?} is not a SHA-256 in lower-case hexadecimal")]
    BadHash {
        /// The text.
        text: String,
    },
    /// An artifact is not there.
    #[error("artifact {} is missing", .path.display())]
    ArtifactMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// An artifact is not what its name says.
    #[error("artifact {} is damaged: it has {found}", .path.display())]
    ArtifactDamaged {
        /// Where it is.
        path: PathBuf,
        /// The size or hash it has.
        found: String,
    },
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoWorkspace { .. } => {
                "run a suite there first: `vidbench run SUITE --workspace FOLDER`".into()
            }
            Self::Io { source, .. } => io_hint(source)?,
            Self::Database { source, .. } => database_hint(source.sqlite_error_code()?)?,
            Self::NotADatabase { path } | Self::NotAStore { path, .. } => {
                format!("choose another workspace folder, or move {} away", path.display())
            }
            Self::Newer { .. } => "use the vidbench version that wrote it, or a newer one".into(),
            Self::UnknownRun { nearest, known, .. } => unknown_run_hint(nearest.as_deref(), known),
            Self::UnknownScoring { .. } => "`vidbench runs list` shows runs and scorings".into(),
            Self::AmbiguousRun { .. } => "use more characters of the run id".into(),
            Self::Locked { .. } => "wait until it finishes, or stop that process".into(),
            Self::Incomplete { run, .. } => format!("`vidbench run --resume {run}` continues it"),
            Self::ArtifactMissing { .. } | Self::ArtifactDamaged { .. } => {
                "restore the file from a copy, or remove the run and repeat it".into()
            }
            Self::Changed { .. } => {
                "`vidbench backup restore` restores a workspace from a backup; without one, remove the run and repeat it".into()
            }
            Self::ChangedScores { .. } => "score the same files again to recompute what is damaged".into(),
            Self::Corrupt { .. } => "the file was changed by another program; restore it from a copy".into(),
            Self::Migration { .. }
            | Self::RunExists { .. }
            | Self::Conflict { .. }
            | Self::OrdinalOutOfPlan { .. }
            | Self::OkWithoutGeneration { .. }
            | Self::UnknownSession { .. }
            | Self::Unstorable { .. }
            | Self::BadTempName { .. }
            | Self::BadFile { .. }
            | Self::BadHash { .. } => return None,
        };
        Some(hint)
    }

    /// The disk is full.
    pub fn is_disk_full(&self) -> bool {
        if let Self::Io { source, .. } = self {
            source.kind() == io::ErrorKind::StorageFull
        } else if let Self::Database { source, .. } = self {
            source.sqlite_error_code() == Some(ErrorCode::DiskFull)
        } else {
            false
        }
    }

    /// Whether the database does not hold what was written.
    pub fn is_damage(&self) -> bool {
        if let Self::Database { source, .. } = self {
            matches!(source.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        } else {
            matches!(self, Self::Corrupt { .. } | Self::NotADatabase { .. })
        }
    }

    pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { doing, path: path.into(), source }
    }

    pub(crate) fn corrupt(what: &'static str, detail: &(impl ToString + ?Sized)) -> Self {
        Self::Corrupt { what, detail: detail.to_string() }
    }

    pub(crate) fn unstorable(what: impl Into<String>, detail: &(impl ToString + ?Sized)) -> Self {
        Self::Unstorable { what: what.into(), detail: detail.to_string() }
    }

    /// Adds to a bare database error what was tried and in which file.
    pub(crate) fn in_database(self, at: &'static str, file: &Path) -> Self {
        match self {
            Self::Database { source, .. } => Self::Database { doing: at, path: file.into(), source },
            other => other,
        }
    }
}

/// Inside a transaction `?` is enough: the transaction adds what was tried and in which file.
impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database { doing: "using the store", path: PathBuf::new(), source }
    }
}

fn known_runs(known: &[String]) -> String {
    if known.is_empty() { ": the store has no runs".into() } else { format!("; known: {}", known.join(", ")) }
}

fn by_process(pid: Option<u32>) -> String {
    pid.map_or_else(|| " by another process".into(), |pid| format!(" by process {pid}"))
}

fn unknown_run_hint(nearest: Option<&str>, known: &[String]) -> String {
    match (nearest, known.is_empty()) {
        (Some(nearest), _) => format!("did you mean {nearest}?"),
        (None, false) => "`vidbench runs list` shows them all".into(),
        (None, true) => "`vidbench run SUITE` starts one".into(),
    }
}

fn io_hint(source: &io::Error) -> Option<String> {
    let hint = match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a workspace folder you may write to"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file exists where a folder is needed"
        }
        io::ErrorKind::StorageFull => "free some disk space, then resume the run",
        _not_ours_to_explain => return None,
    };
    Some(hint.into())
}

fn database_hint(code: ErrorCode) -> Option<String> {
    let hint = match code {
        ErrorCode::DiskFull => "free some disk space, then resume the run",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another process is writing; try again when it is done"
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            "choose a workspace folder you may write to"
        }
        ErrorCode::DatabaseCorrupt => "the file is damaged; restore it from a copy",
        _not_ours_to_explain => return None,
    };
    Some(hint.into())
}
