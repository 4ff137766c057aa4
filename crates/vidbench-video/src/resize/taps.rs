//! Which input samples make an output sample, and with what weights, along one axis.

/// For each output sample, the first input sample and the weights from there on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taps<W> {
    starts: Vec<usize>,
    /// Where the weights of each output sample end.
    ends: Vec<usize>,
    weights: Vec<W>,
}

/// Kernel of a resampling filter, centred at 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Filter {
    /// Bilinear.
    Triangle,
    /// Keys 1981, eq. 4, with his `a`.
    Cubic { a: f64 },
}

impl<W: Copy> Taps<W> {
    fn with_capacity(outputs: usize) -> Self {
        Self { starts: Vec::with_capacity(outputs), ends: Vec::with_capacity(outputs), weights: Vec::new() }
    }

    fn push(&mut self, start: usize, weights: impl IntoIterator<Item = W>) {
        self.weights.extend(weights);
        self.starts.push(start);
        self.ends.push(self.weights.len());
    }

    /// First input sample and weights of each output sample.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[W])> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = begins.zip(&self.ends).map(|(begin, &end)| &self.weights[begin..end]);
        self.starts.iter().copied().zip(ranges)
    }

    pub(super) fn map<V>(self, convert: impl Fn(W) -> V) -> Taps<V> {
        let Self { starts, ends, weights } = self;
        Taps { starts, ends, weights: weights.into_iter().map(convert).collect() }
    }
}

impl Filter {
    /// Half the width of the kernel.
    fn support(self) -> f64 {
        match self {
            Self::Triangle => 1.0,
            Self::Cubic { .. } => 2.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Triangle if x < 1.0 => 1.0 - x,
            Self::Cubic { a } if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Self::Cubic { a } if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
            Self::Triangle | Self::Cubic { .. } => 0.0,
        }
    }

    /// Kernel of [`Filter::at`] in single precision.
    fn at_f32(self, x: f32) -> f32 {
        self.at(x.into()) as f32
    }
}

/// Without antialiasing: the kernel keeps its width whatever the scale. Coordinates are in single precision, as in
/// torch: at column 1,000 they differ from the exact ones by a visible part of a grey level.
pub(super) fn torch_plain(from: usize, to: usize, filter: Filter) -> Taps<f32> {
    let scale = from as f32 / to as f32;
    let mut taps = Taps::with_capacity(to);
    for index in 0..to {
        let place = scale * (index as f32 + 0.5) - 0.5;
        match filter {
            Filter::Triangle => push_pair(&mut taps, place.max(0.0), from),
            Filter::Cubic { .. } => push_cubic(&mut taps, place, filter, from),
        }
    }
    taps
}

/// cv2 computes coordinates in double precision and weights in single.
pub(super) fn cv2_linear(from: usize, to: usize) -> Taps<f32> {
    let scale = from as f64 / to as f64;
    let mut taps = Taps::with_capacity(to);
    (0..to).for_each(|index| {
        let place = ((index as f64 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f64);
        let start = place as usize;
        let part = (place - start as f64) as f32;
        if start + 1 < from {
            taps.push(start, [1.0 - part, part]);
        } else {
            taps.push(start, [1.0]);
        }
    });
    taps
}

/// The two rows that cv2 uses for each output row, and the weight of the lower one. Outside the image both are the edge
/// row, which is still weighted; the fixed-point result shows that.
pub(super) fn cv2_rows(from: usize, to: usize) -> impl Iterator<Item = ([usize; 2], f32)> {
    let scale = from as f64 / to as f64;
    (0..to).map(move |index| {
        let place = (index as f64 + 0.5) * scale - 0.5;
        let upper = place.floor();
        let inside = |row: i64| row.clamp(0, from as i64 - 1) as usize;
        ([inside(upper as i64), inside(upper as i64 + 1)], (place - upper) as f32)
    })
}

/// TensorFlow 1's rule without half-pixel centres.
pub(super) fn tf1_linear(from: usize, to: usize) -> Taps<f32> {
    let scale = from as f32 / to as f32;
    let mut taps = Taps::with_capacity(to);
    (0..to).for_each(|index| push_pair(&mut taps, index as f32 * scale, from));
    taps
}

/// The corners of both images coincide.
pub(super) fn corners_linear(from: usize, to: usize) -> Taps<f32> {
    let scale = (from - 1) as f32 / (to - 1).max(1) as f32;
    let mut taps = Taps::with_capacity(to);
    (0..to).for_each(|index| push_pair(&mut taps, index as f32 * scale, from));
    taps
}

/// Pushes the two samples around `place`; the last sample stands for those after it.
fn push_pair(taps: &mut Taps<f32>, place: f32, from: usize) {
    let start = (place as usize).min(from - 1);
    let part = place - start as f32;
    if start + 1 < from {
        taps.push(start, [1.0 - part, part]);
    } else {
        taps.push(start, [1.0]);
    }
}

/// Pushes the four samples around `place`; the edge samples stand for those outside.
fn push_cubic(taps: &mut Taps<f32>, place: f32, filter: Filter, from: usize) {
    let left = place.floor();
    let part = place - left;
    let weights = [part + 1.0, part, 1.0 - part, 2.0 - part].map(|distance| filter.at_f32(distance));
    let last = from as i64 - 1;
    let inside = |offset: i64| (left as i64 + offset).clamp(0, last) as usize;
    let (start, end) = (inside(-1), inside(2));
    let mut folded = vec![0.0; end - start + 1];
    for (offset, weight) in (-1..).zip(weights) {
        folded[inside(offset) - start] += weight;
    }
    taps.push(start, folded);
}

/// torch with antialias: the kernel is as wide as the scale, in single precision.
pub(super) fn torch_antialias(from: usize, to: usize, filter: Filter) -> Taps<f32> {
    let scale = from as f32 / to as f32;
    let wide = scale.max(1.0);
    let support = filter.support() as f32 * wide;
    let inverse = 1.0 / wide;
    let mut taps = Taps::with_capacity(to);
    for index in 0..to {
        let centre = scale * (index as f32 + 0.5);
        let start = ((centre - support + 0.5) as i64).max(0) as usize;
        let end = ((centre + support + 0.5) as i64).clamp(0, from as i64) as usize;
        let weights = (start..end).map(|at| filter.at_f32((at as f32 - centre + 0.5) * inverse));
        let weights: Vec<f32> = weights.collect();
        let sum: f32 = weights.iter().sum();
        taps.push(start, weights.iter().map(|weight| weight / sum));
    }
    taps
}

/// Pillow: as torch with antialias, in double precision.
pub(super) fn pillow(from: usize, to: usize, filter: Filter) -> Taps<f64> {
    let scale = from as f64 / to as f64;
    let wide = scale.max(1.0);
    let support = filter.support() * wide;
    let inverse = 1.0 / wide;
    let mut taps = Taps::with_capacity(to);
    for index in 0..to {
        let centre = (index as f64 + 0.5) * scale;
        let start = ((centre - support + 0.5) as i64).max(0) as usize;
        let end = ((centre + support + 0.5) as i64).clamp(0, from as i64) as usize;
        let weights: Vec<f64> =
            (start..end).map(|at| filter.at((at as f64 - centre + 0.5) * inverse)).collect();
        let sum: f64 = weights.iter().sum();
        taps.push(start, weights.iter().map(|weight| weight / sum));
    }
    taps
}
