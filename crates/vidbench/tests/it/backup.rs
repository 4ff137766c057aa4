//! Backups from the command line.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::workspace::Workspace;

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
    assert!(said.stdout.contains("is whole: hashed, checked, restored and opened"), "{}", said.stdout);
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
    assert!(said.stderr.contains("hint: use an older one"), "{}", said.stderr);
    assert!(!workspace.path().join("restored").exists());
}

#[test]
fn a_young_backup_is_enough_and_old_ones_go() {
    let workspace = workspace();
    create(&workspace);
    let said = workspace.run(["backup", "create", "--if-older-than", "1"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    assert!(said.stderr.contains("nothing to do"), "{}", said.stderr);
    let said = workspace.run(["backup", "create", "--if-older-than", "0", "--keep", "1"]);
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
        assert!(said.stderr.contains("there is no backup"), "{name}: {}", said.stderr);
    }
}

#[test]
fn kill_9_at_any_moment_of_a_backup_leaves_whole_ones_only() {
    let workspace = workspace();
    for delay_ms in 0..20 {
        let mut child = workspace.command(["backup", "create", "--copy", "--quiet"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms * 2));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    create(&workspace);
    let listed: Value = serde_json::from_str(&workspace.run(["backup", "list", "--json"]).stdout).unwrap();
    for backup in listed.as_array().unwrap() {
        let name = backup["backup"].as_str().unwrap();
        assert_eq!(workspace.run(["backup", "verify", name]).code, 0, "{name}");
    }
    let hidden = fs::read_dir(workspace.path().join(".vidbench/backups")).unwrap();
    let left =
        hidden.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".making"));
    assert_eq!(left.count(), 0);
}
