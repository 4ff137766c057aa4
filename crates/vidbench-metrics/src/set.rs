//! Set metrics: from the features of many clips to one number for each model and set of parameters.

use vidbench_core::protocol;
use vidbench_core::{ModelId, Score, SetScore};

use crate::bootstrap::{RESAMPLES, centred_interval, resamples};
use crate::features::FeatureMatrix;
use crate::frechet::{CovDivisor, FrechetReference};
use crate::{SetMetric, frechet_shapes};

/// The features of one model and set of parameters, from all its clips that have any.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureGroup<'a> {
    /// The model.
    pub model: ModelId,
    /// Index into the model's parameter sets.
    pub params_index: u32,
    /// One for each clip, in the order of the plan; the order decides the bootstrap's draws.
    pub features: Vec<&'a protocol::Features>,
}

/// What clips are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceSet {
    /// The net that gave the features, `name@hash`.
    pub net: String,
    /// Name and version of the set of clips.
    pub set: String,
    /// One vector for each clip. The first half and the second are two samples of the same distribution.
    pub features: Vec<Vec<f32>>,
}

/// Whether there are fewer than two clips per dimension: a distance is then mostly its bias.
pub fn is_underpowered(n: usize, dims: usize) -> bool {
    n < 2 * dims
}

/// One score for each group, in the order of the groups. A score that cannot be computed is not available, with the
/// reason.
pub fn set_scores(metric: SetMetric, groups: &[FeatureGroup<'_>], reference: &ReferenceSet) -> Vec<SetScore> {
    match metric {
        SetMetric::FrechetShapes => frechet_scores(metric, groups, reference, frechet_shapes::BOOTSTRAP_SEED),
    }
}

/// The Fréchet distance of each group to the reference set.
fn frechet_scores(
    metric: SetMetric,
    groups: &[FeatureGroup<'_>],
    reference: &ReferenceSet,
    bootstrap_seed: u64,
) -> Vec<SetScore> {
    let prepared = Prepared::new(reference);
    let score = |group| {
        let measured = match &prepared {
            Ok(prepared) => prepared.measure(group, bootstrap_seed),
            Err(reason) => Err(format!("reference set {}: {reason}", reference.set)),
        };
        set_score(metric, group, reference, measured, prepared.as_ref().ok().map(|prepared| prepared.floor))
    };
    groups.iter().map(score).collect()
}

struct Prepared<'a> {
    net: &'a str,
    frechet: FrechetReference,
    floor: f64,
}

struct Measured {
    value: f64,
    interval: Option<(f64, f64)>,
}

impl<'a> Prepared<'a> {
    fn new(reference: &'a ReferenceSet) -> Result<Self, String> {
        let frechet = frechet_reference(&reference.features)?;
        let (first, second) = reference.features.split_at(reference.features.len() / 2);
        let floor =
            frechet_reference(first)?.distance(&matrix(second)?).map_err(|error| error.to_string())?;
        Ok(Self { net: &reference.net, frechet, floor })
    }

    fn measure(&self, group: &FeatureGroup<'_>, bootstrap_seed: u64) -> Result<Measured, String> {
        if let Some(other) = group.features.iter().find(|features| features.net != self.net) {
            return Err(format!(
                "features of net {} cannot be compared with those of {}",
                other.net, self.net
            ));
        }
        let rows = group.features.iter().map(|features| features.values.as_slice());
        let features = FeatureMatrix::from_rows(rows).map_err(|error| error.to_string())?;
        let value = self.frechet.distance(&features).map_err(|error| error.to_string())?;
        let projected = self.frechet.project(&features).map_err(|error| error.to_string())?;
        let resampled: Result<Vec<f64>, String> = resamples(RESAMPLES, features.count(), bootstrap_seed)
            .map(|times| projected.distance(&times).map_err(|error| error.to_string()))
            .collect();
        // A distance cannot be negative, so its bounds cannot be either.
        let interval = centred_interval(value, resampled?).map(|(low, high)| (low.max(0.0), high));
        Ok(Measured { value, interval })
    }
}

fn matrix(rows: &[Vec<f32>]) -> Result<FeatureMatrix, String> {
    FeatureMatrix::from_rows(rows.iter().map(Vec::as_slice)).map_err(|error| error.to_string())
}

fn frechet_reference(rows: &[Vec<f32>]) -> Result<FrechetReference, String> {
    FrechetReference::new(&matrix(rows)?, CovDivisor::NMinus1).map_err(|error| error.to_string())
}

fn set_score(
    metric: SetMetric,
    group: &FeatureGroup<'_>,
    reference: &ReferenceSet,
    measured: Result<Measured, String>,
    floor: Option<f64>,
) -> SetScore {
    let (n, dims) = (group.features.len(), reference.features.first().map_or(0, Vec::len));
    let (score, interval) = match measured {
        Ok(measured) => (Score::from_value(measured.value), measured.interval),
        Err(reason) => (Score::not_available(reason), None),
    };
    SetScore {
        metric: metric.descriptor().metric_id(),
        model: group.model.clone(),
        params_index: group.params_index,
        score,
        interval,
        n: n as u32,
        dims: dims as u32,
        underpowered: is_underpowered(n, dims),
        floor,
    }
}
