//! The folders of a workspace, and file operations that survive a crash.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::{Result, StoreError};

/// Name of the database file.
pub(crate) const DATABASE: &str = "vidbench.db";
const ARTIFACTS: &str = "artifacts";
const TMP: &str = "tmp";
const LOCKS: &str = "locks";

/// Paths of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    pub(crate) root: PathBuf,
}

impl Folders {
    /// Creates what is missing. The root becomes absolute, because workers have other working directories.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).map_err(StoreError::io("create the workspace folder", root))?;
        let root = fs::canonicalize(root).map_err(StoreError::io("resolve the workspace folder", root))?;
        let folders = Self { root };
        for folder in [folders.artifacts(), folders.locks()] {
            create_folder(&folder)?;
        }
        create_private_folder(&folders.tmp())?;
        sync_folder(&folders.root)?;
        Ok(folders)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join(DATABASE)
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.root.join(ARTIFACTS)
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join(TMP)
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join(LOCKS)
    }
}

/// Opens a file that is there to be locked.
pub(crate) fn open_lock(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(StoreError::io("open", path))
}

/// Creates one folder and says whether it was new; one that exists is fine.
pub(crate) fn create_folder(path: &Path) -> Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(StoreError::io("create the folder", path)(error)),
    }
}

/// Creates one folder that nobody else can look into, whatever the umask says; an existing folder is made so too.
pub(crate) fn create_private_folder(path: &Path) -> Result<()> {
    create_folder(path)?;
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(path, private).map_err(StoreError::io("restrict access to the folder", path))
}

/// Makes renames, creations and removals in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(StoreError::io("sync the folder", path))
}

/// Removes a file and gives its size; `None` when it was gone already.
pub(crate) fn remove_file(path: &Path) -> Result<Option<u64>> {
    let bytes = match fs::symlink_metadata(path) {
        Ok(facts) => facts.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    fs::remove_file(path).map_err(StoreError::io("remove", path))?;
    Ok(Some(bytes))
}

/// Removes a folder with all it holds; links are removed, not followed. One that is gone already is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.map_err(StoreError::io("remove the folder", path)),
    }
}

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes an ordinary user may still write.
    pub free_bytes: u64,
    /// Bytes that are in use. What is reserved for the superuser is in neither number.
    pub used_bytes: u64,
}

/// Room on the disk of a folder.
pub fn disk_space(path: &Path) -> Result<DiskSpace> {
    let facts =
        statvfs(path).map_err(|errno| StoreError::io("read the free space of", path)(errno.into()))?;
    // The width of these counters differs between platforms.
    #[expect(clippy::useless_conversion, reason = "32 bits wide on some platforms")]
    let [all, free, available, block_bytes] = [
        u64::from(facts.blocks()),
        u64::from(facts.blocks_free()),
        u64::from(facts.blocks_available()),
        u64::from(facts.fragment_size()),
    ];
    let bytes = |blocks: u64| blocks.saturating_mul(block_bytes);
    Ok(DiskSpace { free_bytes: bytes(available), used_bytes: bytes(all.saturating_sub(free)) })
}
