//! What sensors of the machine said during a session, and how it is asked.
//!
//! A sensor that is not there gives null, never a number: no constant stands in for power or memory.

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
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { interval_secs: 1.0 }
    }
}

/// Everything that was read at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Nanoseconds since the session began, on the clock of its samples' times.
    pub t_ns: u64,
    /// Share of all cores that was busy since the reading before, in percent; null for the first.
    pub cpu_percent: Option<f64>,
    /// Main memory that is not available to others.
    pub memory_used_bytes: Option<u64>,
    /// Room on the disk of the workspace.
    pub disk_free_bytes: Option<u64>,
    /// Counter of the processors' energy since some moment (RAPL); null where it cannot be read.
    pub cpu_joules: Option<f64>,
    /// Accelerators.
    pub devices: Vec<DeviceReading>,
}

/// One accelerator at one moment. Null is "the driver does not tell".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceReading {
    /// Its number.
    pub index: u32,
    /// Share of the time since some moments ago in which anything ran, in percent.
    pub busy_percent: Option<u32>,
    /// Memory in use by anyone.
    pub memory_used_bytes: Option<u64>,
    /// Memory it has.
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
    /// Processes on it that this session did not start; null where that cannot be said, as of workers in containers.
    pub foreign_processes: Option<Vec<u32>>,
}

/// What sensors say of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SampleTelemetry {
    /// Energy of all accelerators during the generation, in joules.
    pub device_joules: Score,
    /// Energy of the processors during the generation, in joules.
    pub cpu_joules: Score,
    /// Most memory in use on any accelerator, by anyone, in bytes.
    pub device_memory_used_bytes: Score,
    /// Most main memory in use, in bytes.
    pub memory_used_bytes: Score,
    /// Processes that the session did not start were on an accelerator; null where that cannot be said.
    pub contended: Option<bool>,
    /// Why accelerators ran slower than they could.
    pub throttled: Vec<String>,
}
