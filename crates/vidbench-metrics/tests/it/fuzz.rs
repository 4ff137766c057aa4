//! Readers of feature files on damaged files: no panic, no hang, and what is accepted is a sound matrix. A few seconds each;
//! `VIDBENCH_FUZZ_SECS` says otherwise.

use std::time::{Duration, Instant};

use vidbench_metrics::{FeatureFormat, read_features};

use crate::feature_files::fixture;
use crate::numpy::RandomState;

const SEED: u32 = 20_240_601;

fn duration() -> Duration {
    let secs = std::env::var("VIDBENCH_FUZZ_SECS").ok().map_or(5.0, |secs| secs.parse().unwrap());
    Duration::from_secs_f64(secs)
}

fn below(random: &mut RandomState, n: usize) -> usize {
    (random.uniform() * n as f64) as usize
}

/// Bytes that are likely to cause trouble: brackets, digits, ends of ranges.
const BYTES: &[u8] = b"\x00\xff\x7f\x80()[]{}'\",:09LO<>|f\x93P";

fn mutated(random: &mut RandomState, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[below(random, seeds.len())].clone();
    for _ in 0..=below(random, 6) {
        let at = below(random, bytes.len().max(1));
        let value = match below(random, 2) {
            0 => BYTES[below(random, BYTES.len())],
            _ => random.bytes(1)[0],
        };
        match below(random, 6) {
            0 => bytes.insert(at.min(bytes.len()), value),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => {
                // A piece of another file, or of this one.
                let other = &seeds[below(random, seeds.len())];
                let from = below(random, other.len());
                let piece = &other[from..(from + below(random, 40)).min(other.len())];
                bytes.splice(at..(at + piece.len()).min(bytes.len()), piece.iter().copied());
            }
            4 => {
                let run = vec![value; below(random, 60)];
                bytes.splice(at..at, run);
            }
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn fuzz(format: FeatureFormat, names: &[&str]) {
    let seeds: Vec<Vec<u8>> = names.iter().map(|name| fixture(name)).collect();
    let mut random = RandomState::new(SEED);
    let (start, mut accepted, mut tried) = (Instant::now(), 0_u64, 0_u64);
    while start.elapsed() < duration() {
        let bytes = mutated(&mut random, &seeds);
        for array in [None, Some("features")] {
            if let Ok(matrix) = read_features(format, &bytes, array) {
                let values = matrix.to_f64();
                assert_eq!(values.len(), matrix.count() * matrix.dims());
                assert!(values.iter().all(|value| value.is_finite()));
                accepted += 1;
            }
            tried += 1;
        }
    }
    // Some damage is in values only; if all files were refused, the mutations would not reach past the header.
    assert!(accepted > 0 || tried < 1000, "{accepted} of {tried}");
}

#[test]
fn fuzz_npy() {
    fuzz(
        FeatureFormat::Npy,
        &["f4_c.npy", "f4_fortran.npy", "f8_big_endian.npy", "f2.npy", "structured.npy", "object.npy"],
    );
}

#[test]
fn fuzz_npz() {
    fuzz(FeatureFormat::Npz, &["stored.npz", "deflated.npz"]);
}

#[test]
fn fuzz_safetensors() {
    fuzz(FeatureFormat::Safetensors, &["f32.safetensors", "several.safetensors"]);
}
