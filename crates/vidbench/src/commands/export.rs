//! `vidbench export`: the data of a run for other programs.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use vidbench_analysis::analyse;
use vidbench_core::{Reading, RunData};
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
            whole["readings"] = readings(&data);
            pretty(&whole)?
        }
        ExportFormat::Jsonl => export_jsonl(&data)?,
        ExportFormat::Csv => export_csv(&data),
    };
    ui.write(&args.output, &text)?;
    Ok(OK)
}

/// Sensor readings, session by session.
fn readings(data: &RunData) -> Value {
    let of_session =
        |(session, readings): &(u32, Vec<Reading>)| json!({ "session": session, "readings": readings });
    data.readings.iter().map(of_session).collect()
}
