//! Accounts for a session's wall time.

use vidbench_core::protocol::Stage;
use vidbench_core::{Ledger, PoolStats, Timing};

/// Adds up the work of a session; the rest of the wall time is the harness's own share.
#[derive(Debug, Default)]
pub(crate) struct Account {
    entries: Ledger,
}

impl Account {
    pub(crate) fn loaded(&mut self, secs: f64) {
        self.entries.load_secs += secs;
    }

    pub(crate) fn warmed_up(&mut self, secs: f64) {
        self.entries.warmup_secs += secs;
    }

    pub(crate) fn generated(&mut self, timing: &Timing) {
        self.entries.generate_secs += timing.service_secs();
        self.entries.encode_secs += encode_secs(timing);
    }

    pub(crate) fn generation_failed(&mut self, secs: f64) {
        self.entries.generate_secs += secs;
    }

    pub(crate) fn scored(&mut self, secs: f64) {
        self.entries.score_secs += secs;
    }

    pub(crate) fn scorers_worked(&mut self, secs: f64) {
        self.entries.scorer_secs += secs;
    }

    pub(crate) fn waited(&mut self, secs: f64) {
        self.entries.wait_secs += secs;
    }

    /// The ledger of a session that took `wall_secs`.
    pub(crate) fn close(self, wall_secs: f64, pool: PoolStats) -> Ledger {
        Ledger { wall_secs, pool, ..self.entries }
    }
}

fn encode_secs(timing: &Timing) -> f64 {
    let encode = timing.stages.iter().filter(|stage| stage.name == Stage::Encode);
    encode.map(|stage| stage.end_ns.saturating_sub(stage.start_ns) as f64 / 1e9).sum()
}
