//! Describes this machine as far as its facts can be read; the rest is given as unknown.

use std::fs;
use std::thread;

use vidbench_core::Environment;

/// Reads the machine's facts. `command` is the command line to record.
pub fn environment(command: Vec<String>) -> Environment {
    Environment {
        tool_version: env!("CARGO_PKG_VERSION").into(),
        os: os(),
        cpu: cpu(),
        cores: thread::available_parallelism()
            .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        memory_bytes: memory_bytes(),
        accelerators: accelerators(),
        libav: vidbench_video::libav_version().unwrap_or_else(|error| format!("not available: {error}")),
        libvmaf: vidbench_video::libvmaf_version().ok(),
        nets: None,
        scorer: None,
        command,
    }
}

fn os() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name =
        release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(|name| name.trim_matches('"'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{}, kernel {}", name.unwrap_or(std::env::consts::OS), or_unknown(kernel.trim()))
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    or_unknown(model.map_or("", |(_, name)| name.trim())).into()
}

pub(crate) fn memory_bytes() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// NVIDIA devices, from files of the driver; empty where there is no driver.
fn accelerators() -> Vec<String> {
    let Ok(folders) = fs::read_dir("/proc/driver/nvidia/gpus") else { return Vec::new() };
    let mut names: Vec<String> = folders
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("information")).ok())
        .filter_map(|info| Some(info.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().to_owned()))
        .collect();
    names.sort();
    names
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let here = super::environment(vec!["vidbench".into()]);
        assert!(here.cores >= 1);
        assert!(here.memory_bytes > Some(1 << 20), "{here:?}");
        assert!(!here.cpu.is_empty() && here.os.contains("kernel"));
    }
}
