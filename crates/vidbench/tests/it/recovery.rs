//! A workspace whose database is damaged, and a run that continues in spite of it.

use std::fs;
use std::path::Path;

use crate::main_job::samples;
use crate::workspace::{Said, Workspace, worker_suite};

/// A run of four samples whose worker fails once, so that its breaker opens and one sample remains.
fn begun() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1, 2]", "fails@1", 2, "max_consecutive_failures = 1"));
    let said = workspace.run(["run", "suite.toml", "--quiet"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    workspace
}

fn database(workspace: &Workspace) -> std::path::PathBuf {
    workspace.path().join(".vidbench/vidbench.db")
}

/// Overwrites everything after the first page.
fn damage_pages(database: &Path) {
    let mut bytes = fs::read(database).unwrap();
    bytes[4096..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(database, bytes).unwrap();
}

fn damage_head(database: &Path) {
    let mut bytes = fs::read(database).unwrap();
    bytes[..16].fill(0);
    fs::write(database, bytes).unwrap();
}

fn lose(database: &Path) {
    fs::remove_file(database).unwrap();
}

fn empty(database: &Path) {
    fs::write(database, "").unwrap();
}

fn resume(workspace: &Workspace) -> Said {
    workspace.run(["run", "--resume", "latest", "--progress", "plain"])
}

#[test]
fn a_run_goes_on_from_the_newest_backup_and_the_damaged_database_is_kept() {
    for damage in [damage_pages, damage_head, lose, empty] {
        let workspace = begun();
        assert_eq!(workspace.run(["backup", "create"]).code, 0);
        damage(&database(&workspace));
        let bytes = fs::read(database(&workspace)).ok();

        let said = resume(&workspace);
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stderr.contains("the workspace was restored from backup"), "{}", said.stderr);
        let data = workspace.export();
        let outcomes: Vec<_> = samples(&data).iter().map(|sample| &sample["verdict"]["outcome"]).collect();
        assert_eq!(outcomes, ["ok", "ok", "internal", "ok"]);
        let kept = fs::read_dir(workspace.path().join(".vidbench/damaged")).unwrap().next().unwrap().unwrap();
        assert_eq!(fs::read(kept.path().join("vidbench.db")).ok(), bytes);
    }
}

/// A run that is not in the backup starts again, and missing videos are restored.
#[test]
fn a_suite_is_run_again_and_videos_come_back_with_the_database() {
    let workspace = begun();
    assert_eq!(workspace.run(["backup", "create", "--copy"]).code, 0);
    let video = samples(&workspace.export())[0]["generation"]["artifact_sha256"].as_str().unwrap().to_owned();
    let video = workspace.path().join(format!(".vidbench/artifacts/{}/{video}.mp4", &video[..2]));
    fs::remove_file(&video).unwrap();
    damage_pages(&database(&workspace));
    let said = workspace.run(["run", "suite.toml", "--progress", "plain"]);
    assert_eq!(said.code, 0, "the worker has failed once and does not again: {}", said.stderr);
    assert!(video.exists(), "it is of the run that the backup has");
    assert_eq!(workspace.run(["runs", "list", "--json"]).stdout.matches("\"kind\"").count(), 2);
}

#[test]
fn without_a_whole_backup_nothing_is_changed_and_that_is_said() {
    let workspace = begun();
    damage_head(&database(&workspace));
    let before = fs::read(database(&workspace)).unwrap();
    let said = resume(&workspace);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("and it cannot be restored from a backup: there is no backup in"),
        "{}",
        said.stderr
    );
    assert_eq!(fs::read(database(&workspace)).unwrap(), before);

    // A newer backup that is damaged is skipped.
    let workspace = begun();
    assert_eq!(workspace.run(["backup", "create"]).code, 0);
    let backups = workspace.path().join(".vidbench/backups");
    let whole = fs::read_dir(&backups)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    damage_pages(&whole.join("vidbench.db"));
    damage_pages(&database(&workspace));
    let said = resume(&workspace);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("is damaged"), "{}", said.stderr);
}
