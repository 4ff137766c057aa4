//! Ending a process and all its descendants.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::family::{family, is_alive};

const POLL: Duration = Duration::from_millis(2);

/// How often to look again for descendants that were started while others were killed.
const ROUNDS: usize = 100;

/// Kills what is left of the leader, its descendants and its group, and collects the leader's status.
///
/// The leader is collected last: until then no other process can get its id, which is also the group's.
pub(super) fn end_group(leader: &mut Child) -> Option<ExitStatus> {
    let group = pid(leader)?;
    // Stopped, the leader starts nothing new and stays the parent of descendants that lose theirs. Here and below,
    // errors are ignored: a process that is already gone needs no signal.
    let _ = kill(group, Signal::SIGSTOP);
    kill_descendants(leader.id());
    let _ = killpg(group, Signal::SIGKILL);
    leader.wait().ok()
}

/// Kills all descendants, also those that have left the process group.
pub(super) fn kill_descendants(leader: u32) {
    for _ in 0..ROUNDS {
        let alive: Vec<u32> =
            family(leader).into_iter().filter(|id| *id != leader && is_alive(*id)).collect();
        if alive.is_empty() {
            return;
        }
        for id in alive.into_iter().filter_map(|id| i32::try_from(id).ok()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// Whether the process ends within `wait`; its status is not collected.
pub(super) fn has_ended(leader: &Child, wait: Duration) -> bool {
    let began = Instant::now();
    loop {
        if is_zombie(leader) {
            return true;
        }
        if began.elapsed() >= wait {
            return false;
        }
        thread::sleep(POLL);
    }
}

fn is_zombie(leader: &Child) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match pid(leader).map(|pid| waitid(Id::Pid(pid), flags)) {
        Some(Ok(status)) => status != WaitStatus::StillAlive,
        // There is nothing to wait for: the process was collected already.
        Some(Err(_)) | None => true,
    }
}

fn pid(leader: &Child) -> Option<Pid> {
    i32::try_from(leader.id()).ok().map(Pid::from_raw)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::WorkerCommand;

    #[test]
    fn a_daemon_ends_with_the_worker_that_started_it() {
        let daemon = "(setsid sleep 100 >/dev/null 2>&1 &) ; cat";
        let mut worker = WorkerCommand::new("sh").args(["-c", daemon]).to_std().spawn().unwrap();
        let is_sleeping = |id: &u32| {
            std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim_end() == "sleep")
        };
        let sleeping = loop {
            let family = family(worker.id());
            assert!(is_alive(worker.id()));
            if let Some(id) = family.into_iter().find(is_sleeping) {
                break id;
            }
        };
        let status = end_group(&mut worker).unwrap();
        assert!(!status.success() && !is_alive(sleeping), "{status}");
    }
}
