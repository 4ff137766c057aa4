//! Ending a process and all its descendants.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

const POLL: Duration = Duration::from_millis(2);

/// Kills what is left of the leader's group, and collects the leader's status.
///
/// The leader is collected last: until then no other process can get its id, which is also the group's.
pub(super) fn end_group(leader: &mut Child) -> Option<ExitStatus> {
    // If the group is already gone, there is nothing left to kill.
    let _ = killpg(pid(leader)?, Signal::SIGKILL);
    leader.wait().ok()
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
