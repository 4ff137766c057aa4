//! Writes clips for `cargo xtask bench`: `bench_clips FOLDER COUNT WIDTH HEIGHT FRAMES` writes `FOLDER/full/clip-N.mp4`
//! and, with the same frames at a coarser quality, `FOLDER/fast/clip-N.mp4`. The frames show waves that move over a
//! texture, so that codecs have work.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use vidbench_core::FramesU8;
use vidbench_video::{Fps, H264Options, X264Preset, encode_h264};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, numbers @ ..] = args.as_slice() else { return Err("no folder".into()) };
    let numbers = numbers.iter().map(|text| text.parse()).collect::<std::result::Result<Vec<usize>, _>>()?;
    let [count, width, height, frames] = numbers[..] else { return Err("four numbers are needed".into()) };
    let folder = Path::new(folder);
    for quality in ["full", "fast"] {
        std::fs::create_dir_all(folder.join(quality))?;
    }
    let next = AtomicUsize::new(0);
    let write = || -> Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return Ok(());
            }
            write_pair(folder, at, &clip(at, width, height, frames)?)?;
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..thread::available_parallelism()?.get()).map(|_| scope.spawn(write)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread died")?)
    })?;
    writeln!(std::io::stdout(), "{{\"clips\": {count}}}")?;
    Ok(())
}

fn write_pair(folder: &Path, at: usize, frames: &FramesU8) -> Result<()> {
    let fps = Fps::new(24, 1).ok_or("no rate")?;
    for (quality, crf) in [("full", 17), ("fast", 28)] {
        let options = H264Options { crf, preset: X264Preset::Veryfast, ..H264Options::new(fps) };
        encode_h264(folder.join(quality).join(format!("clip-{at}.mp4")), frames, &options)?;
    }
    Ok(())
}

fn clip(seed: usize, width: usize, height: usize, frames: usize) -> Result<FramesU8> {
    let mut data = Vec::with_capacity(frames * height * width * 3);
    for t in 0..frames {
        for y in 0..height {
            for x in 0..width {
                let texture = (((x / 4) * 7 + (y / 4) * 13 + seed * 29) * 2_654_435_761) >> 27 & 31;
                let wave = |period: usize, shift: usize| {
                    let phase = (x + 2 * y + shift * t + seed * 17) % period;
                    (phase.abs_diff(period / 2) * 2 * 160 / period) as u8
                };
                data.extend(
                    [wave(211, 3), wave(157, 5), wave(97, 2)].map(|level| level + texture as u8 + 16),
                );
            }
        }
    }
    Ok(FramesU8::new(frames, height, width, data)?)
}
