//! The example worker of docs/worker-protocol.md keeps the protocol.

use vidbench_engines::WorkerCommand;

use crate::support::LONG;

const PAGE: &str = include_str!("../../../../docs/worker-protocol.md");

#[test]
#[ignore = "needs python3; `make test` runs it where there is one"]
fn python_example_worker_of_the_docs_passes_every_rule() {
    let (_, rest) = PAGE.split_once("```python\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("worker.py");
    std::fs::write(&script, code).unwrap();
    let command = WorkerCommand::new("python3").args([script]);
    let report = crate::conformance::run(&command, None, LONG).unwrap();
    assert!(report.passed(), "{:#?}", report.failures().collect::<Vec<_>>());
}
