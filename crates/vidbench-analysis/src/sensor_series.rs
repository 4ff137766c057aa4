//! Sensor readings over a session, for plots: many readings go into few bins, each with its lowest and highest value,
//! so that no peak is lost.

use serde::Serialize;
use vidbench_core::{DeviceReading, Reading};

/// The readings of a stretch of time. Where there are several accelerators, it covers all of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Time of the first reading in it, in seconds since the session began.
    pub secs: f64,
    /// Lowest.
    pub low: f64,
    /// Highest.
    pub high: f64,
}

/// One quantity over a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorSeries {
    /// What it is, for people.
    pub name: &'static str,
    /// In order of time; `None` where nothing could be read.
    pub bins: Vec<Option<Bin>>,
    /// Readings with a value.
    pub readings: u64,
    /// Lowest.
    pub min: f64,
    /// Mean over readings, each with equal weight; with several accelerators a reading counts as the mean of their
    /// lowest and highest value.
    pub mean: f64,
    /// Highest.
    pub max: f64,
}

/// Quantities with the same unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorPanel {
    /// What it shows.
    pub title: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Those that could be read at all.
    pub series: Vec<SensorSeries>,
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Lowest and highest.
type Range = (f64, f64);

/// Takes the value from a reading; counters also need the reading before it.
type Quantity = fn(Option<&Reading>, &Reading) -> Option<Range>;

/// Quantities that share a panel, by name.
type Quantities = &'static [(&'static str, Quantity)];

const PANELS: [(&str, &str, Quantities); 4] = [
    (
        "Load",
        "%",
        &[
            ("processors", |_, reading| one(reading.cpu_percent)),
            ("accelerators", |_, reading| of_devices(reading, |device| device.busy_percent.map(f64::from))),
        ],
    ),
    (
        "Memory in use",
        "GiB",
        &[
            ("main memory", |_, reading| one(reading.memory_used_bytes.map(gib))),
            ("accelerators", |_, reading| of_devices(reading, |device| device.memory_used_bytes.map(gib))),
            ("of which this run", |_, reading| of_devices(reading, |device| device.own_bytes().map(gib))),
        ],
    ),
    (
        "Power",
        "W",
        &[
            ("processors", cpu_watts),
            ("accelerators", |_, reading| of_devices(reading, |device| device.power_watts)),
        ],
    ),
    (
        "Temperature",
        "°C",
        &[("accelerators", |_, reading| {
            of_devices(reading, |device| device.temperature_celsius.map(f64::from))
        })],
    ),
];

/// The readings of one session in at most `most_bins` bins, which all series share. A panel without any value is left
/// out.
pub fn sensor_panels(readings: &[Reading], most_bins: usize) -> Vec<SensorPanel> {
    let per_bin = readings.len().div_ceil(most_bins.max(1)).max(1);
    let series =
        |(name, quantity): &(&'static str, Quantity)| sensor_series(name, *quantity, readings, per_bin);
    let panel = |(title, unit, quantities): &(&'static str, &'static str, Quantities)| SensorPanel {
        title,
        unit,
        series: quantities.iter().filter_map(series).collect(),
    };
    PANELS.iter().map(panel).filter(|panel| !panel.series.is_empty()).collect()
}

fn sensor_series(
    name: &'static str,
    quantity: Quantity,
    readings: &[Reading],
    per_bin: usize,
) -> Option<SensorSeries> {
    let before = std::iter::once(None).chain(readings.iter().map(Some));
    let values: Vec<Option<Range>> =
        before.zip(readings).map(|(before, reading)| quantity(before, reading)).collect();
    let bin = |(values, readings): (&[Option<Range>], &[Reading])| -> Option<Bin> {
        let (low, high) = values.iter().flatten().copied().reduce(wider)?;
        Some(Bin { secs: readings.first()?.t_ns as f64 / 1e9, low, high })
    };
    let (min, max) = values.iter().flatten().copied().reduce(wider)?;
    let count = values.iter().flatten().count();
    let sum: f64 = values.iter().flatten().map(|(low, high)| f64::midpoint(*low, *high)).sum();
    Some(SensorSeries {
        name,
        bins: values.chunks(per_bin).zip(readings.chunks(per_bin)).map(bin).collect(),
        readings: count as u64,
        min,
        mean: sum / count as f64,
        max,
    })
}

fn wider((low, high): Range, (other_low, other_high): Range) -> Range {
    (low.min(other_low), high.max(other_high))
}

fn one(value: Option<f64>) -> Option<Range> {
    value.map(|value| (value, value))
}

fn of_devices(reading: &Reading, value: fn(&DeviceReading) -> Option<f64>) -> Option<Range> {
    reading.devices.iter().filter_map(value).map(|value| (value, value)).reduce(wider)
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

/// Mean power since the previous reading, from the energy counter.
fn cpu_watts(before: Option<&Reading>, reading: &Reading) -> Option<Range> {
    let before = before?;
    let secs = reading.t_ns.checked_sub(before.t_ns).filter(|ns| *ns > 0)? as f64 / 1e9;
    one(Some((reading.cpu_joules? - before.cpu_joules?) / secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(second: u64, cpu: Option<f64>, devices: &[u32]) -> Reading {
        let device = |(index, celsius): (usize, &u32)| DeviceReading {
            index: index as u32,
            temperature_celsius: Some(*celsius),
            ..DeviceReading::default()
        };
        Reading {
            t_ns: second * 1_000_000_000,
            cpu_percent: cpu,
            cpu_joules: Some(35.0 * second as f64),
            devices: devices.iter().enumerate().map(device).collect(),
            ..Reading::default()
        }
    }

    #[test]
    fn no_peak_is_lost_however_few_the_bins() {
        let load = |second| if second == 777 { 99.5 } else { 10.0 + f64::from(second as u32 % 3) };
        let readings: Vec<Reading> =
            (0..1000).map(|second| reading(second, Some(load(second)), &[])).collect();
        let panels = sensor_panels(&readings, 40);
        let series = &panels[0].series[0];
        assert_eq!((panels[0].title, series.name, series.bins.len()), ("Load", "processors", 40));
        assert_eq!((series.readings, series.min, series.max), (1000, 10.0, 99.5));
        let peak = series.bins.iter().flatten().position(|bin| bin.high > 99.0);
        assert_eq!(peak, Some(777 / 25));
        assert!(series.bins.iter().flatten().all(|bin| bin.low == 10.0 && bin.secs % 25.0 == 0.0));
    }

    #[test]
    fn gaps_stay_gaps_and_what_was_never_read_is_left_out() {
        let cpu = |second| (!(3..6).contains(&second)).then_some(50.0);
        let readings: Vec<Reading> = (0..9).map(|second| reading(second, cpu(second), &[])).collect();
        let panels = sensor_panels(&readings, 100);
        let gaps: Vec<bool> = panels[0].series[0].bins.iter().map(Option::is_none).collect();
        assert_eq!(gaps, [false, false, false, true, true, true, false, false, false]);
        assert_eq!(panels.iter().map(|panel| panel.title).collect::<Vec<_>>(), ["Load", "Power"]);
        let watts = &panels[1].series[0];
        assert_eq!(
            (watts.readings, watts.min, watts.max),
            (8, 35.0, 35.0),
            "the first reading has none before it"
        );
        assert!(sensor_panels(&[], 10).is_empty());
    }

    #[test]
    fn several_accelerators_are_one_band_from_lowest_to_highest() {
        let readings = [reading(0, None, &[40, 60]), reading(1, None, &[42, 58])];
        let panels = sensor_panels(&readings, 10);
        let heat = &panels.iter().find(|panel| panel.title == "Temperature").unwrap().series[0];
        assert_eq!((heat.min, heat.mean, heat.max), (40.0, 50.0, 60.0));
        assert_eq!(heat.bins[1], Some(Bin { secs: 1.0, low: 42.0, high: 58.0 }));
    }
}
