//! Judging a file that was generated: decoded, compared with the request and scored in a worker of its own, so that a file
//! that crashes or hangs the decoder costs one sample and not the run.

use std::time::Duration;

use vidbench_core::protocol::{DecodeOptions, Decoded, ScoreParams, ScoreResult};
use vidbench_core::{
    Event, Generation, MetricId, MetricScore, Outcome, Phase, PlannedSample, Score, Verdict, WeightsOrigin,
    text_from_path,
};
use vidbench_engines::{CallError, WorkerProcess};

use crate::RunError;
use crate::error::{ModelError, reason};
use crate::judge::{mismatch, shape_mismatch};
use crate::run::{Runner, failure};
use crate::workers::{self, UntilCancelled};

impl Runner<'_> {
    /// Scores what has a file and no verdict.
    pub(crate) fn score_backlog(&mut self, backlog: &[(u64, Generation)]) -> Result<(), RunError> {
        if backlog.is_empty() || self.inputs.cancel.is_asked() {
            return Ok(());
        }
        self.tell(&Event::PhaseStarted { phase: Phase::Score, total: backlog.len() as u64 });
        let plan = self.inputs.plan;
        for (ordinal, generation) in backlog {
            if self.inputs.cancel.is_asked() {
                break;
            }
            // The store holds what this plan put there; its hash was compared when the run was opened.
            if let Some(sample) = usize::try_from(*ordinal).ok().and_then(|at| plan.samples.get(at)) {
                self.score(sample, generation)?;
            }
        }
        Ok(())
    }

    /// Gives one generated sample its verdict. A scorer that dies may have been killed: only when another, and as many as a sample has
    /// attempts, die over the same file, the file is the cause.
    pub(crate) fn score(&mut self, sample: &PlannedSample, generation: &Generation) -> Result<(), RunError> {
        self.log.at(self.suite().model_of(sample).id.as_str(), Some(sample.id));
        let mut scored = self.score_once(sample, generation)?;
        for _ in 1..self.scorer_attempts() {
            if !matches!(scored.0, Err(CallError::Crashed { .. })) {
                break;
            }
            scored = self.score_once(sample, generation)?;
        }
        let (answer, score_secs) = scored;
        match self.verdict(sample, answer, score_secs) {
            Some(verdict) => self.judge(sample, verdict),
            None => Ok(()),
        }
    }

    fn score_once(
        &mut self,
        sample: &PlannedSample,
        generation: &Generation,
    ) -> Result<(Result<ScoreResult, CallError>, f64), RunError> {
        let begun_ns = self.inputs.clock.monotonic_ns();
        let mut scorer = match self.idle_scorer() {
            Some(scorer) => scorer,
            None => self.start_scorer()?,
        };
        let begun_scoring_ns = self.inputs.clock.monotonic_ns();
        self.account.loaded((begun_scoring_ns.saturating_sub(begun_ns)) as f64 / 1e9);
        let path = self.inputs.store.artifact_path(&generation.artifact_sha256)?;
        let params = ScoreParams {
            path: text_from_path(&path),
            reference: None,
            prompt: Some(self.suite().prompt_of(sample).text.clone()),
            image: None,
            metrics: if self.has_random_weights(sample) { Vec::new() } else { self.suite().metrics.clone() },
            options: DecodeOptions::default(),
            seen: Vec::new(),
            keep_seen: false,
        };
        let timeout = Duration::from_secs(self.suite().limits.score_timeout_secs.into());
        let cancel = self.inputs.cancel.clone();
        let answer = scorer.score(&params, timeout, &mut UntilCancelled(&cancel));
        let score_secs = self.secs_since(begun_scoring_ns);
        self.account.scored(score_secs);
        self.keep_scorer(scorer, answer.as_ref().err());
        Ok((answer, score_secs))
    }

    /// `None` when a person stopped the scoring: the sample keeps its file and waits for `--resume`.
    fn verdict(
        &self,
        sample: &PlannedSample,
        answer: Result<ScoreResult, CallError>,
        score_secs: f64,
    ) -> Option<Verdict> {
        let result = match answer {
            Ok(result) => result,
            Err(CallError::Cancelled { .. }) => return None,
            // A worker that says no, such as to an unknown metric, is no fault of the file.
            Err(error @ CallError::Worker(_)) => {
                return Some(failure(
                    sample.id,
                    Outcome::Internal,
                    format!("scoring failed: {}", reason(&error)),
                ));
            }
            Err(error) => return Some(failure(sample.id, Outcome::DecodeFailed, reason(&error))),
        };
        let random = self.has_random_weights(sample);
        let compare = if random { shape_mismatch } else { mismatch };
        let difference = match &result.decoded {
            Decoded::Failed { reason } => Some((Outcome::DecodeFailed, reason.clone())),
            Decoded::Facts(facts) => compare(self.suite().params_of(sample), facts)
                .map(|difference| (Outcome::InvalidOutput, difference)),
        };
        let (outcome, reason) = difference.map_or((Outcome::Ok, None), |(outcome, why)| (outcome, Some(why)));
        Some(Verdict {
            sample: sample.id,
            outcome,
            reason,
            facts: result.decoded.facts().cloned(),
            scores: if random { self.unscored() } else { result.scores },
            features: result.features,
            score_secs,
        })
    }

    /// Random weights are for speed and memory: what they draw has no quality.
    fn has_random_weights(&self, sample: &PlannedSample) -> bool {
        let id = &self.suite().model_of(sample).id;
        self.earlier.iter().any(|loaded| loaded.id == *id && loaded.weights == WeightsOrigin::Random)
    }

    fn unscored(&self) -> Vec<MetricScore> {
        let reason = "the model has random weights: speed and memory only";
        let unscored = |metric: &MetricId| {
            let score = Score::NotAvailable { reason: reason.into() };
            MetricScore { metric: metric.clone(), score, series: None, note: None }
        };
        self.suite().metrics.iter().map(unscored).collect()
    }

    /// At least a second one.
    fn scorer_attempts(&self) -> u32 {
        self.suite().retry.attempts.max(2)
    }

    /// The scorer of the sample before, if it lives: one that died since then says nothing of the file to come.
    fn idle_scorer(&mut self) -> Option<WorkerProcess> {
        let mut scorer = self.scorer.take()?;
        match scorer.check_idle(&mut UntilCancelled(&self.inputs.cancel)) {
            Ok(()) => Some(scorer),
            Err(reason) => {
                self.tell(&Event::WorkerRestarted { worker: "scorer".into(), reason });
                None
            }
        }
    }

    /// One that dies before it has answered may have been killed; one that never answers ends the run.
    fn start_scorer(&mut self) -> Result<WorkerProcess, RunError> {
        let mut attempts = 1;
        loop {
            match workers::start_logged(
                &self.inputs.commands.scorer,
                &self.inputs.clock,
                Some(self.log.of_worker("scorer")),
            ) {
                Ok(scorer) => return Ok(scorer),
                Err(error @ ModelError::Call { source: CallError::Crashed { .. }, .. })
                    if attempts < self.scorer_attempts() =>
                {
                    attempts += 1;
                    let reason = error.to_string();
                    self.tell(&Event::WorkerRestarted { worker: "scorer".into(), reason });
                }
                Err(ModelError::Start(error)) => return Err(RunError::Start(error)),
                Err(ModelError::Call { source, .. }) => return Err(RunError::Scorer(source)),
                Err(ModelError::Mismatch { .. } | ModelError::BreakerOpen { .. }) => {
                    unreachable!("starting a worker loads nothing")
                }
            }
        }
    }

    fn keep_scorer(&mut self, scorer: WorkerProcess, error: Option<&CallError>) {
        if scorer.is_usable() {
            self.scorer = Some(scorer);
        } else if let Some(error) = error {
            self.tell(&Event::WorkerRestarted { worker: "scorer".into(), reason: error.to_string() });
        }
    }
}
