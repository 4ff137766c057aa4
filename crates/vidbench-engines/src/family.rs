//! A process and its descendants, as Linux shows them under `/proc`.

use std::fs;

/// The most processes of a family that are looked at; further ones are left out.
const MOST_PROCESSES: usize = 10_000;

/// Ticks a second of the times in `/proc/PID/stat`: USER_HZ, the same on every platform that vidbench is built for.
pub(crate) const TICKS_PER_SEC: u64 = 100;

/// The process and its descendants; only the process where the system does not list children.
pub fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(&pid) = family.get(at).filter(|_| at < MOST_PROCESSES) {
        family.extend(children(pid));
        at += 1;
    }
    family.truncate(MOST_PROCESSES);
    family
}

/// Processor time of the process and its descendants so far, in seconds, including those that have ended and were
/// waited for; `None` where the system does not tell.
pub fn family_cpu_secs(pid: u32) -> Option<f64> {
    // The time of a process that ends during this loop is counted with its parent's the next time.
    let ticks: Vec<u64> = family(pid).into_iter().filter_map(ticks).collect();
    (!ticks.is_empty()).then(|| ticks.iter().sum::<u64>() as f64 / TICKS_PER_SEC as f64)
}

/// User and system time of a process and of its children that were waited for, in ticks; `None` once it has ended.
pub(crate) fn ticks(pid: u32) -> Option<u64> {
    ticks_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 14 to 17 of proc_pid_stat(5). The name, field 2, may contain anything but ends with the last parenthesis.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    (0..4).map(|_| times.next()?.parse::<u64>().ok()).sum()
}

/// Whether a process runs: one that has ended and was not collected yet does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with(['Z', 'X']))
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of_thread = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).ok();
    let lists: Vec<String> = threads.flatten().filter_map(of_thread).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn processor_time_is_read_behind_any_name() {
        assert_eq!(
            ticks_of("7 (a ) b (c)) S 1 7 7 0 -1 4194304 10 0 0 0 300 20 4 1 20 0 1 0 5 0 0"),
            Some(325)
        );
        assert_eq!(ticks_of(""), None);
    }

    #[test]
    fn children_belong_to_their_parent_and_strangers_have_none() {
        // The shell stays because another command follows; its child waits on a pipe that nothing writes to.
        let mut shell = Command::new("sh").args(["-c", "cat; true"]).stdin(Stdio::piped()).spawn().unwrap();
        while children(shell.id()).is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(family(shell.id()).len(), 2);
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!((family(u32::MAX), family_cpu_secs(u32::MAX)), (vec![u32::MAX], None));
    }

    #[test]
    fn time_of_children_counts_while_they_work_and_when_they_have_ended() {
        let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let script = format!("sh -c '{busy}'; sh -c '{busy}; cat'; true");
        let mut shell = Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while family_cpu_secs(shell.id()).is_none_or(|secs| secs < 0.05) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", family_cpu_secs(shell.id()));
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }
}
