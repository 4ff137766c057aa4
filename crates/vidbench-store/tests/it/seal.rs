//! A bit that turns over in a complete run is noticed before the run is reported.

use std::fs;
use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use rusqlite::Connection;
use tempfile::TempDir;
use vidbench_core::{RunRecord, RunStatus};
use vidbench_store::{Store, StoreError};

use crate::fixtures::{finish, store_with_run};

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

/// Either the reader says that something is wrong, or the bit was in no place that is read.
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
            // There is none where the file could not even be opened.
            let _ = fs::remove_file(database.with_file_name(beside));
        }
    }
    assert!(told > 20, "only {told} of 400 bits were noticed");
}
