//! The results table that terminal, Markdown and HTML share: one row per group.

use vidbench_analysis::{
    Group, Interval, MetricSummary, Percentile, RunAnalysis, ScoredGroup, ScoringAnalysis,
};
use vidbench_core::{Direction, MetricDescriptor, MetricId, Score, SetScore};

use crate::number::{NONE, TimeFormat, bytes, column_decimals, decimals_for, is_symmetric, plus_minus};
use crate::text::visible_line;

/// A table of text with the values needed to sort it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResultTable {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A column's header.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) title: String,
    /// Unit and arrow; may be empty.
    pub(crate) unit: String,
    /// One sentence on what the column shows.
    pub(crate) help: String,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// Sample size and the like, shown smaller.
    pub(crate) detail: String,
    /// The value it is sorted by; cells without one sort last.
    pub(crate) sort: Option<f64>,
    /// Best in its domain, or indistinguishable from the best.
    pub(crate) best: bool,
    /// The cell reports failures.
    pub(crate) alarming: bool,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn number(text: String, sort: f64) -> Self {
        Self { text, sort: Some(sort), ..Self::default() }
    }

    pub(crate) fn none(detail: impl Into<String>) -> Self {
        Self { text: NONE.into(), detail: detail.into(), ..Self::default() }
    }
}

/// Builds the table.
pub(crate) fn result_table(analysis: &RunAnalysis, descriptors: &[MetricDescriptor]) -> ResultTable {
    let groups = &analysis.groups;
    let mut columns = vec![head("group", "", "model and parameters")];
    let mut cells: Vec<Vec<Cell>> =
        groups.iter().map(|group| vec![Cell::text(group.label.clone())]).collect();
    counts(groups, &mut columns, &mut cells);
    latency(groups, &mut columns, &mut cells);
    for metric in clip_metrics(groups) {
        metric_column(analysis, &metric, &mut columns, &mut cells);
    }
    for metric in set_metrics(groups) {
        set_column(analysis, &metric, descriptors, &mut columns, &mut cells);
    }
    throughput(groups, &mut columns, &mut cells);
    ResultTable { columns, rows: cells }
}

pub(crate) fn head(title: &str, unit: &str, help: &str) -> Column {
    Column { title: title.into(), unit: unit.into(), help: help.into() }
}

fn push(cells: &mut [Vec<Cell>], column: Vec<Cell>) {
    for (row, cell) in cells.iter_mut().zip(column) {
        row.push(cell);
    }
}

fn counts(groups: &[Group], columns: &mut Vec<Column>, cells: &mut [Vec<Cell>]) {
    columns.push(head("ok", "of planned", "samples whose file matches the request"));
    let ok = |group: &Group| Cell::number(format!("{}/{}", group.ok, group.planned), group.ok as f64);
    push(cells, groups.iter().map(ok).collect());
    columns.push(head("failed", "", "samples with any other outcome; means exclude them"));
    let failed = |group: &Group| Cell {
        alarming: group.failed() > 0,
        detail: group
            .failures
            .iter()
            .map(|f| format!("{} {}", f.count, f.outcome))
            .collect::<Vec<_>>()
            .join(", "),
        ..Cell::number(group.failed().to_string(), group.failed() as f64)
    };
    push(cells, groups.iter().map(failed).collect());
}

/// Why a group has no latency: ok samples without times were taken from elsewhere.
fn no_latency(group: &Group) -> &'static str {
    if group.ok == 0 { "no ok sample" } else { "no timed sample" }
}

fn latency(groups: &[Group], columns: &mut Vec<Column>, cells: &mut [Vec<Cell>]) {
    let summaries: Vec<_> = groups.iter().filter_map(|group| group.latency.as_ref()).collect();
    let all: Vec<f64> = summaries.iter().flat_map(|summary| [summary.min, summary.max]).collect();
    let format = TimeFormat::for_column(&all);
    let enough = summaries.iter().all(|summary| summary.p50.value().is_some());
    let (title, help) = if enough {
        ("latency p50", "median seconds from the intended start to the last frame")
    } else {
        ("latency max", "largest latency: a group has too few samples for a median")
    };
    columns.push(head(title, &format!("{} ↓", format.unit), help));
    let cell = |group: &Group| {
        let Some(summary) = &group.latency else { return Cell::none(no_latency(group)) };
        let (value, detail) = match (enough, summary.p50) {
            (true, Percentile::Value { value, .. }) => (value, format!("n {}", summary.n)),
            (_, Percentile::TooFew { n, needed, .. }) => (summary.max, format!("n {n} < {needed}")),
            (false, Percentile::Value { .. }) => (summary.max, format!("n {}", summary.n)),
        };
        Cell { detail, ..Cell::number(format.number(value), value) }
    };
    push(cells, groups.iter().map(cell).collect());
}

fn clip_metrics(groups: &[Group]) -> Vec<MetricId> {
    groups
        .first()
        .map(|group| group.metrics.iter().map(|summary| summary.metric.clone()).collect())
        .unwrap_or_default()
}

fn set_metrics(groups: &[Group]) -> Vec<MetricId> {
    let mut ids: Vec<MetricId> =
        groups.iter().flat_map(|group| group.set_scores.iter().map(|score| score.metric.clone())).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The name without its version, which the page gives under "how it was made".
pub(crate) fn short_name(metric: &MetricId) -> String {
    metric.as_str().split('@').next().unwrap_or_default().replace(['_', '.'], " ")
}

pub(crate) fn unit_and_arrow(unit: &str, direction: Direction) -> String {
    [unit, direction.arrow()].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn is_best(analysis: &RunAnalysis, metric: &MetricId, group: usize) -> bool {
    analysis
        .rankings
        .iter()
        .filter(|ranking| ranking.metric == *metric && ranking.entries.len() > 1)
        .any(|ranking| ranking.entries.iter().any(|entry| entry.group == group && entry.place == 1))
}

/// The table of a scoring: one row per group.
pub(crate) fn scoring_table(analysis: &ScoringAnalysis) -> ResultTable {
    let groups = &analysis.groups;
    let mut columns = vec![head("clips", "", "folder or model")];
    let mut cells: Vec<Vec<Cell>> =
        groups.iter().map(|group| vec![Cell::text(group.label.clone())]).collect();
    columns.push(head(
        "ok",
        "of all",
        "clips that were decoded and, if a reference was requested, compared with it",
    ));
    let ok = |group: &ScoredGroup| {
        let outcomes = group.failures.iter().map(|failure| format!("{} {}", failure.count, failure.outcome));
        Cell {
            alarming: group.ok < group.clips,
            detail: outcomes.collect::<Vec<_>>().join(", "),
            ..Cell::number(format!("{}/{}", group.ok, group.clips), group.ok as f64)
        }
    };
    push(&mut cells, groups.iter().map(ok).collect());
    let metrics = groups.first().map_or(0, |group| group.metrics.len());
    for at in 0..metrics {
        let summaries: Vec<&MetricSummary> =
            groups.iter().filter_map(|group| group.metrics.get(at)).collect();
        let Some(first) = summaries.first() else { continue };
        let help = format!("{} ({}): mean over clips, 95 % interval", first.title, first.metric);
        let title = short_name(&first.metric);
        columns.push(head(&title, &unit_and_arrow(&first.unit, first.direction), &help));
        let values: Vec<_> =
            summaries.iter().filter_map(|summary| Some((summary.mean?, summary.interval))).collect();
        let decimals = column_decimals(&values);
        let cell = |summary: &&MetricSummary| match summary.mean {
            Some(mean) => mean_cell(mean, summary, decimals, false),
            None => Cell::none(detail(0, summary.missing())),
        };
        push(&mut cells, summaries.iter().map(cell).collect());
    }
    ResultTable { columns, rows: cells }
}

fn metric_column(
    analysis: &RunAnalysis,
    metric: &MetricId,
    columns: &mut Vec<Column>,
    cells: &mut [Vec<Cell>],
) {
    let of = |group: &Group| group.metrics.iter().find(|summary| summary.metric == *metric).cloned();
    let summaries: Vec<_> = analysis.groups.iter().map(of).collect();
    let Some(first) = summaries.iter().flatten().next() else { return };
    let values: Vec<_> =
        summaries.iter().flatten().filter_map(|summary| Some((summary.mean?, summary.interval))).collect();
    let decimals = column_decimals(&values);
    let help = format!("{} ({metric}): mean over prompt-seed pairs, 95 % interval", first.title);
    columns.push(head(&short_name(metric), &unit_and_arrow(&first.unit, first.direction), &help));
    let column = summaries.iter().enumerate().map(|(index, summary)| match summary {
        Some(summary) => match summary.mean {
            Some(mean) => mean_cell(mean, summary, decimals, is_best(analysis, metric, index)),
            None => Cell::none(detail(0, summary.missing())),
        },
        None => Cell::none("not computed"),
    });
    push(cells, column.collect());
}

/// A mean with its interval. An interval that was clipped at the metric's range is not written with `±`.
fn mean_cell(mean: f64, summary: &MetricSummary, decimals: usize, best: bool) -> Cell {
    let counts = detail(summary.n, summary.missing());
    let (text, detail) = match summary.interval.filter(|interval| !is_symmetric(mean, *interval, decimals)) {
        Some(Interval { low, high }) => {
            (format!("{mean:.decimals$}"), format!("{low:.decimals$} to {high:.decimals$}, {counts}"))
        }
        None => (plus_minus(mean, summary.interval, decimals), counts),
    };
    Cell { detail, best, ..Cell::number(text, mean) }
}

fn detail(n: u64, missing: u64) -> String {
    if missing == 0 { format!("n {n}") } else { format!("n {n}, {missing} not available") }
}

fn set_column(
    analysis: &RunAnalysis,
    metric: &MetricId,
    descriptors: &[MetricDescriptor],
    columns: &mut Vec<Column>,
    cells: &mut [Vec<Cell>],
) {
    let known = descriptors.iter().find(|descriptor| descriptor.id == metric.as_str());
    let (unit, direction) = known.map_or(("", Direction::Descriptive), |known| (known.unit, known.direction));
    let of = |group: &Group| group.set_scores.iter().find(|score| score.metric == *metric).cloned();
    let scores: Vec<Option<SetScore>> = analysis.groups.iter().map(of).collect();
    let values: Vec<f64> = scores.iter().flatten().filter_map(|score| score.score.value()).collect();
    let decimals = decimals_for(values.iter().copied().fold(0.0, f64::max), 3);
    let title = known.map_or(metric.as_str(), |known| known.title);
    let help = format!("{title} ({metric}): over all clips of the group, 95 % bootstrap interval");
    columns.push(head(&short_name(metric), &unit_and_arrow(unit, direction), &help));
    let column = scores.iter().enumerate().map(|(index, score)| match score {
        Some(score) => set_cell(score, decimals, is_best(analysis, metric, index)),
        None => Cell::none("not computed"),
    });
    push(cells, column.collect());
}

fn set_cell(score: &SetScore, decimals: usize, best: bool) -> Cell {
    let value = match &score.score {
        Score::Value(value) => *value,
        Score::NotAvailable { reason } => return Cell::none(visible_line(reason).into_owned()),
    };
    let mut detail = format!("n {}", score.n);
    if let Some((low, high)) = score.interval {
        detail = format!("{low:.decimals$} to {high:.decimals$}, {detail}");
    }
    if score.underpowered {
        detail += ", underpowered";
    }
    Cell { detail, best, ..Cell::number(format!("{value:.decimals$}"), value) }
}

fn throughput(groups: &[Group], columns: &mut Vec<Column>, cells: &mut [Vec<Cell>]) {
    let rates: Vec<f64> = groups.iter().filter_map(|group| Some(group.throughput?.samples_per_sec)).collect();
    let decimals = decimals_for(rates.iter().copied().fold(f64::MAX, f64::min), 3).min(4);
    let basis = groups.iter().find_map(|group| Some(group.throughput?.basis.name())).unwrap_or("time");
    columns.push(head("throughput", "samples/s ↑", &format!("ok samples divided by {basis}")));
    let rate = |group: &Group| match group.throughput {
        Some(rate) => Cell {
            detail: format!("{:.1} frames/s", rate.frames_per_sec),
            ..Cell::number(format!("{:.decimals$}", rate.samples_per_sec), rate.samples_per_sec)
        },
        None => Cell::none(""),
    };
    push(cells, groups.iter().map(rate).collect());
    columns.push(head(
        "peak memory",
        "of the worker",
        "largest resident set of the worker up to the end of the group",
    ));
    let memory = |group: &Group| match group.peak_rss_bytes {
        Some(count) => Cell::number(bytes(count), count as f64),
        None => Cell::none("unknown"),
    };
    push(cells, groups.iter().map(memory).collect());
    if groups.iter().any(|group| group.peak_device_bytes.is_some()) {
        columns.push(head("device memory", "peak, tensors", "peak device memory held by tensors"));
        let device = |group: &Group| match group.peak_device_bytes {
            Some(count) => Cell::number(bytes(count), count as f64),
            None => Cell::none("unknown"),
        };
        push(cells, groups.iter().map(device).collect());
    }
    if groups.iter().any(|group| group.device_joules.is_some()) {
        columns.push(head(
            "energy",
            "J per sample ↓",
            "mean energy of all accelerators during a generation, from their counters",
        ));
        let energy = |group: &Group| match &group.device_joules {
            Some(joules) => Cell {
                detail: format!("n {}", joules.n),
                ..Cell::number(format!("{:.1}", joules.mean), joules.mean)
            },
            None => Cell::none("unknown"),
        };
        push(cells, groups.iter().map(energy).collect());
    }
}

/// Value and interval of a clip or set metric, for plots and tables.
pub(crate) fn value_text(value: f64, interval: Interval) -> String {
    let decimals = decimals_for(interval.high - interval.low, 2).max(decimals_for(value, 3).min(3));
    format!("{value:.decimals$} ({:.decimals$} to {:.decimals$})", interval.low, interval.high)
}
