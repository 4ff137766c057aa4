//! Benchmarks of running suites: start-up, planning, recording, the harness's own share, sampling.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::processes::{Watched, watch};
use super::{at_least, at_most, cargo, example, median, number, python, report, scratch, target};

/// Start-up of the program, median of 21.
pub(super) fn version(binary: &Path) -> Result<()> {
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
pub(super) fn plan(binary: &Path) -> Result<()> {
    let folder = scratch("plan")?;
    std::fs::write(folder.join("suite.toml"), million())?;
    let child = Command::new(binary)
        .args(["run", "suite.toml", "--dry-run"])
        .current_dir(&folder)
        .stdout(Stdio::null())
        .spawn()?;
    let Watched { secs, own_mib, .. } = watch(child)?;
    at_most("plan 1,000,000 samples", secs, 5.0, "s");
    at_most("plan 1,000,000 samples, memory", own_mib, 1024.0, "MiB");
    Ok(())
}

/// A suite of a million samples.
fn million() -> String {
    let seeds: Vec<usize> = (0..1000).collect();
    format!(
        "schema_version = 1\nname = \"million\"\nseeds = {seeds:?}\nrepeats = 4\n\
         [[models]]\nid = \"shapes-ldm\"\nengine = \"embedded\"\n[prompts]\nsuite = \"shapes\"\nlimit = 125\n\
         [grid]\nsteps = [8, 16]\n"
    )
}

/// From the start of the program to the first sample that it generates, where half of a million are done already. The
/// workspace lies in memory, because recording half a million outcomes takes minutes on a disk.
pub(super) fn resume(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" })?;
    let (suite, workspace) = (folder.path().join("suite.toml"), folder.path().join("workspace"));
    std::fs::write(&suite, million())?;
    let [suite, workspace] = [&suite, &workspace].map(|path| path.to_string_lossy());
    example("vidbench", "bench_resume", &[&suite, &workspace, "500000"], None)?;
    let args = ["run", "--resume", "latest", "--progress", "json", "--workspace", &workspace];
    let start = Instant::now();
    let mut child = Command::new(binary).args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let events = BufReader::new(child.stderr.take().context("the program's stderr is piped")?);
    let first = events.lines().map_while(Result::ok).find(|line| line.contains("sample_started"));
    let secs = start.elapsed().as_secs_f64();
    child.kill()?;
    child.wait()?;
    first.context("the resumed run began no sample")?;
    at_most("resume 1,000,000, half done", secs, 3.0, "s");
    Ok(())
}

/// Outcomes per second, each durable before the next.
pub(super) fn durable(_: &Path) -> Result<()> {
    let folder = scratch("durable")?;
    let figure = example("vidbench-store", "bench_durable", &[folder.to_string_lossy().as_ref()], None)?;
    at_least("durable outcomes", number(&figure, "outcomes_per_sec")?, 300.0, "/s");
    Ok(())
}

/// A breaker call, alone and while another thread also calls it.
pub(super) fn breaker(_: &Path) -> Result<()> {
    let figure = example("vidbench-runner", "bench_breaker", &[], None)?;
    at_most("breaker, a call", number(&figure, "alone_ns")?, 200.0, "ns");
    at_most("breaker, two concurrent calls", number(&figure, "beside_another_ns")?, 200.0, "ns");
    Ok(())
}

/// A sensor reading with its health check, once per second, as a share of a core.
pub(super) fn health(_: &Path) -> Result<()> {
    let micros = number(&example("vidbench-runner", "bench_health", &[], None)?, "median_micros")?;
    at_most("health, share of a core at 1 Hz", micros / 1e6 * 100.0, 0.5, "%");
    Ok(())
}

/// Runner cost per sample without its durable records: the slope between a short and a long run of a rendering worker, minus
/// the cost of the same records in the store alone.
pub(super) fn sample_cost(binary: &Path) -> Result<()> {
    cargo(&["build", "--release", "--package", "vidbench", "--example", "shapes_worker"])?;
    let worker = target().join("release/examples/shapes_worker");
    let cpu_secs = |seeds: usize| -> Result<f64> {
        let folder = scratch("sample-cost")?;
        let seeds: Vec<usize> = (0..seeds).collect();
        let suite = format!(
            "schema_version = 1\nname = \"cost\"\nseeds = {seeds:?}\nmetrics = [\"motion_magnitude@1\"]\n\
             [[models]]\nid = \"rendered-shapes\"\nengine = \"worker\"\ncommand = [{worker:?}, \"none\", \"18446744073709551615\"]\n\
             [prompts]\nsuite = \"shapes\"\nlimit = 10\n[grid]\nsteps = [1]\nguidance = [1.0]\nframes = [16]\nsize = [\"64x64\"]\nfps = [8.0]\n\
             [scenario]\nwarmup = 0\n"
        );
        std::fs::write(folder.join("suite.toml"), suite)?;
        let args = ["run", "suite.toml", "--progress", "none", "--json"];
        let child = Command::new(binary).args(args).current_dir(&folder).stdout(Stdio::null()).spawn()?;
        Ok(watch(child)?.own_cpu_secs)
    };
    let (few, many) = (20, 120);
    let millis = (cpu_secs(many)? - cpu_secs(few)?) / ((many - few) * 10) as f64 * 1e3;
    let folder = scratch("durable")?;
    let alone = example("vidbench-store", "bench_durable", &[folder.to_string_lossy().as_ref()], None)?;
    let commit = number(&alone, "commit_cpu_millis")?;
    println!(
        "{:<34} {millis:>9.3} ms  of which its durable records {commit:.3} ms",
        "runner, processor time per sample"
    );
    at_most("the same, without the records", millis - commit, 1.0, "ms");
    Ok(())
}

/// The harness's share of a demo run, median of three.
pub(super) fn overhead(binary: &Path) -> Result<()> {
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

/// Runs the demo; returns the share of the session spent outside work and the seconds of the whole program.
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
pub(super) fn sample(_: &Path) -> Result<()> {
    let python = python();
    let output = Command::new(&python).arg(crate::root().join("training/bench_sample.py")).output();
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
