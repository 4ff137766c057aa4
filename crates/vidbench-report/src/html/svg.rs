//! Parts that the plots share: axes, ticks, text.

use std::fmt::Write as _;

use super::escape::escape;

/// Maps a range of numbers to a range of pixels, linearly or logarithmically.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Axis {
    /// A linear axis with a margin of 6 % on both sides, from pixel `from` to `to`.
    pub(super) fn linear(values: &[f64], from: f64, to: f64) -> Self {
        let (low, high) = extent(values);
        let margin = if high > low { 0.06 * (high - low) } else { 0.5 * low.abs().max(1e-9) };
        Self { low: low - margin, high: high + margin, from, to, log: false }
    }

    /// A logarithmic axis. Values that are not above zero are ignored when its range is chosen.
    pub(super) fn log(values: &[f64], from: f64, to: f64) -> Self {
        let positive: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
        let (low, high) = if positive.is_empty() { (1.0, 10.0) } else { extent(&positive) };
        let margin = if high > low { (high / low).powf(0.07) } else { 1.5 };
        Self { low: low / margin, high: high * margin, from, to, log: true }
    }

    /// The pixel of a value, clamped to the axis.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(f64::MIN_POSITIVE).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round numbers within the axis, three to nine of them.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.log { self.log_ticks() } else { self.linear_ticks(5.0) }
    }

    fn linear_ticks(&self, about: f64) -> Vec<f64> {
        let rough = (self.high - self.low) / about;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(power);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|k| k as f64 * step).collect()
    }

    fn log_ticks(&self) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        for factors in [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0]] {
            let all = decades.clone().flat_map(|decade| factors.iter().map(move |f| f * 10f64.powi(decade)));
            let ticks: Vec<f64> = all.filter(|tick| (self.low..=self.high).contains(tick)).collect();
            if ticks.len() >= 3 {
                return ticks;
            }
        }
        // For less than a decade a linear grid is more readable.
        self.linear_ticks(4.0).into_iter().filter(|tick| *tick > 0.0).collect()
    }
}

fn extent(values: &[f64]) -> (f64, f64) {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The label of a tick in seconds: `40 ms`, `1.5 s`.
pub(super) fn tick_secs(value: f64) -> String {
    if value < 1.0 { format!("{} ms", trimmed(value * 1e3)) } else { format!("{} s", trimmed(value)) }
}

/// A number without trailing zeros.
pub(super) fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.to_owned() }
}

/// Opens a figure with an SVG that scrolls where the screen is narrow.
pub(super) fn open(out: &mut String, width: f64, height: f64, title: &str, description: &str) {
    let (title, description) = (escape(title), escape(description));
    let _ = write!(
        out,
        "<div class=\"plot\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><svg viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{title}. {description}\">"
    );
    out.push_str("<title>");
    out.push_str(&title);
    out.push_str("</title>");
}

pub(super) fn close(out: &mut String) {
    out.push_str("</svg></div>\n");
}

pub(super) fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = write!(
        out,
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

/// `anchor` is `start`, `middle` or `end`.
pub(super) fn text(out: &mut String, class: &str, at: (f64, f64), anchor: &str, words: &str) {
    let _ = write!(
        out,
        "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
        at.0,
        at.1,
        escape(words)
    );
}
