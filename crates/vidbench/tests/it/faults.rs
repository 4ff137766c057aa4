//! Workers that break in the middle of a run: each costs one sample, and the run goes on.

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
fn a_worker_that_dies_within_its_answer() {
    check("half-an-answer", "", "worker_crashed", "exit status: 7");
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
fn what_a_worker_does_not_know_is_said_before_anything_is_done() {
    let workspace = Workspace::new();
    let suite = |settings: &str| {
        worker_suite("[1]", "none", 9, "")
            .replace("[prompts]", &format!("settings = {{ {settings} }}\n[prompts]"))
    };
    for (settings, message) in [
        ("busy_milis = 1", "does not support setting \"busy_milis\"\nhint: did you mean \"busy_millis\"?"),
        ("frobnicate = 1", "hint: it supports memory_mib, busy_millis, device"),
    ] {
        workspace.write("suite.toml", suite(settings));
        for dry_run in [&["--dry-run"][..], &[]] {
            let said = workspace.run([&["run", "suite.toml"], dry_run].concat());
            assert_eq!(said.code, 2, "{}", said.stderr);
            assert!(said.stderr.contains(message), "{}", said.stderr);
        }
    }
    workspace.write("suite.toml", suite("busy_millis = 1"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
}

#[test]
fn a_worker_whose_file_cannot_be_taken() {
    check("no-file", "", "invalid_output", "the worker's file cannot be used: No such file or directory");
    check("link", "", "invalid_output", "the worker's file cannot be used: it is not a regular file");
}

#[test]
fn a_worker_whose_file_is_no_video() {
    check("not-a-video", "", "decode_failed", "not a video container");
    check("empty", "", "decode_failed", "empty");
}

#[test]
fn a_worker_that_lies_about_its_time_or_memory() {
    check("lies-about-time", "", "protocol_error", "the worker reports working from");
    check("immense", "", "protocol_error", "peak_rss_bytes is implausible: 18446744073709551615");
}

/// The first scoring starts the scorer and loads its net, which takes longer than the worker needs to break. On a busy
/// machine the worker may break later, which then costs an attempt.
#[test]
fn a_worker_that_breaks_after_its_answer_costs_no_other_sample() {
    for (fault, told) in
        [("dies-afterwards", "exit status: 7"), ("answers-again", "an answer to no pending request")]
    {
        let workspace = Workspace::new();
        let suite = forgiving("[1, 2]", fault, 1, "", "").replace("limit = 2", "limit = 1");
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
    assert!(said.stderr.contains("continuing without warm-up"), "{}", said.stderr);
    assert_eq!(outcomes(&workspace.export()), ["worker_crashed", "worker_crashed", "ok", "ok"]);
}

#[test]
fn why_a_model_was_given_up_stays_with_the_run() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[2]", "die", 2, "max_consecutive_failures = 1"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 3);
    let shown = workspace.run(["runs", "show", "latest"]).stdout;
    assert!(
        shown.contains(
            "rendered-shapes was given up: paused after repeated failures: it failed 1 times in a row"
        ),
        "{shown}"
    );
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

/// A suite whose worker may be tried again immediately.
fn forgiving(seeds: &str, fault: &str, at_seed: u64, limits: &str, breaker: &str) -> String {
    worker_suite(seeds, fault, at_seed, limits)
        .replace("attempts = 1", "attempts = 3\nbase_secs = 0.01")
        .replace("reopenings = 0", breaker)
}

fn attempts(sample: &Value) -> Vec<(u64, &str)> {
    let Some(attempts) = sample["attempts"].as_array() else { return Vec::new() };
    attempts
        .iter()
        .map(|made| (made["attempt"].as_u64().unwrap(), made["outcome"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_worker_that_dies_twice_costs_no_sample_and_both_attempts_are_kept() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", forgiving("[1, 2]", "die@2", 2, "", ""));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("worker_crashed, attempt 1 of 3, retrying in 0.0 s"), "{}", said.stderr);
    assert!(said.stdout.contains("1 sample was generated at a second or later attempt"), "{}", said.stdout);
    let data = workspace.export();
    assert_eq!(outcomes(&data), ["ok"; 4]);
    let tried: Vec<_> = samples(&data).iter().map(attempts).collect();
    assert_eq!(tried, [vec![], vec![], vec![(1, "worker_crashed"), (2, "worker_crashed")], vec![]]);
    assert!(samples(&data)[2]["attempts"][0]["reason"].as_str().unwrap().contains("exit status: 7"));
}

#[test]
fn a_file_that_a_dead_worker_left_is_in_no_ones_way() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", forgiving("[1, 2]", "dies-with-a-file@1", 2, "", ""));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(attempts(&samples(&workspace.export())[2]), [(1, "worker_crashed")]);
}

#[test]
fn what_the_request_is_to_blame_for_is_tried_once() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", forgiving("[1, 2]", "out-of-memory", 2, "", ""));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 1);
    let data = workspace.export();
    assert_eq!(outcomes(&data), ["ok", "ok", "out_of_memory", "out_of_memory"]);
    assert_eq!(attempts(&samples(&data)[2]), [(1, "out_of_memory")]);
}

#[test]
fn a_worker_that_dies_at_load_is_loaded_again() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", forgiving("[1]", "die-at-load@2", 9, "", ""));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("loading it again in"), "{}", said.stderr);
}

/// Six failures: more than the attempts of a sample, and more than a breaker needs to open.
#[test]
fn a_model_whose_hub_does_not_answer_is_loaded_when_it_does() {
    let workspace = Workspace::new();
    let suite = forgiving("[1]", "unreachable-at-load@6", 9, "", "open_secs = 0.2");
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("(load) is open: it failed 5 times in a row"), "{}", said.stderr);
    assert_eq!(outcomes(&workspace.export()), ["ok"; 2]);
}

#[test]
fn a_breaker_opens_and_closes_again_and_nothing_is_lost() {
    let workspace = Workspace::new();
    let suite = forgiving("[1, 2]", "die@2", 2, "max_consecutive_failures = 2", "open_secs = 0.2");
    workspace.write("suite.toml", suite);
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for told in
        ["(generate) is open: it failed 2 times in a row", "is half-open", "is closed: it works again"]
    {
        assert!(said.stderr.contains(told), "{told}: {}", said.stderr);
    }
    assert_eq!(outcomes(&workspace.export()), ["ok"; 4]);
    let shown = workspace.run(["runs", "show", "latest"]).stdout;
    assert!(shown.contains("the breaker of rendered-shapes (generate) opened 1 time, most recently because it failed 2 times in a row"), "{shown}");
}

#[test]
fn a_dead_model_does_not_stop_the_others_and_its_samples_stay_planned() {
    let workspace = Workspace::new();
    let dead =
        forgiving("[1, 2]", "die", 1, "max_consecutive_failures = 2", "open_secs = 0.1\nreopenings = 1");
    let second = "[[models]]\nid = \"shapes-ldm\"\nengine = \"embedded\"\n\n[prompts]";
    workspace.write("suite.toml", dead.replace("[prompts]", second));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(
        said.stderr.contains("rendered-shapes is given up: paused after repeated failures"),
        "{}",
        said.stderr
    );
    let data = workspace.export();
    let skipped = data["not_done"].as_array().unwrap();
    assert_eq!(skipped.len() + samples(&data).len(), 8, "every planned sample is one or the other");
    for sample in skipped {
        assert_eq!(sample["model"], "rendered-shapes");
        let why = sample["skipped"].as_str().unwrap();
        assert!(why.starts_with("paused after repeated failures"), "{why}");
    }
    let done: Vec<(&str, &str)> = samples(&data)
        .iter()
        .map(|sample| {
            (sample["model"].as_str().unwrap_or_default(), sample["verdict"]["outcome"].as_str().unwrap())
        })
        .collect();
    assert_eq!(done.iter().filter(|(_, outcome)| *outcome != "worker_crashed").count(), 4, "{done:?}");
    // Attempts of earlier sessions count: the worker always dies, and in the end every sample has its verdict.
    let codes: Vec<i32> = (0..6).map(|_| workspace.run(["run", "--resume", "latest"]).code).collect();
    assert!(codes.contains(&1), "{codes:?}");
    assert_eq!(samples(&workspace.export()).len(), 8);
}

#[test]
fn kill_9_between_two_attempts_keeps_the_first() {
    let workspace = Workspace::new();
    let suite = forgiving("[2]", "die@1", 2, "", "")
        .replace("base_secs = 0.01", "base_secs = 3600.0\ncap_secs = 3600.0");
    workspace.write("suite.toml", suite);
    let mut child = workspace.command(["run", "suite.toml"]).spawn().unwrap();
    let waited = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        workspace.path().join("misbehaved").exists()
    });
    assert!(waited);
    std::thread::sleep(std::time::Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = workspace.run(["run", "--resume", "latest"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(attempts(&samples(&workspace.export())[0]), [(1, "worker_crashed")]);
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

/// The clock goes back by a day during the run: dates follow it, durations and verdicts do not.
#[cfg(target_os = "linux")]
#[test]
fn a_clock_that_jumps_changes_dates_and_nothing_else() {
    let workspace = Workspace::new();
    let suite = worker_suite("[1, 2, 3, 4]", "none", 0, "")
        .replace("[prompts]", "settings = { busy_millis = 500 }\n[prompts]");
    workspace.write("suite.toml", suite);
    let output = workspace
        .command(["run", "suite.toml", "--progress", "plain"])
        .env("LD_PRELOAD", crate::workspace::example("libjumping_clock.so"))
        .env("JUMPING_CLOCK", "2500:-86400")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("the wall clock jumped by -86400.0 s"), "{told}");
    let data = workspace.export();
    assert_eq!(outcomes(&data), ["ok"; 8]);
    for sample in samples(&data) {
        let time = |key: &str| sample["generation"]["timing"][key].as_u64().unwrap();
        let secs = (time("received_ns") - time("sent_ns")) as f64 / 1e9;
        assert!((0.5..30.0).contains(&secs), "{secs}");
    }
    let said = workspace.run(["runs", "show", "latest"]);
    assert!(said.stdout.starts_with("VALID"), "{}", said.stdout);
}
