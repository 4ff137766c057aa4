//! A run that has to end in time: nothing begins that would not, nothing is lost, and the run goes on later.

use std::time::{Duration, Instant};

use crate::main_job::samples;
use crate::workspace::{Workspace, worker_suite};

/// So many seeds of two prompts, for which the worker computes so long.
fn suite(seeds: &str, fault: &str, at_seed: u64, millis: u32) -> String {
    let settings = format!("settings = {{ busy_millis = {millis} }}\n\n[prompts]");
    worker_suite(seeds, fault, at_seed, "").replace("[prompts]", &settings)
}

#[test]
fn a_run_stops_in_time_and_goes_on_later() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1, 2, 3, 4, 5]", "none", 0, 900));
    let begun = Instant::now();
    let said = workspace.run(["run", "suite.toml", "--progress", "plain", "--time-limit", "5s"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("stopped: the time limit leaves "), "{}", said.stderr);
    assert!(said.stderr.contains("next: vidbench run --resume "), "{}", said.stderr);
    // The report is written after the limit.
    assert!(begun.elapsed() < Duration::from_secs(30));
    let judged = |data: &serde_json::Value| {
        samples(data).iter().filter(|sample| sample["verdict"]["outcome"] == "ok").count()
    };
    let data = workspace.export();
    let done = judged(&data);
    assert!((1..10).contains(&done), "{done}");
    assert_eq!(data["attempts"].as_array().map_or(0, Vec::len), 0, "nothing was begun in vain");
    let resumed = workspace.run(["run", "--resume", "latest", "--time-limit", "2d"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(judged(&workspace.export()), 10);
}

/// Where nothing tells how long the next one takes it is begun, and given up when the time is over.
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
    assert!(said.stderr.contains("a whole number and s, m, h or d is needed"), "{}", said.stderr);
}
