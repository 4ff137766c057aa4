//! `vidbench backup`: a workspace as it was, and back.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use vidbench::SystemClock;
use vidbench_core::{Clock as _, rfc3339};
use vidbench_store::{
    Artifacts, Backup, BackupError, Store, create_backup, keep_backups, list_backups, restore_backup,
    verify_backup,
};

use super::{UserError, columns, json as pretty};
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
            ui.say(&format!("restored {runs} runs; vidbench --workspace {into} runs list shows them"));
            Ok(OK)
        }
    }
}

fn create(args: &BackupCreateArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    let folder = folder(args.to.as_deref(), workspace);
    let now_ms = SystemClock::start().unix_ms();
    if let Some(hours) = args.if_older_than
        && let Some(newest) = whole(&folder)?.last()
    {
        let age_hours = (now_ms - newest.manifest.created_ms) as f64 / 3_600_000.0;
        // A clock that went back makes a backup rather than none.
        if (0.0..hours).contains(&age_hours) {
            ui.say(&format!("{} is {age_hours:.1} hours old: nothing to do", newest.path.display()));
            return Ok(OK);
        }
    }
    let artifacts = if args.copy { Artifacts::Copied } else { Artifacts::Linked };
    let made = create_backup(&store, &folder, now_ms, artifacts).map_err(|error| problem(&error))?;
    let removed = match args.keep {
        Some(keep) => keep_backups(&folder, keep as usize).map_err(|error| problem(&error))?,
        None => Vec::new(),
    };
    if args.json {
        ui.data(&pretty(&json!({ "backup": summary(&made), "removed": removed }))?)?;
    } else {
        ui.data(&columns(&rows([Ok(made)])))?;
        removed.iter().for_each(|path| ui.say(&format!("removed {}", path.display())));
    }
    Ok(OK)
}

fn list(args: &BackupListArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let found = list_backups(&folder(args.from.as_deref(), workspace)).map_err(|error| problem(&error))?;
    if args.json {
        let told = |found: &Result<Backup, BackupError>| match found {
            Ok(backup) => summary(backup),
            Err(error) => json!({ "error": error.to_string() }),
        };
        ui.data(&pretty(&found.iter().map(told).collect::<Vec<_>>())?)?;
    } else {
        ui.data(&columns(&rows(found)))?;
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
        let whole = format!("{} is whole: hashed, checked, restored and opened", path.display());
        ui.data(&(problem_told.unwrap_or(whole) + "\n"))?;
    }
    Ok(code)
}

fn folder(named: Option<&Path>, workspace: &Path) -> PathBuf {
    named.map_or_else(|| workspace.join("backups"), Path::to_owned)
}

fn whole(folder: &Path) -> Result<Vec<Backup>, UserError> {
    Ok(list_backups(folder).map_err(|error| problem(&error))?.into_iter().flatten().collect())
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, UserError> {
    let missing = || problem(&BackupError::Missing { name: name.into(), path: folder.into() });
    if name == "latest" {
        return Ok(whole(folder)?.pop().ok_or_else(missing)?.path);
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

fn summary(backup: &Backup) -> Value {
    let manifest = &backup.manifest;
    json!({
        "backup": backup.path.file_name().map(|name| name.to_string_lossy()),
        "path": backup.path,
        "created": rfc3339(manifest.created_ms),
        "runs": manifest.runs,
        "samples": manifest.samples,
        "videos": manifest.artifacts.len(),
        "bytes": manifest.bytes(),
        "tool_version": manifest.tool_version,
    })
}

fn rows(found: impl IntoIterator<Item = Result<Backup, BackupError>>) -> Vec<Vec<String>> {
    let mut rows = vec![["backup", "made", "runs", "samples", "videos", "MiB"].map(str::to_owned).to_vec()];
    rows.extend(found.into_iter().map(|found| match found {
        Ok(Backup { path, manifest }) => vec![
            path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            rfc3339(manifest.created_ms),
            manifest.runs.to_string(),
            manifest.samples.to_string(),
            manifest.artifacts.len().to_string(),
            format!("{:.1}", manifest.bytes() as f64 / f64::from(1 << 20)),
        ],
        Err(error) => vec![error.to_string()],
    }));
    rows
}
