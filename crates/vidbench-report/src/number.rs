//! Formats numbers for people: the same unit and the same digits within a column.

use vidbench_analysis::Interval;

/// Shown in place of a missing number.
pub(crate) const NONE: &str = "–";

/// Most digits after the decimal point.
const MAX_DECIMALS: i32 = 6;

/// The format of a column of times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeFormat {
    per_sec: f64,
    /// `s` or `ms`.
    pub(crate) unit: &'static str,
    decimals: usize,
}

impl TimeFormat {
    /// Chooses one format for all of `secs`: milliseconds when all are below one second, and three digits for the
    /// smallest.
    pub(crate) fn for_column(secs: &[f64]) -> Self {
        let max = secs.iter().copied().fold(0.0, f64::max);
        let (per_sec, unit) = if max < 1.0 { (1e3, "ms") } else { (1.0, "s") };
        let min = secs.iter().copied().filter(|value| *value > 0.0).fold(f64::MAX, f64::min);
        Self { per_sec, unit, decimals: decimals_for(min * per_sec, 3).min(3) }
    }

    /// The number without its unit.
    pub(crate) fn number(&self, secs: f64) -> String {
        format!("{:.*}", self.decimals, secs * self.per_sec)
    }

    /// The number with its unit.
    pub(crate) fn with_unit(&self, secs: f64) -> String {
        format!("{} {}", self.number(secs), self.unit)
    }
}

/// A time on its own, with its unit.
pub(crate) fn secs(value: f64) -> String {
    TimeFormat::for_column(&[value]).with_unit(value)
}

/// How many digits after the decimal point are needed to show `digits` digits of `value`.
pub(crate) fn decimals_for(value: f64, digits: i32) -> usize {
    if !value.is_finite() || value == 0.0 {
        return 0;
    }
    // A value slightly under a power of ten rounds up to it and then has one digit more.
    let magnitude = (value.abs() * (1.0 + 0.5 * 10f64.powi(-digits))).log10().floor() as i32;
    (digits - 1 - magnitude).clamp(0, MAX_DECIMALS) as usize
}

/// Digits after the decimal point for a column of means: two digits of the widest interval, else three of the largest
/// value.
pub(crate) fn column_decimals(values: &[(f64, Option<Interval>)]) -> usize {
    let widest = values.iter().filter_map(|(_, interval)| interval.map(half_width)).fold(0.0, f64::max);
    if widest > 0.0 {
        return decimals_for(widest, 2);
    }
    decimals_for(values.iter().map(|(value, _)| value.abs()).fold(0.0, f64::max), 3)
}

/// `0.91 ± 0.02`; without an interval the mean alone.
pub(crate) fn plus_minus(value: f64, interval: Option<Interval>, decimals: usize) -> String {
    match interval {
        Some(interval) => format!("{value:.decimals$} ± {:.decimals$}", half_width(interval)),
        None => format!("{value:.decimals$}"),
    }
}

/// Whether `±` gives the interval exactly, to the last digit shown.
pub(crate) fn is_symmetric(value: f64, interval: Interval, decimals: usize) -> bool {
    let (below, above) = (value - interval.low, interval.high - value);
    (below - above).abs() < 0.5 * 10f64.powi(-(decimals as i32))
}

fn half_width(interval: Interval) -> f64 {
    0.5 * (interval.high - interval.low)
}

/// `12.3 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// `101 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    let (mut value, mut unit) = (count as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let decimals = if unit == "B" { 0 } else { decimals_for(value, 3) };
    format!("{value:.decimals$} {unit}")
}

/// `1 sample`, `2 samples`.
pub(crate) fn count(n: u64, singular: &str) -> String {
    if n == 1 { format!("1 {singular}") } else { format!("{n} {singular}s") }
}
