//! The sums behind SSIM and MS-SSIM: local means, variances and covariance under a Gaussian window.
//!
//! Only places where the whole window lies inside the image count ('valid'). The window is separable: each row is filtered
//! along, kept in a ring of twelve rows, and the ring is filtered across. Channels stay interleaved, because a filter along a
//! row of pixels is a filter of stride `channels` along its samples. Values are taken from the middle of their range first,
//! so that variances lose little to cancellation in 32-bit floats; sums over places are in 64 bit.
//!
//! Every operation has its fixed order, and which ones are fused is written down, so that a machine with wide registers gives the
//! bits of one without.
#![expect(
    unsafe_code,
    reason = "calls the function that was compiled for wide registers where the processor has them"
)]

#[cfg(target_arch = "x86_64")]
mod wide;

use vidbench_core::{FramesU8, Plane};

/// Taps of the window. Wang et al. 2004, section III-C: 11x11, standard deviation 1.5.
pub const TAPS: usize = 11;
/// The middle of the window.
const MIDDLE: usize = TAPS / 2;
/// Wang et al. 2004, section III-B: C1 = (K1 L)^2.
pub const K1: f64 = 0.01;
/// Wang et al. 2004, section III-B: C2 = (K2 L)^2.
pub const K2: f64 = 0.03;
/// Sums that run side by side; a multiple of 1 and 3 channels and of the width of registers.
const LANES: usize = 24;
/// Rows that two rows of places look at.
const RING: usize = TAPS + 1;
/// Most channels of an image.
pub const MAX_CHANNELS: usize = 3;

/// An image, `[H, W, C]`, one or three channels, whose samples become 32-bit floats a row at a time.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    width: usize,
    height: usize,
    channels: usize,
    /// Value of white.
    peak: f32,
    samples: Samples<'a>,
}

/// Where the samples lie.
#[derive(Debug, Clone)]
enum Samples<'a> {
    /// Row after row.
    Floats(Vec<f32>),
    /// One byte each.
    Bytes { bytes: &'a [u8], stride: usize },
    /// Two bytes each, the least significant first.
    Words { bytes: &'a [u8], stride: usize },
}

impl<'a> Image<'a> {
    /// An image of any values from 0 to `peak`; `None` when `data` is not `[height, width, channels]` with 1 or 3 channels.
    pub fn new(width: usize, height: usize, channels: usize, peak: f32, data: Vec<f32>) -> Option<Self> {
        let fits = data.len() == width * height * channels && [1, MAX_CHANNELS].contains(&channels);
        fits.then_some(Self { width, height, channels, peak, samples: Samples::Floats(data) })
    }

    /// R, G and B of a frame, 0 to 255.
    pub fn from_rgb(rgb: &'a [u8], width: usize, height: usize) -> Self {
        let channels = FramesU8::CHANNELS;
        let samples = Samples::Bytes { bytes: rgb, stride: width * channels };
        Self { width, height, channels, peak: 255.0, samples }
    }

    /// A plane as stored, 0 to 2^depth - 1.
    pub fn from_plane(plane: &Plane<'a>, bit_depth: u8) -> Self {
        let (bytes, stride) = (plane.bytes, plane.stride);
        let samples = match bit_depth {
            8 => Samples::Bytes { bytes, stride },
            _ => Samples::Words { bytes, stride },
        };
        let peak = ((1_u32 << bit_depth.min(16)) - 1) as f32;
        Self { width: plane.width, height: plane.height, channels: 1, peak, samples }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Samples of a row.
    fn row_len(&self) -> usize {
        self.width * self.channels
    }

    /// Copies samples of a row from `left` on; the image has them.
    #[inline(always)]
    fn read_row(&self, y: usize, left: usize, out: &mut [f32]) {
        match &self.samples {
            Samples::Floats(data) => out.copy_from_slice(&data[y * self.row_len() + left..][..out.len()]),
            Samples::Bytes { bytes, stride } => {
                for (out, sample) in out.iter_mut().zip(&bytes[y * stride + left..]) {
                    *out = f32::from(*sample);
                }
            }
            Samples::Words { bytes, stride } => {
                for (out, sample) in out.iter_mut().zip(bytes[y * stride + 2 * left..].as_chunks().0) {
                    *out = f32::from(u16::from_le_bytes(*sample));
                }
            }
        }
    }

    /// Half the size: means of 2x2 pixels. An odd side gets a black row or column at both ends first, as pytorch_msssim does.
    #[must_use]
    pub fn halved(&self) -> Image<'static> {
        let (left, top, channels) = (self.width % 2, self.height % 2, self.channels);
        let (width, height) = (self.width / 2 + left, self.height / 2 + top);
        let mut data = Vec::with_capacity(width * height * channels);
        // Black on the left where the width is odd.
        let mut pair = [(); 2].map(|()| vec![0.0; 2 * width * channels]);
        for y in 0..height {
            for (row, pixels) in pair.iter_mut().enumerate() {
                let pixels = &mut pixels[left * channels..][..self.row_len()];
                match (2 * y + row).checked_sub(top) {
                    Some(y) => self.read_row(y, 0, pixels),
                    None => pixels.fill(0.0),
                }
            }
            let [upper, lower] = &pair;
            for x in 0..width {
                for at in 2 * x * channels..(2 * x + 1) * channels {
                    let sum = upper[at] + upper[at + channels] + lower[at] + lower[at + channels];
                    data.push(sum / 4.0);
                }
            }
        }
        Image { width, height, channels, peak: self.peak, samples: Samples::Floats(data) }
    }
}

/// Means over the places of each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Channels that count.
    pub channels: usize,
    /// SSIM of each channel.
    pub ssim: [f64; MAX_CHANNELS],
    /// Its factor of contrast and structure.
    pub contrast: [f64; MAX_CHANNELS],
}

impl Similarity {
    /// SSIM, the mean over channels.
    pub fn mean_ssim(&self) -> f64 {
        self.ssim.iter().take(self.channels).sum::<f64>() / self.channels as f64
    }
}

/// Compares two images of one shape; `None` when they differ in shape or are smaller than the window.
pub fn compare(a: &Image<'_>, b: &Image<'_>) -> Option<Similarity> {
    let shape = |image: &Image<'_>| (image.width, image.height, image.channels);
    if shape(a) != shape(b) || a.width < TAPS || a.height < TAPS {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has what the function was compiled for.
        return Some(unsafe { wide::compare(a, b) });
    }
    Some(compare_any(a, b))
}

/// Local sums of one row: of a, b, a^2 + b^2, a b.
type Row = [Vec<f32>; 4];

/// For every processor.
fn compare_any(a: &Image<'_>, b: &Image<'_>) -> Similarity {
    let (channels, samples) = (a.channels, a.row_len());
    let valid = samples - (TAPS - 1) * channels;
    let window = window();
    let mut products: Row = std::array::from_fn(|_| vec![0.0; samples]);
    let mut places: [Row; 2] = std::array::from_fn(|_| std::array::from_fn(|_| vec![0.0; valid]));
    let mut ring: Vec<Row> = (0..RING).map(|_| std::array::from_fn(|_| vec![0.0; valid])).collect();
    let (terms, mut totals) = (Terms::new(a.peak), Totals::default());
    let [mut a_row, mut b_row] = [(); 2].map(|()| vec![0.0; samples]);
    for y in 0..a.height {
        a.read_row(y, 0, &mut a_row);
        b.read_row(y, 0, &mut b_row);
        multiply(&a_row, &b_row, terms.middle, &mut products);
        for (product, row) in products.iter().zip(&mut ring[y % RING]) {
            filter_along(product, channels, &window, row);
        }
        if y >= TAPS && (y - TAPS).is_multiple_of(2) {
            let [first, second] = &mut places;
            for (map, (upper, lower)) in first.iter_mut().zip(second).enumerate() {
                filter_across_two(&rows(&ring, y - TAPS, map), &window, upper, lower);
            }
            for row in &places {
                totals.add(&terms.of_row(row));
            }
        }
    }
    // An odd number of rows of places leaves the last one.
    let last = a.height - TAPS;
    if last.is_multiple_of(2) {
        for (map, out) in places[0].iter_mut().enumerate() {
            filter(&rows(&ring, last, map), &window, out);
        }
        totals.add(&terms.of_row(&places[0]));
    }
    totals.finish(channels, (last + 1) * (valid / channels))
}

/// A map's rows in the ring, from that row of the image on.
#[inline(always)]
fn rows<const N: usize>(ring: &[Row], first: usize, map: usize) -> [&[f32]; N] {
    std::array::from_fn(|tap| &*ring[(first + tap) % RING][map])
}

/// The Gaussian, its sum 1.
fn window() -> [f32; MIDDLE + 1] {
    /// Wang et al. 2004, section III-C.
    const SIGMA: f64 = 1.5;
    let weight = |tap: usize| (-((MIDDLE - tap) as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let sum: f64 = (0..MIDDLE).map(|tap| 2.0 * weight(tap)).sum::<f64>() + weight(MIDDLE);
    std::array::from_fn(|tap| (weight(tap) / sum) as f32)
}

#[inline(always)]
fn multiply(a: &[f32], b: &[f32], middle: f32, out: &mut Row) {
    let [out_a, out_b, squares, product] = out;
    let outs = out_a.iter_mut().zip(out_b).zip(squares.iter_mut().zip(product));
    for ((a, b), ((out_a, out_b), (squares, product))) in a.iter().zip(b).zip(outs) {
        let (a, b) = (a - middle, b - middle);
        (*out_a, *out_b) = (a, b);
        (*squares, *product) = (a * a + b * b, a * b);
    }
}

#[inline(always)]
fn filter_along(row: &[f32], stride: usize, window: &[f32; MIDDLE + 1], out: &mut [f32]) {
    let taps: [&[f32]; TAPS] = std::array::from_fn(|tap| &row[tap * stride..][..out.len()]);
    filter(&taps, window, out);
}

/// `out[i]` is the weighted sum of `taps[..][i]`.
#[inline(always)]
fn filter(taps: &[&[f32]; TAPS], window: &[f32; MIDDLE + 1], out: &mut [f32]) {
    let taps = taps.map(|tap| &tap[..out.len()]);
    for i in 0..out.len() {
        let mut column = [0.0; TAPS];
        for tap in 0..TAPS {
            column[tap] = taps[tap][i];
        }
        out[i] = weighted_sum(&column, window);
    }
}

/// The same for two windows, the second one row lower: what bounds the filter is loading, and they share all rows but two.
#[inline(always)]
fn filter_across_two(
    rows: &[&[f32]; RING],
    window: &[f32; MIDDLE + 1],
    upper: &mut [f32],
    lower: &mut [f32],
) {
    let (rows, lower) = (rows.map(|row| &row[..upper.len()]), &mut lower[..upper.len()]);
    for i in 0..upper.len() {
        let mut column = [0.0; RING];
        for row in 0..RING {
            column[row] = rows[row][i];
        }
        let [taps @ .., _] = column;
        upper[i] = weighted_sum(&taps, window);
        let [_, taps @ ..] = column;
        lower[i] = weighted_sum(&taps, window);
    }
}

/// From the middle outwards, taps of one weight added first.
#[inline(always)]
fn weighted_sum(taps: &[f32; TAPS], window: &[f32; MIDDLE + 1]) -> f32 {
    let mut sum = window[MIDDLE] * taps[MIDDLE];
    for tap in (0..MIDDLE).rev() {
        sum = (taps[tap] + taps[TAPS - 1 - tap]).mul_add(window[tap], sum);
    }
    sum
}

/// SSIM and its contrast factor, summed over places, one sum a lane. A row begins with the first channel, so every lane keeps to
/// one channel.
type Sums = [[f32; LANES]; 2];

/// What both are made of beside the local sums.
struct Terms {
    c1: f32,
    c2: f32,
    /// What was taken from the values.
    middle: f32,
}

impl Terms {
    fn new(peak: f32) -> Self {
        let constant = |k: f64| (k * f64::from(peak)).powi(2) as f32;
        Self { c1: constant(K1), c2: constant(K2), middle: peak / 2.0 }
    }

    /// The sums of one row of places.
    fn of_row(&self, row: &Row) -> Sums {
        let mut sums = [[0.0; LANES]; 2];
        self.add(row, row[0].len(), &mut sums);
        sums
    }

    /// Adds the first `places` places of a row.
    #[inline(always)]
    fn add(&self, row: &Row, places: usize, sums: &mut Sums) {
        let rest = places % LANES;
        for at in (0..places - rest).step_by(LANES) {
            self.add_lanes(row, at, LANES, sums);
        }
        self.add_lanes(row, places - rest, rest, sums);
    }

    /// Adds up to [`LANES`] places, one a lane.
    #[inline(always)]
    fn add_lanes(&self, row: &Row, at: usize, lanes: usize, sums: &mut Sums) {
        let [mean_a, mean_b, squares, product] = row;
        let (mean_a, mean_b) = (&mean_a[at..at + lanes], &mean_b[at..at + lanes]);
        let (squares, product) = (&squares[at..at + lanes], &product[at..at + lanes]);
        let [ssim, contrast] = sums;
        for lane in 0..lanes {
            let (a, b) = (mean_a[lane], mean_b[lane]);
            let variances = squares[lane] - (a * a + b * b);
            let covariance = product[lane] - a * b;
            let (a, b) = (a + self.middle, b + self.middle);
            let luminance = (2.0 * (a * b) + self.c1) / ((a * a + b * b) + self.c1);
            let structure = (2.0 * covariance + self.c2) / (variances + self.c2);
            contrast[lane] += structure;
            ssim[lane] += luminance * structure;
        }
    }
}

/// The sums of all rows.
#[derive(Default)]
struct Totals([[f64; LANES]; 2]);

impl Totals {
    fn add(&mut self, sums: &Sums) {
        for (total, sum) in self.0.iter_mut().flatten().zip(sums.iter().flatten()) {
            *total += f64::from(*sum);
        }
    }

    fn finish(&self, channels: usize, places: usize) -> Similarity {
        let mean = |lanes: &[f64; LANES]| {
            let of = |channel| lanes.iter().skip(channel).step_by(channels).sum::<f64>() / places as f64;
            std::array::from_fn(|channel| if channel < channels { of(channel) } else { 0.0 })
        };
        let [ssim, contrast] = &self.0;
        Similarity { channels, ssim: mean(ssim), contrast: mean(contrast) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_registers_change_no_bit() {
        let shapes =
            [(11, 11, 1), (53, 17, 1), (12, 18, 1), (11, 12, 3), (47, 31, 3), (700, 23, 1), (211, 24, 3)];
        for (width, height, channels) in shapes {
            let image = |step: usize| {
                let data = (0..width * height * channels).map(|at| (at * step % 256) as f32).collect();
                Image::new(width, height, channels, 255.0, data).unwrap()
            };
            let (a, b) = (image(37), image(41));
            assert_eq!(compare(&a, &b), Some(compare_any(&a, &b)));
        }
    }

    #[test]
    fn an_odd_side_is_halved_with_a_black_border() {
        let image = Image::new(3, 2, 1, 255.0, vec![4.0, 8.0, 12.0, 16.0, 20.0, 24.0]).unwrap();
        let (halved, mut row) = (image.halved(), [0.0; 2]);
        halved.read_row(0, 0, &mut row);
        assert_eq!((halved.size(), row), ((2, 1), [5.0, 16.0]));
    }
}
