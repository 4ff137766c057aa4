//! NumPy's `RandomState`, so that goldens computed with NumPy and SciPy can be made from a seed instead of stored arrays.

const N: usize = 624;
const M: usize = 397;

/// MT19937 seeded as `numpy.random.RandomState(seed)`.
pub(crate) struct RandomState {
    state: [u32; N],
    at: usize,
    spare_normal: Option<f64>,
}

impl RandomState {
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, at: N, spare_normal: None }
    }

    fn refill(&mut self) {
        for i in 0..N {
            let word = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (word >> 1) ^ odd;
        }
        self.at = 0;
    }

    fn next_u32(&mut self) -> u32 {
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

    /// `rand()`.
    pub(crate) fn uniform(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `randn()`: the polar method, which makes two at a time.
    pub(crate) fn normal(&mut self) -> f64 {
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

    /// `(randn(rows, columns) * scale + shift).astype(float32)`.
    pub(crate) fn normals(&mut self, rows: usize, columns: usize, scale: f64, shift: f64) -> Vec<Vec<f32>> {
        let mut row = || (0..columns).map(|_| (self.normal() * scale + shift) as f32).collect();
        (0..rows).map(|_| row()).collect()
    }

    /// `randint(0, 256, count).astype(uint8)`.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next_u32() as u8).collect()
    }
}

#[test]
fn the_generator_is_numpys() {
    // numpy.random.RandomState(8).randint(0, 256, 8)
    assert_eq!(RandomState::new(8).bytes(8), [195, 84, 241, 105, 133, 218, 136, 83]);
}
