//! The videos side by side: a row per prompt and seed, a column per group, all playing in step.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use vidbench_analysis::SampleView;
use vidbench_core::{MetricId, ModelId, Outcome, SampleId, Score};

use super::base64::base64;
use super::escape::escape;
use super::{ClipEmbed, Page, open_section, strip};
use crate::number::{decimals_for, secs};
use crate::results::short_name;

/// Most rows in the page.
const MAX_ROWS: usize = 200;

/// A prompt with a seed, and the sample of each group; only the first repeat is shown.
struct Row<'d> {
    prompt: &'d str,
    prompt_id: &'d str,
    seed: u64,
    cells: Vec<Option<SampleView<'d>>>,
}

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let clips: BTreeMap<SampleId, &ClipEmbed> =
        page.input.clips.iter().map(|clip| (clip.sample, clip)).collect();
    let all = rows(page);
    let total = all.len();
    let shown: Vec<&Row<'_>> = all.iter().filter(|row| worth_showing(row, &clips)).take(MAX_ROWS).collect();
    if shown.is_empty() {
        return;
    }
    let lead = format!(
        "Every column has the same prompt and seed. This page shows {} of {total} rows: those with a clip or a failure, at most {MAX_ROWS}. Space plays and pauses; the arrow keys step one frame.",
        shown.len()
    );
    open_section(out, "videos", "Videos", &lead);
    controls(out, page);
    *out += "<div class=\"scroll grid-box\"><table class=\"grid\" id=\"grid\"><thead><tr><th scope=\"col\">Prompt</th>";
    for group in &page.input.analysis.groups {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(&group.label));
    }
    *out += "</tr></thead><tbody>\n";
    for row in shown {
        write_row(out, page, row, &clips);
    }
    *out += "</tbody></table></div>\n<p class=\"pager\" id=\"pager\" hidden><button type=\"button\" id=\"previous\">Previous</button> <span id=\"page-of\" role=\"status\"></span> <button type=\"button\" id=\"next\">Next</button></p>\n</section>\n";
}

fn rows(page: Page<'_>) -> Vec<Row<'_>> {
    let groups = &page.input.analysis.groups;
    let columns: BTreeMap<(&ModelId, u32), usize> =
        groups.iter().map(|group| (&group.model, group.params_index)).zip(0..).collect();
    let mut rows: BTreeMap<(u32, u64), Row<'_>> = BTreeMap::new();
    for sample in page.joined.samples.iter().filter(|sample| sample.planned.repeat == 0) {
        let row = rows.entry((sample.planned.prompt, sample.planned.seed)).or_insert_with(|| Row {
            prompt: &sample.prompt.text,
            prompt_id: &sample.prompt.id,
            seed: sample.planned.seed,
            cells: vec![None; groups.len()],
        });
        let column = columns.get(&(&sample.model.id, sample.planned.params));
        if let Some(cell) = column.and_then(|column| row.cells.get_mut(*column)) {
            *cell = Some(*sample);
        }
    }
    rows.into_values().collect()
}

fn failed(sample: &SampleView<'_>) -> bool {
    sample.record.verdict.outcome.is_failure()
}

fn worth_showing(row: &Row<'_>, clips: &BTreeMap<SampleId, &ClipEmbed>) -> bool {
    row.cells.iter().flatten().any(|sample| failed(sample) || clips.contains_key(&sample.planned.id))
}

/// Metrics with a value in some clip, in the order of the suite.
fn metrics(page: Page<'_>) -> Vec<MetricId> {
    let groups = &page.input.analysis.groups;
    let has_value = |id: &&MetricId| {
        groups
            .iter()
            .flat_map(|group| &group.metrics)
            .any(|summary| summary.metric == **id && summary.clips > 0)
    };
    page.input.data.run.suite.metrics.iter().filter(has_value).cloned().collect()
}

fn controls(out: &mut String, page: Page<'_>) {
    *out += "<div class=\"player\" id=\"player\" hidden><button type=\"button\" id=\"play\" aria-pressed=\"false\">Play</button>\
             <label class=\"scrub\"><span class=\"sr\">Position</span><input type=\"range\" id=\"scrub\" min=\"0\" max=\"1000\" value=\"0\"></label>\
             <output id=\"clock\">0.00 s</output>\
             <label>Show <select id=\"filter\"><option value=\"all\">all rows</option><option value=\"failed\">rows with failures</option>";
    for (at, metric) in metrics(page).iter().enumerate() {
        let _ = write!(
            out,
            "<option value=\"d{at}\">largest difference in {}</option>",
            escape(&short_name(metric))
        );
    }
    *out += "</select></label></div>\n";
}

fn write_row(out: &mut String, page: Page<'_>, row: &Row<'_>, clips: &BTreeMap<SampleId, &ClipEmbed>) {
    let metrics = metrics(page);
    let failures = row.cells.iter().flatten().filter(|sample| failed(sample)).count();
    let _ = write!(out, "<tr data-failed=\"{failures}\"");
    for (at, metric) in metrics.iter().enumerate() {
        if let Some(spread) = spread(row, metric) {
            let _ = write!(out, " data-d{at}=\"{spread}\"");
        }
    }
    let _ = write!(
        out,
        "><th scope=\"row\"><bdi class=\"prompt\">{}</bdi><span class=\"d\"><bdi>{}</bdi>, seed {}</span></th>",
        escape(row.prompt),
        escape(row.prompt_id),
        row.seed
    );
    for (cell, group) in row.cells.iter().zip(&page.input.analysis.groups) {
        *out += "<td>";
        match cell {
            Some(sample) if sample.record.verdict.outcome == Outcome::NotNeeded => {
                *out += "<p class=\"none\">not needed</p>";
            }
            Some(sample) => write_cell(out, sample, &metrics, clips, &group.label),
            None => *out += "<p class=\"none\">no verdict yet</p>",
        }
        *out += "</td>";
    }
    *out += "</tr>\n";
}

/// Largest minus smallest value of a metric among the columns; `None` for fewer than two values.
fn spread(row: &Row<'_>, metric: &MetricId) -> Option<f64> {
    let values: Vec<f64> = row.cells.iter().flatten().filter_map(|sample| value(sample, metric)).collect();
    let (min, max) = values.iter().fold((f64::MAX, f64::MIN), |(min, max), v| (min.min(*v), max.max(*v)));
    (values.len() > 1).then_some(max - min)
}

fn value(sample: &SampleView<'_>, metric: &MetricId) -> Option<f64> {
    sample.record.verdict.scores.iter().find(|score| score.metric == *metric)?.score.value()
}

fn write_cell(
    out: &mut String,
    sample: &SampleView<'_>,
    metrics: &[MetricId],
    clips: &BTreeMap<SampleId, &ClipEmbed>,
    label: &str,
) {
    let verdict = &sample.record.verdict;
    match clips.get(&sample.planned.id) {
        Some(clip) => video(out, clip, sample, label),
        None if failed(sample) => {}
        None => *out += "<p class=\"none\">clip not included in this page</p>",
    }
    if failed(sample) {
        let reason = verdict.reason.as_deref().unwrap_or("no reason recorded");
        let _ = write!(
            out,
            "<p class=\"failure\"><strong>✕ {}</strong> <bdi>{}</bdi></p>",
            escape(verdict.outcome.name()),
            escape(reason)
        );
        return;
    }
    strip::write(out, &verdict.scores);
    *out += "<dl class=\"scores\">";
    if let Some(timing) = sample.timing() {
        let _ = write!(out, "<div><dt>latency</dt><dd>{}</dd></div>", secs(timing.latency_secs()));
    }
    for metric in metrics {
        let score = verdict.scores.iter().find(|score| score.metric == *metric).map(|score| &score.score);
        let text = match score {
            Some(Score::Value(value)) => format!("{value:.*}", decimals_for(*value, 3).min(3)),
            Some(Score::NotAvailable { reason }) => format!("not available: {reason}"),
            None => "not recorded".into(),
        };
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(&short_name(metric)), escape(&text));
    }
    *out += "</dl>";
}

fn video(out: &mut String, clip: &ClipEmbed, sample: &SampleView<'_>, label: &str) {
    let facts = sample.record.verdict.facts.as_ref();
    let (width, height) =
        facts.map_or((sample.params.width, sample.params.height), |facts| (facts.width, facts.height));
    let fps = facts.map_or(sample.params.fps, |facts| facts.fps);
    // A tiny video is enlarged by whole pixels, so that the model's own pixels are visible.
    let class = if width.max(height) <= 128 { " class=\"tiny\"" } else { "" };
    let _ = write!(
        out,
        "<video{class} muted loop playsinline preload=\"auto\" tabindex=\"-1\" width=\"{width}\" height=\"{height}\" data-fps=\"{fps}\" \
         aria-label=\"{}: {}\" src=\"data:{};base64,{}\"></video>",
        escape(label),
        escape(&sample.prompt.text),
        clip.mime.name(),
        base64(&clip.bytes)
    );
}
