//! Samples as comma-separated values (RFC 4180: CRLF, quotes doubled, quoted where needed).
//!
//! Text cells are shown as elsewhere: anything a terminal or a spreadsheet would obey or hide (control characters, line
//! ends, marks that reorder text) is written as its escape; the JSON exports keep the text unchanged.
//!
//! Formula rule: a spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` (or their full-width forms). A text
//! cell that begins with one of these gets one apostrophe in front, which spreadsheets do not show. Numeric cells are
//! written by this program and stay as they are. To read a text back, drop one leading apostrophe when one of these
//! characters follows it.

use std::fmt::Display;

use vidbench_analysis::{SampleView, join};
use vidbench_core::{MetricId, RunData, RunId, Score};

use crate::text::visible_line;

const COLUMNS: [&str; 38] = [
    "run",
    "ordinal",
    "sample",
    "model",
    "engine",
    "params_index",
    "steps",
    "guidance",
    "frames",
    "width",
    "height",
    "fps",
    "prompt_id",
    "category",
    "prompt",
    "negative",
    "seed",
    "repeat",
    "outcome",
    "reason",
    "latency_secs",
    "service_secs",
    "response_secs",
    "observed_frames",
    "observed_width",
    "observed_height",
    "observed_fps",
    "peak_rss_bytes",
    "peak_device_allocated_bytes",
    "peak_device_reserved_bytes",
    "artifact_bytes",
    "artifact_sha256",
    "session",
    "failed_attempts",
    "device_joules",
    "cpu_joules",
    "contended",
    "reused_from",
];

/// One line per finished sample, below a header line: the fixed columns, one column per clip metric of the suite, and
/// the reasons why metrics are not available. An absent value is an empty cell.
pub fn export_csv(data: &RunData) -> String {
    let joined = join(data);
    let scored = |id: &&MetricId| {
        joined.samples.iter().any(|s| s.record.verdict.scores.iter().any(|score| score.metric == **id))
    };
    let metrics: Vec<&MetricId> = data.run.suite.metrics.iter().filter(scored).collect();
    let mut heads: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    heads.extend(metrics.iter().map(|id| text(id.as_str())));
    heads.push("not_available".into());
    let mut out = heads.join(",") + "\r\n";
    for sample in &joined.samples {
        out += &line(data, sample, &metrics).join(",");
        out += "\r\n";
    }
    out
}

fn line(data: &RunData, sample: &SampleView<'_>, metrics: &[&MetricId]) -> Vec<String> {
    let (params, verdict) = (sample.params, &sample.record.verdict);
    let generation = sample.record.generation.as_ref();
    let device = generation.and_then(|generation| generation.peak_device_bytes);
    let (timing, facts) = (sample.timing(), verdict.facts.as_ref());
    let telemetry = sample.record.telemetry.as_ref();
    let mut cells = vec![
        text(data.run.id.as_str()),
        number(sample.record.ordinal),
        text(&sample.planned.id.to_string()),
        text(sample.model.id.as_str()),
        text(sample.model.engine.name()),
        number(sample.planned.params),
        number(params.steps),
        number(params.guidance),
        number(params.frames),
        number(params.width),
        number(params.height),
        number(params.fps),
        text(&sample.prompt.id),
        text(&sample.prompt.category),
        text(&sample.prompt.text),
        text(sample.prompt.negative.as_deref().unwrap_or_default()),
        number(sample.planned.seed),
        number(sample.planned.repeat),
        text(verdict.outcome.name()),
        text(verdict.reason.as_deref().unwrap_or_default()),
        optional(timing.map(|timing| timing.latency_secs())),
        optional(timing.map(|timing| timing.service_secs())),
        optional(timing.map(|timing| timing.response_secs())),
        optional(facts.map(|facts| facts.frames)),
        optional(facts.map(|facts| facts.width)),
        optional(facts.map(|facts| facts.height)),
        optional(facts.map(|facts| facts.fps)),
        optional(generation.and_then(|generation| generation.peak_rss_bytes)),
        optional(device.map(|bytes| bytes.allocated)),
        optional(device.map(|bytes| bytes.reserved)),
        optional(generation.map(|generation| generation.artifact_bytes)),
        text(generation.map(|generation| generation.artifact_sha256.as_str()).unwrap_or_default()),
        optional(timing.map(|timing| timing.session)),
        number(sample.record.attempts.len()),
        optional(telemetry.and_then(|found| found.device_joules.value())),
        optional(telemetry.and_then(|found| found.cpu_joules.value())),
        optional(telemetry.and_then(|found| found.contended)),
        text(generation.and_then(|made| made.reused_from.as_ref()).map(RunId::as_str).unwrap_or_default()),
    ];
    cells.extend(metrics.iter().map(|id| optional(score(sample, id).and_then(Score::value))));
    cells.push(text(&unavailable(sample)));
    cells
}

fn score<'d>(sample: &SampleView<'d>, id: &MetricId) -> Option<&'d Score> {
    let record = sample.record;
    record.verdict.scores.iter().find(|score| score.metric == *id).map(|score| &score.score)
}

fn unavailable(sample: &SampleView<'_>) -> String {
    let reasons = sample.record.verdict.scores.iter().filter_map(|score| match &score.score {
        Score::NotAvailable { reason } => Some(format!("{}: {reason}", score.metric)),
        Score::Value(_) => None,
    });
    reasons.collect::<Vec<_>>().join("; ")
}

pub(crate) fn number(value: impl Display) -> String {
    value.to_string()
}

pub(crate) fn optional(value: Option<impl Display>) -> String {
    value.map(number).unwrap_or_default()
}

/// A text cell: see the module's formula rule.
pub(crate) fn text(value: &str) -> String {
    let runs = |c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let value = visible_line(value);
    let guarded = if value.starts_with(runs) { format!("'{value}") } else { value.into_owned() };
    if guarded.contains([',', '"']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}
