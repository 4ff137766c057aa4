//! Verifying a backup reports whatever differs in it; restoring refuses it and writes nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vidbench_store::{
    Artifacts, BackupError, BackupManifest, StoreError, VERSION, create_backup, list_backups, restore_backup,
    verify_backup,
};

use crate::backup::{backed_up, contents};
use crate::fixtures::{finish, store_with_run};

type Damage = fn(&Path);

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    // A linked video has another name in the workspace; this one gets bytes of its own.
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, at: usize) {
    change(path, |bytes| bytes[at] ^= 1);
}

fn halve(path: &Path) {
    change(path, |bytes| bytes.truncate(bytes.len() / 2));
}

fn video(backup: &Path) -> PathBuf {
    let found = contents(&backup.join("artifacts"));
    backup.join("artifacts").join(found.keys().next().unwrap())
}

const DATABASE: &str = "vidbench.db";
const MANIFEST: &str = "backup.json";

/// The damages, and whether a look that hashes nothing sees each of them.
const DAMAGES: &[(&str, bool, Damage)] = &[
    ("the first bit of the database", false, |backup| flip(&backup.join(DATABASE), 0)),
    ("a bit of the database", false, |backup| flip(&backup.join(DATABASE), 5000)),
    ("a shorter database", true, |backup| halve(&backup.join(DATABASE))),
    ("a longer database", true, |backup| change(&backup.join(DATABASE), |bytes| bytes.push(0))),
    ("an empty database", true, |backup| fs::write(backup.join(DATABASE), "").unwrap()),
    ("no database", true, |backup| fs::remove_file(backup.join(DATABASE)).unwrap()),
    ("a bit of a video", false, |backup| flip(&video(backup), 0)),
    ("a shorter video", true, |backup| halve(&video(backup))),
    ("no video", true, |backup| fs::remove_file(video(backup)).unwrap()),
    ("no videos", true, |backup| fs::remove_dir_all(backup.join("artifacts")).unwrap()),
    ("a link in place of a video", true, |backup| {
        let (path, beside) = (video(backup), backup.with_extension("moved"));
        fs::rename(&path, &beside).unwrap();
        symlink(beside, path).unwrap();
    }),
    ("a folder in place of a video", true, |backup| {
        let path = video(backup);
        fs::remove_file(&path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("a file too many", true, |backup| fs::write(backup.join("notes.txt"), "mine").unwrap()),
    ("a video too many", true, |backup| {
        fs::copy(video(backup), video(backup).with_extension("mov")).map(drop).unwrap();
    }),
    ("a journal that SQLite would play back", true, |backup| {
        fs::write(backup.join("vidbench.db-journal"), "x").unwrap();
    }),
    ("no manifest", true, |backup| fs::remove_file(backup.join(MANIFEST)).unwrap()),
    ("a number of the manifest", true, |backup| {
        let text = fs::read_to_string(backup.join(MANIFEST)).unwrap().replace("\"runs\": 1", "\"runs\": 2");
        fs::write(backup.join(MANIFEST), text).unwrap();
    }),
    ("half a manifest", true, |backup| halve(&backup.join(MANIFEST))),
    ("an empty manifest", true, |backup| fs::write(backup.join(MANIFEST), "").unwrap()),
    ("a manifest of rubbish", true, |backup| fs::write(backup.join(MANIFEST), [0xff; 100]).unwrap()),
    ("a manifest that forgets a video", true, |backup| reseal(backup, |said| drop(said.artifacts.pop()))),
    ("a manifest and a folder that forget a video", false, |backup| {
        reseal(backup, |said| {
            let gone = said.artifacts.pop().unwrap().sha256;
            fs::remove_file(backup.join(format!("artifacts/{}/{gone}.mp4", &gone[..2]))).unwrap();
        });
    }),
    ("a manifest that leads elsewhere", true, |backup| {
        reseal(backup, |said| said.artifacts[0].sha256 = "../../../etc/passwd".into());
    }),
    ("a manifest with another number of runs", false, |backup| reseal(backup, |said| said.runs = 7)),
];

/// A manifest as written by somebody who knows its form.
fn reseal(backup: &Path, change: impl FnOnce(&mut BackupManifest)) {
    let path = backup.join(MANIFEST);
    let said: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut manifest: BackupManifest = serde_json::from_value(said["manifest"].clone()).unwrap();
    change(&mut manifest);
    let sha256 = vidbench_core::sha256_hex(&serde_json::to_vec(&manifest).unwrap());
    fs::write(path, json!({ "manifest": manifest, "sha256": sha256 }).to_string()).unwrap();
}

#[test]
fn anything_that_differs_is_refused_and_nothing_is_written() {
    for (what, is_seen_at_once, damage) in DAMAGES {
        let (_folder, _store, backups, backup) = backed_up(Artifacts::Linked);
        damage(&backup.path);
        let before = contents(backups.path());
        let into = backups.path().join("restored");
        let error = restore_backup(&backup.path, &into).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{what}: {error}");
        let error = verify_backup(&backup.path).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{what}: {error}");
        let listed = list_backups(backups.path()).unwrap();
        let seen = listed.iter().find(|listed| listed.path == backup.path).unwrap().problem.is_some();
        assert_eq!(seen, *is_seen_at_once, "{what}");
        assert_eq!(contents(backups.path()), before, "{what}: nothing is written");
        assert!(!into.exists(), "{what}");
    }
}

#[test]
fn the_reason_names_the_file() {
    let reason = |damage: Damage| {
        let (_folder, _store, _backups, backup) = backed_up(Artifacts::Linked);
        damage(&backup.path);
        let error = verify_backup(&backup.path).unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "nothing was written; use an older one: `vidbench backup list` shows them"
        );
        error.to_string().replace(&backup.path.display().to_string(), "BACKUP")
    };
    assert_eq!(
        reason(|backup| fs::write(backup.join("notes.txt"), "mine").unwrap()),
        "backup BACKUP is damaged: notes.txt is not in its manifest"
    );
    assert_eq!(
        reason(|backup| fs::remove_file(backup.join(DATABASE)).unwrap()),
        "backup BACKUP is damaged: vidbench.db is missing"
    );
    assert!(
        reason(|backup| change(&video(backup), |bytes| bytes.push(0)))
            .ends_with(" bytes, but the manifest states 7")
    );
    assert!(reason(|backup| flip(&backup.join(DATABASE), 5000)).contains("vidbench.db has "));
}

#[test]
fn what_a_newer_vidbench_made_is_not_called_damaged() {
    let newer: [(&str, Damage); 2] = [
        ("has format 2, this vidbench reads format 1", |backup| {
            let path = backup.join(MANIFEST);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("\"format\": 1", "\"format\": 2, \"more\": 3")).unwrap();
        }),
        ("this vidbench reads up to", |backup| reseal(backup, |said| said.store_version = VERSION + 1)),
    ];
    for (what, damage) in newer {
        let (_folder, _store, backups, backup) = backed_up(Artifacts::Linked);
        damage(&backup.path);
        let into = backups.path().join("restored");
        for error in
            [restore_backup(&backup.path, &into).unwrap_err(), verify_backup(&backup.path).unwrap_err()]
        {
            assert!(!matches!(error, BackupError::Damaged { .. }), "{error}");
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(error.hint().unwrap(), "use the vidbench version that created it, or a newer one");
        }
        assert!(!into.exists());
    }
}

/// A backup of damaged bytes would displace whole backups.
#[test]
fn a_video_that_is_damaged_in_the_workspace_is_not_copied() {
    let (_folder, store, run) = store_with_run(2);
    (0..2).for_each(|ordinal| finish(&store, &run, ordinal));
    let sha256 = store.run_data(&run.id).unwrap().samples[1].generation.clone().unwrap().artifact_sha256;
    flip(&store.artifact_path(&sha256).unwrap(), 0);
    let backups = tempfile::tempdir().unwrap();
    let error = create_backup(&store, backups.path(), 0, Artifacts::Copied).unwrap_err();
    assert!(matches!(error, BackupError::Store(StoreError::ArtifactDamaged { .. })), "{error}");
    assert!(error.to_string().contains(&sha256), "{error}");
    assert_eq!(fs::read_dir(backups.path()).unwrap().count(), 1, "its lock");
    // A link reads nothing; verifying does.
    let linked = create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap();
    assert!(matches!(verify_backup(&linked.path), Err(BackupError::Damaged { .. })));
}

/// The damaged page is not needed at the moment: SQLite reports it only when it is.
#[test]
fn a_damaged_database_is_not_copied_and_pushes_no_whole_backup_out() {
    let (folder, store, run) = store_with_run(400);
    (0..400).for_each(|ordinal| finish(&store, &run, ordinal));
    drop(store);
    let database = folder.path().join(DATABASE);
    let mut bytes = fs::read(&database).unwrap();
    let page = bytes.len() / 2 / 4096 * 4096;
    bytes[page..page + 4096].fill(0x5a);
    fs::write(&database, bytes).unwrap();
    let store = vidbench_store::Store::open(folder.path()).unwrap();
    let backups = folder.path().join("backups");
    let error = create_backup(&store, &backups, 0, Artifacts::Linked).unwrap_err();
    assert!(matches!(&error, BackupError::Store(error) if error.is_damage()), "{error}");
    assert_eq!(list_backups(&backups).unwrap().len(), 0);
}
