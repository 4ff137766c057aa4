//! The initial noise: what a seed means.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng as _};

/// `len` independent standard normal numbers; the same seed gives the same numbers, and a longer run begins with them.
///
/// ChaCha with 8 rounds, its key the seed in little-endian order followed by zeros, gives 64-bit words. Each pair of
/// words becomes a pair of normals by Box and Muller (1958) in f64: with the upper 53 bits of a word as `n`,
/// `u = (n + 1) / 2^53` in (0, 1] and `v = n / 2^53` in [0, 1), they are `sqrt(-2 ln u) cos(2 pi v)` and
/// `sqrt(-2 ln u) sin(2 pi v)`, rounded to f32.
pub fn gaussian_noise(seed: u64, len: usize) -> Vec<f32> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    let mut noise: Vec<f32> = (0..len.div_ceil(2)).flat_map(|_| normal_pair(&mut rng)).collect();
    noise.truncate(len);
    noise
}

fn normal_pair(rng: &mut ChaCha8Rng) -> [f32; 2] {
    let mut upper_53_bits = || (rng.next_u64() >> 11) as f64;
    let scale = 1.0 / (1_u64 << 53) as f64;
    let u = (upper_53_bits() + 1.0) * scale;
    let v = upper_53_bits() * scale;
    let radius = (-2.0 * u.ln()).sqrt();
    let (sin, cos) = (TAU * v).sin_cos();
    [(radius * cos) as f32, (radius * sin) as f32]
}
