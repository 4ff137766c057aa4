//! `vidbench vbench export`: a stored scoring as VBench's own files.

use std::path::Path;

use anyhow::Result;
use vidbench::{export_scoring, read_full_info};
use vidbench_store::{RecordKind, Store};

use super::unusable;
use crate::cli::VbenchExportArgs;
use crate::commands::{UserError, score};
use crate::ui::Ui;
use crate::{FAILED, OK};

pub(crate) fn export(args: &VbenchExportArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    let (id, kind) = store.find(&args.scoring)?;
    if kind != RecordKind::Scoring {
        let hint = "`vidbench score DIR --prompts FILE` scores videos that exist already";
        return Err(UserError::new(format!("{id} is a run, not a scoring"), hint).into());
    }
    let name = args.name.clone().unwrap_or_else(|| id.to_string());
    check_name(&name)?;
    let suite =
        args.full_info.as_deref().map(read_full_info).transpose().map_err(|error| unusable(&error))?;
    let record = store.scoring_data(&id)?.record;
    let clips = score::clips(&store, &record)?;
    let exported = export_scoring(&record, &clips, suite.as_ref())
        .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
    for (kind, text) in
        [("full_info", exported.full_info.to_json()), ("eval_results", exported.results.to_json())]
    {
        let path = args.output.join(format!("{name}_{kind}.json"));
        ui.write(&path, &text)?;
        ui.say(&format!("wrote {}", path.display()));
    }
    for note in &exported.notes {
        ui.say(&format!("note: {note}"));
    }
    for failed in &exported.failed {
        ui.say(&format!("incomplete: {failed}"));
    }
    Ok(if exported.failed.is_empty() { OK } else { FAILED })
}

/// Refuses names that a file cannot have everywhere. VBench's own names have colons, which Windows does not allow.
fn check_name(name: &str) -> Result<()> {
    let plain = !name.is_empty() && !name.starts_with('.');
    if plain && !name.chars().any(|c| "/\\:*?\"<>|".contains(c) || c.is_control()) {
        return Ok(());
    }
    let hint = "name it without / \\ : * ? \" < > | and not with a dot first";
    Err(UserError::new(format!("{name:?} cannot begin a file name everywhere"), hint).into())
}
