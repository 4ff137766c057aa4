//! Makes pictures smaller and flows larger.

use super::Flow;

/// Where the samples of a smaller row or column lie in the full one, and the weights that make them.
///
/// The full row is smoothed by a Gaussian (mirrored beyond the edge without repeating it) and read between two of its
/// samples; both are linear, so each sample of the smaller row is one weighted sum. Smoothing the whole picture with the
/// 79 taps of the smallest one would cost more than all the rest.
pub(super) struct Grid {
    full: usize,
    taps: usize,
    /// For each sample the place of its first tap in the full row with [`Grid::margin`] samples before it.
    starts: Vec<usize>,
    /// `[samples, taps]`.
    weights: Vec<f32>,
}

impl Grid {
    /// For a row of `full` samples that is halved that often.
    pub(super) fn new(full: usize, halvings: u32) -> Self {
        let scale = 0.5_f64.powi(halvings as i32);
        let len = (full as f64 * scale).round_ties_even() as usize;
        let kernel = smoothing(scale);
        let taps = kernel.len() + 1;
        let (mut starts, mut weights) = (Vec::with_capacity(len), Vec::with_capacity(len * taps));
        for at in 0..len {
            let (left, share) = between(at, full, len);
            starts.push(left);
            let tap = |at: usize| kernel.get(at).copied().unwrap_or(0.0);
            weights.extend((0..taps).map(|at| {
                let after = if at == 0 { 0.0 } else { tap(at - 1) };
                ((1.0 - share) * tap(at) + share * after) as f32
            }));
        }
        Self { full, taps, starts, weights }
    }

    /// Samples of the smaller row.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Samples that a sum may reach before the first; it may reach one more after the last.
    fn margin(&self) -> usize {
        self.taps / 2 - 1
    }

    /// Each sample's first tap with its weights.
    fn sums(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.starts.iter().copied().zip(self.weights.chunks_exact(self.taps))
    }

    /// The sample of the full row that stands at index `at` of the row with margins: mirrored, without repeating the
    /// edge.
    fn mirrored(&self, at: usize) -> usize {
        let period = 2 * self.full.saturating_sub(1).max(1);
        let at = (at + self.margin() * (period - 1)) % period;
        at.min(period - at).min(self.full.saturating_sub(1))
    }
}

/// The Gaussian that smooths the full picture before it is read at `scale`: as OpenCV chooses it, 3 taps of a binomial
/// for the full picture itself.
fn smoothing(scale: f64) -> Vec<f64> {
    let sigma = (1.0 / scale - 1.0) * 0.5;
    if sigma == 0.0 {
        return vec![0.25, 0.5, 0.25];
    }
    let radius = (((sigma * 5.0).round_ties_even() as i32 | 1) / 2).max(1);
    let weight = |at: i32| (-0.5 * f64::from(at * at) / (sigma * sigma)).exp();
    let sum: f64 = (-radius..=radius).map(weight).sum();
    (-radius..=radius).map(|at| weight(at) / sum).collect()
}

/// The place of sample `at` of a row of `len` in a row of `full` that covers the same ground: the sample to its left and
/// how far it is on the way to the next.
fn between(at: usize, full: usize, len: usize) -> (usize, f64) {
    let place = (at as f64 + 0.5) * (full as f64 / len as f64) - 0.5;
    match place {
        place if place <= 0.0 => (0, 0.0),
        place if place >= full as f64 - 1.0 => (full - 1, 0.0),
        place => (place as usize, place.fract()),
    }
}

/// A picture `[rows.full, columns.full]` smoothed and made smaller, `[rows.len(), columns.len()]`.
pub(super) fn shrink(pixels: &[f32], columns: &Grid, rows: &Grid) -> Vec<f32> {
    let margin = columns.margin();
    let mut row = vec![0.0_f32; columns.full + 2 * margin + 1];
    let mirrored: Vec<usize> = (0..row.len()).map(|at| columns.mirrored(at)).collect();
    let mut smaller = Vec::with_capacity(columns.len() * rows.len());
    for (start, weights) in rows.sums() {
        let inner = &mut row[margin..margin + columns.full];
        inner.fill(0.0);
        for (at, weight) in weights.iter().enumerate() {
            let from = rows.mirrored(start + at) * columns.full;
            let line = &pixels[from..from + columns.full];
            inner.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
        }
        for at in (0..margin).chain(margin + columns.full..row.len()) {
            row[at] = row[margin + mirrored[at]];
        }
        smaller.extend(columns.sums().map(|(start, weights)| {
            row[start..].iter().zip(weights).map(|(value, weight)| value * weight).sum::<f32>()
        }));
    }
    smaller
}

/// The flow for a picture twice as large, read between the samples of the given one.
pub(super) fn grow(flow: &Flow, width: usize, height: usize) -> Flow {
    let columns: Vec<_> = (0..width).map(|x| between(x, flow.width, width)).collect();
    let component = |values: &[f32]| {
        let mut grown = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, down) = between(y, flow.height, height);
            let row = |y: usize| &values[y * flow.width..(y + 1) * flow.width];
            let (above, below) = (row(top), row((top + 1).min(flow.height - 1)));
            grown.extend(columns.iter().map(|&(left, along)| {
                let right = (left + 1).min(flow.width - 1);
                let mix = |row: &[f32]| row[left] * (1.0 - along as f32) + row[right] * along as f32;
                2.0 * (mix(above) * (1.0 - down as f32) + mix(below) * down as f32)
            }));
        }
        grown
    };
    Flow { width, height, dx: component(&flow.dx), dy: component(&flow.dy) }
}
