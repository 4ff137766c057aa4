//! What sensors said while a run went on.

use rusqlite::{Connection, params};
use vidbench_core::{Reading, RunId};

use crate::codec::{from_i64, from_json, to_i64, to_json};
use crate::row_seal::READINGS;
use crate::runs::{RunKey, require_run};
use crate::{Result, Store};

impl Store {
    /// Keeps readings of a session, which follow those that were kept before.
    pub fn record_readings(&self, run: &RunId, session: u32, readings: &[Reading]) -> Result<()> {
        let Some(first) = readings.first() else { return Ok(()) };
        let (first_ns, text) =
            (to_i64("time of a reading", first.t_ns)?, to_json("readings", &readings.to_vec())?);
        self.write("recording readings", |tx| {
            let key = require_run(tx, run)?;
            tx.prepare_cached(
                "INSERT INTO readings (run, session, first_ns, readings) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![key.key, session, first_ns, text])?;
            let rows = "run = ?1 AND session = ?2 AND first_ns = ?3";
            READINGS.seal(tx, rows, params![key.key, session, first_ns])
        })
    }

    /// All readings of a run, by session and time.
    pub fn readings(&self, run: &RunId) -> Result<Vec<(u32, Vec<Reading>)>> {
        self.read("reading sensor readings", |tx| {
            let key = require_run(tx, run)?;
            readings_of(tx, key)
        })
    }
}

pub(crate) fn readings_of(connection: &Connection, key: RunKey) -> Result<Vec<(u32, Vec<Reading>)>> {
    let mut statement = connection
        .prepare_cached("SELECT session, readings FROM readings WHERE run = ?1 ORDER BY session, first_ns")?;
    let mut rows = statement.query([key.key])?;
    let mut all: Vec<(u32, Vec<Reading>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let session = from_i64("session", row.get(0)?)?;
        let mut readings: Vec<Reading> = from_json("readings", &row.get::<_, String>(1)?)?;
        match all.last_mut() {
            Some((last, known)) if *last == session => known.append(&mut readings),
            _ => all.push((session, readings)),
        }
    }
    Ok(all)
}
