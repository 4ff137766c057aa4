//! What can go wrong with a backup, and what to do about it.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::StoreError;

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The workspace or a file system failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup is not what it was when it was made.
    #[error("backup {} is damaged: {what}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// The folder that is to be restored into is not empty.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The restored workspace would lie in the backup itself.
    #[error("{} is inside the backup", path.display())]
    Inside {
        /// The folder.
        path: PathBuf,
    },
    /// A newer vidbench has made the backup.
    #[error("backup {} has format {found}, this vidbench reads format {supported}", path.display())]
    Newer {
        /// The backup.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is read.
        supported: u32,
    },
    /// A newer vidbench wrote the tables in the backup.
    #[error("backup {} has tables of version {found}, this vidbench reads up to {supported}", path.display())]
    NewerStore {
        /// The backup.
        path: PathBuf,
        /// Their version.
        found: u32,
        /// The newest that is read.
        supported: u32,
    },
    /// Another process makes a backup there.
    #[error("another process is creating a backup in {}", path.display())]
    Busy {
        /// The folder of backups.
        path: PathBuf,
    },
    /// Somebody runs or scores in the workspace that is to be recovered.
    #[error("another process is using {}", path.display())]
    InUse {
        /// The workspace.
        path: PathBuf,
    },
    /// The database that is to be recovered is whole.
    #[error("{} is not damaged", path.display())]
    NotDamaged {
        /// The database.
        path: PathBuf,
    },
    /// There is no backup of that name.
    #[error("there is no {} in {}", if name == "latest" { "backup".to_owned() } else { format!("backup {name}") }, path.display())]
    Missing {
        /// What was asked for.
        name: String,
        /// The folder of backups.
        path: PathBuf,
    },
}

impl BackupError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => store_hint(error),
            Self::Damaged { .. } => {
                Some("nothing was written; use an older one: `vidbench backup list` shows them".into())
            }
            Self::Inside { .. } => Some("choose a folder elsewhere".into()),
            Self::NotEmpty { .. } => Some("choose a new or empty folder".into()),
            Self::Newer { .. } | Self::NewerStore { .. } => {
                Some("use the vidbench version that created it, or a newer one".into())
            }
            Self::Busy { .. } | Self::InUse { .. } => Some("wait until it has finished".into()),
            Self::NotDamaged { .. } => None,
            Self::Missing { .. } => {
                Some("`vidbench backup list` shows them, `vidbench backup create` creates one; use --from for another folder".into())
            }
        }
    }
}

/// The store's hints speak of workspaces and runs; a backup has other remedies.
fn store_hint(error: &StoreError) -> Option<String> {
    if error.is_disk_full() {
        return Some("free some space there, or choose another disk: create --to, restore --into".into());
    }
    match error {
        StoreError::Io { source, .. }
            if matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
        {
            Some("choose a writable folder: create --to, restore --into".into())
        }
        other => other.hint(),
    }
}
