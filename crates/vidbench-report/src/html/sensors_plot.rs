//! Sensor readings during the run: load, memory, power and temperature over time, with the times of the samples marked.

use std::fmt::Write as _;

use vidbench_analysis::{Bin, IdlePower, SensorPanel, SensorSeries, sensor_panels};
use vidbench_core::{AlertState, Reading, RunData, Score, Session};

use super::escape::escape;
use super::svg::{self, Axis};
use super::{Page, details_table, open_section, plain_table};
use crate::number::decimals_for;

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 868.0;
const LEGEND: f64 = 884.0;
const TOP: f64 = 30.0;
const PANEL: f64 = 92.0;
const BETWEEN: f64 = 36.0;
/// Most bins of a plot. Each is two pixels wide: finer ones could not be told apart, and the limit keeps the page of a
/// week as small as that of an hour.
const MOST_BINS: usize = 400;
/// Most sessions that are drawn; the last ones are.
const MOST_SESSIONS: usize = 4;
/// Most alerts that are marked in a session; the first ones are.
const MOST_ALERTS: usize = 50;

/// A session with enough readings to draw.
struct Drawn<'a> {
    index: u32,
    readings: &'a [Reading],
    session: Option<&'a Session>,
    panels: Vec<SensorPanel>,
}

pub(super) fn write(out: &mut String, page: Page<'_>) {
    let data = page.input.data;
    let drawable =
        |(_, readings): &&(u32, Vec<Reading>)| readings.len() > 1 && !sensor_panels(readings, 1).is_empty();
    let with_readings: Vec<&(u32, Vec<Reading>)> = data.readings.iter().filter(drawable).collect();
    if with_readings.is_empty() {
        return;
    }
    let left_out = with_readings.len().saturating_sub(MOST_SESSIONS);
    let more = if left_out > 0 {
        format!(" Only the last {MOST_SESSIONS} sessions are drawn; exports contain all.")
    } else {
        String::new()
    };
    let lead = format!(
        "Sensor readings during the run, every {} s. Where readings are too dense to draw one by one, or come from several accelerators, \
         the line spans the lowest to the highest. Shaded periods are generations.{more}",
        svg::trimmed(data.run.suite.telemetry.interval_secs)
    );
    open_section(out, "sensors", "Machine", &lead);
    for (index, readings) in with_readings.iter().skip(left_out) {
        let session = data.sessions.iter().find(|session| session.index == *index);
        let drawn = Drawn { index: *index, readings, session, panels: sensor_panels(readings, MOST_BINS) };
        if with_readings.len() > 1 {
            let _ = writeln!(out, "<h3>Session {index}</h3>");
        }
        *out += "<figure>\n";
        plot(out, data, &drawn);
        table(out, &drawn.panels);
        *out += "</figure>\n";
    }
    idle(out, page);
    *out += "</section>\n";
}

fn plot(out: &mut String, data: &RunData, drawn: &Drawn<'_>) {
    let secs = |reading: Option<&Reading>| reading.map_or(0.0, |reading| reading.t_ns as f64 / 1e9);
    let time = Axis::linear(&[secs(drawn.readings.first()), secs(drawn.readings.last())], LEFT, RIGHT);
    let bottom = TOP + drawn.panels.len() as f64 * (PANEL + BETWEEN) - BETWEEN;
    let names: Vec<&str> = drawn.panels.iter().map(|panel| panel.title).collect();
    let title = format!("{} over time", names.join(", "));
    svg::open(out, WIDTH, bottom + 46.0, &title, "The table below lists lowest, mean and highest values");
    for (from, to) in windows(data, drawn.index, time) {
        let _ = write!(
            out,
            "<rect class=\"window\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            to - from,
            bottom - TOP
        );
    }
    for (at, panel) in drawn.panels.iter().enumerate() {
        draw_panel(out, panel, time, TOP + at as f64 * (PANEL + BETWEEN));
    }
    for tick in time.ticks() {
        svg::text(
            out,
            "tick",
            (time.place(tick), bottom + 18.0),
            "middle",
            &format!("{} s", svg::trimmed(tick)),
        );
    }
    svg::text(out, "axis-title", (RIGHT, bottom + 38.0), "end", "since session start");
    alerts(out, drawn, time, bottom);
    svg::close(out);
}

/// The time spans in which samples were generated, in pixels; spans that touch are merged.
fn windows(data: &RunData, session: u32, time: Axis) -> Vec<(f64, f64)> {
    let timings = data.samples.iter().filter_map(|sample| sample.generation.as_ref()?.timing.as_ref());
    let of_session = timings.filter(|timing| timing.session == session);
    let place = |ns: u64| time.place(ns as f64 / 1e9);
    let mut all: Vec<(f64, f64)> =
        of_session.map(|timing| (place(timing.start_ns), place(timing.end_ns))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (from, to) in all {
        match joined.last_mut() {
            Some((_, end)) if from - *end < 0.7 => *end = end.max(to),
            _ => joined.push((from, to.max(from + 0.5))),
        }
    }
    joined
}

fn draw_panel(out: &mut String, panel: &SensorPanel, time: Axis, top: f64) {
    let values = scale(panel, top);
    for tick in values.ticks() {
        let y = values.place(tick);
        svg::line(out, "grid-line", (LEFT, y), (RIGHT, y));
        svg::text(out, "tick", (LEFT - 8.0, y + 4.0), "end", &svg::trimmed(tick));
    }
    svg::text(out, "axis-title", (LEFT, top - 10.0), "start", &format!("{}, {}", panel.title, panel.unit));
    for (at, series) in panel.series.iter().enumerate() {
        let class = class(series);
        for stretch in stretches(&series.bins) {
            // An open path must not be filled: the fill would close it with a line from its end to its beginning.
            let band = if is_band(&stretch) { " band" } else { "" };
            let outline = outline(&stretch, time, values);
            let _ = write!(out, "<path class=\"sensor {class}{band}\" d=\"{outline}\"/>");
        }
        let y = top + 14.0 + 18.0 * at as f64;
        let _ = write!(out, "<path class=\"sensor {class}\" d=\"M{LEGEND} {y:.1}h22\"/>");
        svg::text(out, "tick", (LEGEND + 30.0, y + 4.0), "start", series.name);
    }
}

/// Shares range from 0 to 100, temperatures over the values read, everything else starts at 0.
fn scale(panel: &SensorPanel, top: f64) -> Axis {
    let mut values: Vec<f64> = panel.series.iter().flat_map(|series| [series.min, series.max]).collect();
    match panel.unit {
        "%" => values.extend([0.0, 100.0]),
        "°C" => {}
        _ => values.push(0.0),
    }
    Axis::linear(&values, top + PANEL, top)
}

fn class(series: &SensorSeries) -> &'static str {
    match series.name {
        "accelerators" => "device",
        "of which this run" => "own",
        _ => "host",
    }
}

/// Splits the bins into runs without gaps.
fn stretches(bins: &[Option<Bin>]) -> Vec<Vec<Bin>> {
    bins.split(Option::is_none)
        .map(|stretch| stretch.iter().flatten().copied().collect::<Vec<Bin>>())
        .filter(|stretch| !stretch.is_empty())
        .collect()
}

fn is_band(stretch: &[Bin]) -> bool {
    stretch.iter().any(|bin| bin.high > bin.low)
}

/// A path along the highest values and back along the lowest; a single line where both are the same.
fn outline(stretch: &[Bin], time: Axis, values: Axis) -> String {
    let point = |bin: &Bin, value: f64| format!("{:.1} {:.1}", time.place(bin.secs), values.place(value));
    let there: Vec<String> = stretch.iter().map(|bin| point(bin, bin.high)).collect();
    let mut path = format!("M{}", there.join("L"));
    if is_band(stretch) {
        let back: Vec<String> = stretch.iter().rev().map(|bin| point(bin, bin.low)).collect();
        path += &format!("L{}Z", back.join("L"));
    } else if stretch.len() == 1 {
        path += "h1";
    }
    path
}

fn alerts(out: &mut String, drawn: &Drawn<'_>, time: Axis, bottom: f64) {
    let fired = drawn.session.iter().flat_map(|session| &session.alerts);
    for change in fired.filter(|change| change.state == AlertState::Fired).take(MOST_ALERTS) {
        let x = time.place(change.at_secs);
        let words = format!("alert: {}: {}", change.alert.name(), change.reason);
        let _ = write!(
            out,
            "<g class=\"alert\"><line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">▲</text>\
             <title>{}</title></g>",
            TOP - 4.0,
            bottom + 32.0,
            escape(&words)
        );
    }
}

fn table(out: &mut String, panels: &[SensorPanel]) {
    let row = |panel: &SensorPanel, series: &SensorSeries| {
        let decimals = decimals_for(series.max, 3);
        let number = |value: f64| format!("{value:.decimals$}");
        vec![
            panel.title.to_owned(),
            series.name.to_owned(),
            panel.unit.to_owned(),
            series.readings.to_string(),
            number(series.min),
            number(series.mean),
            number(series.max),
        ]
    };
    let rows: Vec<Vec<String>> =
        panels.iter().flat_map(|panel| panel.series.iter().map(move |series| row(panel, series))).collect();
    details_table(
        out,
        "Plot data",
        &["Quantity", "Source", "Unit", "Readings", "Lowest", "Mean", "Highest"],
        &rows,
    );
}

/// Power of the idle machine, or why it is not known.
fn idle(out: &mut String, page: Page<'_>) {
    let idle = &page.input.analysis.idle;
    *out += "<h3>Idle power</h3>\n";
    if idle.is_empty() {
        let _ = writeln!(out, "<p class=\"lead\">Not available: {}.</p>", why_no_idle(page.input.data));
        return;
    }
    let watts = |score: &Score| match score {
        Score::Value(watts) => format!("{watts:.1} W"),
        Score::NotAvailable { reason } => format!("not available: {reason}"),
    };
    let row = |idle: &IdlePower| {
        let when = format!("{} the models", idle.when.name());
        vec![idle.session.to_string(), when, watts(&idle.device_watts), watts(&idle.cpu_watts)]
    };
    let rows: Vec<Vec<String>> = idle.iter().map(row).collect();
    plain_table(out, "Idle power", &["Session", "When", "Accelerators", "Processors"], &rows);
}

fn why_no_idle(data: &RunData) -> &'static str {
    let telemetry = &data.run.suite.telemetry;
    let tells = data.readings.iter().flat_map(|(_, readings)| readings).any(Reading::tells_power);
    if !tells {
        "this machine has no readable power or energy sensor"
    } else if telemetry.idle_secs <= 0.0 {
        "telemetry.idle_secs is 0"
    } else if telemetry.idle_secs < 2.0 * telemetry.interval_secs {
        "telemetry.idle_secs is less than twice telemetry.interval_secs"
    } else {
        "no session was idle for long enough"
    }
}
