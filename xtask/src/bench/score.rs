//! Benchmarks of scoring: decoding, metrics of clips and of pairs, sets of features, and how the cost grows.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::processes::{Watched, watch};
use super::{at_most, example, number, peer, report, scratch};

/// The script of the peers.
const PEERS: &str = "peers.py";

/// 40 clips of 832x480, 49 frames, in two qualities; made once and kept for the other benchmarks.
pub(super) fn clips() -> Result<PathBuf> {
    let folder = super::target().join("bench/clips-480p");
    if !folder.join("complete").exists() {
        let folder = scratch("clips-480p")?;
        make_clips(&folder, ["40", "832", "480", "49"])?;
        std::fs::write(folder.join("complete"), "")?;
    }
    Ok(folder)
}

pub(super) fn make_clips(folder: &Path, numbers: [&str; 4]) -> Result<()> {
    let folder = folder.to_string_lossy();
    let args: Vec<&str> = std::iter::once(folder.as_ref()).chain(numbers).collect();
    example("vidbench-video", "bench_clips", &args, None).map(drop)
}

/// What every scorer sets for itself (`vidbench_worker::keep_freed_memory`).
const SCORER_MEMORY: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912");

/// Decoding to RGB in one process, against FFmpeg's program and the libraries that Python programs decode with.
pub(super) fn decode(_: &Path) -> Result<()> {
    let folder = clips()?.join("full");
    for threads in ["1", "2"] {
        let text = folder.to_string_lossy();
        let args = [threads, text.as_ref()];
        let decode = || example("vidbench-video", "bench_decode", &args, Some(SCORER_MEMORY));
        decode()?;
        let ours = number(&decode()?, "secs")?;
        let name = |peer: &str| format!("decode, {threads} threads, {peer}");
        against(&name("ffmpeg"), ours, ffmpeg_decode(&folder, threads));
        let peers = peer(PEERS, "decoders", &[args[1], threads])?;
        for (peer, secs) in peers["secs"].as_object().into_iter().flatten() {
            against(&name(peer), ours, secs.as_f64().context("no seconds"));
        }
        for (peer, reason) in peers["absent"].as_object().into_iter().flatten() {
            let reason = reason.as_str().unwrap_or_default().to_owned();
            against(&name(peer), ours, Err(anyhow::Error::msg(reason)));
        }
    }
    Ok(())
}

/// One process for all clips, so that its start-up weighs nothing.
fn ffmpeg_decode(folder: &Path, threads: &str) -> Result<f64> {
    let list = list_of(folder)?;
    let input = ["-threads", threads, "-f", "concat", "-safe", "0", "-i", &list];
    let output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-y", "/dev/null"];
    ffmpeg(&[&input[..], &output].concat())
}

/// An FFmpeg input with all clips of a folder, one after the other.
fn list_of(folder: &Path) -> Result<String> {
    let mut clips: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    clips.sort();
    let list: String = clips.iter().map(|clip| format!("file '{}'\n", clip.display())).collect();
    let file = folder.with_extension("txt");
    std::fs::write(&file, list)?;
    Ok(file.to_string_lossy().into_owned())
}

/// Seconds that the ffmpeg program takes.
fn ffmpeg(args: &[&str]) -> Result<f64> {
    let start = Instant::now();
    let status = Command::new("ffmpeg").args(["-v", "error"]).args(args).stdin(Stdio::null()).status();
    if !status.context("no ffmpeg")?.success() {
        bail!("ffmpeg failed");
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Temporal flickering of 40 clips, against VBench's module.
pub(super) fn flicker(binary: &Path) -> Result<()> {
    let folder = clips()?.join("full");
    let ours =
        scored(binary, &[folder.as_os_str(), OsStr::new("--metrics"), OsStr::new("temporal_flickering")])?;
    let peer = peer(PEERS, "flicker", &[&folder.to_string_lossy()]);
    against("temporal flickering, 40 clips", ours.secs, peer.and_then(|peer| number(&peer, "secs")));
    Ok(())
}

/// Four metrics in one pass, against the libraries that scripts call one by one. Of the 40 pairs four: the peer takes
/// seconds a pair.
pub(super) fn pairs(binary: &Path) -> Result<()> {
    let (all, folder) = (clips()?, scratch("pairs")?);
    for quality in ["fast", "full"] {
        std::fs::create_dir(folder.join(quality))?;
        for at in 0..4 {
            let name = format!("{quality}/clip-{at}.mp4");
            std::fs::copy(all.join(&name), folder.join(&name))?;
        }
    }
    let ours = scored_pairs(binary, &folder, "psnr,ssim,ms_ssim,temporal_flickering")?;
    let (fast, full) = (folder.join("fast"), folder.join("full"));
    let peer = peer(PEERS, "pairs", &[&fast.to_string_lossy(), &full.to_string_lossy()]);
    against("four metrics, 4 pairs", ours.secs, peer.and_then(|peer| number(&peer, "secs")));
    Ok(())
}

/// SSIM of 40 pairs, decoding included, against FFmpeg's filter (8x8 blocks): luma beside its planes of YUV, RGB beside RGB.
pub(super) fn ssim(binary: &Path) -> Result<()> {
    let folder = clips()?;
    let of_rgb = "[0]format=gbrp[a];[1]format=gbrp[b];[a][b]ssim";
    for (metric, filter) in [("ssim_y", "ssim"), ("ssim", of_rgb)] {
        let ours = scored_pairs(binary, &folder, metric)?;
        against(&format!("{metric}, 40 pairs, ffmpeg ssim"), ours.secs, ffmpeg_filter(&folder, filter));
    }
    Ok(())
}

fn ffmpeg_filter(folder: &Path, filter: &str) -> Result<f64> {
    let [fast, full] = [list_of(&folder.join("fast"))?, list_of(&folder.join("full"))?];
    let input = |list| ["-f", "concat", "-safe", "0", "-i", list];
    ffmpeg(&[&input(&fast)[..], &input(&full), &["-lavfi", filter, "-f", "null", "-"]].concat())
}

/// The Fréchet distance of two files of features, whole program, against a script with SciPy's route, and against the
/// computation in that script alone.
pub(super) fn frechet(binary: &Path) -> Result<()> {
    for (count, dims, limit_secs) in [("2048", "400", None), ("2048", "2048", Some(15.0))] {
        let folder = scratch("frechet")?;
        if let Err(error) = peer(PEERS, "make_features", &[&folder.to_string_lossy(), count, dims]) {
            println!("{:<34} not measured: {error:#}", "frechet");
            return Ok(());
        }
        let start = Instant::now();
        let output = Command::new(binary)
            .args(["features", "x.npy", "--reference", "y.npy", "--metrics", "frechet_distance"])
            .args(["--resamples", "0", "--json"])
            .current_dir(&folder)
            .output()?;
        let ours = start.elapsed().as_secs_f64();
        let value =
            serde_json::from_slice::<Value>(&output.stdout)?["sets"][0]["scores"][0]["score"]["value"]
                .as_f64()
                .context("no distance")?;
        let name = format!("frechet, {count} x {dims}");
        if let Some(limit) = limit_secs {
            at_most(&name, ours, limit, "s");
        }
        let start = Instant::now();
        let peer = peer(PEERS, "frechet", &[&folder.to_string_lossy()])?;
        against(&format!("{name}, scipy script"), ours, Ok(start.elapsed().as_secs_f64()));
        let files = [folder.join("x.npy"), folder.join("y.npy")].map(|path| path.display().to_string());
        let alone = example("vidbench-metrics", "bench_frechet", &[&files[0], &files[1]], None)?;
        against(&format!("{name}, call against call"), number(&alone, "secs")?, number(&peer, "secs"));
        let difference = (value - number(&peer, "value")?).abs() / value;
        println!("{name:<34} relative difference to scipy {difference:.1e}");
    }
    Ok(())
}

/// Seconds per clip and memory at 100 and at 10,000 clips, without a page and with one, which shows up to 200 of them. 1 means that time
/// grows linearly with the number of clips and memory does not grow.
pub(super) fn scale(binary: &Path) -> Result<()> {
    let (few, many) = (scale_of(binary, "100")?, scale_of(binary, "10000")?);
    for ((few, many), with) in few.iter().zip(&many).zip(["no page", "a page"]) {
        let name = |what: &str| format!("{what}, {with}, 10,000 to 100 clips");
        let [many_ms, few_ms] = [many, few].map(|(millis, _)| format!("{millis:.2} ms"));
        report(&name("a clip"), many_ms, few_ms, few.0 / many.0);
        let [many_mib, few_mib] = [many, few].map(|(_, mib)| format!("{mib:.1} MiB"));
        report(&name("memory"), many_mib, few_mib, few.1 / many.1);
    }
    Ok(())
}

/// Milliseconds per clip, and memory of the scorers' parent program; without a page and with one.
fn scale_of(binary: &Path, count: &str) -> Result<[(f64, f64); 2]> {
    let folder = scratch("scale")?;
    make_clips(&folder, [count, "64", "64", "16"])?;
    let clips: f64 = count.parse()?;
    let found = |watched: Watched| (1e3 * watched.secs / clips, watched.own_mib);
    let without = scored(binary, &[folder.join("fast").as_os_str()])?;
    let with = scored_with_page(binary, &[folder.join("full").as_os_str()])?;
    println!("{:<34} {:>8.1} MiB per scorer", format!("score {count} clips"), with.scorer_mib);
    Ok([found(without), found(with)])
}

fn scored_pairs(binary: &Path, folder: &Path, metrics: &str) -> Result<Watched> {
    let (fast, full) = (folder.join("fast"), folder.join("full"));
    let args = [fast.as_os_str(), OsStr::new("--reference"), full.as_os_str()];
    let args = args.into_iter().chain(["--metrics", metrics].map(OsStr::new));
    scored(binary, &args.collect::<Vec<_>>())
}

/// `vidbench score` in an empty workspace.
fn scored(binary: &Path, args: &[&OsStr]) -> Result<Watched> {
    scored_with_page(binary, &[args, &[OsStr::new("--no-report")]].concat())
}

fn scored_with_page(binary: &Path, args: &[&OsStr]) -> Result<Watched> {
    let workspace = scratch("workspace")?;
    let child = Command::new(binary)
        .arg("score")
        .args(args)
        .args(["--progress", "none", "--format", "csv", "--quiet", "--workspace"])
        .arg(&workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    watch(child)
}

/// One line: ours next to the peer's, or why there is no peer.
pub(super) fn against(name: &str, ours: f64, peer: Result<f64>) {
    match peer {
        Ok(peer) => report(name, format!("{ours:.2} s"), format!("{peer:.2} s"), peer / ours),
        Err(error) => println!("{name:<34} {ours:>10.2} s  peer not available: {error:#}"),
    }
}
