//! One level of the pyramid: improves a flow with the polynomials of both frames.
//!
//! A displacement d turns the polynomial with matrix A and vector b into one with vector b - 2 A d. With A the mean of both
//! frames' matrices and b half the difference of their vectors at the place where the flow leads, A d = b; least squares
//! over a window gives d.

use super::Flow;
use super::expansion::{Expansion, Terms};

/// How often the flow of one level is improved.
const ITERATIONS: usize = 3;
/// Pixels to either side of the window (OpenCV's `winsize` 15).
const RADIUS: usize = 7;
/// Keeps the determinant from zero where the picture is flat, as OpenCV does.
const DETERMINANT_FLOOR: f64 = 1e-3;
/// Weights of the equations of the pixels nearest to the border, from the border inwards, as in OpenCV: the polynomials
/// there describe repeated pixels.
const BORDER: [f32; 5] = [0.14, 0.14, 0.4472, 0.4472, 0.4472];

/// One pixel's share of the normal equations of (d_y, d_x): g_yy, g_yx, g_xx, h_y, h_x.
type Equations = [f32; 5];

/// The flow between two pictures of one size, improved from a first estimate.
pub(super) fn refine(from: &Expansion, to: &Expansion, mut flow: Flow) -> Flow {
    let mut equations = vec![[0.0; 5]; from.terms.len()];
    if equations.is_empty() {
        return flow;
    }
    for _ in 0..ITERATIONS {
        set_equations(from, to, &flow, &mut equations);
        solve(&equations, &mut flow);
    }
    flow
}

/// The weight of each place of a row or column.
fn border_weights(len: usize) -> Vec<f32> {
    let weight = |distance: usize| BORDER.get(distance).copied().unwrap_or(1.0);
    (0..len).map(|at| weight(at) * weight(len - 1 - at)).collect()
}

/// Sets the equations of all pixels, [`LANES`] at a time: polynomials at places between pixels are read one by one, and
/// the arithmetic on them runs side by side.
fn set_equations(from: &Expansion, to: &Expansion, flow: &Flow, equations: &mut [Equations]) {
    let width = from.width;
    let across = border_weights(width);
    for (y, down) in border_weights(from.height).into_iter().enumerate() {
        let row = y * width..(y + 1) * width;
        let places = equations[row.clone()].chunks_mut(LANES).zip(from.terms[row.clone()].chunks(LANES));
        let displacements = flow.dx[row.clone()].chunks(LANES).zip(flow.dy[row].chunks(LANES));
        for (n, (((equations, terms), (dx, dy)), across)) in
            places.zip(displacements).zip(across.chunks(LANES)).enumerate()
        {
            let mut block = Block::default();
            for (lane, (((here, dx), dy), across)) in terms.iter().zip(dx).zip(dy).zip(across).enumerate() {
                let x = (n * LANES + lane) as f32 + dx;
                block.set(lane, here, &terms_at(to, here, x, y as f32 + dy));
                (block.dx[lane], block.dy[lane], block.weight[lane]) = (*dx, *dy, across * down);
            }
            equations.iter_mut().zip(block.equations()).for_each(|(place, found)| *place = found);
        }
    }
}

/// The polynomial at a place between pixels. Outside the picture, a polynomial that leaves an equation of `here` alone:
/// the same matrix, no vector.
fn terms_at(to: &Expansion, here: &Terms, x: f32, y: f32) -> Terms {
    let outside = [0.0, 0.0, here[2], here[3], here[4]];
    if !(x >= 0.0 && y >= 0.0 && x < to.width as f32 - 1.0 && y < to.height as f32 - 1.0) {
        return outside;
    }
    // Truncation equals the floor for numbers that are not negative, and is quicker.
    let (left, top) = (x as i32, y as i32);
    let (along, down) = (x - left as f32, y - top as f32);
    let at = top as usize * to.width + left as usize;
    let pair = |at: usize| to.terms.get(at..at + 2);
    let (Some([a, b]), Some([c, d])) = (pair(at), pair(at + to.width)) else { return outside };
    let weights = [(1.0 - along) * (1.0 - down), along * (1.0 - down), (1.0 - along) * down, along * down];
    std::array::from_fn(|n| weights[0] * a[n] + weights[1] * b[n] + weights[2] * c[n] + weights[3] * d[n])
}

/// Pixels whose equations are computed side by side.
const LANES: usize = 8;

/// The values from which the equations of [`LANES`] pixels are computed.
#[derive(Default)]
struct Block {
    here: [[f32; LANES]; 5],
    there: [[f32; LANES]; 5],
    dx: [f32; LANES],
    dy: [f32; LANES],
    weight: [f32; LANES],
}

impl Block {
    fn set(&mut self, lane: usize, here: &Terms, there: &Terms) {
        for n in 0..here.len() {
            self.here[n][lane] = here[n];
            self.there[n][lane] = there[n];
        }
    }

    fn equations(&self) -> [Equations; LANES] {
        std::array::from_fn(|lane| self.equation(lane))
    }

    /// The equations of a pixel whose flow leads from its polynomial `here` to the polynomial `there`.
    fn equation(&self, lane: usize) -> Equations {
        let (here, there) = (|n: usize| self.here[n][lane], |n: usize| self.there[n][lane]);
        let (dx, dy, weight) = (self.dx[lane], self.dy[lane], self.weight[lane]);
        let (yy, xx) = ((here(2) + there(2)) * 0.5, (here(3) + there(3)) * 0.5);
        // The polynomial's coefficient of x y is twice the matrix' entry.
        let xy = (here(4) + there(4)) * 0.25;
        // The flow so far is added back, so that the window is solved for the whole displacement.
        let b_y = weight * ((here(0) - there(0)) * 0.5 + (yy * dy + xy * dx));
        let b_x = weight * ((here(1) - there(1)) * 0.5 + (xy * dy + xx * dx));
        let (yy, xx, xy) = (weight * yy, weight * xx, weight * xy);
        [yy * yy + xy * xy, (yy + xx) * xy, xx * xx + xy * xy, yy * b_y + xy * b_x, xy * b_y + xx * b_x]
    }
}

/// Solves the mean equations of the window around each pixel; beyond the edge, the equations of the edge are repeated.
fn solve(equations: &[Equations], flow: &mut Flow) {
    let (width, height) = (flow.width, flow.height);
    let row = |y: usize| &equations[y * width..(y + 1) * width];
    let mut window = Window::new(width);
    for t in 0..=RADIUS {
        (0..if t == 0 { RADIUS + 1 } else { 1 }).for_each(|_| window.add(row(t.min(height - 1))));
    }
    for y in 0..height {
        if y > 0 {
            window.slide(row((y + RADIUS).min(height - 1)), row((y - 1).saturating_sub(RADIUS)));
        }
        let row = y * width..(y + 1) * width;
        window.solve(&mut flow.dx[row.clone()], &mut flow.dy[row]);
    }
}

/// Sums of the equations over the rows of the window. They are in 64 bits, because what enters and leaves must not
/// leave a trace, and because the determinant is a small difference of large numbers where the picture has one
/// direction only.
struct Window {
    /// With [`RADIUS`] + 1 before the row and [`RADIUS`] after it.
    columns: Vec<[f64; 5]>,
}

impl Window {
    fn new(width: usize) -> Self {
        Self { columns: vec![[0.0; 5]; width + 2 * RADIUS + 1] }
    }

    fn inner(&mut self) -> &mut [[f64; 5]] {
        let end = self.columns.len() - RADIUS;
        &mut self.columns[RADIUS + 1..end]
    }

    fn add(&mut self, row: &[Equations]) {
        let sums = self.inner().as_flattened_mut().iter_mut().zip(row.as_flattened());
        sums.for_each(|(sum, value)| *sum += f64::from(*value));
    }

    fn slide(&mut self, enters: &[Equations], leaves: &[Equations]) {
        let values = enters.as_flattened().iter().zip(leaves.as_flattened());
        let sums = self.inner().as_flattened_mut().iter_mut().zip(values);
        sums.for_each(|(sum, (enters, leaves))| *sum += f64::from(*enters) - f64::from(*leaves));
    }

    fn solve(&mut self, dx: &mut [f32], dy: &mut [f32]) {
        const SCALE: f64 = 1.0 / ((2 * RADIUS + 1) * (2 * RADIUS + 1)) as f64;
        let end = self.columns.len() - RADIUS;
        let (first, last) = (self.columns[RADIUS + 1], self.columns[end - 1]);
        self.columns[..=RADIUS].fill(first);
        self.columns[end..].fill(last);
        let mut sum = [0.0; 5];
        for column in &self.columns[..2 * RADIUS + 1] {
            sum = std::array::from_fn(|n| sum[n] + column[n]);
        }
        let slides = self.columns[2 * RADIUS + 1..].iter().zip(&self.columns);
        for ((dx, dy), (enters, leaves)) in dx.iter_mut().zip(dy).zip(slides) {
            sum = std::array::from_fn(|n| sum[n] + (enters[n] - leaves[n]));
            let [yy, yx, xx, h_y, h_x] = sum.map(|sum| sum * SCALE);
            let scale = 1.0 / (yy * xx - yx * yx + DETERMINANT_FLOOR);
            *dx = ((yy * h_x - yx * h_y) * scale) as f32;
            *dy = ((xx * h_y - yx * h_x) * scale) as f32;
        }
    }
}
