//! Runs: created once, found by name, listed, and followed to their end.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use vidbench_core::{RunId, RunRecord, RunStatus, SampleId, nearest};

use crate::codec::{from_i64, from_json, sample_id, to_i64, to_json};
use crate::{Result, Store, StoreError, difference, seal};

/// Runs that an error names.
const NAMED_RUNS: usize = 8;

/// The word that stands for the newest run.
const LATEST: &str = "latest";

/// One line of the list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// Name of its suite.
    pub name: String,
    /// How far it has come.
    pub status: RunStatus,
    /// Unix time of creation, in milliseconds.
    pub created_ms: i64,
    /// Samples planned.
    pub planned: u64,
    /// Samples with a verdict.
    pub done: u64,
    /// Of these, ok.
    pub ok: u64,
}

/// What kind of record an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// An execution of a suite.
    Run,
    /// A scoring of clips that existed already.
    Scoring,
}

/// What every record of a run needs to know of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunKey {
    pub(crate) key: i64,
    pub(crate) planned: u64,
}

impl Store {
    /// Records a new run. The same record twice is fine; another record with its id is an error.
    pub fn create_run(&self, run: &RunRecord) -> Result<()> {
        let planned = to_i64("planned", run.planned)?;
        let (suite, environment) = (to_json("suite", &run.suite)?, to_json("environment", &run.environment)?);
        self.write("recording a run", |tx| {
            if run_key(tx, &run.id)?.is_some() {
                return match difference::between(&run_record(tx, &run.id)?, run)? {
                    None => Ok(()),
                    Some(difference) => {
                        Err(StoreError::RunExists { run: run.id.clone(), difference: Box::new(difference) })
                    }
                };
            }
            tx.prepare_cached(
                "INSERT INTO runs (id, schema_version, name, status, created_ms, finished_ms, planned, plan_hash, suite,
                 environment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                run.id.as_str(),
                run.schema_version,
                run.suite.name,
                run.status.name(),
                run.created_ms,
                run.finished_ms,
                planned,
                run.plan_hash,
                suite,
                environment,
            ])?;
            insert_models(tx, tx.last_insert_rowid(), run)
        })
    }

    /// The record of a run.
    pub fn run(&self, run: &RunId) -> Result<RunRecord> {
        let record = self.read("reading a run", |tx| run_record(tx, run))?;
        Ok(RunRecord { status: self.status_now(run, record.status), ..record })
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<RunSummary>> {
        let runs: Vec<RunSummary> = self.read("listing runs", |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT id, name, status, created_ms, planned,
                 (SELECT count(*) FROM verdicts WHERE run = runs.key),
                 (SELECT count(*) FROM verdicts WHERE run = runs.key AND outcome = 'ok')
                 FROM runs ORDER BY created_ms DESC, key DESC",
            )?;
            statement.query_and_then([], summary)?.collect()
        })?;
        Ok(runs
            .into_iter()
            .map(|run| RunSummary { status: self.status_now(&run.id, run.status), ..run })
            .collect())
    }

    /// The status now: a process that was killed could not record that its run had stopped.
    pub(crate) fn status_now(&self, run: &RunId, recorded: RunStatus) -> RunStatus {
        match recorded {
            RunStatus::Running if !self.is_locked(run) => RunStatus::Interrupted,
            RunStatus::Running | RunStatus::Interrupted | RunStatus::Complete => recorded,
        }
    }

    /// The run with this id, or the only run whose id begins like this; for `latest`, the newest.
    pub fn find_run(&self, wanted: &str) -> Result<RunId> {
        match_id(wanted, self.ids(&[RecordKind::Run])?).map(|(id, _)| id)
    }

    /// As [`Store::find_run`], among runs and scorings.
    pub fn find(&self, wanted: &str) -> Result<(RunId, RecordKind)> {
        match_id(wanted, self.ids(&[RecordKind::Run, RecordKind::Scoring])?)
    }

    /// Ids with their kinds, newest first.
    fn ids(&self, kinds: &[RecordKind]) -> Result<Vec<(RunId, RecordKind)>> {
        let mut found: Vec<(i64, RunId, RecordKind)> = Vec::new();
        self.read("looking for a run", |tx| {
            for kind in kinds {
                let table = match kind {
                    RecordKind::Run => "runs",
                    RecordKind::Scoring => "scorings",
                };
                let sql = format!("SELECT created_ms, id FROM {table} ORDER BY created_ms DESC, key DESC");
                let mut statement = tx.prepare_cached(&sql)?;
                let rows = statement.query_and_then([], |row| {
                    Ok((row.get(0)?, parse_id(&row.get::<_, String>(1)?)?, *kind))
                })?;
                found.extend(rows.collect::<Result<Vec<_>>>()?);
            }
            Ok(())
        })?;
        // The sort is stable: at equal times, runs come before scorings, and later ones before earlier ones.
        found.sort_by_key(|(created_ms, ..)| std::cmp::Reverse(*created_ms));
        Ok(found.into_iter().map(|(_, id, kind)| (id, kind)).collect())
    }

    /// Says how far a run has come. Complete is refused while a planned sample has no verdict.
    pub fn set_status(&self, run: &RunId, status: RunStatus, finished_ms: Option<i64>) -> Result<()> {
        self.write("recording a run's status", |tx| {
            let key = require_run(tx, run)?;
            if status == RunStatus::Complete {
                require_complete(tx, run, key)?;
            }
            tx.prepare_cached("UPDATE runs SET status = ?2, finished_ms = ?3 WHERE key = ?1")?
                .execute(params![key.key, status.name(), finished_ms])?;
            if status == RunStatus::Complete { seal::seal(tx, run, key) } else { Ok(()) }
        })
    }

    pub(crate) fn require_run(&self, run: &RunId) -> Result<()> {
        self.read("looking for a run", |tx| require_run(tx, run).map(drop))
    }
}

pub(crate) fn run_key(connection: &Connection, run: &RunId) -> Result<Option<RunKey>> {
    let found = connection
        .prepare_cached("SELECT key, planned FROM runs WHERE id = ?1")?
        .query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(key, planned)| Ok(RunKey { key, planned: from_i64("planned", planned)? })).transpose()
}

pub(crate) fn require_run(connection: &Connection, run: &RunId) -> Result<RunKey> {
    if let Some(key) = run_key(connection, run)? {
        return Ok(key);
    }
    let mut statement =
        connection.prepare_cached("SELECT id FROM runs ORDER BY created_ms DESC, key DESC")?;
    let ids = statement
        .query_and_then([], |row| parse_id(&row.get::<_, String>(0)?))?
        .collect::<Result<Vec<_>>>()?;
    Err(unknown_run(run.as_str(), &ids))
}

pub(crate) fn run_record(connection: &Connection, run: &RunId) -> Result<RunRecord> {
    require_run(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT schema_version, status, created_ms, finished_ms, planned, plan_hash, suite, environment
         FROM runs WHERE id = ?1",
    )?;
    let mut rows = statement.query([run.as_str()])?;
    let row = rows.next()?.ok_or_else(|| StoreError::corrupt("run", "it has no row"))?;
    Ok(RunRecord {
        schema_version: row.get(0)?,
        id: run.clone(),
        status: parse_status(&row.get::<_, String>(1)?)?,
        created_ms: row.get(2)?,
        finished_ms: row.get(3)?,
        planned: from_i64("planned", row.get(4)?)?,
        plan_hash: row.get(5)?,
        suite: from_json("suite", &row.get::<_, String>(6)?)?,
        environment: from_json("environment", &row.get::<_, String>(7)?)?,
    })
}

/// A suite may name the same sample twice, such as by two prompts with one text; it has one verdict.
fn require_complete(connection: &Connection, run: &RunId, key: RunKey) -> Result<()> {
    let done = done_count(connection, key)?;
    if done >= key.planned {
        return Ok(());
    }
    let judged = judged_ids(connection, key)?;
    let plan = run_record(connection, run)?.suite.plan();
    match plan {
        Ok(plan) if plan.samples.iter().all(|sample| judged.contains(&sample.id)) => Ok(()),
        Ok(_) | Err(_) => Err(StoreError::Incomplete { run: run.clone(), done, planned: key.planned }),
    }
}

fn done_count(connection: &Connection, key: RunKey) -> Result<u64> {
    let done = connection
        .prepare_cached("SELECT count(*) FROM verdicts WHERE run = ?1")?
        .query_row([key.key], |row| row.get(0))?;
    from_i64("count of verdicts", done)
}

fn judged_ids(connection: &Connection, key: RunKey) -> Result<HashSet<SampleId>> {
    let mut statement = connection.prepare_cached("SELECT sample FROM verdicts WHERE run = ?1")?;
    statement.query_and_then([key.key], |row| sample_id(&row.get::<_, Vec<u8>>(0)?))?.collect()
}

fn summary(row: &Row<'_>) -> Result<RunSummary> {
    Ok(RunSummary {
        id: parse_id(&row.get::<_, String>(0)?)?,
        name: row.get(1)?,
        status: parse_status(&row.get::<_, String>(2)?)?,
        created_ms: row.get(3)?,
        planned: from_i64("planned", row.get(4)?)?,
        done: from_i64("count of verdicts", row.get(5)?)?,
        ok: from_i64("count of verdicts", row.get(6)?)?,
    })
}

fn match_id(wanted: &str, found: Vec<(RunId, RecordKind)>) -> Result<(RunId, RecordKind)> {
    if wanted == LATEST
        && let Some(newest) = found.first()
    {
        return Ok(newest.clone());
    }
    if let Some(exact) = found.iter().find(|(id, _)| id.as_str() == wanted) {
        return Ok(exact.clone());
    }
    // An empty prefix is refused: an unset shell variable expands to it.
    let begins = |(id, _): &&(RunId, RecordKind)| !wanted.is_empty() && id.as_str().starts_with(wanted);
    match found.iter().filter(begins).collect::<Vec<_>>().as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(unknown_run(wanted, &found.into_iter().map(|(id, _)| id).collect::<Vec<_>>())),
        several => Err(StoreError::AmbiguousRun {
            wanted: wanted.into(),
            count: several.len(),
            candidates: several.iter().take(NAMED_RUNS).map(|(id, _)| id.to_string()).collect(),
        }),
    }
}

fn unknown_run(wanted: &str, ids: &[RunId]) -> StoreError {
    StoreError::UnknownRun {
        wanted: wanted.into(),
        nearest: nearest(wanted, ids.iter().map(RunId::as_str)).map(str::to_owned),
        known: ids.iter().take(NAMED_RUNS).map(RunId::to_string).collect(),
    }
}

pub(crate) fn parse_id(text: &str) -> Result<RunId> {
    RunId::new(text).map_err(|error| StoreError::corrupt("run id", &error))
}

pub(crate) fn parse_status(text: &str) -> Result<RunStatus> {
    [RunStatus::Running, RunStatus::Interrupted, RunStatus::Complete]
        .into_iter()
        .find(|status| status.name() == text)
        .ok_or_else(|| StoreError::corrupt("run status", &text))
}

fn insert_models(tx: &Transaction<'_>, key: i64, run: &RunRecord) -> Result<()> {
    let mut statement =
        tx.prepare_cached("INSERT OR IGNORE INTO run_models (run, digest, name) VALUES (?1, ?2, ?3)")?;
    for model in &run.suite.models {
        statement.execute(params![key, model.digest(), model.id.as_str()])?;
    }
    Ok(())
}
