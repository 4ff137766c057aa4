//! Video files under the hash of their content.
//!
//! A worker writes to a temporary path; [`Store::adopt_artifact`] hashes the file, syncs it, and moves it to its final name.
//! A file with a final name is therefore whole, unless the disk has lost it, which [`Store::verify_artifact`] tells.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};
use vidbench_core::RunId;

use crate::codec::Sha256Hash;
use crate::{Result, Store, StoreError, folders};

/// Largest file that is taken, 2 GiB: ten minutes of 4K at 25 Mbit/s. A worker that runs wild must not fill the disk.
pub const MAX_ARTIFACT_BYTES: u64 = 2 << 30;

/// Bytes read at a time while hashing.
const HASH_BUFFER_BYTES: usize = 64 << 10;

/// A file that the store has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Where it is, absolute.
    pub path: PathBuf,
}

impl Store {
    /// An absolute path for a file that is being written for a run; [`Store::lock_run`] makes its folder and clears it.
    ///
    /// `name` is a plain file name of 1 to 128 letters, digits and `. _ -`, not beginning with a dot.
    pub fn temp_path(&self, run: &RunId, name: &str) -> Result<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(StoreError::BadTempName { name: name.chars().take(80).collect() });
        }
        Ok(self.run_tmp(run).join(name))
    }

    /// The folder of [`Store::temp_path`], absolute.
    pub fn temp_folder(&self, run: &RunId) -> PathBuf {
        self.run_tmp(run)
    }

    /// Where artifacts are, absolute.
    pub fn artifacts_folder(&self) -> PathBuf {
        self.folders.artifacts()
    }

    /// Takes a finished temporary file: hashed, synced, moved. Durable on return; the same content twice is one file.
    ///
    /// The file must be on the disk of the workspace and be a regular file: a worker could have left a link.
    pub fn adopt_artifact(&self, temp: &Path) -> Result<Artifact> {
        let (file, facts) = open_strangers_file(temp)?;
        self.take_in(temp, &file, &facts)
    }

    /// Takes a file that the store itself put there. Unlike a worker's file it may have a second name: that in the
    /// cache.
    pub(crate) fn adopt_own(&self, temp: &Path) -> Result<Artifact> {
        let open = || File::open(temp).and_then(|file| Ok((file.metadata()?, file)));
        let (facts, file) = open().map_err(StoreError::io("read", temp))?;
        self.take_in(temp, &file, &facts)
    }

    fn take_in(&self, temp: &Path, file: &File, facts: &Metadata) -> Result<Artifact> {
        let (hash, bytes) = hash_file(file).map_err(StoreError::io("read", temp))?;
        file.sync_all().map_err(StoreError::io("sync", temp))?;
        let path = self.path_of(hash);
        self.prepare_prefix(hash)?;
        // First moved to where a confined worker cannot write, so that the file cannot change after it was checked.
        let incoming = self.folders.tmp().join(format!(".incoming-{}-{}", facts.dev(), facts.ino()));
        fs::rename(temp, &incoming).map_err(StoreError::io("move a file to", &incoming))?;
        if !is_still(facts, &incoming) {
            folders::remove_file(&incoming)?;
            return Err(StoreError::BadFile { path: temp.into(), why: "another file took its place".into() });
        }
        // This may replace a file of that name, which has the same content, or is damaged and thereby healed.
        fs::rename(&incoming, &path).map_err(StoreError::io("move a file to", &path))?;
        // If both names already belong to one file, as the cache's may, the rename does nothing.
        folders::remove_file(&incoming)?;
        folders::sync_folder(&self.prefix_folder(hash))?;
        Ok(Artifact { sha256: hash.hex(), bytes, path })
    }

    /// Where the artifact of a hash is or would be, absolute.
    pub fn artifact_path(&self, sha256: &str) -> Result<PathBuf> {
        Ok(self.path_of(Sha256Hash::parse(sha256)?))
    }

    /// Reads the artifact and compares its hash; gives its size.
    pub fn verify_artifact(&self, sha256: &str) -> Result<u64> {
        let wanted = Sha256Hash::parse(sha256)?;
        let path = self.path_of(wanted);
        let file = open_artifact(&path)?;
        let (hash, bytes) = hash_file(&file).map_err(StoreError::io("read", &path))?;
        if hash == wanted {
            Ok(bytes)
        } else {
            Err(StoreError::ArtifactDamaged {
                path,
                found: format!("{bytes} bytes with SHA-256 {}", hash.hex()),
            })
        }
    }

    /// Checks that the artifact is there and has that size; its content is not read.
    pub(crate) fn require_artifact(&self, hash: Sha256Hash, bytes: u64) -> Result<()> {
        let path = self.path_of(hash);
        let facts = fs::metadata(&path).map_err(|error| missing_or_io(error, &path))?;
        if facts.len() == bytes {
            Ok(())
        } else {
            Err(StoreError::ArtifactDamaged {
                path,
                found: format!("{} bytes instead of {bytes}", facts.len()),
            })
        }
    }

    pub(crate) fn path_of(&self, hash: Sha256Hash) -> PathBuf {
        self.prefix_folder(hash).join(format!("{}.mp4", hash.hex()))
    }

    fn prefix_folder(&self, hash: Sha256Hash) -> PathBuf {
        self.prefix_folder_of(hash.0[0])
    }

    fn prefix_folder_of(&self, prefix: u8) -> PathBuf {
        self.folders.artifacts().join(format!("{prefix:02x}"))
    }

    /// The first artifact makes the folders of all 256 prefixes durable at once; one by one they cost a sync for almost every
    /// file of a small run. Folders that exist may stem from a process that was killed before it had synced them.
    fn prepare_prefix(&self, hash: Sha256Hash) -> Result<()> {
        let mut prepared = self.prefixes_prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if !*prepared {
            for prefix in 0..=u8::MAX {
                folders::create_folder(&self.prefix_folder_of(prefix))?;
            }
            folders::sync_folder(&self.folders.artifacts())?;
            *prepared = true;
        }
        if folders::create_folder(&self.prefix_folder(hash))? {
            folders::sync_folder(&self.folders.artifacts())?;
        }
        Ok(())
    }
}

/// Opens the file that a worker left, and no other: neither the target of a link nor a file that has a second name,
/// whose bytes could be anyone's. Its mode becomes that of a plain file.
fn open_strangers_file(temp: &Path) -> Result<(File, Metadata)> {
    let bad = |why: String| StoreError::BadFile { path: temp.into(), why };
    // Without O_NONBLOCK, opening a pipe would wait. Regular files ignore the flag.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(temp);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::ELOOP as i32 => bad("it is not a regular file".into()),
        _ => bad(error.to_string()),
    })?;
    let facts = file.metadata().map_err(|error| bad(error.to_string()))?;
    if !facts.is_file() {
        return Err(bad("it is not a regular file".into()));
    }
    if facts.nlink() > 1 {
        return Err(bad("it has another hard link".into()));
    }
    if facts.len() > MAX_ARTIFACT_BYTES {
        return Err(bad(format!("{} bytes exceed the limit of {MAX_ARTIFACT_BYTES}", facts.len())));
    }
    let plain = Permissions::from_mode(facts.mode() & 0o644 | 0o600);
    file.set_permissions(plain).map_err(StoreError::io("set the permissions of", temp))?;
    Ok((file, facts))
}

/// Whether a name still leads to the file that was checked: between two calls a worker may have put a link or another
/// file there.
fn is_still(looked_at: &Metadata, path: &Path) -> bool {
    let identity = |facts: &Metadata| (facts.dev(), facts.ino());
    fs::symlink_metadata(path).is_ok_and(|found| identity(&found) == identity(looked_at))
}

fn open_artifact(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| missing_or_io(error, path))
}

pub(crate) fn missing_or_io(error: io::Error, path: &Path) -> StoreError {
    if error.kind() == ErrorKind::NotFound {
        StoreError::ArtifactMissing { path: path.into() }
    } else {
        StoreError::io("read", path)(error)
    }
}

pub(crate) fn hash_file(mut file: &File) -> io::Result<(Sha256Hash, u64)> {
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((Sha256Hash::of(hasher), bytes)),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
