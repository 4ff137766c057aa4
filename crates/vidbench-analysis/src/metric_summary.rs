//! A clip metric over a group.

use std::collections::BTreeMap;

use serde::Serialize;
use vidbench_core::{Aggregate, Direction, MetricDescriptor, MetricId, MetricScore, Needs, RunData};

use crate::SampleView;
use crate::aggregate::{Weighted, weigh, weighted_interval, weighted_mean};
use crate::stats::{Interval, mean};

/// A clip metric over the ok samples of a group.
///
/// The independent unit of a run is one prompt with one seed, that of a scoring one clip. Repeats of it are averaged first: a model that gives the same clip for
/// the same seed would otherwise look surer with every repeat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricSummary {
    /// The metric.
    pub metric: MetricId,
    /// One line for people.
    pub title: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// Independent units with a value.
    pub n: u64,
    /// Clips with a value.
    pub clips: u64,
    /// How the units count.
    pub aggregate: Aggregate,
    /// Mean over the units, weighed as the metric's aggregate says; none when no clip has a value.
    pub mean: Option<f64>,
    /// 95 % interval of the mean by Student's t over the units, ended where the metric's range ends; none below two.
    pub interval: Option<Interval>,
    /// Ok clips without a value, by reason, in alphabetical order.
    pub not_available: Vec<UnavailableCount>,
}

/// How many clips lack a value for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnavailableCount {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
}

impl MetricSummary {
    /// Ok clips without a value.
    pub fn missing(&self) -> u64 {
        self.not_available.iter().map(|entry| entry.count).sum()
    }
}

/// The reason of a clip whose verdict says nothing of a metric the suite asked for.
const NOT_RECORDED: &str = "no score was recorded";

/// One summary per clip metric of the suite, in its order.
pub(crate) fn summarise_metrics(
    data: &RunData,
    ok: &[SampleView<'_>],
    descriptors: &[MetricDescriptor],
) -> Vec<MetricSummary> {
    let of_sets = |id: &MetricId| match descriptor(descriptors, id) {
        Some(descriptor) => matches!(descriptor.needs, Needs::Set | Needs::Features),
        // A metric this version does not know is one of sets when the run has set scores of it.
        None => data.set_scores.iter().any(|score| score.metric == *id),
    };
    let metrics = data.run.suite.metrics.iter().filter(|id| !of_sets(id));
    metrics.map(|id| summarise(id, ok, descriptor(descriptors, id))).collect()
}

pub(crate) fn descriptor<'d>(
    descriptors: &'d [MetricDescriptor],
    id: &MetricId,
) -> Option<&'d MetricDescriptor> {
    descriptors.iter().find(|descriptor| descriptor.id == id.as_str())
}

fn summarise(id: &MetricId, ok: &[SampleView<'_>], descriptor: Option<&MetricDescriptor>) -> MetricSummary {
    let scores = ok.iter().map(|sample| {
        let unit = (sample.planned.prompt, sample.planned.seed);
        (unit, score_of(&sample.record.verdict.scores, id))
    });
    summarise_scores(id, descriptor, scores)
}

/// The score of a metric among those of a clip.
pub(crate) fn score_of<'s>(scores: &'s [MetricScore], id: &MetricId) -> Option<&'s MetricScore> {
    scores.iter().find(|score| score.metric == *id)
}

/// Scores with the independent unit that each belongs to.
pub(crate) fn summarise_scores<'s, U: Ord>(
    id: &MetricId,
    descriptor: Option<&MetricDescriptor>,
    scores: impl Iterator<Item = (U, Option<&'s MetricScore>)>,
) -> MetricSummary {
    let aggregate = descriptor.map_or(Aggregate::ClipMean, |known| known.aggregate);
    let mut by_unit: BTreeMap<U, Vec<Weighted>> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (unit, score) in scores {
        match score.map_or(Err(NOT_RECORDED), |score| weigh(aggregate, score)) {
            Ok(weighted) => by_unit.entry(unit).or_default().push(weighted),
            Err(reason) => *reasons.entry(reason).or_default() += 1,
        }
    }
    let values: Vec<Weighted> = by_unit.values().filter_map(|repeats| one_of(repeats)).collect();
    MetricSummary {
        metric: id.clone(),
        title: descriptor.map_or_else(|| id.to_string(), |known| known.title.to_owned()),
        unit: descriptor.map_or("", |known| known.unit).to_owned(),
        direction: descriptor.map_or(Direction::Descriptive, |known| known.direction),
        n: values.len() as u64,
        clips: by_unit.values().map(|repeats| repeats.len() as u64).sum(),
        aggregate,
        mean: weighted_mean(&values),
        interval: weighted_interval(&values).map(|interval| match descriptor {
            Some(known) => interval.within(known.range),
            None => interval,
        }),
        not_available: reasons
            .into_iter()
            .map(|(reason, count)| UnavailableCount { reason: reason.to_owned(), count })
            .collect(),
    }
}

/// The repeats of a unit as one.
fn one_of(repeats: &[Weighted]) -> Option<Weighted> {
    let weights: Vec<f64> = repeats.iter().map(|one| one.weight).collect();
    Some(Weighted { value: weighted_mean(repeats)?, weight: mean(&weights)? })
}
