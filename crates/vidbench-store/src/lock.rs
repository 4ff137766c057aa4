//! One process at a time for each run and each scoring.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use vidbench_core::RunId;

use crate::{Result, Store, StoreError, folders};

/// The right to execute or remove one run or scoring. Given back on drop, and by the system when the process dies.
#[derive(Debug)]
pub struct RunLock {
    run: RunId,
    _file: File,
}

impl RunLock {
    /// The run or scoring that is locked.
    pub fn run(&self) -> &RunId {
        &self.run
    }
}

impl Store {
    /// Takes the run for this process, and clears its temporary folder of what an earlier process left there.
    ///
    /// Fails at once when another process, or another part of this one, has it.
    pub fn lock_run(&self, run: &RunId) -> Result<RunLock> {
        let lock = self.lock(run, || self.require_run(run))?;
        let tmp = self.run_tmp(run);
        folders::remove_folder(&tmp)?;
        folders::create_private_folder(&tmp)?;
        Ok(lock)
    }

    /// Takes the scoring for this process. Fails as [`Store::lock_run`] does.
    pub fn lock_scoring(&self, scoring: &RunId) -> Result<RunLock> {
        self.lock(scoring, || self.require_scoring(scoring))
    }

    fn lock(&self, run: &RunId, require: impl Fn() -> Result<()>) -> Result<RunLock> {
        require()?;
        let path = self.lock_path(run);
        let file = folders::open_lock(&path)?;
        match patiently(|| file.try_lock()) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { run: run.clone(), pid: self.holder(run) });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
        // The run may have been removed while its lock file was being opened.
        require()?;
        write_pid(&file).map_err(StoreError::io("write", &path))?;
        Ok(RunLock { run: run.clone(), _file: file })
    }

    /// Whether a process executes the run or scoring now. One that was killed gave its lock back.
    pub(crate) fn is_locked(&self, run: &RunId) -> bool {
        let Ok(file) = File::open(self.lock_path(run)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    pub(crate) fn lock_path(&self, run: &RunId) -> PathBuf {
        self.folders.locks().join(format!("{run}.lock"))
    }

    pub(crate) fn run_tmp(&self, run: &RunId) -> PathBuf {
        self.folders.tmp().join(run.as_str())
    }

    /// The process that wrote its id last; the lock does not prevent reading the file.
    fn holder(&self, run: &RunId) -> Option<u32> {
        fs::read_to_string(self.lock_path(run)).ok()?.trim().parse().ok()
    }
}

/// Tries again for a moment: [`Store::is_locked`] holds the lock for a few microseconds.
fn patiently(
    attempt: impl Fn() -> std::result::Result<(), TryLockError>,
) -> std::result::Result<(), TryLockError> {
    for _ in 0..5 {
        match attempt() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            done => return done,
        }
    }
    attempt()
}

fn write_pid(mut file: &File) -> std::io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}
