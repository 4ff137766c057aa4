//! Which groups are better, and which may be compared at all.
//!
//! The rules are applied here, in one place, so that no table, page or export can break them: models of a synthetic
//! domain are ranked only among themselves; random, unknown or changing weights are not ranked; nor is a number without
//! an interval.

use serde::Serialize;
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{Direction, Domain, MetricDescriptor, MetricId, RunData, Score, WeightsOrigin};

use crate::group::Group;
use crate::metric_summary::descriptor;
use crate::pareto::pareto_front;
use crate::stats::Interval;

/// Groups of one domain in the order of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// The domain.
    pub domain: Domain,
    /// The metric; never a descriptive one.
    pub metric: MetricId,
    /// Which way is better.
    pub direction: Direction,
    /// Best first.
    pub entries: Vec<RankEntry>,
}

/// A place in a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RankEntry {
    /// Index into [`crate::RunAnalysis::groups`].
    pub group: usize,
    /// Place from 1. A group shares a place with that place's first group when their intervals overlap.
    pub place: u32,
    /// The value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// Number of values behind it.
    pub n: u64,
}

/// A group that a metric does not rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unranked {
    /// The metric.
    pub metric: MetricId,
    /// Index into [`crate::RunAnalysis::groups`].
    pub group: usize,
    /// Why not.
    pub reason: String,
}

/// Time against quality for the groups of one domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParetoFront {
    /// The domain.
    pub domain: Domain,
    /// The metric.
    pub metric: MetricId,
    /// Which way is better.
    pub direction: Direction,
    /// What the times of the points measure.
    pub time: TimeBasis,
    /// One per ranked group, fastest first.
    pub points: Vec<ParetoPoint>,
}

/// The time on a Pareto plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeBasis {
    /// Mean latency: from the intended start to the last frame.
    Latency,
    /// Mean service time. Used offline, where latency is mostly the wait for the samples before.
    Service,
}

impl TimeBasis {
    /// Words for axes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "mean latency",
            Self::Service => "mean service time",
        }
    }
}

/// A group on a Pareto plot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ParetoPoint {
    /// Index into [`crate::RunAnalysis::groups`].
    pub group: usize,
    /// Mean seconds.
    pub time_secs: f64,
    /// 95 % interval of it.
    pub time_interval: Option<Interval>,
    /// Value of the metric.
    pub value: f64,
    /// 95 % interval of it.
    pub interval: Interval,
    /// No other point is at least as good in both and better in one.
    pub on_front: bool,
}

/// All rankings, fronts, and groups left out, in the order of the suite's metrics.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rankings {
    pub(crate) rankings: Vec<Ranking>,
    pub(crate) fronts: Vec<ParetoFront>,
    pub(crate) unranked: Vec<Unranked>,
}

pub(crate) fn rank(data: &RunData, groups: &[Group], descriptors: &[MetricDescriptor]) -> Rankings {
    let mut out = Rankings::default();
    for metric in &data.run.suite.metrics {
        let Some(known) = descriptor(descriptors, metric) else { continue };
        if known.direction == Direction::Descriptive {
            continue;
        }
        for domain in [Domain::Open, Domain::SyntheticDomain] {
            rank_one(data, groups, metric, known.direction, domain, &mut out);
        }
        let unknown = groups.iter().enumerate().filter(|(_, group)| group.domain.is_none());
        out.unranked.extend(unknown.map(|(index, _)| Unranked {
            metric: metric.clone(),
            group: index,
            reason: "the model's domain is unknown".into(),
        }));
    }
    out
}

fn rank_one(
    data: &RunData,
    groups: &[Group],
    metric: &MetricId,
    direction: Direction,
    domain: Domain,
    out: &mut Rankings,
) {
    let mut entries = Vec::new();
    for (index, group) in groups.iter().enumerate().filter(|(_, group)| group.domain == Some(domain)) {
        match rankable(group, metric) {
            Ok((value, interval, n)) => {
                entries.push(RankEntry { group: index, place: 0, value, interval, n });
            }
            Err(reason) => out.unranked.push(Unranked { metric: metric.clone(), group: index, reason }),
        }
    }
    if entries.is_empty() {
        return;
    }
    if let Some(front) = front(data, groups, metric, direction, domain, &entries) {
        out.fronts.push(front);
    }
    place(&mut entries, direction);
    out.rankings.push(Ranking { domain, metric: metric.clone(), direction, entries });
}

/// The value of a group that may be ranked, or the reason why it may not.
fn rankable(group: &Group, metric: &MetricId) -> Result<(f64, Interval, u64), String> {
    match group.weights {
        WeightsOrigin::Sha256(_) => {}
        WeightsOrigin::Random => return Err("random weights: speed and memory only".into()),
        WeightsOrigin::Unknown => return Err("the origin of the weights is unknown".into()),
    }
    if let Some(summary) = group.metrics.iter().find(|summary| summary.metric == *metric) {
        return match (summary.mean, summary.interval) {
            (Some(mean), Some(interval)) => Ok((mean, interval, summary.n)),
            (Some(_), None) => Err(format!("n is {}, too few for an interval", summary.n)),
            (None, _) => Err("no clip has a value".into()),
        };
    }
    let Some(set) = group.set_scores.iter().find(|score| score.metric == *metric) else {
        return Err("no value was computed".into());
    };
    match (&set.score, set.interval) {
        (Score::NotAvailable { reason }, _) => Err(reason.clone()),
        (Score::Value(_), _) if set.underpowered => {
            Err(format!("underpowered: {} clips for {} dimensions", set.n, set.dims))
        }
        (Score::Value(_), None) => Err("the value has no interval".into()),
        (Score::Value(value), Some((low, high))) => Ok((*value, Interval { low, high }, u64::from(set.n))),
    }
}

fn place(entries: &mut [RankEntry], direction: Direction) {
    entries.sort_by(|a, b| {
        let ascending = a.value.total_cmp(&b.value);
        let order = if direction == Direction::LowerIsBetter { ascending } else { ascending.reverse() };
        order.then(a.group.cmp(&b.group))
    });
    let mut leader: Option<RankEntry> = None;
    for (index, entry) in entries.iter_mut().enumerate() {
        let shared = leader.filter(|leader| leader.interval.overlaps(&entry.interval));
        entry.place = shared.map_or(index as u32 + 1, |leader| leader.place);
        if shared.is_none() {
            leader = Some(*entry);
        }
    }
}

fn front(
    data: &RunData,
    groups: &[Group],
    metric: &MetricId,
    direction: Direction,
    domain: Domain,
    entries: &[RankEntry],
) -> Option<ParetoFront> {
    let time = match data.run.suite.scenario.kind {
        ScenarioKind::SingleStream => TimeBasis::Latency,
        ScenarioKind::Offline => TimeBasis::Service,
    };
    let mut points: Vec<ParetoPoint> = entries
        .iter()
        .filter_map(|entry| {
            let group = groups.get(entry.group)?;
            let summary = match time {
                TimeBasis::Latency => group.latency.as_ref()?,
                TimeBasis::Service => group.service.as_ref()?,
            };
            Some(ParetoPoint {
                group: entry.group,
                time_secs: summary.mean,
                time_interval: summary.interval,
                value: entry.value,
                interval: entry.interval,
                on_front: false,
            })
        })
        .collect();
    points.sort_by(|a, b| a.time_secs.total_cmp(&b.time_secs).then(a.group.cmp(&b.group)));
    let flags = pareto_front(&points.iter().map(|p| (p.time_secs, p.value)).collect::<Vec<_>>(), direction);
    points.iter_mut().zip(flags).for_each(|(point, on_front)| point.on_front = on_front);
    (!points.is_empty()).then(|| ParetoFront { domain, metric: metric.clone(), direction, time, points })
}
