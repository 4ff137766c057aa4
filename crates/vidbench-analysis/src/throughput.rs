//! Samples and frames a second.

use std::collections::BTreeMap;

use serde::Serialize;
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{Outcome, ResolvedSuite, Timing};

use crate::SampleView;
use crate::stats::pairwise_sum;

/// How much a group made, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Throughput {
    /// Ok samples a second.
    pub samples_per_sec: f64,
    /// Frames of ok samples, as decoded, a second.
    pub frames_per_sec: f64,
    /// Seconds of ok video, as decoded, a second.
    pub video_secs_per_sec: f64,
    /// The seconds divided by.
    pub span_secs: f64,
    /// How these seconds were measured.
    pub basis: ThroughputBasis,
}

/// What a throughput is divided by. This time includes samples that failed after their generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThroughputBasis {
    /// The sum of service times: generations one after the other, without the pauses between them.
    ServiceTime,
    /// From the first request sent to the last frame decoded, summed over sessions.
    Makespan,
}

impl ThroughputBasis {
    /// Words for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceTime => "sum of service times",
            Self::Makespan => "first request to last frame",
        }
    }
}

/// The throughput of one group; `None` when nothing was ok or no time passed.
///
/// A makespan belongs to one group only when its model ran no other set of parameters in between; otherwise an offline
/// group is divided by its service times as well.
pub(crate) fn throughput(suite: &ResolvedSuite, samples: &[SampleView<'_>]) -> Option<Throughput> {
    let alone = samples.first()?.model.params.len() == 1;
    let basis = match suite.scenario.kind {
        ScenarioKind::Offline if alone => ThroughputBasis::Makespan,
        ScenarioKind::Offline | ScenarioKind::SingleStream => ThroughputBasis::ServiceTime,
    };
    let timings: Vec<&Timing> = samples.iter().filter_map(SampleView::timing).collect();
    let span_secs = match basis {
        ThroughputBasis::Makespan => makespan_secs(&timings),
        ThroughputBasis::ServiceTime => {
            pairwise_sum(&timings.iter().map(|timing| timing.service_secs()).collect::<Vec<_>>())
        }
    };
    let facts: Vec<_> = samples
        .iter()
        .filter(|sample| sample.record.verdict.outcome == Outcome::Ok)
        .filter_map(|sample| sample.record.verdict.facts.as_ref())
        .collect();
    if facts.is_empty() || span_secs <= 0.0 {
        return None;
    }
    let frames: u64 = facts.iter().map(|facts| u64::from(facts.frames)).sum();
    let video: Vec<f64> = facts
        .iter()
        .filter(|facts| facts.fps > 0.0)
        .map(|facts| f64::from(facts.frames) / facts.fps)
        .collect();
    Some(Throughput {
        samples_per_sec: facts.len() as f64 / span_secs,
        frames_per_sec: frames as f64 / span_secs,
        video_secs_per_sec: pairwise_sum(&video) / span_secs,
        span_secs,
        basis,
    })
}

/// Each session has a clock of its own, so a span never crosses sessions.
fn makespan_secs(timings: &[&Timing]) -> f64 {
    let mut spans: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for timing in timings {
        let span = spans.entry(timing.session).or_insert((timing.sent_ns, timing.end_ns));
        *span = (span.0.min(timing.sent_ns), span.1.max(timing.end_ns));
    }
    let secs: Vec<f64> = spans.values().map(|(start, end)| end.saturating_sub(*start) as f64 / 1e9).collect();
    pairwise_sum(&secs)
}
