//! NVIDIA devices by the driver's library, which is loaded when it is there.

use std::collections::HashMap;
use std::fs;

use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::{Device, Nvml};
use vidbench_core::DeviceReading;

/// The library, in place of the one that the loader finds.
const LIBRARY: &str = "VIDBENCH_NVML";

pub(super) struct Devices {
    nvml: Nvml,
    count: u32,
    /// Processes that were looked up, and whether this process is their ancestor; none where that tells nothing.
    own: Option<HashMap<u32, bool>>,
}

impl Devices {
    pub(super) fn open(workers_are_children: bool) -> Result<Self, String> {
        let named = std::env::var_os(LIBRARY);
        let nvml = match &named {
            Some(path) => Nvml::builder().lib_path(path).init(),
            None => Nvml::init(),
        };
        let nvml = nvml.map_err(|error| format!("the driver's library (NVML) does not answer: {error}"))?;
        let count = nvml.device_count().map_err(|error| format!("NVML counts no devices: {error}"))?;
        Ok(Self { nvml, count, own: workers_are_children.then(HashMap::new) })
    }

    pub(super) fn names(&self) -> Result<Vec<String>, String> {
        let name = |index| self.nvml.device_by_index(index).and_then(|device| device.name());
        (0..self.count).map(|index| name(index).map_err(|error| format!("device {index}: {error}"))).collect()
    }

    /// A device that does not answer is left out: it fell off the bus, and every number of it would be old.
    pub(super) fn read(&mut self) -> Vec<DeviceReading> {
        let Self { nvml, count, own } = self;
        let device = |index| Some(reading(index, &nvml.device_by_index(index).ok()?, own));
        (0..*count).filter_map(device).collect()
    }
}

fn reading(index: u32, device: &Device<'_>, own: &mut Option<HashMap<u32, bool>>) -> DeviceReading {
    let memory = device.memory_info().ok();
    let reasons = device.current_throttle_reasons().ok();
    DeviceReading {
        index,
        busy_percent: device.utilization_rates().ok().map(|rates| rates.gpu),
        memory_used_bytes: memory.as_ref().map(|memory| memory.used),
        memory_total_bytes: memory.as_ref().map(|memory| memory.total),
        power_watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
        joules: device.total_energy_consumption().ok().map(|millijoules| millijoules as f64 / 1e3),
        temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
        clock_mhz: device.clock_info(Clock::SM).ok(),
        throttled: reasons
            .iter()
            .flat_map(|reasons| reasons.iter_names())
            .filter_map(|(name, _)| told(name))
            .collect(),
        foreign_processes: own.as_mut().and_then(|own| foreign(device, own)),
    }
}

/// An idle device and one whose clocks somebody has set are not throttled.
fn told(reason: &str) -> Option<String> {
    let harmless =
        matches!(reason, "GPU_IDLE" | "APPLICATIONS_CLOCKS_SETTING" | "NONE" | "DISPLAY_CLOCK_SETTING");
    (!harmless).then(|| reason.to_lowercase().replace('_', " "))
}

/// Nothing where the driver does not tell, or where a process has no entry here: it lives in another world of numbers.
fn foreign(device: &Device<'_>, own: &mut HashMap<u32, bool>) -> Option<Vec<u32>> {
    let mut pids: Vec<u32> =
        device.running_compute_processes().ok()?.into_iter().map(|process| process.pid).collect();
    for pid in &pids {
        if !own.contains_key(pid) {
            parent(*pid)?;
            own.insert(*pid, descends(*pid, std::process::id()));
        }
    }
    pids.retain(|pid| own.get(pid) == Some(&false));
    Some(pids)
}

/// Whether `ancestor` has started the process, or what has started it. A process that ended in the meantime is nobody's: it is not foreign for long.
fn descends(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    // No tree of processes is so deep; a number that was given again could make a circle.
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
