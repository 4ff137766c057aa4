//! Backups made beside writers and removals, and backups that are killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vidbench_store::{Artifacts, Backup, Store, create_backup, list_backups, restore_backup, verify_backup};

use crate::fixtures::{finish, id, run, store, store_with_run};

const WRITERS: u32 = 4;
const SAMPLES: u32 = 60;
const KILLS: u64 = 20;
const FOLDER: &str = "VIDBENCH_STORE_TEST_BACKUP_OF";

fn restored(backup: &Backup, into: &std::path::Path) -> Store {
    verify_backup(&backup.path).unwrap();
    restore_backup(&backup.path, into).unwrap();
    Store::open_existing(into).unwrap()
}

/// Each writer has a connection of its own, as processes have.
#[test]
fn backups_beside_four_writers_are_prefixes_of_their_history() {
    let (folder, store) = store();
    let runs: Vec<_> = (0..WRITERS).map(|at| run(&format!("r{at}"), SAMPLES)).collect();
    runs.iter().for_each(|run| store.create_run(run).unwrap());
    let backups = tempfile::tempdir().unwrap();
    let made: Vec<Backup> = std::thread::scope(|scope| {
        let write = |run| {
            let own = Store::open_existing(folder.path()).unwrap();
            (0..SAMPLES).for_each(|ordinal| finish(&own, run, ordinal.into()));
        };
        let writers: Vec<_> = runs.iter().map(|run| scope.spawn(move || write(run))).collect();
        let mut made = Vec::new();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            made.push(create_backup(&store, backups.path(), 0, Artifacts::Linked).unwrap());
        }
        made
    });
    assert!(made.len() > 1, "{}", made.len());
    let mut before = vec![0; runs.len()];
    for (at, backup) in made.iter().enumerate() {
        let restored = restored(backup, &backups.path().join(format!("restored-{at}")));
        let mut now = Vec::new();
        for run in &runs {
            let samples = restored.run_data(&run.id).unwrap().samples;
            let ordinals: Vec<u64> = samples.iter().map(|sample| sample.ordinal).collect();
            assert_eq!(ordinals, Vec::from_iter(0..samples.len() as u64), "no hole");
            now.push(samples.len());
        }
        assert!(now.iter().zip(&before).all(|(now, before)| now >= before), "{before:?}, then {now:?}");
        assert_eq!(backup.manifest.samples, now.iter().sum::<usize>() as u64);
        before = now;
    }
}

/// The copied database names files that are gone a moment later.
#[test]
fn runs_that_are_removed_meanwhile_are_in_a_backup_or_not_at_all() {
    let (folder, store, kept) = store_with_run(30);
    (0..30).for_each(|ordinal| finish(&store, &kept, ordinal));
    let backups = tempfile::tempdir().unwrap();
    let made: Vec<Backup> = std::thread::scope(|scope| {
        let remover = scope.spawn(|| {
            let own = Store::open_existing(folder.path()).unwrap();
            for at in 0..30 {
                let going = run(&format!("going{at}"), 40);
                own.create_run(&going).unwrap();
                // Videos of its own: those of the run that is kept have lower numbers.
                (30..40).for_each(|ordinal| finish(&own, &going, ordinal));
                own.remove_run(&going.id).unwrap();
            }
        });
        let mut made = Vec::new();
        while !remover.is_finished() {
            made.push(create_backup(&store, backups.path(), 0, Artifacts::Copied).unwrap());
        }
        made
    });
    assert!(made.len() > 1, "{}", made.len());
    made.iter().for_each(|backup| drop(verify_backup(&backup.path).unwrap()));
}

/// The process that is killed; run by the test below with its folder in the environment.
#[test]
#[ignore = "the child process of the test that kills it"]
fn child_that_makes_backups_until_killed() {
    let folder = std::env::var_os(FOLDER).expect("the parent test names the folder");
    let store = Store::open(folder.as_ref()).unwrap();
    let backups = store.root().join("backups");
    loop {
        println!("\nbegun");
        create_backup(&store, &backups, 0, Artifacts::Copied).unwrap();
    }
}

#[test]
fn kill_9_in_the_middle_leaves_nothing_that_is_listed_as_whole() {
    let (folder, store, run) = store_with_run(20);
    (0..20).for_each(|ordinal| finish(&store, &run, ordinal));
    let started = Instant::now();
    create_backup(&store, &folder.path().join("usual"), 0, Artifacts::Copied).unwrap();
    let usual = started.elapsed();
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let mut cut_short = 0;
    for kill in 0..KILLS {
        // Spread over the first two backups of the child; where in them is up to the machine.
        kill_after(folder.path(), usual.mul_f64(kill as f64 * 2.0 / KILLS as f64));
        let entries = std::fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().file_name());
        cut_short += entries.filter(|name| name.to_string_lossy().starts_with(".making-backup-")).count();
        for listed in list_backups(&backups).unwrap() {
            assert!(listed.problem.is_none(), "{}", listed.problem.unwrap());
            assert_eq!(verify_backup(&listed.path).unwrap().samples, 20);
            std::fs::remove_dir_all(listed.path).unwrap();
        }
    }
    assert!(cut_short >= KILLS as usize / 2, "{cut_short} of {KILLS} were killed in the middle");
    create_backup(&store, &backups, 0, Artifacts::Linked).unwrap();
    assert_eq!(std::fs::read_dir(&backups).unwrap().count(), 2, "the backup and its lock");
    assert_eq!(store.run(&id("r1")).unwrap().id, run.id);
}

fn kill_after(folder: &std::path::Path, delay: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "backup_writers::child_that_makes_backups_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "begun"), "the child has begun");
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
}
