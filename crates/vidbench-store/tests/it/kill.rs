//! A process that is killed while it records loses nothing that it was told is recorded.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use vidbench_core::RunRecord;
use vidbench_store::Store;

use crate::fixtures::{id, model, ok, params, run, sample, timing};

const FOLDER: &str = "VIDBENCH_STORE_TEST_FOLDER";
const KILLS: u64 = 20;
const SAMPLES: u32 = 2_000;

/// The process that is killed; run by the test below with its folder in the environment.
#[test]
#[ignore = "the child process of the test that kills it"]
fn child_that_records_until_killed() {
    let folder = std::env::var_os(FOLDER).expect("the parent test names the folder");
    let store = Store::open(folder.as_ref()).unwrap();
    let run = store.run(&id("r1")).unwrap();
    let lock = store.lock_run(&run.id).unwrap();
    let done = store.progress(&run.id).unwrap();
    for (ordinal, made) in done.generated_only {
        store.record_verdict(&run.id, ordinal, &ok(made.sample)).unwrap();
        println!("\nverdict {ordinal}");
    }
    for planned in run.suite.plan().unwrap().samples {
        if !done.judged.contains_key(&planned.id) {
            record(&store, &run, planned.ordinal);
        }
    }
    drop(lock);
}

#[expect(clippy::print_stdout, reason = "the parent reads what is acknowledged")]
fn record(store: &Store, run: &RunRecord, ordinal: u64) {
    let temp = store.temp_path(&run.id, &format!("{ordinal}.mp4")).unwrap();
    std::fs::write(&temp, format!("video {ordinal}").repeat(1000)).unwrap();
    let artifact = store.adopt_artifact(&temp).unwrap();
    let made = vidbench_core::Generation {
        sample: sample_of(run, ordinal),
        artifact_sha256: artifact.sha256,
        artifact_bytes: artifact.bytes,
        timing: Some(timing(ordinal)),
        reused_from: None,
        peak_rss_bytes: None,
        peak_device_bytes: None,
    };
    // Both may exist already, from the process before: then recording them again changes nothing.
    store.record_generation(&run.id, ordinal, &model(), &params(), &made).unwrap();
    println!("\ngeneration {ordinal}");
    store.record_verdict(&run.id, ordinal, &ok(made.sample)).unwrap();
    println!("\nverdict {ordinal}");
}

/// Planning anew for every sample would be most of the child's time.
fn sample_of(run: &RunRecord, ordinal: u64) -> vidbench_core::SampleId {
    static IDS: std::sync::OnceLock<Vec<vidbench_core::SampleId>> = std::sync::OnceLock::new();
    let ids = IDS.get_or_init(|| run.suite.plan().unwrap().samples.iter().map(|sample| sample.id).collect());
    ids[ordinal as usize]
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let run = run("r1", SAMPLES);
    Store::open(folder.path()).unwrap().create_run(&run).unwrap();
    let mut acknowledged = BTreeSet::new();
    // Steps of a generator with full period modulo 64: every run of the test kills at the same varied counts.
    let mut step = 11;
    for kill in 0..KILLS {
        step = (step * 13 + 7) % 64;
        let before = acknowledged.len();
        kill_after(folder.path(), step, &mut acknowledged);
        assert!(
            acknowledged.len() as u64 > before as u64 + step / 2,
            "kill {kill}: the child made no progress"
        );
        check_nothing_lost(folder.path(), &acknowledged);
    }
    assert_eq!(sample(&run, 0), sample_of(&run, 0));
}

/// Lets a child record `step` lines more and kills it in the middle of whatever it does then.
fn kill_after(folder: &std::path::Path, step: u64, acknowledged: &mut BTreeSet<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_that_records_until_killed",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.starts_with("generation ") || line.starts_with("verdict "));
    acknowledged.extend(lines.by_ref().take(step as usize + 1));
    // Commits take around a millisecond here, so this moves the kill to every phase of one.
    for _ in 0..step * 2000 {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines);
}

fn check_nothing_lost(folder: &std::path::Path, acknowledged: &BTreeSet<String>) {
    let store = Store::open_existing(folder).unwrap();
    drop(store.lock_run(&id("r1")).expect("the lock died with its process"));
    let data = store.run_data(&id("r1")).unwrap();
    let progress = store.progress(&id("r1")).unwrap();
    let mut present = BTreeSet::new();
    for record in &data.samples {
        let generation = record.generation.as_ref().expect("an ok verdict has its generation");
        assert_eq!(record.verdict, ok(generation.sample), "no half row");
        present.extend([format!("generation {}", record.ordinal), format!("verdict {}", record.ordinal)]);
        store.verify_artifact(&generation.artifact_sha256).unwrap();
    }
    for (ordinal, generation) in &progress.generated_only {
        present.insert(format!("generation {ordinal}"));
        store.verify_artifact(&generation.artifact_sha256).unwrap();
    }
    let lost: Vec<_> = acknowledged.difference(&present).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(
        present.len() <= acknowledged.len() + 2 * KILLS as usize,
        "at most one unread line for each commit"
    );
    let database = Connection::open(folder.join("vidbench.db")).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert!(!database.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
}
