//! A disk that fails in the middle of a run: everything reported as done is there, and the run resumes and ends the
//! same way.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::main_job::samples;
use crate::workspace::{Workspace, assert_whole_artifacts, example, worker_suite};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Everything about a run except its times, by sample.
fn essence(data: &Value) -> BTreeMap<String, Value> {
    samples(data)
        .iter()
        .map(|sample| {
            let (verdict, generation) = (&sample["verdict"], &sample["generation"]);
            let known = json!([generation["artifact_sha256"], verdict["outcome"], verdict["scores"]]);
            (verdict["sample"].as_str().unwrap().to_owned(), known)
        })
        .collect()
}

fn suite() -> String {
    worker_suite("[1, 2, 3, 4]", "none", 9, "min_free_disk_mib = 1")
}

fn undisturbed() -> BTreeMap<String, Value> {
    let workspace = Workspace::new();
    workspace.write("suite.toml", suite());
    assert_eq!(workspace.run(["run", "suite.toml"]).code, 0);
    essence(&workspace.export())
}

/// Makes `count` calls fail from number `first` on, then resumes the run until it is complete. Returns how many of the
/// faults stopped it.
fn check(call: &str, errno: i32, firsts: &[u32], count: u64) -> usize {
    let calm = undisturbed();
    assert_eq!(calm.len(), 8);
    let mut disturbed = 0;
    for first in firsts {
        let workspace = Workspace::new();
        workspace.write("suite.toml", suite());
        let output = workspace
            .command(["run", "suite.toml"])
            .env("LD_PRELOAD", example("libfailing_disk.so"))
            .env("FAILING_DISK", format!("{call}:{errno}:{first}:{count}"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        assert!(matches!(code, Some(0..=3)), "{call} {first}: {code:?} {told}");
        disturbed += usize::from(code != Some(0));
        assert!(!told.contains("panicked"), "{call} {first}: {told}");
        let begun = workspace.run(["runs", "list", "--json"]).stdout.contains("\"run\"");
        let again: &[&str] = if begun { &["run", "--resume", "latest"] } else { &["run", "suite.toml"] };
        let said = workspace.run(again);
        assert_eq!(said.code, 0, "{call} {first}: {told} then {}", said.stderr);
        let data = workspace.export();
        assert_eq!(essence(&data), calm, "{call} {first}: {told}");
        assert_whole_artifacts(&workspace, &data);
        assert_eq!(workspace.run(["backup", "create"]).code, 0, "{call} {first}: every artifact is whole");
    }
    disturbed
}

#[test]
#[cfg(target_os = "linux")]
fn a_failed_fsync_is_never_taken_for_a_success() {
    assert!(check("fsync", EIO, &[9, 14, 21, 30], 1) >= 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_does_not_write() {
    assert!(check("pwrite", EIO, &[25, 100, 130, 160], 1) >= 2);
    assert_eq!(check("pwrite", ENOSPC, &[120], u64::MAX), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn files_that_cannot_be_written_or_named() {
    // Log lines are written with this call; a failure there does not end a run.
    check("write", EIO, &[2, 6], 1);
    assert!(check("rename", EIO, &[0, 2, 5], 1) >= 2);
    assert_eq!(check("rename", ENOSPC, &[3], u64::MAX), 1);
}
