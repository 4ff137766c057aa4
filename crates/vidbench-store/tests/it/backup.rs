//! Backups: made beside writers, restored byte by byte, refused when anything differs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use vidbench_store::{
    Artifacts, Backup, BackupError, Store, create_backup, keep_backups, list_backups, read_backup,
    restore_backup, verify_backup,
};

use crate::fixtures::{finish, store_with_run};

const DAY_MS: i64 = 86_400_000;

/// A workspace with three samples, and its backup.
fn backed_up(artifacts: Artifacts) -> (TempDir, Store, TempDir, Backup) {
    let (folder, store, run) = store_with_run(3);
    (0..3).for_each(|ordinal| finish(&store, &run, ordinal));
    let backups = tempfile::tempdir().unwrap();
    let backup = create_backup(&store, backups.path(), 1_800_000_000_000, artifacts).unwrap();
    (folder, store, backups, backup)
}

/// Every file below a folder, by name.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
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
fn anything_that_differs_is_refused_and_nothing_is_written() {
    type Damage = fn(&Path);
    fn video(backup: &Path) -> PathBuf {
        let found = contents(&backup.join("artifacts"));
        backup.join("artifacts").join(found.keys().next().unwrap())
    }
    let damages: [(&str, Damage); 8] = [
        ("a bit of the database", |backup| {
            let path = backup.join("vidbench.db");
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("a shorter database", |backup| {
            let path = backup.join("vidbench.db");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("no database", |backup| fs::remove_file(backup.join("vidbench.db")).unwrap()),
        ("a bit of a video", |backup| {
            // A linked video has another name in the workspace; this one gets bytes of its own.
            let path = video(backup);
            let mut bytes = fs::read(&path).unwrap();
            bytes[0] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(path, bytes).unwrap();
        }),
        ("no video", |backup| fs::remove_file(video(backup)).unwrap()),
        ("a number of the manifest", |backup| {
            let path = backup.join("backup.json");
            let text = fs::read_to_string(&path).unwrap().replace("\"runs\": 1", "\"runs\": 2");
            fs::write(path, text).unwrap();
        }),
        ("half a manifest", |backup| {
            let path = backup.join("backup.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, &text[..text.len() / 2]).unwrap();
        }),
        ("a manifest of rubbish", |backup| fs::write(backup.join("backup.json"), [0xff; 100]).unwrap()),
    ];
    for (what, damage) in damages {
        let (_folder, _store, backups, backup) = backed_up(Artifacts::Linked);
        damage(&backup.path);
        let into = backups.path().join("restored");
        let error = restore_backup(&backup.path, &into).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{what}: {error}");
        assert!(!into.exists(), "{what}");
        assert!(matches!(verify_backup(&backup.path), Err(BackupError::Damaged { .. })), "{what}");
        assert_eq!(fs::read_dir(backups.path()).unwrap().count(), 2, "{what}: the backup and its lock");
    }
}

#[test]
fn a_newer_format_is_told() {
    let (_folder, _store, _backups, backup) = backed_up(Artifacts::Linked);
    let path = backup.path.join("backup.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"format\": 1", "\"format\": 2, \"more\": 3");
    fs::write(path, text).unwrap();
    assert!(matches!(read_backup(&backup.path), Err(BackupError::Newer { found: 2, supported: 1, .. })));
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
fn backups_beside_a_writer_are_prefixes_of_its_history() {
    let (_folder, store, run) = store_with_run(200);
    let backups = tempfile::tempdir().unwrap();
    let over = AtomicBool::new(false);
    let made: Vec<Backup> = std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..200).for_each(|ordinal| finish(&store, &run, ordinal));
            over.store(true, Ordering::SeqCst);
        });
        let mut made = Vec::new();
        while !over.load(Ordering::SeqCst) {
            made.push(create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap());
        }
        made
    });
    assert!(made.len() > 1, "{}", made.len());
    for (at, backup) in made.iter().enumerate() {
        verify_backup(&backup.path).unwrap();
        let into = backups.path().join(format!("restored-{at}"));
        restore_backup(&backup.path, &into).unwrap();
        let samples = Store::open_existing(&into).unwrap().run_data(&run.id).unwrap().samples;
        let ordinals: Vec<u64> = samples.iter().map(|sample| sample.ordinal).collect();
        assert_eq!(ordinals, Vec::from_iter(0..samples.len() as u64), "no hole");
        assert_eq!(backup.manifest.samples, samples.len() as u64);
    }
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
    assert_eq!(keep_backups(backups.path(), 2).unwrap(), [paths[0].clone(), paths[2].clone()]);
    assert!(paths[1].exists() && backups.path().join("mine").exists());
    let listed: Vec<bool> = list_backups(backups.path()).unwrap().iter().map(Result::is_ok).collect();
    assert_eq!(listed, [false, true, true]);
}

#[test]
fn what_a_killed_process_left_is_no_backup_and_goes() {
    let (_folder, store, _) = store_with_run(1);
    let backups = tempfile::tempdir().unwrap();
    for name in [".making-1", ".removing-2"] {
        fs::create_dir(backups.path().join(name)).unwrap();
        fs::write(backups.path().join(name).join("backup.json"), "{}").unwrap();
    }
    assert!(list_backups(backups.path()).unwrap().is_empty());
    create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap();
    assert_eq!(fs::read_dir(backups.path()).unwrap().count(), 2, "the backup and its lock");
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
    let memory = Path::new("/dev/shm");
    let (_folder, store, run) = {
        let (folder, store, run) = store_with_run(1);
        finish(&store, &run, 0);
        (folder, store, run)
    };
    let Ok(elsewhere) = tempfile::tempdir_in(memory) else { return };
    let backup = create_backup(&store, elsewhere.path(), 0, Artifacts::Linked).unwrap();
    verify_backup(&backup.path).unwrap();
    assert_eq!(backup.manifest.artifacts.len(), 1);
    assert!(store.progress(&run.id).is_ok());
}
