//! The seal of a row: a hash of its columns, kept beside them. It reveals a flipped bit in a run that is not complete
//! yet, and in scores that are kept for every file of the same content.
//!
//! A row of an earlier version has no seal and is taken as it is.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Params, Transaction};
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::seal::add;

/// Bytes of a seal: enough against accidents, which is all that it is for.
const BYTES: usize = 8;

/// A table whose rows are sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedRows {
    table: &'static str,
    columns: &'static str,
}

pub(crate) const GENERATIONS: SealedRows = SealedRows {
    table: "generations",
    columns: "run, ordinal, sample, configuration, artifact, artifact_bytes, latency_secs, service_secs, timing, peak_rss_bytes,
              peak_device_bytes, reused_from",
};
pub(crate) const ATTEMPTS: SealedRows = SealedRows {
    table: "attempts",
    columns: "run, ordinal, attempt, session, started_ms, secs, outcome, reason",
};
pub(crate) const VERDICTS: SealedRows =
    SealedRows { table: "verdicts", columns: "run, ordinal, sample, outcome, reason, facts, score_secs" };
pub(crate) const SCORES: SealedRows =
    SealedRows { table: "scores", columns: "run, ordinal, metric, position, value, reason, series, note" };
pub(crate) const FEATURES: SealedRows =
    SealedRows { table: "features", columns: "run, ordinal, net, position, vector, rows" };

pub(crate) const SESSIONS: SealedRows = SealedRows {
    table: "sessions",
    columns: "run, session, started_ms, models, ledger, given_up, breakers, health, alerts, idle, held, reused",
};
pub(crate) const READINGS: SealedRows =
    SealedRows { table: "readings", columns: "run, session, first_ns, readings" };

/// What is recorded of a run: of its samples and its sessions.
pub(crate) const OF_RUNS: [SealedRows; 7] =
    [GENERATIONS, ATTEMPTS, VERDICTS, SCORES, FEATURES, SESSIONS, READINGS];

pub(crate) const SCORED_CLIPS: SealedRows =
    SealedRows { table: "scored_clips", columns: "scoring, ordinal, clip, reference, outcome, reason" };

pub(crate) const REFERENCE_FEATURES: SealedRows =
    SealedRows { table: "reference_features", columns: "net, name, vectors, dims, matrix" };

/// What is known of a clip, whichever scoring asks.
pub(crate) const OF_CLIPS: [SealedRows; 3] = [
    SealedRows { table: "decoded_clips", columns: "clip, reference, reading, facts, pairing" },
    SealedRows {
        table: "clip_scores",
        columns: "clip, reference, reading, metric, prompt, value, reason, series, note",
    },
    SealedRows { table: "clip_features", columns: "clip, reading, extraction, nets, vector, rows" },
];

impl SealedRows {
    /// Seals the rows for which `condition` holds.
    pub(crate) fn seal(self, tx: &Transaction<'_>, condition: &str, params: impl Params) -> Result<()> {
        let Self { table, columns } = self;
        let sql = format!("UPDATE {table} SET seal = row_seal({columns}) WHERE {condition}");
        tx.prepare_cached(&sql)?.execute(params)?;
        Ok(())
    }

    /// Whether any of these rows is not what it was when it was sealed.
    pub(crate) fn any_broken(
        self,
        connection: &Connection,
        condition: &str,
        params: impl Params,
    ) -> Result<bool> {
        let Self { table, columns } = self;
        let sql = format!("SELECT 1 FROM {table} WHERE {condition} AND seal <> row_seal({columns})");
        Ok(connection.prepare_cached(&sql)?.exists(params)?)
    }

    /// Removes the rows that are not what they were when they were sealed, so that they are made again.
    pub(crate) fn remove_broken(
        self,
        tx: &Transaction<'_>,
        condition: &str,
        params: impl Params,
    ) -> Result<()> {
        let Self { table, columns } = self;
        let sql = format!("DELETE FROM {table} WHERE {condition} AND seal <> row_seal({columns})");
        tx.prepare_cached(&sql)?.execute(params)?;
        Ok(())
    }
}

/// Gives SQL the function `row_seal` of any number of columns.
pub(crate) fn add_function(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("row_seal", -1, flags, |columns| {
        let mut hash = Sha256::new();
        (0..columns.len()).for_each(|at| add(&mut hash, columns.get_raw(at)));
        Ok(hash.finalize()[..BYTES].to_vec())
    })?;
    Ok(())
}
