//! The vocabulary of health and alerts, and a suite's thresholds for them. The runner judges them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The health of the whole, which is that of its worst part. An unknown part makes the whole less than healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Every part is known to be well.
    Healthy,
    /// A part is not well, or cannot be read.
    Degraded,
    /// A part is in a state in which work is likely to fail or its numbers to be wrong.
    Unhealthy,
}

impl HealthState {
    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How one part is, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Known to be well.
    Healthy,
    /// Cannot be read.
    Unknown,
    /// Not well.
    Degraded,
    /// Work is likely to fail or its numbers to be wrong.
    Unhealthy,
}

impl PartState {
    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl From<PartState> for HealthState {
    /// The state of the whole when this part is the only one that is not well.
    fn from(part: PartState) -> Self {
        match part {
            PartState::Healthy => Self::Healthy,
            PartState::Unknown | PartState::Degraded => Self::Degraded,
            PartState::Unhealthy => Self::Unhealthy,
        }
    }
}

/// A part of the machine or session that is watched. A part that a machine does not have, such as an accelerator, is
/// left out rather than reported as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthPart {
    /// Room on the disk of the workspace.
    Disk,
    /// Main memory.
    Memory,
    /// Memory of the fullest accelerator.
    DeviceMemory,
    /// Temperature of the hottest accelerator.
    DeviceTemperature,
    /// Memory errors of accelerators that were not corrected (ECC).
    DeviceErrors,
    /// An accelerator is slowed down by heat or by a fault.
    DeviceClocks,
    /// Workers that are busy, judged by how recently they reported anything.
    Workers,
    /// Writing to the workspace.
    Store,
    /// Files that wait to be scored.
    Queue,
}

impl HealthPart {
    /// The words used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::DeviceMemory => "device memory",
            Self::DeviceTemperature => "device temperature",
            Self::DeviceErrors => "device errors",
            Self::DeviceClocks => "device clocks",
            Self::Workers => "workers",
            Self::Store => "store",
            Self::Queue => "queue",
        }
    }
}

/// The present state of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartHealth {
    /// The part.
    pub part: HealthPart,
    /// How it is.
    pub state: PartState,
    /// The reading behind the state, or why there is none.
    pub reason: String,
}

/// A part changed its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthChange {
    /// Seconds since the session began.
    pub at_secs: f64,
    /// The part.
    pub part: HealthPart,
    /// Its new state.
    pub state: PartState,
    /// The state of the whole from then on.
    pub whole: HealthState,
    /// The reading behind the state, or why there is none.
    pub reason: String,
}

/// A condition that a person wants to be alerted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// An accelerator has little memory left.
    DeviceMemory,
    /// Many samples fail.
    ErrorRate,
    /// Samples of a model take long.
    Latency,
    /// The disk of the workspace is nearly full.
    Disk,
    /// A model is not called for a while because its worker keeps failing.
    Breaker,
}

impl Alert {
    /// The words used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeviceMemory => "device memory",
            Self::ErrorRate => "error rate",
            Self::Latency => "latency",
            Self::Disk => "disk",
            Self::Breaker => "breaker",
        }
    }
}

/// What an alert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It begins.
    Fired,
    /// It is over.
    Resolved,
    /// It is switched off for its subject in this session, for a reason known beforehand.
    Off,
}

impl AlertState {
    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Resolved => "resolved",
            Self::Off => "off",
        }
    }
}

/// An alert began or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertChange {
    /// Seconds since the session began.
    pub at_secs: f64,
    /// Which.
    pub alert: Alert,
    /// The model, or the model and the operation asked of it; `None` for an alert about the whole.
    pub subject: Option<String>,
    /// What the alert did.
    pub state: AlertState,
    /// Why, with the value.
    pub reason: String,
}

/// Two thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// Above this value the part is degraded.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub degraded: f64,
    /// Above this value the part is unhealthy.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub unhealthy: f64,
}

impl Levels {
    const fn new(degraded: f64, unhealthy: f64) -> Self {
        Self { degraded, unhealthy }
    }
}

/// When a part of the machine or the session counts as unhealthy. Checked at each `telemetry` reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthSettings {
    /// Consecutive readings that must be above a threshold before a part counts as worse or an alert fires.
    #[schemars(range(min = 1, max = 1000))]
    pub readings_over: u32,
    /// Consecutive readings that must be well below it before the part counts as better or the alert is resolved.
    #[schemars(range(min = 1, max = 1000))]
    pub readings_under: u32,
    /// How far below a threshold "well below" is, in its unit; at most half of the threshold. Keeps a value that swings around the threshold from being reported
    /// again and again.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub margin: f64,
    /// Used share of the workspace disk.
    pub disk_percent: Levels,
    /// Used share of main memory.
    pub memory_percent: Levels,
    /// Used memory share of the fullest accelerator.
    pub device_memory_percent: Levels,
    /// Temperature of the hottest accelerator.
    pub device_celsius: Levels,
    /// How long a busy worker has reported nothing, as a share of the time after which it is given up; likewise how long nothing has left a queue.
    pub silence_percent: Levels,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            readings_over: 2,
            readings_under: 5,
            margin: 3.0,
            disk_percent: Levels::new(85.0, 95.0),
            memory_percent: Levels::new(90.0, 97.0),
            device_memory_percent: Levels::new(90.0, 98.0),
            device_celsius: Levels::new(85.0, 95.0),
            silence_percent: Levels::new(50.0, 90.0),
        }
    }
}

/// When alerts fire. 0 switches one off. `health` sets how often a value must be above its threshold, and how far below it the alert is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// Used memory share of the fullest accelerator.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub device_memory_percent: f64,
    /// Share of failed samples among the last `error_rate_window` of a session. Prompts rejected by the policy do not count.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub error_rate_percent: f64,
    /// Number of most recent samples to consider.
    #[schemars(range(min = 1, max = 100_000))]
    pub error_rate_window: u32,
    /// Minimum number of samples for an error rate.
    #[schemars(range(min = 1, max = 100_000))]
    pub error_rate_least: u32,
    /// Mean seconds of a model's last samples, from the intended start (in the offline scenario from the start of the generation, because waiting is by design). Default
    /// 10, and off for a model that usually takes longer, which is reported.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub latency_secs: Option<f64>,
    /// Used share of the workspace disk.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub disk_percent: f64,
    /// Whether an opened breaker is an alert.
    pub breaker: bool,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            device_memory_percent: 90.0,
            error_rate_percent: 5.0,
            error_rate_window: 100,
            error_rate_least: 20,
            latency_secs: None,
            disk_percent: 85.0,
            breaker: true,
        }
    }
}

impl HealthSettings {
    /// The keys of pairs of thresholds in which the unhealthy one is below the degraded one.
    pub fn reversed(&self) -> Vec<&'static str> {
        let pairs = [
            ("disk_percent", self.disk_percent),
            ("memory_percent", self.memory_percent),
            ("device_memory_percent", self.device_memory_percent),
            ("device_celsius", self.device_celsius),
            ("silence_percent", self.silence_percent),
        ];
        pairs
            .into_iter()
            .filter(|(_, levels)| levels.unhealthy < levels.degraded)
            .map(|(key, _)| key)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_not_healthy() {
        let whole = [PartState::Healthy, PartState::Unknown, PartState::Degraded, PartState::Unhealthy];
        use HealthState::{Degraded, Healthy, Unhealthy};
        assert_eq!(whole.map(HealthState::from), [Healthy, Degraded, Degraded, Unhealthy]);
        assert!(whole.is_sorted() && [Healthy, Degraded, Unhealthy].is_sorted());
    }
}
