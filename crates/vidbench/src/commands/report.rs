//! `vidbench report`: shows a stored run as a page or a table. It never measures.

use std::path::{Path, PathBuf};

use anyhow::Result;
use vidbench_analysis::{RunAnalysis, analyse};
use vidbench_core::{RunData, RunId, sha256_hex};
use vidbench_metrics::DESCRIPTORS;
use vidbench_report::{ClipEmbed, ClipMime, ReportInput, Style, html, latex, markdown, terminal_table};
use vidbench_store::{RecordKind, Store};

use super::{page_file, score};
use crate::OK;
use crate::cli::{ReportArgs, ReportFormat};
use crate::ui::Ui;

/// Most videos that the report of a finished run embeds.
pub(crate) const MAX_CLIPS: usize = 400;

/// Most bytes of videos in a page; no browser opens a page of gigabytes.
pub(crate) const MAX_CLIP_BYTES: u64 = 256 << 20;

/// Width of a table that goes to a file or a pipe.
const DEFAULT_WIDTH: usize = 120;

pub(crate) fn report(args: &ReportArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    let (run, kind) = store.find(&args.run)?;
    if kind == RecordKind::Scoring {
        return score::report(&store, &run, args, ui);
    }
    let data = vidbench::run_data(&store, &run)?;
    let analysis = analyse(&data, DESCRIPTORS);
    let stdout = PathBuf::from("-");
    match args.format {
        ReportFormat::Html => {
            let path = args.output.clone().unwrap_or_else(|| default_path(&store, &run));
            page_file::check_replaced(&path)?;
            write_html(&store, &data, &analysis, args.max_clips, &path, ui)?;
            ui.say(&format!("report: {}", path.display()));
        }
        ReportFormat::Table => {
            ui.write(args.output.as_ref().unwrap_or(&stdout), &table(&data, &analysis, ui))?;
        }
        ReportFormat::Markdown => {
            let text = markdown(&data, &analysis, DESCRIPTORS);
            ui.write(args.output.as_ref().unwrap_or(&stdout), &text)?;
        }
        ReportFormat::Latex => {
            let text = latex(&analysis, DESCRIPTORS);
            ui.write(args.output.as_ref().unwrap_or(&stdout), &text)?;
        }
    }
    Ok(OK)
}

/// Default path of a run's report.
pub(crate) fn default_path(store: &Store, run: &RunId) -> PathBuf {
    store.root().join("reports").join(format!("{run}.html"))
}

/// The result table for the terminal.
pub(crate) fn table(data: &RunData, analysis: &RunAnalysis, ui: Ui) -> String {
    terminal_table(data, analysis, DESCRIPTORS, Style { color: ui.stdout_color, width: width() })
}

/// Columns of the terminal, or a fixed width for a table that goes elsewhere.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
}

/// Writes the page, with the first `max_clips` videos embedded.
pub(crate) fn write_html(
    store: &Store,
    data: &RunData,
    analysis: &RunAnalysis,
    max_clips: usize,
    path: &Path,
    ui: Ui,
) -> Result<()> {
    let clips = clips(store, data, max_clips, ui);
    let generated_by = concat!("vidbench ", env!("CARGO_PKG_VERSION"));
    let input = ReportInput { data, analysis, descriptors: DESCRIPTORS, clips: &clips, generated_by };
    ui.write(path, &html(&input))
}

/// Videos of samples, including failed ones, because a black video is worth a look. A video for which there is no room
/// is left out. A missing or damaged one is left out too, with a message. The page says for each sample whether its
/// video is included.
fn clips(store: &Store, data: &RunData, max_clips: usize, ui: Ui) -> Vec<ClipEmbed> {
    let generations = data.samples.iter().filter_map(|record| record.generation.as_ref());
    let mut room = MAX_CLIP_BYTES;
    let (mut lost, mut first) = (0_u64, None);
    let clips = generations
        .filter_map(|generation| {
            room = room.checked_sub(generation.artifact_bytes)?;
            match whole(store, &generation.artifact_sha256) {
                Ok(bytes) => Some(ClipEmbed { sample: generation.sample, mime: ClipMime::Mp4, bytes }),
                Err(why) => {
                    lost += 1;
                    first.get_or_insert(why);
                    None
                }
            }
        })
        .take(max_clips)
        .collect();
    if let Some(why) = first {
        let videos = super::counted(lost, "video");
        ui.say(&format!(
            "warning: {videos} of the run cannot be shown, the first because {why}; a backup may hold the original"
        ));
    }
    clips
}

/// The bytes of a video, if they are still those that were made.
fn whole(store: &Store, sha256: &str) -> Result<Vec<u8>, String> {
    let path = store.artifact_path(sha256).map_err(|error| error.to_string())?;
    let bytes =
        std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    match sha256_hex(&bytes) == sha256 {
        true => Ok(bytes),
        false => Err(format!("{} is damaged", path.display())),
    }
}
