//! Large runs. The million is slow to build, so it waits for `make test-slow`.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rusqlite::{Connection, params};
use vidbench_core::{Outcome, SampleId};
use vidbench_store::Store;

use crate::fixtures::{fast_folder, generation, id, model, params as model_params, run};

/// Processor time of this thread: what else the machine does is not counted.
fn cpu_secs() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}

/// Fills a run in one transaction with rows like those that recording writes.
fn filled(samples: u32, open: u32) -> (tempfile::TempDir, Store) {
    let folder = fast_folder();
    let store = Store::open(folder.path()).unwrap();
    let mut record = run("r1", 1);
    record.planned = samples.into();
    store.create_run(&record).unwrap();
    let first = generation(&store, SampleId([255; 16]), 1);
    store.record_generation(&record.id, 0, &model(), &model_params(), &first).unwrap();
    let database = Connection::open(folder.path().join("vidbench.db")).unwrap();
    // Samples lie in no order in the index, so filling it wants it in memory.
    database.execute_batch("PRAGMA cache_size = -400000; PRAGMA synchronous = OFF").unwrap();
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)";
    let sample = "CAST(printf('%016d', (i * 7919) % 100000007) AS BLOB)";
    database
        .execute(
            &format!(
                "{numbers} INSERT INTO generations (run, ordinal, sample, configuration, artifact, artifact_bytes,
                 latency_secs, service_secs, timing) SELECT run, i, {sample}, configuration, artifact, artifact_bytes,
                 latency_secs, service_secs, timing FROM n, generations WHERE ordinal = 0"
            ),
            params![samples],
        )
        .unwrap();
    database
        .execute(
            &format!(
                "{numbers} INSERT INTO verdicts (run, ordinal, sample, outcome, facts, score_secs)
                 SELECT 1, i, {sample}, iif(i % 10, 'ok', 'timeout'), printf('%300s', ''), 0.5 FROM n WHERE i <= ?1 - 1 - ?2"
            ),
            params![samples, open],
        )
        .unwrap();
    (folder, store)
}

fn check_progress(samples: u32, open: u32) -> f64 {
    let (_folder, store) = filled(samples, open);
    let began = cpu_secs();
    let progress = store.progress(&id("r1")).unwrap();
    let secs = cpu_secs() - began;
    let (samples, open) = (u64::from(samples), u64::from(open));
    // Place 0 is open too.
    assert_eq!(progress.judged.len() as u64, samples - 1 - open);
    let expected: Vec<u64> = std::iter::once(0).chain(samples - open..samples).collect();
    assert_eq!(progress.generated_only.iter().map(|(ordinal, _)| *ordinal).collect::<Vec<_>>(), expected);
    let failed = progress.judged.values().filter(|outcome| **outcome == Outcome::Timeout).count();
    assert_eq!(failed as u64, (samples - 1 - open) / 10);
    let summary = &store.runs().unwrap()[0];
    assert_eq!((summary.done, summary.done - summary.ok), (samples - 1 - open, failed as u64));
    secs
}

#[test]
fn progress_of_twenty_thousand_samples_is_exact() {
    check_progress(20_000, 3);
}

#[test]
#[ignore = "slow: minutes; `make test-slow` runs it"]
fn slow_progress_of_a_million_samples_is_exact() {
    let secs = check_progress(1_000_000, 5);
    eprintln!("progress of 1,000,000 samples: {secs:.3} s of processor time");
}
