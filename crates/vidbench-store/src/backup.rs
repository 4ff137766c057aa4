//! Backups of a workspace: the database as it was at one moment, and every file that it names, with a manifest of their hashes.
//!
//! A backup is made beside a running run, in a folder of its own that gets its name only when it is whole. Restoring hashes
//! everything before it writes anything.

mod error;
mod files;
mod kept;
mod manifest;
mod recover;
mod restore;
mod scratch;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::codec::Sha256Hash;
use crate::{Result, Store, StoreError, VERSION, folders, removal};

pub use error::BackupError;
pub use kept::{ListedBackup, keep_backups, list_backups, newest_backup, read_backup};
pub use manifest::{BackupFile, BackupManifest};
pub use recover::{Recovered, recover_workspace};
pub use restore::{restore_backup, verify_backup};

type BackupResult<T> = std::result::Result<T, BackupError>;

/// How long copying waits for a process that holds the database exclusively, which in WAL mode is a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a backup starts again because a run was removed while the backup was made.
const ATTEMPTS: u32 = 50;

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
    /// As second names of the same bytes, where the disk is the same: instantly and without taking space. A disk that
    /// loses a block loses it for both.
    Linked,
    /// As bytes of their own, hashed while they are copied.
    Copied,
}

/// Makes a backup of the workspace in `folder`, which may be on another disk. Runs may go on in the meantime.
///
/// # Errors
/// A file of the workspace is missing or damaged, the disk is full, or another process makes a backup there.
pub fn create_backup(
    store: &Store,
    folder: &Path,
    created_ms: i64,
    artifacts: Artifacts,
) -> BackupResult<Backup> {
    fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    let _alone = scratch::lock(folder)?;
    create_alone(store, folder, created_ms, artifacts)
}

/// As [`create_backup`], unless the newest whole backup of `folder` is younger than `age`: then nothing is done, and
/// the inner error is that backup.
///
/// # Errors
/// Those of [`create_backup`].
pub fn create_backup_if_older(
    store: &Store,
    folder: &Path,
    created_ms: i64,
    age: Duration,
    artifacts: Artifacts,
) -> BackupResult<std::result::Result<Backup, Box<Backup>>> {
    fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    // Checked under the lock, so that two processes that come at once make one backup.
    let _alone = scratch::lock(folder)?;
    if let Some(newest) = newest_backup(folder)? {
        // If the clock went back, a backup is made rather than none.
        let young = u128::try_from(created_ms.saturating_sub(newest.manifest.created_ms))
            .is_ok_and(|since_ms| since_ms < age.as_millis());
        if young {
            return Ok(Err(Box::new(newest)));
        }
    }
    create_alone(store, folder, created_ms, artifacts).map(Ok)
}

fn create_alone(store: &Store, folder: &Path, created_ms: i64, artifacts: Artifacts) -> BackupResult<Backup> {
    scratch::sweep(folder)?;
    let making = folder.join(format!("{}{created_ms}", scratch::MAKING));
    let made = fill_patiently(store, &making, created_ms, artifacts).and_then(|manifest| {
        let path = kept::free_name(folder, created_ms);
        fs::rename(&making, &path).map_err(StoreError::io("name the backup", &path))?;
        folders::sync_folder(folder)?;
        Ok(Backup { path, manifest })
    });
    if made.is_err() {
        // What is left is no backup, and only the first error counts.
        let _ = fs::remove_dir_all(&making);
    }
    made
}

/// When a run is removed after the database was copied, files that the copy names disappear. The copy is then made
/// again.
fn fill_patiently(
    store: &Store,
    making: &Path,
    created_ms: i64,
    artifacts: Artifacts,
) -> BackupResult<BackupManifest> {
    for _ in 1..ATTEMPTS {
        match fill(store, making, created_ms, artifacts) {
            Err(BackupError::Store(StoreError::ArtifactMissing { path })) if !is_lost(store, &path)? => {
                folders::remove_folder(making)?;
            }
            done => return done,
        }
    }
    fill(store, making, created_ms, artifacts)
}

/// Whether the workspace names a video that is not there. Files are removed, and rows that name them are added, under
/// the write lock, so the question is asked under it: at any other time the removal of a run, or a run that makes the
/// video again, could be half done.
fn is_lost(store: &Store, video: &Path) -> Result<bool> {
    let hash = Sha256Hash::parse(&video.file_stem().unwrap_or_default().to_string_lossy())?;
    store.write("looking up a video", |tx| Ok(removal::is_used(tx, hash)? && !video.exists()))
}

fn fill(store: &Store, making: &Path, created_ms: i64, artifacts: Artifacts) -> BackupResult<BackupManifest> {
    folders::create_folder(making)?;
    let database = making.join(folders::DATABASE);
    copy_database(store, &database)?;
    let copy = files::open_frozen(&database)?;
    // A backup of a damaged database would displace whole backups.
    if let Some(fault) = files::fault(&copy).map_err(StoreError::from)? {
        return Err(StoreError::corrupt("the database", &fault).into());
    }
    let named = files::named_artifacts(&copy)?;
    let (runs, samples) = files::counts(&copy)?;
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

/// Copies in one step: the source is read as of one moment, and in WAL mode no writer waits for it. In many small steps
/// the copy would start again whenever somebody wrote between two of them, and beside a busy run it would never end.
fn copy_database(store: &Store, to: &Path) -> Result<()> {
    let from = store.root().join(folders::DATABASE);
    let copy = || {
        let source = Connection::open(&from)?;
        source.busy_timeout(BUSY_TIMEOUT)?;
        let mut target = Connection::open(to)?;
        let done = rusqlite::backup::Backup::new(&source, &mut target)?.step(-1)?;
        if done != rusqlite::backup::StepResult::Done {
            return Err(StoreError::unstorable("the database", &"another process holds it"));
        }
        // The copy is to be one file with nothing beside it.
        target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        target.close().map_err(|(_, error)| error)?;
        Ok(())
    };
    copy().map_err(|error: StoreError| {
        let at = if is_of_target(&error) { to } else { &from };
        full_disk(&from, to, &error).unwrap_or_else(|| error.in_database("copying the database", at))
    })?;
    File::open(to).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", to))
}

/// Whether the error is about the target: the source is only read.
fn is_of_target(error: &StoreError) -> bool {
    let StoreError::Database { source, .. } = error else { return false };
    let code = source.sqlite_error_code();
    matches!(code, Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure))
}

/// SQLite reports some writes to a full disk as an I/O error, so the free space is compared with what the copy needs.
fn full_disk(from: &Path, to: &Path, error: &StoreError) -> Option<StoreError> {
    let needed = fs::metadata(from).ok()?.len();
    let is_full = is_of_target(error) && folders::disk_space(to.parent()?).ok()?.free_bytes < needed;
    is_full.then(|| StoreError::io("copy the database to", to)(ErrorKind::StorageFull.into()))
}
