//! What sensors of the machine report during a session, and how often they are read.
//!
//! A missing sensor gives null, never a number: no constant stands in for power or memory.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Score;

/// How often sensors are read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// Seconds between two readings; 0 reads none.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub interval_secs: f64,
    /// Seconds for measuring idle power, before the first model is loaded and after the last has ended; 0 measures none. A machine
    /// without a power sensor does not wait.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub idle_secs: f64,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { interval_secs: 1.0, idle_secs: 5.0 }
    }
}

/// Everything that was read at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Nanoseconds since the session began, on the same clock as the times of its samples.
    pub t_ns: u64,
    /// Share of all cores that was busy since the previous reading, in percent; null for the first.
    pub cpu_percent: Option<f64>,
    /// Share of that taken by processes of this session, in percent of all cores; null for the first reading, and where
    /// it cannot be determined, as with workers in containers.
    #[serde(default)]
    pub own_cpu_percent: Option<f64>,
    /// Main memory that is not available to others.
    pub memory_used_bytes: Option<u64>,
    /// Total main memory.
    #[serde(default)]
    pub memory_total_bytes: Option<u64>,
    /// Free space on the disk of the workspace.
    pub disk_free_bytes: Option<u64>,
    /// Used space on that disk.
    #[serde(default)]
    pub disk_used_bytes: Option<u64>,
    /// Share of the time since the previous reading in which some process waited for a disk, in percent (Linux's
    /// pressure stall information, `some` of `io`); null for the first, and where the system does not tell.
    #[serde(default)]
    pub disk_stalled_percent: Option<f64>,
    /// Counter of the processors' energy since an arbitrary moment (RAPL); null where it cannot be read.
    pub cpu_joules: Option<f64>,
    /// Accelerators.
    pub devices: Vec<DeviceReading>,
}

/// One accelerator at one moment. Null means that the driver does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceReading {
    /// Its number.
    pub index: u32,
    /// Share of a recent period in which anything ran on it, in percent.
    pub busy_percent: Option<u32>,
    /// Memory in use by any process.
    pub memory_used_bytes: Option<u64>,
    /// Total memory.
    pub memory_total_bytes: Option<u64>,
    /// Watts.
    pub power_watts: Option<f64>,
    /// Counter of its energy since the driver was loaded.
    pub joules: Option<f64>,
    /// Degrees Celsius.
    pub temperature_celsius: Option<u32>,
    /// Clock of its processors.
    pub clock_mhz: Option<u32>,
    /// Why it runs slower than it could, in the driver's words.
    pub throttled: Vec<String>,
    /// Processes on it that this session did not start; null where this cannot be determined, as with workers in
    /// containers.
    pub foreign_processes: Option<Vec<u32>>,
    /// Memory of each process on it; empty where the driver does not list processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessMemory>,
    /// Uncorrected memory errors since the driver was loaded (ECC, volatile).
    #[serde(default)]
    pub uncorrected_errors: Option<u64>,
    /// Sensors that gave no value, keyed by the names of the fields here, with the reasons; [`NOT_SUPPORTED`] where the
    /// device has no such sensor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
}

/// The reason given for a sensor that the device does not have.
pub const NOT_SUPPORTED: &str = "not supported";

/// One process on an accelerator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessMemory {
    /// Its number.
    pub pid: u32,
    /// Memory it holds on the device; null where the driver does not tell.
    pub bytes: Option<u64>,
    /// Whether the session started it; null where this cannot be determined, as with workers in containers.
    pub own: Option<bool>,
}

impl Reading {
    /// Used share of the disk, in percent, counted as `df` does: space reserved for the superuser is neither used nor
    /// free.
    pub fn disk_percent(&self) -> Option<f64> {
        let (used, free) = (self.disk_used_bytes?, self.disk_free_bytes?);
        share_percent(used, used.saturating_add(free))
    }

    /// Used share of main memory, in percent.
    pub fn memory_percent(&self) -> Option<f64> {
        share_percent(self.memory_used_bytes?, self.memory_total_bytes?)
    }

    /// Whether any sensor measures power or energy.
    pub fn tells_power(&self) -> bool {
        let device = |device: &DeviceReading| device.joules.is_some() || device.power_watts.is_some();
        self.cpu_joules.is_some() || self.devices.iter().any(device)
    }
}

impl DeviceReading {
    /// Share of its memory used by any process, in percent.
    pub fn memory_percent(&self) -> Option<f64> {
        share_percent(self.memory_used_bytes?, self.memory_total_bytes?)
    }

    /// Memory of the processes that the session started; `None` where any of them cannot be attributed or measured.
    pub fn own_bytes(&self) -> Option<u64> {
        let own = |process: &ProcessMemory| if process.own? { process.bytes } else { Some(0) };
        self.foreign_processes.as_ref()?;
        self.processes.iter().map(own).sum()
    }
}

fn share_percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// When the power of the idle machine was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdleWhen {
    /// Before the first model was loaded.
    Before,
    /// After the last one had ended.
    After,
}

impl IdleWhen {
    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A period in which a session did nothing, so that its readings give the power of the idle machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdleWindow {
    /// Before the first model or after the last.
    pub when: IdleWhen,
    /// Its beginning, in nanoseconds since the session began.
    pub start_ns: u64,
    /// Its end, likewise.
    pub end_ns: u64,
}

/// What sensors say of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SampleTelemetry {
    /// Energy of all accelerators during the generation, in joules.
    pub device_joules: Score,
    /// Energy of the processors during the generation, in joules.
    pub cpu_joules: Score,
    /// Peak memory in use on any accelerator, by any process, in bytes.
    pub device_memory_used_bytes: Score,
    /// The peak of that memory held by processes of the session, in bytes; null where the driver does not tell.
    #[serde(default)]
    pub device_memory_own_bytes: Option<u64>,
    /// Peak main memory in use, in bytes.
    pub memory_used_bytes: Score,
    /// Whether processes that the session did not start were on an accelerator or, on a machine without one, took more
    /// than 10 % of the processors; null where this cannot be determined.
    pub contended: Option<bool>,
    /// Why accelerators ran slower than they could.
    pub throttled: Vec<String>,
}
