//! Recording what became of a sample: the generation first, the verdict last, each one durable transaction.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::{Value, json};
use vidbench_core::{FailedAttempt, Generation, ModelId, Outcome, Params, RunId, SampleId, Timing, Verdict};

use crate::codec::{
    Sha256Hash, f32s_to_bytes, finite, from_i64, from_json, score_columns, series_to_bytes, to_i64, to_json,
};
use crate::row_seal::{ATTEMPTS, FEATURES, GENERATIONS, SCORES, SealedRows, VERDICTS};
use crate::runs::{RunKey, require_run};
use crate::{Difference, Result, Store, StoreError, difference, rows};

/// Where a record belongs.
struct Place<'a> {
    run: &'a RunId,
    key: RunKey,
    ordinal: i64,
}

impl Store {
    /// Records a generation whose artifact has been adopted. The same again is fine; another one is an error.
    ///
    /// `model` and `params` are those of the sample's place in the plan; estimates of later runs are made from them.
    pub fn record_generation(
        &self,
        run: &RunId,
        ordinal: u64,
        model: &ModelId,
        params: &Params,
        generation: &Generation,
    ) -> Result<()> {
        let artifact = Sha256Hash::parse(&generation.artifact_sha256)?;
        let configuration = (model.as_str(), to_json("params", params)?);
        self.write("recording a generation", |tx| {
            let place = Place::new(tx, run, ordinal)?;
            let offered = described(configuration.0, &configuration.1, generation)?;
            if let Some((model, params, recorded)) = rows::generation_at(tx, place.key, place.ordinal)? {
                return place.same("generation", &described(&model, &params, &recorded)?, &offered);
            }
            place.require_free(tx, generation.sample)?;
            // Inside the transaction, so that no removal of another run takes the file away in between.
            self.require_artifact(artifact, generation.artifact_bytes)?;
            insert_generation(tx, &place, artifact, &configuration, generation)?;
            place.seal(tx, GENERATIONS)
        })
    }

    /// Forgets a generation without a verdict whose file is damaged or gone, so that the sample is made again.
    pub fn forget_generation(&self, run: &RunId, ordinal: u64) -> Result<()> {
        self.write("forgetting a generation", |tx| {
            let place = Place::new(tx, run, ordinal)?;
            tx.prepare_cached(
                "DELETE FROM generations WHERE run = ?1 AND ordinal = ?2
                 AND NOT EXISTS (SELECT 1 FROM verdicts WHERE run = ?1 AND ordinal = ?2)",
            )?
            .execute(params![place.key.key, place.ordinal])?;
            Ok(())
        })
    }

    /// Records an attempt at a sample that gave no file. The same again is fine; another one is an error.
    pub fn record_attempt(&self, run: &RunId, ordinal: u64, failed: &FailedAttempt) -> Result<()> {
        self.write("recording an attempt", |tx| {
            let place = Place::new(tx, run, ordinal)?;
            let recorded = rows::failed_attempts(tx, place.key, &(place.ordinal..=place.ordinal))?
                .remove(&ordinal)
                .unwrap_or_default();
            if let Some(recorded) = recorded.iter().find(|known| known.attempt == failed.attempt) {
                return place.same("attempt", recorded, failed);
            }
            tx.prepare_cached(
                "INSERT INTO attempts (run, ordinal, attempt, session, started_ms, secs, outcome, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                place.key.key,
                place.ordinal,
                failed.attempt,
                failed.session,
                failed.started_ms,
                finite("seconds of an attempt", failed.secs)?,
                failed.outcome.name(),
                failed.reason
            ])?;
            let attempt = params![place.key.key, place.ordinal, failed.attempt];
            ATTEMPTS.seal(tx, "run = ?1 AND ordinal = ?2 AND attempt = ?3", attempt)
        })
    }

    /// Records the final word on a sample, with its scores and features. The same again is fine; another one is an error.
    pub fn record_verdict(&self, run: &RunId, ordinal: u64, verdict: &Verdict) -> Result<()> {
        self.write("recording a verdict", |tx| {
            let place = Place::new(tx, run, ordinal)?;
            if let Some(recorded) = rows::finished(tx, place.key, &(place.ordinal..=place.ordinal))?.first() {
                return place.same("verdict", &recorded.verdict, verdict);
            }
            place.require_free(tx, verdict.sample)?;
            place.require_generation(tx, verdict)?;
            insert_verdict(tx, &place, verdict)?;
            insert_scores(tx, &place, verdict)?;
            insert_features(tx, &place, verdict)?;
            [VERDICTS, SCORES, FEATURES].into_iter().try_for_each(|rows| place.seal(tx, rows))
        })
    }
}

impl<'a> Place<'a> {
    fn new(tx: &Transaction<'_>, run: &'a RunId, ordinal: u64) -> Result<Self> {
        let key = require_run(tx, run)?;
        if ordinal >= key.planned {
            return Err(StoreError::OrdinalOutOfPlan { run: run.clone(), ordinal, planned: key.planned });
        }
        Ok(Self { run, key, ordinal: to_i64("ordinal", ordinal)? })
    }

    fn same<T: serde::Serialize>(&self, what: &'static str, recorded: &T, offered: &T) -> Result<()> {
        difference::between(recorded, offered)?.map_or(Ok(()), |found| Err(self.conflict(what, found)))
    }

    /// Checks that one sample has one place, and one place has one sample, in both tables.
    fn require_free(&self, tx: &Transaction<'_>, sample: SampleId) -> Result<()> {
        let mut statement = tx.prepare_cached(
            "SELECT ordinal, sample FROM generations WHERE run = ?1 AND (ordinal = ?2 OR sample = ?3)
             UNION ALL SELECT ordinal, sample FROM verdicts WHERE run = ?1 AND (ordinal = ?2 OR sample = ?3)",
        )?;
        let mut rows = statement.query(params![self.key.key, self.ordinal, sample.0])?;
        while let Some(row) = rows.next()? {
            let (ordinal, recorded) = (row.get::<_, i64>(0)?, rows::sample_column(row, 1)?);
            if (ordinal, recorded) != (self.ordinal, sample) {
                let recorded = format!("{recorded} at {ordinal}");
                let offered = format!("{sample} at {}", self.ordinal);
                return Err(
                    self.conflict("identity", Difference { field: "sample".into(), recorded, offered })
                );
            }
        }
        Ok(())
    }

    fn require_generation(&self, tx: &Transaction<'_>, verdict: &Verdict) -> Result<()> {
        let generated = tx
            .prepare_cached("SELECT 1 FROM generations WHERE run = ?1 AND ordinal = ?2")?
            .exists(params![self.key.key, self.ordinal])?;
        if verdict.outcome == Outcome::Ok && !generated {
            return Err(StoreError::OkWithoutGeneration {
                run: self.run.clone(),
                ordinal: self.ordinal_u64()?,
            });
        }
        Ok(())
    }

    /// Seals the rows of one place.
    fn seal(&self, tx: &Transaction<'_>, rows: SealedRows) -> Result<()> {
        rows.seal(tx, "run = ?1 AND ordinal = ?2", params![self.key.key, self.ordinal])
    }

    fn conflict(&self, what: &'static str, difference: Difference) -> StoreError {
        match self.ordinal_u64() {
            Ok(ordinal) => StoreError::Conflict {
                run: self.run.clone(),
                ordinal,
                what,
                difference: Box::new(difference),
            },
            Err(error) => error,
        }
    }

    fn ordinal_u64(&self) -> Result<u64> {
        from_i64("ordinal", self.ordinal)
    }
}

fn described(model: &str, params: &str, generation: &Generation) -> Result<Value> {
    let params: Value = from_json("params", params)?;
    Ok(json!({ "model": model, "params": params, "generation": generation }))
}

fn insert_generation(
    tx: &Transaction<'_>,
    place: &Place<'_>,
    artifact: Sha256Hash,
    configuration: &(&str, String),
    generation: &Generation,
) -> Result<()> {
    let timing = generation.timing.as_ref();
    if timing.is_some() == generation.reused_from.is_some() {
        return Err(StoreError::unstorable(
            "generation",
            &"it must have either times or the run it was taken from",
        ));
    }
    let peak_rss = generation.peak_rss_bytes.map(|bytes| to_i64("peak memory", bytes)).transpose()?;
    tx.prepare_cached(
        "INSERT INTO generations (run, ordinal, sample, configuration, artifact, artifact_bytes, latency_secs,
         service_secs, timing, peak_rss_bytes, peak_device_bytes, reused_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        place.key.key,
        place.ordinal,
        generation.sample.0,
        configuration_key(tx, configuration)?,
        artifact.0,
        to_i64("artifact size", generation.artifact_bytes)?,
        timing.map(Timing::latency_secs),
        timing.map(Timing::service_secs),
        timing.map(|timing| to_json("timing", timing)).transpose()?,
        peak_rss,
        generation.peak_device_bytes.map(|bytes| to_json("device memory", &bytes)).transpose()?,
        generation.reused_from.as_ref().map(RunId::as_str),
    ])?;
    Ok(())
}

fn configuration_key(connection: &Connection, (model, params): &(&str, String)) -> Result<i64> {
    let found = connection
        .prepare_cached("SELECT key FROM configurations WHERE model = ?1 AND params = ?2")?
        .query_row(params![model, params], |row| row.get(0))
        .optional()?;
    if let Some(key) = found {
        return Ok(key);
    }
    connection
        .prepare_cached("INSERT INTO configurations (model, params) VALUES (?1, ?2)")?
        .execute(params![model, params])?;
    Ok(connection.last_insert_rowid())
}

fn insert_verdict(tx: &Transaction<'_>, place: &Place<'_>, verdict: &Verdict) -> Result<()> {
    let facts = verdict.facts.as_ref().map(|facts| to_json("clip facts", facts)).transpose()?;
    tx.prepare_cached(
        "INSERT INTO verdicts (run, ordinal, sample, outcome, reason, facts, score_secs)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        place.key.key,
        place.ordinal,
        verdict.sample.0,
        verdict.outcome.name(),
        verdict.reason,
        facts,
        finite("score_secs", verdict.score_secs)?,
    ])?;
    Ok(())
}

fn insert_scores(tx: &Transaction<'_>, place: &Place<'_>, verdict: &Verdict) -> Result<()> {
    require_distinct("scores", verdict.scores.iter().map(|score| score.metric.as_str()))?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO scores (run, ordinal, metric, position, value, reason, series, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (position, score) in verdict.scores.iter().enumerate() {
        let (value, reason) = score_columns(&score.metric, &score.score)?;
        let position = to_i64("position", position as u64)?;
        statement.execute(params![
            place.key.key,
            place.ordinal,
            score.metric.as_str(),
            position,
            value,
            reason,
            series_to_bytes(&score.metric, score.series.as_ref())?,
            score.note,
        ])?;
    }
    Ok(())
}

fn insert_features(tx: &Transaction<'_>, place: &Place<'_>, verdict: &Verdict) -> Result<()> {
    require_distinct("features", verdict.features.iter().map(|features| features.net.as_str()))?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO features (run, ordinal, net, position, vector, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, features) in verdict.features.iter().enumerate() {
        let vector = f32s_to_bytes(&features.net, &features.values)?;
        let position = to_i64("position", position as u64)?;
        statement.execute(params![
            place.key.key,
            place.ordinal,
            features.net,
            position,
            vector,
            features.rows
        ])?;
    }
    Ok(())
}

fn require_distinct<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(StoreError::unstorable(what, &format!("{name} occurs twice")));
        }
    }
    Ok(())
}
