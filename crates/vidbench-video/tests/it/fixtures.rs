//! Small clips and the files made of them.

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vidbench_core::FramesU8;
use vidbench_video::{Clip, Fps, H264Options, Limits, VideoError, decode, encode_ffv1, encode_h264};

/// A smooth pattern that moves, so that codecs have motion to code.
pub(crate) fn moving_clip(count: usize, height: usize, width: usize) -> FramesU8 {
    let mut data = Vec::with_capacity(count * height * width * 3);
    for t in 0..count {
        for y in 0..height {
            for x in 0..width {
                data.extend(pattern(t as f64, y as f64, x as f64));
            }
        }
    }
    FramesU8::new(count, height, width, data).unwrap()
}

fn pattern(t: f64, y: f64, x: f64) -> [u8; 3] {
    let wave = |phase: f64| (127.5 + 100.0 * (TAU * phase).sin()).round() as u8;
    [wave((x + t) / 40.0), wave((y - t) / 50.0), wave((x + y + 2.0 * t) / 60.0)]
}

/// Every byte from a fixed generator: the worst case for a lossless codec.
pub(crate) fn noise_clip(count: usize, height: usize, width: usize) -> FramesU8 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let data = (0..count * height * width * 3).map(|_| byte()).collect();
    FramesU8::new(count, height, width, data).unwrap()
}

pub(crate) fn fps(num: u32, den: u32) -> Fps {
    Fps::new(num, den).unwrap()
}

/// A folder that is removed with the test, and a file name in it.
pub(crate) struct Scratch {
    dir: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn h264(&self, frames: &FramesU8, options: &H264Options) -> PathBuf {
        let path = self.path("clip.mp4");
        encode_h264(&path, frames, options).unwrap();
        path
    }

    pub(crate) fn ffv1(&self, frames: &FramesU8, rate: Fps) -> PathBuf {
        let path = self.path("clip.mkv");
        encode_ffv1(&path, frames, rate).unwrap();
        path
    }
}

pub(crate) fn read(path: &Path) -> Result<Clip, VideoError> {
    decode(path, &Limits::default())
}

/// Bytes of a valid MP4 of ten 64x48 frames at 24 Hz.
pub(crate) fn mp4_bytes() -> Vec<u8> {
    let scratch = Scratch::new();
    fs::read(scratch.h264(&moving_clip(10, 48, 64), &H264Options::new(fps(24, 1)))).unwrap()
}

/// Index of the first `needle` in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).unwrap()
}

/// Overwrites `bytes` at `at`.
pub(crate) fn patch(bytes: &mut [u8], at: usize, patch: &[u8]) {
    bytes[at..at + patch.len()].copy_from_slice(patch);
}

/// Turns a Matroska element's checksum, which is the first thing in it, into an element without meaning, so that damage
/// in the parent is left to the decoder.
pub(crate) fn drop_checksum(bytes: &mut [u8], of: [u8; 4]) {
    // An index names the element too, but no checksum follows the name there.
    let named = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&of));
    let crc = named.filter_map(|at| (at + 4..at + 13).find(|crc| bytes[*crc..].starts_with(&[0xbf, 0x84])));
    let crc_at = crc.max().expect("the element has a checksum");
    patch(bytes, crc_at, &[0xec]);
}
