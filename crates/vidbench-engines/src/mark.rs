//! How everything that a worker has started is found, wherever it went: by a variable of the environment, which every
//! process inherits from the one that starts it.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::family::is_alive;

/// The variable.
pub(crate) const MARK: &str = "VIDBENCH_WORKER";

/// How often to look for processes that were started while others were killed.
const ROUNDS: usize = 100;
/// A process that is started during a look can be missed by it, so only several looks that find nothing say that
/// nothing is left.
const EMPTY_ROUNDS: usize = 3;

/// The mark of one worker; no other worker on this machine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{}-{}-{count}", std::process::id(), since.as_nanos()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Kills every process that has the mark. One that has cleared its environment has none.
    pub(crate) fn kill_all(&self) {
        let mut empty = 0;
        for _ in 0..ROUNDS {
            let marked = self.marked();
            empty = if marked.is_empty() { empty + 1 } else { 0 };
            if empty == EMPTY_ROUNDS {
                return;
            }
            for id in marked {
                // An error is ignored: the process may already be gone.
                let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
            }
        }
    }

    fn marked(&self) -> Vec<i32> {
        let entry = format!("{MARK}={}", self.0);
        let own = std::process::id();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let has_mark = |id: &u32| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == entry.as_bytes())
        };
        let marked = ids.filter(|id| *id != own && has_mark(id) && is_alive(*id));
        marked.filter_map(|id| i32::try_from(id).ok()).collect()
    }
}
