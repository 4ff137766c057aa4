//! Benchmarks of metrics that use nets: ours on ONNX Runtime, PyTorch, VBench and cd-fvd, all with the same random weights.
//!
//! The peers take minutes per clip, so few clips are used unless [`CLIPS`] and [`FVD_CLIPS`] are set.

use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::processes::{TreeWatched, watch_tree};
use super::score::{against, clips, make_clips};
use super::{example, last_line, number, peer, peer_command, report, scratch, target};

/// The script of the peers.
const PEERS: &str = "peers_nets.py";

/// Clips of 832x480 and 49 frames for VBench's dimensions.
const CLIPS: (&str, usize) = ("VIDBENCH_BENCH_CLIPS", 2);
/// Clips of 256x256 and 16 frames in each of two sets.
const FVD_CLIPS: (&str, usize) = ("VIDBENCH_BENCH_FVD_CLIPS", 16);
const SEED: &str = "1";

/// The dimensions of VBench's quality score: theirs, ours.
const DIMENSIONS: [(&str, &str); 7] = [
    ("subject_consistency", "vbench.subject_consistency"),
    ("background_consistency", "vbench.background_consistency"),
    ("temporal_flickering", "temporal_flickering"),
    ("motion_smoothness", "vbench.motion_smoothness"),
    ("dynamic_degree", "vbench.dynamic_degree"),
    ("aesthetic_quality", "vbench.aesthetic_quality"),
    ("imaging_quality", "vbench.imaging_quality"),
];
/// The nets of these dimensions.
const DIMENSION_NETS: [&str; 7] = [
    "dino-vitb16",
    "clip-vit-b32-vision",
    "amt-s",
    "raft",
    "clip-vit-l14-vision",
    "aesthetic-head",
    "musiq-spaq",
];

/// A pass of three nets in ONNX Runtime, against PyTorch with the definitions that the graphs were exported from.
pub(super) fn forward(binary: &Path) -> Result<()> {
    const NETS: [(&str, &[&str]); 3] = [
        ("i3d-400", &["video=1x3x16x224x224"]),
        ("clip-vit-b32-vision", &["image=8x3x224x224"]),
        ("dino-vitb16", &["image=4x3x224x384", "pos_embed=1x337x768"]),
    ];
    make_weights(binary, &NETS.map(|(net, _)| net))?;
    let library = match onnx_runtime() {
        Ok(library) => library,
        Err(error) => {
            println!("{:<34} not measured: {error:#}", "net forward passes");
            return Ok(());
        }
    };
    for (net, inputs) in NETS {
        for threads in ["1", "2"] {
            let (ours, peer) = pass(net, threads, inputs, &library)?;
            let millis = |millis: f64| format!("{millis:.0} ms");
            report(&format!("{net}, {threads} threads, pytorch"), millis(ours), millis(peer), peer / ours);
        }
    }
    Ok(())
}

/// Milliseconds of a pass, ours and PyTorch's: the least of three runs in turn, so that a busy machine slows both.
fn pass(net: &str, threads: &str, inputs: &[&str], library: &str) -> Result<(f64, f64)> {
    let (folder, weights) = (text(&nets_folder()), text(&random_nets()));
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..3 {
        let args = [&[folder.as_str(), net, threads], inputs].concat();
        let answer = example("vidbench-nn", "bench_net", &args, Some(("ORT_DYLIB_PATH", library)))?;
        ours = ours.min(number(&answer, "millis")?);
        let args = [&[weights.as_str(), net, threads], inputs].concat();
        theirs = theirs.min(number(&peer(PEERS, "forward", &args)?, "millis")?);
    }
    Ok((ours, theirs))
}

/// VBench's seven dimensions of quality, each alone and all in one run, against VBench's package on the processor.
pub(super) fn vbench(binary: &Path) -> Result<()> {
    let count = count(CLIPS)?;
    let folder = some_clips(count)?;
    println!("{count} clips of 832x480, 49 frames, for VBench ({} sets the number)", CLIPS.0);
    make_weights(binary, &DIMENSION_NETS)?;
    let ours = |metrics: &str| scored(binary, &folder, &["--metrics", metrics]);
    let package = vbench_package(&folder);
    let peer = |secs: &dyn Fn(&Value) -> Result<f64>| match &package {
        Ok((answer, _)) => secs(answer),
        Err(error) => bail!("{error:#}"),
    };
    for (theirs, metric) in DIMENSIONS {
        let secs = peer(&|answer| number(&answer["by_dimension"], theirs));
        against(theirs, ours(metric)?.secs, secs);
    }
    let together = ours(&DIMENSIONS.map(|(_, ours)| ours).join(","))?;
    against("seven dimensions, one run", together.secs, peer(&|answer| number(answer, "secs")));
    if let Ok((_, watched)) = &package {
        let mib = |mib: f64| format!("{mib:.0} MiB");
        let ratio = watched.peak_pss_mib / together.peak_pss_mib;
        report("seven dimensions, memory", mib(together.peak_pss_mib), mib(watched.peak_pss_mib), ratio);
    }
    if let Ok((answer, _)) = &package {
        let metrics = DIMENSIONS.map(|(_, ours)| ours).join(",");
        let ours = scores(binary, &folder, &["--metrics", &metrics])?;
        for (theirs, metric) in DIMENSIONS {
            parity(theirs, mean_over_clips(&ours, metric)?, number(&answer["scores"][theirs], "mean")?);
        }
    }
    Ok(())
}

/// Both sides looked at the same files with the same random weights; with their own decoders, ours by the same conversion to RGB.
fn parity(what: &str, ours: f64, theirs: f64) {
    let difference = ((ours - theirs) / theirs).abs();
    println!("{what:<34} {ours:>14.7} {theirs:>14.7}   relative difference {difference:.1e}");
}

fn mean_over_clips(said: &Value, metric: &str) -> Result<f64> {
    let is_it = |score: &&Value| score["metric"].as_str().and_then(|id| id.split('@').next()) == Some(metric);
    let clips = said["clips"].as_array().context("no clips")?;
    let of_clip = |clip: &Value| clip["scores"].as_array()?.iter().find(is_it)?["score"]["value"].as_f64();
    let values: Option<Vec<f64>> = clips.iter().map(of_clip).collect();
    let values = values.with_context(|| format!("a clip has no {metric} value"))?;
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

/// The Fréchet video distance of two folders, against cd-fvd. The I3D of common_metrics_on_video_quality is not in a package.
pub(super) fn fvd(binary: &Path) -> Result<()> {
    let folder = scratch("fvd-clips")?;
    let clips = count(FVD_CLIPS)?.to_string();
    make_clips(&folder, [&clips, "256", "256", "16"])?;
    make_weights(binary, &["i3d-400"])?;
    println!("2 x {clips} clips of 256x256, 16 frames, for cd-fvd ({} sets the number)", FVD_CLIPS.0);
    let (real, fake) = (folder.join("full"), folder.join("fast"));
    let ours = scored(binary, &fake, &["--metrics", "fvd.cdfvd-i3d", "--reference-set", &text(&real)])?;
    let args = [random_nets(), scratch("cdfvd")?, real, fake].map(|path| text(&path));
    let [weights, checkpoints, real, fake] = &args;
    let peer = peer(PEERS, "cdfvd", &[weights, checkpoints, "i3d", real, fake]);
    let value = peer.as_ref().ok().and_then(|answer| number(answer, "value").ok());
    against("fvd, cd-fvd", ours.secs, peer.and_then(|answer| number(&answer, "secs")));
    if let Some(theirs) = value {
        let said = scores(binary, fake.as_ref(), &["--metrics", "fvd.cdfvd-i3d", "--reference-set", real])?;
        let ours =
            said["sets"][0]["sets"][0]["scores"][0]["score"]["value"].as_f64().context("no distance")?;
        parity("fvd, cd-fvd", ours, theirs);
    }
    println!("{:<34} peer not available: no package has it", "fvd, common_metrics");
    Ok(())
}

/// The extra cost of a second metric on a net that is already used; minimum of three runs each.
pub(super) fn shared(binary: &Path) -> Result<()> {
    // A set has a covariance from two clips on.
    let folder = some_clips(count(CLIPS)?.max(2))?;
    let prompts = scratch("prompts")?.join("prompts.txt");
    std::fs::write(&prompts, "clip\n")?;
    let (prompts, set) = (text(&prompts), text(&folder));
    make_weights(binary, &["clip-vit-b32-vision", "clip-vit-b32-text", "i3d-400"])?;
    let cases: [(&str, &str, &[&str]); 2] = [
        ("clipsim", "clip_temporal_consistency", &["--prompts", &prompts]),
        ("fvd.cdfvd-i3d", "kvd.cdfvd-i3d", &["--reference-set", &set]),
    ];
    for (first, second, more) in cases {
        let (mut alone, mut both) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..3 {
            alone = alone.min(scored(binary, &folder, &[&["--metrics", first], more].concat())?.secs);
            let metrics = format!("{first},{second}");
            both = both.min(scored(binary, &folder, &[&["--metrics", &metrics], more].concat())?.secs);
        }
        let more_percent = 100.0 * (both / alone - 1.0);
        println!("{second:<34} {more_percent:>8.1} % more than {first} alone, should be below 5 %");
    }
    Ok(())
}

/// The first few clips of the other benchmarks, in a separate folder.
fn some_clips(count: usize) -> Result<PathBuf> {
    let (all, folder) = (clips()?.join("full"), scratch("nets-clips")?);
    for at in 0..count {
        let name = format!("clip-{at}.mp4");
        std::fs::copy(all.join(&name), folder.join(&name))?;
    }
    Ok(folder)
}

fn count((variable, default): (&str, usize)) -> Result<usize> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable}={text}")),
        Err(_) => Ok(default),
    }
}

fn nets_folder() -> PathBuf {
    target().join("bench/nets")
}

fn random_nets() -> PathBuf {
    nets_folder().join(format!("random-{SEED}"))
}

fn make_weights(binary: &Path, nets: &[&str]) -> Result<()> {
    let mut command = Command::new(binary);
    let command =
        command.args(["nets", "random", "--seed", SEED]).args(nets).env("VIDBENCH_NETS", nets_folder());
    if !command.stdout(Stdio::null()).status()?.success() {
        bail!("cannot create random weights");
    }
    Ok(())
}

fn scored(binary: &Path, clips: &Path, args: &[&str]) -> Result<TreeWatched> {
    watch_tree(scoring(binary, clips, args)?.stdout(Stdio::null()).spawn()?)
}

/// The output of `vidbench score` on the pixels that Python decoders produce.
fn scores(binary: &Path, clips: &Path, args: &[&str]) -> Result<Value> {
    let said = scoring(binary, clips, &[args, &["--pixels", "swscale"]].concat())?.output()?;
    serde_json::from_slice(&said.stdout).with_context(|| String::from_utf8_lossy(&said.stderr).into_owned())
}

/// `vidbench score` in an empty workspace, with random nets on the peer's own ONNX Runtime where there is one.
fn scoring(binary: &Path, clips: &Path, args: &[&str]) -> Result<Command> {
    let workspace = scratch("workspace")?;
    let mut command = Command::new(binary);
    command.arg("score").arg(clips).args(args).args(["--random-nets", SEED]);
    command.args(["--progress", "none", "--format", "json", "--quiet", "--no-report", "--workspace"]);
    command.arg(&workspace).env("VIDBENCH_NETS", nets_folder()).stdin(Stdio::null());
    if let Ok(library) = onnx_runtime() {
        command.env("ORT_DYLIB_PATH", library);
    }
    Ok(command)
}

/// The library of ONNX Runtime in the Python of the peers.
fn onnx_runtime() -> Result<String> {
    let answer = peer(PEERS, "onnx_runtime", &[])?;
    Ok(answer["library"].as_str().context("no library")?.to_owned())
}

/// The VBench package's result for a folder, with its time and memory.
fn vbench_package(clips: &Path) -> Result<(Value, TreeWatched)> {
    let folder = scratch("vbench-package")?;
    let [answer, log] = ["answer.json", "log.txt"].map(|name| folder.join(name));
    let child = peer_command(PEERS, "vbench")
        .args([&random_nets(), &folder, clips])
        .args(DIMENSIONS.map(|(theirs, _)| theirs))
        .stdout(File::create(&answer)?)
        .stderr(File::create(&log)?)
        .spawn()?;
    let watched = watch_tree(child);
    let watched = watched.with_context(|| last_line(&read_to_string(&log).unwrap_or_default()).to_owned())?;
    Ok((serde_json::from_str(last_line(&read_to_string(&answer)?))?, watched))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
