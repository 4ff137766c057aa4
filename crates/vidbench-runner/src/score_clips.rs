//! Scoring clips that exist already: scorers side by side, each clip recorded as it comes.
//!
//! What is known of a file's content is not computed again. The number of scorers changes nothing but the time: each
//! clip is scored by itself, by one scorer, and results are read back in the order of the request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use vidbench_core::protocol::{DecodeOptions, Decoded, Features, Pairing, ScoreParams, ScoreResult};
use vidbench_core::{
    ClipFacts, ClipOutcome, Clock, Event, MetricScore, Phase, RequestedClip, ScoredClip, ScoringRecord,
    path_from_text,
};
use vidbench_engines::{CallError, WorkerCommand};
use vidbench_store::{Cache, ClipKey, Store, Wanted};

use crate::cached_features::{self, Made};
use crate::content::{FileMark, content_sha256};
use crate::error::reason;
use crate::log::Log;
use crate::scorer::Scorer;
use crate::{Cancel, RunError};

/// What scoring needs.
#[expect(missing_debug_implementations, reason = "closures have no debug form")]
pub struct ScoreInputs<'a> {
    /// Where results go.
    pub store: &'a Store,
    /// What was asked; its scoring has been created.
    pub record: &'a ScoringRecord,
    /// The scores a clip is to get.
    pub wanted: &'a (dyn Fn(&RequestedClip) -> Vec<Wanted> + Sync),
    /// References were asked for; a clip without one is reported.
    pub references: bool,
    /// How each scorer is started: as many run side by side, or one a clip where there are fewer clips.
    pub scorers: &'a [WorkerCommand],
    /// Seconds one clip may take.
    pub timeout: Duration,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Stops the work.
    pub cancel: Cancel,
    /// Is told what happens.
    pub events: &'a mut dyn FnMut(&Event),
}

/// How a scoring ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScoreFinish {
    /// Clips with an outcome.
    pub done: u64,
    /// Of these, ok.
    pub ok: u64,
    /// Clips for which everything was known before.
    pub known: u64,
    /// A person stopped it.
    pub interrupted: bool,
}

/// Scores every clip of the request.
///
/// # Errors
///
/// When the store cannot be written or no scorer comes up; what is recorded stays.
pub fn score_clips(inputs: ScoreInputs<'_>) -> Result<ScoreFinish, RunError> {
    let ScoreInputs { store, record, wanted, references, scorers, timeout, clock, cancel, events } = inputs;
    let clips = &record.request.clips;
    // A scoring has one session.
    let log = Log::new(&record.id, 0);
    let events: &mut dyn FnMut(&Event) = &mut |event| {
        log.event(event);
        events(event);
    };
    events(&Event::PhaseStarted { phase: Phase::Score, total: clips.len() as u64 });
    if let Some(cache) = store.cache() {
        cached_features::announce(cache, record, wanted);
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel::<Result<Told, RunError>>(64);
    let mut finish = ScoreFinish::default();
    let mut failure = None;
    thread::scope(|scope| {
        for scorer in scorers.iter().take(clips.len().max(1)) {
            let (sender, next, cancel, clock) = (sender.clone(), &next, cancel.clone(), Arc::clone(&clock));
            let mut lane = Lane {
                store,
                record,
                wanted,
                references,
                scorer: Scorer::new(scorer, clock, cancel.clone(), Some(log.apart()), ATTEMPTS),
                timeout,
                cancel,
            };
            scope.spawn(move || {
                // Each thread takes the next clip: assigning clips beforehand would gain nothing.
                while let Some((at, clip)) = take(next, clips) {
                    if lane.cancel.is_asked() {
                        break;
                    }
                    let Some(told) = lane.score(at as u64, clip).transpose() else { break };
                    let failed = told.is_err();
                    if sender.send(told).is_err() || failed {
                        break;
                    }
                }
                lane.scorer.stop();
            });
        }
        drop(sender);
        for told in receiver {
            match told {
                Ok(told) => tell(told, clips, &mut finish, events),
                Err(error) => {
                    failure.get_or_insert(error);
                    cancel.ask();
                }
            }
        }
    });
    if let Some(trouble) = store.cache().and_then(Cache::trouble) {
        events(&Event::Warning { message: format!("the cache could not be fully used: {trouble}") });
    }
    events(&Event::PhaseFinished { phase: Phase::Score });
    finish.interrupted = failure.is_none() && cancel.is_asked() && finish.done < clips.len() as u64;
    match failure {
        Some(error) => Err(error),
        None => Ok(finish),
    }
}

fn take<'c>(next: &AtomicUsize, clips: &'c [RequestedClip]) -> Option<(usize, &'c RequestedClip)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    clips.get(at).map(|clip| (at, clip))
}

/// What a lane reports about a clip.
struct Told {
    ordinal: u64,
    outcome: ClipOutcome,
    reason: Option<String>,
    known: bool,
    restarts: Vec<String>,
}

fn tell(told: Told, clips: &[RequestedClip], finish: &mut ScoreFinish, events: &mut dyn FnMut(&Event)) {
    for reason in told.restarts {
        events(&Event::WorkerRestarted { worker: "scorer".into(), reason });
    }
    finish.done += 1;
    finish.ok += u64::from(told.outcome == ClipOutcome::Ok);
    finish.known += u64::from(told.known);
    let label = usize::try_from(told.ordinal).ok().and_then(|at| clips.get(at));
    events(&Event::ClipScored {
        ordinal: told.ordinal,
        label: label.map(|clip| clip.path.clone()).unwrap_or_default(),
        outcome: told.outcome,
        reason: told.reason,
        known: told.known,
    });
}

/// Scorers that may die over one clip, as the reason of its failure says.
const ATTEMPTS: u32 = 2;

/// One scorer and the thread that feeds it.
struct Lane<'a> {
    store: &'a Store,
    record: &'a ScoringRecord,
    wanted: &'a (dyn Fn(&RequestedClip) -> Vec<Wanted> + Sync),
    references: bool,
    scorer: Scorer<'a>,
    timeout: Duration,
    cancel: Cancel,
}

/// A clip whose content is identified.
struct Identified {
    key: ClipKey,
    /// Why there is no reference to compare with, though one was asked for.
    unpaired: Option<(ClipOutcome, String)>,
}

impl Lane<'_> {
    /// Scores and records one clip. `None` when a person stopped it: the next scoring does it.
    fn score(&mut self, ordinal: u64, clip: &RequestedClip) -> Result<Option<Told>, RunError> {
        let mut wanted = (self.wanted)(clip);
        let before = FileMark::of_clip(clip);
        let mut result = match self.identify(clip) {
            Err(reason) => {
                ClipResult { outcome: (ClipOutcome::Unreadable, Some(reason)), ..ClipResult::default() }
            }
            Ok(Identified { key, unpaired }) => {
                if key.reference.is_none() {
                    wanted.retain(|wanted| !wanted.of_pair);
                }
                let Some(found) = self.find(clip, &key, &wanted)? else { return Ok(None) };
                ClipResult {
                    outcome: found.outcome(unpaired),
                    key: Some(key),
                    found,
                    ..ClipResult::default()
                }
            }
        };
        if result.key.is_some() && before != FileMark::of_clip(clip) {
            result.forget_content();
        }
        if matches!(result.found.pairing, Some(Pairing::ReferenceFailed { .. })) {
            result.forget_pair(&wanted);
        }
        let (known, (outcome, reason)) = (result.found.known, result.outcome.clone());
        self.record(ordinal, clip, result, &wanted)?;
        Ok(Some(Told { ordinal, outcome, reason, known, restarts: self.scorer.restarts() }))
    }

    fn record(
        &self,
        ordinal: u64,
        clip: &RequestedClip,
        result: ClipResult,
        wanted: &[Wanted],
    ) -> Result<(), RunError> {
        let ClipResult { outcome: (outcome, reason), key, changed, found } = result;
        let kept = key.as_ref().filter(|_| !changed);
        let (features, for_cache) = cached_features::split(found.features, wanted);
        if let (Some(cache), Some(key)) = (self.store.cache(), kept) {
            let made = Made { features: for_cache, net_secs: found.net_secs };
            cached_features::keep(cache, key, clip.prompt.as_deref(), wanted, &made);
        }
        let scored = ScoredClip {
            ordinal,
            sha256: key.as_ref().map(|key| key.clip.clone()),
            reference_sha256: key.as_ref().and_then(|key| key.reference.clone()),
            outcome,
            reason,
            facts: found.facts,
            scores: found.scores,
        };
        let content = kept.map(|key| (key, found.pairing.as_ref()));
        self.store
            .record_scored_clip(&self.record.id, &scored, content, &features, wanted)
            .map_err(RunError::Store)
    }

    /// What the files hold; the reason when the clip cannot be read.
    fn identify(&self, clip: &RequestedClip) -> Result<Identified, String> {
        if let Some(problem) = &clip.problem {
            return Err(problem.clone());
        }
        let sha256 = content_sha256(&path_from_text(&clip.path)).map_err(|error| error.to_string())?;
        if let Some(expected) = &clip.expected_sha256
            && !expected.eq_ignore_ascii_case(&sha256)
        {
            return Err(format!("the file has sha256 {sha256}, but the manifest states {expected}"));
        }
        if let Some(image) = &clip.image {
            let found = content_sha256(&path_from_text(&image.path));
            let found = found.map_err(|error| format!("its image cannot be read: {error}"))?;
            if found != image.sha256 {
                return Err(format!("its image {} has changed since the scoring began", image.path));
            }
        }
        let reference = clip.reference.as_ref().map(|path| content_sha256(&path_from_text(path)));
        let (reference, unpaired) = match reference {
            Some(Ok(reference)) => (Some(reference), None),
            Some(Err(error)) => {
                (None, Some((ClipOutcome::ReferenceFailed, format!("the reference cannot be read: {error}"))))
            }
            None if self.references => {
                let reason = clip.reference_problem.clone();
                let reason = reason.unwrap_or_else(|| "no reference has its name".to_owned());
                (None, Some((ClipOutcome::ReferenceMissing, reason)))
            }
            None => (None, None),
        };
        if let (Some(cache), Some(mark)) = (self.store.cache(), FileMark::text(&path_from_text(&clip.path))) {
            cache.note_content(&mark, &sha256);
        }
        let key = ClipKey { clip: sha256, reference, reading: self.record.request.reading(clip) };
        Ok(Identified { key, unpaired })
    }

    /// Looks up what is known and computes what is missing.
    fn find(
        &mut self,
        clip: &RequestedClip,
        key: &ClipKey,
        wanted: &[Wanted],
    ) -> Result<Option<Found>, RunError> {
        let known = self.store.known_scores(key, wanted).map_err(RunError::Store)?;
        let missing: Vec<&Wanted> = wanted.iter().filter(|wanted| !known.has(wanted)).collect();
        let paired = key.reference.is_none() || known.pairing.is_some();
        let options = &self.record.request.options;
        let allowed = known.facts.as_ref().is_some_and(|facts| is_within(facts, options))
            && are_within(clip, options.max_file_bytes);
        if allowed && missing.is_empty() && paired {
            let (facts, pairing, scores) = (known.facts, known.pairing, known.scores);
            // Known features are in the store already.
            return Ok(Some(Found { facts, pairing, scores, known: true, ..Found::default() }));
        }
        // For a clip beyond a limit the scorer is asked all the same: it then says so in the same words as for an
        // unknown clip.
        let asked = if allowed { missing } else { wanted.iter().collect() };
        let params = ScoreParams {
            path: clip.path.clone(),
            reference: key.reference.is_some().then(|| clip.reference.clone()).flatten(),
            prompt: clip.prompt.clone(),
            image: clip.image.as_ref().map(|image| image.path.clone()),
            metrics: asked.iter().map(|wanted| wanted.metric.clone()).collect(),
            options: self.record.request.options.clone(),
            known_features: self.known_features(key, clip.prompt.as_deref(), &asked)?,
            return_features: self.store.cache().is_some(),
        };
        let mut found = match self.compute(&params)? {
            Some(found) => found,
            None => return Ok(None),
        };
        if found.failure.is_none() {
            let mut scores = known.scores;
            scores.append(&mut found.scores);
            let place = |score: &MetricScore| wanted.iter().position(|wanted| wanted.metric == score.metric);
            scores.sort_by_key(place);
            found.scores = scores;
        }
        Ok(Some(found))
    }

    /// Known features of the clip and its prompt, as far as they fit on a line of the protocol; nets compute the rest
    /// again.
    fn known_features(
        &self,
        key: &ClipKey,
        prompt: Option<&str>,
        asked: &[&Wanted],
    ) -> Result<Vec<Features>, RunError> {
        let mut known = self.store.known_features(key, asked).map_err(RunError::Store)?;
        let cached = self.store.cache().map(|cache| cached_features::find(cache, key, prompt, asked, &known));
        known.extend(cached.unwrap_or_default());
        Ok(cached_features::fitting(known))
    }

    /// Asks the scorer.
    fn compute(&mut self, params: &ScoreParams) -> Result<Option<Found>, RunError> {
        let answer = self.scorer.score(params, self.timeout)?.result;
        let failed = |outcome, reason| Found { failure: Some((outcome, reason)), ..Found::default() };
        Ok(Some(match answer {
            Ok(result) => found(result),
            Err(CallError::Cancelled { .. }) => return Ok(None),
            Err(error @ CallError::Worker(_)) => failed(ClipOutcome::Unreadable, reason(&error)),
            Err(error @ (CallError::Timeout { .. } | CallError::LimitExceeded { .. })) => {
                failed(ClipOutcome::DecodeFailed, reason(&error))
            }
            Err(error) => failed(
                ClipOutcome::DecodeFailed,
                format!("the scorer crashed on it twice: {}", reason(&error)),
            ),
        }))
    }
}

/// A clip that was decoded under other limits may be beyond those of this scoring.
fn is_within(facts: &ClipFacts, options: &DecodeOptions) -> bool {
    let secs = facts.duration_secs.unwrap_or_else(|| f64::from(facts.frames) / facts.fps);
    facts.width.max(facts.height) <= options.max_side
        && u64::from(facts.frames) <= options.max_frames
        && secs <= options.max_duration_secs
}

/// What became of a clip.
struct ClipResult {
    outcome: (ClipOutcome, Option<String>),
    /// Its content; `None` when it cannot be read.
    key: Option<ClipKey>,
    /// The file changed while it was scored.
    changed: bool,
    found: Found,
}

impl Default for ClipResult {
    fn default() -> Self {
        Self { outcome: (ClipOutcome::Ok, None), key: None, changed: false, found: Found::default() }
    }
}

impl ClipResult {
    /// The file changed while it was scored: which bytes were decoded is unknown, so nothing of them is kept.
    fn forget_content(&mut self) {
        self.outcome = (
            ClipOutcome::Unreadable,
            Some("the file, its reference or its image changed while it was scored".into()),
        );
        self.changed = true;
        (self.found.facts, self.found.scores) = (None, Vec::new());
    }

    /// Another libav, or a repaired file of that name, may do better: nothing of the pair is kept by content.
    fn forget_pair(&mut self, wanted: &[Wanted]) {
        let of_pair = |score: &MetricScore| wanted.iter().any(|w| w.of_pair && w.metric == score.metric);
        self.found.scores.retain(|score| !of_pair(score));
        self.found.pairing = None;
    }
}

/// Whether the clip's file and its reference are small enough. The size of a folder is that of its images, which only
/// the scorer knows.
fn are_within(clip: &RequestedClip, max_file_bytes: u64) -> bool {
    let mut paths = std::iter::once(&clip.path).chain(&clip.reference);
    paths.all(|path| {
        FileMark::of_file(&path_from_text(path)).is_some_and(|mark| mark.bytes() <= max_file_bytes)
    })
}

/// What was found for a clip's content.
#[derive(Default)]
struct Found {
    facts: Option<ClipFacts>,
    pairing: Option<Pairing>,
    scores: Vec<MetricScore>,
    features: Vec<Features>,
    net_secs: BTreeMap<String, f64>,
    failure: Option<(ClipOutcome, String)>,
    known: bool,
}

impl Found {
    /// The outcome of the clip; `unpaired` says why there is no reference to compare with, though one was asked for.
    fn outcome(&self, unpaired: Option<(ClipOutcome, String)>) -> (ClipOutcome, Option<String>) {
        if let Some((outcome, reason)) = self.failure.clone().or(unpaired) {
            return (outcome, Some(reason));
        }
        match &self.pairing {
            Some(Pairing::Mismatch { reason }) => (ClipOutcome::PairMismatch, Some(reason.clone())),
            Some(Pairing::ReferenceFailed { reason }) => {
                (ClipOutcome::ReferenceFailed, Some(format!("the reference cannot be read: {reason}")))
            }
            Some(Pairing::Matched) | None => (ClipOutcome::Ok, None),
        }
    }
}

fn found(result: ScoreResult) -> Found {
    match result.decoded {
        Decoded::Facts(facts) => Found {
            facts: Some(facts),
            pairing: result.pairing,
            scores: result.scores,
            features: result.features,
            net_secs: result.net_secs,
            failure: None,
            known: false,
        },
        Decoded::Failed { reason } => {
            Found { failure: Some((ClipOutcome::DecodeFailed, reason)), ..Found::default() }
        }
    }
}
