//! The float modes: rows first, because the values of a row are contiguous in memory, then columns. torch's antialiased
//! modes go the other way and fuse each product with its sum ([`fused`]), because results that are later truncated to
//! bytes depend on the last bit.

mod fused;

use super::taps::{self, Filter, Taps};
use super::{FloatResize, ImageShape, Size};

/// The caller checks that the image fills the shape and that no side is 0.
pub(super) fn resize<T: Copy + Into<f32>>(
    image: &[T],
    shape: ImageShape,
    to: Size,
    mode: FloatResize,
) -> Vec<f32> {
    let ImageShape { height, width, channels } = shape;
    if matches!(mode, FloatResize::TorchBilinearAntialias | FloatResize::TorchBicubicAntialias) {
        return fused::resize(image, shape, &taps(width, to.width, mode), &taps(height, to.height, mode));
    }
    let rows = vertical(image, width * channels, &taps(height, to.height, mode));
    horizontal(&rows, width * channels, channels, &taps(width, to.width, mode))
}

fn taps(from: usize, to: usize, mode: FloatResize) -> Taps<f32> {
    match mode {
        FloatResize::TorchBilinear => taps::torch_plain(from, to, Filter::Triangle),
        FloatResize::TorchBilinearCorners => taps::corners_linear(from, to),
        FloatResize::TorchBicubic => taps::torch_plain(from, to, Filter::Cubic { a: -0.75 }),
        FloatResize::TorchBilinearAntialias => taps::torch_antialias(from, to, Filter::Triangle),
        FloatResize::TorchBicubicAntialias => taps::torch_antialias(from, to, Filter::Cubic { a: -0.5 }),
        FloatResize::Cv2Linear => taps::cv2_linear(from, to),
        FloatResize::Tf1Bilinear => taps::tf1_linear(from, to),
    }
}

fn vertical<T: Copy + Into<f32>>(image: &[T], row_len: usize, taps: &Taps<f32>) -> Vec<f32> {
    let mut out = Vec::new();
    for (start, weights) in taps.iter() {
        let begin = out.len();
        out.resize(begin + row_len, 0.0);
        let sums = &mut out[begin..];
        let rows = image.chunks_exact(row_len).skip(start);
        for (row, &weight) in rows.zip(weights) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value.into() * weight);
        }
    }
    out
}

fn horizontal(rows: &[f32], row_len: usize, channels: usize, taps: &Taps<f32>) -> Vec<f32> {
    match channels {
        1 => columns::<1>(rows, row_len, taps),
        3 => columns::<3>(rows, row_len, taps),
        _ => any_columns(rows, row_len, channels, taps),
    }
}

fn columns<const C: usize>(rows: &[f32], row_len: usize, taps: &Taps<f32>) -> Vec<f32> {
    let mut out = Vec::new();
    for row in rows.chunks_exact(row_len) {
        let pixels = row.as_chunks::<C>().0;
        for (start, weights) in taps.iter() {
            let mut sums = [0.0; C];
            for (pixel, &weight) in pixels[start..].iter().zip(weights) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value * weight);
            }
            out.extend_from_slice(&sums);
        }
    }
    out
}

fn any_columns(rows: &[f32], row_len: usize, channels: usize, taps: &Taps<f32>) -> Vec<f32> {
    let mut out = Vec::new();
    for row in rows.chunks_exact(row_len) {
        for (start, weights) in taps.iter() {
            let begin = out.len();
            out.resize(begin + channels, 0.0);
            for (pixel, &weight) in row.chunks_exact(channels).skip(start).zip(weights) {
                out[begin..].iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value * weight);
            }
        }
    }
    out
}
