use expect_test::{Expect, expect};
use vidbench_analysis::{NoteKind, analyse};
use vidbench_core::{
    Alert, AlertChange, AlertState, Domain, GivenUp, HealthChange, HealthPart, Outcome, PartState, RunData,
    RunStatus, Score, WeightsOrigin,
};

use crate::build::{DESCRIPTORS, Spec, fail, run};

/// Enough samples for a median, an open domain: nothing to note.
fn quiet() -> RunData {
    run(&Spec { seeds: (0..12).collect(), domain: Domain::Open, ..Spec::default() })
}

fn check(data: &RunData, expected: &Expect) {
    let notes = analyse(data, &DESCRIPTORS).notes;
    let lines: Vec<String> = notes
        .iter()
        .map(|note| {
            format!(
                "{:?}: {}{}\n",
                note.kind,
                note.text,
                note.hint.as_ref().map(|h| format!(" | {h}")).unwrap_or_default()
            )
        })
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_sound_run_has_no_notes() {
    check(&quiet(), &expect![""]);
}

#[test]
fn a_small_synthetic_run_is_told_so() {
    let mut data = run(&Spec::default());
    data.run.suite.scenario.warmup = 0;
    check(
        &data,
        &expect![[r#"
            FewSamples: a group has 4 ok samples; a median needs 11, p90 64, p99 662: the largest value is shown instead | add prompts, seeds or `repeats`
            NoWarmup: no warm-up generation preceded the measured ones | set `warmup = 1` in [scenario]
            SyntheticDomain: embedded/shapes: synthetic-domain | its scores are only compared within that domain
        "#]],
    );
}

#[test]
fn a_killed_and_resumed_run_is_told_so() {
    let mut data = quiet();
    let mut killed = data.sessions[0].clone();
    killed.ledger = None;
    data.sessions.insert(0, killed);
    check(
        &data,
        &expect![[r#"
            Resumed: the run took 2 sessions | machine temperature and load, and with them times, may differ between sessions
            SessionKilled: 1 of 2 sessions ended without a ledger | harness overhead does not include them
        "#]],
    );
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let mut data = quiet();
    data.run.status = RunStatus::Interrupted;
    data.samples.truncate(30);
    check(
        &data,
        &expect![[r#"
            Interrupted: the run is not complete: 30 of 48 samples have a verdict | `vidbench run --resume` with the run's id continues where it stopped
        "#]],
    );
}

#[test]
fn a_model_that_was_given_up_is_told_with_the_reason() {
    let mut data = quiet();
    data.run.status = RunStatus::Interrupted;
    let reason = "load failed: the worker ended; its log ends with: CUDA error: boom".into();
    data.sessions[0].given_up = vec![GivenUp { model: data.run.suite.models[0].id.clone(), reason }];
    let notes = analyse(&data, &[]).notes;
    let found: Vec<_> = notes.iter().filter(|note| note.kind == NoteKind::GivenUp).collect();
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .text
            .ends_with("was given up: load failed: the worker ended; its log ends with: CUDA error: boom")
    );
}

#[test]
fn failures_are_summed_by_outcome() {
    let mut data = quiet();
    fail(&mut data.samples[0], Outcome::OutOfMemory, "cuda");
    fail(&mut data.samples[1], Outcome::Timeout, "600 s");
    fail(&mut data.samples[2], Outcome::Timeout, "600 s");
    check(
        &data,
        &expect![[r#"
            Failures: 3 of 48 samples failed (1 out_of_memory, 2 timeout); means exclude them | means over the remaining samples may look too good; the report and `vidbench export` list each reason
        "#]],
    );
}

#[test]
fn clocks_the_harness_and_cold_starts_are_watched() {
    let mut data = quiet();
    data.samples[0].generation.as_mut().unwrap().timing.as_mut().unwrap().clock_error_ns = 2_000_000;
    data.samples[1].generation.as_mut().unwrap().timing.as_mut().unwrap().end_ns += 900_000_000;
    data.sessions[0].ledger.as_mut().unwrap().wall_secs = 120.0;
    check(
        &data,
        &expect![[r#"
            ColdFirstSample: in 1 of 2 groups the first sample took over 1.5 times the median of the others | raise `warmup` in [scenario]
            ClockError: worker times may be off by 2.000 ms relative to the harness clock; the fastest group takes 49.200 ms | close other programs, or compare service times only
            HarnessOverhead: the harness itself took 17.5 % of 120.0 s of wall time | timed windows exclude it; a slow disk is the usual cause
        "#]],
    );
}

#[test]
fn weights_that_say_nothing_are_told() {
    let mut data = run(&Spec {
        models: vec!["a", "b", "c"],
        seeds: (0..12).collect(),
        domain: Domain::Open,
        ..Spec::default()
    });
    data.sessions[0].models[0].model.weights = WeightsOrigin::Random;
    data.sessions[0].models[2].model.weights = WeightsOrigin::Unknown;
    check(
        &data,
        &expect![[r#"
            RandomWeights: a: random weights | speed and memory only: its quality is never ranked
            UnknownWeights: c: weights of unknown origin | its quality is not ranked; only a worker can report the SHA-256 of its weights (docs/command.md)
        "#]],
    );
}

#[test]
fn a_model_that_ignores_its_seed_is_caught() {
    let mut data = quiet();
    let file = data.samples[0].generation.as_ref().unwrap().artifact_sha256.clone();
    data.samples[4].generation.as_mut().unwrap().artifact_sha256 = file;
    check(
        &data,
        &expect![[r#"
            DuplicateClips: 2 samples with different prompts or seeds have a file identical to another | check that the model uses prompt and seed, and that no cache answers in its place
        "#]],
    );
}

#[test]
fn repeats_with_different_bytes_are_told() {
    let data = run(&Spec { seeds: (0..6).collect(), repeats: 2, domain: Domain::Open, ..Spec::default() });
    check(
        &data,
        &expect![[r#"
            NotDeterministic: 24 of 24 prompt-seed pairs produced different files when repeated
        "#]],
    );
}

#[test]
fn metrics_that_lack_values_or_power_are_told() {
    let mut data = quiet();
    data.samples[0].verdict.scores[0].score = Score::not_available("no object found");
    data.set_scores[0].n = 24;
    data.set_scores[0].underpowered = true;
    data.run.suite.prompts[0].findings.push("forbidden token".into());
    check(
        &data,
        &expect![[r#"
            UnderpoweredSet: frechet_shapes@1 is underpowered: 24 clips for 64 dimensions bias it upwards | generate at least 128 clips per parameter set
            MetricUnavailable: shape_adherence@1 is not available for 1 ok clip: no object found
            FlaggedPrompts: the prompt policy flagged 1 of 2 prompts and rejected 0
        "#]],
    );
}

#[test]
fn kinds_have_stable_names() {
    assert_eq!(serde_json::to_value(NoteKind::UnderpoweredSet).unwrap(), "underpowered_set");
}

#[test]
fn alerts_and_bad_parts_are_told_in_a_line_each() {
    let mut data = quiet();
    let alert = |at_secs, alert, subject: Option<&str>, state, reason: &str| AlertChange {
        at_secs,
        alert,
        subject: subject.map(str::to_owned),
        state,
        reason: reason.into(),
    };
    use AlertState::{Fired, Off, Resolved};
    data.sessions[0].alerts = vec![
        alert(0.0, Alert::Latency, Some("slow"), Off, "it usually takes 45.0 s"),
        alert(1.0, Alert::Disk, None, Fired, "86.0 %"),
        alert(2.0, Alert::Disk, None, Resolved, "80.0 %"),
        alert(3.0, Alert::Disk, None, Fired, "87.0 %"),
        alert(4.0, Alert::Breaker, Some("m (load)"), Fired, "it failed 5 times in a row"),
        alert(5.0, Alert::Breaker, Some("m (load)"), Resolved, "it works again"),
    ];
    let health = |part, state, reason: &str| HealthChange {
        at_secs: 1.0,
        part,
        state,
        whole: state.into(),
        reason: reason.into(),
    };
    data.sessions[0].health = vec![
        health(HealthPart::Memory, PartState::Degraded, "91.0 %"),
        health(HealthPart::Memory, PartState::Unhealthy, "98.0 %"),
        health(HealthPart::Memory, PartState::Healthy, "20.0 %"),
        health(HealthPart::DeviceErrors, PartState::Unknown, "no answer"),
    ];
    check(
        &data,
        &expect![[r#"
            Alert: alert latency for slow was off: it usually takes 45.0 s
            Alert: alert disk fired 2 times, most recently: 87.0 %; it was still active at the end
            Alert: alert breaker for m (load) fired 1 time, most recently: it failed 5 times in a row; it is resolved
            Health: memory was unhealthy: 98.0 %; it recovered | [health] in the suite sets the thresholds; `vidbench doctor --watch` shows every part
            Health: device errors was unknown: no answer | a part that cannot be read does not count as healthy; `vidbench doctor --watch` shows every part
        "#]],
    );
}
