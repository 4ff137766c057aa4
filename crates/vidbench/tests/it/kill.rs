//! `kill -9` at random points, then `--resume`: the same result as an undisturbed run.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::main_job::samples;
use crate::workspace::{Workspace, assert_whole_artifacts, worker_suite};

const KILLS: u32 = 50;

/// Everything that must not depend on how often a run was killed, which is all except times.
fn essence(data: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for sample in samples(data) {
        let verdict = &sample["verdict"];
        let known = json!({
            "ordinal": sample["ordinal"],
            "artifact": sample["generation"]["artifact_sha256"],
            "outcome": verdict["outcome"],
            "facts": verdict["facts"],
            "scores": verdict["scores"],
            "features": verdict["features"],
        });
        let id = verdict["sample"].as_str().unwrap().to_owned();
        assert!(all.insert(id, known).is_none(), "a sample has two records");
    }
    all
}

fn suite() -> String {
    let seeds: Vec<u32> = (0..40).collect();
    worker_suite(&format!("{seeds:?}"), "none", u64::MAX, "")
}

#[test]
fn kill_9_at_random_points_loses_and_doubles_nothing() {
    let calm = Workspace::new();
    calm.write("suite.toml", suite());
    let started = std::time::Instant::now();
    let said = calm.run(["run", "suite.toml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let mut usual = started.elapsed();
    let expected = essence(&calm.export());
    assert_eq!(expected.len(), 80);

    let mut rng = ChaCha8Rng::seed_from_u64(50);
    let (mut kills, mut rounds) = (0, 0);
    while kills < KILLS {
        rounds += 1;
        assert!(rounds <= 60, "{kills} kills in {rounds} rounds");
        let workspace = Workspace::new();
        workspace.write("suite.toml", suite());
        let mut complete =
            killed_or_done(&workspace, &["run", "suite.toml"], &mut usual, &mut rng, &mut kills);
        while !complete && kills < KILLS {
            // It was killed before the run was recorded, so there is nothing to resume yet.
            let begun = workspace.run(["runs", "list", "--json"]).stdout.contains("\"run\"");
            let args: &[&str] = if begun { &["run", "--resume", "latest"] } else { &["run", "suite.toml"] };
            complete = killed_or_done(&workspace, args, &mut usual, &mut rng, &mut kills);
        }
        if !complete {
            let said = workspace.run(["run", "--resume", "latest"]);
            let begun = said.code == 0 || workspace.run(["run", "suite.toml"]).code == 0;
            assert!(begun, "{}", said.stderr);
        }
        let data = workspace.export();
        assert_eq!(essence(&data), expected, "after {kills} kills");
        assert_whole_artifacts(&workspace, &data);
    }
}

/// Starts the binary and kills it after a random part of the usual time. Returns true if it ended before that; the
/// usual time is then shortened, because the load of the machine may have changed.
fn killed_or_done(
    workspace: &Workspace,
    args: &[&str],
    usual: &mut Duration,
    rng: &mut ChaCha8Rng,
    kills: &mut u32,
) -> bool {
    let mut command: Command = workspace.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let share = f64::from(rng.next_u32()) / f64::from(u32::MAX);
    std::thread::sleep(usual.mul_f64(share));
    if let Some(status) = child.try_wait().unwrap() {
        assert_eq!(status.code(), Some(0));
        *usual = usual.mul_f64(0.9);
        return true;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    *kills += 1;
    false
}

/// Starts a run and returns its events as they come.
fn start(workspace: &Workspace) -> (Child, impl Iterator<Item = String>) {
    let mut child = workspace
        .command(["run", "suite.toml", "--progress", "json"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    (child, stderr.lines().map(Result::unwrap))
}

/// A closed terminal ends a run as Ctrl-C does; `nohup` keeps it going.
#[test]
fn a_hangup_ends_a_run_unless_it_is_ignored() {
    for (ignored, code) in [(false, 130), (true, 0)] {
        let workspace = Workspace::new();
        workspace.write("suite.toml", suite());
        let vidbench = workspace.command([""; 0]);
        let mut command = Command::new("sh");
        let ignore = if ignored { "trap '' HUP; " } else { "" };
        command.args(["-c", &format!("{ignore}exec \"$0\" run suite.toml --progress json")]);
        command.arg(vidbench.get_program()).current_dir(workspace.path());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut events = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(events.any(|event| event.contains("\"sample_started\"")));
        let sent = Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        events.for_each(drop);
        assert_eq!(child.wait().unwrap().code(), Some(code), "ignored: {ignored}");
    }
}

#[test]
fn a_worker_does_not_outlive_a_killed_harness() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "hang", 1, ""));
    let (mut child, mut events) = start(&workspace);
    assert!(events.any(|event| event.contains("\"sample_started\"")));
    let workers = children_of(child.id());
    assert!(!workers.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while workers.iter().any(|worker| is_running(*worker)) {
        assert!(std::time::Instant::now() < deadline, "{workers:?} still run");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to a process.
fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// A scorer that hangs does not delay a person who wants to stop at once.
#[test]
fn a_second_ctrl_c_ends_a_run_whose_scorer_hangs() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1, 2, 3]", "none", 9, ""));
    let (mut child, mut events) = start(&workspace);
    assert!(events.any(|event| event.contains("\"judged\"")));
    let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let children: Vec<u32> = threads
        .flat_map(|thread| {
            let ids = std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap();
            ids.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect();
    let is_scorer = |process: &u32| {
        std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default().contains("scorer")
    };
    let scorers: Vec<u32> = children.into_iter().filter(is_scorer).collect();
    assert!(!scorers.is_empty());
    scorers.iter().for_each(|scorer| signal("-STOP", *scorer));
    assert!(events.any(|event| event.contains("\"generated\"")));
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(300));
        signal("-INT", child.id());
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(std::time::Instant::now() < deadline, "it goes on for ever");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
    assert_eq!(workspace.run(["run", "--resume", "latest"]).code, 0);
}

fn children_of(parent: u32) -> Vec<u32> {
    let tasks = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    tasks.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// A zombie that its new parent has not collected yet no longer counts as running.
fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_file_that_was_damaged_before_it_was_scored_is_made_again() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite().replace("warmup = 0", "kind = \"offline\"\nwarmup = 0"));
    let (mut child, mut events) = start(&workspace);
    assert!(events.by_ref().filter(|event| event.contains("\"generated\"")).nth(12).is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    let mut files = Vec::new();
    for folder in std::fs::read_dir(workspace.path().join(".vidbench/artifacts")).unwrap() {
        files.extend(std::fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    std::fs::remove_file(&files[0]).unwrap();
    std::fs::write(&files[1], "another video").unwrap();
    let said = workspace.run(["run", "--resume", "latest", "--progress", "plain"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.stderr.matches("its sample is generated again").count(), 2, "{}", said.stderr);
    assert!(samples(&workspace.export()).iter().all(|sample| sample["verdict"]["outcome"] == "ok"));
}

#[test]
fn ctrl_c_finishes_the_sample_and_exits_with_130() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite());
    let (mut child, mut events) = start(&workspace);
    let mut told = Vec::new();
    for line in events.by_ref() {
        if line.contains("\"judged\"") && told.is_empty() {
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        }
        if line.contains("\"judged\"") {
            told.push(line);
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(samples(&workspace.export()).len(), told.len(), "what was told is what is stored");
    assert!(told.len() < 80);
    assert_eq!(workspace.run(["run", "--resume", "latest"]).code, 0);
    assert_eq!(samples(&workspace.export()).len(), 80);
}
