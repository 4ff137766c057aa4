//! Where the time of a sample went, as means over a group.

use serde::Serialize;
use vidbench_core::Timing;
use vidbench_core::protocol::{Stage, StageSpan};

use crate::stats::pairwise_sum;

/// Mean time of one stage over the ok samples of a group. A sample that did not report the stage counts as zero, so that
/// the stages of a group add up to its service time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StageMean {
    /// Which stage.
    pub stage: Stage,
    /// Mean seconds inside the timed window. `unattributed` is the service time that no stage accounts for.
    pub inside_secs: f64,
    /// Mean seconds outside the timed window, such as waiting before it and encoding after it.
    pub outside_secs: f64,
}

/// The stages that occurred, in the order of [`Stage::ALL`].
pub(crate) fn stage_means(timings: &[&Timing]) -> Vec<StageMean> {
    if timings.is_empty() {
        return Vec::new();
    }
    let occurs = |stage| {
        stage == Stage::Unattributed
            || timings.iter().any(|timing| timing.stages.iter().any(|span| span.name == stage))
    };
    Stage::ALL.into_iter().filter(|stage| occurs(*stage)).map(|stage| stage_mean(timings, stage)).collect()
}

fn stage_mean(timings: &[&Timing], stage: Stage) -> StageMean {
    let n = timings.len() as f64;
    let inside: Vec<f64> = timings
        .iter()
        .map(|timing| {
            if stage == Stage::Unattributed { unattributed_secs(timing) } else { inside_secs(timing, stage) }
        })
        .collect();
    let outside: Vec<f64> = timings.iter().map(|timing| outside_secs(timing, stage)).collect();
    StageMean { stage, inside_secs: pairwise_sum(&inside) / n, outside_secs: pairwise_sum(&outside) / n }
}

fn inside_secs(timing: &Timing, stage: Stage) -> f64 {
    spans(timing, stage).map(|span| overlap_ns(timing, span)).sum::<u64>() as f64 / 1e9
}

fn outside_secs(timing: &Timing, stage: Stage) -> f64 {
    let outside =
        |span: &StageSpan| span.end_ns.saturating_sub(span.start_ns).saturating_sub(overlap_ns(timing, span));
    spans(timing, stage).map(outside).sum::<u64>() as f64 / 1e9
}

fn unattributed_secs(timing: &Timing) -> f64 {
    let named = timing.stages.iter().filter(|span| span.name != Stage::Unattributed);
    let inside: u64 = named.map(|span| overlap_ns(timing, span)).sum();
    timing.end_ns.saturating_sub(timing.start_ns).saturating_sub(inside) as f64 / 1e9
}

fn spans(timing: &Timing, stage: Stage) -> impl Iterator<Item = &StageSpan> {
    timing.stages.iter().filter(move |span| span.name == stage)
}

fn overlap_ns(timing: &Timing, span: &StageSpan) -> u64 {
    span.end_ns.min(timing.end_ns).saturating_sub(span.start_ns.max(timing.start_ns))
}
