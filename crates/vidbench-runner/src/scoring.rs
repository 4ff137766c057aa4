//! Judging generated files: they are handed to the desk, which reports their verdicts.

use std::time::Duration;

use vidbench_core::protocol::{Decoded, LoadedModel};
use vidbench_core::{
    Event, Generation, MetricId, MetricScore, Outcome, Phase, PlannedSample, ResolvedSuite, Score, Verdict,
    WeightsOrigin,
};
use vidbench_engines::CallError;

use crate::RunError;
use crate::desk::{Task, Told, Unscored};
use crate::error::reason;
use crate::executor::Urgency;
use crate::judge::{mismatch, shape_mismatch};
use crate::run::{Runner, failure};
use crate::scorer::Answer;

/// How often a wait for the desk checks whether a person wants to stop.
const LOOK: Duration = Duration::from_millis(50);

impl Runner<'_> {
    /// Scores what has a file and no verdict.
    pub(crate) fn score_backlog(&mut self, backlog: Vec<(u64, Generation)>) -> Result<(), RunError> {
        if backlog.is_empty() || self.inputs.cancel.is_asked() {
            return Ok(());
        }
        self.tell(&Event::PhaseStarted { phase: Phase::Score, total: backlog.len() as u64 });
        let plan = self.inputs.plan;
        for (ordinal, generation) in backlog {
            if self.inputs.cancel.is_asked() {
                self.withdraw();
                break;
            }
            // The store holds what this plan put there; its hash was compared when the run was opened.
            if let Some(sample) = usize::try_from(ordinal).ok().and_then(|at| plan.samples.get(at)) {
                self.score(sample, generation)?;
            }
        }
        self.settle(|runner| runner.inputs.cancel.is_asked())
    }

    /// Hands a file to the desk. While the desk is full, waits for earlier files.
    pub(crate) fn score(&mut self, sample: &PlannedSample, generation: Generation) -> Result<(), RunError> {
        let random = self.was_loaded(sample, |loaded| loaded.weights == WeightsOrigin::Random);
        let prompted = !self.was_loaded(sample, |loaded| !loaded.reads_prompt);
        let mut task = Task::Score(Unscored { sample: *sample, generation, random, prompted });
        while let Err(refused) = self.desk.shared.tasks.offer(Urgency::Usual, sample.ordinal, task) {
            task = refused;
            self.hear();
            self.desk_is_sound()?;
        }
        self.desk.untold += 1;
        self.monitor.board.waits(self.suite().limits.score_timeout_secs.into());
        Ok(())
    }

    /// Waits until the desk has done everything. Once `give_up` says so, waits only for running tasks and takes back
    /// the rest.
    pub(crate) fn settle(&mut self, give_up: impl Fn(&Self) -> bool) -> Result<(), RunError> {
        while self.desk.untold > 0 {
            if give_up(self) {
                self.withdraw();
            }
            // What is running must be waited for in any case.
            if self.desk.untold > 0 {
                self.hear();
            }
            self.desk_is_sound()?;
        }
        Ok(())
    }

    /// Takes in what the desk has done so far, without waiting.
    pub(crate) fn catch_up(&mut self) -> Result<(), RunError> {
        while let Ok(told) = self.desk.heard.try_recv() {
            self.take_in(told);
        }
        self.desk_is_sound()
    }

    /// Returns an error of the desk, which ends the run.
    fn desk_is_sound(&mut self) -> Result<(), RunError> {
        self.desk.failed.take().map_or(Ok(()), Err)
    }

    /// Waits a moment for the next thing that the desk has done.
    pub(crate) fn hear(&mut self) {
        let begun_ns = self.inputs.clock.monotonic_ns();
        let heard = self.desk.heard.recv_timeout(LOOK);
        let secs = self.secs_since(begun_ns);
        match &heard {
            Ok(Ok(Told::Ended { .. })) => self.account.loaded(secs),
            Ok(_) | Err(_) => self.account.scored(secs),
        }
        heard.into_iter().for_each(|told| self.take_in(told));
    }

    fn take_in(&mut self, told: Result<Told, RunError>) {
        self.desk.untold -= 1;
        match told {
            Err(error) => drop(self.desk.failed.get_or_insert(error)),
            Ok(Told::Ended { model }) => self.pool.ended(model),
            Ok(Told::Scored { sample, verdict, secs, restarts }) => {
                self.monitor.board.taken();
                self.account.scorers_worked(secs);
                for reason in restarts {
                    self.tell(&Event::WorkerRestarted { worker: "scorer".into(), reason });
                }
                if let Some((outcome, reason)) = verdict {
                    self.log.at(self.suite().model_of(&sample).id.as_str(), Some(sample.id));
                    self.judged(&sample, outcome, reason);
                }
            }
        }
    }

    /// Takes back what the desk has not begun: files can wait, and workers are killed.
    fn withdraw(&mut self) {
        for task in self.desk.shared.tasks.withdraw() {
            self.desk.untold -= 1;
            match task {
                Task::Score(_) => self.monitor.board.taken(),
                Task::End { model, worker } => {
                    drop(worker);
                    self.pool.ended(model);
                }
            }
        }
    }

    /// Whether the sample's model, as loaded in this session or before, satisfies `so`.
    fn was_loaded(&self, sample: &PlannedSample, so: impl Fn(&LoadedModel) -> bool) -> bool {
        let id = &self.suite().model_of(sample).id;
        self.earlier.models.iter().any(|loaded| loaded.id == *id && so(loaded))
    }
}

/// What a scorer's answer means for a sample; `None` when a person stopped it. With `random` weights only the shape is
/// judged.
pub(crate) fn verdict(
    suite: &ResolvedSuite,
    sample: &PlannedSample,
    random: bool,
    answer: Answer,
) -> Option<Verdict> {
    let result = match answer.result {
        Ok(result) => result,
        Err(CallError::Cancelled { .. }) => return None,
        // A worker's refusal, such as of an unknown metric, is not the fault of the file.
        Err(error @ CallError::Worker(_)) => {
            return Some(failure(
                sample.id,
                Outcome::Internal,
                format!("scoring failed: {}", reason(&error)),
            ));
        }
        Err(error) => {
            let limit = error.outcome().filter(|_| matches!(error, CallError::LimitExceeded { .. }));
            return Some(failure(sample.id, limit.unwrap_or(Outcome::DecodeFailed), reason(&error)));
        }
    };
    let compare = if random { shape_mismatch } else { mismatch };
    let difference = match &result.decoded {
        Decoded::Failed { reason } => Some((Outcome::DecodeFailed, reason.clone())),
        Decoded::Facts(facts) => {
            compare(suite.params_of(sample), facts).map(|difference| (Outcome::InvalidOutput, difference))
        }
    };
    let (outcome, reason) = difference.map_or((Outcome::Ok, None), |(outcome, why)| (outcome, Some(why)));
    Some(Verdict {
        sample: sample.id,
        outcome,
        reason,
        facts: result.decoded.facts().cloned(),
        scores: if random { unscored(suite) } else { result.scores },
        features: result.features,
        score_secs: answer.secs,
    })
}

fn unscored(suite: &ResolvedSuite) -> Vec<MetricScore> {
    let reason = "the model has random weights: speed and memory only";
    let unscored = |metric: &MetricId| {
        let score = Score::NotAvailable { reason: reason.into() };
        MetricScore { metric: metric.clone(), score, series: None, note: None }
    };
    suite.metrics.iter().map(unscored).collect()
}
