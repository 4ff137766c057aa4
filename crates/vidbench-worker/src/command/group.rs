//! Everything that a program started: the descendants of the worker, and what else is in its process group.
//!
//! The worker adopts descendants whose parents have ended, so that a program cannot leave a process behind by `setsid`
//! or by forking twice.

use std::fs;
use std::thread;
use std::time::Duration;

/// When its client has gone, the worker's loop has this long to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// How often to look for processes that were started while others were killed.
const ROUNDS: usize = 100;
/// A process that is started during a look can be missed by it, so only several looks that find nothing say that
/// nothing is left.
const EMPTY_ROUNDS: usize = 3;

/// Kills everything that a program started, and ends this process: the program took too long.
pub fn end_with_program() -> ! {
    kill_others();
    std::process::exit(1);
}

/// Lets this process adopt descendants whose parents have ended.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
pub fn adopt_orphans() {
    // SAFETY: it takes two numbers. Without it, only what is in the process group is found.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
}

/// Ends everything when the client goes, in whatever way: ending only the worker would leave its program running.
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
        end_with_program();
    });
}

/// Kills what is left of a program that has ended: its children would run on beside the next sample. Linux tells which
/// processes they are.
#[expect(unsafe_code, reason = "a system call")]
pub(super) fn kill_others() {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut empty = 0;
    for _ in 0..ROUNDS {
        let others = others(own, &processes());
        empty = if others.is_empty() { empty + 1 } else { 0 };
        if empty == EMPTY_ROUNDS {
            return;
        }
        for id in others {
            // SAFETY: it takes two numbers and touches no memory of ours.
            unsafe { libc::kill(id, libc::SIGKILL) };
        }
    }
}

/// Collects adopted processes that have ended. Must not be called while a program runs: its own end would be collected.
#[expect(unsafe_code, reason = "a system call")]
pub(super) fn collect_adopted() {
    // SAFETY: the kernel is asked to write no status.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// A process as `/proc` shows it.
#[derive(Debug, Clone, Copy)]
struct Process {
    id: i32,
    parent: i32,
    group: i32,
    ended: bool,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    ids.filter_map(|id| process(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?)).collect()
}

/// The fields after the name, which may hold anything but ends with the last parenthesis: state, parent, group.
fn process(id: i32, stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some(Process { id, parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()?, ended })
}

/// The running descendants of `own`, and what else is in the group that it leads. A worker in the group of a terminal
/// does not lead it, and others are in that group too.
fn others(own: i32, processes: &[Process]) -> Vec<i32> {
    let mut family = vec![own];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        let children = processes.iter().filter(|process| process.parent == parent).map(|process| process.id);
        let new: Vec<i32> = children.filter(|id| !family.contains(id)).collect();
        family.extend(new);
        at += 1;
    }
    let leads = processes.iter().any(|process| process.id == own && process.group == own);
    let is_ours = |process: &Process| family.contains(&process.id) || (leads && process.group == own);
    let running = processes.iter().filter(|process| process.id != own && !process.ended);
    running.filter(|process| is_ours(process)).map(|process| process.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_and_the_group_are_ours_and_nothing_else() {
        let line = |id: i32, name: &str, state: &str, parent: i32, group: i32| {
            process(id, &format!("{id} ({name}) {state} {parent} {group} 1 0")).unwrap()
        };
        let all = [
            line(1, "init", "S", 0, 1),
            line(7, "worker", "S", 1, 7),
            line(8, "a ) b", "R", 7, 7),
            line(9, "left the group", "S", 8, 9),
            line(10, "adopted by init", "S", 1, 7),
            line(11, "ended", "Z", 7, 7),
            line(12, "stranger", "S", 1, 12),
        ];
        assert_eq!(others(7, &all), [8, 9, 10]);
        let in_a_terminal = all.map(|process| Process { group: 1, ..process });
        assert_eq!(others(7, &in_a_terminal), [8, 9]);
    }
}
