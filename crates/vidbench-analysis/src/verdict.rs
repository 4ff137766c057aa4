//! Whether a run counts.

use serde::Serialize;
use vidbench_core::{ModelId, Outcome, RunData};

use crate::Joined;
use crate::group::Group;
use crate::model_facts::ModelFacts;

/// Whether a run counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every planned sample has a verdict, and every one is ok.
    Valid,
    /// Every planned sample has a verdict, every model made something, and some samples failed.
    ValidWithFailures {
        /// Samples that failed; no mean contains them.
        failed: u64,
    },
    /// The run's numbers are not the answer to its suite.
    Invalid {
        /// The reasons, at least one.
        reasons: Vec<String>,
    },
}

impl RunVerdict {
    /// Whether the run counts.
    pub fn is_valid(&self) -> bool {
        !matches!(self, Self::Invalid { .. })
    }
}

/// How many problems with records are listed one by one; the rest are only counted.
const MAX_RECORD_PROBLEMS: usize = 5;

/// Whether a model failed only by running out of memory, and a model that stands in for it, directly or through
/// another, made something.
fn has_stand_in(data: &RunData, groups: &[Group], id: &ModelId) -> bool {
    let models = &data.run.suite.models;
    let of = |id: &ModelId| groups.iter().filter(|group| group.model == *id).collect::<Vec<_>>();
    let failures = of(id).into_iter().flat_map(|group| &group.failures);
    let only_memory = failures.map(|failure| failure.outcome).all(|outcome| outcome == Outcome::OutOfMemory);
    let place = models.iter().position(|model| model.id == *id).map(|place| place as u32);
    let mut stand_ins = models.iter().filter(|model| place.is_some() && model.instead_of == place);
    only_memory
        && stand_ins.any(|model| {
            of(&model.id).iter().any(|group| group.ok > 0) || has_stand_in(data, groups, &model.id)
        })
}

pub(crate) fn verdict(
    data: &RunData,
    joined: &Joined<'_>,
    facts: &[ModelFacts],
    groups: &[Group],
) -> RunVerdict {
    let judged = joined.samples.len() as u64;
    let mut reasons = Vec::new();
    if judged < data.run.planned {
        let (left, planned) = (data.run.planned - judged, data.run.planned);
        reasons.push(format!("{left} of {planned} planned samples have no verdict yet"));
    }
    for model in facts {
        let of_model = |group: &&Group| group.model == model.id;
        let judged: u64 = groups.iter().filter(of_model).map(|group| group.judged).sum();
        let none = judged > 0 && groups.iter().filter(of_model).all(|group| group.ok == 0);
        if none && !has_stand_in(data, groups, &model.id) {
            reasons.push(format!("model {} produced no ok sample in {judged}", model.id));
        }
        reasons.extend(model.changes.iter().cloned());
    }
    reasons.extend(joined.problems.iter().take(MAX_RECORD_PROBLEMS).cloned());
    if joined.problems.len() > MAX_RECORD_PROBLEMS {
        reasons.push(format!(
            "{} more records do not match the plan",
            joined.problems.len() - MAX_RECORD_PROBLEMS
        ));
    }
    let failed = groups.iter().map(Group::failed).sum();
    match (reasons.is_empty(), failed) {
        (false, _) => RunVerdict::Invalid { reasons },
        (true, 0) => RunVerdict::Valid,
        (true, failed) => RunVerdict::ValidWithFailures { failed },
    }
}
