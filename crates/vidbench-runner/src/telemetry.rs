//! Reads the machine's sensors at intervals, on a separate thread during a session.

mod host;
mod nvml;
mod sampler;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vidbench_core::{Clock, Reading};
use vidbench_store::disk_space;

use crate::health::Accelerators;
use crate::side_by_side::Machine;
use host::Host;
use nvml::{Devices, NoDevices};
pub(crate) use sampler::{Sampler, Watch};

/// Reads everything there is to read.
pub(crate) struct Probe {
    disk: PathBuf,
    clock: Arc<dyn Clock>,
    started_ns: u64,
    host: Host,
    devices: Result<Devices, NoDevices>,
    accelerators: Accelerators,
    workers_are_children: bool,
}

/// What can be read of a machine: names, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensors {
    /// Accelerators.
    pub devices: Result<Vec<String>, String>,
    /// Energy counters of the processors.
    pub cpu_energy: Result<Vec<String>, String>,
}

/// What can be read of this machine.
pub fn sensors() -> Sensors {
    Sensors {
        devices: Devices::open(true).map_err(|none| none.reason).and_then(|devices| devices.names()),
        cpu_energy: Host::new().energy_counters(),
    }
}

impl Probe {
    /// `disk` is a folder on the disk to look at. Times count from `started_ns`. Workers that are not children of this
    /// process, such as those in containers, would look like somebody else's processes.
    pub(crate) fn new(
        disk: &Path,
        clock: Arc<dyn Clock>,
        started_ns: u64,
        workers_are_children: bool,
    ) -> Self {
        let devices = Devices::open(workers_are_children);
        let accelerators = Devices::accelerators(&devices);
        let (disk, host) = (disk.to_owned(), Host::new());
        Self { disk, clock, started_ns, host, devices, accelerators, workers_are_children }
    }

    pub(crate) fn read(&mut self) -> Reading {
        let space = disk_space(&self.disk).ok();
        Reading {
            t_ns: self.clock.monotonic_ns().saturating_sub(self.started_ns),
            cpu_percent: self.host.cpu_percent(),
            disk_stalled_percent: self.host.disk_stalled_percent(),
            own_cpu_percent: self.host.own_cpu_percent().filter(|_| self.workers_are_children),
            memory_used_bytes: self.host.memory_used_bytes(),
            memory_total_bytes: self.host.memory_total_bytes(),
            disk_free_bytes: space.map(|space| space.free_bytes),
            disk_used_bytes: space.map(|space| space.used_bytes),
            cpu_joules: self.host.joules(),
            devices: self.devices.as_mut().map_or_else(|_| Vec::new(), Devices::read),
        }
    }

    /// What a reading says of the room for scorers.
    pub(crate) fn machine(reading: &Reading) -> Machine {
        let available = || Some(reading.memory_total_bytes?.saturating_sub(reading.memory_used_bytes?));
        Machine {
            cpu_percent: reading.cpu_percent,
            available_bytes: available(),
            disk_stalled_percent: reading.disk_stalled_percent,
        }
    }

    /// The accelerators that should be readable.
    pub(crate) fn accelerators(&self) -> &Accelerators {
        &self.accelerators
    }
}

/// Memory of the smallest accelerator, in bytes; `None` when there is none or its driver does not tell.
pub(crate) fn smallest_device_bytes() -> Option<u64> {
    let devices = Devices::open(true).ok()?.read();
    devices.iter().filter_map(|device| device.memory_total_bytes).min()
}
