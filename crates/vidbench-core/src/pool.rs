//! Workers that stay loaded: how much memory they may use together, what each needs, and what the pool did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many workers may stay loaded, and how many clips are scored in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoolSettings {
    /// Main memory that all model workers may use together, in MiB; default all of the machine's. A model that is known to need more is not loaded.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub host_mib: Option<u64>,
    /// The same for accelerator memory; default that of the smallest accelerator, if its driver reports it.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub device_mib: Option<u64>,
    /// Maximum number of clips scored in parallel, each in its own worker; default the number of threads that workers may use.
    #[schemars(range(min = 1, max = 1024))]
    pub scorers: Option<u32>,
    /// Score clips while a model computes on an accelerator, as far as processors and memory allow. A model that computes on the processors, or
    /// does not report its device, always has the machine to itself.
    pub score_beside: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { host_mib: None, device_mib: None, scorers: None, score_beside: true }
    }
}

/// Memory of a worker with its model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// Largest resident set of its processes, in bytes.
    pub host_bytes: u64,
    /// Peak memory on one accelerator, in bytes: what the worker reports or the driver was seen to list for its
    /// processes, whichever is more.
    pub device_bytes: u64,
}

impl Footprint {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            host_bytes: self.host_bytes.saturating_add(other.host_bytes),
            device_bytes: self.device_bytes.saturating_add(other.device_bytes),
        }
    }

    /// The larger value of each field.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            host_bytes: self.host_bytes.max(other.host_bytes),
            device_bytes: self.device_bytes.max(other.device_bytes),
        }
    }
}

/// What a session's pool of workers did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoolStats {
    /// How often a model's turn found its worker still loaded.
    pub hits: u64,
    /// Workers that were loaded.
    pub loads: u64,
    /// Workers that were ended to make room for others.
    pub evictions: u64,
    /// Seconds spent on loading.
    pub load_secs: f64,
}
