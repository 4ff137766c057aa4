//! Time against quality, one plot per metric and domain; the page shows one at a time.

use std::fmt::Write as _;

use vidbench_analysis::{ParetoFront, ParetoPoint, RunAnalysis};
use vidbench_core::Direction;

use super::escape::escape;
use super::svg::{self, Axis};
use super::{Page, details_table, open_section};
use crate::number::secs;
use crate::results::{short_name, value_text};

const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 1010.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 364.0;
/// Approximate width of a character of a label, in pixels of the plot.
const CHARACTER: f64 = 6.6;

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let analysis = page.input.analysis;
    if analysis.pareto.is_empty() {
        return;
    }
    let lead = "Left is faster; the arrow next to the metric name points towards better. Filled points are on the Pareto front: no other point is at least as good in both and better in one. Bars are 95 % intervals.";
    open_section(out, "pareto", "Time and quality", lead);
    if analysis.pareto.len() > 1 {
        *out += "<p class=\"controls\"><label for=\"pareto-metric\">Quality</label> <select id=\"pareto-metric\">";
        for (at, front) in analysis.pareto.iter().enumerate() {
            *out += &format!("<option value=\"{at}\">{}</option>", escape(&name(front)));
        }
        *out += "</select></p>\n";
    }
    for (at, front) in analysis.pareto.iter().enumerate() {
        *out += &format!(
            "<figure class=\"pareto\" data-front=\"{at}\"><figcaption>{}</figcaption>\n",
            escape(&name(front))
        );
        plot(out, analysis, front);
        table(out, analysis, front);
        *out += "</figure>\n";
    }
    *out += "</section>\n";
}

fn name(front: &ParetoFront) -> String {
    format!("{} {}, {} models", short_name(&front.metric), front.direction.arrow(), front.domain.name())
}

fn label(analysis: &RunAnalysis, point: &ParetoPoint) -> String {
    analysis.groups.get(point.group).map_or_else(String::new, |group| group.label.clone())
}

fn plot(out: &mut String, analysis: &RunAnalysis, front: &ParetoFront) {
    let times: Vec<f64> = front
        .points
        .iter()
        .flat_map(|point| match point.time_interval {
            Some(interval) => vec![point.time_secs, interval.low.max(point.time_secs * 0.5), interval.high],
            None => vec![point.time_secs],
        })
        .collect();
    let values: Vec<f64> =
        front.points.iter().flat_map(|p| [p.value, p.interval.low, p.interval.high]).collect();
    let (x, y) = (Axis::log(&times, LEFT, RIGHT), Axis::linear(&values, BOTTOM, TOP));
    let description = format!("{} points; the table below lists their values", front.points.len());
    svg::open(
        out,
        WIDTH,
        HEIGHT,
        &format!("{} against {}", short_name(&front.metric), front.time.name()),
        &description,
    );
    axes(out, front, x, y);
    front_line(out, front, x, y);
    for point in &front.points {
        mark(out, analysis, point, x, y);
    }
    labels(out, analysis, front, x, y);
    svg::close(out);
}

fn axes(out: &mut String, front: &ParetoFront, x: Axis, y: Axis) {
    for tick in y.ticks() {
        let at = y.place(tick);
        svg::line(out, "grid-line", (LEFT, at), (RIGHT, at));
        svg::text(out, "tick", (LEFT - 8.0, at + 4.0), "end", &svg::trimmed(tick));
    }
    for tick in x.ticks() {
        let at = x.place(tick);
        svg::line(out, "grid-line", (at, TOP), (at, BOTTOM));
        svg::text(out, "tick", (at, BOTTOM + 18.0), "middle", &svg::tick_secs(tick));
    }
    svg::line(out, "axis-line", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    let title = format!("{} {}", short_name(&front.metric), front.direction.arrow());
    svg::text(out, "axis-title", (LEFT, TOP - 14.0), "start", title.trim());
    let title = format!("{}, log scale ↓", front.time.name());
    svg::text(out, "axis-title", (RIGHT, HEIGHT - 10.0), "end", &title);
}

/// The best quality reached within a given time. It is drawn as steps, because nothing was measured between two points.
fn front_line(out: &mut String, front: &ParetoFront, x: Axis, y: Axis) {
    let on: Vec<&ParetoPoint> = front.points.iter().filter(|point| point.on_front).collect();
    let mut path = String::new();
    for point in &on {
        let (px, py) = (x.place(point.time_secs), y.place(point.value));
        let _ =
            if path.is_empty() { write!(path, "M{px:.1} {py:.1}") } else { write!(path, "H{px:.1}V{py:.1}") };
    }
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"front-line\" d=\"{path}H{RIGHT}\"/>");
    }
}

fn mark(out: &mut String, analysis: &RunAnalysis, point: &ParetoPoint, x: Axis, y: Axis) {
    let (px, py) = (x.place(point.time_secs), y.place(point.value));
    svg::line(out, "error-bar", (px, y.place(point.interval.low)), (px, y.place(point.interval.high)));
    if let Some(interval) = point.time_interval {
        svg::line(out, "error-bar", (x.place(interval.low), py), (x.place(interval.high), py));
    }
    let class = if point.on_front { "point on" } else { "point" };
    let title = format!(
        "{}: {}, {}",
        label(analysis, point),
        secs(point.time_secs),
        value_text(point.value, point.interval)
    );
    let _ = write!(
        out,
        "<circle class=\"{class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"5.5\"><title>{}</title></circle>",
        escape(&title)
    );
}

/// Places each label so that it covers neither a point nor another label; right, left, above and below are tried in
/// turn.
fn labels(out: &mut String, analysis: &RunAnalysis, front: &ParetoFront, x: Axis, y: Axis) {
    let points: Vec<(f64, f64)> =
        front.points.iter().map(|p| (x.place(p.time_secs), y.place(p.value))).collect();
    let mut taken: Vec<Block> = points.iter().map(|p| Block::around(*p, 6.0)).collect();
    let falls = front.direction == Direction::LowerIsBetter;
    for (point, at) in front.points.iter().zip(&points) {
        let words = label(analysis, point);
        let width = words.chars().count() as f64 * CHARACTER;
        // The front line leaves a point to the right and reaches it from above or below, so the side it comes from is
        // tried last.
        let offsets = if falls { [(10.0, -8.0), (10.0, 18.0)] } else { [(10.0, 18.0), (10.0, -8.0)] };
        let candidates = offsets
            .map(|(dx, dy)| (at.0 + dx, at.1 + dy))
            .into_iter()
            .chain([(-10.0, -8.0), (-10.0, 18.0)].map(|(dx, dy)| (at.0 + dx - width, at.1 + dy)));
        let free = |(left, base): &(f64, f64)| {
            let block = Block { left: *left, right: left + width, top: base - 11.0, bottom: base + 3.0 };
            block.right <= WIDTH
                && block.left >= LEFT
                && block.top >= TOP - 12.0
                && block.bottom <= BOTTOM
                && !taken.iter().any(|other| block.meets(other))
        };
        // Without room for a label, the point still has its tooltip and its row in the table.
        let Some((left, base)) = candidates.into_iter().find(free) else { continue };
        taken.push(Block { left, right: left + width, top: base - 11.0, bottom: base + 3.0 });
        svg::text(out, "label", (left, base), "start", &words);
    }
}

#[derive(Debug, Clone, Copy)]
struct Block {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Block {
    fn around((x, y): (f64, f64), by: f64) -> Self {
        Self { left: x - by, right: x + by, top: y - by, bottom: y + by }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

fn table(out: &mut String, analysis: &RunAnalysis, front: &ParetoFront) {
    let row = |point: &ParetoPoint| {
        vec![
            label(analysis, point),
            secs(point.time_secs),
            value_text(point.value, point.interval),
            if point.on_front { "yes" } else { "no" }.into(),
        ]
    };
    let rows: Vec<Vec<String>> = front.points.iter().map(row).collect();
    details_table(
        out,
        "Plot data",
        &["Group", front.time.name(), "value (95 % interval)", "on the front"],
        &rows,
    );
}
