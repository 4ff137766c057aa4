//! Removing runs.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use vidbench_core::sha256_hex;
use vidbench_store::{Removed, Store, StoreError};

use crate::fixtures::{failed, finish, generation, model, params, run, sample, store_with_run};

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn a_removed_run_leaves_nothing_behind() {
    let (folder, store, record) = store_with_run(4);
    finish(&store, &record, 0);
    store.record_verdict(&record.id, 1, &failed(sample(&record, 1))).unwrap();
    let made = generation(&store, sample(&record, 2), 22);
    store.record_generation(&record.id, 2, &model(), &params(), &made).unwrap();
    store.begin_session(&record.id, 0).unwrap();
    let removed = store.remove_run(&record.id).unwrap();
    assert_eq!(removed, Removed { samples: 3, artifacts: 2, bytes: 7 + 8 });
    assert_eq!(files_below(&folder.path().join("artifacts")), 0);
    assert_eq!(files_below(&folder.path().join("tmp")), 0);
    assert!(matches!(store.run(&record.id), Err(StoreError::UnknownRun { .. })));
    let database = Connection::open(folder.path().join("vidbench.db")).unwrap();
    for table in ["runs", "sessions", "generations", "verdicts", "scores", "features", "condemned_artifacts"]
    {
        let count: i64 =
            database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

#[test]
fn artifacts_that_another_run_uses_stay() {
    let (_folder, store, first) = store_with_run(2);
    let second = run("r2", 2);
    store.create_run(&second).unwrap();
    finish(&store, &first, 0);
    finish(&store, &first, 1);
    finish(&store, &second, 0);
    let shared = store.run_data(&second.id).unwrap().samples[0].generation.clone().unwrap();
    assert_eq!(store.remove_run(&first.id).unwrap(), Removed { samples: 2, artifacts: 1, bytes: 7 });
    store.verify_artifact(&shared.artifact_sha256).unwrap();
    assert_eq!(store.remove_run(&second.id).unwrap().artifacts, 1);
}

#[test]
fn a_removal_that_was_killed_is_finished_by_the_next() {
    let (folder, store, first) = store_with_run(1);
    let second = run("r2", 1);
    store.create_run(&second).unwrap();
    finish(&store, &first, 0);
    // The state that the first transaction of a removal leaves when the process dies right after it.
    let database = Connection::open(folder.path().join("vidbench.db")).unwrap();
    database
        .execute_batch(
            "PRAGMA foreign_keys = ON; BEGIN; INSERT INTO condemned_artifacts SELECT artifact FROM generations;
             DELETE FROM runs WHERE id = 'r1'; COMMIT;",
        )
        .unwrap();
    assert_eq!(files_below(&folder.path().join("artifacts")), 1);
    let removed = store.remove_run(&second.id).unwrap();
    assert_eq!(removed, Removed { samples: 0, artifacts: 1, bytes: 7 });
    assert_eq!(files_below(&folder.path().join("artifacts")), 0);
}

#[test]
fn more_artifacts_than_one_batch_are_removed() {
    let (folder, store, record) = store_with_run(1);
    let database = Connection::open(folder.path().join("vidbench.db")).unwrap();
    database.execute_batch("BEGIN").unwrap();
    for at in 0..600 {
        let sha256 = sha256_hex(format!("{at}").as_bytes());
        let path = store.artifact_path(&sha256).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "four").unwrap();
        database.execute("INSERT INTO condemned_artifacts VALUES (unhex(?1))", [sha256]).unwrap();
    }
    database.execute_batch("COMMIT").unwrap();
    let removed = store.remove_run(&record.id).unwrap();
    assert_eq!(removed, Removed { samples: 0, artifacts: 600, bytes: 2400 });
    assert_eq!(files_below(&folder.path().join("artifacts")), 0);
}

#[test]
fn a_removal_does_not_get_in_the_way_of_another_process_that_records() {
    let (folder, store, first) = store_with_run(1);
    let other = Store::open(folder.path()).unwrap();
    finish(&store, &first, 0);
    other.remove_run(&first.id).unwrap();
    let second = run("r2", 1);
    store.create_run(&second).unwrap();
    finish(&store, &second, 0);
    let made = store.run_data(&second.id).unwrap().samples[0].generation.clone().unwrap();
    store.verify_artifact(&made.artifact_sha256).unwrap();
}

#[test]
fn a_run_can_be_recorded_again_after_its_removal() {
    let (folder, store, record) = store_with_run(1);
    finish(&store, &record, 0);
    store.remove_run(&record.id).unwrap();
    store.create_run(&record).unwrap();
    finish(&store, &record, 0);
    let again = Store::open(folder.path()).unwrap().run_data(&record.id).unwrap();
    assert_eq!(again.samples.len(), 1);
}

#[test]
fn a_missing_artifact_does_not_stop_a_removal() {
    let (_folder, store, record) = store_with_run(1);
    finish(&store, &record, 0);
    let generation = store.run_data(&record.id).unwrap().samples[0].generation.clone().unwrap();
    fs::remove_file(store.artifact_path(&generation.artifact_sha256).unwrap()).unwrap();
    assert_eq!(store.remove_run(&record.id).unwrap(), Removed { samples: 1, artifacts: 0, bytes: 0 });
}
