//! Backups from the command line.

use std::fs;
use std::process::Command;
use std::time::Instant;

use expect_test::expect;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::main_job::samples;
use crate::workspace::{Said, Workspace, skipped, worker_suite};

const SUITE: &str = r#"schema_version = 1
name = "kept"
seeds = [1, 2]
[[models]]
id = "shapes-ldm"
engine = "embedded"
[prompts]
suite = "shapes"
limit = 2
[grid]
steps = [16]
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("suite.toml", SUITE);
    assert_eq!(workspace.run(["run", "suite.toml", "--quiet"]).code, 0);
    workspace
}

fn create(workspace: &Workspace) -> String {
    let said = workspace.run(["backup", "create", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    told["backup"]["backup"].as_str().unwrap().to_owned()
}

#[test]
fn a_workspace_comes_back_from_its_backup() {
    let workspace = workspace();
    create(&workspace);
    let before = workspace.run(["export", "latest"]).stdout;
    let said = workspace.run(["backup", "verify"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("is intact: hashed, checked, restored and opened"), "{}", said.stdout);
    let said = workspace.run(["backup", "restore", "latest", "--into", "restored"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(workspace.run(["export", "latest", "--workspace", "restored"]).stdout, before);
    let again = workspace.run(["backup", "restore", "latest", "--into", "restored"]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("restored is not empty"), "{}", again.stderr);
}

#[test]
fn a_damaged_backup_is_named_and_ends_with_1() {
    let workspace = workspace();
    let name = create(&workspace);
    let database = workspace.path().join(".vidbench/backups").join(&name).join("vidbench.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[5000] ^= 1;
    fs::write(database, bytes).unwrap();
    let said = workspace.run(["backup", "verify", &name]);
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stdout.contains("vidbench.db has"), "{}", said.stdout);
    let said = workspace.run(["backup", "restore", &name, "--into", "restored"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("use an older one"), "{}", said.stderr);
    assert!(!workspace.path().join("restored").exists());
}

#[test]
fn a_young_backup_is_enough_and_old_ones_go() {
    let workspace = workspace();
    create(&workspace);
    let said = workspace.run(["backup", "create", "--if-older-than", "1h"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    assert!(said.stderr.contains("nothing to do"), "{}", said.stderr);
    let said = workspace.run(["backup", "create", "--if-older-than", "0s", "--keep", "1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("removed"), "{}", said.stderr);
    let listed: Value = serde_json::from_str(&workspace.run(["backup", "list", "--json"]).stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["runs"], &listed[0]["samples"]), (&1.into(), &4.into()));
}

#[test]
fn a_name_that_is_none_or_leads_elsewhere_is_refused() {
    let workspace = workspace();
    for name in ["latest", "19700101T000000", "..", "../artifacts", "/etc", ""] {
        let said = workspace.run(["backup", "verify", name]);
        assert_eq!(said.code, 2, "{name}: {}", said.stdout);
        assert!(said.stderr.contains("no backup"), "{name}: {}", said.stderr);
    }
}

/// The cells of a table; values that differ from run to run are replaced by their names.
fn table(text: &str) -> String {
    let redact = |line: &str| {
        let mut cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        for (at, name) in [(0, "NAME"), (1, "TIME"), (5, "SIZE")] {
            if cells[at].starts_with(|c: char| c.is_ascii_digit()) {
                cells[at] = name;
            }
        }
        cells.join(" | ") + "\n"
    };
    text.lines().map(redact).collect()
}

#[test]
fn a_list_says_what_a_quick_look_at_each_backup_finds() {
    let workspace = workspace();
    let empty = workspace.run(["backup", "list"]);
    assert_eq!((empty.code, table(&empty.stdout).lines().count()), (0, 1));
    let names: Vec<String> = (0..4).map(|_| create(&workspace)).collect();
    let backup = |at: usize| workspace.path().join(".vidbench/backups").join(&names[at]);
    fs::remove_file(backup(0).join("vidbench.db")).unwrap();
    fs::remove_file(backup(1).join("backup.json")).unwrap();
    fs::write(backup(2).join("notes.txt"), "mine").unwrap();
    expect![[r#"
        backup | created | runs | samples | videos | size | quick check
        NAME | TIME | 1 | 4 | 4 | SIZE | damaged: vidbench.db is missing
        NAME | - | - | - | - | - | damaged: backup.json is missing
        NAME | TIME | 1 | 4 | 4 | SIZE | damaged: notes.txt is not in its manifest
        NAME | TIME | 1 | 4 | 4 | SIZE | ok
    "#]]
    .assert_eq(&table(&workspace.run(["backup", "list"]).stdout));
    let listed: Value = serde_json::from_str(&workspace.run(["backup", "list", "--json"]).stdout).unwrap();
    assert_eq!(listed[0]["problem"], "damaged: vidbench.db is missing");
    assert_eq!((&listed[1]["backup"], &listed[1]["runs"]), (&names[1].as_str().into(), &Value::Null));
    assert_eq!(listed[3]["problem"], Value::Null);
}

/// `verify` in cron must not report an earlier backup as whole when the newest one is damaged.
#[test]
fn latest_is_the_newest_even_when_it_is_damaged() {
    let workspace = workspace();
    let names = [create(&workspace), create(&workspace)];
    let newest = workspace.path().join(".vidbench/backups").join(&names[1]);
    fs::remove_file(newest.join("backup.json")).unwrap();
    let said = workspace.run(["backup", "verify"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.ends_with("is damaged: backup.json is missing\n"), "{}", said.stdout);
    assert_eq!(workspace.run(["backup", "verify", &names[0]]).code, 0);
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let workspace = workspace();
    create(&workspace);
    fs::create_dir(workspace.path().join("full")).unwrap();
    workspace.write("full/file", "");
    workspace.write("file", "");
    let said = |args: &[&str]| workspace.run(["backup"].iter().chain(args)).failure(&workspace);
    expect![[r#"
        exit 2
        error: full is not empty
        hint: choose a new or empty folder
    "#]]
    .assert_eq(&said(&["restore", "latest", "--into", "full"]));
    expect![[r#"
        exit 2
        error: there is no backup other in .vidbench/backups
        hint: `vidbench backup list` shows them, `vidbench backup create` creates one; use --from for another folder
    "#]]
    .assert_eq(&said(&["restore", "other", "--into", "new"]));
    expect![[r#"
        exit 2
        error: cannot create the folder file: File exists (os error 17)
        hint: a file exists where a folder is needed
    "#]]
    .assert_eq(&said(&["create", "--to", "file"]));
    expect![[r#"
        exit 2
        error: invalid value '6' for '--if-older-than <AGE>': expected whole numbers with s, m, h or d, such as 6h or 1h30m

        For more information, try '--help'.
    "#]].assert_eq(&said(&["create", "--if-older-than", "6"]));
    expect![[r#"
        exit 2
        error: no workspace in none: there is no vidbench.db
        hint: run a suite there first: `vidbench run SUITE --workspace FOLDER`
    "#]]
    .assert_eq(&said(&["create", "--workspace", "none"]));
}

#[test]
fn backups_beside_a_run_are_parts_of_what_it_becomes() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1, 2, 3, 4, 5, 6]", "none", u64::MAX, ""));
    let mut run = workspace.command(["run", "suite.toml", "--quiet"]).spawn().unwrap();
    let mut made = Vec::new();
    while run.try_wait().unwrap().is_none() {
        if workspace.run(["runs", "show", "latest"]).code == 0 {
            made.push(create(&workspace));
        }
    }
    assert!(run.wait().unwrap().success());
    assert!(!made.is_empty(), "the run was over before a backup was made");
    // Data computed when a sample is shown, such as sensor data from around it, may arrive later.
    let judged = |data: &Value| -> Vec<Value> {
        let judged = samples(data).iter().filter(|sample| !sample["verdict"].is_null());
        judged.map(|sample| json!([sample["ordinal"], sample["generation"], sample["verdict"]])).collect()
    };
    let whole = judged(&workspace.export());
    assert_eq!(whole.len(), 12);
    for name in made {
        assert_eq!(workspace.run(["backup", "verify", &name]).code, 0);
        assert_eq!(workspace.run(["backup", "restore", &name, "--into", &format!("of-{name}")]).code, 0);
        let said = workspace.run(["export", "latest", "--workspace", &format!("of-{name}")]);
        let data: Value = serde_json::from_str(&said.stdout).unwrap();
        assert!(judged(&data).iter().all(|sample| whole.contains(sample)), "{name}");
    }
}

/// Runs a command with a disk of `options` mounted at `disk` for it alone; `None` where the system does not allow this.
fn on_a_disk(workspace: &Workspace, options: &str, then: &str, args: &[&str]) -> Option<Said> {
    fs::create_dir_all(workspace.path().join("disk")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=100m none disk && mkdir disk/there && mount -o remount,{options} disk || exit 77\n\
         \"$@\"; code=$?; {then}; exit $code"
    );
    let like = workspace.command(args);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.arg(like.get_program()).args(like.get_args()).current_dir(workspace.path());
    command.env("NO_COLOR", "1").env_remove("VIDBENCH_WORKSPACE");
    let said = command.output().ok().map(Said::from)?;
    // How the command ends when unshare or mount is not permitted.
    let is_refused = said.code == 77 || said.stderr.starts_with("unshare:");
    if is_refused { None } else { Some(said) }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left_on_it() {
    let workspace = workspace();
    let name = create(&workspace);
    let listed: Value = serde_json::from_str(&workspace.run(["backup", "list", "--json"]).stdout).unwrap();
    let all_kib = listed[0]["bytes"].as_u64().unwrap() / 1024;
    // In the database, in the videos.
    for kib in [all_kib / 4, all_kib - 8] {
        let options = format!("size={kib}k");
        for args in
            [["create", "--to", "disk/there"].as_slice(), &["restore", &name, "--into", "disk/there/new"]]
        {
            let args: Vec<&str> = ["backup"].iter().chain(args).copied().collect();
            let Some(said) = on_a_disk(&workspace, &options, "ls disk/there", &args) else {
                return skipped("no small disk can be mounted");
            };
            assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}, {kib} KiB: {}", said.stderr);
            assert!(
                said.stderr.contains("hint: free some space there, or choose another disk"),
                "{}",
                said.stderr
            );
            assert!(said.stderr.contains("disk/there"), "{}", said.stderr);
        }
    }
}

#[test]
fn a_disk_that_cannot_be_written_is_told() {
    let workspace = workspace();
    create(&workspace);
    for args in
        [["create", "--to", "disk/there"].as_slice(), &["restore", "latest", "--into", "disk/there/new"]]
    {
        let args: Vec<&str> = ["backup"].iter().chain(args).copied().collect();
        let Some(said) = on_a_disk(&workspace, "ro", "ls disk/there", &args) else {
            return skipped("no read-only disk can be mounted");
        };
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains("hint: choose a writable folder"), "{}", said.stderr);
    }
}

/// A user who may not write to the folder of backups can still ask whether a backup is whole.
#[test]
fn backups_on_a_disk_that_cannot_be_written_are_verified() {
    let workspace = workspace();
    let backups = workspace.path().join(".vidbench/backups");
    create(&workspace);
    let script = "mount --bind .vidbench/backups .vidbench/backups && \
                  mount -o remount,ro,bind .vidbench/backups || exit 77\n\"$@\"";
    let like = workspace.command(["backup", "verify"]);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(like.get_program()).args(like.get_args()).current_dir(workspace.path());
    let Ok(said) = command.output().map(Said::from) else { return skipped("no unshare") };
    if said.code == 77 || said.stderr.starts_with("unshare:") {
        return skipped("no read-only disk can be mounted");
    }
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(fs::read_dir(backups).unwrap().count(), 2, "the backup and its lock");
}

#[test]
fn kill_9_at_random_moments_of_a_backup_leaves_whole_ones_only() {
    let workspace = workspace();
    let started = Instant::now();
    create(&workspace);
    let usual = started.elapsed();
    let backups = workspace.path().join(".vidbench/backups");
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for _ in 0..20 {
        let mut child = workspace.command(["backup", "create", "--copy", "--quiet"]).spawn().unwrap();
        std::thread::sleep(usual.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX)));
        child.kill().unwrap();
        child.wait().unwrap();
        let said = workspace.run(["backup", "list"]);
        assert!(said.stdout.lines().skip(1).all(|line| line.ends_with("  ok")), "{}", said.stdout);
    }
    create(&workspace);
    let listed: Value = serde_json::from_str(&workspace.run(["backup", "list", "--json"]).stdout).unwrap();
    let listed = listed.as_array().unwrap();
    for backup in listed {
        let name = backup["backup"].as_str().unwrap();
        assert_eq!(workspace.run(["backup", "verify", name]).code, 0, "{name}");
    }
    assert_eq!(fs::read_dir(backups).unwrap().count(), listed.len() + 1, "backups and their lock");
}

/// With `0s` every backup is old enough: the run makes backups before or between samples and one at the end, and the
/// newest is kept.
#[test]
fn a_run_makes_backups_while_it_goes_on() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1, 2]", "none", 9, ""));
    let said = workspace.run([
        "run",
        "suite.toml",
        "--backup-every",
        "0s",
        "--backup-to",
        "elsewhere",
        "--backup-keep",
        "1",
    ]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let made = fs::read_dir(workspace.path().join("elsewhere")).unwrap().flatten();
    assert_eq!(made.filter(|entry| entry.path().is_dir()).count(), 1);
    let restored =
        workspace.run(["backup", "restore", "latest", "--from", "elsewhere", "--into", "restored"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let exported = workspace.run(["--workspace", "restored", "export", "latest", "--format", "jsonl"]);
    assert_eq!(exported.stdout, workspace.run(["export", "latest", "--format", "jsonl"]).stdout);
}

#[test]
fn a_backup_that_cannot_be_made_is_told_and_the_run_goes_on() {
    let workspace = Workspace::new();
    workspace.write("suite.toml", worker_suite("[1]", "none", 9, ""));
    workspace.write("elsewhere", "no folder");
    let said = workspace.run(["run", "suite.toml", "--backup-every", "1h", "--backup-to", "elsewhere"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("no backup could be created: "), "{}", said.stderr);
}
