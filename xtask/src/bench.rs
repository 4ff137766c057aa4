//! Benchmarks: ours, the peer's or the limit's figure, and the ratio, in one run. Nothing here is a test.

mod run;
mod score;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

type Bench = fn(&Path) -> Result<()>;

const BENCHES: &[(&str, Bench)] = &[
    ("version", run::version),
    ("plan", run::plan),
    ("durable", run::durable),
    ("overhead", run::overhead),
    ("sample", run::sample),
    ("decode", score::decode),
    ("flicker", score::flicker),
    ("pairs", score::pairs),
    ("ssim", score::ssim),
    ("frechet", score::frechet),
    ("scale", score::scale),
];

pub(crate) fn run(name: Option<&str>) -> Result<()> {
    let chosen: Vec<_> = BENCHES.iter().filter(|(known, _)| name.is_none_or(|name| name == *known)).collect();
    if chosen.is_empty() {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("no benchmark {:?}; there are: {}", name.unwrap_or_default(), known.join(", "));
    }
    let binary = build()?;
    println!("{:<34} {:>12} {:>12} {:>8}", "benchmark", "ours", "limit/peer", "ratio");
    chosen.into_iter().try_for_each(|(_, bench)| bench(&binary))
}

fn build() -> Result<PathBuf> {
    cargo(&["build", "--release", "--package", "vidbench"])?;
    Ok(target().join("release/vidbench"))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| super::root().join("target"), PathBuf::from)
}

fn cargo(args: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO")).arg("--quiet").args(args).current_dir(super::root()).status()?;
    if !status.success() {
        bail!("cargo {} failed", args.join(" "));
    }
    Ok(())
}

/// One line of the table. `ratio` above 1 is better than the limit or the peer.
fn report(name: &str, ours: String, other: String, ratio: f64) {
    println!("{name:<34} {ours:>12} {other:>12} {ratio:>7.2}x");
}

fn at_most(name: &str, ours: f64, limit: f64, unit: &str) {
    report(name, format!("{ours:.3} {unit}"), format!("{limit} {unit}"), limit / ours);
}

fn at_least(name: &str, ours: f64, limit: f64, unit: &str) {
    report(name, format!("{ours:.1} {unit}"), format!("{limit} {unit}"), ours / limit);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn example(package: &str, name: &str, args: &[&str], environment: Option<(&str, &str)>) -> Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--package", package, "--example", name, "--"])
        .args(args)
        .envs(environment)
        .current_dir(super::root())
        .output()?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} printed no JSON"))
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().with_context(|| format!("no number {key} in {value}"))
}

/// The Python that has the peers.
fn python() -> String {
    std::env::var("VIDBENCH_BENCH_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// What a process took.
struct Watched {
    secs: f64,
    /// Largest resident set of the process.
    own_mib: f64,
    /// Largest resident set of any of its children.
    scorer_mib: f64,
}

/// Waits for a process and looks at its memory all the while.
fn watch(mut child: Child) -> Result<Watched> {
    let (start, mut own_mib, mut scorer_mib) = (Instant::now(), 0.0_f64, 0.0_f64);
    while child.try_wait()?.is_none() {
        own_mib = own_mib.max(peak_rss_mib(child.id()).unwrap_or(0.0));
        for process in children(child.id()) {
            scorer_mib = scorer_mib.max(peak_rss_mib(process).unwrap_or(0.0));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the program ended with {status}");
    }
    Ok(Watched { secs: start.elapsed().as_secs_f64(), own_mib, scorer_mib })
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
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// An empty folder under the target folder.
fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target().join("bench").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
