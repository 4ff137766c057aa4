//! Judges when a person is alerted: values and outcomes go in, alerts that begin or end come out. The caller supplies
//! the times.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vidbench_core::{
    Alert, AlertChange, AlertSettings, AlertState, BreakerChange, BreakerState, HealthSettings, ModelId,
    Operation, Reading,
};

use crate::latch::{Latch, resolve};

/// Mean seconds of a sample above which a person is alerted, where the suite sets no threshold.
pub const LATENCY_SECS: f64 = 10.0;

/// Samples of a model whose latencies are averaged.
const LATENCY_WINDOW: usize = 20;

/// With fewer samples no average is formed.
const LATENCY_LEAST: usize = 3;

/// The alerts of one session.
#[derive(Debug)]
pub struct Alerts {
    settings: AlertSettings,
    margin: f64,
    device_memory: Latch,
    disk: Latch,
    error_rate: Latch,
    /// For each of the last samples, whether it failed.
    failed: VecDeque<bool>,
    latencies: BTreeMap<ModelId, Latencies>,
    /// Breakers that are not closed.
    open: BTreeSet<(ModelId, Operation)>,
}

#[derive(Debug)]
struct Latencies {
    latch: Latch,
    last: VecDeque<f64>,
    /// There is no alert for this model: it is slower than the threshold anyway.
    off: bool,
}

impl Alerts {
    /// Alerts of which none has begun.
    pub fn new(health: &HealthSettings, settings: &AlertSettings) -> Self {
        let rate = settings.error_rate_percent;
        Self {
            settings: *settings,
            margin: health.margin,
            device_memory: Latch::with(health, settings.device_memory_percent),
            disk: Latch::with(health, settings.disk_percent),
            // A rate over a window does not jump, so the window itself is the hysteresis.
            error_rate: Latch::at_once(rate, resolve(rate, health.margin)),
            failed: VecDeque::new(),
            latencies: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    /// Takes a reading of the sensors.
    pub fn reading(&mut self, at_secs: f64, reading: &Reading) -> Vec<AlertChange> {
        let memory =
            reading.devices.iter().filter_map(|device| Some((device.index, device.memory_percent()?)));
        let fullest = memory.max_by(|(_, a), (_, b)| a.total_cmp(b));
        let device = fullest.and_then(|(index, percent)| {
            let text = format!("device {index}: {percent:.1} % of its memory is used");
            told(&mut self.device_memory, percent, text)
        });
        let disk = reading
            .disk_percent()
            .and_then(|percent| told(&mut self.disk, percent, format!("{percent:.1} % of the disk is used")));
        let change = |alert, told: Option<(AlertState, String)>| {
            told.map(|(state, reason)| AlertChange { at_secs, alert, subject: None, state, reason })
        };
        [change(Alert::DeviceMemory, device), change(Alert::Disk, disk)].into_iter().flatten().collect()
    }

    /// Takes the verdict on a sample.
    pub fn judged(&mut self, at_secs: f64, failed: bool) -> Option<AlertChange> {
        let window = self.settings.error_rate_window as usize;
        keep(&mut self.failed, window, failed);
        // A window smaller than the least count is judged once it is full.
        let least = window.min(self.settings.error_rate_least as usize);
        if self.failed.len() < least {
            return None;
        }
        let (samples, failures) = (self.failed.len(), self.failed.iter().filter(|failed| **failed).count());
        let percent = 100.0 * failures as f64 / samples as f64;
        let text = format!("{failures} of the last {samples} samples failed ({percent:.1} %)");
        let (state, reason) = told(&mut self.error_rate, percent, text)?;
        Some(AlertChange { at_secs, alert: Alert::ErrorRate, subject: None, state, reason })
    }

    /// Takes how long a sample of a model usually takes. Where the suite sets no threshold, a model that is slower than
    /// the default anyway gets no alert.
    pub fn expects(&mut self, at_secs: f64, model: &ModelId, usual_secs: f64) -> Option<AlertChange> {
        if self.settings.latency_secs.is_some() || usual_secs <= LATENCY_SECS {
            return None;
        }
        let known = self.latencies_of(model);
        if std::mem::replace(&mut known.off, true) {
            return None;
        }
        let reason = format!(
            "it usually takes {usual_secs:.1} s, more than {LATENCY_SECS} s; set alerts.latency_secs to turn it on"
        );
        let subject = Some(model.to_string());
        Some(AlertChange { at_secs, alert: Alert::Latency, subject, state: AlertState::Off, reason })
    }

    /// Takes how long a sample of a model took.
    pub fn took(&mut self, at_secs: f64, model: &ModelId, secs: f64) -> Option<AlertChange> {
        let known = self.latencies_of(model);
        keep(&mut known.last, LATENCY_WINDOW, secs);
        if known.off || known.last.len() < LATENCY_LEAST {
            return None;
        }
        let samples = known.last.len();
        let mean_secs = known.last.iter().sum::<f64>() / samples as f64;
        let text = format!("the last {samples} samples took {mean_secs:.1} s on average");
        let (state, reason) = told(&mut known.latch, mean_secs, text)?;
        Some(AlertChange { at_secs, alert: Alert::Latency, subject: Some(model.to_string()), state, reason })
    }

    /// Takes a change of a breaker. One that is half open still counts as not closed.
    pub fn breaker(&mut self, change: &BreakerChange) -> Option<AlertChange> {
        if !self.settings.breaker {
            return None;
        }
        let key = (change.model.clone(), change.operation);
        let state = match change.state {
            BreakerState::Open => self.open.insert(key).then_some(AlertState::Fired),
            BreakerState::HalfOpen => None,
            BreakerState::Closed => self.open.remove(&key).then_some(AlertState::Resolved),
        }?;
        let subject = Some(format!("{} ({})", change.model, change.operation.name()));
        let reason = change.reason.clone();
        Some(AlertChange { at_secs: change.at_secs, alert: Alert::Breaker, subject, state, reason })
    }

    fn latencies_of(&mut self, model: &ModelId) -> &mut Latencies {
        let most = self.settings.latency_secs.unwrap_or(LATENCY_SECS);
        let latch = Latch::at_once(most, resolve(most, self.margin));
        let new = || Latencies { latch, last: VecDeque::new(), off: false };
        self.latencies.entry(model.clone()).or_insert_with(new)
    }
}

/// Whether the alert begins or ends with this value. A threshold of 0 turns the alert off.
fn told(latch: &mut Latch, value: f64, text: String) -> Option<(AlertState, String)> {
    if latch.fire() <= 0.0 {
        return None;
    }
    let state = if latch.see(value)? { AlertState::Fired } else { AlertState::Resolved };
    Some((state, text))
}

fn keep<T>(last: &mut VecDeque<T>, most: usize, value: T) {
    if last.len() >= most {
        last.pop_front();
    }
    last.push_back(value);
}

#[cfg(test)]
mod tests;
