//! The desk where untimed work is done: clips are scored and workers ended by a few threads, beside the thread that measures.
//!
//! A verdict is recorded by the thread that found it; the measuring thread learns of it between two samples.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vidbench_core::protocol::{DecodeOptions, ScoreParams};
use vidbench_core::{Clock, Generation, Outcome, PlannedSample, ResolvedSuite, RunRecord, text_from_path};
use vidbench_engines::{WorkerCommand, WorkerProcess};
use vidbench_store::{Store, Wanted};

use crate::board::Board;
use crate::cached_features::{keep_of_sample, of_sample};
use crate::executor::{Alone, Executor};
use crate::log::Log;
use crate::run::Inputs;
use crate::scorer::Scorer;
use crate::scoring::verdict;
use crate::side_by_side::{Machine, side_by_side};
use crate::{Cancel, RunError, memory, workers};

/// How many clips wait for each scorer: enough that none is idle, few enough that little is done again after a kill.
const WAITING_EACH: usize = 4;

/// An untimed task.
#[derive(Debug)]
pub(crate) enum Task {
    /// Give a file its verdict.
    Score(Unscored),
    /// End the worker of a model.
    End { model: u32, worker: WorkerProcess },
}

/// A file that has no verdict yet.
#[derive(Debug)]
pub(crate) struct Unscored {
    pub(crate) sample: PlannedSample,
    pub(crate) generation: Generation,
    /// Its model has random weights: there is no quality to score.
    pub(crate) random: bool,
    /// Its model was given the prompt.
    pub(crate) prompted: bool,
}

/// Something that was done.
#[derive(Debug)]
pub(crate) enum Told {
    /// A file has its verdict. `None` when a person stopped the scoring: the file waits for `--resume`.
    Scored {
        sample: PlannedSample,
        verdict: Option<(Outcome, Option<String>)>,
        secs: f64,
        restarts: Vec<String>,
    },
    /// The worker of a model has ended.
    Ended { model: u32 },
}

/// Timed work in progress, until this is dropped.
pub(crate) struct Timed<'d, 'a> {
    desk: &'d Desk<'a>,
    beside: bool,
    _alone: Option<Alone<'d, Task>>,
}

impl Drop for Timed<'_, '_> {
    fn drop(&mut self) {
        if self.beside {
            self.desk.beside_timed.store(false, Ordering::Relaxed);
        }
    }
}

/// What the threads share.
pub(crate) struct Desk<'a> {
    pub(crate) tasks: Executor<Task>,
    /// A model computes on an accelerator right now.
    beside_timed: AtomicBool,
    /// Threads that serve the desk, each with a scorer.
    pub(crate) threads: usize,
    store: &'a Store,
    run: &'a RunRecord,
    wanted: &'a [Wanted],
    command: WorkerCommand,
    clock: Arc<dyn Clock>,
    cancel: Cancel,
    log: Log,
    board: Arc<Board>,
    told: Sender<Result<Told, RunError>>,
    /// Largest resident set of a scorer so far, in bytes; 0 before the first clip.
    scorer_bytes: AtomicU64,
    /// Scorers that have a process.
    scorers: AtomicUsize,
    machine: Mutex<Machine>,
}

/// The measuring thread's side of the desk.
pub(crate) struct DeskClient<'a> {
    pub(crate) shared: Arc<Desk<'a>>,
    pub(crate) heard: Receiver<Result<Told, RunError>>,
    /// Tasks whose result was not heard yet.
    pub(crate) untold: usize,
    /// Why the desk cannot go on.
    pub(crate) failed: Option<RunError>,
}

impl<'a> DeskClient<'a> {
    /// A client and its desk.
    pub(crate) fn new(inputs: &Inputs<'a>, log: Log, board: Arc<Board>) -> Self {
        let (told, heard) = channel();
        Self { shared: Arc::new(Desk::new(inputs, log, board, told)), heard, untold: 0, failed: None }
    }
}

impl<'a> Desk<'a> {
    fn new(inputs: &Inputs<'a>, log: Log, board: Arc<Board>, told: Sender<Result<Told, RunError>>) -> Self {
        let threads = inputs.run.suite.pool.scorers.unwrap_or(inputs.commands.threads) as usize;
        Self {
            // Only one scorer at first: its first clip shows how much memory a scorer needs, and then there are more.
            tasks: Executor::new(threads * WAITING_EACH, 1),
            beside_timed: AtomicBool::new(false),
            threads,
            store: inputs.store,
            run: inputs.run,
            wanted: inputs.wanted,
            command: inputs.commands.scorer.clone(),
            clock: Arc::clone(&inputs.clock),
            cancel: inputs.cancel.clone(),
            log,
            board,
            told,
            scorer_bytes: AtomicU64::new(0),
            scorers: AtomicUsize::new(0),
            machine: Mutex::new(Machine { available_bytes: memory::available_bytes(), ..Machine::default() }),
        }
    }

    /// The work of one thread until the desk is closed.
    pub(crate) fn serve(&self) {
        let attempts = self.suite().retry.attempts.max(2);
        let log = Some(self.log.apart());
        let mut scorer =
            Scorer::new(&self.command, Arc::clone(&self.clock), self.cancel.clone(), log, attempts);
        self.tasks.serve(|task| {
            let told = match task {
                Task::Score(unscored) => self.score(&mut scorer, &unscored),
                Task::End { model, worker } => {
                    workers::stop(worker);
                    Ok(Told::Ended { model })
                }
            };
            // Once the run has failed, nothing receives this any more.
            let _ = self.told.send(told);
        });
        scorer.stop();
    }

    /// Timed work goes on until the guard is dropped: alone on the machine, or with scoring `beside` it.
    pub(crate) fn timed(&self, beside: bool) -> Timed<'_, 'a> {
        let alone = (!beside).then(|| self.tasks.alone());
        if beside {
            self.beside_timed.store(true, Ordering::Relaxed);
            self.adapt();
        }
        Timed { desk: self, beside, _alone: alone }
    }

    /// Takes what the sensors say of the machine, and adapts the number of scorers.
    pub(crate) fn look(&self, machine: Machine) {
        *self.machine.lock().unwrap_or_else(PoisonError::into_inner) = machine;
        self.adapt();
    }

    fn adapt(&self) {
        let machine = *self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let each = self.scorer_bytes.load(Ordering::Relaxed);
        let timed = self.beside_timed.load(Ordering::Relaxed);
        let scorers = self.scorers.load(Ordering::Relaxed);
        let most = if timed { self.threads.div_ceil(2) } else { self.threads };
        self.tasks.set_limit(side_by_side(scorers, self.tasks.limit(), most, timed, each, machine));
    }

    fn suite(&self) -> &ResolvedSuite {
        &self.run.suite
    }

    fn score(&self, scorer: &mut Scorer<'_>, unscored: &Unscored) -> Result<Told, RunError> {
        let Unscored { sample, generation, random, prompted } = unscored;
        let suite = self.suite();
        if let Some(log) = &scorer.log {
            log.at(suite.model_of(sample).id.as_str(), Some(sample.id));
        }
        let path = self.store.artifact_path(&generation.artifact_sha256)?;
        let prompt = prompted.then(|| suite.prompt_of(sample).text.as_str());
        // Clips of random weights are not scored, so nothing is cached.
        let cache = self.store.cache().filter(|_| !random);
        let params = ScoreParams {
            path: text_from_path(&path),
            reference: None,
            prompt: prompt.map(str::to_owned),
            image: None,
            metrics: if *random { Vec::new() } else { suite.metrics.clone() },
            options: DecodeOptions::default(),
            known_features: cache
                .map(|cache| of_sample(cache, generation, prompt, self.wanted))
                .unwrap_or_default(),
            return_features: cache.is_some(),
        };
        let timeout = Duration::from_secs(suite.limits.score_timeout_secs.into());
        let had_one = scorer.pid();
        let pulse = self.board.works("scorer", None, timeout.as_secs_f64());
        let mut answer = scorer.score(&params, timeout)?;
        drop(pulse);
        if let (Some(cache), Ok(result)) = (cache, &mut answer.result) {
            keep_of_sample(cache, generation, prompt, self.wanted, result);
        }
        self.learn(had_one, scorer.pid());
        let secs = answer.secs;
        let verdict = verdict(suite, sample, *random, answer);
        if let Some(verdict) = &verdict {
            self.store.record_verdict(&self.run.id, sample.ordinal, verdict)?;
        }
        let verdict = verdict.map(|verdict| (verdict.outcome, verdict.reason));
        Ok(Told::Scored { sample: *sample, verdict, secs, restarts: scorer.restarts() })
    }

    /// Learns how much memory a scorer needs, which decides how many scorers there may be.
    fn learn(&self, before: Option<u32>, after: Option<u32>) {
        match (before, after) {
            (None, Some(_)) => drop(self.scorers.fetch_add(1, Ordering::Relaxed)),
            (Some(_), None) => drop(self.scorers.fetch_sub(1, Ordering::Relaxed)),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let bytes = after.and_then(memory::peak_bytes).unwrap_or(0);
        if bytes > self.scorer_bytes.fetch_max(bytes, Ordering::Relaxed) {
            self.adapt();
        }
    }
}
