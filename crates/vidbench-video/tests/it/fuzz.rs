//! Hostile bytes give frames or an error: never a panic, a hang or memory without bound.
//!
//! `VIDBENCH_FUZZ_SECS` (default 5) says how long to run, `VIDBENCH_FUZZ_SEED` where the mutations begin. The same seed
//! gives the same files in the same order. A crash inside libav leaves the file that caused it in the temporary folder.

use std::time::{Duration, Instant};

use vidbench_video::{Limits, decode, probe};

use crate::codecs::small_files;
use crate::fixtures::Scratch;

/// Longest a file of this size may take, in a build without optimisation on a busy machine.
const MAX_CASE: Duration = Duration::from_secs(20);
/// Peak memory of the process, all threads and caches included.
const MAX_RSS_KIB: u64 = 1 << 20;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}

/// Values at which lengths and counts go wrong.
const EXTREMES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(12) {
        // Mutated headers have more effect than mutated data.
        let len = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(512) };
        let at = random.below(len);
        match random.below(6) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.below(256) as u8,
            3 => {
                let word = EXTREMES[random.below(EXTREMES.len())];
                let word = if random.below(2) == 0 { word.to_be_bytes() } else { word.to_le_bytes() };
                bytes.iter_mut().skip(at).zip(word).for_each(|(byte, new)| *byte = new);
            }
            4 => {
                let end = (at + 1 + random.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => {
                let end = (at + 1 + random.below(64)).min(bytes.len());
                if end - at < bytes.len() {
                    bytes.drain(at..end);
                }
            }
        }
    }
}

fn limits() -> Limits {
    Limits {
        max_width: 512,
        max_height: 512,
        max_frames: 60,
        max_decode_secs: 5.0,
        max_decoded_bytes: 64 << 20,
        max_threads: 2,
        ..Limits::default()
    }
}

#[test]
fn fuzz_decoder() {
    let secs = from_environment("VIDBENCH_FUZZ_SECS", 5);
    let seed = from_environment("VIDBENCH_FUZZ_SEED", 1);
    let (files, scratch, start) = (small_files(), Scratch::new(), Instant::now());
    let (mut read, mut refused) = (0, 0);
    for case in 0_u64.. {
        if start.elapsed().as_secs() >= secs {
            break;
        }
        let (name, bytes) = &files[case as usize % files.len()];
        let mut random = Random((seed << 32 | case).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut bytes = bytes.clone();
        mutate(&mut bytes, &mut random);
        let path = scratch.file(name, &bytes);
        let began = Instant::now();
        let _ = probe(&path, &limits());
        match decode(&path, &limits()) {
            Ok(clip) => {
                assert_eq!(clip.frames.count(), clip.timestamps_secs.len());
                read += 1;
            }
            Err(_) => refused += 1,
        }
        assert!(began.elapsed() < MAX_CASE, "seed {seed}, case {case}, {name}: {:?}", began.elapsed());
    }
    assert!(
        read > 0 && refused > 0,
        "{read} files read and {refused} refused: the mutations do not reach the decoder"
    );
    if let Some(peak) = peak_rss_kib() {
        assert!(peak < MAX_RSS_KIB, "{peak} KiB at the peak");
    }
}

/// Only Linux reports it.
fn peak_rss_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
