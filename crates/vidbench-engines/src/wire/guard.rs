//! Measures what a worker and all its descendants use, and ends them when that is too much.
//!
//! The system's own limits do not fit. They limit address space, of which accelerator drivers reserve more than the
//! machine has memory, and they count each process alone, for its whole life. So a thread reads `/proc` at intervals.
//! Memory that is allocated between two readings can exceed the limit.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process::kill_family;
use crate::family::{TICKS_PER_SEC, family, ticks};
use crate::limits::{Exceeded, Limits};

/// Time between two readings.
const LOOK: Duration = Duration::from_millis(50);
/// Readings take at most one part in this many of a core: a worker may have thousands of threads.
const LOOK_SHARE: u32 = 50;

/// A watched worker; dropping it ends the watch.
pub(super) struct Guard {
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    exceeded: OnceLock<Exceeded>,
    /// A request has begun since the last reading.
    begun: AtomicBool,
}

impl Guard {
    /// Watches the worker whose group `leader` leads; `None` where there is no limit to watch.
    pub(super) fn start(leader: u32, limits: Limits) -> io::Result<Option<Self>> {
        if !limits.are_watched() {
            return Ok(None);
        }
        // On a kernel that does not list child processes, all descendants would escape the limits.
        can_watch()?;
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = channel();
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new().name("guard".into()).spawn(move || {
            let mut watch = Watch { leader, limits, cpu_ticks_before: 0 };
            let mut wait = LOOK;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let began = Instant::now();
                if let Some(exceeded) = watch.look(watched.begun.swap(false, Ordering::Relaxed)) {
                    // Recorded before the worker is ended, so that whoever sees the end also sees the reason.
                    let _ = watched.exceeded.set(exceeded);
                    return watch.end();
                }
                wait = LOOK.max(began.elapsed() * LOOK_SHARE);
            }
        })?;
        Ok(Some(Self { shared, stop: Some(stop), thread: Some(thread) }))
    }

    /// A request begins: its processor time counts from now.
    pub(super) fn begin_request(&self) {
        self.shared.begun.store(true, Ordering::Relaxed);
    }

    /// What the worker was ended for.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.shared.exceeded.get().copied()
    }

    /// Ends the watch. Must be called before the worker's process is collected: afterwards another process may get its
    /// id.
    pub(super) fn stop(&mut self) {
        self.stop = None;
        // A thread that panicked no longer watches, which is all that is needed here.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether the kernel lists the children of a process (CONFIG_PROC_CHILDREN).
pub(crate) fn can_watch() -> io::Result<()> {
    fs::read("/proc/thread-self/children").map(drop)
}

struct Watch {
    leader: u32,
    limits: Limits,
    /// Processor time that had been used when the request began.
    cpu_ticks_before: u64,
}

impl Watch {
    fn look(&mut self, a_request_began: bool) -> Option<Exceeded> {
        let family = family(self.leader);
        let usage = usage_of(&family);
        if a_request_began {
            self.cpu_ticks_before = usage.cpu_ticks;
        }
        let memory = self.limits.memory_bytes.filter(|limit| usage.memory_bytes > *limit);
        if let Some(limit_bytes) = memory {
            // The sum counts pages that processes share once for each of them; the exact count is slow.
            let held_bytes = exactly_held_bytes(&family).unwrap_or(usage.memory_bytes);
            if held_bytes > limit_bytes {
                return Some(Exceeded::Memory { held_bytes, limit_bytes });
            }
        }
        let spent_secs = usage.cpu_ticks.saturating_sub(self.cpu_ticks_before) / TICKS_PER_SEC;
        let limit_secs = self.limits.cpu_secs.filter(|limit| spent_secs > *limit)?;
        Some(Exceeded::Cpu { spent_secs, limit_secs })
    }

    /// Kills the worker first, so that it cannot answer that its program was killed.
    fn end(&self) {
        kill_family(self.leader);
    }
}

/// What processes use together.
#[derive(Default)]
struct Usage {
    memory_bytes: u64,
    cpu_ticks: u64,
}

fn usage_of(processes: &[u32]) -> Usage {
    let status = |id: &u32| fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    processes.iter().fold(Usage::default(), |sum, id| Usage {
        memory_bytes: sum.memory_bytes + held_bytes(&status(id)),
        cpu_ticks: sum.cpu_ticks + ticks(*id).unwrap_or(0),
    })
}

/// Memory that the kernel cannot drop: anonymous and shared memory, and the part of it that was swapped out (proc(5)).
/// Mapped files, such as weights, do not count: when memory is short the kernel drops them and reads them again.
fn held_bytes(status: &str) -> u64 {
    sum_bytes(status, &["RssAnon:", "RssShmem:", "VmSwap:"]).unwrap_or(0)
}

/// The same memory with each shared page divided among the processes that share it (Linux's proportional set size);
/// `None` where the kernel does not tell.
fn exactly_held_bytes(processes: &[u32]) -> Option<u64> {
    let rollup = |id: &u32| fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok();
    // A process that has ended in the meantime holds nothing.
    let each = processes
        .iter()
        .filter_map(rollup)
        .map(|text| sum_bytes(&text, &["Pss_Anon:", "Pss_Shmem:", "SwapPss:"]));
    each.sum::<Option<u64>>().filter(|bytes| *bytes > 0)
}

/// The sum of the named lines, which are in kB; `None` if none is there.
fn sum_bytes(text: &str, names: &[&str]) -> Option<u64> {
    let value = |name: &&str| {
        let line = text.lines().find_map(|line| line.strip_prefix(*name))?;
        line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()
    };
    let values: Vec<u64> = names.iter().filter_map(value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<u64>() * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_cannot_be_dropped() {
        let status = "Name:\tw\nVmRSS:\t 5000 kB\nRssAnon:\t  100 kB\nRssFile:\t 4800 kB\nRssShmem:\t 20 kB\nVmSwap:\t 3 kB\n";
        assert_eq!(held_bytes(status), 123 * 1024);
        assert_eq!(held_bytes("Name:\tgone\nState:\tZ (zombie)\n"), 0);
    }

    #[test]
    fn this_process_and_its_children_are_a_family() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = family(std::process::id());
        let found = family.contains(&child.id());
        let usage = usage_of(&family);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found && usage.memory_bytes > 0, "{family:?}");
    }
}
