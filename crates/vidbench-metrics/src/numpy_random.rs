//! NumPy's `RandomState`. Programs publish numbers that were computed from arrays made with it from a seed, so those
//! numbers can be computed again.
//!
//! It is MT19937 (Matsumoto and Nishimura 1998). No measurement uses it: metrics draw from ChaCha8.

const N: usize = 624;
const M: usize = 397;

/// MT19937 seeded as `numpy.random.RandomState(seed)`.
#[derive(Debug, Clone)]
pub struct RandomState {
    state: [u32; N],
    at: usize,
    spare_normal: Option<f64>,
}

impl RandomState {
    /// The generator of a seed.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, at: N, spare_normal: None }
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

    /// The next of `randn()`: the polar method, which makes two at a time.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let r2 = x * x + y * y;
            if r2 < 1.0 && r2 != 0.0 {
                let scale = (-2.0 * r2.ln() / r2).sqrt();
                self.spare_normal = Some(scale * x);
                return scale * y;
            }
        }
    }

    /// `randint(0, 256, count).astype(uint8)`.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next_u32() as u8).collect()
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

    /// numpy 2.4.6: `RandomState(1).rand(n)`; the 1,000,000th number comes after many refills.
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
        // RandomState(8).randint(0, 256, 8)
        assert_eq!(RandomState::new(8).bytes(8), [195, 84, 241, 105, 133, 218, 136, 83]);
    }

    /// numpy 2.4.6: `RandomState(1).randn(4)`. The logarithm is that of the system's library, whose last bit may
    /// differ.
    #[test]
    fn normal_numbers_are_numpys() {
        let mut random = RandomState::new(1);
        for expected in [1.6243453636632417, -0.6117564136500754, -0.5281717522634557, -1.0729686221561705] {
            let found = random.normal();
            assert!((found - expected).abs() < 1e-15 * expected.abs() * 4.0, "{found} {expected}");
        }
    }
}
