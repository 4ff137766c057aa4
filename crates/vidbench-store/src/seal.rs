//! The seal of a complete run: a hash over everything that was recorded of it, so that a bit that flipped later is
//! noticed before it is reported.
//!
//! SQLite notices damage to its own structure, but not a digit in a row that became another one.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use vidbench_core::{RunId, hex};

use crate::row_seal::OF_RUNS;
use crate::runs::RunKey;
use crate::{Result, StoreError};

/// What is sealed, in this order. Another list needs another version: seals of unknown versions are not checked.
const VERSION: &str = "1";
const SEALED: [(&str, &str); 8] = [
    ("runs WHERE key = ?1", "id, schema_version, name, created_ms, planned, plan_hash, suite, environment"),
    (
        "sessions WHERE run = ?1 ORDER BY session",
        "session, started_ms, models, ledger, given_up, breakers, health, alerts, idle, held,
         reused",
    ),
    (
        "attempts WHERE run = ?1 ORDER BY ordinal, attempt",
        "ordinal, attempt, session, started_ms, secs, outcome, reason",
    ),
    (
        "generations WHERE run = ?1 ORDER BY ordinal",
        "ordinal, sample, artifact, artifact_bytes, latency_secs, service_secs, timing, peak_rss_bytes, peak_device_bytes,
         reused_from",
    ),
    ("verdicts WHERE run = ?1 ORDER BY ordinal", "ordinal, sample, outcome, reason, facts, score_secs"),
    (
        "scores WHERE run = ?1 ORDER BY ordinal, metric",
        "ordinal, metric, position, value, reason, series, note",
    ),
    ("features WHERE run = ?1 ORDER BY ordinal, net", "ordinal, net, position, vector, rows"),
    ("readings WHERE run = ?1 ORDER BY session, first_ns", "session, first_ns, readings"),
];

/// Seals what is recorded of a run, provided that each row is what it was.
pub(crate) fn seal(connection: &Connection, run: &RunId, key: RunKey) -> Result<()> {
    check_rows(connection, run, key)?;
    let seal = seal_of(connection, key)?;
    connection.prepare_cached("UPDATE runs SET seal = ?2 WHERE key = ?1")?.execute(params![key.key, seal])?;
    Ok(())
}

/// Checks that a run is what it was when it was sealed; for a run without a seal, that each row is what it was.
pub(crate) fn check(connection: &Connection, run: &RunId, key: RunKey) -> Result<()> {
    let seal: Option<String> = connection
        .prepare_cached("SELECT seal FROM runs WHERE key = ?1 AND status = 'complete'")?
        .query_row([key.key], |row| row.get(0))
        .optional()?
        .flatten();
    let known = seal.filter(|seal| seal.starts_with(&format!("{VERSION}:")));
    match known {
        Some(seal) if seal != seal_of(connection, key)? => Err(StoreError::Changed { run: run.clone() }),
        Some(_) => Ok(()),
        None => check_rows(connection, run, key),
    }
}

fn check_rows(connection: &Connection, run: &RunId, key: RunKey) -> Result<()> {
    for rows in OF_RUNS {
        if rows.any_broken(connection, "run = ?1", [key.key])? {
            return Err(StoreError::Changed { run: run.clone() });
        }
    }
    Ok(())
}

fn seal_of(connection: &Connection, key: RunKey) -> Result<String> {
    let mut hash = Sha256::new();
    for (rows, columns) in SEALED {
        let mut statement = connection.prepare_cached(&format!("SELECT {columns} FROM {rows}"))?;
        let width = statement.column_count();
        let mut found = statement.query([key.key])?;
        while let Some(row) = found.next()? {
            for column in 0..width {
                add(&mut hash, row.get_ref(column)?);
            }
        }
        // Separates the rows of one table from those of the next.
        hash.update([0xff]);
    }
    Ok(format!("{VERSION}:{}", hex(&hash.finalize())))
}

/// Kind and length go first, so that no two different rows give the same bytes.
pub(crate) fn add(hash: &mut Sha256, value: ValueRef<'_>) {
    let (kind, number, bytes): (u8, [u8; 8], &[u8]) = match value {
        ValueRef::Null => (0, [0; 8], &[]),
        ValueRef::Integer(value) => (1, value.to_le_bytes(), &[]),
        ValueRef::Real(value) => (2, value.to_bits().to_le_bytes(), &[]),
        ValueRef::Text(text) => (3, (text.len() as u64).to_le_bytes(), text),
        ValueRef::Blob(blob) => (4, (blob.len() as u64).to_le_bytes(), blob),
    };
    hash.update([kind]);
    hash.update(number);
    hash.update(bytes);
}
