//! Scores computed on sets of features, as text: one row per set, one column per metric.

use vidbench_core::{
    Direction, FeatureScore, FeatureScoring, FeatureSet, FeatureSource, MetricDescriptor, MetricId, Score,
};

use crate::csv::{number, optional, text};
use crate::number::{NONE, count, decimals_for};
use crate::results::{Cell, Column, ResultTable, short_name, unit_and_arrow};
use crate::terminal::{Style, paint, write_table};
use crate::text::visible_line;
use crate::{latex, markdown};

/// One line on what was compared, the table, and what has no number, with the reason.
pub fn features_terminal(scoring: &FeatureScoring, descriptors: &[MetricDescriptor], style: Style) -> String {
    let mut out = format!("{}\n\n", visible_line(&compared(scoring)));
    write_table(&mut out, &features_table(scoring, descriptors), style);
    for note in notes(scoring) {
        out += &format!("{} {}\n", paint(style, "2", "note:"), visible_line(&note));
    }
    out
}

/// The contents of [`features_terminal`] as GitHub-flavoured Markdown.
pub fn features_markdown(scoring: &FeatureScoring, descriptors: &[MetricDescriptor]) -> String {
    let mut out = format!("{}.\n\n", markdown::escaped(&compared(scoring)));
    markdown::write_table(&mut out, &features_table(scoring, descriptors));
    for note in notes(scoring) {
        out += &format!("\n- {}", markdown::escaped(&note));
    }
    out.trim_end().to_owned() + "\n"
}

/// The table as LaTeX with the booktabs package.
pub fn features_latex(scoring: &FeatureScoring, descriptors: &[MetricDescriptor]) -> String {
    latex::table(&features_table(scoring, descriptors))
}

/// One line per number; further numbers of a metric follow its own.
pub fn features_csv(scoring: &FeatureScoring) -> String {
    const HEADS: [&str; 12] = [
        "set",
        "metric",
        "number",
        "value",
        "low",
        "high",
        "clips",
        "reference_clips",
        "underpowered",
        "not_available",
        "frames",
        "reference_frames",
    ];
    let mut out = HEADS.join(",") + "\r\n";
    for set in &scoring.sets {
        if let Some(problem) = &set.problem {
            let mut cells = vec![String::new(); HEADS.len()];
            cells[0] = text(&set.label);
            cells[9] = text(problem);
            out += &(cells.join(",") + "\r\n");
        }
        for score in &set.scores {
            write_lines(&mut out, scoring, set, score);
        }
    }
    out
}

fn write_lines(out: &mut String, scoring: &FeatureScoring, set: &FeatureSet, score: &FeatureScore) {
    let clips = |source: &Option<FeatureSource>| optional(source.as_ref().map(|source| source.clips));
    let frames = |source: &Option<FeatureSource>| optional(source.as_ref().and_then(|source| source.frames));
    let reason = match &score.score {
        Score::NotAvailable { reason } => reason.as_str(),
        Score::Value(_) => "",
    };
    let mut line = |name: &str, value: Option<f64>, interval: Option<(f64, f64)>| {
        let cells = [
            text(&set.label),
            text(score.metric.as_str()),
            text(name),
            optional(value),
            optional(interval.map(|(low, _)| low)),
            optional(interval.map(|(_, high)| high)),
            clips(&set.source),
            clips(&scoring.reference),
            number(score.underpowered),
            text(reason),
            frames(&set.source),
            frames(&scoring.reference),
        ];
        *out += &(cells.join(",") + "\r\n");
    };
    line("value", score.score.value(), score.interval);
    for (name, value) in &score.extra {
        line(name, Some(*value), None);
    }
}

/// `2 sets against 2048 clips of 400 dimensions (real.npy); 95 % intervals of 200 resamples`
pub(crate) fn compared(scoring: &FeatureScoring) -> String {
    let mut out = count(scoring.sets.len() as u64, "set");
    if let Some(reference) = &scoring.reference {
        let files: Vec<&str> = reference.files.iter().map(|file| file.path.as_str()).collect();
        let frames = reference.frames.map(|frames| format!(" with {frames} frames")).unwrap_or_default();
        let clips = count(reference.clips, "clip");
        out += &format!(" against {clips}{frames} of {} dimensions", reference.dims);
        if !files.is_empty() {
            out += &format!(" ({})", files.join(", "));
        }
    }
    match scoring.resamples {
        0 => out + "; no intervals",
        n => out + &format!("; ranges are 95 % intervals of {n} resamples"),
    }
}

pub(crate) fn features_table(scoring: &FeatureScoring, descriptors: &[MetricDescriptor]) -> ResultTable {
    let mut columns = vec![
        column("set", "", "a clip folder, a feature file, or the first of several joined files"),
        column("clips", "x dimensions", "rows and columns"),
    ];
    let mut rows: Vec<Vec<Cell>> = scoring.sets.iter().map(source_cells).collect();
    for metric in &scoring.metrics {
        columns.push(metric_column(metric, descriptors));
        let scores: Vec<_> = scoring.sets.iter().map(|set| find(set, metric)).collect();
        let decimals = scores.iter().flatten().filter_map(|score| decimals_of(score)).max().unwrap_or(0);
        for (row, score) in rows.iter_mut().zip(scores) {
            row.push(score.map_or_else(|| empty(""), |score| score_cell(score, decimals)));
        }
    }
    ResultTable { columns, rows }
}

fn find<'s>(set: &'s FeatureSet, metric: &MetricId) -> Option<&'s FeatureScore> {
    set.scores.iter().find(|score| score.metric == *metric)
}

fn column(title: &str, unit: &str, help: &str) -> Column {
    Column { title: title.into(), unit: unit.into(), help: help.into() }
}

fn metric_column(metric: &MetricId, descriptors: &[MetricDescriptor]) -> Column {
    let known = descriptors.iter().find(|descriptor| descriptor.id == metric.as_str());
    let (unit, direction) = known.map_or(("", Direction::Descriptive), |known| (known.unit, known.direction));
    let help = known.map_or(metric.as_str(), |known| known.title);
    column(&short_name(metric), &unit_and_arrow(unit, direction), help)
}

fn source_cells(set: &FeatureSet) -> Vec<Cell> {
    let label = Cell { text: visible_line(&set.label).into_owned(), ..Cell::default() };
    let shape = match &set.source {
        Some(source) => Cell {
            text: match source.frames {
                Some(frames) => format!("{} ({frames} frames) x {}", source.clips, source.dims),
                None => format!("{} x {}", source.clips, source.dims),
            },
            sort: Some(source.clips as f64),
            ..Cell::default()
        },
        None => Cell { alarming: true, ..empty("not read") },
    };
    vec![label, shape]
}

fn empty(detail: &str) -> Cell {
    Cell { text: NONE.into(), detail: detail.into(), ..Cell::default() }
}

/// Digits after the point needed to show two digits of the interval or, without one, four of the value.
fn decimals_of(score: &FeatureScore) -> Option<usize> {
    let value = score.score.value()?;
    let width = score.interval.map(|(low, high)| high - low).filter(|width| *width > 0.0);
    Some(width.map_or_else(|| decimals_for(value, 4), |width| decimals_for(width / 2.0, 2)))
}

fn score_cell(score: &FeatureScore, decimals: usize) -> Cell {
    let Some(value) = score.score.value() else { return empty("not available") };
    let interval = score.interval.map(|(low, high)| format!("{low:.decimals$} to {high:.decimals$}"));
    let flag = score.underpowered.then(|| "underpowered".to_owned());
    Cell {
        text: format!("{value:.decimals$}"),
        detail: interval.into_iter().chain(flag).collect::<Vec<_>>().join(", "),
        sort: Some(value),
        ..Cell::default()
    }
}

/// Reasons for missing numbers, each once, and what the flag means.
fn notes(scoring: &FeatureScoring) -> Vec<String> {
    let mut notes: Vec<String> = scoring.sets.iter().filter_map(|set| set.problem.clone()).collect();
    for set in &scoring.sets {
        for score in &set.scores {
            if let Score::NotAvailable { reason } = &score.score {
                notes.push(format!("{}: {} is not available: {reason}", set.label, score.metric));
            }
        }
    }
    let mut counts: Vec<u64> =
        scoring.sets.iter().filter_map(|set| Some(set.source.as_ref()?.clips)).collect();
    counts.dedup();
    if scoring.sets.iter().any(|set| set.source.as_ref().is_some_and(|source| source.frames.is_some())) {
        notes.push(
            "frames of a clip are similar, so the effective N is closer to the number of clips: intervals resample clips and the flag counts clips"
                .into(),
        );
    }
    if counts.len() > 1 {
        notes.push(
            "the sets differ in number of clips, which affects Fréchet distances: compare only sets with equal N".into(),
        );
    }
    if scoring.sets.iter().flat_map(|set| &set.scores).any(|score| score.underpowered) {
        notes.push(
            "underpowered: a set has fewer than two clips per dimension, so its Fréchet distance is mostly bias; \
             use more clips or the kernel distance"
                .into(),
        );
    }
    notes
}
