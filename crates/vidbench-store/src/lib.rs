//! What a run leaves behind, on disk: one SQLite file and a folder of content-addressed artifacts.
//!
//! A workspace folder holds `vidbench.db` (WAL, every commit synced), `artifacts/ab/<sha256>.mp4`, `locks/` and `tmp/`. Every
//! record is one transaction that is durable when the call returns. An artifact is synced and in its place before a row
//! names it, so `kill -9` at any moment loses nothing that was recorded and leaves no row without its file.
//!
//! Invariant: no path and no time is hidden; the folder and every timestamp are parameters. Nothing is judged or computed
//! here but medians of recorded times.
#![warn(missing_docs)]

mod artifacts;
mod backup;
pub mod cache;
mod codec;
mod difference;
mod error;
mod folders;
mod lock;
mod open;
mod read;
mod readings;
mod record;
mod removal;
mod reuse;
mod row_seal;
mod rows;
mod runs;
mod schema;
mod scorings;
mod seal;
mod sessions;
mod sets;
mod usual;

pub use artifacts::{Artifact, MAX_ARTIFACT_BYTES};
pub use backup::{
    Artifacts, Backup, BackupError, BackupFile, BackupManifest, ListedBackup, Recovered, create_backup,
    create_backup_if_older, keep_backups, list_backups, newest_backup, read_backup, recover_workspace,
    restore_backup, verify_backup,
};
pub use cache::{Cache, CacheKey, CacheKind, CacheSize, CacheUse, Freed, NotASize};
pub use difference::Difference;
pub use error::{Result, StoreError};
pub use folders::{DiskSpace, disk_space};
pub use lock::RunLock;
pub use open::Store;
pub use read::Progress;
pub use removal::Removed;
pub use reuse::EarlierSample;
pub use runs::{RecordKind, RunSummary};
pub use schema::VERSION;
pub use scorings::{ClipKey, FeatureSource, Known, ScoringSummary, Wanted};
