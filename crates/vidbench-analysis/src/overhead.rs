//! The harness's own share of the time.

use serde::Serialize;
use vidbench_core::Session;

use crate::stats::pairwise_sum;

/// Where the wall time of a run went, summed over the sessions that kept a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HarnessOverhead {
    /// All of it, in seconds.
    pub wall_secs: f64,
    /// Starting workers and loading models.
    pub load_secs: f64,
    /// Warm-up generations.
    pub warmup_secs: f64,
    /// Inside the timed windows.
    pub generate_secs: f64,
    /// Workers encoding files.
    pub encode_secs: f64,
    /// Waiting for clips to be decoded and scored.
    pub score_secs: f64,
    /// Waiting before second attempts, for breakers and for disk space.
    pub wait_secs: f64,
    /// The rest: the harness itself.
    pub harness_secs: f64,
    /// `harness_secs / wall_secs`.
    pub share_of_wall: f64,
    /// `harness_secs` over the seconds of work.
    pub share_of_work: Option<f64>,
    /// Sessions counted.
    pub sessions: u32,
    /// Sessions that were killed and left no ledger.
    pub sessions_without_ledger: u32,
}

/// None when no session kept a ledger, or no time passed.
pub(crate) fn overhead(sessions: &[Session]) -> Option<HarnessOverhead> {
    let ledgers: Vec<_> = sessions.iter().filter_map(|session| session.ledger).collect();
    let sum =
        |of: fn(&vidbench_core::Ledger) -> f64| pairwise_sum(&ledgers.iter().map(of).collect::<Vec<_>>());
    let wall_secs = sum(|ledger| ledger.wall_secs);
    let harness_secs = sum(vidbench_core::Ledger::harness_secs);
    if wall_secs <= 0.0 {
        return None;
    }
    let (load_secs, warmup_secs) = (sum(|ledger| ledger.load_secs), sum(|ledger| ledger.warmup_secs));
    let (generate_secs, encode_secs) = (sum(|ledger| ledger.generate_secs), sum(|ledger| ledger.encode_secs));
    let score_secs = sum(vidbench_core::Ledger::scoring_secs);
    let work = load_secs + warmup_secs + generate_secs + encode_secs + score_secs;
    Some(HarnessOverhead {
        wall_secs,
        load_secs,
        warmup_secs,
        generate_secs,
        encode_secs,
        score_secs,
        wait_secs: sum(|ledger| ledger.wait_secs),
        harness_secs,
        share_of_wall: harness_secs / wall_secs,
        share_of_work: (work > 0.0).then_some(harness_secs / work),
        sessions: ledgers.len() as u32,
        sessions_without_ledger: (sessions.len() - ledgers.len()) as u32,
    })
}
