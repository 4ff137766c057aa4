//! `vidbench vbench check`: checks that all clips are there and valid, before hours are spent on an evaluation.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use vidbench::{check_request, empty_clips, list_entries, read_full_info};
use vidbench_core::vbench::{CheckedFolder, Dimension, FolderCheck, FullInfo, WantedClips, check_folder};
use vidbench_core::{NetDevice, ScoredClip, text_from_path};
use vidbench_report::{Style, vbench_check_terminal};

use super::unusable;
use crate::cli::{LogFormat, VbenchCheckArgs};
use crate::commands::score::{self, Effort, Scored};
use crate::commands::scorers::scorers;
use crate::commands::{UserError, json, report};
use crate::ui::Ui;
use crate::{FAILED, INTERRUPTED, OK};

pub(crate) fn check(args: &VbenchCheckArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let suite = read_full_info(&args.full_info).map_err(|error| unusable(&error))?;
    let wanted =
        WantedClips { dimensions: dimensions(args, &suite)?, clips_per_prompt: args.clips_per_prompt };
    let entries = list_entries(&args.videos).map_err(|error| {
        let message = format!("cannot read folder {}: {error}", args.videos.display());
        UserError::new(message, "name the folder that holds the videos")
    })?;
    let names = check_folder(&suite, &wanted, entries.iter().map(String::as_str));
    let folder = text_from_path(&args.videos);
    let clips = names.clips.len();
    let checked = if args.no_decode {
        let empty = empty_clips(&args.videos, &names);
        CheckedFolder::of_names(folder, names, empty)
    } else {
        let clips = decode(args, &names, workspace, ui)?;
        CheckedFolder::decoded(folder, names, &clips, args.min_frames)
    };
    ui.data(&if args.json {
        json(&checked)?
    } else {
        vbench_check_terminal(&checked, Style { color: ui.stdout_color, width: report::width() })
    })?;
    if checked.decoded.is_some_and(|decoded| decoded < clips as u64) {
        ui.say("next: the same command again decodes what is left");
        return Ok(INTERRUPTED);
    }
    Ok(if checked.is_sound() { OK } else { FAILED })
}

/// The named dimensions, or all of the suite.
fn dimensions(args: &VbenchCheckArgs, suite: &FullInfo) -> Result<Vec<Dimension>> {
    let known = suite.dimensions();
    if args.dimension.is_empty() {
        return Ok(known);
    }
    let mut chosen = BTreeSet::new();
    for name in &args.dimension {
        let dimension: Dimension = name.parse().map_err(|error: vidbench_core::prompt::UnknownName| {
            UserError::new(error.to_string(), error.hint())
        })?;
        if !known.contains(&dimension) {
            let names: Vec<&str> = known.iter().map(|dimension| dimension.key()).collect();
            let message = format!("{} has no prompt of {dimension}", args.full_info.display());
            return Err(UserError::new(message, format!("it has {}", names.join(", "))).into());
        }
        chosen.insert(dimension);
    }
    Ok(chosen.into_iter().collect())
}

/// Decodes every clip that was found. The scoring used for this leaves nothing behind except the facts it stored about
/// each file.
fn decode(args: &VbenchCheckArgs, names: &FolderCheck, workspace: &Path, ui: Ui) -> Result<Vec<ScoredClip>> {
    let request = check_request(&args.videos, names, score::options(&args.limits)?);
    let effort = Effort {
        scorers: scorers(args.workers, &[NetDevice::Cpu], &[], ui),
        timeout_secs: args.limits.timeout,
        scorer: args.limits.scorer(),
        references: false,
        progress: args.progress.kind,
        log: LogFormat::None,
    };
    let Scored { store, record, .. } = score::carry_out(request, &effort, &|_| Ok(()), workspace, ui)?;
    let clips = score::clips(&store, &record)?;
    store.remove_scoring(&record.id)?;
    Ok(clips)
}
