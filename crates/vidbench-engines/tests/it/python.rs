//! The example worker of docs/worker-protocol.md keeps the protocol.

use std::process::Command;

use vidbench_engines::WorkerCommand;

use crate::support::LONG;

const PAGE: &str = include_str!("../../../../docs/worker-protocol.md");

#[test]
fn the_example_worker_of_the_docs_passes_every_rule() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3 on this machine");
        return;
    }
    let (_, rest) = PAGE.split_once("```python\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("worker.py");
    std::fs::write(&script, code).unwrap();
    let command = WorkerCommand::new("python3").args([script]);
    let report = crate::conformance::run(&command, None, LONG).unwrap();
    assert!(report.passed(), "{:#?}", report.failures().collect::<Vec<_>>());
}
