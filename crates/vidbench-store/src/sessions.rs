//! Sessions: the executions of a run.

use rusqlite::{Connection, Row, Transaction, params};
use vidbench_core::protocol::LoadedModel;
use vidbench_core::{AlertChange, HealthChange, RunId, Session};

use crate::codec::{from_i64, from_json, to_json};
use crate::row_seal::SESSIONS;
use crate::runs::{RunKey, require_run};
use crate::{Result, Store, StoreError};

impl Store {
    /// Begins the next execution of a run and gives its index, from 0.
    pub fn begin_session(&self, run: &RunId, started_ms: i64) -> Result<u32> {
        self.write("starting a session", |tx| {
            let key = require_run(tx, run)?;
            let index: i64 = tx
                .prepare_cached(
                    "INSERT INTO sessions (run, session, started_ms, models)
                     SELECT ?1, coalesce(max(session) + 1, 0), ?2, '[]' FROM sessions WHERE run = ?1 RETURNING session",
                )?
                .query_row(params![key.key, started_ms], |row| row.get(0))?;
            let index = from_i64("session", index)?;
            seal(tx, key, index)?;
            Ok(index)
        })
    }

    /// Replaces what is known of a session that has begun.
    pub fn save_session(&self, run: &RunId, session: &Session) -> Result<()> {
        let models = to_json("session models", &session.models)?;
        let given_up = to_json("models given up", &session.given_up)?;
        let breakers = to_json("breaker changes", &session.breakers)?;
        let health = to_json("health changes", &session.health)?;
        let alerts = to_json("alerts", &session.alerts)?;
        let idle = to_json("idle times", &session.idle)?;
        let held = to_json("worker limits", &session.held)?;
        let reused = to_json("models of reused samples", &session.reused)?;
        let ledger = session.ledger.as_ref().map(|ledger| to_json("ledger", ledger)).transpose()?;
        self.write("recording a session", |tx| {
            let key = require_run(tx, run)?;
            let changed = tx
                .prepare_cached(
                    "UPDATE sessions SET started_ms = ?3, models = ?4, ledger = ?5, given_up = ?6, breakers = ?7,
                       health = ?8, alerts = ?9, idle = ?10, held = ?11, reused = ?12
                     WHERE run = ?1 AND session = ?2",
                )?
                .execute(params![
                    key.key,
                    session.index,
                    session.started_ms,
                    models,
                    ledger,
                    given_up,
                    breakers,
                    health,
                    alerts,
                    idle,
                    held,
                    reused
                ])?;
            if changed == 0 {
                return Err(StoreError::UnknownSession { run: run.clone(), session: session.index });
            }
            seal(tx, key, session.index)
        })
    }

    /// Adds a change of health to a running session, so that it is recorded even when the session is killed.
    pub fn add_health_change(&self, run: &RunId, session: u32, change: &HealthChange) -> Result<()> {
        let change = to_json("health change", change)?;
        let sql = "UPDATE sessions SET health = json_insert(health, '$[#]', json(?3)) WHERE run = ?1 AND session = ?2";
        self.add_change(run, session, sql, &change)
    }

    /// Adds an alert to a running session, likewise.
    pub fn add_alert_change(&self, run: &RunId, session: u32, change: &AlertChange) -> Result<()> {
        let change = to_json("alert", change)?;
        let sql = "UPDATE sessions SET alerts = json_insert(alerts, '$[#]', json(?3)) WHERE run = ?1 AND session = ?2";
        self.add_change(run, session, sql, &change)
    }

    /// Records which models made the samples that a running session has taken from earlier runs, so that this is known
    /// even when the session is killed.
    pub fn set_reused(&self, run: &RunId, session: u32, models: &Vec<LoadedModel>) -> Result<()> {
        let models = to_json("models of reused samples", models)?;
        let sql = "UPDATE sessions SET reused = ?3 WHERE run = ?1 AND session = ?2";
        self.add_change(run, session, sql, &models)
    }

    fn add_change(&self, run: &RunId, session: u32, sql: &str, change: &str) -> Result<()> {
        self.write("recording a change", |tx| {
            let key = require_run(tx, run)?;
            let changed = tx.prepare_cached(sql)?.execute(params![key.key, session, change])?;
            if changed == 0 {
                return Err(StoreError::UnknownSession { run: run.clone(), session });
            }
            seal(tx, key, session)
        })
    }

    /// The executions of a run, in order.
    pub fn sessions(&self, run: &RunId) -> Result<Vec<Session>> {
        self.read("reading sessions", |tx| {
            let key = require_run(tx, run)?;
            sessions_of(tx, key)
        })
    }
}

fn seal(tx: &Transaction<'_>, key: RunKey, session: u32) -> Result<()> {
    SESSIONS.seal(tx, "run = ?1 AND session = ?2", params![key.key, session])
}

pub(crate) fn sessions_of(connection: &Connection, key: RunKey) -> Result<Vec<Session>> {
    let mut statement = connection.prepare_cached(
        "SELECT session, started_ms, models, ledger, given_up, breakers, health, alerts, idle, held, reused
         FROM sessions WHERE run = ?1 ORDER BY session",
    )?;
    statement.query_and_then([key.key], session)?.collect()
}

fn session(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        index: from_i64("session", row.get(0)?)?,
        started_ms: row.get(1)?,
        models: from_json("session models", &row.get::<_, String>(2)?)?,
        given_up: from_json("models given up", &row.get::<_, String>(4)?)?,
        breakers: from_json("breaker changes", &row.get::<_, String>(5)?)?,
        health: from_json("health changes", &row.get::<_, String>(6)?)?,
        alerts: from_json("alerts", &row.get::<_, String>(7)?)?,
        idle: from_json("idle times", &row.get::<_, String>(8)?)?,
        held: from_json("worker limits", &row.get::<_, String>(9)?)?,
        reused: from_json("models of reused samples", &row.get::<_, String>(10)?)?,
        ledger: row.get::<_, Option<String>>(3)?.map(|text| from_json("ledger", &text)).transpose()?,
    })
}
