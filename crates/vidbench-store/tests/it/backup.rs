//! Backups: made beside writers, restored byte by byte, and refused when anything differs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use vidbench_store::{
    Artifacts, Backup, BackupError, Store, create_backup, create_backup_if_older, keep_backups, list_backups,
    newest_backup, restore_backup, verify_backup,
};

use crate::fixtures::{finish, store_with_run};

const DAY_MS: i64 = 86_400_000;

/// A workspace with three samples, and its backup.
pub(crate) fn backed_up(artifacts: Artifacts) -> (TempDir, Store, TempDir, Backup) {
    let (folder, store, run) = store_with_run(3);
    (0..3).for_each(|ordinal| finish(&store, &run, ordinal));
    let backups = tempfile::tempdir().unwrap();
    let backup = create_backup(&store, backups.path(), 1_800_000_000_000, artifacts).unwrap();
    (folder, store, backups, backup)
}

/// Every file below a folder, by name.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                all.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

#[test]
fn what_is_restored_is_byte_for_byte_what_was_backed_up() {
    for artifacts in [Artifacts::Linked, Artifacts::Copied] {
        let (_folder, store, backups, backup) = backed_up(artifacts);
        assert_eq!((backup.manifest.runs, backup.manifest.samples), (1, 3));
        let into = backups.path().join("restored");
        restore_backup(&backup.path, &into).unwrap();
        let mut expected = contents(&backup.path);
        expected.remove(Path::new("backup.json")).unwrap();
        assert_eq!(contents(&into), expected);
        let restored = Store::open_existing(&into).unwrap();
        let run = &store.runs().unwrap()[0].id;
        assert_eq!(restored.run_data(run).unwrap(), store.run_data(run).unwrap());
        assert_eq!(verify_backup(&backup.path).unwrap(), backup.manifest);
        let left = fs::read_dir(backups.path()).unwrap().count();
        assert_eq!(left, 3, "the backup, its lock and what was restored");
    }
}

#[test]
fn a_folder_with_something_in_it_is_not_restored_into() {
    let (folder, _store, backups, backup) = backed_up(Artifacts::Linked);
    let before = contents(folder.path());
    assert!(matches!(restore_backup(&backup.path, folder.path()), Err(BackupError::NotEmpty { .. })));
    assert_eq!(contents(folder.path()), before);
    let empty = backups.path().join("empty ?#%41");
    fs::create_dir(&empty).unwrap();
    restore_backup(&backup.path, &empty).unwrap();
}

#[test]
fn a_video_that_is_gone_ends_the_backup_and_nothing_is_left() {
    let (_folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    let sha256 = &store.run_data(&run.id).unwrap().samples[0].generation.clone().unwrap().artifact_sha256;
    fs::remove_file(store.artifact_path(sha256).unwrap()).unwrap();
    let backups = tempfile::tempdir().unwrap();
    assert!(create_backup(&store, backups.path(), 0, Artifacts::Linked).is_err());
    assert!(list_backups(backups.path()).unwrap().is_empty());
    assert_eq!(fs::read_dir(backups.path()).unwrap().count(), 1, "its lock");
}

#[test]
fn the_newest_are_kept_and_what_cannot_be_read_is_left_to_a_person() {
    let (_folder, store, _) = store_with_run(1);
    let backups = tempfile::tempdir().unwrap();
    let make =
        |day: i64| create_backup(&store, backups.path(), day * DAY_MS, Artifacts::Linked).unwrap().path;
    let paths: Vec<PathBuf> = (1..=4).map(make).collect();
    let again = make(4);
    assert!(again.ends_with("19700105T000000-2"), "{}", again.display());
    fs::create_dir(backups.path().join("mine")).unwrap();
    fs::write(paths[1].join("backup.json"), "{").unwrap();
    assert_eq!(keep_backups(backups.path(), 2, &again).unwrap(), [paths[0].clone(), paths[2].clone()]);
    assert!(paths[1].exists() && backups.path().join("mine").exists());
    let listed = list_backups(backups.path()).unwrap();
    let whole: Vec<bool> = listed.iter().map(|listed| listed.problem.is_none()).collect();
    assert_eq!(whole, [false, true, true]);
}

#[test]
fn a_damaged_backup_takes_no_whole_ones_place() {
    let (_folder, store, backups, first) = backed_up(Artifacts::Copied);
    let make = |day: i64| {
        let at_ms = 1_800_000_000_000 + day * DAY_MS;
        create_backup(&store, backups.path(), at_ms, Artifacts::Copied).unwrap().path
    };
    let (second, third) = (make(1), make(2));
    fs::remove_file(second.join("vidbench.db")).unwrap();
    assert_eq!(keep_backups(backups.path(), 2, &third).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(newest_backup(backups.path()).unwrap().unwrap().path, third);
    fs::remove_file(third.join("backup.json")).unwrap();
    assert_eq!(newest_backup(backups.path()).unwrap().unwrap().path, first.path);
    assert_eq!(list_backups(backups.path()).unwrap().len(), 3, "one without a manifest is known by its name");
}

#[test]
fn what_was_just_made_stays_when_the_clock_went_back() {
    let (_folder, store, _) = store_with_run(1);
    let backups = tempfile::tempdir().unwrap();
    let make =
        |day: i64| create_backup(&store, backups.path(), day * DAY_MS, Artifacts::Linked).unwrap().path;
    let (late, later, early) = (make(10), make(11), make(1));
    assert_eq!(keep_backups(backups.path(), 2, &early).unwrap(), [late]);
    assert_eq!(keep_backups(backups.path(), 1, &early).unwrap(), [later]);
    assert!(early.exists());
}

#[test]
fn the_tenth_of_a_second_comes_after_the_second() {
    let (_folder, store, _) = store_with_run(1);
    let backups = tempfile::tempdir().unwrap();
    let made: Vec<PathBuf> =
        (0..11).map(|_| create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap().path).collect();
    let listed: Vec<PathBuf> =
        list_backups(backups.path()).unwrap().into_iter().map(|listed| listed.path).collect();
    assert_eq!(listed, made);
    assert_eq!(keep_backups(backups.path(), 1, &made[10]).unwrap(), made[..10]);
}

#[test]
fn a_young_backup_is_enough() {
    let (_folder, store, backups, first) = backed_up(Artifacts::Linked);
    let hour = Duration::from_secs(3600);
    let ask = |after_ms: i64| {
        let now_ms = first.manifest.created_ms + after_ms;
        create_backup_if_older(&store, backups.path(), now_ms, hour, Artifacts::Linked).unwrap()
    };
    assert_eq!(*ask(3_599_999).unwrap_err(), first);
    let second = ask(3_600_000).unwrap();
    assert_eq!(*ask(3_600_001).unwrap_err(), second);
    assert!(ask(0).is_ok(), "a clock that went back makes a backup rather than none");
    fs::remove_file(second.path.join("vidbench.db")).unwrap();
    assert!(ask(3_600_001).is_ok(), "a damaged one is no backup");
}

#[test]
fn what_a_killed_process_left_is_no_backup_and_goes() {
    let (_folder, store, _) = store_with_run(1);
    let backups = tempfile::tempdir().unwrap();
    for name in
        [".making-backup-1", ".removing-backup-2", ".verifying-backup-3", ".verifying-backup-4", ".mine"]
    {
        fs::create_dir(backups.path().join(name)).unwrap();
        fs::write(backups.path().join(name).join("backup.json"), "{}").unwrap();
    }
    let held = fs::File::open(backups.path().join(".verifying-backup-4")).unwrap();
    held.lock().unwrap();
    assert!(list_backups(backups.path()).unwrap().is_empty());
    create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap();
    let mut left: Vec<String> = fs::read_dir(backups.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, [".lock", ".mine", ".verifying-backup-4", "19700101T000000"]);
}

#[test]
fn two_at_once_are_one_too_many() {
    let (_folder, store, _) = store_with_run(1);
    let backups = tempfile::tempdir().unwrap();
    let held = fs::File::create(backups.path().join(".lock")).unwrap();
    held.lock().unwrap();
    let error = create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap_err();
    assert!(matches!(error, BackupError::Busy { .. }), "{error}");
}

#[test]
fn another_disk_gets_bytes_of_its_own() {
    use std::os::unix::fs::MetadataExt as _;
    let (folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    let elsewhere = match tempfile::tempdir_in("/dev/shm") {
        Ok(elsewhere) if device(elsewhere.path()) != device(folder.path()) => elsewhere,
        _ => return eprintln!("skipped: /dev/shm is not another disk"),
    };
    let links = |backups: &Path| {
        let backup = create_backup(&store, backups, 0, Artifacts::Linked).unwrap();
        verify_backup(&backup.path).unwrap();
        let video = &backup.manifest.artifacts[0].sha256;
        fs::metadata(backup.path.join(format!("artifacts/{}/{video}.mp4", &video[..2]))).unwrap().nlink()
    };
    assert_eq!(links(elsewhere.path()), 1);
    assert_eq!(links(&folder.path().join("backups")), 2);
    let (from, into) = (list_backups(elsewhere.path()).unwrap(), folder.path().join("restored"));
    restore_backup(&from[0].path, &into).unwrap();
    assert_eq!(Store::open_existing(&into).unwrap().run_data(&run.id).unwrap().samples.len(), 1);
}

#[test]
fn odd_names_are_names() {
    let (folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    for name in ["a b", "%41?x#y", "-to", "'\"`$(x)", "ünï \u{1f4be}", "new\nline"] {
        let backups = folder.path().join(name);
        let backup = create_backup(&store, &backups, 0, Artifacts::Linked).unwrap();
        assert_eq!(verify_backup(&backup.path).unwrap(), backup.manifest, "{name}");
        restore_backup(&backup.path, &backups.join(format!("{name}.restored"))).unwrap();
        assert_eq!(keep_backups(&backups, 1, &backup.path).unwrap(), Vec::<PathBuf>::new(), "{name}");
    }
}

#[test]
fn a_workspace_from_a_backup_has_the_rights_of_any_other() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _store, _backups, backup) = backed_up(Artifacts::Copied);
    fs::set_permissions(backup.path.join("vidbench.db"), fs::Permissions::from_mode(0o400)).unwrap();
    let usual = folder.path().join("usual");
    fs::create_dir(&usual).unwrap();
    let into = folder.path().join("restored");
    restore_backup(&backup.path, &into).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&into), mode(&usual));
    assert_ne!(mode(&into.join("vidbench.db")) & 0o200, 0, "a workspace is written to");
}

#[test]
fn nothing_is_restored_into_the_backup_itself() {
    let (_folder, _store, _backups, backup) = backed_up(Artifacts::Linked);
    let into = backup.path.join("deep/restored");
    assert!(matches!(restore_backup(&backup.path, &into), Err(BackupError::Inside { .. })));
    verify_backup(&backup.path).unwrap();
}
