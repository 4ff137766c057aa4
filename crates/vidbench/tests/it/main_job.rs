//! The main job, from suite file to report, on the embedded model.

use serde_json::Value;

use crate::workspace::{Workspace, example, suite, with_set, worker_suite};

#[test]
fn a_metric_without_version_is_its_newest_and_counts_once() {
    let workspace = Workspace::new();
    let names = "\"temporal_flickering\", \"temporal_flickering@1\"";
    workspace.write("suite.toml", suite("[1]", 1, "[1]").replace("\"temporal_flickering@1\"", names));
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let data = workspace.export();
    let scores = samples(&data)[0]["verdict"]["scores"].as_array().unwrap();
    assert_eq!(scores.iter().filter(|score| score["metric"] == "temporal_flickering@1").count(), 1);
}

#[test]
fn a_suite_becomes_a_run_a_table_and_a_report() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", with_set(&suite("[1]", 3, "[1, 2]")));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain", "--report", "report.html"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("VALID"), "the verdict comes first: {}", said.stdout);
    assert!(said.stdout.contains("synthetic-domain"), "{}", said.stdout);
    assert!(said.stderr.contains("next: "), "{}", said.stderr);
    let report = std::fs::read_to_string(workspace.path().join("report.html")).unwrap();
    assert_eq!(report.matches("<video").count(), 6);
    assert!(!report.contains("http://") && !report.contains("https://"), "the report needs no network");

    let data = workspace.export();
    let samples = samples(&data);
    assert_eq!(samples.len(), 6);
    for sample in samples {
        assert_eq!(sample["verdict"]["outcome"], "ok", "{sample}");
        let facts = &sample["verdict"]["facts"];
        assert_eq!(
            (&facts["frames"], &facts["width"], &facts["height"]),
            (&16.into(), &64.into(), &64.into())
        );
        let timing = &sample["generation"]["timing"];
        let names: Vec<&str> = timing["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["client_wait", "submit", "text_encode", "denoise", "vae_decode", "encode"]);
        assert!(timing["intended_ns"].as_u64() <= timing["sent_ns"].as_u64());
        assert!(timing["start_ns"].as_u64() < timing["end_ns"].as_u64());
    }
}

#[test]
fn the_same_suite_twice_makes_the_same_videos() {
    let hashes = |workspace: &Workspace| {
        workspace.write("suite.toml", with_set(&suite("[7]", 2, "[2]")));
        assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
        let data = workspace.export();
        samples(&data)
            .iter()
            .map(|sample| sample["generation"]["artifact_sha256"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(hashes(&Workspace::new()), hashes(&Workspace::new()));
}

#[test]
fn offline_counts_latency_from_the_start_of_the_phase_and_scores_afterwards() {
    let workspace = Workspace::new();
    let text = suite("[1]", 4, "[1]") + "\n[scenario]\nkind = \"offline\"\n";
    workspace.write("suite.toml", text);
    let said = workspace.run(["run", "suite.toml", "--progress", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let events: Vec<Value> = said.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let order: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .filter(|event| ["generated", "judged"].contains(event))
        .collect();
    // One warm-up, four samples, then the verdicts.
    assert_eq!(order, [["generated"; 5].as_slice(), ["judged"; 4].as_slice()].concat());
    let data = workspace.export();
    let intended: Vec<_> =
        samples(&data).iter().map(|sample| &sample["generation"]["timing"]["intended_ns"]).collect();
    assert!(intended.windows(2).all(|pair| pair[0] == pair[1]), "{intended:?}");
}

#[test]
fn a_dry_run_shows_the_plan_and_leaves_no_trace() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1, 2]", 3, "[1, 4]"));
    let said = workspace.run(["run", "suite.toml", "--dry-run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&plan["samples"], &plan["estimated_secs"]), (&12.into(), &Value::Null));
    assert!(!workspace.path().join(".vidbench").exists());
}

#[test]
fn a_plan_knows_what_earlier_runs_took() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 2, "[1]"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    let said = workspace.run(["run", "suite.toml", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(plan["estimated_secs"].as_f64().unwrap() > 0.0, "{plan}");
    assert!(plan["estimated_bytes"].as_u64().unwrap() > 0, "{plan}");
}

#[test]
fn runs_are_listed_shown_exported_and_removed() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "none", u64::MAX, ""));
    let said = workspace.run(["run", "suite.toml", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    let run = result["run"].as_str().unwrap();

    let listed: Value = serde_json::from_str(&workspace.run(["runs", "list", "--json"]).stdout).unwrap();
    assert_eq!(
        (&listed[0]["run"], &listed[0]["status"], &listed[0]["ok"]),
        (&run.into(), &"complete".into(), &2.into())
    );
    assert!(workspace.run(["runs", "show", run]).stdout.starts_with("VALID"));
    let csv = workspace.run(["export", run, "--format", "csv"]).stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let jsonl = workspace.run(["export", run, "--format", "jsonl"]).stdout;
    assert!(
        jsonl.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && jsonl.lines().count() == 2
    );
    assert_eq!(workspace.run(["runs", "rm", "latest"]).code, 2, "`latest` is never removed");
    assert_eq!(workspace.run(["runs", "rm", run, "nothing-of-that-name"]).code, 2);
    assert_eq!(workspace.run(["runs", "show", run]).code, 0, "a wrong name beside it: nothing is removed");
    assert_eq!(workspace.run(["runs", "rm", run, run]).code, 0);
    assert_eq!(workspace.run(["runs", "list", "--json"]).stdout.trim(), "[]");
    let left = walk(&workspace.path().join(".vidbench/artifacts"));
    assert_eq!(left, 0, "the videos of a removed run are gone");
}

#[test]
fn repeats_make_no_larger_set() {
    let workspace = Workspace::new();
    workspace
        .write("suite.toml", with_set(&suite("[1, 2]", 3, "[1]").replace("seeds =", "repeats = 2\nseeds =")));
    let said = workspace.run(["run", "suite.toml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let data = workspace.export();
    assert_eq!(samples(&data).len(), 12);
    assert_eq!(data["set_scores"][0]["n"], 6, "one clip for each prompt and seed");
}

#[test]
fn quiet_says_nothing_but_data() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[1]", 1, "[1]"));
    let said = workspace.run(["-q", "run", "suite.toml"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
}

#[test]
fn every_exported_sample_says_what_it_is_of() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite("[7]", 1, "[1]"));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    let data = workspace.export();
    let sample = &samples(&data)[0];
    assert_eq!(
        (&sample["model"], &sample["seed"], &sample["repeat"]),
        (&"shapes-ldm".into(), &7.into(), &0.into())
    );
    assert_eq!(sample["params"]["steps"], 1);
    assert!(sample["prompt"].as_str().unwrap().ends_with("background"));
}

#[test]
fn resuming_a_complete_run_changes_nothing() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "none", u64::MAX, ""));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    let before = workspace.export();
    assert_eq!(workspace.run(["run", "--resume", "latest"]).code, 0);
    assert_eq!(workspace.export(), before);
}

#[test]
fn the_embedded_worker_and_the_example_keep_the_protocol() {
    let workspace = Workspace::new();
    for command in
        [vec![env!("CARGO_BIN_EXE_vidbench"), "worker", "embedded"], vec![&example("shapes_worker")]]
    {
        let said = workspace
            .command(["worker", "check", "--"].iter().copied().chain(command.iter().copied()))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(said.status.success(), "{command:?}\n{text}");
    }
}

#[test]
fn a_worker_that_is_no_worker_fails_the_check() {
    let workspace = Workspace::new();
    let said = workspace.run(["worker", "check", "--timeout", "2", "--json", "--", "cat"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["passed"], false);
}

pub(crate) fn samples(data: &Value) -> &Vec<Value> {
    data["samples"].as_array().unwrap()
}

fn walk(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}
