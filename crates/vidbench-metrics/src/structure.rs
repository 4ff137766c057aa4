//! The sums behind SSIM and MS-SSIM: local means, variances and covariance under a Gaussian window.
//!
//! Only places where the whole window lies inside the image count ('valid'). The window is separable: each row is filtered
//! along, kept in a ring of eleven rows, and the ring is filtered across. Channels stay interleaved, because a filter along a
//! row of pixels is a filter of stride `channels` along its samples. Values are taken from the middle of their range first,
//! so that variances lose little to cancellation in 32-bit floats; sums over places are in 64 bit.
//!
//! Every operation has its fixed order and none is fused, so that a machine with wide registers gives the bits of one
//! without.
#![expect(
    unsafe_code,
    reason = "calls the function that was compiled for wide registers where the processor has them"
)]

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
/// Most channels of an image.
pub const MAX_CHANNELS: usize = 3;

/// An image of 32-bit floats, `[H, W, C]`, one or three channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    width: usize,
    height: usize,
    channels: usize,
    /// Value of white.
    peak: f32,
    data: Vec<f32>,
}

impl Image {
    /// An image of any values from 0 to `peak`; `None` when `data` is not `[height, width, channels]` with 1 or 3 channels.
    pub fn new(width: usize, height: usize, channels: usize, peak: f32, data: Vec<f32>) -> Option<Self> {
        let fits = data.len() == width * height * channels && [1, MAX_CHANNELS].contains(&channels);
        fits.then_some(Self { width, height, channels, peak, data })
    }

    /// R, G and B of a frame, 0 to 255.
    pub fn from_rgb(rgb: &[u8], width: usize, height: usize) -> Self {
        let data = rgb.iter().map(|value| f32::from(*value)).collect();
        Self { width, height, channels: FramesU8::CHANNELS, peak: 255.0, data }
    }

    /// A plane as stored, 0 to 2^depth - 1.
    pub fn from_plane(plane: &Plane<'_>, bit_depth: u8) -> Self {
        let mut data = Vec::with_capacity(plane.width * plane.height);
        for row in plane.bytes.chunks(plane.stride.max(1)).take(plane.height) {
            if bit_depth == 8 {
                data.extend(row.iter().take(plane.width).map(|value| f32::from(*value)));
            } else {
                let samples = row.as_chunks::<2>().0.iter().take(plane.width);
                data.extend(samples.map(|sample| f32::from(u16::from_le_bytes(*sample))));
            }
        }
        let peak = ((1_u32 << bit_depth.min(16)) - 1) as f32;
        Self { width: plane.width, height: plane.height, channels: 1, peak, data }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Half the size: means of 2x2 pixels. An odd side gets a black row or column at both ends first, as pytorch_msssim does.
    #[must_use]
    pub fn halved(&self) -> Self {
        let (left, top) = (self.width % 2, self.height % 2);
        let (width, height) = (self.width / 2 + left, self.height / 2 + top);
        let mut data = Vec::with_capacity(width * height * self.channels);
        let black = vec![0.0; self.width * self.channels];
        let row = |y: usize| {
            let at = y.checked_sub(top).map(|y| y * self.width * self.channels);
            at.and_then(|at| self.data.get(at..at + self.width * self.channels)).unwrap_or(&black)
        };
        for y in 0..height {
            let (upper, lower) = (row(2 * y), row(2 * y + 1));
            for x in 0..width {
                for channel in 0..self.channels {
                    let value = |row: &[f32], x: usize| {
                        let at = x.checked_sub(left).map(|x| x * self.channels + channel);
                        at.and_then(|at| row.get(at)).copied().unwrap_or(0.0)
                    };
                    let sum = value(upper, 2 * x)
                        + value(upper, 2 * x + 1)
                        + value(lower, 2 * x)
                        + value(lower, 2 * x + 1);
                    data.push(sum / 4.0);
                }
            }
        }
        Self { width, height, data, ..*self }
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
pub fn compare(a: &Image, b: &Image) -> Option<Similarity> {
    let shape = |image: &Image| (image.width, image.height, image.channels);
    if shape(a) != shape(b) || a.width < TAPS || a.height < TAPS {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function was compiled for.
        return Some(unsafe { compare_wide(a, b) });
    }
    Some(compare_any(a, b))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn compare_wide(a: &Image, b: &Image) -> Similarity {
    compare_any(a, b)
}

/// Local sums of one row, filtered along: a, b, a^2 + b^2, a b.
type Row = [Vec<f32>; 4];

#[inline(always)]
fn compare_any(a: &Image, b: &Image) -> Similarity {
    let (channels, samples) = (a.channels, a.width * a.channels);
    let valid = samples - (TAPS - 1) * channels;
    let window = window();
    let mut products: Row = std::array::from_fn(|_| vec![0.0; samples]);
    let mut across: Row = std::array::from_fn(|_| vec![0.0; valid]);
    let mut ring: Vec<Row> = (0..TAPS).map(|_| std::array::from_fn(|_| vec![0.0; valid])).collect();
    let mut sums = Sums::new(a.peak);
    for (y, (a_row, b_row)) in a.data.chunks_exact(samples).zip(b.data.chunks_exact(samples)).enumerate() {
        multiply(a_row, b_row, a.peak / 2.0, &mut products);
        for (product, row) in products.iter().zip(&mut ring[y % TAPS]) {
            filter_along(product, channels, &window, row);
        }
        if y + 1 >= TAPS {
            for (map, out) in across.iter_mut().enumerate() {
                let rows: [&[f32]; TAPS] = std::array::from_fn(|tap| &*ring[(y + 1 + tap) % TAPS][map]);
                filter_across(&rows, &window, out);
            }
            sums.add(&across, a.peak / 2.0);
        }
    }
    sums.finish(channels, (a.height + 1 - TAPS) * (valid / channels))
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
    filter_across(&taps, window, out);
}

/// `out[i]` is the weighted sum of `rows[..][i]`, taps of one weight added first.
#[inline(always)]
fn filter_across(rows: &[&[f32]; TAPS], window: &[f32; MIDDLE + 1], out: &mut [f32]) {
    let n = out.len();
    let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10] = rows.map(|row| &row[..n]);
    let [w0, w1, w2, w3, w4, w5] = *window;
    for i in 0..n {
        out[i] = w0 * (r0[i] + r10[i])
            + w1 * (r1[i] + r9[i])
            + w2 * (r2[i] + r8[i])
            + w3 * (r3[i] + r7[i])
            + w4 * (r4[i] + r6[i])
            + w5 * r5[i];
    }
}

/// SSIM and its contrast factor, summed over places.
struct Sums {
    c1: f32,
    c2: f32,
    ssim: [f64; LANES],
    contrast: [f64; LANES],
}

impl Sums {
    fn new(peak: f32) -> Self {
        let constant = |k: f64| (k * f64::from(peak)).powi(2) as f32;
        Self { c1: constant(K1), c2: constant(K2), ssim: [0.0; LANES], contrast: [0.0; LANES] }
    }

    /// Adds one row of places. A row begins with the first channel, so every lane keeps to one channel.
    #[inline(always)]
    fn add(&mut self, [mean_a, mean_b, squares, product]: &Row, middle: f32) {
        let n = mean_a.len();
        let mut at = 0;
        while at < n {
            let lanes = LANES.min(n - at);
            let [a, b, s, p] = [mean_a, mean_b, squares, product].map(|map| &map[at..at + lanes]);
            let (mut ssim, mut contrast) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            for lane in 0..lanes {
                let (shifted_a, shifted_b) = (a[lane], b[lane]);
                let variances = s[lane] - (shifted_a * shifted_a + shifted_b * shifted_b);
                let covariance = p[lane] - shifted_a * shifted_b;
                let (a, b) = (shifted_a + middle, shifted_b + middle);
                let luminance = (2.0 * (a * b) + self.c1) / ((a * a + b * b) + self.c1);
                contrast[lane] = (2.0 * covariance + self.c2) / (variances + self.c2);
                ssim[lane] = luminance * contrast[lane];
            }
            for lane in 0..LANES {
                self.ssim[lane] += f64::from(ssim[lane]);
                self.contrast[lane] += f64::from(contrast[lane]);
            }
            at += LANES;
        }
    }

    fn finish(&self, channels: usize, places: usize) -> Similarity {
        let mean = |lanes: &[f64; LANES]| {
            let of = |channel| lanes.iter().skip(channel).step_by(channels).sum::<f64>() / places as f64;
            std::array::from_fn(|channel| if channel < channels { of(channel) } else { 0.0 })
        };
        Similarity { channels, ssim: mean(&self.ssim), contrast: mean(&self.contrast) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_registers_change_no_bit() {
        for (width, height, channels) in [(11, 11, 1), (53, 17, 1), (11, 12, 3), (47, 31, 3)] {
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
        let halved = image.halved();
        assert_eq!((halved.size(), halved.data), ((2, 1), vec![5.0, 16.0]));
    }
}
