//! Files of a backup: taken, hashed, looked up.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{Artifacts, BackupFile};
use crate::codec::{Sha256Hash, from_i64};
use crate::rows::blob;
use crate::{Result, StoreError, artifacts, folders};

/// Where a video lies in a folder that is laid out like a workspace.
pub(super) fn place(folder: &Path, sha256: &str) -> PathBuf {
    let prefix = sha256.get(..2).unwrap_or_default();
    folder.join("artifacts").join(prefix).join(format!("{sha256}.mp4"))
}

/// The videos that a database names, in the order of their hashes.
pub(super) fn named_artifacts(database: &Connection) -> Result<Vec<BackupFile>> {
    let mut statement = database.prepare(
        "SELECT artifact, max(artifact_bytes) FROM generations GROUP BY artifact ORDER BY artifact",
    )?;
    let mut rows = statement.query([])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let sha256 = Sha256Hash::from_column(blob(row, 0)?)?.hex();
        files.push(BackupFile { sha256, bytes: from_i64("artifact size", row.get(1)?)? });
    }
    Ok(files)
}

/// Reads a database that nobody writes, and leaves nothing beside it.
pub(super) fn open_frozen(path: &Path) -> Result<Connection> {
    let plain: String = path
        .to_string_lossy()
        .chars()
        .map(|c| if matches!(c, '%' | '?' | '#') { format!("%{:02x}", u32::from(c)) } else { c.to_string() })
        .collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{plain}?immutable=1"), flags)?)
}

/// Brings a file to its place. Videos are never changed in place, only replaced by rename, so a second name for the same bytes stays what it is.
pub(super) fn take(from: &Path, to: &Path, file: &BackupFile, how: Artifacts) -> Result<()> {
    let size = fs::metadata(from).map_err(StoreError::io("read", from))?.len();
    if size != file.bytes {
        let found = format!("{size} bytes instead of {}", file.bytes);
        return Err(StoreError::ArtifactDamaged { path: from.into(), found });
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    match how {
        Artifacts::Linked => match fs::hard_link(from, to) {
            Ok(()) => Ok(()),
            Err(error) if is_no_place_for_links(&error) => copy(from, to),
            Err(error) => Err(StoreError::io("link", to)(error)),
        },
        Artifacts::Copied => copy(from, to),
    }
}

/// Another disk, a file system without links, or too many of them.
fn is_no_place_for_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map_err(StoreError::io("copy a file to", to))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", to))
}

/// SHA-256 and size of a file.
pub(super) fn hash(path: &Path) -> Result<(String, u64)> {
    let file = File::open(path).map_err(StoreError::io("read", path))?;
    let (hash, bytes) = artifacts::hash_file(&file).map_err(StoreError::io("read", path))?;
    Ok((hash.hex(), bytes))
}

/// Makes every name below a folder that is laid out like a workspace durable.
pub(super) fn sync_folders(folder: &Path) -> Result<()> {
    let artifacts = folder.join("artifacts");
    if artifacts.is_dir() {
        let entries = fs::read_dir(&artifacts).map_err(StoreError::io("read the folder", &artifacts))?;
        for entry in entries.flatten() {
            folders::sync_folder(&entry.path())?;
        }
        folders::sync_folder(&artifacts)?;
    }
    folders::sync_folder(folder)
}
