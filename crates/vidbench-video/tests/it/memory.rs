//! A long clip takes only the memory of a few frames.

use std::path::Path;

use ffmpeg_next::{Packet, format};
use vidbench_video::{FrameReader, H264Options, Limits, X264Preset, encode_h264};

use crate::fixtures::{Scratch, fps, moving_clip};

const FRAMES: usize = 24;
/// What the project promises for ten minutes of 1920x1080.
const MAX_RSS_KIB: u64 = 500_000;

/// Writes one second of 1920x1080 `times` times without encoding it again.
fn seconds_of_1080p(path: &Path, times: usize) {
    let scratch = Scratch::new();
    let second = scratch.path("second.mp4");
    let options = H264Options { crf: 40, preset: X264Preset::Ultrafast, ..H264Options::new(fps(24, 1)) };
    encode_h264(&second, &moving_clip(FRAMES, 1080, 1920), &options).unwrap();
    let mut output = format::output(path).unwrap();
    let first = format::input(&second).unwrap();
    output
        .add_stream(ffmpeg_next::codec::Id::H264)
        .unwrap()
        .set_parameters(first.stream(0).unwrap().parameters());
    output.write_header().unwrap();
    let base = output.stream(0).unwrap().time_base();
    for time in 0..times {
        let mut input = format::input(&second).unwrap();
        let from = input.stream(0).unwrap().time_base();
        let shift = time as i64 * i64::from(from.denominator()) / i64::from(from.numerator());
        let mut packet = Packet::empty();
        while packet.read(&mut input).is_ok() {
            packet.set_pts(packet.pts().map(|pts| pts + shift));
            packet.set_dts(packet.dts().map(|dts| dts + shift));
            packet.rescale_ts(from, base);
            packet.set_position(-1);
            packet.write_interleaved(&mut output).unwrap();
        }
    }
    output.write_trailer().unwrap();
}

/// Reads every frame as RGB and returns the peak of the resident set during that time.
fn peak_rss_kib(path: &Path, expected_frames: usize) -> u64 {
    // Making the file took memory too; writing 5 resets the peak (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let mut reader = FrameReader::open(path, &Limits { max_threads: 2, ..Limits::default() }).unwrap();
    let mut frames = 0;
    while reader.next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert_eq!(frames, expected_frames);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn check(seconds: usize) {
    let scratch = Scratch::new();
    let path = scratch.path("long.mp4");
    seconds_of_1080p(&path, seconds);
    let peak = peak_rss_kib(&path, seconds * FRAMES);
    assert!(peak < MAX_RSS_KIB, "{peak} KiB for {seconds} s");
}

#[test]
fn ten_seconds_of_1080p_stay_below_500_mb() {
    check(10);
}

#[test]
#[ignore = "takes minutes: make test-slow"]
fn slow_ten_minutes_of_1080p_stay_below_500_mb() {
    check(600);
}
