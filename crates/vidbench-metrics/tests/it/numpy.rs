//! NumPy's `RandomState`, so that goldens computed with NumPy and SciPy can be made from a seed instead of stored arrays.

use vidbench_metrics::{FeatureMatrix, numpy_random};

/// `numpy.random.RandomState`, with more of its distributions than the library needs.
pub(crate) struct RandomState {
    bits: numpy_random::RandomState,
}

impl RandomState {
    pub(crate) fn new(seed: u32) -> Self {
        Self { bits: numpy_random::RandomState::new(seed) }
    }

    fn next_u32(&mut self) -> u32 {
        self.bits.next_u32()
    }

    /// `rand()`, in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.bits.uniform()
    }

    /// `randn()`.
    pub(crate) fn normal(&mut self) -> f64 {
        self.bits.normal()
    }

    /// `(randn(rows, columns) * scale + shift).astype(float32)`.
    pub(crate) fn normals(&mut self, rows: usize, columns: usize, scale: f64, shift: f64) -> Vec<Vec<f32>> {
        let mut row = || (0..columns).map(|_| (self.normal() * scale + shift) as f32).collect();
        (0..rows).map(|_| row()).collect()
    }

    /// `(randn(rows, columns) * scale + shift).astype(float32)`, as a matrix.
    pub(crate) fn normal_matrix(
        seed: u32,
        rows: usize,
        columns: usize,
        scale: f64,
        shift: f64,
    ) -> FeatureMatrix {
        let normals = Self::new(seed).normals(rows, columns, scale, shift);
        FeatureMatrix::from_rows(normals.iter().map(Vec::as_slice)).unwrap()
    }

    /// `standard_gamma(shape)` for shapes below 1.
    fn gamma(&mut self, shape: f64) -> f64 {
        loop {
            let (u, exponential) = (self.uniform(), -(1.0 - self.uniform()).ln());
            if u <= 1.0 - shape {
                let x = u.powf(1.0 / shape);
                if x <= exponential {
                    return x;
                }
            } else {
                let y = -((1.0 - u) / shape).ln();
                let x = (1.0 - shape + shape * y).powf(1.0 / shape);
                if x <= exponential + y {
                    return x;
                }
            }
        }
    }

    /// `dirichlet([shape] * columns, rows)`, row after row.
    pub(crate) fn dirichlet(&mut self, rows: usize, columns: usize, shape: f64) -> Vec<f64> {
        let mut row = || {
            let gammas: Vec<f64> = (0..columns).map(|_| self.gamma(shape)).collect();
            let sum: f64 = gammas.iter().sum();
            gammas.into_iter().map(move |gamma| gamma / sum)
        };
        (0..rows).flat_map(|_| row()).collect()
    }

    /// `shuffle(items)`.
    pub(crate) fn shuffle(&mut self, items: &mut [usize]) {
        for at in (1..items.len()).rev() {
            let mask = (at as u32 + 1).next_power_of_two() - 1;
            let below = loop {
                let drawn = (self.next_u32() & mask) as usize;
                if drawn <= at {
                    break drawn;
                }
            };
            items.swap(at, below);
        }
    }

    /// `randint(0, 256, count).astype(uint8)`.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        self.bits.bytes(count)
    }
}

#[test]
fn shuffles_and_dirichlets_are_numpys() {
    // numpy.random.RandomState(42).shuffle(numpy.arange(12))
    let mut items: Vec<usize> = (0..12).collect();
    RandomState::new(42).shuffle(&mut items);
    assert_eq!(items, [10, 9, 0, 8, 5, 2, 1, 11, 4, 7, 3, 6]);
    // numpy.random.RandomState(7).dirichlet(0.1 * numpy.ones(101), 2048)[0, :4]
    let row = RandomState::new(7).dirichlet(1, 101, 0.1);
    for (found, expected) in row.iter().zip([6.83800706e-13, 2.67922551e-05, 1.68557461e-01, 1.02007885e-04])
    {
        assert!((found - expected).abs() < 1e-8 * expected, "{found} {expected}");
    }
}
