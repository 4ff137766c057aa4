//! Models that are instead of another: they make the samples for which that one had not enough memory, and no others.
//!
//! It is another configuration and stays one: its samples have ids, times and scores of their own, and none of them is counted as a sample of
//! the first.

use vidbench_core::{Event, Outcome, PlannedSample};

use crate::RunError;
use crate::error::ModelError;
use crate::run::{Runner, failure};
use crate::turns::{Lane, LaneState};

/// Whether a sample of a model that is instead of another is to be made.
enum Need {
    Needed,
    NotNeeded,
    /// The other one's is still to be made.
    Unknown,
}

impl Runner<'_> {
    /// Whether another model is instead of this one.
    pub(crate) fn has_another(&self, model: u32) -> bool {
        self.suite().models.iter().any(|other| other.instead_of == Some(model))
    }

    /// A model that cannot even be loaded has no memory for any of its samples.
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

    /// Of models that wait for others which have ended by now: what is needed of them is left, and the rest gets its verdict.
    pub(crate) fn see_what_is_needed(&mut self, lanes: &mut [Lane]) -> Result<(), RunError> {
        // Others come after what they are instead of, so one pass sees a chain through.
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
                    let reason = format!("{id} did not run out of memory over it");
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
            _ if self.no_memory.contains(&place) => Need::Needed,
            Ok(_) => Need::Unknown,
            Err(_) => Need::NotNeeded,
        }
    }
}
