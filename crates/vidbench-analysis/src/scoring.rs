//! What a scoring says of each group of clips, and which clips are best and worst.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use vidbench_core::{ClipOutcome, MetricDescriptor, MetricId, Needs, Score, ScoredClip, ScoringRequest};

use crate::extremes::{Ends, Extremes};
use crate::metric_summary::{MetricSummary, MetricTally, UnavailableCount, descriptor, score_of};

/// Everything derived from a scoring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoringAnalysis {
    /// Clips asked for.
    pub clips: u64,
    /// Clips with an outcome.
    pub done: u64,
    /// How many of these are ok.
    pub ok: u64,
    /// Clips of every other outcome, in the order of [`ClipOutcome::ALL`]; outcomes that did not occur are left out.
    pub failures: Vec<OutcomeCount>,
    /// The first few clips that are not ok, for people; exports give every clip.
    #[serde(skip)]
    pub first_failures: Vec<FailedClip>,
    /// Every group, in the order of the request.
    pub groups: Vec<ScoredGroup>,
    /// Best and worst clips of every metric that says which is better.
    pub extremes: Vec<Extremes>,
    /// Why metrics have no value, and the notes that values carry, as sentences in alphabetical order. Exports give
    /// them clip by clip.
    #[serde(skip)]
    pub reasons: Vec<UnavailableCount>,
}

impl ScoringAnalysis {
    /// Metrics that have no number for any clip of any group.
    pub fn without_a_number(&self) -> impl Iterator<Item = &MetricId> {
        let of = |at: usize| self.groups.iter().filter_map(move |group| group.metrics.get(at));
        let first = self.groups.first().map(|group| group.metrics.as_slice()).unwrap_or_default();
        let empty = move |at: &usize| of(*at).all(|summary| summary.clips == 0);
        (0..first.len()).filter(empty).filter_map(|at| Some(&first.get(at)?.metric))
    }
}

/// How many failed clips an analysis names.
const NAMED_FAILURES: usize = 5;

/// A clip that is not ok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedClip {
    /// Its place in the request.
    pub ordinal: u64,
    /// What became of it.
    pub outcome: ClipOutcome,
    /// Why.
    pub reason: Option<String>,
}

impl FailedClip {
    /// `None` for a clip that is ok.
    pub fn of(clip: &ScoredClip) -> Option<Self> {
        let (ordinal, outcome, reason) = (clip.ordinal, clip.outcome, clip.reason.clone());
        (outcome != ClipOutcome::Ok).then_some(Self { ordinal, outcome, reason })
    }
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
    /// How many of these are ok.
    pub ok: u64,
    /// Clips of every other outcome.
    pub failures: Vec<OutcomeCount>,
    /// One per metric asked for, in the order asked, over every clip that has a value. A clip without its reference
    /// still has scores of its own.
    pub metrics: Vec<MetricSummary>,
}

/// Analyses a scoring clip by clip, in the order of the request. Of each clip it keeps only the values: 8 bytes a
/// metric.
#[derive(Debug)]
pub struct ScoringAnalyser<'a> {
    request: &'a ScoringRequest,
    metrics: Vec<Measured<'a>>,
    outcomes: Outcomes,
    first_failures: Vec<FailedClip>,
    groups: Vec<GroupTally<'a>>,
    places: HashMap<&'a str, usize>,
    reasons: BTreeMap<String, u64>,
}

/// A metric that gives each clip a number.
#[derive(Debug)]
struct Measured<'a> {
    id: &'a MetricId,
    descriptor: Option<&'a MetricDescriptor>,
    /// `None` when the metric has no better direction.
    ends: Option<Ends>,
}

#[derive(Debug)]
struct GroupTally<'a> {
    label: &'a str,
    clips: u64,
    outcomes: Outcomes,
    metrics: Vec<MetricTally>,
}

impl<'a> ScoringAnalyser<'a> {
    /// An analyser that has not seen any clip.
    pub fn new(request: &'a ScoringRequest, descriptors: &'a [MetricDescriptor]) -> Self {
        let metrics = of_clips(request, descriptors);
        let (groups, places) = groups(request, metrics.len());
        let (outcomes, first_failures, reasons) = (Outcomes::default(), Vec::new(), BTreeMap::new());
        Self { request, metrics, outcomes, first_failures, groups, places, reasons }
    }

    /// Takes the next clip.
    pub fn add(&mut self, clip: &ScoredClip) {
        self.outcomes.add(clip.outcome);
        if self.first_failures.len() < NAMED_FAILURES {
            self.first_failures.extend(FailedClip::of(clip));
        }
        self.add_reasons(clip);
        for measured in &mut self.metrics {
            let value = score_of(&clip.scores, measured.id).and_then(|score| score.score.value());
            if let (Some(ends), Some(value)) = (&mut measured.ends, value) {
                ends.add(clip.ordinal, value);
            }
        }
        let group = self.request.clip(clip.ordinal).and_then(|asked| self.places.get(asked.group.as_str()));
        if let Some(group) = group.and_then(|at| self.groups.get_mut(*at)) {
            group.outcomes.add(clip.outcome);
            // A clip that was not decoded counts only by its outcome.
            if clip.facts.is_some() {
                for (tally, measured) in group.metrics.iter_mut().zip(&self.metrics) {
                    tally.add(measured.descriptor, score_of(&clip.scores, measured.id));
                }
            }
        }
    }

    fn add_reasons(&mut self, clip: &ScoredClip) {
        for score in &clip.scores {
            // The reason why a clip has no usable reference is already told with its outcome.
            if let Score::NotAvailable { reason } = &score.score
                && clip.reason.as_ref() != Some(reason)
            {
                let sentence = format!("{} is not available: {reason}", score.metric);
                *self.reasons.entry(sentence).or_default() += 1;
            }
            if let Some(note) = &score.note {
                *self.reasons.entry(format!("{}: {note}", score.metric)).or_default() += 1;
            }
        }
    }

    /// The analysis of all clips taken.
    pub fn finish(self) -> ScoringAnalysis {
        let metrics = &self.metrics;
        let groups = self.groups.into_iter().map(|group| group.finish(metrics)).collect();
        let extremes = self.metrics.into_iter().filter_map(|of| Some(of.ends?.finish(of.id.clone())));
        ScoringAnalysis {
            clips: self.request.clips.len() as u64,
            done: self.outcomes.done(),
            ok: self.outcomes.ok(),
            failures: self.outcomes.failures(),
            first_failures: self.first_failures,
            groups,
            extremes: extremes.collect(),
            reasons: UnavailableCount::of(self.reasons),
        }
    }
}

impl GroupTally<'_> {
    fn finish(self, metrics: &[Measured<'_>]) -> ScoredGroup {
        let summaries = self.metrics.into_iter().zip(metrics);
        ScoredGroup {
            label: self.label.to_owned(),
            clips: self.clips,
            done: self.outcomes.done(),
            ok: self.outcomes.ok(),
            failures: self.outcomes.failures(),
            metrics: summaries.map(|(tally, of)| tally.summary(of.id, of.descriptor)).collect(),
        }
    }
}

fn of_clips<'a>(request: &'a ScoringRequest, descriptors: &'a [MetricDescriptor]) -> Vec<Measured<'a>> {
    let measured = |id: &'a MetricId| {
        let descriptor = descriptor(descriptors, id);
        let ends = descriptor.and_then(|known| Ends::of(known.direction));
        Measured { id, descriptor, ends }
    };
    let of_sets = |measured: &Measured<'_>| {
        matches!(
            measured.descriptor.map(|known| known.needs),
            Some(Needs::Set | Needs::ReferenceSet | Needs::ClipSet)
        )
    };
    request.metrics.iter().map(measured).filter(|measured| !of_sets(measured)).collect()
}

/// The groups in the order of the request, and the index of each by its name.
fn groups(request: &ScoringRequest, metrics: usize) -> (Vec<GroupTally<'_>>, HashMap<&str, usize>) {
    let (mut groups, mut places) = (Vec::new(), HashMap::new());
    for clip in &request.clips {
        let label = clip.group.as_str();
        let at = *places.entry(label).or_insert_with(|| {
            let metrics = (0..metrics).map(|_| MetricTally::default()).collect();
            groups.push(GroupTally { label, clips: 0, outcomes: Outcomes::default(), metrics });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.clips += 1;
        }
    }
    (groups, places)
}

/// How often each outcome occurred, in the order of [`ClipOutcome::ALL`].
#[derive(Debug, Clone, Copy, Default)]
struct Outcomes([u64; ClipOutcome::ALL.len()]);

impl Outcomes {
    fn add(&mut self, outcome: ClipOutcome) {
        for (count, known) in self.0.iter_mut().zip(ClipOutcome::ALL) {
            *count += u64::from(known == outcome);
        }
    }

    fn each(self) -> impl Iterator<Item = OutcomeCount> {
        ClipOutcome::ALL.into_iter().zip(self.0).map(|(outcome, count)| OutcomeCount { outcome, count })
    }

    fn done(self) -> u64 {
        self.0.iter().sum()
    }

    fn ok(self) -> u64 {
        self.each().filter(|entry| entry.outcome == ClipOutcome::Ok).map(|entry| entry.count).sum()
    }

    fn failures(self) -> Vec<OutcomeCount> {
        self.each().filter(|entry| entry.outcome != ClipOutcome::Ok && entry.count > 0).collect()
    }
}
