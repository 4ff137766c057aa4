//! Mutates valid files for as long as `VIDBENCH_FUZZ_SECS` says (5 seconds by default), always in the same order.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

/// Calls `check` with mutations of `seeds` until the time is over.
pub(crate) fn mutate(seeds: &[&[u8]], mut check: impl FnMut(&[u8])) {
    let secs = std::env::var("VIDBENCH_FUZZ_SECS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let end = Instant::now() + Duration::from_secs(secs);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut rounds = 0_u64;
    while rounds < 1000 || Instant::now() < end {
        let mut bytes = pick(&mut rng, seeds).to_vec();
        for _ in 0..=rng.next_u32() % 4 {
            one_change(&mut rng, seeds, &mut bytes);
        }
        check(&bytes);
        rounds += 1;
    }
}

/// Inputs likely to break readers: syntax of the format, limits of numbers, and bytes that are not text.
const WORDS: [&[u8]; 16] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\u0000",
    b"\n",
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b"18446744073709551616",
    b"\xff\xfe",
    b"-0",
];

fn one_change(rng: &mut ChaCha8Rng, seeds: &[&[u8]], bytes: &mut Vec<u8>) {
    let at = below(rng, bytes.len() + 1);
    let end = (at + below(rng, 12)).min(bytes.len());
    match rng.next_u32() % 5 {
        0 => drop(bytes.drain(at..end)),
        1 => drop(bytes.splice(at..end, pick(rng, &WORDS).iter().copied())),
        2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.next_u32().to_le_bytes()[0]),
        3 => bytes.truncate(at),
        _ => bytes.extend_from_slice(pick(rng, seeds)),
    }
}

fn pick<'a>(rng: &mut ChaCha8Rng, from: &[&'a [u8]]) -> &'a [u8] {
    from[below(rng, from.len())]
}

fn below(rng: &mut ChaCha8Rng, limit: usize) -> usize {
    rng.next_u32() as usize % limit
}
