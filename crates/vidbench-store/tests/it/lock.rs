//! One process at a time for each run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use vidbench_store::{Store, StoreError};

use crate::fixtures::{run, store_with_run};

#[test]
fn a_run_is_locked_until_its_lock_is_dropped() {
    let (folder, store, record) = store_with_run(1);
    let lock = store.lock_run(&record.id).unwrap();
    assert_eq!(lock.run(), &record.id);
    let other = Store::open(folder.path()).unwrap();
    let error = other.lock_run(&record.id).unwrap_err();
    assert_eq!(error.to_string(), format!("run r1 is in use by process {}", std::process::id()));
    assert!(error.hint().is_some());
    drop(lock);
    other.lock_run(&record.id).unwrap();
}

#[test]
fn runs_are_locked_one_by_one() {
    let (_folder, store, first) = store_with_run(1);
    store.create_run(&run("r2", 1)).unwrap();
    let _first = store.lock_run(&first.id).unwrap();
    store.lock_run(&crate::fixtures::id("r2")).unwrap();
}

#[test]
fn a_lock_file_that_says_nothing_is_no_obstacle() {
    let (folder, store, record) = store_with_run(1);
    let path = folder.path().join("locks/r1.lock");
    fs::write(&path, "rubbish").unwrap();
    let _lock = store.lock_run(&record.id).unwrap();
    fs::write(&path, "rubbish").unwrap();
    let error = store.lock_run(&record.id).unwrap_err();
    assert_eq!(error.to_string(), "run r1 is in use by another process");
}

#[test]
fn locking_clears_what_an_earlier_process_left_of_this_run_only() {
    let (_folder, store, record) = store_with_run(1);
    store.create_run(&run("r2", 1)).unwrap();
    let (mine, theirs) = (store.temp_path(&record.id, "a.mp4").unwrap(), store.root().join("tmp/r2/b.mp4"));
    drop(store.lock_run(&record.id).unwrap());
    fs::write(&mine, "half a vid").unwrap();
    fs::create_dir(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, "half a vid").unwrap();
    let _lock = store.lock_run(&record.id).unwrap();
    assert!(!mine.exists() && theirs.exists());
    assert!(mine.parent().unwrap().is_dir());
}

#[test]
fn folders_of_unfinished_files_are_private_also_those_of_an_older_version() {
    let (folder, store, record) = store_with_run(1);
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder.path().join("tmp"), open).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    let _lock = store.lock_run(&record.id).unwrap();
    for private in ["tmp", "tmp/r1"] {
        let mode = fs::metadata(folder.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{private}");
    }
}

#[test]
fn clearing_follows_no_links() {
    let (folder, store, record) = store_with_run(1);
    drop(store.lock_run(&record.id).unwrap());
    let precious = folder.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "x").unwrap();
    std::os::unix::fs::symlink(&precious, store.root().join("tmp/r1/link")).unwrap();
    let _lock = store.lock_run(&record.id).unwrap();
    assert!(precious.join("file").exists());
}

#[test]
fn a_locked_run_cannot_be_removed() {
    let (_folder, store, record) = store_with_run(1);
    let _lock = store.lock_run(&record.id).unwrap();
    assert!(matches!(store.remove_run(&record.id), Err(StoreError::Locked { .. })));
    store.run(&record.id).unwrap();
}
