//! `vidbench backup`: makes, checks and restores backups of a workspace.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use vidbench::SystemClock;
use vidbench_core::{Clock as _, rfc3339};
use vidbench_store::{
    Artifacts, Backup, BackupError, BackupManifest, ListedBackup, Store, create_backup,
    create_backup_if_older, keep_backups, list_backups, restore_backup, verify_backup,
};

use super::{UserError, bytes_text, columns, json as pretty};
use crate::cli::{BackupCommand, BackupCreateArgs, BackupListArgs, BackupVerifyArgs};
use crate::ui::Ui;
use crate::{FAILED, OK};

pub(crate) fn backup(command: &BackupCommand, workspace: &Path, ui: Ui) -> Result<u8> {
    match command {
        BackupCommand::Create(args) => create(args, workspace, ui),
        BackupCommand::List(args) => list(args, workspace, ui),
        BackupCommand::Verify(args) => verify(args, workspace, ui),
        BackupCommand::Restore(args) => {
            let path = find(&folder(args.from.as_deref(), workspace), &args.backup)?;
            let manifest = restore_backup(&path, &args.into).map_err(|error| problem(&error))?;
            let (runs, into) = (manifest.runs, args.into.display());
            ui.say(&format!(
                "restored {runs} runs, and all scorings; `vidbench --workspace {into} runs list` lists them"
            ));
            Ok(OK)
        }
    }
}

fn create(args: &BackupCreateArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    let folder = folder(args.to.as_deref(), workspace);
    let now_ms = SystemClock::start().unix_ms();
    let artifacts = if args.copy { Artifacts::Copied } else { Artifacts::Linked };
    let made = match args.if_older_than {
        None => create_backup(&store, &folder, now_ms, artifacts).map(Ok),
        Some(age) => create_backup_if_older(&store, &folder, now_ms, age, artifacts),
    };
    let made = match made.map_err(|error| problem(&error))? {
        Ok(made) => made,
        Err(young) => return nothing_to_do(&young, now_ms, args.json, ui),
    };
    let removed = match args.keep {
        Some(keep) => keep_backups(&folder, keep as usize, &made.path).map_err(|error| problem(&error))?,
        None => Vec::new(),
    };
    if args.json {
        let made = summary(&made.path, &made.manifest);
        ui.data(&pretty(&json!({ "made": true, "backup": made, "removed": removed }))?)?;
    } else {
        let Backup { path, manifest } = made;
        ui.data(&columns(&rows(&[ListedBackup { path, manifest: Some(manifest), problem: None }])))?;
        removed.iter().for_each(|path| ui.say(&format!("removed {}", path.display())));
    }
    Ok(OK)
}

fn nothing_to_do(young: &Backup, now_ms: i64, as_json: bool, ui: Ui) -> Result<u8> {
    let minutes = now_ms.saturating_sub(young.manifest.created_ms) / 60_000;
    ui.say(&format!("nothing to do: {} is {minutes} minutes old", young.path.display()));
    if as_json {
        let backup = summary(&young.path, &young.manifest);
        ui.data(&pretty(&json!({ "made": false, "backup": backup, "removed": [] }))?)?;
    }
    Ok(OK)
}

fn list(args: &BackupListArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let found = list_backups(&folder(args.from.as_deref(), workspace)).map_err(|error| problem(&error))?;
    if args.json {
        ui.data(&pretty(&found.iter().map(told).collect::<Vec<_>>())?)?;
    } else {
        ui.data(&columns(&rows(&found)))?;
    }
    Ok(OK)
}

fn verify(args: &BackupVerifyArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let path = find(&folder(args.from.as_deref(), workspace), &args.backup)?;
    let (problem_told, code) = match verify_backup(&path) {
        Ok(_) => (None, OK),
        Err(error @ BackupError::Damaged { .. }) => (Some(error.to_string()), FAILED),
        Err(error) => return Err(problem(&error).into()),
    };
    if args.json {
        ui.data(&pretty(
            &json!({ "backup": path, "whole": problem_told.is_none(), "problem": problem_told }),
        )?)?;
    } else {
        let whole = format!("{} is intact: hashed, checked, restored and opened", path.display());
        ui.data(&(problem_told.unwrap_or(whole) + "\n"))?;
    }
    Ok(code)
}

fn folder(named: Option<&Path>, workspace: &Path) -> PathBuf {
    named.map_or_else(|| workspace.join("backups"), Path::to_owned)
}

/// `latest` is the newest backup even when it is damaged: silently taking the one before it would hide the damage.
fn find(folder: &Path, name: &str) -> Result<PathBuf, UserError> {
    let missing = || problem(&BackupError::Missing { name: name.into(), path: folder.into() });
    if name == "latest" {
        let mut found = list_backups(folder).map_err(|error| problem(&error))?;
        return Ok(found.pop().ok_or_else(missing)?.path);
    }
    let plain = Path::new(name).file_name().is_some_and(|last| last == name);
    let path = folder.join(name);
    if plain && path.is_dir() { Ok(path) } else { Err(missing()) }
}

fn problem(error: &BackupError) -> UserError {
    let hints = error.hint().into_iter().collect();
    let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    UserError { message: format!("{error}{cause}"), hints }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn summary(path: &Path, manifest: &BackupManifest) -> Value {
    json!({
        "backup": name(path),
        "path": path,
        "created": rfc3339(manifest.created_ms),
        "runs": manifest.runs,
        "samples": manifest.samples,
        "videos": manifest.artifacts.len(),
        "bytes": manifest.bytes(),
        "tool_version": manifest.tool_version,
    })
}

/// Values that cannot be read are null.
fn told(found: &ListedBackup) -> Value {
    let mut told = match &found.manifest {
        Some(manifest) => summary(&found.path, manifest),
        None => json!({
            "backup": name(&found.path), "path": found.path, "created": null, "runs": null, "samples": null,
            "videos": null, "bytes": null, "tool_version": null,
        }),
    };
    told["problem"] = found.problem.as_ref().map_or(Value::Null, |problem| short(problem).into());
    told
}

fn rows(found: &[ListedBackup]) -> Vec<Vec<String>> {
    let head = ["backup", "created", "runs", "samples", "videos", "size", "quick check"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(found.iter().map(|listed| {
        let facts = match &listed.manifest {
            Some(manifest) => [
                rfc3339(manifest.created_ms),
                manifest.runs.to_string(),
                manifest.samples.to_string(),
                manifest.artifacts.len().to_string(),
                bytes_text(manifest.bytes()),
            ],
            None => ["-"; 5].map(str::to_owned),
        };
        let seen = listed.problem.as_ref().map_or_else(|| "ok".to_owned(), short);
        [name(&listed.path)].into_iter().chain(facts).chain([seen]).collect()
    }));
    rows
}

/// The message without the path, which the row already has.
fn short(problem: &BackupError) -> String {
    match problem {
        BackupError::Damaged { what, .. } => format!("damaged: {what}"),
        other => other.to_string(),
    }
}
