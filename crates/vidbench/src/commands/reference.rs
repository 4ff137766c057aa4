//! `vidbench reference`: stores the features of reference sets, with which other sets are compared.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use vidbench::ReferenceFeatures;
use vidbench_core::{Score, ScoringRecord, ScoringRequest, text_from_path};
use vidbench_store::Store;

use super::UserError;
use super::score::{Effort, Scored, carry_out, options};
use super::scorers::{devices, scorers};
use crate::cli::{LogFormat, ReferenceCommand, ReferenceMakeArgs};
use crate::ui::Ui;
use crate::{FAILED, INTERRUPTED, OK};

pub(crate) fn reference(command: &ReferenceCommand, workspace: &Path, ui: Ui) -> Result<u8> {
    match command {
        ReferenceCommand::Make(args) => make(args, workspace, ui),
    }
}

fn make(args: &ReferenceMakeArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    if args.output.extension().is_none_or(|extension| extension != "safetensors") {
        let message = format!("{} does not end in .safetensors", args.output.display());
        return Err(UserError::new(message, "reference sets are safetensors files").into());
    }
    let metrics = vidbench::choose_metrics(&args.metrics, true, true)
        .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
    if let Some(metric) = metrics.iter().find(|metric| !vidbench::uses_reference_set(metric)) {
        let hint = "`vidbench list metrics` shows which are computed from a set of clips and a reference set";
        return Err(UserError::new(format!("{metric} does not use a reference set"), hint).into());
    }
    let gathered = vidbench::gather(&args.videos, None)?;
    let name = args.videos.first().map(|path| text_from_path(path)).unwrap_or_default();
    let request = ScoringRequest {
        name,
        metrics,
        clips: gathered.clips,
        options: options(&args.limits)?,
        nets: args.nets.options(),
    };
    let effort = Effort {
        scorers: scorers(args.workers, &devices(&args.nets)?, &request.metrics, ui),
        timeout_secs: args.limits.timeout,
        scorer: args.limits.scorer(),
        references: false,
        progress: args.progress.kind,
        log: LogFormat::None,
    };
    let Scored { store, finish, record } = carry_out(request, &effort, &|_| Ok(()), workspace, ui)?;
    if finish.interrupted {
        ui.say("next: repeat the command to do the rest; nothing was written");
        return Ok(INTERRUPTED);
    }
    say_what_failed(&store, &record, ui)?;
    let features = vidbench::features_of_scoring(&store, &record).map_err(|error| user_error(&error))?;
    vidbench::write_reference_set(&args.output, &features, &record, !args.no_features)
        .map_err(|error| user_error(&error))?;
    for (extraction, (_, seen)) in &features.of {
        let frames = seen.frames().map(|frames| format!(", {frames} frames"));
        ui.data(&format!(
            "{}: {extraction}, {} clips{}, {} dimensions\n",
            args.output.display(),
            seen.clips(),
            frames.unwrap_or_default(),
            seen.dims()
        ))?;
    }
    let clips = record.request.clips.len();
    let whole = features.of.values().all(|(_, seen)| seen.clips() == clips);
    Ok(if whole { OK } else { FAILED })
}

/// Says why clips have no features: each reason once, with its first clip and the number of clips.
fn say_what_failed(store: &Store, record: &ScoringRecord, ui: Ui) -> Result<()> {
    let mut found: BTreeMap<String, (&str, u64)> = BTreeMap::new();
    vidbench::each_scored_clip(store, record, |clip| -> Result<()> {
        let path = record.request.clip(clip.ordinal).map_or("", |asked| &asked.path);
        let reasons = clip.scores.into_iter().filter_map(|score| match score.score {
            Score::NotAvailable { reason } => Some(reason),
            Score::Value(_) => None,
        });
        for reason in clip.reason.into_iter().chain(reasons) {
            found.entry(reason).or_insert((path, 0)).1 += 1;
        }
        Ok(())
    })?;
    for (reason, (path, clips)) in found {
        let others = if clips > 1 { format!(" and {} more", clips - 1) } else { String::new() };
        ui.say(&format!("note: {path}{others}: {reason}"));
    }
    Ok(())
}

fn user_error(error: &vidbench::ReferenceSetError) -> UserError {
    UserError { message: error.to_string(), hints: error.hints() }
}

/// The reference set given to `score`: a file, or videos whose features are computed first.
pub(crate) fn load(
    path: &Path,
    of: &ScoringRequest,
    effort: &Effort,
    workspace: &Path,
    ui: Ui,
) -> Result<ReferenceFeatures> {
    if path.extension().is_some_and(|ending| ending == "safetensors") {
        return Ok(vidbench::read_reference_set(path).map_err(|error| user_error(&error))?);
    }
    let gathered = vidbench::gather(&[path.to_owned()], None)?;
    let request = ScoringRequest {
        name: format!("reference set {}", text_from_path(path)),
        metrics: of.metrics.iter().filter(|id| vidbench::uses_reference_set(id)).cloned().collect(),
        clips: gathered.clips,
        ..of.clone()
    };
    let effort = Effort { references: false, ..effort.clone() };
    let Scored { store, finish, record } = carry_out(request, &effort, &|_| Ok(()), workspace, ui)?;
    if finish.interrupted {
        bail!(UserError::new("stopped while processing the reference set", "repeat the command to continue"));
    }
    say_what_failed(&store, &record, ui)?;
    Ok(vidbench::features_of_scoring(&store, &record).map_err(|error| user_error(&error))?)
}
