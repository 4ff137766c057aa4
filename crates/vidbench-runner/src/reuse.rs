//! What a run takes from the cache: samples that earlier runs have made, where the suite allows it, and room on the
//! disk.
//!
//! A reused sample has no times at all, so none can be mistaken for a measurement of this run.

use vidbench_core::protocol::LoadedModel;
use vidbench_core::{Event, Generation, PlannedSample};
use vidbench_store::{Cache, EarlierSample};

use crate::RunError;
use crate::run::Runner;
use crate::turns::Backlog;
use crate::workers;

impl Runner<'_> {
    /// Takes over what earlier runs have made and records it; returns what is left to make.
    pub(crate) fn reuse(
        &mut self,
        pending: Vec<PlannedSample>,
        backlog: &mut Backlog,
    ) -> Result<Vec<PlannedSample>, RunError> {
        if !self.suite().reuse_samples || pending.is_empty() {
            return Ok(pending);
        }
        let (mut taken, mut left) = (0, Vec::new());
        for sample in pending {
            // Whether a fallback model's sample is needed is not known yet.
            let instead = self.suite().model_of(&sample).instead_of.is_some();
            let earlier = if instead { None } else { self.earlier(&sample)? };
            match earlier {
                Some(earlier) if !self.inputs.cancel.is_asked() => {
                    backlog.push((sample.ordinal, self.take_over(&sample, earlier)?));
                    taken += 1;
                }
                Some(_) | None => left.push(sample),
            }
        }
        // Recorded at once: a killed session must still say which model its samples are of.
        self.inputs.store.set_reused(&self.inputs.run.id, self.session.index, &self.session.reused)?;
        if taken > 0 {
            self.tell(&Event::SamplesReused { samples: taken });
        }
        Ok(left)
    }

    pub(crate) fn tell_trouble_of_the_cache(&mut self) {
        if let Some(trouble) = self.inputs.store.cache().and_then(Cache::trouble) {
            let message = format!("the cache could not be fully used: {trouble}");
            self.tell(&Event::Warning { message });
        }
    }

    /// Deletes cached data that can be made again, before a run waits for space; whether any was deleted.
    pub(crate) fn make_room_on_disk(&mut self, bytes: u64) -> bool {
        let freed = self.inputs.store.cache().map(|cache| cache.free(bytes)).unwrap_or_default();
        if freed.disk_bytes > 0 {
            let mib = freed.disk_bytes >> 20;
            let message =
                format!("the disk is nearly full: freed {mib} MiB ({} entries) of the cache", freed.entries);
            self.tell(&Event::Warning { message });
        }
        freed.disk_bytes > 0
    }

    /// The sample as an earlier run made it, with the weights that this run has loaded or will load. If the run has
    /// loaded none yet, the first sample that is taken decides the weights.
    fn earlier(&mut self, sample: &PlannedSample) -> Result<Option<EarlierSample>, RunError> {
        let (store, suite) = (self.inputs.store, &self.inputs.run.suite);
        let model = suite.model_of(sample);
        let temp = store.temp_path(&self.inputs.run.id, &format!("{}-reused.mp4", sample.id))?;
        let before = self.earlier.models.iter().find(|loaded| loaded.id == model.id).cloned();
        let mut same: Option<LoadedModel> = None;
        let found = store.earlier_sample(sample.id, &temp, &mut |loaded| {
            let is_same = workers::check_identity(model, loaded, before.as_ref()).is_ok();
            if is_same {
                // Under the name that the model has in this suite.
                same = Some(LoadedModel { id: model.id.clone(), ..loaded.clone() });
            }
            is_same
        })?;
        if let (Some(_), None, Some(loaded)) = (&found, before, same) {
            // What is loaded later must have the same weights.
            self.earlier.models.push(loaded.clone());
            self.session.reused.push(loaded);
        }
        Ok(found)
    }

    fn take_over(&mut self, sample: &PlannedSample, earlier: EarlierSample) -> Result<Generation, RunError> {
        let EarlierSample { run, artifact } = earlier;
        let generation = Generation {
            sample: sample.id,
            artifact_sha256: artifact.sha256,
            artifact_bytes: artifact.bytes,
            timing: None,
            reused_from: Some(run),
            peak_rss_bytes: None,
            peak_device_bytes: None,
        };
        let (model, params) = (&self.suite().model_of(sample).id, self.suite().params_of(sample));
        self.inputs.store.record_generation(
            &self.inputs.run.id,
            sample.ordinal,
            model,
            params,
            &generation,
        )?;
        Ok(generation)
    }
}
