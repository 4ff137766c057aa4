//! Summarises a clip metric over a group.

use std::collections::BTreeMap;

use serde::Serialize;
use vidbench_core::{Aggregate, Direction, MetricDescriptor, MetricId, MetricScore, Needs, RunData};

use crate::SampleView;
use crate::aggregate::{Weighted, weigh, weighted_interval, weighted_mean};
use crate::stats::{Interval, mean};

/// A clip metric over the ok samples of a group.
///
/// The independent unit is one prompt with one seed in a run, and one clip in a scoring. Repeats of a unit are averaged
/// first: otherwise a model that gives the same clip for the same seed would look more certain with every repeat.
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
    /// Mean over the units, weighted as the metric's aggregate says; `None` when no clip has a value.
    pub mean: Option<f64>,
    /// 95 % interval of the mean by Student's t over the units, clipped to the metric's range; `None` for fewer than
    /// two units.
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

impl UnavailableCount {
    pub(crate) fn of(reasons: BTreeMap<String, u64>) -> Vec<Self> {
        reasons.into_iter().map(|(reason, count)| Self { reason, count }).collect()
    }
}

impl MetricSummary {
    /// Ok clips without a value.
    pub fn missing(&self) -> u64 {
        self.not_available.iter().map(|entry| entry.count).sum()
    }
}

/// The reason given for a clip whose verdict has no score for a metric that the suite asked for.
const NOT_RECORDED: &str = "no score was recorded";

/// One summary per clip metric of the suite, in its order.
pub(crate) fn summarise_metrics(
    data: &RunData,
    ok: &[SampleView<'_>],
    descriptors: &[MetricDescriptor],
) -> Vec<MetricSummary> {
    let of_sets = |id: &MetricId| match descriptor(descriptors, id) {
        Some(descriptor) => matches!(descriptor.needs, Needs::Set | Needs::Features),
        // A metric unknown to this version counts as a set metric when the run has set scores for it.
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
fn summarise_scores<'s, U: Ord>(
    id: &MetricId,
    descriptor: Option<&MetricDescriptor>,
    scores: impl Iterator<Item = (U, Option<&'s MetricScore>)>,
) -> MetricSummary {
    let mut by_unit: BTreeMap<U, Vec<Weighted>> = BTreeMap::new();
    let mut without = WithoutValue::default();
    for (unit, score) in scores {
        match weighed(descriptor, score) {
            Ok(weighted) => by_unit.entry(unit).or_default().push(weighted),
            Err(reason) => without.add(reason),
        }
    }
    let values: Vec<Weighted> = by_unit.values().filter_map(|repeats| one_of(repeats)).collect();
    let clips = by_unit.values().map(|repeats| repeats.len() as u64).sum();
    summary(id, descriptor, &values, clips, without)
}

/// Averages the repeats of a unit into one value.
fn one_of(repeats: &[Weighted]) -> Option<Weighted> {
    let weights: Vec<f64> = repeats.iter().map(|one| one.weight).collect();
    Some(Weighted { value: weighted_mean(repeats)?, weight: mean(&weights)? })
}

fn aggregate_of(descriptor: Option<&MetricDescriptor>) -> Aggregate {
    descriptor.map_or(Aggregate::ClipMean, |known| known.aggregate)
}

fn weighed<'s>(
    descriptor: Option<&MetricDescriptor>,
    score: Option<&'s MetricScore>,
) -> Result<Weighted, &'s str> {
    score.map_or(Err(NOT_RECORDED), |score| weigh(aggregate_of(descriptor), score))
}

/// Takes the scores of a metric one at a time, each of an independent unit of its own. It keeps every value and weight,
/// because pairwise summation and the interval need them all at the end.
#[derive(Debug, Default)]
pub(crate) struct MetricTally {
    values: Vec<Weighted>,
    without: WithoutValue,
}

impl MetricTally {
    pub(crate) fn add(&mut self, descriptor: Option<&MetricDescriptor>, score: Option<&MetricScore>) {
        match weighed(descriptor, score) {
            Ok(weighted) => self.values.push(weighted),
            Err(reason) => self.without.add(reason),
        }
    }

    pub(crate) fn summary(self, id: &MetricId, descriptor: Option<&MetricDescriptor>) -> MetricSummary {
        let clips = self.values.len() as u64;
        summary(id, descriptor, &self.values, clips, self.without)
    }
}

/// Clips without a value, by reason.
#[derive(Debug, Default)]
struct WithoutValue(BTreeMap<String, u64>);

impl WithoutValue {
    fn add(&mut self, reason: &str) {
        match self.0.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(reason.to_owned(), 1)),
        }
    }
}

fn summary(
    id: &MetricId,
    descriptor: Option<&MetricDescriptor>,
    values: &[Weighted],
    clips: u64,
    without: WithoutValue,
) -> MetricSummary {
    MetricSummary {
        metric: id.clone(),
        title: descriptor.map_or_else(|| id.to_string(), |known| known.title.to_owned()),
        unit: descriptor.map_or("", |known| known.unit).to_owned(),
        direction: descriptor.map_or(Direction::Descriptive, |known| known.direction),
        n: values.len() as u64,
        clips,
        aggregate: aggregate_of(descriptor),
        mean: weighted_mean(values),
        interval: weighted_interval(values).map(|interval| match descriptor {
            Some(known) => interval.within(known.range),
            None => interval,
        }),
        not_available: UnavailableCount::of(without.0),
    }
}
