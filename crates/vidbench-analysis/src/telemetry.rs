//! What sensors say of one sample: joins the readings with its time window.
//!
//! Energy comes from counters where they exist, else from power by the trapezoidal rule. Without enough readings within
//! and around the window the result is a reason instead of a number.

use serde::Serialize;
use vidbench_core::{DeviceReading, IdleWhen, IdleWindow, Reading, RunData, SampleTelemetry, Score};

type Measured<T> = Result<T, String>;

/// The largest gap between two readings, as a multiple of the usual gap. A larger gap means that something kept the
/// sampler from reading.
const LARGEST_GAP: f64 = 3.0;

/// Other processes count as taking part of the processors above this, in percent of all processors: more than an
/// otherwise idle machine uses.
pub(crate) const CROWDED_PERCENT: f64 = 10.0;

/// What the readings of a session say of the window from `start_ns` to `end_ns`.
pub fn sample_telemetry(readings: &[Reading], start_ns: u64, end_ns: u64) -> SampleTelemetry {
    let around = around(readings, start_ns, end_ns);
    let most = |values: &dyn Fn(&Reading) -> Option<u64>, what: &str| {
        let most = around.iter().filter_map(values).max().map(|bytes| bytes as f64);
        score(most.ok_or_else(|| format!("no reading of {what} around the sample")))
    };
    let devices =
        |reading: &Reading| reading.devices.iter().filter_map(|device| device.memory_used_bytes).max();
    let each = || around.iter().flat_map(|reading| &reading.devices);
    let mut throttled: Vec<String> = each().flat_map(|device| device.throttled.clone()).collect();
    throttled.sort();
    throttled.dedup();
    SampleTelemetry {
        device_joules: score(device_joules(readings, start_ns, end_ns)),
        cpu_joules: score(cpu_joules(readings, start_ns, end_ns)),
        device_memory_used_bytes: most(&devices, "accelerator memory"),
        device_memory_own_bytes: each().filter_map(DeviceReading::own_bytes).max(),
        memory_used_bytes: most(&|reading: &Reading| reading.memory_used_bytes, "main memory"),
        contended: match around.iter().any(|reading| !reading.devices.is_empty()) {
            true => contended(around),
            false => crowded(readings, start_ns, end_ns),
        },
        throttled,
    }
}

/// On a machine without an accelerator: whether other processes took part of the processors. Unknown as soon as it is
/// unknown for any part of the window.
fn crowded(readings: &[Reading], start_ns: u64, end_ns: u64) -> Option<bool> {
    let (mut others, mut whole) = (0.0, 0.0);
    for pair in readings.windows(2) {
        let [before, after] = pair else { continue };
        // A reading covers the time since the reading before it.
        let share = after.t_ns.min(end_ns).saturating_sub(before.t_ns.max(start_ns)) as f64;
        if share > 0.0 {
            others += share * (after.cpu_percent? - after.own_cpu_percent?).max(0.0);
            whole += share;
        }
    }
    (whole > 0.0).then(|| others / whole > CROWDED_PERCENT)
}

/// `Some(true)` when any reading shows a foreign process; otherwise unknown as soon as one reading cannot tell.
fn contended(around: &[Reading]) -> Option<bool> {
    let mut known = Some(false);
    for device in around.iter().flat_map(|reading| &reading.devices) {
        match &device.foreign_processes {
            Some(pids) if !pids.is_empty() => return Some(true),
            Some(_) => {}
            None => known = None,
        }
    }
    known
}

fn score(measured: Measured<f64>) -> Score {
    measured.map_or_else(|reason| Score::NotAvailable { reason }, Score::from_value)
}

fn cpu_joules(readings: &[Reading], start_ns: u64, end_ns: u64) -> Measured<f64> {
    if readings.iter().all(|reading| reading.cpu_joules.is_none()) {
        return Err("the processors' energy counters cannot be read".into());
    }
    energy(readings, start_ns, end_ns, &|reading| reading.cpu_joules, &|_| None)
}

/// The readings within the window, plus the last one before and the first one after it.
fn around(readings: &[Reading], start_ns: u64, end_ns: u64) -> &[Reading] {
    let first = readings.partition_point(|reading| reading.t_ns <= start_ns).saturating_sub(1);
    let last = readings.partition_point(|reading| reading.t_ns < end_ns);
    readings.get(first..readings.len().min(last + 1)).unwrap_or_default()
}

/// The energy of all accelerators together: if one has no value, the total has none.
fn device_joules(readings: &[Reading], start_ns: u64, end_ns: u64) -> Measured<f64> {
    let mut indices: Vec<u32> =
        readings.iter().flat_map(|reading| reading.devices.iter().map(|device| device.index)).collect();
    indices.sort_unstable();
    indices.dedup();
    if indices.is_empty() {
        return Err("no accelerator was read".into());
    }
    let of = |index: u32| {
        let device = move |reading: &Reading| -> Option<DeviceReading> {
            reading.devices.iter().find(|device| device.index == index).cloned()
        };
        let joules = move |reading: &Reading| device(reading).and_then(|device| device.joules);
        let watts = move |reading: &Reading| device(reading).and_then(|device| device.power_watts);
        energy(readings, start_ns, end_ns, &joules, &watts).map_err(|why| format!("device {index}: {why}"))
    };
    indices.into_iter().map(of).sum()
}

type Sensor<'a> = &'a dyn Fn(&Reading) -> Option<f64>;

/// Joules used in the window: by the counter if it was read throughout, else by power.
fn energy(
    readings: &[Reading],
    start_ns: u64,
    end_ns: u64,
    counter: Sensor<'_>,
    power: Sensor<'_>,
) -> Measured<f64> {
    let around = around(readings, start_ns, end_ns);
    covers(readings, around, start_ns, end_ns)?;
    let values = |sensor: Sensor<'_>| -> Option<Vec<(f64, f64)>> {
        around.iter().map(|reading| Some((secs(reading.t_ns), sensor(reading)?))).collect()
    };
    let (start, end) = (secs(start_ns), secs(end_ns));
    if let Some(counted) = values(counter) {
        let joules = at(&counted, end) - at(&counted, start);
        return if joules >= 0.0 { Ok(joules) } else { Err("the energy counter went backwards".into()) };
    }
    let watts = values(power).ok_or("neither an energy counter nor power was read throughout")?;
    let inner = watts.iter().copied().filter(|(t, _)| *t > start && *t < end);
    let points: Vec<(f64, f64)> =
        std::iter::once((start, at(&watts, start))).chain(inner).chain([(end, at(&watts, end))]).collect();
    Ok(points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * f64::midpoint(pair[0].1, pair[1].1)).sum())
}

/// Checks that readings lie before and after the window, without a gap, and that the window is at least as long as the
/// usual distance between readings.
fn covers(readings: &[Reading], around: &[Reading], start_ns: u64, end_ns: u64) -> Measured<()> {
    let usual = usual_gap_secs(readings).ok_or("fewer than two readings")?;
    let (Some(first), Some(last)) = (around.first(), around.last()) else {
        return Err("no reading around it".into());
    };
    if first.t_ns > start_ns || last.t_ns < end_ns {
        return Err("no reading before and after it".into());
    }
    let widest = around.windows(2).map(|pair| secs(pair[1].t_ns - pair[0].t_ns)).fold(0.0, f64::max);
    if widest > LARGEST_GAP * usual {
        return Err(format!("no reading for {widest:.1} s"));
    }
    let window = secs(end_ns.saturating_sub(start_ns));
    if window < usual {
        return Err(format!("it took {window:.2} s, but readings are {usual:.2} s apart"));
    }
    Ok(())
}

fn usual_gap_secs(readings: &[Reading]) -> Option<f64> {
    let mut gaps: Vec<u64> =
        readings.windows(2).map(|pair| pair[1].t_ns.saturating_sub(pair[0].t_ns)).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).map(|gap| secs(*gap))
}

/// The value at a time between two readings, by linear interpolation.
fn at(values: &[(f64, f64)], t: f64) -> f64 {
    let after = values.partition_point(|(time, _)| *time < t);
    match (after.checked_sub(1).and_then(|before| values.get(before)), values.get(after)) {
        (Some((t0, v0)), Some((t1, v1))) if t1 > t0 => v0 + (v1 - v0) * (t - t0) / (t1 - t0),
        (_, Some((_, value))) | (Some((_, value)), None) => *value,
        (None, None) => f64::NAN,
    }
}

/// What the machine drew while a session did nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdlePower {
    /// The session.
    pub session: u32,
    /// Before its first model or after its last.
    pub when: IdleWhen,
    /// All accelerators together, in watts.
    pub device_watts: Score,
    /// The processors, in watts.
    pub cpu_watts: Score,
}

/// The power of the idle machine, for each session that measured it.
pub(crate) fn idle_power(data: &RunData) -> Vec<IdlePower> {
    let windows = data.sessions.iter().flat_map(|session| {
        let readings = data.readings.iter().find(|(of, _)| *of == session.index);
        let readings = readings.map_or(&[][..], |(_, readings)| readings.as_slice());
        session.idle.iter().map(move |window| idle_power_of(session.index, readings, window))
    });
    windows.collect()
}

fn idle_power_of(session: u32, readings: &[Reading], window: &IdleWindow) -> IdlePower {
    let (start_ns, end_ns) = (window.start_ns, window.end_ns);
    let watts =
        |joules: Measured<f64>| score(joules.map(|joules| joules / secs(end_ns.saturating_sub(start_ns))));
    let devices = match contended(around(readings, start_ns, end_ns)) {
        Some(true) => Err("other processes used an accelerator".into()),
        Some(false) | None => device_joules(readings, start_ns, end_ns),
    };
    IdlePower {
        session,
        when: window.when,
        device_watts: watts(devices),
        cpu_watts: watts(cpu_joules(readings, start_ns, end_ns)),
    }
}

fn secs(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use vidbench_core::ProcessMemory;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn device(joules: Option<f64>, watts: Option<f64>) -> DeviceReading {
        DeviceReading {
            memory_used_bytes: Some(5),
            power_watts: watts,
            joules,
            foreign_processes: Some(vec![]),
            ..DeviceReading::default()
        }
    }

    /// A reading each second, of a device that draws `watts(second)`.
    fn readings(seconds: u64, watts: impl Fn(u64) -> f64, counted: bool) -> Vec<Reading> {
        let mut joules = 1000.0;
        let one = |second: u64| {
            if second > 0 {
                joules += f64::midpoint(watts(second - 1), watts(second));
            }
            let device = device(counted.then_some(joules), Some(watts(second)));
            Reading {
                t_ns: second * SECOND,
                memory_used_bytes: Some(100 + second),
                devices: vec![device],
                ..Reading::default()
            }
        };
        (0..seconds).map(one).collect()
    }

    fn joules(readings: &[Reading], start: u64, end: u64) -> Measured<f64> {
        match sample_telemetry(readings, start, end).device_joules {
            Score::Value(joules) => Ok(joules),
            Score::NotAvailable { reason } => Err(reason),
        }
    }

    #[test]
    fn counter_and_power_agree_where_power_is_straight() {
        for counted in [true, false] {
            let steady = readings(20, |_| 300.0, counted);
            assert!((joules(&steady, 5 * SECOND / 2, 15 * SECOND / 2).unwrap() - 1500.0).abs() < 1e-9);
            let rising = readings(20, |second| 100.0 + 10.0 * second as f64, counted);
            let found = joules(&rising, 4 * SECOND, 8 * SECOND).unwrap();
            assert!((found - 640.0).abs() < 1e-9, "{found}");
        }
    }

    #[test]
    fn without_readings_there_is_a_reason_and_no_number() {
        let steady = readings(20, |_| 300.0, true);
        let why = |readings: &[Reading], start, end| joules(readings, start, end).unwrap_err();
        assert_eq!(why(&[], 0, SECOND), "no accelerator was read");
        assert_eq!(why(&steady[..1], 0, SECOND), "device 0: fewer than two readings");
        assert_eq!(why(&steady, 15 * SECOND, 25 * SECOND), "device 0: no reading before and after it");
        let short = why(&steady, 5 * SECOND, 5 * SECOND + SECOND / 10);
        assert_eq!(short, "device 0: it took 0.10 s, but readings are 1.00 s apart");
        let mut gap = steady.clone();
        gap.drain(6..12);
        assert_eq!(why(&gap, 5 * SECOND, 14 * SECOND), "device 0: no reading for 7.0 s");
        let mut back = steady.clone();
        back[9].devices[0].joules = Some(0.0);
        assert_eq!(why(&back, 5 * SECOND, 9 * SECOND), "device 0: the energy counter went backwards");
        let mut silent = steady;
        silent[7].devices[0] = device(None, None);
        assert!(why(&silent, 5 * SECOND, 9 * SECOND).contains("neither an energy counter nor power"));
    }

    #[test]
    fn one_device_without_an_answer_leaves_no_sum() {
        let mut two = readings(20, |_| 300.0, true);
        for reading in &mut two {
            reading.devices.push(DeviceReading { index: 1, ..device(None, None) });
        }
        assert!(joules(&two, 5 * SECOND, 9 * SECOND).unwrap_err().starts_with("device 1: "));
    }

    #[test]
    fn others_on_the_device_and_heat_are_told_of_their_samples_only() {
        let mut busy = readings(20, |_| 300.0, true);
        busy[10].devices[0].foreign_processes = Some(vec![7]);
        busy[10].devices[0].throttled = vec!["sw power cap".into()];
        let during = sample_telemetry(&busy, 9 * SECOND, 11 * SECOND);
        assert_eq!(during.contended, Some(true));
        assert_eq!(during.throttled, ["sw power cap"]);
        let before = sample_telemetry(&busy, 2 * SECOND, 4 * SECOND);
        assert_eq!((before.contended, before.throttled.len()), (Some(false), 0));
        busy[3].devices[0].foreign_processes = None;
        assert_eq!(sample_telemetry(&busy, 2 * SECOND, 4 * SECOND).contended, None);
        assert_eq!(sample_telemetry(&busy, 2 * SECOND, 12 * SECOND).contended, Some(true));
        assert_eq!(before.memory_used_bytes, Score::Value(104.0));
        assert_eq!(before.device_memory_used_bytes, Score::Value(5.0));
        assert_eq!(before.cpu_joules.value(), None);
    }

    #[test]
    fn without_an_accelerator_others_on_the_processors_are_told() {
        let reading = |second, own| Reading {
            t_ns: second * SECOND,
            cpu_percent: (second > 0).then_some(90.0),
            own_cpu_percent: if second > 0 { own } else { None },
            ..Reading::default()
        };
        let alone: Vec<Reading> = (0..20).map(|second| reading(second, Some(85.0))).collect();
        let during = |readings: &[Reading], from, to| sample_telemetry(readings, from, to).contended;
        assert_eq!(during(&alone, 2 * SECOND, 4 * SECOND), Some(false));
        let mut beside = alone.clone();
        // The seconds from 9 to 11.
        (10..12).for_each(|second| beside[second as usize] = reading(second, Some(40.0)));
        assert_eq!(during(&beside, 2 * SECOND, 4 * SECOND), Some(false));
        assert_eq!(during(&beside, 9 * SECOND, 11 * SECOND), Some(true));
        assert_eq!(
            during(&beside, 9 * SECOND + SECOND / 4, 9 * SECOND + SECOND / 2),
            Some(true),
            "within one reading"
        );
        assert_eq!(
            during(&beside, 0, 19 * SECOND),
            Some(false),
            "two of 19 seconds at 50 %, the others at 5 %"
        );
        beside[3] = reading(3, None);
        assert_eq!(during(&beside, 2 * SECOND, 4 * SECOND), None);
        assert_eq!(during(&beside, 30 * SECOND, 31 * SECOND), None, "nobody looked");
        assert_eq!(during(&[], 0, SECOND), None);
    }

    #[test]
    fn idle_power_is_what_was_drawn_in_its_window_by_nobody_else() {
        let window = IdleWindow { when: IdleWhen::Before, start_ns: SECOND / 2, end_ns: 11 * SECOND / 2 };
        let mut steady = readings(20, |second| if second < 8 { 70.0 } else { 300.0 }, true);
        let idle = idle_power_of(3, &steady, &window);
        assert_eq!((idle.session, idle.when, idle.device_watts), (3, IdleWhen::Before, Score::Value(70.0)));
        assert_eq!(idle.cpu_watts, Score::not_available("the processors' energy counters cannot be read"));
        steady[3].devices[0].foreign_processes = Some(vec![7]);
        let contended = idle_power_of(3, &steady, &window).device_watts;
        assert_eq!(contended, Score::not_available("other processes used an accelerator"));
    }

    #[test]
    fn memory_of_own_processes_is_told_apart() {
        let process = |pid, bytes, own| ProcessMemory { pid, bytes: Some(bytes), own };
        let mut steady = readings(20, |_| 300.0, true);
        steady[5].devices[0].processes = vec![process(7, 3, Some(true)), process(8, 2, Some(false))];
        let found =
            |readings: &[Reading]| sample_telemetry(readings, 4 * SECOND, 6 * SECOND).device_memory_own_bytes;
        assert_eq!(found(&steady), Some(3));
        steady.iter_mut().for_each(|reading| reading.devices[0].foreign_processes = None);
        assert_eq!(found(&steady), None, "whose memory it is cannot be said");
    }
}
