//! A run with a time limit: nothing is started that would not end in time, nothing is lost, and the run can be resumed.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace, example, worker_suite};

/// A suite of two prompts with the given seeds, for which the worker computes for the given time.
fn suite(seeds: &str, fault: &str, at_seed: u64, millis: u32) -> String {
    let settings = format!("settings = {{ busy_millis = {millis} }}\n\n[prompts]");
    worker_suite(seeds, fault, at_seed, "").replace("[prompts]", &settings)
}

fn ok(data: &Value, model: &str) -> usize {
    let is_ok = |sample: &&Value| sample["model"] == model && sample["verdict"]["outcome"] == "ok";
    samples(data).iter().filter(is_ok).count()
}

/// Runs, and fails if it takes more than half a minute.
fn run(workspace: &Workspace, args: &[&str]) -> Said {
    let begun = Instant::now();
    let said = workspace.run([&["run"], args, &["--progress", "plain"]].concat());
    assert!(begun.elapsed() < Duration::from_secs(30), "{}", said.stderr);
    said
}

#[test]
fn a_run_stops_in_time_and_goes_on_later() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1, 2, 3, 4, 5]", "none", 0, 900));
    let begun = Instant::now();
    let said = workspace.run(["run", "suite.toml", "--progress", "plain", "--time-limit", "8s"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    // On a busy machine the last sample may be started and then stopped.
    assert!(said.stderr.contains("stopped: the time limit "), "{}", said.stderr);
    assert!(said.stderr.contains("next: `vidbench run --resume "), "{}", said.stderr);
    // The report is written after the limit.
    assert!(begun.elapsed() < Duration::from_secs(30));
    let judged = |data: &Value| ok(data, "rendered-shapes");
    let data = workspace.export();
    let done = judged(&data);
    assert!((1..10).contains(&done), "{done}");
    let resumed = workspace.run(["run", "--resume", "latest", "--time-limit", "2d"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(judged(&workspace.export()), 10);
}

/// When nothing shows how long the next sample takes, it is started, and given up when the time is over.
#[test]
fn what_still_goes_on_at_the_end_is_given_up_without_a_verdict() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", "hang@1", 1, 0));
    let begun = Instant::now();
    let said = workspace.run(["run", "suite.toml", "--progress", "plain", "--time-limit", "3s"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("stopped: the time limit is reached"), "{}", said.stderr);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(workspace.run(["run", "--resume", "latest"]).code, 0);
}

#[test]
fn without_time_nothing_begins_and_a_limit_needs_its_unit() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", "none", 0, 0));
    let said = workspace.run(["run", "suite.toml", "--time-limit", "0s"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(samples(&workspace.export()).iter().all(|sample| sample["generation"].is_null()));
    let said = workspace.run(["run", "--resume", "latest", "--time-limit", "90"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("expected whole numbers with s, m, h or d"), "{}", said.stderr);
}

/// The limit may fall between two generations or into the scoring of clips.
#[test]
fn a_limit_in_the_midst_of_scoring_ends_it_and_loses_nothing() {
    let workspace = Workspace::new();
    let seeds = format!("{:?}", (0..40).collect::<Vec<u32>>());
    let offline = suite(&seeds, "none", 99, 0).replace("warmup = 0", "warmup = 0\nkind = \"offline\"");
    workspace.write("suite.toml", offline);
    run(&workspace, &["suite.toml", "--time-limit", "2s"]);
    for limit in ["1s", "2s", "1d"] {
        run(&workspace, &["--resume", "latest", "--time-limit", limit]);
    }
    assert_eq!(ok(&workspace.export(), "rendered-shapes"), 80);
}

/// The start-up time of an interpreter counts too.
#[test]
fn a_model_that_would_not_even_be_up_in_time_is_not_started() {
    let workspace = Workspace::new();
    let worker = format!("sleep 2; exec {:?} none 99", example("shapes_worker"));
    let command = format!("command = [\"sh\", \"-c\", {worker:?}]");
    let slow = suite("[1, 2, 3, 4, 5, 6, 7, 8]", "none", 99, 900);
    let line = slow.lines().find(|line| line.starts_with("command")).unwrap().to_owned();
    workspace.write("suite.toml", slow.replace(&line, &command));
    let first = run(&workspace, &["suite.toml", "--time-limit", "7s"]);
    assert_eq!(first.code, 3, "{}", first.stderr);
    assert!(ok(&workspace.export(), "rendered-shapes") > 0, "{}", first.stderr);
    let second = run(&workspace, &["--resume", "latest", "--time-limit", "2s"]);
    assert!(second.stderr.contains("start, warm-up and next sample of rendered-shapes"), "{}", second.stderr);
    assert!(!second.stderr.contains("loaded"), "{}", second.stderr);
}

#[test]
fn a_model_whose_samples_do_not_fit_leaves_the_time_to_the_others() {
    let workspace = Workspace::new();
    let quick = "\n[[models]]\nid = \"quick\"\nmodel = \"rendered-shapes\"\n";
    let slow = suite("[1]", "none", 99, 6000);
    let (head, table) = slow.split_once("[[models]]").unwrap();
    let (table, tail) = table.split_once("[prompts]").unwrap();
    let other = table.replace("id = \"rendered-shapes\"\n", "").replace("6000", "100");
    workspace.write("suite.toml", format!("{head}[[models]]{table}{quick}{other}[prompts]{tail}"));
    let said = run(&workspace, &["suite.toml", "--time-limit", "11s"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let data = workspace.export();
    assert_eq!((ok(&data, "rendered-shapes"), ok(&data, "quick")), (1, 2), "{}", said.stderr);
}

#[test]
fn nobody_waits_for_what_comes_after_the_limit() {
    let workspace = Workspace::new();
    let forgiving = suite("[1]", "die", 1, 0).replace(
        "attempts = 1",
        "attempts = 3\nbase_secs = 3600.0\ncap_secs = 3600.0\ndeadline_secs = 10000.0",
    );
    workspace.write("suite.toml", forgiving);
    let said = run(&workspace, &["suite.toml", "--time-limit", "1m"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("and nothing can start for "), "{}", said.stderr);
}
