//! Short names of groups, made only of what distinguishes them.

use vidbench_core::suite::Engine;
use vidbench_core::{Params, ResolvedSuite};

type Part = fn(&Params) -> String;

/// The parts of a set of parameters, each with the words a person reads.
const PARTS: [Part; 5] = [
    |params| if params.steps == 1 { "1 step".into() } else { format!("{} steps", params.steps) },
    |params| format!("guidance {}", params.guidance),
    |params| if params.frames == 1 { "1 frame".into() } else { format!("{} frames", params.frames) },
    |params| format!("{}x{}", params.width, params.height),
    |params| format!("{} fps", params.fps),
];

/// One label per model and set of parameters; unique, because a suite names nothing twice.
pub(crate) fn labels(suite: &ResolvedSuite) -> Vec<Vec<String>> {
    suite
        .models
        .iter()
        .map(|model| {
            let varying: Vec<&Part> = PARTS.iter().filter(|part| varies(&model.params, **part)).collect();
            model
                .params
                .iter()
                .map(|params| label(suite, model.id.as_str(), model.engine, params, &varying))
                .collect()
        })
        .collect()
}

fn varies(sets: &[Params], part: Part) -> bool {
    sets.windows(2).any(|pair| matches!(pair, [a, b] if part(a) != part(b)))
}

fn label(suite: &ResolvedSuite, model: &str, engine: Engine, params: &Params, varying: &[&Part]) -> String {
    let mut parts = Vec::new();
    if suite.models.len() > 1 || varying.is_empty() {
        parts.push(model.to_owned());
    }
    if suite.models.iter().filter(|other| other.id.as_str() == model).count() > 1 {
        parts.push(engine.name().to_owned());
    }
    parts.extend(varying.iter().map(|part| part(params)));
    parts.join(", ")
}
