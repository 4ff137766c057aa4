//! The log of runs and scorings in the workspace.

use std::fs;

use serde_json::Value;

use crate::workspace::{Workspace, example, worker_suite};

/// All lines of the log, and their text.
pub(crate) fn log(workspace: &Workspace) -> (Vec<Value>, String) {
    let folder = workspace.path().join(".vidbench/logs");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].to_str().unwrap().ends_with(".jsonl"), "{files:?}");
    let text = fs::read_to_string(&files[0]).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), text)
}

#[test]
fn every_line_is_json_with_its_time_and_ids() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1, 2]", "die", 2, ""));
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 1);
    let (lines, _) = log(&workspace);
    let run = workspace.export()["run"]["id"].clone();
    for line in &lines {
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.len() > 20 && time.ends_with('Z') && time.contains('T'), "{time}");
        assert_eq!(line["run"], run);
        let is_text = |key: &str| line[key].is_string();
        assert!(
            line["session"].is_u64() && is_text("sample") && is_text("model") && is_text("worker"),
            "{line}"
        );
    }
    let judged: Vec<&Value> = lines.iter().filter(|line| line["outcome"].is_string()).collect();
    assert_eq!(judged.len(), 4, "{judged:?}");
    assert!(judged.iter().all(|line| line["model"] == "rendered-shapes" && line["sample"] != ""));
    let failed = judged.iter().find(|line| line["outcome"] == "worker_crashed").unwrap();
    assert_eq!(failed["level"], "WARN");
    assert!(failed["reason"].as_str().unwrap().contains("exit status: 7"));
    let last = lines.last().unwrap();
    assert_eq!((&last["message"], &last["sample"]), (&Value::from("run finished"), &Value::from("")));
}

#[test]
fn what_a_worker_says_is_there_and_secrets_are_not() {
    let workspace = Workspace::new();
    let worker = example("shapes_worker");
    let shell = format!("echo loading with $MY_VARIABLE and $HF_TOKEN >&2; exec {worker} none 9");
    let suite = worker_suite("[1]", "none", 9, "");
    let line = suite.lines().find(|line| line.starts_with("command")).unwrap().to_owned();
    let command =
        format!("command = [\"sh\", \"-c\", {shell:?}]\npass_env = [\"MY_VARIABLE\", \"HF_TOKEN\"]");
    workspace.write("suite.toml", suite.replace(&line, &command));
    let output = workspace
        .command(["run", "suite.toml"])
        .env("MY_VARIABLE", "quite\\private \"words\"")
        .env("HF_TOKEN", "hf_abcdefgh12345678")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (lines, text) = log(&workspace);
    let said = lines.iter().find(|line| line["worker"] == "rendered-shapes").unwrap();
    assert_eq!(said["message"], "loading with [secret] and [secret]");
    assert!(!text.contains("hf_abcdefgh") && !text.contains("private"), "{text}");
}

#[test]
fn the_log_is_for_people_or_none_when_that_is_asked_for() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "none", 9, ""));
    assert_eq!(workspace.run(["run", "suite.toml", "--log", "none"]).code, 0);
    assert!(!workspace.path().join(".vidbench/logs").exists());
    assert_eq!(workspace.run(["run", "suite.toml", "--log", "text"]).code, 0);
    let file = fs::read_dir(workspace.path().join(".vidbench/logs")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("INFO vidbench::run: run started run=") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_scoring_has_its_lines_and_says_why_a_clip_has_no_scores() {
    let workspace = Workspace::new();
    workspace.write("broken.mp4", "no video");
    workspace.write("empty.mp4", "");
    assert_eq!(workspace.run(["score", "broken.mp4", "empty.mp4", "--workers", "1"]).code, 1);
    let (lines, _) = log(&workspace);
    let scored: Vec<(&str, &str, &str)> = lines
        .iter()
        .filter(|line| line["outcome"].is_string())
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap();
            (text("level"), text("message"), text("outcome"))
        })
        .collect();
    let failed = |name| ("WARN", name, "decode_failed");
    assert_eq!(scored, [failed("scored: broken.mp4"), failed("scored: empty.mp4")]);
    assert!(lines.iter().all(|line| line["run"] == lines[0]["run"]));
    assert_eq!(workspace.run(["score", "broken.mp4", "--log", "none"]).code, 1);
    assert_eq!(log(&workspace).0.len(), lines.len());
}
