//! Main memory: what the machine has left, and what a process has taken.

use std::fs;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Processes of a worker that are looked at; one that starts more is its own trouble.
const MOST_PROCESSES: usize = 64;

/// Memory that can still be had, in bytes; `None` where the system does not tell.
pub(crate) fn available_bytes() -> Option<u64> {
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

/// The largest resident sets so far of a process and its descendants, added up, in bytes; `None` where the system does not tell (only Linux does).
pub(crate) fn peak_bytes(pid: u32) -> Option<u64> {
    let mut family = vec![pid];
    let mut bytes = None;
    let mut at = 0;
    while let Some(&pid) = family.get(at).filter(|_| at < MOST_PROCESSES) {
        // One that has ended meanwhile has none.
        bytes = peak_of_one(pid).map(|peak| bytes.unwrap_or(0) + peak).or(bytes);
        family.extend(children(pid));
        at += 1;
    }
    bytes
}

fn peak_of_one(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of_thread = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).ok();
    let lists: Vec<String> = threads.flatten().filter_map(of_thread).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
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
        // The shell stays because something follows; its child waits for a pipe that nobody writes to.
        let mut shell = Command::new("sh").args(["-c", "cat; true"]).stdin(Stdio::piped()).spawn().unwrap();
        while children(shell.id()).is_empty() {
            std::thread::yield_now();
        }
        let both = peak_bytes(shell.id()).unwrap();
        assert!(both > peak_of_one(shell.id()).unwrap());
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(peak_bytes(u32::MAX), None);
    }
}
