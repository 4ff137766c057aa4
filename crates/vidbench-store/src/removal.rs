//! Removing a run: the rows in one transaction, then the files that nothing else needs.
//!
//! The hashes are condemned in the transaction that removes the rows, so a removal that is killed between the two is
//! finished by the next one. A file is removed under the write lock, after a look for rows that name it: a generation of
//! another run that is being recorded either comes first and saves the file, or finds it missing and is refused. The folders
//! `artifacts/ab` stay, because another process may be about to move a file into one.

use rusqlite::{Transaction, params};
use vidbench_core::RunId;

use crate::codec::{Sha256Hash, from_i64};
use crate::runs::{RunKey, require_run};
use crate::{Result, Store, folders};

/// Files removed in one transaction; others may write in between.
const BATCH: usize = 256;

/// What a removal has taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Samples with a generation or a verdict.
    pub samples: u64,
    /// Artifacts that no other run uses, including those of an earlier removal that was killed.
    pub artifacts: u64,
    /// Their size.
    pub bytes: u64,
}

impl Store {
    /// Removes a run with all its records, and the artifacts that no other run uses. Fails while the run is in use.
    pub fn remove_run(&self, run: &RunId) -> Result<Removed> {
        let lock = self.lock_run(run)?;
        let samples = self.write("removing a run", |tx| {
            let key = require_run(tx, run)?;
            let samples = sample_count(tx, key)?;
            tx.execute(
                "INSERT OR IGNORE INTO condemned_artifacts SELECT DISTINCT artifact FROM generations WHERE run = ?1",
                params![key.key],
            )?;
            tx.execute("DELETE FROM runs WHERE key = ?1", params![key.key])?;
            Ok(samples)
        })?;
        let (artifacts, bytes) = self.remove_condemned()?;
        folders::remove_folder(&self.run_tmp(run))?;
        folders::remove_file(&self.lock_path(run))?;
        drop(lock);
        Ok(Removed { samples, artifacts, bytes })
    }

    fn remove_condemned(&self) -> Result<(u64, u64)> {
        let (mut artifacts, mut bytes) = (0, 0);
        loop {
            let batch = self.write("removing artifacts", |tx| {
                let batch = condemned(tx)?;
                for hash in &batch {
                    if !is_used(tx, *hash)?
                        && let Some(size) = folders::remove_file(&self.path_of(*hash))?
                    {
                        (artifacts, bytes) = (artifacts + 1, bytes + size);
                    }
                    tx.prepare_cached("DELETE FROM condemned_artifacts WHERE artifact = ?1")?
                        .execute([hash.0])?;
                }
                Ok(batch)
            })?;
            if batch.is_empty() {
                return Ok((artifacts, bytes));
            }
        }
    }
}

fn sample_count(tx: &Transaction<'_>, key: RunKey) -> Result<u64> {
    let count = tx.query_row(
        "SELECT count(*) FROM (SELECT ordinal FROM verdicts WHERE run = ?1
         UNION SELECT ordinal FROM generations WHERE run = ?1)",
        params![key.key],
        |row| row.get(0),
    )?;
    from_i64("count of samples", count)
}

fn condemned(tx: &Transaction<'_>) -> Result<Vec<Sha256Hash>> {
    let mut statement = tx.prepare_cached("SELECT artifact FROM condemned_artifacts LIMIT ?1")?;
    statement
        .query_and_then([BATCH as i64], |row| Sha256Hash::from_column(&row.get::<_, Vec<u8>>(0)?))?
        .collect()
}

pub(crate) fn is_used(tx: &Transaction<'_>, hash: Sha256Hash) -> Result<bool> {
    Ok(tx.prepare_cached("SELECT 1 FROM generations WHERE artifact = ?1")?.exists([hash.0])?)
}
