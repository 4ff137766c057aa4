//! NumPy's `RandomState`: figures that programs publish are computed of arrays made by it from a seed, and so can be computed again.
//!
//! It is MT19937 (Matsumoto and Nishimura 1998). Nothing here is measured with it: metrics draw from ChaCha8.

const N: usize = 624;
const M: usize = 397;

/// MT19937 seeded as `numpy.random.RandomState(seed)`.
#[derive(Debug, Clone)]
pub struct RandomState {
    state: [u32; N],
    at: usize,
}

impl RandomState {
    /// The generator of a seed.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, at: N }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.at == N {
            self.refill();
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// The next of `rand()`, in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn refill(&mut self) {
        for i in 0..N {
            let word = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (word >> 1) ^ odd;
        }
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 2.4.6: `RandomState(1).rand(n)`; the 1,000,000th is beyond many refills.
    #[test]
    fn numbers_are_numpys_to_the_last_bit() {
        let mut random = RandomState::new(1);
        let first: Vec<f64> = (0..4).map(|_| random.uniform()).collect();
        assert_eq!(
            first,
            [0.417022004702574, 0.7203244934421581, 0.00011437481734488664, 0.30233257263183977]
        );
        let last = (4..1_000_000).map(|_| random.uniform()).last();
        assert_eq!(last, Some(0.37025182918762833));
        assert_eq!(RandomState::new(u32::MAX).uniform(), 0.0976320289940138);
    }
}
