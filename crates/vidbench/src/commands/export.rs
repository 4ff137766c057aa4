//! `vidbench export`: the data of a run for other programs.

use std::path::Path;

use anyhow::Result;
use vidbench_analysis::analyse;
use vidbench_metrics::DESCRIPTORS;
use vidbench_report::{export_csv, export_json, export_jsonl};
use vidbench_store::Store;

use super::json;
use crate::OK;
use crate::cli::{ExportArgs, ExportFormat};
use crate::ui::Ui;

pub(crate) fn export(args: &ExportArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let store = Store::open_existing(workspace)?;
    let data = store.run_data(&store.find_run(&args.run)?)?;
    let text = match args.format {
        ExportFormat::Json => json(&export_json(&data, &analyse(&data, DESCRIPTORS))?)?,
        ExportFormat::Jsonl => export_jsonl(&data)?,
        ExportFormat::Csv => export_csv(&data),
    };
    ui.write(&args.output, &text)?;
    Ok(OK)
}
