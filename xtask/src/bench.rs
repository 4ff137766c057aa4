//! Benchmarks: ours, the peer's or the limit's figure, and the ratio, in one run. Nothing here is a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

type Bench = fn(&Path) -> Result<()>;

const BENCHES: &[(&str, Bench)] =
    &[("version", version), ("plan", plan), ("durable", durable), ("overhead", overhead), ("sample", sample)];

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

/// Start-up of the program, median of 21.
fn version(binary: &Path) -> Result<()> {
    let mut millis = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        Command::new(binary).arg("--version").stdout(Stdio::null()).status()?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    at_most("--version", median(millis), 20.0, "ms");
    Ok(())
}

/// Planning a million samples: reading, resolving, hashing, printing the plan.
fn plan(binary: &Path) -> Result<()> {
    let folder = scratch("plan")?;
    let seeds: Vec<String> = (0..1000).map(|seed| seed.to_string()).collect();
    let suite = format!(
        "schema_version = 1\nname = \"million\"\nseeds = [{}]\nrepeats = 4\n\
         [[models]]\nid = \"shapes-ldm\"\nengine = \"embedded\"\n[prompts]\nsuite = \"shapes\"\nlimit = 125\n\
         [grid]\nsteps = [8, 16]\n",
        seeds.join(", ")
    );
    std::fs::write(folder.join("suite.toml"), suite)?;
    let start = Instant::now();
    let mut child = Command::new(binary)
        .args(["run", "suite.toml", "--dry-run"])
        .current_dir(&folder)
        .stdout(Stdio::null())
        .spawn()?;
    let mut peak_mib = 0.0_f64;
    while child.try_wait()?.is_none() {
        peak_mib = peak_mib.max(peak_rss_mib(child.id()).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(2));
    }
    at_most("plan 1,000,000 samples", start.elapsed().as_secs_f64(), 5.0, "s");
    at_most("plan 1,000,000 samples, memory", peak_mib, 1024.0, "MiB");
    Ok(())
}

fn peak_rss_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Outcomes a second, each one durable before the next.
fn durable(_: &Path) -> Result<()> {
    let folder = scratch("durable")?;
    let figure = example("vidbench-store", "bench_durable", &[folder.to_string_lossy().as_ref()], None)?;
    at_least("durable outcomes", number(&figure, "outcomes_per_sec")?, 300.0, "/s");
    Ok(())
}

/// The harness's own share of a run of the demo's shape, median of three.
fn overhead(binary: &Path) -> Result<()> {
    let (mut shares, mut walls) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (share, wall_secs) = demo(binary)?;
        shares.push(100.0 * share);
        walls.push(wall_secs);
    }
    at_most("demo, harness share of the run", median(shares), 2.0, "%");
    at_most("demo, whole program", median(walls), 180.0, "s");
    Ok(())
}

/// Runs the demo: the share of the session that is no work, and the seconds of the whole program.
fn demo(binary: &Path) -> Result<(f64, f64)> {
    let folder = scratch("overhead")?;
    let start = Instant::now();
    let output =
        Command::new(binary).args(["demo", "--json", "--progress", "none"]).current_dir(&folder).output()?;
    let wall_secs = start.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!("the demo failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let exported = Command::new(binary).args(["export", "latest"]).current_dir(&folder).output()?;
    let data: Value = serde_json::from_slice(&exported.stdout)?;
    let ledger = &data["sessions"][0]["ledger"];
    let parts = ["load_secs", "warmup_secs", "generate_secs", "encode_secs", "score_secs"];
    let work: f64 = parts.iter().map(|part| number(ledger, part)).sum::<Result<f64>>()?;
    let session_secs = number(ledger, "wall_secs")?;
    Ok(((session_secs - work) / session_secs, wall_secs))
}

/// Sampling the embedded model, against the same networks in ONNX Runtime through Python where it is installed: with the
/// built-in runtime, and with the very library of that Python.
fn sample(_: &Path) -> Result<()> {
    let python = std::env::var("VIDBENCH_BENCH_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = Command::new(&python).arg(super::root().join("training/bench_sample.py")).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        let ours = sample_millis(None)?;
        println!("{:<34} {ours:>9.0} ms  peer not available: {python} has no onnxruntime", SAMPLE);
        return Ok(());
    };
    let peer: Value = serde_json::from_slice(&output.stdout)?;
    let peer_millis = number(&peer, "millis")?;
    let library = peer["library"].as_str().context("the peer's onnxruntime has no shared library")?;
    for (runtime, library) in [("tract", None), ("onnxruntime", Some(library))] {
        let ours = sample_millis(library)?;
        let name = format!("{SAMPLE}, {runtime}");
        report(&name, format!("{ours:.0} ms"), format!("{peer_millis:.0} ms"), peer_millis / ours);
    }
    Ok(())
}

const SAMPLE: &str = "16 guided steps";

/// Median time of a clip, in the built-in runtime or in a library of ONNX Runtime.
fn sample_millis(library: Option<&str>) -> Result<f64> {
    let environment = library.map(|library| ("ORT_DYLIB_PATH", library));
    let runtime = if library.is_some() { "onnxruntime" } else { "tract" };
    let figure = example("vidbench-worker", "bench_sample", &[runtime], environment)?;
    number(&figure, "millis")
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

/// An empty folder under the target folder.
fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target().join("bench").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
