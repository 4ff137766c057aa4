//! What a reader of a run should know, with advice fitted to what the run did.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{BreakerState, Domain, Outcome, RunData, RunStatus, WeightsOrigin};

use crate::group::Group;
use crate::overhead::HarnessOverhead;
use crate::percentile::values_needed;
use crate::telemetry::{CROWDED_PERCENT, IdlePower};
use crate::{Joined, SampleView, health_notes};

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Which kind; stable, for tools.
    pub kind: NoteKind,
    /// What is the case.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Samples failed.
    Failures,
    /// The run stopped before its end.
    Interrupted,
    /// A session gave up a model and left its other samples undone.
    GivenUp,
    /// A breaker kept a model from being called for a while.
    Breaker,
    /// Alerts fired.
    Alert,
    /// A part of the machine or of the session was not well, or could not be read.
    Health,
    /// Samples were made at a second or later attempt.
    Retried,
    /// A model stood in for another that ran out of memory.
    Instead,
    /// Samples were taken from earlier runs.
    Reused,
    /// Processes of others used the accelerator, or, on a machine without one, the processors.
    Contended,
    /// The accelerator ran slower than it could.
    Throttled,
    /// What the idle machine drew.
    IdlePower,
    /// The run was made in several sessions.
    Resumed,
    /// A session was killed and left no ledger.
    SessionKilled,
    /// Too few samples for a median.
    FewSamples,
    /// No warm-up generation before the measured ones.
    NoWarmup,
    /// The first sample took much longer than those after it.
    ColdFirstSample,
    /// The error of translating the worker's clock may be a large share of what is measured.
    ClockError,
    /// The harness itself took much of the time.
    HarnessOverhead,
    /// A model of a toy domain.
    SyntheticDomain,
    /// Random weights.
    RandomWeights,
    /// The worker does not say where the weights come from.
    UnknownWeights,
    /// Different prompts or seeds gave the same file.
    DuplicateClips,
    /// The same prompt and seed gave different files.
    NotDeterministic,
    /// A set metric has too few clips for its features.
    UnderpoweredSet,
    /// A metric has no value for some clips.
    MetricUnavailable,
    /// The prompt policy found something.
    FlaggedPrompts,
}

/// A first sample this many times slower than the median of the others was cold (reference: sanity gates of serving
/// benchmarks).
const COLD_RATIO: f64 = 1.5;
/// A clock error above this share of the mean service time gets a note.
const CLOCK_ERROR_SHARE: f64 = 0.01;
/// The share of the wall time that the harness may take without a note.
const HARNESS_SHARE: f64 = 0.02;

/// A session of less than this is mostly start-up: its overhead says little about a longer one.
const SHORT_SESSION_SECS: f64 = 10.0;

pub(crate) fn notes(
    data: &RunData,
    joined: &Joined<'_>,
    groups: &[Group],
    overhead: Option<&HarnessOverhead>,
    idle: &[IdlePower],
) -> Vec<Note> {
    let mut notes = Vec::new();
    failures(groups, &mut notes);
    sessions(data, &mut notes);
    breakers(data, &mut notes);
    health_notes::alerts(data, &mut notes);
    health_notes::health(data, &mut notes);
    retried(data, &mut notes);
    instead(data, groups, &mut notes);
    reused(data, &mut notes);
    accelerators(data, &mut notes);
    health_notes::idle_power(idle, &mut notes);
    few_samples(data, groups, &mut notes);
    warmup(data, joined, &mut notes);
    clocks(joined, groups, &mut notes);
    harness(overhead, &mut notes);
    weights_and_domains(groups, &mut notes);
    repeated_files(joined, &mut notes);
    metrics(groups, &mut notes);
    prompts(data, &mut notes);
    notes.sort_by_key(|note| note.kind);
    notes
}

pub(crate) fn add(notes: &mut Vec<Note>, kind: NoteKind, text: String, hint: Option<&str>) {
    notes.push(Note { kind, text, hint: hint.map(str::to_owned) });
}

fn failures(groups: &[Group], notes: &mut Vec<Note>) {
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    for failure in groups.iter().flat_map(|group| &group.failures) {
        *counts.entry(failure.outcome).or_default() += failure.count;
    }
    let total: u64 = counts.values().sum();
    if total == 0 {
        return;
    }
    let parts: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let judged: u64 = groups.iter().map(|group| group.judged).sum();
    let text = format!("{total} of {judged} samples failed ({}); means exclude them", parts.join(", "));
    let hint = if total == judged {
        "the report and `vidbench export` list each reason"
    } else {
        "means over the remaining samples may look too good; the report and `vidbench export` list each reason"
    };
    add(notes, NoteKind::Failures, text, Some(hint));
}

fn breakers(data: &RunData, notes: &mut Vec<Note>) {
    let mut opened: BTreeMap<(&str, &str), (u32, &str)> = BTreeMap::new();
    let changes = data.sessions.iter().flat_map(|session| &session.breakers);
    for change in changes.filter(|change| change.state == BreakerState::Open) {
        let (times, reason) = opened.entry((change.model.as_str(), change.operation.name())).or_default();
        (*times, *reason) = (*times + 1, &change.reason);
    }
    for ((model, operation), (times, reason)) in opened {
        let text = format!(
            "the breaker of {model} ({operation}) opened {}, most recently because {reason}",
            count(times, "time")
        );
        add(notes, NoteKind::Breaker, text, None);
    }
}

fn retried(data: &RunData, notes: &mut Vec<Note>) {
    let again =
        data.samples.iter().filter(|sample| !sample.attempts.is_empty() && sample.generation.is_some());
    let samples = u32::try_from(again.count()).unwrap_or(u32::MAX);
    if samples > 0 {
        let was = if samples == 1 { "was" } else { "were" };
        let text = format!("{} {was} generated at a second or later attempt", count(samples, "sample"));
        let hint = match data.run.suite.scenario.kind {
            ScenarioKind::SingleStream => {
                "a fresh worker may be slower or faster than one that has worked before; `vidbench export` lists each attempt"
            }
            ScenarioKind::Offline => {
                "latency and throughput include waits before second attempts; `vidbench export` lists each attempt"
            }
        };
        add(notes, NoteKind::Retried, text, Some(hint));
    }
}

fn accelerators(data: &RunData, notes: &mut Vec<Note>) {
    let telemetry = || data.samples.iter().filter_map(|sample| sample.telemetry.as_ref());
    let number = |samples: usize| count(u32::try_from(samples).unwrap_or(u32::MAX), "sample");
    let contended = telemetry().filter(|found| found.contended == Some(true)).count();
    if contended > 0 {
        let all = data.readings.iter().flat_map(|(_, readings)| readings);
        let (text, hint) = match all.into_iter().any(|reading| !reading.devices.is_empty()) {
            true => (
                format!("other processes used an accelerator during {}", number(contended)),
                "their times and energy are not the model's alone; nvidia-smi lists the processes",
            ),
            false => (
                format!(
                    "other programs used more than {CROWDED_PERCENT:.0} % of the processors during {}",
                    number(contended)
                ),
                "they slow down everything that computes on the processors: close them and run again",
            ),
        };
        add(notes, NoteKind::Contended, text, Some(hint));
    }
    let slowed: Vec<&Vec<String>> =
        telemetry().map(|found| &found.throttled).filter(|why| !why.is_empty()).collect();
    if !slowed.is_empty() {
        let reasons: BTreeSet<&str> = slowed.iter().flat_map(|why| why.iter().map(String::as_str)).collect();
        let reasons = Vec::from_iter(reasons).join(", ");
        let during = number(slowed.len());
        let text = format!("accelerators were throttled during {during}: {reasons}");
        let hint = "cool the machine, or set clocks and power limits that it can sustain";
        add(notes, NoteKind::Throttled, text, Some(hint));
    }
}

pub(crate) fn count(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn sessions(data: &RunData, notes: &mut Vec<Note>) {
    match data.run.status {
        RunStatus::Complete => {}
        RunStatus::Running => {
            let text = format!("the run is still in progress: {}", share_judged(data));
            add(notes, NoteKind::Interrupted, text, None);
        }
        RunStatus::Interrupted => {
            let hint = "`vidbench run --resume` with the run's id continues where it stopped";
            add(
                notes,
                NoteKind::Interrupted,
                format!("the run is not complete: {}", share_judged(data)),
                Some(hint),
            );
        }
    }
    for given_up in data.sessions.last().iter().flat_map(|session| &session.given_up) {
        let text = format!("{} was given up: {}", given_up.model, given_up.reason);
        add(
            notes,
            NoteKind::GivenUp,
            text,
            Some(
                "fix the cause, then use --resume to try its remaining samples; a changed suite is a new run",
            ),
        );
    }
    if data.sessions.len() > 1 {
        let text = format!("the run took {} sessions", data.sessions.len());
        add(
            notes,
            NoteKind::Resumed,
            text,
            Some("machine temperature and load, and with them times, may differ between sessions"),
        );
    }
    let killed = data.sessions.iter().filter(|session| session.ledger.is_none()).count();
    if killed > 0 && data.run.status != RunStatus::Running {
        let text = format!("{killed} of {} sessions ended without a ledger", data.sessions.len());
        add(notes, NoteKind::SessionKilled, text, Some("harness overhead does not include them"));
    }
}

fn share_judged(data: &RunData) -> String {
    format!("{} of {} samples have a verdict", data.samples.len(), data.run.planned)
}

fn instead(data: &RunData, groups: &[Group], notes: &mut Vec<Note>) {
    let models = &data.run.suite.models;
    for (model, first) in models.iter().filter_map(|model| Some((model, model.instead_of?))) {
        let Some(first) = models.get(first as usize) else { continue };
        let of_model: Vec<&Group> = groups.iter().filter(|group| group.model == model.id).collect();
        let (ok, planned): (u64, u64) =
            of_model.iter().fold((0, 0), |(ok, planned), group| (ok + group.ok, planned + group.planned));
        if planned > 0 {
            let text = format!(
                "{} ran out of memory on {planned} samples; {} generated {ok} of them in its place: it is a different configuration, so their results are not comparable",
                first.id, model.id
            );
            add(notes, NoteKind::Instead, text, None);
        }
    }
}

fn reused(data: &RunData, notes: &mut Vec<Note>) {
    let generations = data.samples.iter().filter_map(|sample| sample.generation.as_ref());
    let from: Vec<_> = generations.filter_map(|made| made.reused_from.as_ref()).collect();
    let runs: BTreeSet<_> = from.iter().map(|run| run.as_str()).collect();
    if !from.is_empty() {
        let text = format!(
            "{} of {} samples come from {} ({}); latency, throughput and memory cover only the others",
            from.len(),
            data.samples.len(),
            count(runs.len() as u32, "earlier run"),
            runs.into_iter().collect::<Vec<_>>().join(", ")
        );
        add(notes, NoteKind::Reused, text, Some("leave `reuse_samples` out of a suite that measures speed"));
    }
}

/// Ok samples of groups that have times: imported videos have none.
fn timed_ok(groups: &[Group]) -> impl Iterator<Item = u64> {
    groups.iter().filter(|group| group.latency.is_some()).map(|group| group.ok)
}

fn few_samples(data: &RunData, groups: &[Group], notes: &mut Vec<Note>) {
    let needed = values_needed(0.5);
    let Some(fewest) = timed_ok(groups).filter(|ok| *ok < needed).min() else {
        return;
    };
    let text = format!(
        "a group has {}; a median needs {needed}, p90 {}, p99 {}: the largest value is shown instead",
        count(u32::try_from(fewest).unwrap_or(u32::MAX), "ok sample"),
        values_needed(0.9),
        values_needed(0.99)
    );
    let hint =
        if data.run.suite.repeats == 1 { "add prompts, seeds or `repeats`" } else { "add prompts or seeds" };
    add(notes, NoteKind::FewSamples, text, Some(hint));
}

fn warmup(data: &RunData, joined: &Joined<'_>, notes: &mut Vec<Note>) {
    if data.run.suite.scenario.warmup == 0 {
        let text = "no warm-up generation preceded the measured ones".into();
        add(notes, NoteKind::NoWarmup, text, Some("set `warmup = 1` in [scenario]"));
    }
    let mut by_group: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    for sample in ok_samples(joined) {
        if let Some(timing) = sample.timing() {
            let key = (sample.planned.model, sample.planned.params);
            by_group.entry(key).or_default().push(timing.service_secs());
        }
    }
    let cold = by_group.values().filter(|services| first_was_cold(services)).count();
    if cold > 0 {
        let text = format!(
            "in {cold} of {} groups the first sample took over {COLD_RATIO} times the median of the others",
            by_group.len()
        );
        add(notes, NoteKind::ColdFirstSample, text, Some("raise `warmup` in [scenario]"));
    }
}

fn first_was_cold(services: &[f64]) -> bool {
    let Some((first, rest)) = services.split_first() else { return false };
    let mut sorted = rest.to_vec();
    sorted.sort_by(f64::total_cmp);
    // With at least three others, one outlier cannot move the median.
    sorted.len() >= 3 && sorted.get(sorted.len() / 2).is_some_and(|median| *first > COLD_RATIO * median)
}

fn ok_samples<'j, 'd>(joined: &'j Joined<'d>) -> impl Iterator<Item = &'j SampleView<'d>> {
    joined.samples.iter().filter(|sample| sample.record.verdict.outcome == Outcome::Ok)
}

fn clocks(joined: &Joined<'_>, groups: &[Group], notes: &mut Vec<Note>) {
    let error_ns = ok_samples(joined)
        .filter_map(|sample| Some(sample.record.generation.as_ref()?.timing.as_ref()?.clock_error_ns))
        .max();
    let fastest = groups.iter().filter_map(|group| Some(group.service.as_ref()?.mean)).min_by(f64::total_cmp);
    let (Some(error_ns), Some(fastest)) = (error_ns, fastest) else { return };
    let error_secs = error_ns as f64 / 1e9;
    if error_secs > CLOCK_ERROR_SHARE * fastest {
        let text = format!(
            "worker times may be off by {:.3} ms relative to the harness clock; the fastest group takes {:.3} ms",
            error_secs * 1e3,
            fastest * 1e3
        );
        add(notes, NoteKind::ClockError, text, Some("close other programs, or compare service times only"));
    }
}

fn harness(overhead: Option<&HarnessOverhead>, notes: &mut Vec<Note>) {
    if let Some(overhead) = overhead.filter(|overhead| overhead.share_of_wall > HARNESS_SHARE) {
        let text = format!(
            "the harness itself took {:.1} % of {:.1} s of wall time",
            100.0 * overhead.share_of_wall,
            overhead.wall_secs
        );
        let hint = match overhead.wall_secs < SHORT_SESSION_SECS {
            true => "timed windows exclude it; in so short a run it is mostly start-up",
            false => "timed windows exclude it; a slow disk is the usual cause",
        };
        add(notes, NoteKind::HarnessOverhead, text, Some(hint));
    }
}

fn weights_and_domains(groups: &[Group], notes: &mut Vec<Note>) {
    let models = |keep: fn(&Group) -> bool| {
        let mut ids: Vec<&str> =
            groups.iter().filter(|group| keep(group)).map(|group| group.model.as_str()).collect();
        ids.dedup();
        ids.join(", ")
    };
    for (kind, ids, text, hint) in [
        (
            NoteKind::SyntheticDomain,
            models(|group| group.domain == Some(Domain::SyntheticDomain)),
            "synthetic-domain",
            "its scores are only compared within that domain",
        ),
        (
            NoteKind::RandomWeights,
            models(|group| group.weights == WeightsOrigin::Random),
            "random weights",
            "speed and memory only: its quality is never ranked",
        ),
        (
            NoteKind::UnknownWeights,
            models(|group| group.weights == WeightsOrigin::Unknown),
            "weights of unknown origin",
            "its quality is not ranked; only a worker can report the SHA-256 of its weights (docs/command.md)",
        ),
    ] {
        if !ids.is_empty() {
            add(notes, kind, format!("{ids}: {text}"), Some(hint));
        }
    }
}

/// Model and set of parameters.
type GroupKey = (u32, u32);
/// Prompt and seed.
type Input = (u32, u64);

fn repeated_files(joined: &Joined<'_>, notes: &mut Vec<Note>) {
    let mut inputs_of_file: BTreeMap<(GroupKey, &str), Vec<Input>> = BTreeMap::new();
    let mut files_of_input: BTreeMap<(GroupKey, Input), Vec<&str>> = BTreeMap::new();
    for sample in ok_samples(joined) {
        let Some(generation) = &sample.record.generation else { continue };
        let (planned, file) = (sample.planned, generation.artifact_sha256.as_str());
        let (group, input) = ((planned.model, planned.params), (planned.prompt, planned.seed));
        inputs_of_file.entry((group, file)).or_default().push(input);
        files_of_input.entry((group, input)).or_default().push(file);
    }
    let shared: usize = inputs_of_file.values_mut().map(distinct).filter(|inputs| *inputs > 1).sum();
    if shared > 0 {
        let text =
            format!("{shared} samples with different prompts or seeds have a file identical to another");
        add(
            notes,
            NoteKind::DuplicateClips,
            text,
            Some("check that the model uses prompt and seed, and that no cache answers in its place"),
        );
    }
    let different = files_of_input.values_mut().map(distinct).filter(|files| *files > 1).count();
    if different > 0 {
        let text = format!(
            "{different} of {} prompt-seed pairs produced different files when repeated",
            files_of_input.len()
        );
        add(notes, NoteKind::NotDeterministic, text, None);
    }
}

fn distinct<T: Ord>(values: &mut Vec<T>) -> usize {
    values.sort_unstable();
    values.dedup();
    values.len()
}

fn metrics(groups: &[Group], notes: &mut Vec<Note>) {
    let mut missing: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for summary in groups.iter().flat_map(|group| &group.metrics) {
        for entry in &summary.not_available {
            *missing.entry((summary.metric.as_str(), &entry.reason)).or_default() += entry.count;
        }
    }
    for ((metric, reason), count) in missing {
        add(
            notes,
            NoteKind::MetricUnavailable,
            format!(
                "{metric} is not available for {count} ok {}: {reason}",
                if count == 1 { "clip" } else { "clips" }
            ),
            None,
        );
    }
    let mut weak: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for score in groups.iter().flat_map(|group| &group.set_scores).filter(|score| score.underpowered) {
        let fewest = weak.entry(score.metric.as_str()).or_insert((score.n, score.dims));
        fewest.0 = fewest.0.min(score.n);
    }
    for (metric, (n, dims)) in weak {
        let text = format!("{metric} is underpowered: {n} clips for {dims} dimensions bias it upwards");
        let hint = format!("generate at least {} clips per parameter set", 2 * u64::from(dims));
        add(notes, NoteKind::UnderpoweredSet, text, Some(&hint));
    }
}

fn prompts(data: &RunData, notes: &mut Vec<Note>) {
    let prompts = &data.run.suite.prompts;
    let flagged = prompts.iter().filter(|prompt| !prompt.findings.is_empty()).count();
    let rejected = prompts.iter().filter(|prompt| prompt.rejected).count();
    if flagged > 0 {
        let text = format!(
            "the prompt policy flagged {flagged} of {} prompts and rejected {rejected}",
            prompts.len()
        );
        add(notes, NoteKind::FlaggedPrompts, text, None);
    }
}
