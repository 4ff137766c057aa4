//! Rows of a run's tables as records, in the order of the plan.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Row, params};
use vidbench_core::protocol::Features;
use vidbench_core::{
    FailedAttempt, Generation, MetricId, MetricScore, Outcome, SampleId, SampleRecord, Verdict,
};

use crate::codec::{Sha256Hash, f32s_from_bytes, from_i64, from_json, sample_id, score, series_from_bytes};
use crate::runs::{RunKey, parse_id};
use crate::{Result, StoreError};

/// Every place of a plan.
pub(crate) const ALL: RangeInclusive<i64> = 0..=i64::MAX;

/// Samples with a verdict and places in `range`, complete with generation, scores and features.
pub(crate) fn finished(
    connection: &Connection,
    key: RunKey,
    range: &RangeInclusive<i64>,
) -> Result<Vec<SampleRecord>> {
    let mut samples: Vec<SampleRecord> = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT ordinal, sample, outcome, reason, facts, score_secs FROM verdicts
         WHERE run = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal",
    )?;
    each(&mut statement, key, range, |row| {
        samples.push(sample_record(row)?);
        Ok(())
    })?;
    attach_attempts(connection, key, range, &mut samples)?;
    attach_generations(connection, key, range, &mut samples)?;
    attach_scores(connection, key, range, &mut samples)?;
    attach_features(connection, key, range, &mut samples)?;
    Ok(samples)
}

/// The generation at a place, when there is one, with its model and parameters as they are kept.
pub(crate) fn generation_at(
    connection: &Connection,
    key: RunKey,
    ordinal: i64,
) -> Result<Option<(String, String, Generation)>> {
    let mut statement = connection.prepare_cached(
        "SELECT ordinal, sample, artifact, artifact_bytes, timing, peak_rss_bytes, peak_device_bytes, reused_from,
         model, params FROM generations JOIN configurations ON configurations.key = configuration WHERE run = ?1 AND ordinal = ?2",
    )?;
    let mut rows = statement.query(params![key.key, ordinal])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get(8)?, row.get(9)?, generation(row)?)))
}

/// The columns `ordinal, sample, outcome` first, in that order.
fn sample_record(row: &Row<'_>) -> Result<SampleRecord> {
    let facts = row.get::<_, Option<String>>(4)?;
    let verdict = Verdict {
        sample: sample_column(row, 1)?,
        outcome: outcome_column(row, 2)?,
        reason: row.get(3)?,
        facts: facts.map(|text| from_json("clip facts", &text)).transpose()?,
        scores: Vec::new(),
        features: Vec::new(),
        score_secs: row.get(5)?,
    };
    let ordinal = from_i64("ordinal", row.get(0)?)?;
    Ok(SampleRecord { ordinal, attempts: Vec::new(), generation: None, telemetry: None, verdict })
}

/// The columns `ordinal, sample, artifact, artifact_bytes, timing, peak_rss_bytes, peak_device_bytes, reused_from` first, in that
/// order.
fn generation(row: &Row<'_>) -> Result<Generation> {
    Ok(Generation {
        sample: sample_column(row, 1)?,
        artifact_sha256: Sha256Hash::from_column(blob(row, 2)?)?.hex(),
        artifact_bytes: from_i64("artifact size", row.get(3)?)?,
        timing: row.get::<_, Option<String>>(4)?.map(|text| from_json("timing", &text)).transpose()?,
        reused_from: row.get::<_, Option<String>>(7)?.map(|id| parse_id(&id)).transpose()?,
        peak_rss_bytes: row
            .get::<_, Option<i64>>(5)?
            .map(|bytes| from_i64("peak memory", bytes))
            .transpose()?,
        peak_device_bytes: row
            .get::<_, Option<String>>(6)?
            .map(|text| from_json("device memory", &text))
            .transpose()?,
    })
}

/// The columns `ordinal, attempt, session, started_ms, secs, outcome, reason` in that order.
fn failed_attempt(row: &Row<'_>) -> Result<FailedAttempt> {
    Ok(FailedAttempt {
        attempt: from_i64("attempt", row.get(1)?)?,
        session: from_i64("session", row.get(2)?)?,
        started_ms: row.get(3)?,
        secs: row.get(4)?,
        outcome: outcome_column(row, 5)?,
        reason: row.get(6)?,
    })
}

/// Failed attempts of samples that have some, by their places.
pub(crate) fn failed_attempts(
    connection: &Connection,
    key: RunKey,
    range: &RangeInclusive<i64>,
) -> Result<BTreeMap<u64, Vec<FailedAttempt>>> {
    let mut all: BTreeMap<u64, Vec<FailedAttempt>> = BTreeMap::new();
    let mut statement = connection.prepare_cached(ATTEMPTS)?;
    each(&mut statement, key, range, |row| {
        all.entry(from_i64("ordinal", row.get(0)?)?).or_default().push(failed_attempt(row)?);
        Ok(())
    })?;
    Ok(all)
}

const ATTEMPTS: &str = "SELECT ordinal, attempt, session, started_ms, secs, outcome, reason FROM attempts
     WHERE run = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal, attempt";

fn attach_attempts(
    connection: &Connection,
    key: RunKey,
    range: &RangeInclusive<i64>,
    samples: &mut [SampleRecord],
) -> Result<()> {
    let mut statement = connection.prepare_cached(ATTEMPTS)?;
    attach(&mut statement, key, range, samples, |sample, row| {
        sample.attempts.push(failed_attempt(row)?);
        Ok(())
    })
}

fn attach_generations(
    connection: &Connection,
    key: RunKey,
    range: &RangeInclusive<i64>,
    samples: &mut [SampleRecord],
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT ordinal, sample, artifact, artifact_bytes, timing, peak_rss_bytes, peak_device_bytes, reused_from FROM generations
         WHERE run = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal",
    )?;
    attach(&mut statement, key, range, samples, |sample, row| {
        sample.generation = Some(generation(row)?);
        Ok(())
    })
}

fn attach_scores(
    connection: &Connection,
    key: RunKey,
    range: &RangeInclusive<i64>,
    samples: &mut [SampleRecord],
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT ordinal, metric, value, reason, series, note FROM scores
         WHERE run = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal, position",
    )?;
    attach(&mut statement, key, range, samples, |sample, row| {
        let metric = metric_column(row, 1)?;
        let (score, series) = (score(row.get(2)?, row.get(3)?)?, row.get::<_, Option<Vec<u8>>>(4)?);
        let series = series_from_bytes(series.as_deref())?;
        sample.verdict.scores.push(MetricScore { metric, score, series, note: row.get(5)? });
        Ok(())
    })
}

fn attach_features(
    connection: &Connection,
    key: RunKey,
    range: &RangeInclusive<i64>,
    samples: &mut [SampleRecord],
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT ordinal, net, vector, rows FROM features
         WHERE run = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal, position",
    )?;
    attach(&mut statement, key, range, samples, |sample, row| {
        let (values, rows) = (f32s_from_bytes(blob(row, 2)?)?, row.get(3)?);
        sample.verdict.features.push(Features { net: row.get(1)?, rows, values });
        Ok(())
    })
}

/// Walks rows and samples, both in the order of the plan, side by side; rows of samples without a verdict are passed over.
fn attach(
    statement: &mut CachedStatement<'_>,
    key: RunKey,
    range: &RangeInclusive<i64>,
    samples: &mut [SampleRecord],
    mut put: impl FnMut(&mut SampleRecord, &Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut rest = samples.iter_mut().peekable();
    each(statement, key, range, |row| {
        let ordinal: u64 = from_i64("ordinal", row.get(0)?)?;
        while rest.next_if(|sample| sample.ordinal < ordinal).is_some() {}
        match rest.peek_mut() {
            Some(sample) if sample.ordinal == ordinal => put(sample, row),
            Some(_) | None => Ok(()),
        }
    })
}

fn each(
    statement: &mut CachedStatement<'_>,
    key: RunKey,
    range: &RangeInclusive<i64>,
    mut take: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut rows = statement.query(params![key.key, range.start(), range.end()])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

pub(crate) fn sample_column(row: &Row<'_>, column: usize) -> Result<SampleId> {
    sample_id(blob(row, column)?)
}

pub(crate) fn outcome_column(row: &Row<'_>, column: usize) -> Result<Outcome> {
    let name = row.get_ref(column)?.as_str().map_err(|error| StoreError::corrupt("outcome", &error))?;
    Outcome::from_name(name).ok_or_else(|| StoreError::corrupt("outcome", &name))
}

pub(crate) fn metric_column(row: &Row<'_>, column: usize) -> Result<MetricId> {
    MetricId::new(row.get::<_, String>(column)?).map_err(|error| StoreError::corrupt("metric id", &error))
}

/// Without a copy: a million rows are read this way.
pub(crate) fn blob<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8]> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(StoreError::corrupt("column", &format!("{:?} instead of bytes", other.data_type()))),
    }
}
