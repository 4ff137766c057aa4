//! Folders that are not yet, or no longer, a backup or a workspace, and what killed processes have left of them.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use tempfile::TempDir;

use super::{BackupError, BackupResult};
use crate::{Result, StoreError, folders};

/// These names are long enough that nothing of anybody else's is swept.
pub(super) const MAKING: &str = ".making-backup-";
pub(super) const REMOVING: &str = ".removing-backup-";
pub(super) const VERIFYING: &str = ".verifying-backup-";
pub(super) const RESTORING: &str = ".restoring-backup-";

/// A folder that is removed when this is dropped. Others can see that a living process holds it.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _held: File,
}

impl Scratch {
    pub(super) fn new(prefix: &str, beside: &Path) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(beside)?;
        let held = File::open(folder.path())?;
        held.lock()?;
        Ok(Self { folder, _held: held })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what killed processes have left in a folder of backups. The caller holds its lock, so nobody is making or
/// removing a backup.
pub(super) fn sweep(folder: &Path) -> Result<()> {
    sweep_where(folder, |name, path| {
        name.starts_with(MAKING)
            || name.starts_with(REMOVING)
            || (name.starts_with(VERIFYING) && !is_held(path))
    })
}

/// Removes what killed restores have left beside a workspace.
pub(super) fn sweep_restores(beside: &Path) -> Result<()> {
    sweep_where(beside, |name, path| name.starts_with(RESTORING) && !is_held(path))
}

fn sweep_where(folder: &Path, is_left: impl Fn(&str, &Path) -> bool) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(StoreError::io("read the folder", folder))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && is_left(&name, &path) {
            folders::remove_folder(&path)?;
        }
    }
    Ok(())
}

fn is_held(folder: &Path) -> bool {
    // A folder whose lock cannot be tried counts as held.
    File::open(folder).map_or(true, |held| held.try_lock().is_err())
}

/// One process at a time makes and removes backups of a folder.
pub(super) fn lock(folder: &Path) -> BackupResult<File> {
    let path = folder.join(".lock");
    let file = folders::open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::Busy { path: folder.into() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error).into()),
    }
}
