//! Ending a process and all its descendants.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::family::family;
use crate::mark::Mark;

const POLL: Duration = Duration::from_millis(2);

/// Kills what is left of the leader, its group, its descendants and whatever else it has started, and collects the
/// leader's status.
///
/// The leader is collected after its group: until then no other process can get its id, which is also the group's.
pub(super) fn end_group(leader: &mut Child, mark: &Mark) -> Option<ExitStatus> {
    kill_family(leader.id());
    let status = leader.wait().ok();
    mark.kill_all();
    status
}

/// Kills a process with its group, and descendants that have left the group.
pub(super) fn kill_family(leader: u32) {
    // Read before the leader ends: afterwards its descendants are no longer below it.
    let family = family(leader);
    let pid = |id: u32| i32::try_from(id).ok().map(Pid::from_raw);
    // Errors are ignored: a process that is already gone needs no signal.
    let _ = pid(leader).map(|group| killpg(group, Signal::SIGKILL));
    family.into_iter().filter_map(pid).for_each(|process| {
        let _ = kill(process, Signal::SIGKILL);
    });
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
    use crate::family::is_alive;

    /// A daemon ends with its worker, whether the worker must be killed or has ended before.
    #[test]
    fn a_daemon_ends_with_the_worker_that_started_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, rest) in [("killed", "cat"), ("ended", "exit 3")] {
            let file = folder.path().join(name);
            let daemon = format!(
                "(setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 100' >/dev/null 2>&1 &)\n\
                 while [ ! -e {0} ]; do sleep 0.01; done\n{rest}",
                file.display()
            );
            let mark = Mark::new();
            let mut worker = WorkerCommand::new("sh").args(["-c", &daemon]).to_std(&mark).spawn().unwrap();
            let sleeping = loop {
                if let Ok(id) = std::fs::read_to_string(&file) {
                    break id.trim().parse::<u32>().unwrap();
                }
            };
            assert_eq!(
                has_ended(&worker, Duration::from_secs(if name == "ended" { 30 } else { 0 })),
                name == "ended"
            );
            assert!(is_alive(sleeping));
            end_group(&mut worker, &mark);
            assert!(!is_alive(sleeping), "{name}");
        }
    }
}
