//! The suite passes a sound worker and fails a broken one for the rule it breaks.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use vidbench_core::{ModelId, Params};
use vidbench_engines::conformance::{CheckOptions, Inspect, RULES, Report, RuleVerdict, check};
use vidbench_engines::{EngineError, WorkerCommand};

use crate::support::{LONG, clock, params, worker};

fn report(mode: &str, timeout: Duration) -> Report {
    run(&worker(mode), None, timeout).unwrap()
}

/// This crate does not decode, so any file passes as a sound video here.
fn is_there(file: &Path, _: &Params) -> Result<(), String> {
    std::fs::metadata(file).map(drop).map_err(|error| error.to_string())
}

fn is_never_sound(file: &Path, params: &Params) -> Result<(), String> {
    Err(format!("{}: no {} frames", file.file_name().unwrap().display(), params.frames))
}

pub(crate) fn run(
    command: &WorkerCommand,
    model: Option<&str>,
    timeout: Duration,
) -> Result<Report, EngineError> {
    let scratch = tempfile::tempdir().unwrap();
    let options = options(&scratch, model, timeout, is_there);
    check(command, &options, clock())
}

fn options(scratch: &TempDir, model: Option<&str>, timeout: Duration, inspect: Inspect) -> CheckOptions {
    let model = model.map(|model| ModelId::new(model).unwrap());
    let (scratch, inspect) = (scratch.path().into(), Some(inspect));
    CheckOptions { model, prompt: "a circle".into(), params: params(), timeout, scratch, inspect }
}

#[test]
fn a_file_that_is_not_the_video_asked_for_breaks_its_rule() {
    let scratch = tempfile::tempdir().unwrap();
    let report = check(&worker("good"), &options(&scratch, None, LONG, is_never_sound), clock()).unwrap();
    assert_eq!(failed(&report), ["R24"]);
    let why = format!("clip.mp4: no {} frames", params().frames);
    assert_eq!(report.failures().next().unwrap().verdict, RuleVerdict::Fail { why });
}

#[test]
fn a_worker_that_dies_is_told_with_its_status_and_its_last_words() {
    let command = WorkerCommand::new("sh").args(["-c", "echo no module named torch >&2; exit 3"]);
    let report = run(&command, None, LONG).unwrap();
    let RuleVerdict::Fail { why } = &report.rules[0].verdict else { panic!("{report:?}") };
    assert_eq!(
        why,
        "initialize: the worker ended without an answer: exit status: 3; its log ends with: no module named torch"
    );
}

#[test]
fn rules_that_build_on_a_broken_one_do_not_concern_the_worker() {
    let report = run(&worker("good"), Some("nothing-it-knows"), LONG).unwrap();
    assert_eq!(failed(&report), ["R12"]);
}

fn failed(report: &Report) -> Vec<&str> {
    report.failures().map(|rule| rule.id).collect()
}

#[track_caller]
fn fails_exactly(mode: &str, rule: &str) {
    let report = report(mode, LONG);
    assert_eq!(failed(&report), [rule], "{mode}: {report:#?}");
}

#[test]
fn a_sound_worker_passes_every_rule() {
    let report = report("good", LONG);
    for (rule, (id, _)) in report.rules.iter().zip(RULES) {
        assert_eq!((rule.id, &rule.verdict), (id, &RuleVerdict::Pass));
    }
    assert_eq!(report.rules.len(), RULES.len());
}

#[test]
fn rules_are_numbered_without_gaps() {
    for (at, (id, title)) in RULES.iter().enumerate() {
        assert_eq!(*id, format!("R{}", at + 1));
        assert!(!title.is_empty());
    }
}

#[test]
fn every_rule_is_explained_in_the_docs_under_its_number() {
    let page = include_str!("../../../../docs/worker-protocol.md");
    for (id, title) in RULES {
        assert!(page.contains(&format!("| {id} | {title} |")), "{id}: {title}");
    }
}

#[test]
fn a_worker_broken_in_one_way_fails_exactly_that_rule() {
    for (mode, rule) in [
        ("nameless", "R1"),
        ("speaks-any-version", "R2"),
        ("serves-uninitialized", "R3"),
        ("wrong-method-code", "R4"),
        ("wrong-parse-code", "R5"),
        ("drops-unknown-fields", "R6"),
        ("loads-anything", "R8"),
        ("exit-status", "R10"),
        ("loads-another", "R12"),
        ("writes-another-too", "R13"),
        ("names-another-file", "R13"),
        ("writes-empty", "R13"),
        ("steps-from-zero", "R14"),
        ("skips-a-step", "R14"),
        ("step-times-go-back", "R14"),
        ("stages-overlap", "R15"),
        ("starts-before-the-request", "R15"),
        ("not-reproducible", "R16"),
        ("ignores-the-seed", "R17"),
        ("takes-zero-frames", "R18"),
        ("keeps-unloaded", "R19"),
        ("scores-missing-files", "R20"),
        ("answers-twice", "R21"),
        ("wrong-jsonrpc", "R21"),
        ("null-ids", "R21"),
        ("rubbish-beside", "R22"),
        ("unknown-notification", "R22"),
        ("unknown-error-kind", "R23"),
    ] {
        match mode {
            // An empty file is also the same for every seed.
            "writes-empty" => assert_eq!(failed(&report(mode, LONG)), ["R13", "R17"]),
            _ => fails_exactly(mode, rule),
        }
    }
}

#[test]
fn a_broken_rule_that_others_rest_on_is_among_the_failed() {
    for (mode, rule) in [
        ("speaks-version-2", "R1"),
        ("clock-goes-back", "R7"),
        ("generates-unloaded", "R9"),
        ("writes-nothing", "R13"),
        ("unknown-stage", "R15"),
        ("dies", "R13"),
        ("rubbish", "R22"),
        ("huge-line", "R22"),
        ("wrong-id", "R21"),
        ("result-and-error", "R21"),
    ] {
        let report = report(mode, LONG);
        assert!(failed(&report).contains(&rule), "{mode}: {report:#?}");
    }
}

#[test]
fn a_worker_that_does_not_end_fails_for_it_in_time() {
    let timeout = Duration::from_secs(10);
    assert_eq!(failed(&report("ignores-end-of-input", timeout)), ["R11"]);
    assert_eq!(failed(&report("shutdown-lingers", timeout)), ["R10"]);
}

#[test]
fn a_worker_that_never_answers_gets_a_report() {
    let command = WorkerCommand::new("sleep").args(["60"]);
    let report = run(&command, Some("toy"), Duration::from_millis(100)).unwrap();
    let passed: Vec<_> = report.rules.iter().filter(|rule| rule.verdict == RuleVerdict::Pass).collect();
    assert_eq!(passed.iter().map(|rule| rule.id).collect::<Vec<_>>(), ["R21", "R22", "R23"]);
}

#[test]
fn a_program_that_does_not_exist_is_an_error_with_a_hint() {
    let error = run(&WorkerCommand::new("/no/such/worker"), None, LONG).unwrap_err();
    assert_eq!(error.to_string(), "worker /no/such/worker cannot be started");
    assert!(error.hint().unwrap().contains("PATH"));
}

#[test]
fn a_scratch_folder_that_is_in_use_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::create_dir(scratch.path().join("first")).unwrap();
    let prompt = "a circle".into();
    let scratch = scratch.path().into();
    let options =
        CheckOptions { model: None, prompt, params: params(), timeout: LONG, scratch, inspect: None };
    let error = check(&worker("good"), &options, clock()).unwrap_err();
    assert!(matches!(error, EngineError::Scratch { .. }));
    assert!(error.hint().is_some());
}
