//! Reading a run: how far it is, and all of it.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};
use vidbench_core::{FailedAttempt, Generation, Outcome, RunData, RunId, SampleId};

use crate::codec::from_i64;
use crate::readings::readings_of;
use crate::runs::{RunKey, require_run, run_record};
use crate::sessions::sessions_of;
use crate::sets::set_scores_of;
use crate::{Result, Store, StoreError, rows, seal};

/// What a resumed run need not do again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Samples with a verdict.
    pub judged: HashMap<SampleId, Outcome>,
    /// Samples that have a file and no verdict yet, with their places, in the order of the plan.
    pub generated_only: Vec<(u64, Generation)>,
    /// Attempts that gave no file, by place.
    pub failed_attempts: BTreeMap<u64, Vec<FailedAttempt>>,
}

impl Store {
    /// How far a run is. Reads two narrow indices, so a million samples take about a second.
    pub fn progress(&self, run: &RunId) -> Result<Progress> {
        self.read("reading the progress of a run", |tx| {
            let key = require_run(tx, run)?;
            let judged = judged(tx, key)?;
            let mut generated_only = Vec::new();
            for ordinal in unjudged(tx, key, &judged)? {
                let (_, _, generation) = rows::generation_at(tx, key, ordinal)?
                    .ok_or_else(|| StoreError::corrupt("generation", &format!("no row at {ordinal}")))?;
                generated_only.push((from_i64("ordinal", ordinal)?, generation));
            }
            let failed_attempts = rows::failed_attempts(tx, key, &rows::ALL)?;
            Ok(Progress { judged, generated_only, failed_attempts })
        })
    }

    /// A whole run; finished samples in the order of the plan.
    ///
    /// # Errors
    /// There is no such run, it cannot be read, or it is not what it was when it was completed.
    pub fn run_data(&self, run: &RunId) -> Result<RunData> {
        let mut data = self.read("reading a run", |tx| {
            let key = require_run(tx, run)?;
            seal::check(tx, run, key)?;
            Ok(RunData {
                run: run_record(tx, run)?,
                sessions: sessions_of(tx, key)?,
                samples: rows::finished(tx, key, &rows::ALL)?,
                set_scores: set_scores_of(tx, key)?,
                readings: readings_of(tx, key)?,
            })
        })?;
        data.run.status = self.status_now(run, data.run.status);
        Ok(data)
    }
}

fn judged(connection: &Connection, key: RunKey) -> Result<HashMap<SampleId, Outcome>> {
    let mut statement = connection.prepare_cached(
        "SELECT sample, outcome FROM verdicts INDEXED BY verdicts_by_outcome WHERE run = ?1",
    )?;
    statement
        .query_and_then(params![key.key], |row| {
            Ok((rows::sample_column(row, 0)?, rows::outcome_column(row, 1)?))
        })?
        .collect()
}

/// Places of generations without a verdict, in order.
fn unjudged(connection: &Connection, key: RunKey, judged: &HashMap<SampleId, Outcome>) -> Result<Vec<i64>> {
    // The index on (run, sample) answers this alone; the place is looked up only for the few samples that are open.
    let mut samples =
        connection.prepare_cached("SELECT sample FROM generations WHERE run = ?1 ORDER BY sample")?;
    let mut place =
        connection.prepare_cached("SELECT ordinal FROM generations WHERE run = ?1 AND sample = ?2")?;
    let mut rows = samples.query(params![key.key])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        let sample = rows::sample_column(row, 0)?;
        if !judged.contains_key(&sample) {
            open.push(place.query_row(params![key.key, sample.0], |row| row.get(0))?);
        }
    }
    open.sort_unstable();
    Ok(open)
}
