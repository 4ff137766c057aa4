//! When a failed sample is tried again.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use vidbench_core::{Outcome, Retry, SampleId};

/// Second attempts that every session may make.
const ALWAYS_ALLOWED: u64 = 10;

/// What a session has left for second attempts.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: Retry,
    left: u64,
}

impl Retries {
    /// For a session that has `samples` to make.
    pub(crate) fn new(policy: Retry, samples: u64) -> Self {
        // Bounds of the suite keep the product small; a fraction of an attempt is dropped.
        let left = ALWAYS_ALLOWED.max((samples as f64 * policy.budget) as u64);
        Self { policy, left }
    }

    /// How long to wait before the next attempt; `None` when the last attempt was final. `attempts` were made so far,
    /// and `secs` have gone by since the first attempt of this session began.
    pub(crate) fn next(
        &mut self,
        sample: SampleId,
        attempts: u32,
        outcome: Outcome,
        secs: f64,
    ) -> Option<Duration> {
        if attempts >= self.policy.attempts_for(outcome) {
            return None;
        }
        let wait = wait(&self.policy, sample, attempts);
        if secs + wait.as_secs_f64() > self.policy.deadline_secs {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        Some(wait)
    }
}

/// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): drawn evenly
/// from 0 to the cap of this attempt. Drawn from the sample and the attempt, so that a run waits the same each time.
fn wait(policy: &Retry, sample: SampleId, attempts: u32) -> Duration {
    let exponent = attempts.saturating_sub(1).min(60).cast_signed();
    let most = (policy.base_secs * 2.0_f64.powi(exponent)).min(policy.cap_secs);
    Duration::from_secs_f64(most * share(sample, attempts))
}

/// A number from 0 to 1.
fn share(sample: SampleId, attempts: u32) -> f64 {
    let hash = Sha256::new().chain_update(sample.0).chain_update(attempts.to_le_bytes()).finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(bytes) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> SampleId {
        SampleId([n; 16])
    }

    #[test]
    fn waits_are_spread_evenly_below_a_cap_that_doubles() {
        let policy = Retry { base_secs: 2.0, cap_secs: 10.0, ..Retry::default() };
        for (attempts, most) in [(1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (100, 10.0)] {
            let waits: Vec<f64> =
                (0..200).map(|n| wait(&policy, id(n), attempts).as_secs_f64() / most).collect();
            assert!(waits.iter().all(|share| (0.0..=1.0).contains(share)));
            let mean = waits.iter().sum::<f64>() / 200.0;
            assert!((mean - 0.5).abs() < 0.1, "{mean}");
        }
        assert_eq!(wait(&policy, id(1), 2), wait(&policy, id(1), 2));
    }

    #[test]
    fn what_the_request_is_to_blame_for_is_not_tried_again() {
        let mut retries = Retries::new(Retry::default(), 100);
        for outcome in Outcome::ALL {
            let again = retries.next(id(1), 1, outcome, 0.0).is_some();
            assert_eq!(again, outcome.is_worth_another_attempt(), "{outcome}");
        }
    }

    #[test]
    fn attempts_deadline_and_budget_end_it() {
        let policy = Retry { attempts: 3, deadline_secs: 100.0, ..Retry::default() };
        let mut retries = Retries::new(policy, 0);
        let crashed = Outcome::WorkerCrashed;
        assert!(retries.next(id(1), 2, crashed, 0.0).is_some());
        assert!(retries.next(id(1), 3, crashed, 0.0).is_none());
        assert!(retries.next(id(1), 2, Outcome::Timeout, 0.0).is_none(), "each costs the whole limit");
        assert!(retries.next(id(1), 1, crashed, 100.5).is_none());
        let made = (0..100).filter(|&n| retries.next(id(n), 1, crashed, 0.0).is_some()).count();
        assert_eq!(made, 9, "ten in all");
        assert_eq!(Retries::new(policy, 1000).left, 100);
    }
}
