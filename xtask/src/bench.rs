//! Benchmarks: ours, the peer's or the limit's figure, and the ratio, in one run. Nothing here is a test.

mod cache;
mod nets;
mod processes;
mod run;
mod score;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

type Bench = fn(&Path) -> Result<()>;

const BENCHES: &[(&str, Bench)] = &[
    ("version", run::version),
    ("plan", run::plan),
    ("resume", run::resume),
    ("durable", run::durable),
    ("breaker", run::breaker),
    ("health", run::health),
    ("overhead", run::overhead),
    ("sample-cost", run::sample_cost),
    ("sample", run::sample),
    ("decode", score::decode),
    ("flicker", score::flicker),
    ("pairs", score::pairs),
    ("ssim", score::ssim),
    ("frechet", score::frechet),
    ("scale", score::scale),
    ("cache", cache::cache),
    ("nets-forward", nets::forward),
    ("nets-vbench", nets::vbench),
    ("nets-fvd", nets::fvd),
    ("nets-shared", nets::shared),
];

pub(crate) fn run(name: Option<&str>) -> Result<()> {
    // A name chooses those of its family, too: `nets` is every `nets-...`.
    let is_meant = |known: &str, name: &str| {
        known.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(known, _)| name.is_none_or(|name| is_meant(known, name))).collect();
    if chosen.is_empty() {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("unknown benchmark {:?}; known: {}", name.unwrap_or_default(), known.join(", "));
    }
    // The cache's needs no program, and building one takes minutes.
    let needs_binary = chosen.iter().any(|(name, _)| *name != "cache");
    let binary = if needs_binary { build()? } else { PathBuf::new() };
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
    let status = super::cargo().arg("--quiet").args(args).status()?;
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

/// What an example prints. It is built together with the binary, so that dependencies are built once for both.
fn example(package: &str, name: &str, args: &[&str], environment: Option<(&str, &str)>) -> Result<Value> {
    cargo(&["build", "--release", "--package", "vidbench", "--package", package, "--example", name])?;
    let output =
        Command::new(target().join("release/examples").join(name)).args(args).envs(environment).output()?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} printed no JSON"))
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().with_context(|| format!("{key} is not a number in {value}"))
}

/// The Python that has the peers.
fn python() -> String {
    std::env::var("VIDBENCH_BENCH_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// What a task of a script of peers prints.
fn peer(script: &str, task: &str, args: &[&str]) -> Result<Value> {
    let output = peer_command(script, task).args(args).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{}", last_line(&stderr));
    }
    Ok(serde_json::from_str(last_line(&String::from_utf8(output.stdout)?))?)
}

fn peer_command(script: &str, task: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(crate::root().join("xtask/src/bench").join(script)).arg(task).stdin(Stdio::null());
    command
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or("no reason")
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
