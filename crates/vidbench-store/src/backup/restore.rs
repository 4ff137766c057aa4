//! Checking a backup and making a workspace of it again.

use std::fs;
use std::path::Path;

use super::{Artifacts, BackupError, BackupManifest, BackupResult, files};
use crate::{Store, StoreError, folders};

/// Makes a workspace of a backup in `into`, which must not be there or be empty. Everything is hashed first.
///
/// # Errors
/// The backup is damaged, then nothing was written; or the folder is not empty, or the disk is full.
pub fn restore_backup(backup: &Path, into: &Path) -> BackupResult<BackupManifest> {
    require_empty(into)?;
    let manifest = check(backup)?;
    build(backup, &manifest, into, Artifacts::Copied)?;
    Ok(manifest)
}

/// Hashes everything, asks the database whether it is whole, and restores into a folder beside the backup, which is opened and
/// removed again.
///
/// # Errors
/// The backup is damaged, or the folder beside it cannot be written.
pub fn verify_backup(backup: &Path) -> BackupResult<BackupManifest> {
    let manifest = check(backup)?;
    let beside = backup.parent().unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new()
        .prefix(".verifying-")
        .tempdir_in(beside)
        // Backups may lie on a disk that cannot be written.
        .or_else(|_| tempfile::tempdir())
        .map_err(StoreError::io("write in", beside))?;
    let restored = scratch.path().join("workspace");
    build(backup, &manifest, &restored, Artifacts::Linked)?;
    let damaged = |what: String| BackupError::Damaged { path: backup.into(), what };
    let store =
        Store::open_existing(&restored).map_err(|error| damaged(format!("it does not open: {error}")))?;
    let runs =
        store.runs().map_err(|error| damaged(format!("its runs cannot be read: {error}")))?.len() as u64;
    if runs != manifest.runs {
        return Err(damaged(format!("it has {runs} runs, and its manifest says {}", manifest.runs)));
    }
    Ok(manifest)
}

/// The manifest, if every file is what it says.
fn check(backup: &Path) -> BackupResult<BackupManifest> {
    let damaged = |what: String| BackupError::Damaged { path: backup.into(), what };
    let manifest = BackupManifest::read(backup)?;
    let database = backup.join(folders::DATABASE);
    let same = |path: &Path, file: &super::BackupFile| -> BackupResult<()> {
        let name = path.strip_prefix(backup).unwrap_or(path).display();
        let (sha256, bytes) = files::hash(path).map_err(|error| damaged(format!("{name}: {error}")))?;
        if (&sha256, bytes) == (&file.sha256, file.bytes) {
            return Ok(());
        }
        Err(damaged(format!(
            "{name} has {bytes} bytes with SHA-256 {sha256}, and the manifest says {}",
            file.sha256
        )))
    };
    same(&database, &manifest.database)?;
    let opened = files::open_frozen(&database)?;
    let told: String = opened
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged(format!("the database: {error}")))?;
    if told != "ok" {
        return Err(damaged(format!("the database: {told}")));
    }
    if files::named_artifacts(&opened)? != manifest.artifacts {
        return Err(damaged("the database names other videos than the manifest".into()));
    }
    manifest.artifacts.iter().try_for_each(|file| same(&files::place(backup, &file.sha256), file))?;
    Ok(manifest)
}

fn require_empty(into: &Path) -> BackupResult<()> {
    let is_empty = match fs::read_dir(into) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(StoreError::io("read the folder", into)(error).into()),
    };
    if is_empty { Ok(()) } else { Err(BackupError::NotEmpty { path: into.into() }) }
}

/// Beside its place, which it takes when it is whole.
fn build(backup: &Path, manifest: &BackupManifest, into: &Path, how: Artifacts) -> BackupResult<()> {
    let into = std::path::absolute(into).map_err(StoreError::io("resolve", into))?;
    let beside = into.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(beside).map_err(StoreError::io("create the folder", beside))?;
    let making = tempfile::Builder::new()
        .prefix(".restoring-")
        .tempdir_in(beside)
        .map_err(StoreError::io("write in", beside))?;
    files::copy(&backup.join(folders::DATABASE), &making.path().join(folders::DATABASE))?;
    for file in &manifest.artifacts {
        let (from, to) = (files::place(backup, &file.sha256), files::place(making.path(), &file.sha256));
        files::take(&from, &to, file, how)?;
    }
    files::sync_folders(making.path())?;
    // Over an empty folder a rename is allowed. Until then an error takes away what was made.
    fs::rename(making.path(), &into).map_err(StoreError::io("name the workspace", &into))?;
    let _gone = making.keep();
    folders::sync_folder(beside)?;
    Ok(())
}
