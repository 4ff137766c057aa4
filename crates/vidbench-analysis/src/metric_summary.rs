//! A clip metric over a group.

use std::collections::BTreeMap;

use serde::Serialize;
use vidbench_core::{Direction, MetricDescriptor, MetricId, MetricScore, Needs, RunData, Score};

use crate::SampleView;
use crate::stats::{Interval, mean, mean_interval};

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
    /// Mean over the units; none when no clip has a value.
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
pub(crate) fn score_of<'s>(scores: &'s [MetricScore], id: &MetricId) -> Option<&'s Score> {
    scores.iter().find(|score| score.metric == *id).map(|score| &score.score)
}

/// Scores with the independent unit that each belongs to.
fn summarise_scores<'s, U: Ord>(
    id: &MetricId,
    descriptor: Option<&MetricDescriptor>,
    scores: impl Iterator<Item = (U, Option<&'s Score>)>,
) -> MetricSummary {
    let mut by_unit: BTreeMap<U, Vec<f64>> = BTreeMap::new();
    let mut without = WithoutValue::default();
    for (unit, score) in scores {
        match score {
            Some(Score::Value(value)) => by_unit.entry(unit).or_default().push(*value),
            other => without.add(other),
        }
    }
    let values: Vec<f64> = by_unit.values().filter_map(|repeats| mean(repeats)).collect();
    let clips = by_unit.values().map(|repeats| repeats.len() as u64).sum();
    summary(id, descriptor, &values, clips, without)
}

/// The scores of a metric, taken one at a time, each of an independent unit of its own. Of each its value is kept and
/// nothing else: sums are taken by halves, and the interval needs the mean first.
#[derive(Debug, Default)]
pub(crate) struct MetricTally {
    values: Vec<f64>,
    without: WithoutValue,
}

impl MetricTally {
    pub(crate) fn add(&mut self, score: Option<&Score>) {
        match score {
            Some(Score::Value(value)) => self.values.push(*value),
            other => self.without.add(other),
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
    fn add(&mut self, score: Option<&Score>) {
        let reason: &str = match score {
            Some(Score::NotAvailable { reason }) => reason,
            Some(Score::Value(_)) => return,
            None => NOT_RECORDED,
        };
        match self.0.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(reason.to_owned(), 1)),
        }
    }
}

fn summary(
    id: &MetricId,
    descriptor: Option<&MetricDescriptor>,
    values: &[f64],
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
        mean: mean(values),
        interval: mean_interval(values).map(|interval| match descriptor {
            Some(known) => interval.within(known.range),
            None => interval,
        }),
        not_available: UnavailableCount::of(without.0),
    }
}
