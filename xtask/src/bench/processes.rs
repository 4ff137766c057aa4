//! Waits for processes and measures their time and memory.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time and memory of a process.
pub(super) struct Watched {
    pub(super) secs: f64,
    /// Processor time of the process, in user and system mode.
    pub(super) own_cpu_secs: f64,
    /// Largest resident set of the process.
    pub(super) own_mib: f64,
    /// Largest resident set of any of its children.
    pub(super) scorer_mib: f64,
}

/// Waits for a process and samples its memory meanwhile.
pub(super) fn watch(mut child: Child) -> Result<Watched> {
    let (start, mut own_mib, mut scorer_mib, mut own_cpu_secs) = (Instant::now(), 0.0_f64, 0.0_f64, 0.0);
    while child.try_wait()?.is_none() {
        own_mib = own_mib.max(peak_rss_mib(child.id()).unwrap_or(0.0));
        own_cpu_secs = cpu_secs(child.id()).unwrap_or(own_cpu_secs);
        for process in children(child.id()) {
            scorer_mib = scorer_mib.max(peak_rss_mib(process).unwrap_or(0.0));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the program exited with {status}");
    }
    Ok(Watched { secs: start.elapsed().as_secs_f64(), own_cpu_secs, own_mib, scorer_mib })
}

/// Of all its threads, also those that have ended, and of no child (proc_pid_stat(5), fields 14 and 15).
fn cpu_secs(process: u32) -> Option<f64> {
    /// Ticks a second, on every Linux.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may have blanks and brackets.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// Of every thread: a child belongs to the one that started it.
fn children(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn peak_rss_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    mib(&status, "VmHWM:")
}

/// Time and memory of a process and all its descendants.
pub(super) struct TreeWatched {
    pub(super) secs: f64,
    /// Largest sum of their proportional set sizes: pages that several share count once.
    pub(super) peak_pss_mib: f64,
}

/// Waits for a process and samples the memory of its tree only a few times per second, because the kernel counts every page for it.
pub(super) fn watch_tree(mut child: Child) -> Result<TreeWatched> {
    let (start, mut peak_pss_mib) = (Instant::now(), 0.0_f64);
    while child.try_wait()?.is_none() {
        peak_pss_mib = peak_pss_mib.max(tree(child.id()).into_iter().filter_map(pss_mib).sum());
        std::thread::sleep(Duration::from_millis(200));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the program exited with {status}");
    }
    Ok(TreeWatched { secs: start.elapsed().as_secs_f64(), peak_pss_mib })
}

/// A process and all below it.
fn tree(process: u32) -> Vec<u32> {
    std::iter::once(process).chain(children(process).into_iter().flat_map(tree)).collect()
}

fn pss_mib(process: u32) -> Option<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    mib(&rollup, "Pss:")
}

/// A line such as `Pss:   12 kB` in MiB.
fn mib(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}
