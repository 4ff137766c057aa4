//! `vidbench export`: the data of a run for other programs.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use vidbench_analysis::analyse;
use vidbench_core::{PlannedSample, Reading, RunData};
use vidbench_metrics::DESCRIPTORS;
use vidbench_report::{export_csv, export_json, export_jsonl};
use vidbench_store::{RecordKind, Store};

use super::{json as pretty, score};
use crate::OK;
use crate::cli::{ExportArgs, ExportFormat, ScoreFormat};
use crate::ui::Ui;

pub(crate) fn export(args: &ExportArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    let (id, kind) = store.find(&args.run)?;
    if kind == RecordKind::Scoring {
        let format = match args.format {
            ExportFormat::Json => ScoreFormat::Json,
            ExportFormat::Jsonl => ScoreFormat::Jsonl,
            ExportFormat::Csv => ScoreFormat::Csv,
        };
        score::write(&store, &id, format, &args.output, ui)?;
        return Ok(OK);
    }
    let data = vidbench::run_data(&store, &id)?;
    let text = match args.format {
        ExportFormat::Json => {
            let mut whole = export_json(&data, &analyse(&data, DESCRIPTORS))?;
            whole["not_done"] = not_done(&data);
            whole["readings"] = readings(&data);
            pretty(&whole)?
        }
        ExportFormat::Jsonl => export_jsonl(&data)?,
        ExportFormat::Csv => export_csv(&data),
    };
    ui.write(&args.output, &text)?;
    Ok(OK)
}

/// Planned samples without an outcome, which `--resume` continues with. `skipped` is the reason why their model was
/// given up, if it was.
fn not_done(data: &RunData) -> Value {
    let suite = &data.run.suite;
    let done: BTreeSet<_> = data.samples.iter().map(|sample| sample.verdict.sample).collect();
    let left = data.sessions.last().map_or(&[][..], |session| &session.given_up);
    let planned = suite.plan().map(|plan| plan.samples).unwrap_or_default();
    let missing = planned.into_iter().filter(|sample| !done.contains(&sample.id));
    let entry = |sample: PlannedSample| {
        let model = &suite.model_of(&sample).id;
        let skipped = left.iter().find(|given_up| given_up.model == *model).map(|given_up| &given_up.reason);
        json!({ "sample": sample.id, "ordinal": sample.ordinal, "model": model, "skipped": skipped })
    };
    missing.map(entry).collect()
}

/// Sensor readings, session by session.
fn readings(data: &RunData) -> Value {
    let of_session =
        |(session, readings): &(u32, Vec<Reading>)| json!({ "session": session, "readings": readings });
    data.readings.iter().map(of_session).collect()
}
