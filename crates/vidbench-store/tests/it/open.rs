//! Opening a workspace, and what stands in the way of it.

use std::fs;

use rusqlite::Connection;
use vidbench_store::{Store, StoreError, VERSION};

use crate::fixtures::{run, store};

#[test]
fn a_workspace_is_created_once_and_opened_again() {
    let (folder, store) = store();
    store.create_run(&run("r1", 1)).unwrap();
    drop(store);
    let again = Store::open(&folder.path().join(".")).unwrap();
    assert_eq!(again.runs().unwrap().len(), 1);
    assert!(again.root().is_absolute());
}

#[test]
fn a_folder_without_a_store_is_not_a_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open_existing(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with("no workspace in "), "{error}");
    assert!(error.hint().unwrap().contains("vidbench run"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "looking must create nothing");
}

#[test]
fn the_database_has_a_write_ahead_log_and_foreign_keys() {
    let (folder, _store) = store();
    let connection = Connection::open(folder.path().join("vidbench.db")).unwrap();
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let orphan = "INSERT INTO sessions VALUES (99, 0, 0, '[]', NULL)";
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    assert!(connection.execute(orphan, []).is_err());
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let (folder, store) = store();
    drop(store);
    let path = folder.path().join("vidbench.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, .. } if found == i64::from(VERSION) + 1), "{error}");
    assert!(error.to_string().contains(&format!("reads up to {VERSION}")), "{error}");
    assert!(error.hint().unwrap().contains("newer"));
}

#[test]
fn a_file_that_is_not_a_database_is_named_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vidbench.db");
    let text = "this is no database ".repeat(100);
    fs::write(&path, &text).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vidbench.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
}

#[test]
fn an_empty_database_file_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("vidbench.db"), "").unwrap();
    assert!(Store::open_existing(folder.path()).unwrap().runs().unwrap().is_empty());
}

#[test]
fn a_file_in_place_of_a_folder_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for root in [file.clone(), file.join("below")] {
        let error = Store::open(&root).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(error.hint().unwrap().contains("file exists where a folder"), "{error}");
    }
    fs::write(folder.path().join("artifacts"), "x").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Io { .. })));
}

#[test]
fn a_folder_that_cannot_be_written_is_noticed_before_the_run() {
    let (folder, store) = store();
    store.check_writable().unwrap();
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    fs::remove_dir(folder.path().join("tmp")).unwrap();
    fs::write(folder.path().join("tmp"), "x").unwrap();
    assert!(matches!(store.check_writable(), Err(StoreError::Io { .. })));
}

#[test]
fn a_write_lock_held_elsewhere_is_waited_for() {
    let (folder, store) = store();
    let other = Connection::open(folder.path().join("vidbench.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| store.create_run(&run("r1", 1)));
        other.execute_batch("COMMIT").unwrap();
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn many_openers_of_a_new_workspace_agree() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(folder.path()).map(drop))).collect();
        for opener in openers {
            opener.join().unwrap().unwrap();
        }
    });
}

#[test]
fn free_disk_space_is_that_of_the_workspace() {
    let (_folder, store) = store();
    let free = store.free_disk_bytes().unwrap();
    assert!(free > 0 && free < 1 << 60, "{free}");
}
