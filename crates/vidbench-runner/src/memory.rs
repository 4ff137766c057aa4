//! Main memory: how much the machine has left, and how much a process has taken.

use std::fs;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use vidbench_engines::family;

/// Memory that is still available, in bytes; `None` where the system does not tell.
pub fn available_bytes() -> Option<u64> {
    Some(system()?.available_memory())
}

/// Memory of the machine, in bytes; `None` where the system does not tell.
pub(crate) fn total_bytes() -> Option<u64> {
    Some(system()?.total_memory())
}

fn system() -> Option<System> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    System::new_with_specifics(ram).ok()
}

/// The sum of the peak resident sets of a process and its descendants so far, in bytes; `None` where the system does
/// not tell (only Linux does).
pub(crate) fn peak_bytes(pid: u32) -> Option<u64> {
    // A process that has ended in the meantime has no peak.
    let peaks: Vec<u64> = family(pid).into_iter().filter_map(peak_of_one).collect();
    (!peaks.is_empty()).then(|| peaks.iter().sum())
}

fn peak_of_one(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_has_a_peak_and_the_machine_more_than_that() {
        let peak = peak_bytes(std::process::id());
        assert_eq!(peak.is_some(), cfg!(target_os = "linux"));
        assert!(total_bytes().unwrap() > peak.unwrap_or(0));
        assert!(available_bytes().unwrap() <= total_bytes().unwrap());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn children_count_with_their_parent_and_strangers_have_none() {
        // The shell stays because another command follows; its child waits on a pipe that nothing writes to.
        let mut shell = Command::new("sh").args(["-c", "cat; true"]).stdin(Stdio::piped()).spawn().unwrap();
        while family(shell.id()).len() < 2 {
            std::thread::yield_now();
        }
        let both = peak_bytes(shell.id()).unwrap();
        assert!(both > peak_of_one(shell.id()).unwrap());
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(peak_bytes(u32::MAX), None);
    }
}
