//! Polynomial expansion: the neighbourhood of each pixel as a quadratic polynomial.
//!
//! Least squares under a Gaussian weight, for f(x, y) ~ c + b_x x + b_y y + a_xx x^2 + a_yy y^2 + a_xy x y. The basis is
//! made of products of 1, t and t^2, so all sums are separable; for symmetry all but one of the basis' inner products that
//! link different functions are zero. c is never needed.

/// Pixels to either side that a polynomial describes (OpenCV's `poly_n`).
const RADIUS: usize = 7;
/// Standard deviation of the weight in pixels (OpenCV's `poly_sigma`).
const SIGMA: f64 = 1.5;
/// Pixels computed side by side.
const LANES: usize = 8;

/// The coefficients of one pixel's polynomial: b_y, b_x, a_yy, a_xx, a_xy.
pub(super) type Terms = [f32; 5];

/// A picture's polynomials.
#[derive(Debug, Clone)]
pub(super) struct Expansion {
    pub(super) width: usize,
    pub(super) height: usize,
    /// `[H, W]`.
    pub(super) terms: Vec<Terms>,
}

impl Expansion {
    /// The polynomials of `[height, width]` pixels; beyond the edge, the pixels of the edge are repeated.
    pub(super) fn new(pixels: &[f32], width: usize, height: usize) -> Self {
        let basis = Basis::new();
        let mut columns = Columns::new(width);
        let mut terms = Vec::with_capacity(width * height);
        for y in 0..height {
            columns.sum(&basis, y, height, |y| &pixels[y * width..(y + 1) * width]);
            columns.extend_terms(&basis, &mut terms);
        }
        Self { width, height, terms }
    }
}

/// The weights of a distance and the inverse of the basis' inner products.
struct Basis {
    /// Gaussian weight, by distance.
    weight: [f32; RADIUS + 1],
    /// The weight times the distance.
    linear: [f32; RADIUS + 1],
    /// The weight times the distance squared.
    square: [f32; RADIUS + 1],
    /// Inverse inner product of x with x.
    inverse_x: f32,
    /// Inverse inner product of 1 with x^2.
    inverse_one_xx: f32,
    /// Inverse inner product of x^2 with x^2.
    inverse_xx: f32,
    /// Inverse inner product of xy with xy.
    inverse_xy: f32,
}

impl Basis {
    fn new() -> Self {
        let gauss = |t: usize| (-((t * t) as f64) / (2.0 * SIGMA * SIGMA)).exp();
        let sum = gauss(0) + 2.0 * (1..=RADIUS).map(gauss).sum::<f64>();
        let weight = std::array::from_fn(|t| (gauss(t) / sum) as f32);
        let moment = |power: i32| -> f64 {
            let of = |t: usize| 2.0 * f64::from(weight[t]) * (t as f64).powi(power);
            (1..=RADIUS).map(of).sum()
        };
        // Moments of the weight as it is used: of order 0, 2 and 4; in two dimensions they multiply.
        let (m0, m2, m4) = (f64::from(weight[0]) + moment(0), moment(2), moment(4));
        // Inner products of 1, x^2 and y^2: [[p, q, q], [q, r, s], [q, s, r]].
        let (p, q, r, s) = (m0 * m0, m2 * m0, m4 * m0, m2 * m2);
        let determinant = p * (r + s) - 2.0 * q * q;
        Self {
            weight,
            linear: std::array::from_fn(|t| t as f32 * weight[t]),
            square: std::array::from_fn(|t| (t * t) as f32 * weight[t]),
            inverse_x: (1.0 / q) as f32,
            inverse_one_xx: (-q / determinant) as f32,
            inverse_xx: ((p * r - q * q) / ((r - s) * determinant)) as f32,
            inverse_xy: (1.0 / s) as f32,
        }
    }
}

/// Sums over the columns of one row's neighbourhood, with [`RADIUS`] samples before the row and as many after it.
struct Columns {
    width: usize,
    /// Weighted by 1, by y and by y^2.
    sums: [Vec<f32>; 3],
}

impl Columns {
    fn new(width: usize) -> Self {
        let len = width.next_multiple_of(LANES) + 2 * RADIUS;
        Self { width, sums: std::array::from_fn(|_| vec![0.0; len]) }
    }

    fn sum<'a>(&mut self, basis: &Basis, y: usize, height: usize, row: impl Fn(usize) -> &'a [f32]) {
        let inner = RADIUS..RADIUS + self.width;
        let [ones, linears, squares] = &mut self.sums;
        let (ones, linears, squares) =
            (&mut ones[inner.clone()], &mut linears[inner.clone()], &mut squares[inner]);
        ones.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum = basis.weight[0] * value);
        linears.fill(0.0);
        squares.fill(0.0);
        for t in 1..=RADIUS {
            let (above, below) = (row(y.saturating_sub(t)), row((y + t).min(height - 1)));
            let (weight, linear, square) = (basis.weight[t], basis.linear[t], basis.square[t]);
            let sums = ones.iter_mut().zip(linears.iter_mut()).zip(squares.iter_mut());
            for (((one, line), squared), (above, below)) in sums.zip(above.iter().zip(below)) {
                let both = above + below;
                *one += weight * both;
                *line += linear * (below - above);
                *squared += square * both;
            }
        }
        for sums in &mut self.sums {
            let (first, last) = (sums[RADIUS], sums[RADIUS + self.width - 1]);
            sums[..RADIUS].fill(first);
            sums[RADIUS + self.width..].fill(last);
        }
    }

    fn extend_terms(&self, basis: &Basis, terms: &mut Vec<Terms>) {
        for begin in (0..self.width).step_by(LANES) {
            let block = self.block(basis, begin);
            terms.extend_from_slice(&block[..LANES.min(self.width - begin)]);
        }
    }

    /// The polynomials of [`LANES`] pixels from `begin` on.
    fn block(&self, basis: &Basis, begin: usize) -> [Terms; LANES] {
        let [ones, linears, squares] = &self.sums;
        let at =
            |sums: &[f32], from: usize| -> [f32; LANES] { std::array::from_fn(|lane| sums[from + lane]) };
        let centre = begin + RADIUS;
        let scaled = |values: [f32; LANES]| values.map(|value| value * basis.weight[0]);
        let (mut one, mut y, mut yy) =
            (scaled(at(ones, centre)), scaled(at(linears, centre)), scaled(at(squares, centre)));
        let (mut x, mut xx, mut xy) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for t in 1..=RADIUS {
            let (weight, linear, square) = (basis.weight[t], basis.linear[t], basis.square[t]);
            let pair = |sums: &[f32]| (at(sums, centre - t), at(sums, centre + t));
            let ((a, b), (c, d), (e, f)) = (pair(ones), pair(linears), pair(squares));
            for lane in 0..LANES {
                let both = a[lane] + b[lane];
                one[lane] += both * weight;
                xx[lane] += both * square;
                x[lane] += (b[lane] - a[lane]) * linear;
                y[lane] += (c[lane] + d[lane]) * weight;
                xy[lane] += (d[lane] - c[lane]) * linear;
                yy[lane] += (e[lane] + f[lane]) * weight;
            }
        }
        std::array::from_fn(|lane| {
            [
                y[lane] * basis.inverse_x,
                x[lane] * basis.inverse_x,
                one[lane] * basis.inverse_one_xx + yy[lane] * basis.inverse_xx,
                one[lane] * basis.inverse_one_xx + xx[lane] * basis.inverse_xx,
                xy[lane] * basis.inverse_xy,
            ]
        })
    }
}
