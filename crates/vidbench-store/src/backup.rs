//! Backups of a workspace: the database as it was at one moment, and every file that it names, with a manifest of their hashes.
//!
//! A backup is made beside a running run, in a folder of its own that gets its name only when it is whole. Restoring hashes
//! everything before it writes anything.

mod files;
mod manifest;
mod restore;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use vidbench_core::rfc3339;

use crate::codec::from_i64;
use crate::{Result, Store, StoreError, VERSION, folders};

pub use manifest::{BackupFile, BackupManifest};
pub use restore::{restore_backup, verify_backup};

use manifest::MANIFEST;

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The workspace or a file system failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup is not what it was when it was made.
    #[error("backup {} is damaged: {what}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// There is something in the folder that is to be restored into.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A newer vidbench has made the backup.
    #[error("backup {} is of format {found}, this vidbench reads format {supported}", path.display())]
    Newer {
        /// The backup.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is read.
        supported: u32,
    },
    /// Another process makes a backup there.
    #[error("another process makes a backup in {}", path.display())]
    Busy {
        /// The folder of backups.
        path: PathBuf,
    },
    /// There is no backup of that name.
    #[error("there is no backup {name} in {}", path.display())]
    Missing {
        /// What was asked for.
        name: String,
        /// The folder of backups.
        path: PathBuf,
    },
}

impl BackupError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Damaged { .. } => {
                Some("use an older one: vidbench backup list; nothing was written".into())
            }
            Self::NotEmpty { .. } => Some("name a folder that is not there yet, or an empty one".into()),
            Self::Newer { .. } => Some("use the vidbench that made it, or a newer one".into()),
            Self::Busy { .. } => Some("wait until it has finished".into()),
            Self::Missing { .. } => {
                Some("vidbench backup list shows them; --from names another folder".into())
            }
        }
    }
}

type BackupResult<T> = std::result::Result<T, BackupError>;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its folder.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: BackupManifest,
}

/// How the files of a workspace come into its backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifacts {
    /// As second names of the same bytes, where the disk is the same: at once and without room. A disk that loses a block loses it for both.
    Linked,
    /// As bytes of their own.
    Copied,
}

/// Makes a backup of the workspace in `folder`, which may be on another disk. Runs may go on meanwhile.
///
/// # Errors
/// A file of the workspace is missing or of another size, the disk is full, or another process makes a backup there.
pub fn create_backup(
    store: &Store,
    folder: &Path,
    created_ms: i64,
    artifacts: Artifacts,
) -> BackupResult<Backup> {
    fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    let _alone = lock(folder)?;
    sweep(folder)?;
    let making = folder.join(format!("{MAKING}{created_ms}"));
    let made = fill(store, &making, created_ms, artifacts).and_then(|manifest| {
        let path = free_name(folder, created_ms);
        fs::rename(&making, &path).map_err(StoreError::io("name the backup", &path))?;
        folders::sync_folder(folder)?;
        Ok(Backup { path, manifest })
    });
    if made.is_err() {
        // What is left of it is no backup, and the error is what counts.
        let _ = fs::remove_dir_all(&making);
    }
    made
}

/// Folders that are not whole yet, or not any more.
const MAKING: &str = ".making-";
const REMOVING: &str = ".removing-";

fn fill(store: &Store, making: &Path, created_ms: i64, artifacts: Artifacts) -> BackupResult<BackupManifest> {
    folders::create_folder(making)?;
    let database = making.join(folders::DATABASE);
    copy_database(store, &database)?;
    let copy = files::open_frozen(&database)?;
    let named = files::named_artifacts(&copy)?;
    let count = |table: &str| -> Result<u64> {
        let count: i64 = copy.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        from_i64("a count", count)
    };
    let (runs, samples) = (count("runs")?, count("verdicts")?);
    drop(copy);
    for file in &named {
        files::take(
            &store.artifact_path(&file.sha256)?,
            &files::place(making, &file.sha256),
            file,
            artifacts,
        )?;
    }
    files::sync_folders(making)?;
    let (sha256, bytes) = files::hash(&database)?;
    let manifest = BackupManifest {
        format: manifest::FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        store_version: VERSION,
        created_ms,
        database: BackupFile { sha256, bytes },
        artifacts: named,
        runs,
        samples,
    };
    manifest.write(making)?;
    Ok(manifest)
}

/// In one step: the source is read as of one moment, and in WAL mode nobody who writes waits for it.
fn copy_database(store: &Store, to: &Path) -> Result<()> {
    let from = store.root().join(folders::DATABASE);
    let copy = || {
        let source = Connection::open(&from)?;
        let mut target = Connection::open(to)?;
        let done = rusqlite::backup::Backup::new(&source, &mut target)?.step(-1)?;
        if done != rusqlite::backup::StepResult::Done {
            return Err(StoreError::unstorable("the database", &"another process holds it"));
        }
        // One file and nothing beside it.
        target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        target.close().map_err(|(_, error)| error)?;
        Ok(())
    };
    copy().map_err(|error: StoreError| error.in_database("copying the database", &from))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", to))
}

/// The backups of a folder, oldest first; those that cannot be read as their errors.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn list_backups(folder: &Path) -> BackupResult<Vec<BackupResult<Backup>>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read the folder", folder)(error).into()),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.is_dir() && !is_hidden(path) && path.join(MANIFEST).exists());
    paths.sort();
    Ok(paths.into_iter().map(|path| read_backup(&path)).collect())
}

/// A backup's manifest; its files are not read.
///
/// # Errors
/// It is no backup, is damaged, or was made by a newer vidbench.
pub fn read_backup(path: &Path) -> BackupResult<Backup> {
    Ok(Backup { path: path.into(), manifest: BackupManifest::read(path)? })
}

/// Removes all backups of a folder but the newest `keep` that can be read; what cannot be read is left to a person.
///
/// # Errors
/// A folder cannot be read or removed.
pub fn keep_backups(folder: &Path, keep: usize) -> BackupResult<Vec<PathBuf>> {
    let whole: Vec<Backup> = list_backups(folder)?.into_iter().flatten().collect();
    let old = &whole[..whole.len().saturating_sub(keep)];
    let remove = |backup: &Backup| {
        let name = backup.path.file_name().unwrap_or_default().to_string_lossy();
        let going = folder.join(format!("{REMOVING}{name}"));
        fs::rename(&backup.path, &going).map_err(StoreError::io("remove", &backup.path))?;
        folders::remove_folder(&going)?;
        Ok(backup.path.clone())
    };
    old.iter().map(remove).collect()
}

/// What processes that were killed have left; the lock says that nobody is at it.
fn sweep(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(StoreError::io("read the folder", folder))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(MAKING) || name.starts_with(REMOVING) {
            folders::remove_folder(&path)?;
        }
    }
    Ok(())
}

fn lock(folder: &Path) -> BackupResult<File> {
    let path = folder.join(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::Busy { path: folder.into() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error).into()),
    }
}

/// The moment in letters that sort as it does; two of one second get a number.
fn free_name(folder: &Path, created_ms: i64) -> PathBuf {
    let moment: String = rfc3339(created_ms).chars().filter(|c| c.is_ascii_alphanumeric()).take(15).collect();
    let name = |at: u32| if at == 1 { moment.clone() } else { format!("{moment}-{at}") };
    (1..).map(|at| folder.join(name(at))).find(|path| !path.exists()).unwrap_or_else(|| folder.join(&moment))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
