//! Checking a backup and making a workspace of it again.

use std::fs;
use std::path::Path;

use super::scratch::{self, Scratch};
use super::{Artifacts, BackupError, BackupManifest, BackupResult, files};
use crate::{Store, StoreError, VERSION, folders};

/// Makes a workspace of a backup in `into`, which must not exist or must be empty. Everything is hashed first.
///
/// # Errors
/// The backup is damaged, then nothing was written; or the folder is not empty, or the disk is full.
pub fn restore_backup(backup: &Path, into: &Path) -> BackupResult<BackupManifest> {
    require_empty(into)?;
    require_elsewhere(backup, into)?;
    let manifest = check(backup)?;
    build(backup, &manifest, into, Artifacts::Copied)?;
    Ok(manifest)
}

/// Hashes everything, has SQLite check the database, and restores into a folder beside the backup, which is opened as a
/// workspace and then removed.
///
/// # Errors
/// The backup is damaged, or the folder beside it cannot be written.
pub fn verify_backup(backup: &Path) -> BackupResult<BackupManifest> {
    let manifest = check(backup)?;
    let beside = backup.parent().unwrap_or(Path::new("."));
    let scratch = Scratch::new(scratch::VERIFYING, beside)
        // Backups may lie on a disk that cannot be written.
        .or_else(|_| Scratch::new(scratch::VERIFYING, &std::env::temp_dir()))
        .map_err(StoreError::io("write in", beside))?;
    let restored = scratch.path().join("workspace");
    build(backup, &manifest, &restored, Artifacts::Linked)?;
    let damaged = |what: String| BackupError::Damaged { path: backup.into(), what };
    let opened = Store::open_existing(&restored).and_then(|store| store.runs());
    match opened {
        Ok(runs) if runs.len() as u64 == manifest.runs => Ok(manifest),
        Ok(runs) => {
            Err(damaged(format!("a restored copy has {} runs instead of {}", runs.len(), manifest.runs)))
        }
        Err(error) => Err(damaged(format!("a restored copy does not open: {error}"))),
    }
}

/// The manifest, if every file is what it says.
pub(super) fn check(backup: &Path) -> BackupResult<BackupManifest> {
    let damaged = |what: String| BackupError::Damaged { path: backup.into(), what };
    let manifest = BackupManifest::read(backup)?;
    if manifest.store_version > VERSION {
        let (found, supported) = (manifest.store_version, VERSION);
        return Err(BackupError::NewerStore { path: backup.into(), found, supported });
    }
    // Checked at once, before gigabytes are hashed.
    files::require_files(backup, &manifest)?;
    let database = backup.join(folders::DATABASE);
    let same = |path: &Path, file: &super::BackupFile| -> BackupResult<()> {
        let name = path.strip_prefix(backup).unwrap_or(path).display();
        let (sha256, bytes) = files::hash(path).map_err(|error| damaged(format!("{name}: {error}")))?;
        if (&sha256, bytes) == (&file.sha256, file.bytes) {
            return Ok(());
        }
        Err(damaged(format!(
            "{name} has {bytes} bytes with SHA-256 {sha256}, but the manifest states {}",
            file.sha256
        )))
    };
    same(&database, &manifest.database)?;
    let opened = files::open_frozen(&database)?;
    if let Some(fault) = files::fault(&opened).map_err(|error| damaged(format!("the database: {error}")))? {
        return Err(damaged(format!("the database: {fault}")));
    }
    let named = files::named_artifacts(&opened).map_err(|error| damaged(format!("the database: {error}")))?;
    if named != manifest.artifacts {
        return Err(damaged("the database lists different videos from the manifest".into()));
    }
    let (runs, samples) =
        files::counts(&opened).map_err(|error| damaged(format!("the database: {error}")))?;
    if (runs, samples) != (manifest.runs, manifest.samples) {
        return Err(damaged(format!(
            "the database has {runs} runs with {samples} samples, but the manifest states other numbers"
        )));
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

/// A workspace inside a backup would consist of files that the manifest does not name.
fn require_elsewhere(backup: &Path, into: &Path) -> BackupResult<()> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(StoreError::io("resolve", path));
    let whole = fs::canonicalize(backup).map_err(StoreError::io("resolve", backup))?;
    // A path that does not exist yet is judged by its nearest parent that does.
    let into = absolute(into)?;
    let there = into.ancestors().find_map(|parent| fs::canonicalize(parent).ok());
    if there.is_some_and(|there| there.starts_with(&whole)) {
        return Err(BackupError::Inside { path: into });
    }
    Ok(())
}

/// Builds the workspace beside its place, and moves it there when it is whole.
fn build(backup: &Path, manifest: &BackupManifest, into: &Path, how: Artifacts) -> BackupResult<()> {
    let into = std::path::absolute(into).map_err(StoreError::io("resolve", into))?;
    let beside = into.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(beside).map_err(StoreError::io("create the folder", beside))?;
    scratch::sweep_restores(beside)?;
    let scratch = Scratch::new(scratch::RESTORING, beside).map_err(StoreError::io("write in", beside))?;
    // A subfolder is used because the scratch folder is private, and a workspace gets the permissions that the person
    // usually gives.
    let making = scratch.path().join("workspace");
    folders::create_folder(&making)?;
    let from = backup.join(folders::DATABASE);
    files::copy(&from, &making.join(folders::DATABASE), &manifest.database)
        .map_err(|error| lost(error, backup))?;
    for file in &manifest.artifacts {
        let (from, to) = (files::place(backup, &file.sha256), files::place(&making, &file.sha256));
        files::take(&from, &to, file, how).map_err(|error| lost(error, backup))?;
    }
    files::sync_folders(&making)?;
    // A rename may replace an empty folder. An error before this point removes what was made.
    fs::rename(&making, &into).map_err(StoreError::io("name the workspace", &into))?;
    folders::sync_folder(beside)?;
    Ok(())
}

/// A file that was whole when it was hashed and no longer is: that is the backup's fault, and not the workspace's.
fn lost(error: StoreError, backup: &Path) -> BackupError {
    match error {
        StoreError::ArtifactMissing { .. } | StoreError::ArtifactDamaged { .. } => {
            BackupError::Damaged { path: backup.into(), what: error.to_string() }
        }
        other => other.into(),
    }
}
