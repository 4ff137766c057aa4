//! The process group of the worker. Everything that a program starts belongs to it, unless it leaves the group.

use std::fs;
use std::thread;
use std::time::Duration;

/// When its client has gone, the worker's loop has this long to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// Kills this process with everything in its group, which is what a program that took too long has started.
#[expect(unsafe_code, reason = "a system call")]
pub fn end_process_group() {
    // SAFETY: it takes two numbers and touches no memory of ours.
    unsafe { libc::kill(0, libc::SIGKILL) };
}

/// Ends the whole group when the client goes, in whatever way: ending only the worker would leave its program running.
#[expect(unsafe_code, reason = "system calls")]
pub fn end_with_client() {
    // SAFETY: it takes two numbers and touches no memory of ours. Without it the kernel would kill this process alone.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, 0)
    };
    thread::spawn(|| {
        let mut stdin = libc::pollfd { fd: 0, events: 0, revents: 0 };
        // SAFETY: one structure is handed over with its number, and lives longer than the call.
        while unsafe { libc::poll(&raw mut stdin, 1, -1) } <= 0 {}
        thread::sleep(GRACE);
        end_process_group();
    });
}

/// Kills what is left of a program that has ended: its children would run on beside the next sample. Linux tells which
/// processes they are.
#[expect(unsafe_code, reason = "a system call")]
pub(super) fn kill_others() {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let Some(group) = group_of(own) else { return };
    let Ok(processes) = fs::read_dir("/proc") else { return };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // A worker in the group of a terminal kills nothing, because others are in that group too.
    for id in ids.filter(|id| *id != own && group == own && group_of(*id) == Some(group)) {
        // SAFETY: it takes two numbers and touches no memory of ours.
        unsafe { libc::kill(id, libc::SIGKILL) };
    }
}

/// The process group of a process: the third field after its name, which may hold anything but ends with the last parenthesis.
fn group_of(id: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}
