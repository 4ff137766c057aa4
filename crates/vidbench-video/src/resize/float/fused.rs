//! torch's antialiased resizing, bit for bit: columns first, then rows, each product fused with its sum.
#![expect(
    unsafe_code,
    reason = "calls the function that was compiled for fused arithmetic where the processor has it"
)]

use super::super::ImageShape;
use super::super::taps::Taps;

/// The caller checks that the image fills the shape. A processor without fused arithmetic gives the same result,
/// slowly.
pub(super) fn resize<T: Copy + Into<f32>>(
    image: &[T],
    shape: ImageShape,
    across: &Taps<f32>,
    down: &Taps<f32>,
) -> Vec<f32> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { resize_wide(image, shape, across, down) };
    }
    resize_any(image, shape, across, down)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn resize_wide<T: Copy + Into<f32>>(
    image: &[T],
    shape: ImageShape,
    across: &Taps<f32>,
    down: &Taps<f32>,
) -> Vec<f32> {
    resize_any(image, shape, across, down)
}

#[inline(always)]
fn resize_any<T: Copy + Into<f32>>(
    image: &[T],
    shape: ImageShape,
    across: &Taps<f32>,
    down: &Taps<f32>,
) -> Vec<f32> {
    let columns = horizontal(image, shape, across);
    let row_len = columns.len() / shape.height.max(1);
    vertical(&columns, row_len, down)
}

/// No closures are used here and below, because their code would not be compiled for fused arithmetic.
#[inline(always)]
fn horizontal<T: Copy + Into<f32>>(image: &[T], shape: ImageShape, taps: &Taps<f32>) -> Vec<f32> {
    let channels = shape.channels;
    let mut out = Vec::new();
    for row in image.chunks_exact(shape.width * channels) {
        for (start, weights) in taps.iter() {
            for channel in 0..channels {
                let mut sum = 0.0_f32;
                for (tap, weight) in weights.iter().enumerate() {
                    sum = row[(start + tap) * channels + channel].into().mul_add(*weight, sum);
                }
                out.push(sum);
            }
        }
    }
    out
}

#[inline(always)]
fn vertical(image: &[f32], row_len: usize, taps: &Taps<f32>) -> Vec<f32> {
    let mut out = Vec::new();
    for (start, weights) in taps.iter() {
        let begin = out.len();
        out.resize(begin + row_len, 0.0);
        let sums = &mut out[begin..];
        for (tap, weight) in weights.iter().enumerate() {
            let row = &image[(start + tap) * row_len..][..row_len];
            for at in 0..row_len {
                sums[at] = row[at].mul_add(*weight, sums[at]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::taps::{self, Filter};
    use super::*;

    #[test]
    fn fused_registers_change_no_bit() {
        let image: Vec<u8> = (0..40 * 30 * 3).map(|at| (at * 7 % 251) as u8).collect();
        let shape = ImageShape { height: 30, width: 40, channels: 3 };
        for filter in [Filter::Triangle, Filter::Cubic { a: -0.5 }] {
            let (across, down) =
                (taps::torch_antialias(40, 17, filter), taps::torch_antialias(30, 55, filter));
            assert_eq!(resize(&image, shape, &across, &down), resize_any(&image, shape, &across, &down));
        }
    }
}
