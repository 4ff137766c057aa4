//! Decodes clips to RGB, for `cargo xtask bench decode`: `bench_decode THREADS FOLDER` prints seconds and frames.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use vidbench_video::{FrameReader, Limits, ReadOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [threads, folder] = args.as_slice() else { return Err("threads and a folder are needed".into()) };
    let limits = Limits { max_threads: threads.parse()?, ..Limits::default() };
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    let (start, mut frames, mut sum) = (Instant::now(), 0_u64, 0_u64);
    for path in paths {
        let mut reader = FrameReader::open_with(&path, &ReadOptions::within(&limits))?;
        while let Some(frame) = reader.next_frame()? {
            frames += 1;
            sum += u64::from(frame.rgb[frame.rgb.len() / 2]);
        }
    }
    let secs = start.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{{\"secs\": {secs:.6}, \"frames\": {frames}, \"sum\": {sum}}}")?;
    Ok(())
}
