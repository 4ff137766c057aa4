//! A workspace whose database is damaged, brought back to what its newest whole backup has.

use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{Artifacts, BackupError, BackupManifest, BackupResult, files, list_backups, restore};
use crate::folders::{self, Folders};
use crate::{Result, StoreError, open};

/// Where damaged databases are kept.
const DAMAGED: &str = "damaged";

/// What a workspace was brought back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The backup.
    pub backup: PathBuf,
    /// What is in it.
    pub manifest: BackupManifest,
    /// The folder in which the damaged database is kept.
    pub damaged: PathBuf,
}

/// Replaces the damaged or missing database of a workspace with that of the newest whole backup of `backups`, and
/// brings back missing videos. The damaged database is kept. Videos that were made since that backup stay where they
/// are.
///
/// # Errors
/// The database is whole, somebody works in the workspace, or no backup is whole; then nothing was changed.
pub fn recover_workspace(root: &Path, backups: &Path, now_ms: i64) -> BackupResult<Recovered> {
    let folders = Folders::create(root)?;
    let _alone = open::migration_lock(&folders)?;
    require_unused(&folders)?;
    if is_whole(&folders.database()) {
        return Err(BackupError::NotDamaged { path: folders.database() });
    }
    let (backup, manifest) = newest_whole(backups)?;
    for file in &manifest.artifacts {
        let (from, to) = (files::place(&backup, &file.sha256), files::place(root, &file.sha256));
        if fs::metadata(&to).is_ok_and(|facts| facts.len() == file.bytes) {
            continue;
        }
        folders::remove_file(&to)?;
        files::take(&from, &to, file, Artifacts::Copied)?;
    }
    files::sync_folders(root)?;
    let damaged = exchange(&folders, &backup, &manifest, now_ms)?;
    Ok(Recovered { backup, manifest, damaged })
}

/// At every moment, even after `kill -9`, the name of the database leads to one of the two.
fn exchange(folders: &Folders, backup: &Path, manifest: &BackupManifest, now_ms: i64) -> Result<PathBuf> {
    let database = folders.database();
    let restored = folders.root.join(format!("{}.restored", folders::DATABASE));
    folders::remove_file(&restored)?;
    files::copy(&backup.join(folders::DATABASE), &restored, &manifest.database)?;
    let kept = folders.root.join(DAMAGED);
    folders::create_folder(&kept)?;
    let kept = kept.join(now_ms.to_string());
    folders::create_folder(&kept)?;
    let aside = |from: &Path| kept.join(from.file_name().unwrap_or_default());
    if database.exists() {
        fs::hard_link(&database, aside(&database))
            .or_else(|_| fs::copy(&database, aside(&database)).map(drop))
            .map_err(StoreError::io("keep the damaged database in", &kept))?;
    }
    for suffix in ["-wal", "-shm"] {
        let log = PathBuf::from(format!("{}{suffix}", database.display()));
        if log.exists() {
            // Otherwise the log would be applied to the restored database.
            fs::rename(&log, aside(&log)).map_err(StoreError::io("move a file to", &kept))?;
        }
    }
    folders::sync_folder(&kept)?;
    fs::rename(&restored, &database).map_err(StoreError::io("name the database", &database))?;
    folders::sync_folder(&folders.root)?;
    Ok(kept)
}

/// Checks that nobody works in the workspace: whoever runs or scores holds a lock.
fn require_unused(folders: &Folders) -> BackupResult<()> {
    let (locks, mine) = (folders.locks(), open::lock_path(folders));
    let entries = fs::read_dir(&locks).map_err(StoreError::io("read the folder", &locks))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| *path != mine) {
        match folders::open_lock(&path)?.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::InUse { path: folders.root.clone() }),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error).into()),
        }
    }
    Ok(())
}

/// Whether the database has content and SQLite finds no fault in any of it, its log included.
fn is_whole(database: &Path) -> bool {
    let look = || -> rusqlite::Result<bool> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(tables > 0 && files::fault(&connection)?.is_none())
    };
    look().unwrap_or(false)
}

/// The newest backup that is undamaged; every byte of it is hashed.
fn newest_whole(backups: &Path) -> BackupResult<(PathBuf, BackupManifest)> {
    let mut problem = BackupError::Missing { name: "latest".into(), path: backups.into() };
    for listed in list_backups(backups)?.into_iter().rev() {
        match restore::check(&listed.path) {
            Ok(manifest) => return Ok((listed.path, manifest)),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}
