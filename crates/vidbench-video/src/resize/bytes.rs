//! The byte modes.

use super::taps::{self, Filter, Taps};
use super::{ImageShape, Size};

/// Clamped and rounded half to even, as `torch.round` does.
pub(super) fn rounded(values: &[f32]) -> Vec<u8> {
    // The cast saturates.
    values.iter().map(|value| value.round_ties_even() as u8).collect()
}

/// Bits after the point of Pillow's fixed-point weights for 8-bit images: 32, less 8 for the sample and 2 for sums.
const WEIGHT_BITS: u32 = 32 - 8 - 2;

/// Columns, then rows, each rounded to bytes; a direction that keeps its size is left alone.
pub(super) fn pillow(image: &[u8], shape: ImageShape, to: Size, filter: Filter) -> Vec<u8> {
    let ImageShape { height, width, channels } = shape;
    let fixed = |weight: f64| {
        let scaled = weight * f64::from(1 << WEIGHT_BITS);
        // Pillow rounds by adding half away from zero and truncating.
        (scaled + 0.5_f64.copysign(scaled)) as i32
    };
    let narrow = if to.width == width {
        image.to_vec()
    } else {
        columns(image, width, channels, &taps::pillow(width, to.width, filter).map(fixed))
    };
    if to.height == height {
        return narrow;
    }
    rows(&narrow, to.width * channels, &taps::pillow(height, to.height, filter).map(fixed))
}

fn columns(image: &[u8], width: usize, channels: usize, taps: &Taps<i32>) -> Vec<u8> {
    let mut out = Vec::new();
    for row in image.chunks_exact(width * channels) {
        for (start, weights) in taps.iter() {
            for channel in 0..channels {
                let samples = row[start * channels + channel..].iter().step_by(channels);
                out.push(level(
                    samples.zip(weights).map(|(&sample, weight)| i32::from(sample) * weight).sum(),
                ));
            }
        }
    }
    out
}

fn rows(image: &[u8], row_len: usize, taps: &Taps<i32>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sums = vec![0_i32; row_len];
    for (start, weights) in taps.iter() {
        sums.fill(0);
        for (row, weight) in image.chunks_exact(row_len).skip(start).zip(weights) {
            sums.iter_mut().zip(row).for_each(|(sum, &sample)| *sum += i32::from(sample) * weight);
        }
        out.extend(sums.iter().map(|&sum| level(sum)));
    }
    out
}

/// OpenCV's fixed-point path: weights in 1/2,048, sums of columns truncated to 1/128, products of rows truncated to
/// quarters.
pub(super) fn cv2_linear(image: &[u8], shape: ImageShape, to: Size) -> Vec<u8> {
    let ImageShape { height, width, channels } = shape;
    let fixed = |weight: f32| (weight * 2048.0).round_ties_even() as i32;
    let taps = taps::cv2_linear(width, to.width).map(fixed);
    let wide: Vec<i32> = image
        .chunks_exact(width * channels)
        .flat_map(|row| cv2_columns(row, channels, &taps))
        .map(|sum| sum >> 4)
        .collect();
    let row_len = to.width * channels;
    let row = |index: usize| &wide[index * row_len..(index + 1) * row_len];
    let mut out = Vec::with_capacity(to.height * row_len);
    for ([upper, lower], part) in taps::cv2_rows(height, to.height) {
        let (above, below) = (fixed(1.0 - part), fixed(part));
        let pairs = row(upper).iter().zip(row(lower));
        out.extend(pairs.map(|(a, b)| (((a * above) >> 16) + ((b * below) >> 16) + 2) >> 2).map(byte));
    }
    out
}

fn cv2_columns(row: &[u8], channels: usize, taps: &Taps<i32>) -> Vec<i32> {
    let mut sums = Vec::new();
    for (start, weights) in taps.iter() {
        for channel in 0..channels {
            let samples = row[start * channels + channel..].iter().step_by(channels);
            sums.push(samples.zip(weights).map(|(&sample, weight)| i32::from(sample) * weight).sum());
        }
    }
    sums
}

fn byte(level: i32) -> u8 {
    level.clamp(0, 255) as u8
}

fn level(sum: i32) -> u8 {
    byte((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS)
}
