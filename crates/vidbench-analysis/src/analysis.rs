//! The analysis of a whole run.

use serde::Serialize;
use vidbench_core::{MetricDescriptor, RunData};

use crate::group::{Group, groups};
use crate::join::join;
use crate::model_facts::model_facts;
use crate::notes::{Note, notes};
use crate::overhead::{HarnessOverhead, overhead};
use crate::ranking::{ParetoFront, Ranking, Unranked, rank};
use crate::telemetry::{IdlePower, idle_power};
use crate::verdict::{RunVerdict, verdict};

/// What a run says. The same records give the same analysis, to the last bit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunAnalysis {
    /// Whether the run counts.
    pub verdict: RunVerdict,
    /// What a reader should know, and what to do about it.
    pub notes: Vec<Note>,
    /// One per model and set of parameters, in the order of the suite.
    pub groups: Vec<Group>,
    /// One per directed metric and domain.
    pub rankings: Vec<Ranking>,
    /// Groups that a ranking leaves out, with the reason.
    pub unranked: Vec<Unranked>,
    /// One per ranking whose groups have times.
    pub pareto: Vec<ParetoFront>,
    /// The harness's own share; none when no session kept a ledger.
    pub overhead: Option<HarnessOverhead>,
    /// What the machine drew while a session did nothing; empty where that was not measured.
    pub idle: Vec<IdlePower>,
    /// Samples planned, including those that were not needed.
    pub planned: u64,
    /// Samples that were not needed, because the model that theirs stands in for did not run out of memory.
    pub not_needed: u64,
    /// Samples with a verdict, not counting those that were not needed.
    pub judged: u64,
    /// Samples whose outcome is ok.
    pub ok: u64,
}

impl RunAnalysis {
    /// Samples with a verdict other than ok.
    pub fn failed(&self) -> u64 {
        self.judged.saturating_sub(self.ok)
    }
}

/// Analyses a run. `descriptors` are those of every known metric; a metric without a descriptor is summarised but never
/// ranked.
pub fn analyse(data: &RunData, descriptors: &[MetricDescriptor]) -> RunAnalysis {
    let joined = join(data);
    let facts = model_facts(data);
    let groups = groups(data, &joined, &facts, descriptors);
    let ranked = rank(data, &groups, descriptors);
    let judged: u64 = groups.iter().map(|group| group.judged).sum();
    let overhead = overhead(&data.sessions);
    let idle = idle_power(data);
    RunAnalysis {
        verdict: verdict(data, &joined, &facts, &groups),
        notes: notes(data, &joined, &groups, overhead.as_ref(), &idle),
        rankings: ranked.rankings,
        unranked: ranked.unranked,
        pareto: ranked.fronts,
        overhead,
        idle,
        planned: data.run.planned,
        not_needed: (joined.samples.len() as u64).saturating_sub(judged),
        judged,
        ok: groups.iter().map(|group| group.ok).sum(),
        groups,
    }
}
