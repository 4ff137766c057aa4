//! Files of a backup: taken, hashed, looked up.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use sha2::{Digest as _, Sha256};

use super::manifest::MANIFEST;
use super::{Artifacts, BackupError, BackupFile, BackupManifest, BackupResult};
use crate::codec::{Sha256Hash, from_i64};
use crate::rows::blob;
use crate::{Result, StoreError, artifacts, folders};

/// Bytes copied at a time.
const COPY_BUFFER_BYTES: usize = 256 << 10;

/// Each attempt fails only when the same video is made again within the same microsecond.
const LINK_ATTEMPTS: u32 = 10;

/// `artifacts/ab` is the deepest folder.
const MAX_DEPTH: usize = 2;

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

/// The number of runs, and of samples with a verdict.
pub(super) fn counts(database: &Connection) -> Result<(u64, u64)> {
    let count = |table: &str| -> Result<u64> {
        let count: i64 =
            database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        from_i64("a count", count)
    };
    Ok((count("runs")?, count("verdicts")?))
}

/// What SQLite finds wrong with a database, if anything: every page of it is read.
pub(super) fn fault(database: &Connection) -> rusqlite::Result<Option<String>> {
    let told: String = database.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((told != "ok").then_some(told))
}

/// Opens a database that nobody writes to, and leaves no file beside it.
pub(super) fn open_frozen(path: &Path) -> Result<Connection> {
    let plain: String = path
        .to_string_lossy()
        .chars()
        .map(|c| if matches!(c, '%' | '?' | '#') { format!("%{:02x}", u32::from(c)) } else { c.to_string() })
        .collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{plain}?immutable=1"), flags)?)
}

/// Brings a file to its place.
///
/// A second name for the same bytes is safe from whatever vidbench does: a video is written under another name, moved to its own and
/// never opened for writing again; one that comes twice replaces the name, not the bytes, and removing a run removes a name. It is
/// not safe from a disk that loses the block, nor from a program that changes the file in place: both names have the same bytes.
pub(super) fn take(from: &Path, to: &Path, file: &BackupFile, how: Artifacts) -> Result<()> {
    let size = fs::metadata(from).map_err(|error| artifacts::missing_or_io(error, from))?.len();
    if size != file.bytes {
        let found = format!("{size} bytes instead of {}", file.bytes);
        return Err(StoreError::ArtifactDamaged { path: from.into(), found });
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    match how {
        Artifacts::Linked => match link(from, to) {
            Ok(()) => Ok(()),
            Err(error) if is_no_place_for_links(&error) => copy(from, to, file),
            // It was there a moment ago: the run may have been removed.
            Err(_) if !from.exists() => Err(StoreError::ArtifactMissing { path: from.into() }),
            Err(error) => Err(StoreError::io("link", to)(error)),
        },
        Artifacts::Copied => copy(from, to, file),
    }
}

/// On Linux a link fails with "not found" when another file of the same content takes over the name between the lookup
/// of the name and the count of its links, as when a run makes the same video again. So the link is tried again.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    for _ in 1..LINK_ATTEMPTS {
        match fs::hard_link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && from.exists() => {}
            linked => return linked,
        }
    }
    fs::hard_link(from, to)
}

/// Whether the target is on another disk, the file system has no links, or the file has too many of them.
fn is_no_place_for_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}

/// Copies a file that must be what `file` says, and makes it durable. It is hashed on the way, because a backup of
/// damaged bytes would displace whole backups. The permissions of the source are not copied, because a backup that was
/// made read-only is to become a workspace.
pub(super) fn copy(from: &Path, to: &Path, file: &BackupFile) -> Result<()> {
    let mut source = File::open(from).map_err(|error| artifacts::missing_or_io(error, from))?;
    let mut target = File::create(to).map_err(StoreError::io("write", to))?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; COPY_BUFFER_BYTES];
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StoreError::io("read", from)(error)),
        };
        let part = buffer.get(..read).unwrap_or_default();
        hasher.update(part);
        target.write_all(part).map_err(StoreError::io("copy a file to", to))?;
        bytes += read as u64;
    }
    target.sync_all().map_err(StoreError::io("sync", to))?;
    let sha256 = Sha256Hash::of(hasher).hex();
    if (&sha256, bytes) == (&file.sha256, file.bytes) {
        return Ok(());
    }
    let found = format!("{bytes} bytes with SHA-256 {sha256}");
    Err(StoreError::ArtifactDamaged { path: from.into(), found })
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

/// Checks that every file of the manifest is there with its size, and that there is no other.
pub(super) fn require_files(backup: &Path, manifest: &BackupManifest) -> BackupResult<()> {
    let damaged = |what: String| BackupError::Damaged { path: backup.into(), what };
    let mut found = BTreeMap::new();
    measure(backup, Path::new(""), &mut found).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
        damaged(format!("{error}{cause}"))
    })?;
    found.remove(Path::new(MANIFEST));
    let videos = manifest.artifacts.iter().map(|file| (place(Path::new(""), &file.sha256), file));
    for (path, file) in videos.chain([(PathBuf::from(folders::DATABASE), &manifest.database)]) {
        match found.remove(&path) {
            Some(Some(bytes)) if bytes == file.bytes => {}
            Some(Some(bytes)) => {
                let told = file.bytes;
                return Err(damaged(format!(
                    "{} has {bytes} bytes, but the manifest states {told}",
                    path.display()
                )));
            }
            Some(None) => return Err(damaged(format!("{} is not a regular file", path.display()))),
            None => return Err(damaged(format!("{} is missing", path.display()))),
        }
    }
    match found.keys().next() {
        Some(more) => Err(damaged(format!("{} is not in its manifest", more.display()))),
        None => Ok(()),
    }
}

/// Sizes of all files below `folder`, by relative path; `None` for what is neither a file nor a folder, such as a link.
fn measure(folder: &Path, below: &Path, found: &mut BTreeMap<PathBuf, Option<u64>>) -> Result<()> {
    let here = folder.join(below);
    for entry in fs::read_dir(&here).map_err(StoreError::io("read the folder", &here))? {
        let entry = entry.map_err(StoreError::io("read the folder", &here))?;
        let path = below.join(entry.file_name());
        let facts = entry.metadata().map_err(StoreError::io("read", &here))?;
        // A backup nests only a few folders. A folder with thousands of them is no backup and is not followed.
        if facts.is_dir() && path.components().count() <= MAX_DEPTH {
            measure(folder, &path, found)?;
        } else {
            found.insert(path, facts.is_file().then_some(facts.len()));
        }
    }
    Ok(())
}
