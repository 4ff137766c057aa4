//! `vidbench runs`: the contents of the workspace.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;
use vidbench_analysis::analyse;
use vidbench_core::{RunId, rfc3339};
use vidbench_metrics::DESCRIPTORS;
use vidbench_report::export_json;
use vidbench_store::{RecordKind, RunSummary, ScoringSummary, Store};

use super::{UserError, cache, columns, json as pretty, report, score};
use crate::OK;
use crate::cli::{RunsCommand, ScoreFormat};
use crate::ui::Ui;

pub(crate) fn runs(command: RunsCommand, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    match command {
        RunsCommand::List { json } => list(&store, json, ui),
        RunsCommand::Show { run, json } => show(&store, &run, json, ui),
        RunsCommand::Rm { runs } => remove_all(&store, &runs, ui),
    }?;
    Ok(OK)
}

fn list(store: &Store, as_json: bool, ui: Ui) -> Result<()> {
    let runs = lines(store)?;
    if as_json {
        let rows: Vec<_> = runs.iter().map(summary_json).collect();
        return ui.data(&pretty(&rows)?);
    }
    let mut rows: Vec<Vec<String>> =
        vec![["run", "kind", "name", "started", "status", "done", "ok"].map(str::to_owned).to_vec()];
    rows.extend(runs.iter().map(|(kind, run)| {
        let done = format!("{}/{}", run.done, run.planned);
        vec![
            run.id.to_string(),
            (*kind).into(),
            run.name.clone(),
            rfc3339(run.created_ms),
            run.status.name().into(),
            done,
            run.ok.to_string(),
        ]
    }));
    ui.data(&columns(&rows))
}

/// Runs and scorings with their kinds, newest first.
fn lines(store: &Store) -> Result<Vec<(&'static str, RunSummary)>> {
    let scoring = |scoring: ScoringSummary| {
        let ScoringSummary { id, name, status, created_ms, clips, done, ok } = scoring;
        ("scoring", RunSummary { id, name, status, created_ms, planned: clips, done, ok })
    };
    let mut lines: Vec<_> = store.runs()?.into_iter().map(|run| ("suite", run)).collect();
    lines.extend(store.scorings()?.into_iter().map(scoring));
    lines.sort_by_key(|(_, run)| std::cmp::Reverse(run.created_ms));
    Ok(lines)
}

fn summary_json((kind, run): &(&'static str, RunSummary)) -> serde_json::Value {
    let RunSummary { id, name, status, created_ms, planned, done, ok } = run;
    json!({
        "run": id, "kind": kind, "name": name, "status": status, "started": rfc3339(*created_ms),
        "planned": planned, "done": done, "ok": ok,
    })
}

fn show(store: &Store, wanted: &str, as_json: bool, ui: Ui) -> Result<()> {
    let (id, kind) = store.find(wanted)?;
    if kind == RecordKind::Scoring {
        let format = if as_json { ScoreFormat::Json } else { ScoreFormat::Table };
        return score::write(store, &id, format, Path::new("-"), ui);
    }
    let data = vidbench::run_data(store, &id)?;
    let analysis = analyse(&data, DESCRIPTORS);
    let text =
        if as_json { pretty(&export_json(&data, &analysis)?)? } else { report::table(&data, &analysis, ui) };
    ui.data(&text)
}

/// All names are looked up before the first run is removed, so that a wrong name removes nothing.
fn remove_all(store: &Store, wanted: &[String], ui: Ui) -> Result<()> {
    let mut found: Vec<(RunId, RecordKind)> = Vec::new();
    for name in wanted {
        if name == "latest" {
            return Err(UserError::new(
                "`latest` could easily be the wrong run to remove",
                "name the run: `vidbench runs list` lists them",
            )
            .into());
        }
        let one = store.find(name)?;
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found.iter().try_for_each(|(run, kind)| remove(store, run, *kind, ui))
}

fn remove(store: &Store, run: &RunId, kind: RecordKind, ui: Ui) -> Result<()> {
    if kind == RecordKind::Scoring {
        store.remove_scoring(run)?;
        remove_report(store, run)?;
        ui.say(&format!("removed scoring {run}; scores are kept by file content and can be reused"));
        return Ok(());
    }
    cache::attach(store, ui)?;
    let kept = store.keep_samples(run)?;
    let removed = store.remove_run(run)?;
    remove_report(store, run)?;
    if kept > 0 {
        ui.say(&format!("kept {kept} videos in the cache for suites with reuse_samples; `vidbench cache clear` removes them"));
    }
    ui.say(&format!(
        "removed run {run}: {}, {}, {}",
        super::counted(removed.samples, "sample"),
        super::counted(removed.artifacts, "video"),
        super::bytes_text(removed.bytes)
    ));
    Ok(())
}

/// Removes the page in the workspace, because it holds videos; a page that was written elsewhere belongs to the person.
fn remove_report(store: &Store, run: &RunId) -> Result<()> {
    let report = report::default_path(store, run);
    if report.exists() {
        std::fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
    }
    Ok(())
}
