//! The files of the cache: `cache/entries/ab/<hash of the key>`, and beside them the list and the lock.
//!
//! A file is locked while somebody reads it, and locked exclusively while it is removed, so that no file is removed
//! under a reader: the system would keep its bytes beyond the budget.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use super::CacheKey;
use crate::artifacts::hash_file;
use crate::codec::Sha256Hash;
use crate::{Result, StoreError, folders};

const FOLDER: &str = "cache";
const ENTRIES: &str = "entries";
/// How often the lock is tried, and the pause between tries: a writer holds it for some milliseconds, a stopped one for
/// ever.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What an entry is written from.
pub(super) enum Source<'a> {
    Bytes(&'a [u8]),
    File { file: &'a Path, bytes: u64 },
}

impl Source<'_> {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Bytes(content) => content.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Disk {
    folder: PathBuf,
}

/// The right to add and to remove entries. Given back on drop, and by the system when the process dies.
#[derive(Debug)]
pub(super) struct Alone {
    _lock: File,
}

/// An entry that nobody is reading and that is to be removed; `None` where its file is gone already.
#[derive(Debug)]
pub(super) struct Taken {
    _file: Option<File>,
}

impl Disk {
    pub(super) fn create(root: &Path) -> Result<Self> {
        let disk = Self { folder: root.join(FOLDER) };
        folders::create_folder(&disk.folder)?;
        folders::create_folder(&disk.entries())?;
        if !is_folder(&disk.entries()) {
            let link = io::Error::new(ErrorKind::NotADirectory, "it is a link");
            return Err(StoreError::io("use the folder", &disk.entries())(link));
        }
        Ok(disk)
    }

    pub(super) fn index(&self) -> PathBuf {
        self.folder.join("index.db")
    }

    fn entries(&self) -> PathBuf {
        self.folder.join(ENTRIES)
    }

    fn incoming(&self) -> PathBuf {
        self.folder.join("incoming")
    }

    fn prefix(&self, key: &CacheKey) -> PathBuf {
        self.entries().join(format!("{:02x}", key.name[0]))
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        self.prefix(key).join(Sha256Hash(key.name).hex())
    }

    /// Waits for the lock, for some seconds.
    pub(super) fn lock(&self) -> Result<Alone> {
        let path = self.folder.join("lock");
        let file = folders::open_lock(&path)?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Alone { _lock: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
            }
        }
        let held = io::Error::new(ErrorKind::WouldBlock, "another process has held the lock for seconds");
        Err(StoreError::io("lock", &path)(held))
    }

    /// Removes everything but the lock.
    pub(super) fn wipe(&self) -> Result<()> {
        folders::remove_folder(&self.entries())?;
        self.remove_incoming()?;
        for suffix in ["", "-wal", "-shm"] {
            folders::remove_file(&self.folder.join(format!("index.db{suffix}")))?;
        }
        folders::create_folder(&self.entries()).map(drop)
    }

    /// The content, if the file is there and holds what was written; nothing while it is being removed.
    pub(super) fn read(&self, key: &CacheKey, wanted: Sha256Hash) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open(key)? else { return Ok(None) };
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(StoreError::io("read", &self.path(key)))?;
        Ok((Sha256Hash::of(Sha256::new_with_prefix(&content)) == wanted).then_some(content))
    }

    /// Gives the file a second name, if it holds what was written.
    pub(super) fn link_to(&self, key: &CacheKey, wanted: Sha256Hash, to: &Path) -> Result<Option<()>> {
        let Some(file) = self.open(key)? else { return Ok(None) };
        let path = self.path(key);
        let (hash, _) = hash_file(&file).map_err(StoreError::io("read", &path))?;
        if hash != wanted {
            return Ok(None);
        }
        link(&path, to).map(Some)
    }

    /// Opens an entry's file, which is locked against removal while it is open.
    fn open(&self, key: &CacheKey) -> Result<Option<File>> {
        let path = self.path(key);
        let Some(file) = open_plain(&path)? else { return Ok(None) };
        match file.try_lock_shared() {
            // It was removed between the two calls: it has no name any more, and it must not be read beyond the budget.
            Ok(()) if file.metadata().is_ok_and(|facts| facts.nlink() == 0) => Ok(None),
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }

    /// Takes an entry that is to be removed; `None` when somebody is reading it.
    pub(super) fn take(&self, key: &CacheKey) -> Result<Option<Taken>> {
        let path = self.path(key);
        let Some(file) = open_plain(&path)? else { return Ok(Some(Taken { _file: None })) };
        match file.try_lock() {
            Ok(()) => Ok(Some(Taken { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }

    /// Removes an entry's file; returns how many bytes of the disk this frees: 0 where the file has another name.
    pub(super) fn remove(&self, key: &CacheKey) -> Result<u64> {
        let path = self.path(key);
        let only_name = fs::metadata(&path).is_ok_and(|facts| facts.nlink() == 1);
        Ok(folders::remove_file(&path)?.filter(|_| only_name).unwrap_or(0))
    }

    pub(super) fn remove_incoming(&self) -> Result<()> {
        folders::remove_file(&self.incoming()).map(drop)
    }

    /// Writes an entry, durable and whole on return. The caller holds the lock, so at most one file is not in its
    /// place.
    pub(super) fn write(&self, key: &CacheKey, source: &Source<'_>) -> Result<()> {
        let (incoming, path, prefix) = (self.incoming(), self.path(key), self.prefix(key));
        self.remove_incoming()?;
        match source {
            Source::Bytes(content) => {
                let write = || {
                    File::create_new(&incoming).and_then(|mut file| {
                        file.write_all(content)?;
                        file.sync_all()
                    })
                };
                write().map_err(StoreError::io("write", &incoming))?;
            }
            Source::File { file, .. } => link(file, &incoming)?,
        }
        if folders::create_folder(&prefix)? {
            folders::sync_folder(&self.entries())?;
        }
        fs::rename(&incoming, &path).map_err(StoreError::io("move a file to", &path))?;
        // If both names already belonged to one file, the rename did nothing.
        self.remove_incoming()?;
        folders::sync_folder(&prefix)
    }

    /// Removes every file that belongs to none of `keys`, and returns the keys that have no file.
    pub(super) fn keep_only<'k>(
        &self,
        keys: impl Iterator<Item = &'k CacheKey>,
    ) -> Result<HashSet<CacheKey>> {
        let mut missing: HashSet<CacheKey> = keys.copied().collect();
        let known: std::collections::HashMap<PathBuf, CacheKey> =
            missing.iter().map(|key| (self.path(key), *key)).collect();
        // A file with any other kind of name, or behind a link, is not the cache's to remove.
        for prefix in names(&self.entries())?.iter().filter(|path| is_hexadecimal(path, 2) && is_folder(path))
        {
            for path in names(prefix)? {
                match known.get(&path) {
                    Some(key) => drop(missing.remove(key)),
                    None if is_hexadecimal(&path, 64) && !is_folder(&path) => {
                        folders::remove_file(&path)?;
                    }
                    None => {}
                }
            }
        }
        Ok(missing)
    }
}

/// `None` where there is no regular file. Without `O_NONBLOCK`, opening a pipe would wait.
fn open_plain(path: &Path) -> Result<Option<File>> {
    match OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path) {
        Ok(file) => Ok(Some(file).filter(|file| file.metadata().is_ok_and(|facts| facts.is_file()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

fn is_hexadecimal(path: &Path, digits: usize) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.len() == digits && name.iter().all(u8::is_ascii_hexdigit)
}

/// Whether this is a folder and not a link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}

fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    read().map_err(StoreError::io("read the folder", folder))
}

/// A second name for a file, or a synced copy where the file system has none.
fn link(from: &Path, to: &Path) -> Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::CrossesDevices | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            let copy = || fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
            copy().map_err(StoreError::io("copy a file to", to))
        }
        Err(error) => Err(StoreError::io("link a file to", to)(error)),
    }
}
