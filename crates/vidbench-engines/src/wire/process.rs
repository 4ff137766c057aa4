//! Ending a process with everything it has started.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

const POLL: Duration = Duration::from_millis(2);

/// Kills what is left of the leader's group, and collects the leader's status.
///
/// The leader is collected last: until then its number, which is the group's, cannot be given to a stranger.
pub(super) fn end_group(leader: &mut Child) -> Option<ExitStatus> {
    // A group that is gone already is what was wanted.
    let _ = killpg(pid(leader)?, Signal::SIGKILL);
    leader.wait().ok()
}

/// Whether the process ends within `wait`; its status stays to be collected.
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
        // Nothing to wait for: collected already.
        Some(Err(_)) | None => true,
    }
}

fn pid(leader: &Child) -> Option<Pid> {
    i32::try_from(leader.id()).ok().map(Pid::from_raw)
}
