//! Workers that break in the middle of a run: one sample is the price, and the run goes on.

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace, worker_suite};

/// Runs seeds 1 to 3 with two prompts each; the worker breaks at seed 2.
fn run(fault: &str, limits: &str) -> (Said, Value) {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1, 2, 3]", fault, 2, limits));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    let data = workspace.export();
    (said, data)
}

fn outcomes(data: &Value) -> Vec<&str> {
    samples(data).iter().map(|sample| sample["verdict"]["outcome"].as_str().unwrap()).collect()
}

fn check(fault: &str, limits: &str, outcome: &str, reason: &str) {
    let (said, data) = run(fault, limits);
    assert_eq!(outcomes(&data), ["ok", "ok", outcome, outcome, "ok", "ok"], "{}", said.stderr);
    assert_eq!(said.code, 1, "a failed sample is exit code 1: {}", said.stderr);
    assert!(said.stdout.starts_with("VALID WITH FAILURES"), "{}", said.stdout);
    let found = samples(&data)[2]["verdict"]["reason"].as_str().unwrap();
    assert!(found.contains(reason), "{found}");
}

#[test]
fn a_worker_that_dies() {
    check("die", "", "worker_crashed", "exit status: 7");
}

#[test]
fn a_worker_that_hangs() {
    check("hang", "sample_timeout_secs = 1", "timeout", "no answer to generate within 1.0 s");
}

#[test]
fn a_worker_that_writes_rubbish() {
    check("rubbish", "", "protocol_error", "Loading checkpoint shards");
}

#[test]
fn a_worker_that_answers_twice() {
    check("answer-twice", "", "protocol_error", "the worker broke the protocol");
}

#[test]
fn a_worker_that_runs_out_of_memory_lives() {
    check("out-of-memory", "", "out_of_memory", "the device has no memory left");
}

#[test]
fn a_variable_that_a_worker_is_to_get_must_be_set() {
    let workspace = Workspace::new();
    let suite = worker_suite("[1]", "none", 9, "")
        .replace("[prompts]", "pass_env = [\"VIDBENCH_TEST_TOKEN\"]\n[prompts]");
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("VIDBENCH_TEST_TOKEN, which is not set"), "{}", said.stderr);
    let with =
        workspace.command(["run", "suite.toml"]).env("VIDBENCH_TEST_TOKEN", "secret").output().unwrap();
    assert!(with.status.success());
    assert!(!workspace.export().to_string().contains("secret"), "values are never recorded");
}

#[test]
fn a_worker_whose_file_cannot_be_taken() {
    check("no-file", "", "invalid_output", "the worker's file cannot be taken: No such file or directory");
    check("link", "", "invalid_output", "the worker's file cannot be taken: it is not a regular file");
}

#[test]
fn a_worker_whose_file_is_no_video() {
    check("not-a-video", "", "decode_failed", "not a video container");
    check("empty", "", "decode_failed", "empty");
}

#[test]
fn a_worker_that_lies_about_its_time_or_memory() {
    check("lies-about-time", "", "protocol_error", "the worker says it worked from");
    check("immense", "", "protocol_error", "peak_rss_bytes is 18446744073709551615");
}

/// The first scoring starts the scorer and loads its net, which takes longer than the worker takes to break.
#[test]
fn a_worker_that_breaks_after_its_answer_costs_no_other_sample() {
    for (fault, told) in [
        ("dies-afterwards", "the worker ended: exit status: 7"),
        ("answers-again", "that no request waits for"),
    ] {
        let workspace = Workspace::new();
        let suite = worker_suite("[1, 2]", fault, 1, "").replace("limit = 2", "limit = 1");
        workspace.write("suite.toml", suite.replace("shape_adherence@1", "frechet_shapes@1"));
        let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
        assert_eq!(outcomes(&workspace.export()), ["ok"; 2], "{}", said.stderr);
        assert!(said.stderr.contains(told), "{fault}: {}", said.stderr);
    }
}

#[test]
fn a_warm_up_that_kills_the_worker_is_not_the_end() {
    let workspace = Workspace::new();
    let suite = worker_suite("[1, 2]", "die", 1, "").replace("warmup = 0", "warmup = 1");
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("going on without warm-up"), "{}", said.stderr);
    assert_eq!(outcomes(&workspace.export()), ["worker_crashed", "worker_crashed", "ok", "ok"]);
}

#[test]
fn why_a_model_was_given_up_stays_with_the_run() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[2]", "die", 2, "max_consecutive_failures = 1"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 3);
    let shown = workspace.run(["runs", "show", "latest"]).stdout;
    assert!(shown.contains("rendered-shapes was given up: its worker failed 1 times in a row"), "{shown}");
    assert!(shown.contains("exit status: 7"), "{shown}");
}

#[test]
fn a_model_that_only_fails_is_given_up_and_its_samples_stay_planned() {
    let workspace = Workspace::new();
    let suite = worker_suite("[2]", "die", 2, "max_consecutive_failures = 1");
    workspace.write("suite.toml", &suite);
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 3, "incomplete: {}", said.stderr);
    assert!(said.stderr.contains("is given up"), "{}", said.stderr);
    assert!(said.stderr.contains("--resume"), "{}", said.stderr);
    assert_eq!(samples(&workspace.export()).len(), 1);
    assert_eq!(workspace.run(["run", "--resume", "latest"]).code, 1, "the last sample gets its verdict");
    assert_eq!(outcomes(&workspace.export()), ["worker_crashed", "worker_crashed"]);
}

#[test]
fn a_worker_that_never_comes_up_is_told_before_anything_is_made() {
    let workspace = Workspace::new();
    let suite = worker_suite("[1]", "none", 9, "");
    let line = suite.lines().find(|line| line.starts_with("command")).unwrap().to_owned();
    for (command, told) in [
        (r#"command = ["/nonexistent/worker"]"#, "cannot be started"),
        (r#"command = ["echo", "hello"]"#, "broke the protocol"),
        (r#"command = ["false"]"#, "ended before it answered initialize"),
    ] {
        workspace.write("suite.toml", suite.replace(&line, command));
        let said = workspace.run(["run", "suite.toml"]);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(told) && said.stderr.contains("hint: "), "{}", said.stderr);
        assert_eq!(workspace.run(["runs", "list", "--json"]).stdout.trim(), "[]");
    }
}
