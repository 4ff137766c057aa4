//! Samples that were made before: by another run of the workspace, or by a removed run whose videos the cache has.
//!
//! A sample is identified by its id, which covers everything that was asked for. The weights are not asked for but
//! found, so they are handed over with the sample: the run that wants it decides whether they are its own.

use std::path::Path;

use rusqlite::params;
use serde::{Deserialize, Serialize};
use vidbench_core::protocol::LoadedModel;
use vidbench_core::{ModelId, RunId, SampleId, WeightsOrigin};

use crate::codec::{Sha256Hash, from_json, to_json};
use crate::runs::{parse_id, require_run, run_key};
use crate::sessions::sessions_of;
use crate::{Artifact, CacheKey, CacheKind, Result, Store, rows};

/// A sample that was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierSample {
    /// The run that made it.
    pub run: RunId,
    /// Its video, whole and in the store.
    pub artifact: Artifact,
}

/// What is noted with a video in the cache.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct MadeBy {
    run: RunId,
    model: LoadedModel,
}

/// An ok sample of a run.
struct Earlier {
    run: RunId,
    /// The model's name in that run.
    called: ModelId,
    /// The run that made it.
    made_by: RunId,
    sha256: String,
}

/// A generation of another run.
struct Made {
    sample: SampleId,
    model: ModelId,
    artifact: Sha256Hash,
    service_secs: f64,
}

impl Store {
    /// The sample as an earlier run made it: from the newest run that has its video whole, else from the cache. The
    /// sample must have been ok. Its model, as that run recorded it, must satisfy `is_same` and have the hash of its
    /// weights: without the hash the same request may mean another model today. `temp` is a free path of
    /// [`Store::temp_path`].
    pub fn earlier_sample(
        &self,
        sample: SampleId,
        temp: &Path,
        is_same: &mut dyn FnMut(&LoadedModel) -> bool,
    ) -> Result<Option<EarlierSample>> {
        for Earlier { run, called, made_by, sha256 } in self.runs_with(sample)? {
            let loaded = self.loaded_in(&run, &called)?;
            if loaded.is_some_and(|loaded| is_same(&loaded))
                && let Ok(bytes) = self.verify_artifact(&sha256)
            {
                let artifact = Artifact { path: self.artifact_path(&sha256)?, sha256, bytes };
                return Ok(Some(EarlierSample { run: made_by, artifact }));
            }
        }
        self.cached_sample(sample, temp, is_same)
    }

    /// Gives the cache the videos of a run that is about to be removed, as far as there is room; returns how many it
    /// took.
    pub fn keep_samples(&self, run: &RunId) -> Result<u64> {
        let Some(cache) = self.cache() else { return Ok(0) };
        let mut kept = 0;
        for made in self.made_in(run)? {
            let Some(model) = self.loaded_in(run, &made.model)? else { continue };
            let note = to_json("origin of a sample", &MadeBy { run: run.clone(), model })?;
            let (path, sha256) = (self.path_of(made.artifact), made.artifact.hex());
            kept += u64::from(cache.put_file(&key(made.sample), &path, &sha256, made.service_secs, &note));
        }
        Ok(kept)
    }

    fn cached_sample(
        &self,
        sample: SampleId,
        temp: &Path,
        is_same: &mut dyn FnMut(&LoadedModel) -> bool,
    ) -> Result<Option<EarlierSample>> {
        let Some(cache) = self.cache() else { return Ok(None) };
        let Some(note) = cache.get_file(&key(sample), temp) else { return Ok(None) };
        let MadeBy { run, model } = from_json("origin of a sample", &note)?;
        if !is_same(&model) {
            crate::folders::remove_file(temp)?;
            return Ok(None);
        }
        Ok(Some(EarlierSample { run, artifact: self.adopt_own(temp)? }))
    }

    /// Runs with an ok sample of that id, newest first.
    fn runs_with(&self, sample: SampleId) -> Result<Vec<Earlier>> {
        self.read("looking for earlier samples", |tx| {
            // By run and sample, for which there is an index: runs are few, samples are many.
            let mut statement = tx.prepare_cached(
                "SELECT r.id, g.reused_from, g.artifact, c.model FROM runs r
                 CROSS JOIN generations g ON g.run = r.key AND g.sample = ?1
                 CROSS JOIN configurations c ON c.key = g.configuration
                 CROSS JOIN verdicts v ON v.run = r.key AND v.sample = ?1
                 WHERE v.outcome = 'ok' ORDER BY r.created_ms DESC, r.key DESC",
            )?;
            let found = statement.query_and_then([sample.0], |row| {
                let run = parse_id(&row.get::<_, String>(0)?)?;
                let made_by = row.get::<_, Option<String>>(1)?.map(|id| parse_id(&id)).transpose()?;
                Ok(Earlier {
                    made_by: made_by.unwrap_or_else(|| run.clone()),
                    run,
                    called: model_column(row, 3)?,
                    sha256: Sha256Hash::from_column(rows::blob(row, 2)?)?.hex(),
                })
            })?;
            found.collect()
        })
    }

    /// A model as a run had it; `None` where the run does not record the hash of its weights. All sessions of a run
    /// have the same.
    fn loaded_in(&self, run: &RunId, model: &ModelId) -> Result<Option<LoadedModel>> {
        self.read("looking for a model of a run", |tx| {
            let Some(key) = run_key(tx, run)? else { return Ok(None) };
            let mut loaded = sessions_of(tx, key)?.into_iter().flat_map(|session| {
                session.models.into_iter().map(|model| model.model).chain(session.reused)
            });
            let last = loaded.rfind(|loaded| loaded.id == *model);
            Ok(last.filter(|loaded| matches!(loaded.weights, WeightsOrigin::Sha256(_))))
        })
    }

    /// The ok samples that a run made itself.
    fn made_in(&self, run: &RunId) -> Result<Vec<Made>> {
        self.read("looking for samples of a run", |tx| {
            let key = require_run(tx, run)?;
            let mut statement = tx.prepare_cached(
                "SELECT g.sample, c.model, g.artifact, g.service_secs FROM generations g
                 JOIN verdicts v ON v.run = g.run AND v.ordinal = g.ordinal
                 JOIN configurations c ON c.key = g.configuration
                 WHERE g.run = ?1 AND v.outcome = 'ok' AND g.service_secs IS NOT NULL ORDER BY g.ordinal",
            )?;
            let made = statement.query_and_then(params![key.key], |row| {
                Ok(Made {
                    sample: rows::sample_column(row, 0)?,
                    model: model_column(row, 1)?,
                    artifact: Sha256Hash::from_column(rows::blob(row, 2)?)?,
                    service_secs: row.get(3)?,
                })
            })?;
            made.collect()
        })
    }
}

fn model_column(row: &rusqlite::Row<'_>, column: usize) -> Result<ModelId> {
    ModelId::new(row.get::<_, String>(column)?)
        .map_err(|error| crate::StoreError::corrupt("model id", &error))
}

fn key(sample: SampleId) -> CacheKey {
    CacheKey::new(CacheKind::Samples, &[&sample.to_string()])
}
