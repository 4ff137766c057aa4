//! What a generation usually takes, from the runs this store has, to estimate the next plan.

use rusqlite::params;
use rusqlite::types::FromSql;
use vidbench_core::{Params, ResolvedModel};

use crate::codec::{from_i64, to_json};
use crate::{Result, Store};

/// Samples an estimate is made from: enough for a median, few enough for a plan to be instant.
const LATEST_SAMPLES: i64 = 1000;

impl Store {
    /// Median service seconds of the latest 1,000 ok samples that this model made with these parameters, in any run. Another
    /// program, or the same with other settings, is another model, even where it has the same name.
    ///
    /// `None` when there are none: an estimate is never invented.
    pub fn usual_service_secs(&self, model: &ResolvedModel, params: &Params) -> Result<Option<f64>> {
        let mut secs: Vec<f64> = self.latest_ok("service_secs", model, params)?;
        secs.sort_by(f64::total_cmp);
        Ok(middle(&secs).map(|(low, high)| low.midpoint(high)))
    }

    /// Median bytes of the artifacts of the latest 1,000 ok samples that this model made with these parameters, in any run. Another
    /// program, or the same with other settings, is another model.
    pub fn usual_artifact_bytes(&self, model: &ResolvedModel, params: &Params) -> Result<Option<u64>> {
        let mut bytes: Vec<i64> = self.latest_ok("artifact_bytes", model, params)?;
        bytes.sort_unstable();
        middle(&bytes).map(|(low, high)| from_i64("artifact size", low.midpoint(high))).transpose()
    }

    fn latest_ok<T: FromSql>(
        &self,
        column: &'static str,
        model: &ResolvedModel,
        params: &Params,
    ) -> Result<Vec<T>> {
        let params_json = to_json("params", params)?;
        let sql = format!(
            "SELECT g.{column} FROM generations g JOIN verdicts v ON v.run = g.run AND v.ordinal = g.ordinal
             WHERE g.configuration = (SELECT key FROM configurations WHERE model = ?1 AND params = ?2)
             AND g.run IN (SELECT run FROM run_models WHERE digest = ?4 AND name = ?1)
             AND v.outcome = 'ok' AND g.{column} IS NOT NULL ORDER BY g.key DESC LIMIT ?3"
        );
        self.read("looking for earlier samples", |tx| {
            let mut statement = tx.prepare_cached(&sql)?;
            statement
                .query_and_then(
                    params![model.id.as_str(), params_json, LATEST_SAMPLES, model.digest()],
                    |row| Ok(row.get(0)?),
                )?
                .collect()
        })
    }
}

/// The two middle values of a sorted list; the same one twice when its length is odd.
fn middle<T: Copy>(sorted: &[T]) -> Option<(T, T)> {
    let last = sorted.len().checked_sub(1)?;
    Some((*sorted.get(last / 2)?, *sorted.get(sorted.len() / 2)?))
}
