//! Judges the health of a machine during a session: readings and what the runner knows go in, states with reasons come
//! out.
//!
//! No clock and no sensor is read here. Each part has thresholds with hysteresis. A part that cannot be read is
//! unknown, which is not healthy; a part that the machine does not have is left out.

use std::collections::BTreeMap;

use vidbench_core::{
    DeviceReading, HealthChange, HealthPart, HealthSettings, HealthState, Levels, NOT_SUPPORTED, PartHealth,
    PartState, Reading,
};

use crate::latch::Latch;

/// Which accelerators a machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accelerators {
    /// None, so none can be unhealthy.
    None,
    /// Unknown: a driver is there and does not answer.
    Unknown {
        /// Why.
        reason: String,
    },
    /// This many, numbered from 0.
    Count(u32),
}

/// Something that should report now and then, and how long it has been silent.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// A name for people, such as `worker m`.
    pub who: String,
    /// Seconds since it last reported.
    pub silent_secs: f64,
    /// Seconds after which it is given up.
    pub patience_secs: f64,
}

/// What health is judged from.
#[derive(Debug, Clone, PartialEq)]
pub struct Vitals<'a> {
    /// What sensors said.
    pub reading: &'a Reading,
    /// The accelerators that the reading should cover.
    pub accelerators: &'a Accelerators,
    /// Workers at work; empty where none is.
    pub workers: &'a [Silence],
    /// The queue of files that wait to be scored, while it is worked on.
    pub queue: Option<Silence>,
    /// How the last write to the workspace went; `None` where nothing was written.
    pub store: Option<Result<(), String>>,
}

/// The state machine.
#[derive(Debug)]
pub struct Health {
    parts: BTreeMap<HealthPart, Part>,
    /// Uncorrected errors of each accelerator when the session began.
    errors_before: BTreeMap<u32, u64>,
}

/// What one reading shows of a part: a value, what is missing of it, both, or neither where the machine has no such
/// part.
#[derive(Debug, Default)]
struct Seen {
    value: Option<(f64, String)>,
    missing: Option<String>,
}

#[derive(Debug)]
struct Part {
    degraded: Latch,
    unhealthy: Latch,
    unknown: Latch,
    /// None before the first reading, and where the machine has no such part.
    state: Option<PartState>,
    reason: String,
    /// The state that was last reported; a part that is well from the beginning is not reported.
    told: PartState,
}

/// Reasons for slower clocks that are not a fault: the device is as fast as its power allows, or waits for another.
const HARMLESS_CLOCKS: [&str; 2] = ["sw power cap", "sync boost"];

const PARTS: [HealthPart; 9] = [
    HealthPart::Disk,
    HealthPart::Memory,
    HealthPart::DeviceMemory,
    HealthPart::DeviceTemperature,
    HealthPart::DeviceErrors,
    HealthPart::DeviceClocks,
    HealthPart::Workers,
    HealthPart::Store,
    HealthPart::Queue,
];

impl Health {
    /// Nothing is known yet.
    pub fn new(settings: &HealthSettings) -> Self {
        let part = |part| (part, Part::new(part, settings));
        Self { parts: PARTS.into_iter().map(part).collect(), errors_before: BTreeMap::new() }
    }

    /// Judges a reading that was taken `at_secs` after the session began. Returns the parts that are better or worse
    /// than last reported.
    pub fn see(&mut self, at_secs: f64, vitals: &Vitals<'_>) -> Vec<HealthChange> {
        for device in &vitals.reading.devices {
            device.uncorrected_errors.map(|errors| *self.errors_before.entry(device.index).or_insert(errors));
        }
        let before = &self.errors_before;
        let mut changed = Vec::new();
        for (name, part) in &mut self.parts {
            part.see(seen(*name, vitals, before));
            let state = part.state.unwrap_or(PartState::Healthy);
            if std::mem::replace(&mut part.told, state) != state {
                changed.push((*name, state, part.reason.clone()));
            }
        }
        let whole = self.state();
        let change = |(part, state, reason)| HealthChange { at_secs, part, state, whole, reason };
        changed.into_iter().map(change).collect()
    }

    /// The health of the whole machine; unknown before the first reading.
    pub fn state(&self) -> HealthState {
        let worst = self.parts.values().filter_map(|part| part.state).max();
        worst.unwrap_or(PartState::Unknown).into()
    }

    /// Every part that the machine has, as it was last seen.
    pub fn parts(&self) -> Vec<PartHealth> {
        let of = |(part, known): (&HealthPart, &Part)| {
            Some(PartHealth { part: *part, state: known.state?, reason: known.reason.clone() })
        };
        self.parts.iter().filter_map(of).collect()
    }
}

impl Part {
    fn new(part: HealthPart, settings: &HealthSettings) -> Self {
        let both = |levels: Levels| {
            (Latch::with(settings, levels.degraded), Latch::with(settings, levels.unhealthy))
        };
        // Error counters and failed writes are not noisy: one reading is enough.
        let (degraded, unhealthy) = match part {
            HealthPart::Disk => both(settings.disk_percent),
            HealthPart::Memory => both(settings.memory_percent),
            HealthPart::DeviceMemory => both(settings.device_memory_percent),
            HealthPart::DeviceTemperature => both(settings.device_celsius),
            HealthPart::DeviceErrors => (Latch::at_once(0.5, 0.5), Latch::at_once(1.5, 1.5)),
            HealthPart::DeviceClocks => {
                (Latch::with(settings, 0.5), Latch::at_once(f64::INFINITY, f64::INFINITY))
            }
            HealthPart::Workers | HealthPart::Queue => both(settings.silence_percent),
            HealthPart::Store => (Latch::at_once(0.5, 0.5), Latch::at_once(0.5, 0.5)),
        };
        let unknown = Latch::new(0.5, 0.5, settings.readings_over, settings.readings_under);
        let reason = "not read yet".into();
        Self { degraded, unhealthy, unknown, state: None, reason, told: PartState::Healthy }
    }

    fn see(&mut self, seen: Seen) {
        if seen.value.is_none() && seen.missing.is_none() {
            self.state = None;
            return;
        }
        // Never read: unknown immediately. Later, a single missed reading is ignored.
        let is_missing = f64::from(u8::from(seen.missing.is_some()));
        if self.state.is_none() && seen.missing.is_some() {
            self.unknown.raise();
        }
        self.unknown.see(is_missing);
        if let Some((value, _)) = &seen.value {
            self.degraded.see(*value);
            self.unhealthy.see(*value);
        }
        let state = if self.unhealthy.is_high() {
            PartState::Unhealthy
        } else if self.degraded.is_high() {
            PartState::Degraded
        } else if self.unknown.is_high() {
            PartState::Unknown
        } else {
            PartState::Healthy
        };
        let reason = match state {
            PartState::Unknown => seen.missing.or(Some(self.reason.clone())),
            PartState::Healthy | PartState::Degraded | PartState::Unhealthy => {
                seen.value.map(|(_, text)| text)
            }
        };
        // A part that was bad and is not read now stays as bad as it was, for the same reason.
        self.reason = reason.unwrap_or_else(|| std::mem::take(&mut self.reason));
        self.state = Some(state);
    }
}

fn seen(part: HealthPart, vitals: &Vitals<'_>, errors_before: &BTreeMap<u32, u64>) -> Seen {
    let reading = vitals.reading;
    match part {
        HealthPart::Disk => share(reading.disk_percent(), "of the disk is used", "disk usage"),
        HealthPart::Memory => share(reading.memory_percent(), "of main memory is used", "main memory"),
        HealthPart::DeviceMemory => {
            of_devices(vitals, |device| share(device.memory_percent(), "of its memory is used", "its memory"))
        }
        HealthPart::DeviceTemperature => of_devices(vitals, temperature),
        HealthPart::DeviceErrors => of_devices(vitals, |device| errors(device, errors_before)),
        HealthPart::DeviceClocks => of_devices(vitals, clocks),
        HealthPart::Workers => {
            silence(vitals.workers.iter().max_by(|a, b| a.percent().total_cmp(&b.percent())))
        }
        HealthPart::Queue => silence(vitals.queue.as_ref()),
        HealthPart::Store => match &vitals.store {
            None => Seen::default(),
            Some(Ok(())) => Seen::value(0.0, "the last write succeeded".into()),
            Some(Err(error)) => Seen::value(1.0, format!("the last write failed: {error}")),
        },
    }
}

impl Seen {
    fn value(value: f64, text: String) -> Self {
        Self { value: Some((value, text)), missing: None }
    }

    fn missing(why: String) -> Self {
        Self { value: None, missing: Some(why) }
    }
}

impl Silence {
    fn percent(&self) -> f64 {
        100.0 * self.silent_secs / self.patience_secs
    }
}

fn share(percent: Option<f64>, text: &str, what: &str) -> Seen {
    match percent {
        Some(percent) => Seen::value(percent, format!("{percent:.1} % {text}")),
        None => Seen::missing(format!("{what} cannot be read")),
    }
}

fn silence(longest: Option<&Silence>) -> Seen {
    let Some(silence) = longest else { return Seen::value(0.0, "nothing is pending".into()) };
    let Silence { who, silent_secs, patience_secs } = silence;
    let text = format!("{who}: silent for {silent_secs:.0} s; given up after {patience_secs:.0} s");
    Seen::value(silence.percent(), text)
}

/// Over all accelerators: the highest value, and the first that is missing.
fn of_devices(vitals: &Vitals<'_>, seen: impl Fn(&DeviceReading) -> Seen) -> Seen {
    let count = match vitals.accelerators {
        Accelerators::None => return Seen::default(),
        Accelerators::Unknown { reason } => return Seen::missing(reason.clone()),
        Accelerators::Count(count) => *count,
    };
    let mut worst = Seen::default();
    for index in 0..count {
        let device = vitals.reading.devices.iter().find(|device| device.index == index);
        let found = device.map_or_else(|| Seen::missing("it does not answer".into()), &seen);
        let named = |text: String| format!("device {index}: {text}");
        if let Some((value, text)) = found.value
            && worst.value.as_ref().is_none_or(|(highest, _)| value > *highest)
        {
            worst.value = Some((value, named(text)));
        }
        worst.missing = worst.missing.or(found.missing.map(named));
    }
    worst
}

fn temperature(device: &DeviceReading) -> Seen {
    match device.temperature_celsius {
        Some(celsius) => Seen::value(celsius.into(), format!("{celsius} °C")),
        None => Seen::missing("its temperature cannot be read".into()),
    }
}

/// 1 for errors from before the session, 2 for new ones. A device that counts no errors, as is usual without ECC
/// memory, has no such part.
fn errors(device: &DeviceReading, before: &BTreeMap<u32, u64>) -> Seen {
    let Some(errors) = device.uncorrected_errors else {
        return unread(device, "uncorrected_errors", "its memory errors");
    };
    let new = errors.saturating_sub(before.get(&device.index).copied().unwrap_or(0));
    match (errors, new) {
        (0, _) => Seen::value(0.0, "no uncorrected memory errors".into()),
        (_, 0) => {
            let text = format!(
                "{errors} uncorrected memory errors since the driver was loaded, none in this session"
            );
            Seen::value(1.0, text)
        }
        (_, new) => Seen::value(2.0, format!("{new} uncorrected memory errors in this session")),
    }
}

fn clocks(device: &DeviceReading) -> Seen {
    if device.unread.contains_key("throttled") {
        return unread(device, "throttled", "its clock throttling");
    }
    let bad = |reason: &&String| !HARMLESS_CLOCKS.contains(&reason.as_str());
    let reasons: Vec<&str> = device.throttled.iter().filter(bad).map(String::as_str).collect();
    match reasons.as_slice() {
        [] => Seen::value(0.0, "not slowed down, except by its power limit".into()),
        some => Seen::value(1.0, format!("slowed down: {}", some.join(", "))),
    }
}

fn unread(device: &DeviceReading, sensor: &str, what: &str) -> Seen {
    match device.unread.get(sensor).map(String::as_str) {
        Some(NOT_SUPPORTED) => Seen::default(),
        Some(why) => Seen::missing(format!("{what} cannot be read: {why}")),
        None => Seen::missing(format!("{what} cannot be read")),
    }
}

#[cfg(test)]
mod tests;
