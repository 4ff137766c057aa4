//! Backups while a run goes on, when the newest is old enough.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use vidbench::SystemClock;
use vidbench_core::Clock as _;
use vidbench_store::{Artifacts, BackupError, Store, create_backup_if_older, keep_backups};

use crate::cli::RunBackups;

/// How often the folder of backups is looked at: a look reads every manifest.
const LOOK: Duration = Duration::from_secs(60);

/// When to make a backup, and where.
pub(super) struct BackupSchedule<'a> {
    store: &'a Store,
    every: Option<Duration>,
    folder: PathBuf,
    keep: usize,
    looked: Option<Instant>,
}

impl<'a> BackupSchedule<'a> {
    pub(super) fn new(store: &'a Store, wanted: Option<&RunBackups>) -> Self {
        let folder = wanted.and_then(|wanted| wanted.backup_to.clone());
        Self {
            store,
            every: wanted.and_then(|wanted| wanted.backup_every),
            folder: folder.unwrap_or_else(|| store.root().join("backups")),
            keep: wanted.map_or(1, |wanted| wanted.backup_keep as usize),
            looked: None,
        }
    }

    /// Makes one when it is time; what went wrong.
    pub(super) fn look(&mut self) -> Option<String> {
        let every = self.every?;
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK.min(every)) {
            return None;
        }
        let made = self.make(every);
        self.looked = Some(Instant::now());
        made.err().map(|error| format!("no backup could be made: {error}; the run goes on"))
    }

    /// The last look of a run.
    pub(super) fn at_the_end(&mut self) -> Option<String> {
        self.looked = None;
        self.look()
    }

    fn make(&self, every: Duration) -> Result<(), BackupError> {
        let now_ms = SystemClock::start().unix_ms();
        if let Ok(made) = create_backup_if_older(self.store, &self.folder, now_ms, every, Artifacts::Linked)?
        {
            keep_backups(&self.folder, self.keep, &made.path)?;
        }
        Ok(())
    }
}
