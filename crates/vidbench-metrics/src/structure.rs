//! The sums behind SSIM and MS-SSIM: local means, variances and covariance under a Gaussian window.
//!
//! Only places where the whole window lies inside the image count ('valid'). The window is separable: the last eleven
//! rows are filtered across, and the resulting row is filtered along. Channels stay interleaved, because a filter along
//! a row of pixels is a filter of stride `channels` along its samples. The middle of the range is subtracted from the
//! values first, so that variances lose little to cancellation in 32-bit floats; sums over places are in 64 bits.
//!
//! The maps that are filtered are a, b, (a - b)^2 and a b. With differences in place of a^2 + b^2, a denominator is its
//! numerator plus something that is never negative, and two equal images have 1 to the last bit.
//!
//! Every operation has its fixed order, and the code states which ones are fused, so that a machine with wide registers
//! gives the same bits as one without.
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
/// How many maps are filtered.
const MAPS: usize = 4;
/// How many sums run side by side; a multiple of 1 and 3 channels and of the width of registers.
const LANES: usize = 24;
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

    /// Half the size: means of 2x2 pixels. An odd side first gets a black row or column at both ends, as in
    /// pytorch_msssim.
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

/// Means over places, for each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// How many channels count.
    pub channels: usize,
    /// SSIM of each channel.
    pub ssim: [f64; MAX_CHANNELS],
    /// The factor of contrast and structure of each channel.
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

/// One row of each map, or of its local sums.
type Row = [Vec<f32>; MAPS];

/// Weights of the window, from its ends to next to its middle.
type Window = [f32; MIDDLE];

/// The comparison for every processor.
fn compare_any(a: &Image<'_>, b: &Image<'_>) -> Similarity {
    let (channels, samples) = (a.channels, a.row_len());
    let valid = samples - (TAPS - 1) * channels;
    let window = window();
    let row = |len: usize| -> Row { std::array::from_fn(|_| vec![0.0; len]) };
    let mut ring: [Row; TAPS] = std::array::from_fn(|_| row(samples));
    let (mut across, mut places) = (vec![0.0; samples], row(valid));
    let (terms, mut totals) = (Terms::new(a.peak), Totals::default());
    let [mut a_row, mut b_row] = [(); 2].map(|()| vec![0.0; samples]);
    for y in 0..a.height {
        a.read_row(y, 0, &mut a_row);
        b.read_row(y, 0, &mut b_row);
        multiply(&a_row, &b_row, terms.middle, &mut ring[y % TAPS]);
        let Some(first) = (y + 1).checked_sub(TAPS) else { continue };
        for (map, places) in places.iter_mut().enumerate() {
            let rows = std::array::from_fn(|tap| &*ring[(first + tap) % TAPS][map]);
            filter(&rows, &window, &mut across);
            let taps = std::array::from_fn(|tap| &across[tap * channels..]);
            filter(&taps, &window, places);
        }
        totals.add(terms.of_row(&places).into_iter().flatten());
    }
    totals.finish(channels, (a.height - TAPS + 1) * (valid / channels))
}

/// The Gaussian, scaled so that its middle is 1, which saves a multiplication; [`Terms`] correct for its sum.
fn window() -> Window {
    /// Wang et al. 2004, section III-C.
    const SIGMA: f64 = 1.5;
    let weight = |tap: usize| (-((MIDDLE - tap) as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    std::array::from_fn(|tap| weight(tap) as f32)
}

#[inline(always)]
fn multiply(a: &[f32], b: &[f32], middle: f32, out: &mut Row) {
    let [out_a, out_b, squares, product] = out;
    let outs = out_a.iter_mut().zip(out_b).zip(squares.iter_mut().zip(product));
    for ((a, b), ((out_a, out_b), (squares, product))) in a.iter().zip(b).zip(outs) {
        let (a, b) = (a - middle, b - middle);
        (*out_a, *out_b) = (a, b);
        (*squares, *product) = products(a, b);
    }
}

/// (a - b)^2 and a b.
#[inline(always)]
fn products(a: f32, b: f32) -> (f32, f32) {
    ((a - b) * (a - b), a * b)
}

/// `out[i]` is the weighted sum of `taps[..][i]`.
#[inline(always)]
fn filter(taps: &[&[f32]; TAPS], window: &Window, out: &mut [f32]) {
    let taps = taps.map(|tap| &tap[..out.len()]);
    for i in 0..out.len() {
        let mut column = [0.0; TAPS];
        for tap in 0..TAPS {
            column[tap] = taps[tap][i];
        }
        out[i] = weighted_sum(&column, window);
    }
}

/// Adds from the middle outwards; the two taps of one weight are added to each other first.
#[inline(always)]
fn weighted_sum(taps: &[f32; TAPS], window: &Window) -> f32 {
    let mut sum = taps[MIDDLE];
    for tap in (0..MIDDLE).rev() {
        sum = (taps[tap] + taps[TAPS - 1 - tap]).mul_add(window[tap], sum);
    }
    sum
}

/// SSIM and its contrast factor, summed over places, one sum per lane. A row begins with the first channel, so every
/// lane always has the same channel.
type Sums = [[f32; LANES]; 2];

/// The constants from which, with the local sums, SSIM and its contrast factor are computed. Local sums are means times
/// the weight of the whole window. Squares of means contain that weight twice, so the constants contain it twice too,
/// and means of squares are multiplied by it once more.
struct Terms {
    c1: f32,
    c2: f32,
    /// What was subtracted from the values.
    middle: f32,
    /// What local sums of values lack because of that.
    middle_sum: f32,
    /// The sum of the whole window.
    weight: f32,
}

impl Terms {
    fn new(peak: f32) -> Self {
        let side: f64 = window().iter().map(|weight| f64::from(*weight)).sum();
        let weight = (2.0 * side + 1.0).powi(2);
        let (constant, middle) = (|k: f64| (k * f64::from(peak) * weight).powi(2) as f32, peak / 2.0);
        let middle_sum = (f64::from(middle) * weight) as f32;
        Self { c1: constant(K1), c2: constant(K2), middle, middle_sum, weight: weight as f32 }
    }

    /// The sums of one row of places.
    fn of_row(&self, row: &Row) -> Sums {
        let (mut sums, places) = ([[0.0; LANES]; 2], row[0].len());
        let rest = places % LANES;
        for at in (0..places - rest).step_by(LANES) {
            self.add_lanes(row, at, LANES, &mut sums);
        }
        self.add_lanes(row, places - rest, rest, &mut sums);
        sums
    }

    /// Adds up to [`LANES`] places, one a lane.
    #[inline(always)]
    fn add_lanes(&self, row: &Row, at: usize, lanes: usize, sums: &mut Sums) {
        let row = row.each_ref().map(|map| &map[at..at + lanes]);
        let [ssim, contrast] = sums;
        for lane in 0..lanes {
            let (similarity, structure) = self.of(row.map(|map| map[lane]));
            ssim[lane] += similarity;
            contrast[lane] += structure;
        }
    }

    /// SSIM and its contrast factor at a place, from the local sums there.
    #[inline(always)]
    fn of(&self, [a, b, squares, product]: [f32; MAPS]) -> (f32, f32) {
        let difference = (a - b) * (a - b);
        let variance = squares.mul_add(self.weight, -difference);
        let covariance = product.mul_add(self.weight, -(a * b));
        let (a, b) = (a + self.middle_sum, b + self.middle_sum);
        let means = (a + a).mul_add(b, self.c1);
        let covariances = covariance + covariance + self.c2;
        let structure = covariances / (covariances + variance);
        (means / (means + difference) * structure, structure)
    }
}

/// The sums of all rows.
#[derive(Default)]
struct Totals([[f64; LANES]; 2]);

impl Totals {
    fn add(&mut self, sums: impl Iterator<Item = f32>) {
        for (total, sum) in self.0.as_flattened_mut().iter_mut().zip(sums) {
            *total += f64::from(sum);
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
        let shapes = [
            (11, 11, 1),
            (53, 17, 1),
            (12, 18, 1),
            (11, 12, 3),
            (47, 31, 3),
            (700, 23, 1),
            (211, 24, 3),
            (61, 45, 1),
        ];
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
    fn samples_of_any_kind_are_read_alike() {
        let (width, height, stride) = (37, 29, 41);
        let bytes: Vec<u8> = (0..stride * height - 4).map(|at| (at * 37 % 256) as u8).collect();
        let words: Vec<u8> = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
        let rows = bytes.chunks(stride).flat_map(|row| &row[..width]);
        let floats =
            Image::new(width, height, 1, 255.0, rows.map(|byte| f32::from(*byte)).collect()).unwrap();
        let image = |samples| Image { samples, ..floats.clone() };
        let bytes = image(Samples::Bytes { bytes: &bytes, stride });
        let words = image(Samples::Words { bytes: &words, stride: 2 * stride });
        let ones = Similarity { channels: 1, ssim: [1.0, 0.0, 0.0], contrast: [1.0, 0.0, 0.0] };
        assert_eq!((compare(&floats, &bytes), compare(&words, &floats)), (Some(ones), Some(ones)));
    }

    #[test]
    fn an_odd_side_is_halved_with_a_black_border() {
        let image = Image::new(3, 2, 1, 255.0, vec![4.0, 8.0, 12.0, 16.0, 20.0, 24.0]).unwrap();
        let (halved, mut row) = (image.halved(), [0.0; 2]);
        halved.read_row(0, 0, &mut row);
        assert_eq!((halved.size(), row), ((2, 1), [5.0, 16.0]));
    }
}
