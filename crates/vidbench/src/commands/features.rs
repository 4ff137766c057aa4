//! `vidbench features`: scores sets of clips from files of their features.

use std::time::{Duration, Instant};

use anyhow::Result;
use vidbench::FeatureRequest;
use vidbench_core::FeatureScoring;
use vidbench_metrics::{DESCRIPTORS, SetOptions};
use vidbench_report::{Style, features_csv, features_latex, features_markdown, features_terminal};

use super::{UserError, json as pretty, report};
use crate::cli::{FeatureFormat, FeaturesArgs};
use crate::ui::Ui;
use crate::{FAILED, OK};

/// Time after which a hint about a faster way is shown.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn features(args: &FeaturesArgs, ui: Ui) -> Result<u8> {
    let metrics = vidbench::choose_feature_metrics(&args.metrics, !args.reference.is_empty())
        .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
    let start = Instant::now();
    let scoring = vidbench::score_features(&FeatureRequest {
        generated: &args.generated,
        join: args.join,
        reference: &args.reference,
        array: args.array.as_deref(),
        reference_array: args.reference_array.as_deref(),
        metrics: &metrics,
        options: SetOptions { resamples: args.resamples as usize, bootstrap_seed: args.bootstrap_seed },
        threads: args.threads.map_or_else(cores, usize::from),
    })
    .map_err(|error| UserError { message: error.to_string(), hints: error.hints() })?;
    if args.resamples > 0 && start.elapsed() > PATIENCE {
        ui.say("note: intervals took most of the time; --resamples 0 skips them");
    }
    let format = if args.json { FeatureFormat::Json } else { args.format };
    ui.data(&text(&scoring, format, ui)?)?;
    Ok(if scoring.is_complete() { OK } else { FAILED })
}

fn text(scoring: &FeatureScoring, format: FeatureFormat, ui: Ui) -> Result<String> {
    let style = Style { color: ui.stdout_color, width: report::width() };
    Ok(match format {
        FeatureFormat::Table => features_terminal(scoring, DESCRIPTORS, style),
        FeatureFormat::Json => pretty(scoring)?,
        FeatureFormat::Csv => features_csv(scoring),
        FeatureFormat::Markdown => features_markdown(scoring, DESCRIPTORS),
        FeatureFormat::Latex => features_latex(scoring, DESCRIPTORS),
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
