//! What a scoring says of each group of clips, and which clips are best and worst.

use serde::Serialize;
use vidbench_core::{ClipOutcome, Direction, MetricDescriptor, MetricId, Needs, ScoredClip, ScoringData};

use crate::metric_summary::{MetricSummary, descriptor, score_of, summarise_scores};

/// Clips that are named at each end.
const EXTREMES: usize = 3;

/// Everything derived from a scoring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoringAnalysis {
    /// Clips asked for.
    pub clips: u64,
    /// Clips with an outcome.
    pub done: u64,
    /// Of these, ok.
    pub ok: u64,
    /// Clips of every other outcome, in the order of [`ClipOutcome::ALL`]; outcomes that did not occur are left out.
    pub failures: Vec<OutcomeCount>,
    /// Every group, in the order of the request.
    pub groups: Vec<ScoredGroup>,
    /// Best and worst clips of every metric that says which is better.
    pub extremes: Vec<Extremes>,
}

/// How often an outcome occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// Which.
    pub outcome: ClipOutcome,
    /// How often.
    pub count: u64,
}

/// The clips that are listed together: those of a model or a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredGroup {
    /// Its name.
    pub label: String,
    /// Clips asked for.
    pub clips: u64,
    /// Clips with an outcome.
    pub done: u64,
    /// Of these, ok.
    pub ok: u64,
    /// Clips of every other outcome.
    pub failures: Vec<OutcomeCount>,
    /// One per metric asked for, in its order, over every clip that has a value: a clip without its reference has scores
    /// of its own all the same.
    pub metrics: Vec<MetricSummary>,
}

/// The clips at both ends of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extremes {
    /// The metric.
    pub metric: MetricId,
    /// Best first.
    pub best: Vec<ClipValue>,
    /// Worst first; none of them is among the best.
    pub worst: Vec<ClipValue>,
}

/// A clip with its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClipValue {
    /// The clip's place in the request.
    pub ordinal: u64,
    /// Its value.
    pub value: f64,
}

/// Analyses a scoring.
pub fn analyse_scoring(data: &ScoringData, descriptors: &[MetricDescriptor]) -> ScoringAnalysis {
    let all: Vec<&ScoredClip> = data.clips.iter().collect();
    let metrics = of_clips(&data.record.request.metrics, descriptors);
    ScoringAnalysis {
        clips: data.record.request.clips.len() as u64,
        done: all.len() as u64,
        ok: ok(&all),
        failures: failures(&all),
        groups: groups(data, descriptors),
        extremes: metrics.iter().filter_map(|id| extremes(&all, id, descriptors)).collect(),
    }
}

/// Metrics that give clips numbers of their own.
fn of_clips<'a>(metrics: &'a [MetricId], descriptors: &[MetricDescriptor]) -> Vec<&'a MetricId> {
    let of_sets = |id: &MetricId| {
        let needs = descriptor(descriptors, id).map(|known| known.needs);
        matches!(needs, Some(Needs::Set | Needs::ReferenceSet | Needs::ClipSet))
    };
    metrics.iter().filter(|id| !of_sets(id)).collect()
}

fn groups(data: &ScoringData, descriptors: &[MetricDescriptor]) -> Vec<ScoredGroup> {
    let request = &data.record.request;
    let metrics = of_clips(&request.metrics, descriptors);
    let mut labels: Vec<(&str, u64)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for clip in &request.clips {
        let at = *places.entry(clip.group.as_str()).or_insert_with(|| {
            labels.push((&clip.group, 0));
            labels.len() - 1
        });
        if let Some((_, count)) = labels.get_mut(at) {
            *count += 1;
        }
    }
    let mut members: Vec<Vec<&ScoredClip>> = vec![Vec::new(); labels.len()];
    for clip in &data.clips {
        let asked = usize::try_from(clip.ordinal).ok().and_then(|at| request.clips.get(at));
        let group = asked.and_then(|asked| places.get(asked.group.as_str()));
        if let Some(members) = group.and_then(|at| members.get_mut(*at)) {
            members.push(clip);
        }
    }
    let group = |((label, clips), members): ((&str, u64), &Vec<&ScoredClip>)| ScoredGroup {
        label: label.to_owned(),
        clips,
        done: members.len() as u64,
        ok: ok(members),
        failures: failures(members),
        metrics: metrics.iter().map(|id| summary(members, id, descriptors)).collect(),
    };
    labels.into_iter().zip(&members).map(group).collect()
}

/// Over the clips that were decoded; what became of the others is told by their outcome.
fn summary(clips: &[&ScoredClip], id: &MetricId, descriptors: &[MetricDescriptor]) -> MetricSummary {
    let decoded = clips.iter().filter(|clip| clip.facts.is_some());
    let scores = decoded.map(|clip| (clip.ordinal, score_of(&clip.scores, id)));
    summarise_scores(id, descriptor(descriptors, id), scores)
}

fn ok(clips: &[&ScoredClip]) -> u64 {
    clips.iter().filter(|clip| clip.outcome == ClipOutcome::Ok).count() as u64
}

fn failures(clips: &[&ScoredClip]) -> Vec<OutcomeCount> {
    let count = |outcome| OutcomeCount {
        outcome,
        count: clips.iter().filter(|clip| clip.outcome == outcome).count() as u64,
    };
    let all = ClipOutcome::ALL.into_iter().filter(|outcome| *outcome != ClipOutcome::Ok);
    all.map(count).filter(|failure| failure.count > 0).collect()
}

fn extremes(clips: &[&ScoredClip], id: &MetricId, descriptors: &[MetricDescriptor]) -> Option<Extremes> {
    let higher = match descriptor(descriptors, id)?.direction {
        Direction::HigherIsBetter => true,
        Direction::LowerIsBetter => false,
        Direction::Descriptive => return None,
    };
    let value = |clip: &&ScoredClip| {
        Some(ClipValue { ordinal: clip.ordinal, value: score_of(&clip.scores, id)?.score.value()? })
    };
    let mut values: Vec<ClipValue> = clips.iter().filter_map(value).collect();
    // Values are finite; clips of one value keep the order of the request.
    values.sort_by(|a, b| {
        let order = a.value.total_cmp(&b.value);
        if higher { order.reverse() } else { order }
    });
    // Clips that are all alike have neither best nor worst.
    let alike = values.first().map(|best| best.value) == values.last().map(|worst| worst.value);
    let ends = if alike { 0 } else { EXTREMES.min(values.len() / 2) };
    let worst = values.iter().rev().take(ends).copied().collect();
    values.truncate(ends);
    Some(Extremes { metric: id.clone(), best: values, worst })
}
