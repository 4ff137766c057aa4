//! Stores of earlier versions. `fixtures/store-1.sql` is the dump of a store as version 1 wrote it and is never edited.

use rusqlite::Connection;
use vidbench_core::{Outcome, RunStatus, Score};
use vidbench_store::{Store, VERSION};

use crate::fixtures::{id, store};

const STORE_1: &str = include_str!("../fixtures/store-1.sql");

fn store_of_version_1() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("vidbench.db")).unwrap().execute_batch(STORE_1).unwrap();
    let store = Store::open_existing(folder.path()).unwrap();
    (folder, store)
}

#[test]
fn a_store_of_version_1_is_read() {
    let (_folder, store) = store_of_version_1();
    let data = store.run_data(&id("2026-01-02-demo")).unwrap();
    assert_eq!(
        (data.run.status, data.run.finished_ms, data.run.planned),
        (RunStatus::Complete, Some(1_767_312_060_000), 2)
    );
    assert_eq!(data.run.suite.plan().unwrap().hash(), data.run.plan_hash);
    assert_eq!((data.sessions.len(), data.sessions[0].ledger.unwrap().wall_secs), (1, 60.5));
    let [first, second] = data.samples.as_slice() else { panic!("{:?}", data.samples) };
    let made = first.generation.as_ref().unwrap();
    assert_eq!(
        (made.artifact_bytes, made.timing.as_ref().unwrap().service_secs(), made.peak_rss_bytes),
        (7, 1.25, Some(1 << 20))
    );
    assert_eq!(first.verdict.scores[0].score, Score::Value(0.1 + 0.2));
    assert_eq!(first.verdict.features[0].values, [1.0, -2.0]);
    assert_eq!(
        (second.verdict.outcome, second.verdict.reason.as_deref()),
        (Outcome::Timeout, Some("no answer"))
    );
    assert_eq!(data.set_scores[0].score, Score::not_available("two clips are needed"));
    assert_eq!(store.reference_features("net@1", "set@1").unwrap(), Some(vec![vec![1.0], vec![-2.0]]));
    let params = &data.run.suite.models[0].params[0];
    let model = &data.run.suite.models[0];
    assert_eq!(
        store.usual_service_secs(model, params).unwrap(),
        None,
        "which program took the time is not known"
    );
}

#[test]
fn an_upgraded_store_has_the_tables_of_a_new_one() {
    let (old, _old_store) = store_of_version_1();
    let (new, _new_store) = store();
    let [old, new] = [old, new].map(|folder| {
        let database = Connection::open(folder.path().join("vidbench.db")).unwrap();
        let version: u32 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, VERSION);
        let mut statement =
            database.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name").unwrap();
        let schema: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        schema
    });
    assert_eq!(old, new);
}
