//! The distribution of latency in each group, with every sample as a mark.

use std::fmt::Write as _;

use vidbench_analysis::{Group, Percentile, Summary};
use vidbench_core::Outcome;

use super::svg::{self, Axis};
use super::{Page, details_table, open_section};
use crate::number::{NONE, secs};
use crate::text::shortened;

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 1010.0;
const TOP: f64 = 16.0;
const ROW: f64 = 38.0;
/// Most marks in a row. If there are more samples, evenly spaced order statistics are drawn.
const MAX_MARKS: usize = 200;
/// When the largest value exceeds the smallest by more than this ratio, the axis is logarithmic.
const LOG_FROM: f64 = 8.0;

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let rows: Vec<(&Group, &Summary, Vec<f64>)> = page
        .input
        .analysis
        .groups
        .iter()
        .filter_map(|group| Some((group, group.latency.as_ref()?, latencies(page, group))))
        .collect();
    if rows.is_empty() {
        return;
    }
    open_section(
        out,
        "latency",
        "Latency",
        "From the intended start to the last decoded frame; encoding is excluded. Each mark is one ok sample; the line is the mean with its 95 % interval.",
    );
    *out += "<figure>\n";
    plot(out, &rows);
    table(out, &rows);
    *out += "</figure>\n</section>\n";
}

fn latencies(page: Page<'_>, group: &Group) -> Vec<f64> {
    let models = &page.input.data.run.suite.models;
    let of_group = page.joined.samples.iter().filter(|sample| {
        sample.record.verdict.outcome == Outcome::Ok
            && sample.planned.params == group.params_index
            && models.get(sample.planned.model as usize).is_some_and(|model| model.id == group.model)
    });
    let mut values: Vec<f64> = of_group.filter_map(|sample| Some(sample.timing()?.latency_secs())).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn plot(out: &mut String, rows: &[(&Group, &Summary, Vec<f64>)]) {
    let extremes: Vec<f64> = rows.iter().flat_map(|(_, summary, _)| [summary.min, summary.max]).collect();
    let (min, max) = extremes.iter().fold((f64::MAX, 0.0_f64), |(min, max), v| (min.min(*v), max.max(*v)));
    let log = min > 0.0 && max / min > LOG_FROM;
    let axis = if log { Axis::log(&extremes, LEFT, RIGHT) } else { Axis::linear(&extremes, LEFT, RIGHT) };
    let bottom = TOP + ROW * rows.len() as f64;
    svg::open(out, WIDTH, bottom + 48.0, "Latency by group", "The table below lists the values");
    for tick in axis.ticks() {
        let at = axis.place(tick);
        svg::line(out, "grid-line", (at, TOP), (at, bottom));
        svg::text(out, "tick", (at, bottom + 18.0), "middle", &svg::tick_secs(tick));
    }
    let title = if log { "latency, log scale ↓" } else { "latency ↓" };
    svg::text(out, "axis-title", (RIGHT, bottom + 40.0), "end", title);
    for (at, (group, summary, values)) in rows.iter().enumerate() {
        strip(out, axis, TOP + ROW * (at as f64 + 0.5), group, summary, values);
    }
    svg::close(out);
}

fn strip(out: &mut String, axis: Axis, y: f64, group: &Group, summary: &Summary, values: &[f64]) {
    svg::text(out, "row-label", (LEFT - 14.0, y + 4.0), "end", &shortened(&group.label, 24));
    svg::line(out, "row-line", (LEFT, y), (RIGHT, y));
    let step = (values.len().div_ceil(MAX_MARKS)).max(1);
    let last = values.last().filter(|_| step > 1);
    for value in values.iter().step_by(step).chain(last) {
        let _ =
            write!(out, "<circle class=\"strip\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\"/>", axis.place(*value));
    }
    if let Some(interval) = summary.interval {
        svg::line(
            out,
            "mean-bar",
            (axis.place(interval.low), y + 11.0),
            (axis.place(interval.high), y + 11.0),
        );
    }
    let at = axis.place(summary.mean);
    svg::line(out, "mean-tick", (at, y - 11.0), (at, y + 14.0));
}

fn table(out: &mut String, rows: &[(&Group, &Summary, Vec<f64>)]) {
    let percentile = |percentile: &Percentile| match percentile {
        Percentile::Value { value, interval: Some(interval) } => {
            format!("{} ({} to {})", secs(*value), secs(interval.low), secs(interval.high))
        }
        Percentile::Value { value, interval: None } => secs(*value),
        Percentile::TooFew { n, needed, .. } => format!("n {n} < {needed}"),
    };
    let row = |(group, summary, _): &(&Group, &Summary, Vec<f64>)| {
        let mean = match summary.interval {
            Some(interval) => {
                format!("{} ({} to {})", secs(summary.mean), secs(interval.low), secs(interval.high))
            }
            None => secs(summary.mean),
        };
        vec![
            group.label.clone(),
            summary.n.to_string(),
            mean,
            summary.sd.map_or_else(|| NONE.into(), secs),
            secs(summary.min),
            percentile(&summary.p50),
            percentile(&summary.p90),
            percentile(&summary.p95),
            percentile(&summary.p99),
            secs(summary.max),
            group.service.as_ref().map_or_else(|| NONE.into(), |service| secs(service.mean)),
        ]
    };
    let heads = ["Group", "n", "mean (95 %)", "sd", "min", "p50", "p90", "p95", "p99", "max", "mean service"];
    details_table(out, "Plot data", &heads, &rows.iter().map(row).collect::<Vec<_>>());
}
