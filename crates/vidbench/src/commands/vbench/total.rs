//! `vidbench vbench total`: normalised scores and their means.

use std::path::PathBuf;

use anyhow::Result;
use vidbench::{join_results, read_eval_results};
use vidbench_analysis::vbench_total::{Mean, as_vbench, total as total_of};
use vidbench_core::vbench::{EvalResults, VbenchSuite};
use vidbench_report::{
    Style, VbenchReport, vbench_csv, vbench_json, vbench_latex, vbench_markdown, vbench_terminal,
};

use super::unusable;
use crate::cli::{VbenchFormat, VbenchSuiteName, VbenchTotalArgs};
use crate::commands::{UserError, json, report};
use crate::ui::Ui;
use crate::{INCOMPLETE, OK};

pub(crate) fn total(args: &VbenchTotalArgs, ui: Ui) -> Result<u8> {
    let suite = match args.suite {
        VbenchSuiteName::T2v => VbenchSuite::T2v,
        VbenchSuiteName::I2v => VbenchSuite::I2v,
    };
    let read =
        |path: &PathBuf| Ok((path.clone(), read_eval_results(path).map_err(|error| unusable(&error))?));
    let files = args.files.iter().map(read).collect::<Result<Vec<(PathBuf, EvalResults)>>>()?;
    let joined = join_results(suite, &files)
        .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
    let total = total_of(suite, &joined.scores);
    let complete = matches!(total.total, Mean::Complete(_));
    let figures = (args.allow_incomplete && !complete).then(|| as_vbench(suite, &joined.scores));
    let report = VbenchReport { total: &total, videos: &joined.videos, as_vbench: figures.as_ref() };
    let format = if args.json { VbenchFormat::Json } else { args.format };
    ui.data(&match format {
        VbenchFormat::Table => {
            vbench_terminal(&report, Style { color: ui.stdout_color, width: report::width() })
        }
        VbenchFormat::Json => json(&vbench_json(&report)?)?,
        VbenchFormat::Csv => vbench_csv(&report),
        VbenchFormat::Markdown => vbench_markdown(&report),
        VbenchFormat::Latex => vbench_latex(&report),
    })?;
    Ok(if complete || args.allow_incomplete { OK } else { INCOMPLETE })
}
