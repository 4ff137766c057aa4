//! The weights that made a sample are recorded correctly, whatever happens to the run in between.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::main_job::samples;
use crate::workspace::{Workspace, worker_suite};

/// Makes the example worker report this hash for its weights.
fn weights(workspace: &Workspace, digit: &str) {
    workspace.write("weights", digit.repeat(64));
}

/// The hashes that sessions recorded, by the names of models.
fn told(data: &Value) -> Vec<String> {
    let sessions = data["sessions"].as_array().unwrap().iter();
    let loaded = sessions.flat_map(|session| {
        let made = session["models"].as_array().into_iter().flatten().map(|loaded| &loaded["model"]);
        made.chain(session["reused"].as_array().into_iter().flatten())
    });
    loaded
        .map(|model| {
            format!(
                "{} {}",
                model["id"].as_str().unwrap(),
                &model["weights"]["sha256"].as_str().unwrap()[..1]
            )
        })
        .collect()
}

#[test]
fn weights_that_changed_after_kill_9_are_refused() {
    let workspace = Workspace::new();
    weights(&workspace, "a");
    workspace.write("suite.toml", worker_suite("[1, 2]", "hang", 2, ""));
    let mut command = workspace.command(["run", "suite.toml", "--progress", "json"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut events = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(events.by_ref().filter(|event| event.contains("\"judged\"")).take(2).count(), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(told(&workspace.export()), ["rendered-shapes a"]);

    weights(&workspace, "b");
    let said = workspace.run(["run", "--resume", "latest", "--progress", "plain"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let both =
        format!("loaded weights sha256:{}, but sha256:{} was requested", "b".repeat(64), "a".repeat(64));
    assert!(said.stderr.contains(&both), "{}", said.stderr);
    assert_eq!(samples(&workspace.export()).len(), 2);
}

/// A sample is identified by what was asked for, not by the name a suite gives the model; its weights are looked up by
/// the name used when it was made.
#[test]
fn a_reused_sample_keeps_its_weights_when_its_model_is_called_otherwise() {
    for removed in [false, true] {
        let workspace = Workspace::new();
        let named = |id: &str, seeds: &str, more: &str| {
            let suite = worker_suite(seeds, "none", u64::MAX, "");
            let suite = suite
                .replace("id = \"rendered-shapes\"", &format!("id = {id:?}\nmodel = \"rendered-shapes\""));
            suite.replace("seeds =", &format!("{more}seeds ="))
        };
        weights(&workspace, "a");
        workspace.write("suite.toml", named("first", "[1]", ""));
        assert_eq!(workspace.run(["run", "suite.toml", "--quiet"]).code, 0);
        if removed {
            let run = workspace.export()["run"]["id"].as_str().unwrap().to_owned();
            assert_eq!(workspace.run(["runs", "rm", &run]).code, 0);
        }
        workspace.write("suite.toml", named("second", "[1]", "reuse_samples = true\n"));
        assert_eq!(workspace.run(["run", "suite.toml", "--quiet"]).code, 0);
        assert_eq!(told(&workspace.export()), ["second a"]);

        weights(&workspace, "c");
        workspace.write("suite.toml", named("third", "[1, 2]", "reuse_samples = true\n"));
        let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert!(said.stderr.contains("was requested"), "{}", said.stderr);
        assert_eq!(told(&workspace.export()), ["third a"], "none of another's is counted as its own");
    }
}

/// The run was killed after the last verdict and before it was marked as complete.
#[test]
fn a_run_with_all_its_verdicts_becomes_complete_when_it_goes_on() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "none", u64::MAX, ""));
    assert_eq!(workspace.run(["run", "suite.toml", "--quiet"]).code, 0);
    let store = vidbench_store::Store::open(&workspace.path().join(".vidbench")).unwrap();
    let run = store.runs().unwrap()[0].id.clone();
    store.set_status(&run, vidbench_core::RunStatus::Running, None).unwrap();
    drop(store);
    let said = workspace.run(["run", "--resume", "latest", "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(workspace.export()["run"]["status"], "complete");
    assert!(said.stdout.starts_with("VALID "), "{}", said.stdout);
}
