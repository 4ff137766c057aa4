//! Numbers about sets of clips, and the features of the sets they are compared with.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vidbench_core::{ModelId, RunId, SetScore};

use crate::codec::{f32s_from_bytes, f32s_to_bytes, finite, from_i64, score, score_columns, to_i64};
use crate::row_seal::REFERENCE_FEATURES;
use crate::runs::{RunKey, require_run};
use crate::{Result, Store, StoreError, rows};

impl Store {
    /// Replaces the set scores of a run.
    pub fn save_set_scores(&self, run: &RunId, scores: &[SetScore]) -> Result<()> {
        self.write("recording set scores", |tx| {
            let key = require_run(tx, run)?;
            tx.prepare_cached("DELETE FROM set_scores WHERE run = ?1")?.execute(params![key.key])?;
            for (position, score) in scores.iter().enumerate() {
                insert(tx, key, to_i64("position", position as u64)?, score)?;
            }
            Ok(())
        })
    }

    /// Features of a reference set, in the order in which they were put; `None` when there are none or they
    /// are not what was written.
    ///
    /// `net` names the net with its weights hash, `name` the set with its version.
    pub fn reference_features(&self, net: &str, name: &str) -> Result<Option<Vec<Vec<f32>>>> {
        self.read("reading reference features", |tx| {
            if REFERENCE_FEATURES.any_broken(tx, "net = ?1 AND name = ?2", params![net, name])? {
                return Ok(None);
            }
            let found: Option<(i64, i64, Vec<u8>)> = tx
                .prepare_cached(
                    "SELECT vectors, dims, matrix FROM reference_features WHERE net = ?1 AND name = ?2",
                )?
                .query_row(params![net, name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            found
                .map(|(vectors, dims, matrix)| {
                    split(from_i64("vectors", vectors)?, from_i64("dims", dims)?, &matrix)
                })
                .transpose()
        })
    }

    /// Keeps the features of a reference set, in place of what was kept of it. All vectors have the same length.
    pub fn put_reference_features(&self, net: &str, name: &str, vectors: &[Vec<f32>]) -> Result<()> {
        let dims = vectors.first().map_or(0, Vec::len);
        if let Some(odd) = vectors.iter().find(|vector| vector.len() != dims) {
            let detail = format!("vectors of {dims} and {} numbers", odd.len());
            return Err(StoreError::unstorable(format!("features of {name} by {net}"), &detail));
        }
        let matrix = f32s_to_bytes(net, &vectors.concat())?;
        let (count, dims) = (to_i64("vectors", vectors.len() as u64)?, to_i64("dims", dims as u64)?);
        self.write("recording reference features", |tx| {
            tx.prepare_cached(
                "INSERT INTO reference_features (net, name, vectors, dims, matrix) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (net, name) DO UPDATE SET vectors = ?3, dims = ?4, matrix = ?5",
            )?
            .execute(params![net, name, count, dims, matrix])?;
            REFERENCE_FEATURES.seal(tx, "net = ?1 AND name = ?2", params![net, name])
        })
    }
}

fn split(vectors: usize, dims: usize, matrix: &[u8]) -> Result<Vec<Vec<f32>>> {
    let values = f32s_from_bytes(matrix)?;
    if Some(values.len()) != vectors.checked_mul(dims) {
        return Err(StoreError::corrupt(
            "reference features",
            &format!("{} numbers for {vectors} x {dims}", values.len()),
        ));
    }
    // `chunks_exact` takes no zero; vectors without numbers hold nothing to split.
    if dims == 0 {
        Ok(vec![Vec::new(); vectors])
    } else {
        Ok(values.chunks_exact(dims).map(<[f32]>::to_vec).collect())
    }
}

fn insert(connection: &Connection, key: RunKey, position: i64, set: &SetScore) -> Result<()> {
    let (value, reason) = score_columns(&set.metric, &set.score)?;
    let (low, high) = set.interval.unzip();
    let optional = |what: &str, value: Option<f64>| value.map(|value| finite(what, value)).transpose();
    connection
        .prepare_cached(
            "INSERT INTO set_scores (run, metric, model, params_index, position, value, reason, interval_low,
             interval_high, n, dims, underpowered, floor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            key.key,
            set.metric.as_str(),
            set.model.as_str(),
            set.params_index,
            position,
            value,
            reason,
            optional("interval", low)?,
            optional("interval", high)?,
            set.n,
            set.dims,
            set.underpowered,
            optional("floor", set.floor)?,
        ])?;
    Ok(())
}

pub(crate) fn set_scores_of(connection: &Connection, key: RunKey) -> Result<Vec<SetScore>> {
    let mut statement = connection.prepare_cached(
        "SELECT metric, model, params_index, value, reason, interval_low, interval_high, n, dims, underpowered, floor
         FROM set_scores WHERE run = ?1 ORDER BY position",
    )?;
    statement.query_and_then([key.key], set_score)?.collect()
}

fn set_score(row: &Row<'_>) -> Result<SetScore> {
    let model = row.get::<_, String>(1)?;
    Ok(SetScore {
        metric: rows::metric_column(row, 0)?,
        model: ModelId::new(model).map_err(|error| StoreError::corrupt("model id", &error))?,
        params_index: from_i64("params index", row.get(2)?)?,
        score: score(row.get(3)?, row.get(4)?)?,
        interval: row.get::<_, Option<f64>>(5)?.zip(row.get(6)?),
        n: from_i64("n", row.get(7)?)?,
        dims: from_i64("dims", row.get(8)?)?,
        underpowered: row.get(9)?,
        floor: row.get(10)?,
    })
}
