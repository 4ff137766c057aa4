//! Joins each sample with what the plan says of it: model, parameters, prompt, seed.

use vidbench_core::suite::Engine;
use vidbench_core::{Params, PlannedSample, ResolvedModel, ResolvedPrompt, RunData, SampleRecord, Timing};

/// One finished sample with everything that determined it.
#[derive(Debug, Clone, Copy)]
pub struct SampleView<'d> {
    /// What became of it.
    pub record: &'d SampleRecord,
    /// Its place in the plan.
    pub planned: PlannedSample,
    /// The model that made it.
    pub model: &'d ResolvedModel,
    /// The parameters it was made with.
    pub params: &'d Params,
    /// The prompt it was made for.
    pub prompt: &'d ResolvedPrompt,
}

impl<'d> SampleView<'d> {
    /// Its times; `None` for a video that was not made in this run.
    pub fn timing(&self) -> Option<&'d Timing> {
        let generation = self.record.generation.as_ref();
        generation.filter(|_| self.model.engine != Engine::Import)?.timing.as_ref()
    }
}

/// All samples of a run in the order of the plan, and what is wrong with the records.
#[derive(Debug, Clone)]
pub struct Joined<'d> {
    /// Samples whose record belongs to the plan.
    pub samples: Vec<SampleView<'d>>,
    /// Records that do not belong to the plan, each as a sentence. A sound store has none.
    pub problems: Vec<String>,
}

/// Rebuilds the plan from the run's own suite and joins each record with its entry.
///
/// A record that is not in the plan, or a second record of the same sample, is left out and named among the problems.
pub fn join(data: &RunData) -> Joined<'_> {
    let suite = &data.run.suite;
    let plan = match suite.plan() {
        Ok(plan) => plan,
        Err(error) => return Joined { samples: Vec::new(), problems: vec![error.to_string()] },
    };
    let mut problems = Vec::new();
    if plan.hash() != data.run.plan_hash {
        problems.push("the plan rebuilt from the run's suite is not the one the run recorded".into());
    }
    let mut records: Vec<&SampleRecord> = data.samples.iter().collect();
    records.sort_by_key(|record| record.ordinal);
    let mut samples = Vec::with_capacity(records.len());
    let mut seen = None;
    for record in records {
        let planned = usize::try_from(record.ordinal).ok().and_then(|at| plan.samples.get(at));
        match planned {
            Some(planned) if planned.id == record.verdict.sample && seen != Some(record.ordinal) => {
                samples.push(SampleView {
                    record,
                    planned: *planned,
                    model: suite.model_of(planned),
                    params: suite.params_of(planned),
                    prompt: suite.prompt_of(planned),
                });
            }
            Some(_) | None => problems.push(format!(
                "the record of sample {} at place {} is not part of the plan, or is a duplicate",
                record.verdict.sample, record.ordinal
            )),
        }
        seen = Some(record.ordinal);
    }
    Joined { samples, problems }
}
