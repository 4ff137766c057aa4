//! Fallback models, which run in place of another (`instead_of`): they make only the samples for which that model had not
//! enough memory.
//!
//! A fallback model is another configuration and stays one: its samples have ids, times and scores of their own, and none
//! of them counts as a sample of the other model.

use vidbench_core::{Event, Outcome, PlannedSample};

use crate::RunError;
use crate::error::ModelError;
use crate::run::{Runner, failure};
use crate::turns::{Lane, LaneState};

/// Whether a sample of a fallback model is to be made.
enum Need {
    Needed,
    NotNeeded,
    /// The other model has not made its sample yet.
    Unknown,
}

impl Runner<'_> {
    /// Whether this model has a fallback model.
    pub(crate) fn has_another(&self, model: u32) -> bool {
        self.suite().models.iter().any(|other| other.instead_of == Some(model))
    }

    /// Records that a model that cannot even be loaded lacks the memory for all of its samples.
    pub(crate) fn lacks_memory(&mut self, lane: &mut Lane, error: &ModelError) -> Result<(), RunError> {
        let message = format!(
            "model {}: {error}; a fallback model takes over its samples",
            self.suite().models[lane.model as usize].id
        );
        self.tell(&Event::Warning { message });
        for sample in lane.left.drain(..) {
            self.judge(&sample, failure(sample.id, Outcome::OutOfMemory, error.to_string()))?;
        }
        Ok(())
    }

    /// Decides which samples are needed from fallback models whose other model has ended: these stay, and the rest get
    /// their verdict.
    pub(crate) fn see_what_is_needed(&mut self, lanes: &mut [Lane]) -> Result<(), RunError> {
        // Fallback models come after the models that they replace, so one pass settles a whole chain.
        for at in 0..lanes.len() {
            let (before, lane) = lanes.split_at_mut(at);
            let Some(lane) = lane.first_mut() else { return Ok(()) };
            let LaneState::Waits { first } = lane.state else { continue };
            let Some(first) = before.get(first as usize) else { continue };
            if matches!(first.state, LaneState::Ended) {
                self.see_what_is_needed_of(lane, first)?;
            }
        }
        Ok(())
    }

    fn see_what_is_needed_of(&mut self, lane: &mut Lane, first: &Lane) -> Result<(), RunError> {
        let id = &self.suite().models[first.model as usize].id;
        for sample in std::mem::take(&mut lane.left) {
            match self.need(&sample, first) {
                Need::Needed => lane.left.push_back(sample),
                Need::NotNeeded => {
                    let reason = format!("{id} did not run out of memory on it");
                    self.judge(&sample, failure(sample.id, Outcome::NotNeeded, reason))?;
                }
                Need::Unknown => {}
            }
        }
        lane.state = if lane.left.is_empty() { LaneState::Ended } else { LaneState::Ready };
        Ok(())
    }

    fn need(&self, sample: &PlannedSample, first: &Lane) -> Need {
        let Some(place) = self.suite().instead_of(sample) else { return Need::Unknown };
        match first.left.binary_search_by_key(&place, |left| left.ordinal) {
            _ if self.trouble.no_memory.contains(&place) => Need::Needed,
            Ok(_) => Need::Unknown,
            Err(_) => Need::NotNeeded,
        }
    }
}
