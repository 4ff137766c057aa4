//! Computes metrics of whole sets from the stored features of a run.

use std::collections::{BTreeMap, BTreeSet};

use vidbench_core::protocol::Features;
use vidbench_core::{Outcome, Plan, RunData, SetScore};
use vidbench_metrics::frechet_shapes::REFERENCE_SET;
use vidbench_metrics::{FeatureGroup, Metric, ReferenceSet, SetMetric, set_scores};
use vidbench_store::{Store, StoreError};
use vidbench_worker::{reference_features, shapes_net};

use crate::CLASSIFIER;

/// Computes and stores every set metric of a run. Features of the reference set are computed once per workspace and
/// kept there.
pub fn compute_set_metrics(
    store: &Store,
    data: &RunData,
    plan: &Plan,
    threads: u32,
) -> Result<Vec<SetScore>, SetError> {
    let mut scores = Vec::new();
    for id in &data.run.suite.metrics {
        if let Ok(Metric::Set(metric)) = Metric::from_id(id.as_str()) {
            let reference = reference(store, metric, threads)?;
            let groups = feature_groups(data, plan, &reference.net);
            scores.extend(set_scores(metric, &groups, &reference));
        }
    }
    store.save_set_scores(&data.run.id, &scores)?;
    Ok(scores)
}

/// A set metric could not be computed at all.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reference set could not be made.
    #[error("the reference set cannot be created: {0}")]
    Reference(vidbench_core::protocol::RpcError),
}

fn reference(store: &Store, metric: SetMetric, threads: u32) -> Result<ReferenceSet, SetError> {
    match metric {
        SetMetric::FrechetShapes => {
            let net = shapes_net(CLASSIFIER).map_err(SetError::Reference)?;
            if let Some(features) = store.reference_features(&net, REFERENCE_SET)? {
                return Ok(ReferenceSet { net, set: REFERENCE_SET.into(), features });
            }
            let made = reference_features(CLASSIFIER, threads as usize).map_err(SetError::Reference)?;
            store.put_reference_features(&made.net, &made.set, &made.features)?;
            Ok(made)
        }
    }
}

/// Features of ok samples by model and parameters, in the order of the plan. A group without any features is present,
/// but empty.
///
/// Of the repeats of one prompt and seed only the first ok one counts: otherwise a model that gives the same clip again
/// would seem to have a larger sample.
fn feature_groups<'a>(data: &'a RunData, plan: &Plan, net: &str) -> Vec<FeatureGroup<'a>> {
    let mut groups: BTreeMap<(u32, u32), Vec<&Features>> = BTreeMap::new();
    for sample in &plan.samples {
        groups.entry((sample.model, sample.params)).or_default();
    }
    let mut counted = BTreeSet::new();
    for record in data.samples.iter().filter(|record| record.verdict.outcome == Outcome::Ok) {
        let Some(sample) = usize::try_from(record.ordinal).ok().and_then(|at| plan.samples.get(at)) else {
            continue;
        };
        if !counted.insert((sample.model, sample.params, sample.prompt, sample.seed)) {
            continue;
        }
        let found = record.verdict.features.iter().filter(|features| features.net == net);
        groups.entry((sample.model, sample.params)).or_default().extend(found);
    }
    let with_model = |((model, params_index), features): ((u32, u32), _)| FeatureGroup {
        model: data.run.suite.models[model as usize].id.clone(),
        params_index,
        features,
    };
    groups.into_iter().map(with_model).collect()
}
