//! NVIDIA devices through the driver's library, which is loaded if it is there.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::{Device, Nvml};
use vidbench_core::{DeviceReading, NOT_SUPPORTED, ProcessMemory};

use crate::health::Accelerators;

/// Environment variable: the library to use instead of the one that the loader finds.
const LIBRARY: &str = "VIDBENCH_NVML";

/// Where the driver lists its devices, with and without the library.
const DRIVER: &str = "/proc/driver/nvidia/gpus";

/// Why there is nothing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoDevices {
    pub(crate) reason: String,
    /// Something indicates that there are devices all the same.
    pub(crate) expected: bool,
}

pub(super) struct Devices {
    nvml: Nvml,
    count: u32,
    /// Processes that were looked up, and whether this process is their ancestor; `None` where ancestry says nothing.
    own: Option<HashMap<u32, bool>>,
}

impl Devices {
    pub(super) fn open(workers_are_children: bool) -> Result<Self, NoDevices> {
        let named = std::env::var_os(LIBRARY);
        let nvml = match &named {
            Some(path) => Nvml::builder().lib_path(path).init(),
            None => Nvml::init(),
        };
        let nvml = nvml.map_err(|error| NoDevices {
            reason: format!("the driver library (NVML) does not respond: {error}"),
            expected: named.is_some() || !says_that_there_is_none(&error) || lists_devices(),
        })?;
        let count = nvml.device_count().map_err(|error| NoDevices {
            reason: format!("NVML cannot count devices: {error}"),
            expected: true,
        })?;
        Ok(Self { nvml, count, own: workers_are_children.then(HashMap::new) })
    }

    pub(super) fn accelerators(devices: &Result<Self, NoDevices>) -> Accelerators {
        match devices {
            Ok(devices) if devices.count > 0 => Accelerators::Count(devices.count),
            Ok(_) => Accelerators::None,
            Err(none) if none.expected => Accelerators::Unknown { reason: none.reason.clone() },
            Err(_) => Accelerators::None,
        }
    }

    pub(super) fn names(&self) -> Result<Vec<String>, String> {
        let name = |index| self.nvml.device_by_index(index).and_then(|device| device.name());
        (0..self.count).map(|index| name(index).map_err(|error| format!("device {index}: {error}"))).collect()
    }

    /// A device that does not answer is left out: it fell off the bus, and all its numbers would be old.
    pub(super) fn read(&mut self) -> Vec<DeviceReading> {
        let Self { nvml, count, own } = self;
        let device = |index| Some(reading(index, &nvml.device_by_index(index).ok()?, own));
        (0..*count).filter_map(device).collect()
    }
}

/// There is no library, or a library without a driver under it: the usual case on a machine without such a device.
fn says_that_there_is_none(error: &NvmlError) -> bool {
    matches!(error, NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded)
}

fn lists_devices() -> bool {
    fs::read_dir(DRIVER).is_ok_and(|mut devices| devices.next().is_some())
}

/// The answers of a device; what it does not answer is kept with the reason.
#[derive(Default)]
struct Answers {
    unread: BTreeMap<String, String>,
}

impl Answers {
    fn take<T>(&mut self, sensor: &str, answer: Result<T, NvmlError>) -> Option<T> {
        let error = match answer {
            Ok(value) => return Some(value),
            Err(NvmlError::NotSupported) => NOT_SUPPORTED.to_owned(),
            Err(error) => error.to_string(),
        };
        self.unread.insert(sensor.to_owned(), error);
        None
    }
}

fn reading(index: u32, device: &Device<'_>, own: &mut Option<HashMap<u32, bool>>) -> DeviceReading {
    let mut answers = Answers::default();
    let memory = answers.take("memory_used_bytes", device.memory_info());
    let reasons = answers.take("throttled", device.current_throttle_reasons());
    let running = answers.take("processes", device.running_compute_processes());
    let processes: Vec<ProcessMemory> =
        running.iter().flatten().map(|process| memory_of(process, own.as_mut())).collect();
    let milliwatts = answers.take("power_watts", device.power_usage());
    let millijoules = answers.take("joules", device.total_energy_consumption());
    DeviceReading {
        index,
        busy_percent: answers.take("busy_percent", device.utilization_rates()).map(|rates| rates.gpu),
        memory_used_bytes: memory.as_ref().map(|memory| memory.used),
        memory_total_bytes: memory.as_ref().map(|memory| memory.total),
        power_watts: milliwatts.map(|milliwatts| f64::from(milliwatts) / 1e3),
        joules: millijoules.map(|millijoules| millijoules as f64 / 1e3),
        temperature_celsius: answers.take("temperature_celsius", device.temperature(TemperatureSensor::Gpu)),
        clock_mhz: answers.take("clock_mhz", device.clock_info(Clock::SM)),
        throttled: reasons
            .iter()
            .flat_map(|reasons| reasons.iter_names())
            .filter_map(|(name, _)| told(name))
            .collect(),
        foreign_processes: running.and_then(|_| foreign(&processes)),
        uncorrected_errors: answers.take(
            "uncorrected_errors",
            device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile),
        ),
        processes,
        unread: answers.unread,
    }
}

/// `None` for reasons that are no throttling: the device is idle, or somebody has set its clocks.
fn told(reason: &str) -> Option<String> {
    let harmless =
        matches!(reason, "GPU_IDLE" | "APPLICATIONS_CLOCKS_SETTING" | "NONE" | "DISPLAY_CLOCK_SETTING");
    (!harmless).then(|| reason.to_lowercase().replace('_', " "))
}

/// The owner of a process is unknown where workers are not children, or where the process has no entry here: it lives
/// in another PID namespace.
fn memory_of(process: &ProcessInfo, own: Option<&mut HashMap<u32, bool>>) -> ProcessMemory {
    let pid = process.pid;
    let bytes = match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    };
    let own = own.and_then(|known| match known.get(&pid) {
        Some(own) => Some(*own),
        None => {
            parent(pid)?;
            let own = descends(pid, std::process::id());
            known.insert(pid, own);
            Some(own)
        }
    });
    ProcessMemory { pid, bytes, own }
}

/// The ids of foreign processes; `None` when the owner of any process is unknown.
fn foreign(processes: &[ProcessMemory]) -> Option<Vec<u32>> {
    let foreign = |process: &ProcessMemory| process.own.map(|own| (!own).then_some(process.pid));
    let all: Option<Vec<Option<u32>>> = processes.iter().map(foreign).collect();
    all.map(|pids| pids.into_iter().flatten().collect())
}

/// Whether the process descends from `ancestor`. A process that ended in the meantime has no known ancestors.
fn descends(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    // No process tree is this deep; an id that was reused could make a circle.
    for _ in 0..64 {
        if at == ancestor {
            return true;
        }
        match parent(at) {
            Some(parent) if parent > 1 => at = parent,
            _ => return false,
        }
    }
    false
}

/// The fourth field of `/proc/PID/stat`, after the name in brackets, which may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_our_own_and_the_first_process_is_not() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        assert!(descends(child.id(), std::process::id()));
        assert!(!descends(1, std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!descends(child.id(), std::process::id()));
    }
}
