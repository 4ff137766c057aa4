//! Makes backups during a run, once the newest one is old enough.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use vidbench::SystemClock;
use vidbench_core::Clock as _;
use vidbench_store::{Artifacts, BackupError, Store, create_backup_if_older, keep_backups};

use crate::cli::{BackupEvery, RunBackups};

/// Time between looks at the folder of backups. They are rare because a look reads every manifest.
const LOOK: Duration = Duration::from_secs(60);

/// Default age at which a new backup is made; a shorter run makes none.
const BY_DEFAULT: Duration = Duration::from_secs(6 * 3600);

/// When to make a backup, and where.
pub(super) struct BackupSchedule<'a> {
    store: &'a Store,
    every: Option<Duration>,
    folder: PathBuf,
    keep: usize,
    /// No backup is made before this moment.
    begin: Instant,
    looked: Option<Instant>,
}

impl<'a> BackupSchedule<'a> {
    pub(super) fn new(store: &'a Store, wanted: Option<&RunBackups>) -> Self {
        let folder = wanted.and_then(|wanted| wanted.backup_to.clone());
        let (every, wait) = match wanted.map(|wanted| wanted.backup_every) {
            None | Some(Some(BackupEvery::Never)) => (None, Duration::ZERO),
            Some(None) => (Some(BY_DEFAULT), BY_DEFAULT),
            Some(Some(BackupEvery::Age(every))) => (Some(every), Duration::ZERO),
        };
        Self {
            store,
            every,
            begin: Instant::now() + wait,
            folder: folder.unwrap_or_else(|| store.root().join("backups")),
            keep: wanted.map_or(1, |wanted| wanted.backup_keep as usize),
            looked: None,
        }
    }

    /// Makes a backup when one is due; returns the reason if that fails.
    pub(super) fn look(&mut self) -> Option<String> {
        let every = self.every.filter(|_| self.begin <= Instant::now())?;
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK.min(every)) {
            return None;
        }
        let made = self.make(every);
        self.looked = Some(Instant::now());
        made.err().map(|error| format!("no backup could be created: {error}; the run continues"))
    }

    /// The last look, at the end of a run.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_makes_backups_unless_it_is_told_not_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let backups = |every, begun: Duration| {
            let wanted = RunBackups { backup_every: every, backup_to: None, backup_keep: 7 };
            let mut schedule = BackupSchedule::new(&store, Some(&wanted));
            schedule.begin -= begun;
            assert_eq!(schedule.at_the_end(), None);
            vidbench_store::list_backups(&store.root().join("backups")).map_or(0, |backups| backups.len())
        };
        assert_eq!(backups(None, Duration::ZERO), 0, "a short run");
        assert_eq!(backups(Some(BackupEvery::Never), BY_DEFAULT), 0);
        assert_eq!(backups(None, BY_DEFAULT), 1);
    }
}
