//! A bit that flips in what is recorded is noticed before it is reported.

use std::fs;
use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use rusqlite::Connection;
use tempfile::TempDir;
use vidbench_core::protocol::{DecodeOptions, Features};
use vidbench_core::{ClipOutcome, MetricScore, RunRecord, RunStatus, Score, ScoredClip, ScoringRecord};
use vidbench_store::{ClipKey, FeatureSource, Known, Store, StoreError, Wanted};

use crate::fixtures::{finish, id, metric, ok, sample, store, store_with_run};

/// A complete run, with nothing beside its database.
fn complete() -> (TempDir, PathBuf, RunRecord) {
    let (folder, store, run) = store_with_run(4);
    (0..run.planned).for_each(|ordinal| finish(&store, &run, ordinal));
    store.set_status(&run.id, RunStatus::Complete, Some(9)).unwrap();
    let database = store.root().join("vidbench.db");
    drop(store);
    let connection = Connection::open(&database).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    (folder, database, run)
}

fn read(database: &std::path::Path, run: &RunRecord) -> Result<String, StoreError> {
    let store = Store::open_existing(database.parent().unwrap())?;
    store.run_data(&run.id).map(|data| format!("{data:?}"))
}

#[test]
fn a_value_that_was_changed_is_told_of() {
    for change in [
        "UPDATE verdicts SET score_secs = score_secs + 0.5 WHERE ordinal = 1",
        "UPDATE scores SET value = value + 1.0 WHERE ordinal = 2",
        "UPDATE generations SET service_secs = 2 * service_secs WHERE ordinal = 0",
        "UPDATE runs SET environment = replace(environment, 'a', 'b')",
        "DELETE FROM verdicts WHERE ordinal = 3",
    ] {
        let (_folder, database, run) = complete();
        assert!(read(&database, &run).is_ok());
        assert!(Connection::open(&database).unwrap().execute(change, []).unwrap() > 0, "{change}");
        let error = read(&database, &run).unwrap_err();
        assert!(matches!(error, StoreError::Changed { .. }), "{change}: {error}");
        assert!(error.hint().unwrap().contains("vidbench backup restore"));
    }
}

/// Either the reader reports that something is wrong, or the flipped bit was in a place that is not read.
#[test]
fn no_bit_of_the_file_changes_what_is_read_without_a_word() {
    let (_folder, database, run) = complete();
    let (whole, calm) = (fs::read(&database).unwrap(), read(&database, &run).unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut told = 0;
    for _ in 0..400 {
        let mut bytes = whole.clone();
        let at = rng.next_u32() as usize % bytes.len();
        bytes[at] ^= 1 << (rng.next_u32() % 8);
        fs::write(&database, bytes).unwrap();
        match read(&database, &run) {
            Ok(found) => assert_eq!(found, calm, "byte {at}"),
            Err(_) => told += 1,
        }
        for beside in ["vidbench.db-wal", "vidbench.db-shm"] {
            // There is no such file where the database could not even be opened.
            let _ = fs::remove_file(database.with_file_name(beside));
        }
    }
    assert!(told > 20, "only {told} of 400 bits were noticed");
}

/// A run that is not complete has no seal of its own yet, but each of its rows has one.
#[test]
fn a_value_that_was_changed_in_a_run_that_goes_on_is_told_of() {
    for change in [
        "UPDATE verdicts SET score_secs = score_secs + 0.5 WHERE ordinal = 1",
        "UPDATE scores SET value = value + 1.0 WHERE ordinal = 2",
        "UPDATE scores SET metric = 'other@1' WHERE ordinal = 2 AND position = 0",
        "UPDATE features SET vector = zeroblob(length(vector)) WHERE ordinal = 0",
        "UPDATE generations SET service_secs = 2 * service_secs WHERE ordinal = 0",
        "UPDATE attempts SET secs = 2 * secs",
        "UPDATE sessions SET started_ms = started_ms + 1",
        "UPDATE sessions SET idle = '[ ]'",
        "UPDATE readings SET readings = replace(readings, '7', '9')",
    ] {
        let (_folder, store, run) = store_with_run(4);
        let session = store.begin_session(&run.id, 1).unwrap();
        let reading = vidbench_core::Reading { t_ns: 7, ..Default::default() };
        store.record_readings(&run.id, session, &[reading]).unwrap();
        let failed = vidbench_core::FailedAttempt {
            attempt: 1,
            session: 0,
            started_ms: 5,
            secs: 0.5,
            outcome: vidbench_core::Outcome::Timeout,
            reason: "no answer".into(),
        };
        store.record_attempt(&run.id, 1, &failed).unwrap();
        (0..run.planned).for_each(|ordinal| finish(&store, &run, ordinal));
        assert!(store.run_data(&run.id).is_ok());
        let database = Connection::open(store.root().join("vidbench.db")).unwrap();
        assert!(database.execute(change, []).unwrap() > 0, "{change}");
        let error = store.run_data(&run.id).unwrap_err();
        assert!(matches!(error, StoreError::Changed { .. }), "{change}: {error}");
        let error = store.set_status(&run.id, RunStatus::Complete, Some(9)).unwrap_err();
        assert!(matches!(error, StoreError::Changed { .. }), "{change} is not sealed: {error}");
    }
}

#[test]
fn reference_features_that_were_changed_are_made_again() {
    let (_folder, store, _run) = store_with_run(1);
    let vectors = vec![vec![1.0, 2.0], vec![3.0, 4.0]];
    let put = || store.put_reference_features("net@1", "set@1", &vectors).unwrap();
    let get = || store.reference_features("net@1", "set@1").unwrap();
    put();
    assert_eq!(get().as_ref(), Some(&vectors));
    let database = Connection::open(store.root().join("vidbench.db")).unwrap();
    database.execute("UPDATE reference_features SET matrix = zeroblob(length(matrix))", []).unwrap();
    assert_eq!(get(), None);
    put();
    assert_eq!(get().as_ref(), Some(&vectors));
}

fn clip_key() -> ClipKey {
    ClipKey { clip: "ab".repeat(32), reference: None, reading: DecodeOptions::default().reading() }
}

/// A scoring of one clip with one score and what a net saw.
fn scored(store: &Store) -> (ScoringRecord, Vec<Wanted>) {
    let clip = serde_json::json!({"path": "a.mp4", "group": "clips"});
    let request = serde_json::from_value(serde_json::json!({
        "name": "clips", "metrics": ["psnr@1"], "clips": [clip], "options": DecodeOptions::default()
    }));
    let record = ScoringRecord {
        schema_version: 1,
        id: id("20260101-000000-aaaaaa"),
        status: RunStatus::Interrupted,
        created_ms: 1,
        finished_ms: None,
        request: request.unwrap(),
        environment: crate::fixtures::run("r", 1).environment,
    };
    let source = FeatureSource { extraction: "net".into(), nets: "net@1".into() };
    let wanted = vec![Wanted {
        metric: metric("m@1"),
        of_pair: false,
        depends_on: None,
        features: Some(source),
        text_features: None,
        of_sets: true,
    }];
    store.create_scoring(&record).unwrap();
    (record, wanted)
}

fn record_clip(store: &Store, record: &ScoringRecord, wanted: &[Wanted]) {
    let run = crate::fixtures::run("r", 1);
    let facts = ok(sample(&run, 0)).facts;
    let scores = vec![MetricScore::new(metric("m@1"), Score::Value(0.5))];
    let clip = ScoredClip {
        ordinal: 0,
        sha256: Some("ab".repeat(32)),
        reference_sha256: None,
        outcome: ClipOutcome::Ok,
        reason: None,
        facts,
        scores,
    };
    let features = [Features { net: "net".into(), rows: 1, values: vec![1.0, 2.0] }];
    store.record_scored_clip(&record.id, &clip, Some((&clip_key(), None)), &features, wanted).unwrap();
}

fn read_clips(
    store: &Store,
    record: &ScoringRecord,
    wanted: &[Wanted],
) -> Result<Vec<ScoredClip>, StoreError> {
    let mut clips = Vec::new();
    store.each_scored_clip(
        record,
        |_| wanted.to_vec(),
        |clip| {
            clips.push(clip);
            Ok::<(), StoreError>(())
        },
    )?;
    Ok(clips)
}

#[test]
fn scores_that_were_changed_are_told_of_and_computed_again() {
    for change in [
        "UPDATE clip_scores SET value = 0.25",
        "UPDATE decoded_clips SET facts = replace(facts, '16', '17')",
        "UPDATE clip_features SET vector = zeroblob(length(vector))",
    ] {
        let (_folder, store) = store();
        let (record, wanted) = scored(&store);
        record_clip(&store, &record, &wanted);
        let whole = store.known_scores(&clip_key(), &wanted).unwrap();
        assert_eq!((whole.scores.len(), whole.features.len()), (1, 1));
        let database = Connection::open(store.root().join("vidbench.db")).unwrap();
        assert!(database.execute(change, []).unwrap() > 0, "{change}");
        let error = read_clips(&store, &record, &wanted).unwrap_err();
        assert!(matches!(error, StoreError::ChangedScores { .. }), "{change}: {error}");
        assert!(error.hint().unwrap().contains("again"));
        assert_eq!(store.known_scores(&clip_key(), &wanted).unwrap(), Known::default(), "{change}");
        assert_eq!(store.known_features(&clip_key(), &[&wanted[0]]).unwrap(), []);
        record_clip(&store, &record, &wanted);
        assert_eq!(store.known_scores(&clip_key(), &wanted).unwrap(), whole, "{change}");
        assert_eq!(read_clips(&store, &record, &wanted).unwrap()[0].scores, whole.scores);
    }
    let (_folder, store) = store();
    let (record, wanted) = scored(&store);
    record_clip(&store, &record, &wanted);
    let database = Connection::open(store.root().join("vidbench.db")).unwrap();
    database.execute("UPDATE scored_clips SET outcome = 'decode_failed'", []).unwrap();
    let error = read_clips(&store, &record, &wanted).unwrap_err();
    assert!(matches!(error, StoreError::ChangedScores { .. }), "{error}");
}
