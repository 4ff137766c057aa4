//! What the sessions of a run record about its models.

use vidbench_core::protocol::LoadedModel;
use vidbench_core::{Domain, ModelId, RunData, WeightsOrigin};

/// A model as the run had it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelFacts {
    pub(crate) id: ModelId,
    pub(crate) domain: Option<Domain>,
    pub(crate) weights: WeightsOrigin,
    /// Differences between sessions in what was loaded, each as a sentence.
    pub(crate) changes: Vec<String>,
}

/// One entry per model of the suite, in its order. What was loaded takes precedence over what was asked for.
pub(crate) fn model_facts(data: &RunData) -> Vec<ModelFacts> {
    data.run
        .suite
        .models
        .iter()
        .map(|model| {
            let loaded: Vec<&LoadedModel> = data
                .sessions
                .iter()
                .flat_map(|session| session.models.iter().map(|entry| &entry.model).chain(&session.reused))
                .filter(|loaded| loaded.id == model.id)
                .collect();
            let last = loaded.last();
            ModelFacts {
                id: model.id.clone(),
                domain: last.map(|loaded| loaded.domain).or(model.domain),
                weights: last.map_or_else(|| model.weights.clone(), |loaded| loaded.weights.clone()),
                changes: changes(&loaded),
            }
        })
        .collect()
}

fn changes(loaded: &[&LoadedModel]) -> Vec<String> {
    let differ = |of: fn(&LoadedModel) -> String| {
        loaded.windows(2).any(|pair| matches!(pair, [a, b] if of(a) != of(b)))
    };
    let id = loaded.first().map(|model| model.id.to_string()).unwrap_or_default();
    let mut changes = Vec::new();
    for (what, of) in [
        ("weights", (|model| format!("{:?}", model.weights)) as fn(&LoadedModel) -> String),
        ("revision", |model| format!("{:?}", model.revision)),
        ("runtime", |model| model.runtime.clone()),
        ("domain", |model| model.domain.name().to_owned()),
    ] {
        if differ(of) {
            changes.push(format!("the {what} of {id} changed between sessions of the run"));
        }
    }
    changes
}
