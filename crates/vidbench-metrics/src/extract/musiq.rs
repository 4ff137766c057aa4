//! MUSIQ: patches of an image at three sizes.
//!
//! pyiqa adds empty patches to the two smaller sizes and tells the net not to look at them. They change nothing and are
//! left out here.

use std::ops::Range;
use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_nn::Tensor;
use vidbench_nn::nets::Net;
use vidbench_video::{FloatResize, Size, longer_side, resize_float};

use super::images::{BATCH, in_halves};
use super::{Extractor, Rows, frames, run_rows, tensor};
use crate::MetricError;

/// VBench shrinks a frame whose longer side is beyond this.
const LONGER_SIDE: usize = 512;
/// Longer sides of the two smaller sizes.
const SMALLER_SIDES: [usize; 2] = [224, 384];
const PATCH: usize = 32;
/// Side of the grid of positions by which the net tells patches apart.
const GRID: usize = 10;

#[derive(Debug)]
pub(super) struct Musiq {
    net: Arc<Net>,
    waiting: Patches,
    count: usize,
    /// How many images go through together.
    most: usize,
    rows: Rows,
}

/// Patches of one image or of several: pixels, place and size of each.
#[derive(Debug, Default)]
struct Patches {
    pixels: Vec<f32>,
    spatial: Vec<i64>,
    scale: Vec<i64>,
}

impl Musiq {
    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, waiting: Patches::default(), count: 0, most: BATCH, rows: Rows::of_dims(1) }
    }

    fn run(&mut self) -> Result<(), MetricError> {
        if self.count == 0 {
            return Ok(());
        }
        let (waiting, count) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.count));
        let patches = waiting.spatial.len() / count;
        let (values, _) = in_halves(count, &mut self.most, &mut self.rows.note, |at| {
            waiting.run(&self.net, at.start * patches..at.end * patches, patches)
        })?;
        self.rows.values.extend(values);
        Ok(())
    }
}

impl Extractor for Musiq {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        let (image, size) = prepared(frame)?;
        for (scale, side) in SMALLER_SIDES.into_iter().enumerate() {
            let to = scaled(size, side);
            let resized = resize_float(&image, frames::rgb(size), to, FloatResize::TorchBicubic)
                .map_err(|error| frames::unfit(&error))?;
            self.waiting.add(&resized, to, scale as i64);
        }
        self.waiting.add(&image, size, SMALLER_SIDES.len() as i64);
        self.count += 1;
        if self.count == BATCH { self.run() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Rows, MetricError> {
        self.run()?;
        Ok(self.rows)
    }
}

/// VBench's frame, at most 512 on its longer side, in [-1, 1], `[H, W, 3]`.
fn prepared(frame: &DecodedFrame<'_>) -> Result<(Vec<f32>, Size), MetricError> {
    let size = longer_side(frames::size(frame), LONGER_SIDE);
    let image = resize_float(frame.rgb, frames::shape(frame), size, FloatResize::TorchBilinear)
        .map_err(|error| frames::unfit(&error))?;
    Ok((image.iter().map(|value| (value / 255.0 - 0.5) * 2.0).collect(), size))
}

/// Rounds both sides, a half to the even number, as Python does.
fn scaled(size: Size, side: usize) -> Size {
    let ratio = side as f64 / size.height.max(size.width) as f64;
    let scaled = |length: usize| (length as f64 * ratio).round_ties_even() as usize;
    Size { height: scaled(size.height), width: scaled(size.width) }
}

impl Patches {
    /// Puts some of the patches through the net; each image has `patches` of them.
    fn run(&self, net: &Net, at: Range<usize>, patches: usize) -> Result<(Vec<f32>, usize), MetricError> {
        const NUMBERS: usize = FramesU8::CHANNELS * PATCH * PATCH;
        let shape = [at.len() / patches, patches];
        let whole = |values: &[i64]| {
            Tensor::i64(shape, values[at.clone()].to_vec()).expect("invariant: one number a patch")
        };
        let pixels = self.pixels[at.start * NUMBERS..at.end * NUMBERS].to_vec();
        let inputs = [
            ("patches", tensor([shape[0], patches, NUMBERS], pixels)),
            ("spatial", whole(&self.spatial)),
            ("scale", whole(&self.scale)),
            ("mask", tensor(shape, vec![1.0; at.len()])),
        ];
        run_rows(net, &inputs)
    }

    /// Cuts an image into patches. Where it does not fill them, it gets a black border, whose larger half is on the
    /// right and below.
    fn add(&mut self, image: &[f32], size: Size, scale: i64) {
        let (down, across) = (size.height.div_ceil(PATCH), size.width.div_ceil(PATCH));
        let before = |patches: usize, length: usize| (patches * PATCH - length) / 2;
        let (top, left) = (before(down, size.height), before(across, size.width));
        let pixel = |y: usize, x: usize, channel: usize| {
            let (y, x) = (y.checked_sub(top)?, x.checked_sub(left)?);
            let inside = y < size.height && x < size.width;
            inside.then(|| image[(y * size.width + x) * FramesU8::CHANNELS + channel])
        };
        for row in 0..down {
            for column in 0..across {
                for channel in 0..FramesU8::CHANNELS {
                    for y in row * PATCH..(row + 1) * PATCH {
                        let xs = column * PATCH..(column + 1) * PATCH;
                        self.pixels.extend(xs.map(|x| pixel(y, x, channel).unwrap_or(0.0)));
                    }
                }
                self.spatial.push((hashed(row, down) * GRID + hashed(column, across)) as i64);
                self.scale.push(scale);
            }
        }
    }
}

/// The position of a patch in a grid of ten: torch's `nearest` from 10 to `count`, in its single precision.
fn hashed(at: usize, count: usize) -> usize {
    let scale = GRID as f32 / count as f32;
    ((at as f32 * scale) as usize).min(GRID - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_over_the_whole_grid() {
        assert_eq!((0..4).map(|at| hashed(at, 4)).collect::<Vec<_>>(), [0, 2, 5, 7]);
        assert_eq!((0..13).map(|at| hashed(at, 13)).max(), Some(9));
    }

    #[test]
    fn the_border_of_an_image_that_fills_no_patch_is_split() {
        let mut patches = Patches::default();
        let size = Size { height: 31, width: 33 };
        patches.add(&[1.0; 31 * 33 * 3], size, 2);
        assert_eq!((patches.spatial, patches.scale), (vec![0, 5], vec![2, 2]));
        let plane = |patch: usize| &patches.pixels[patch * 3072..][..1024];
        // 31 columns are missing: 15 on the left, 16 on the right. One row is missing: below.
        assert_eq!((plane(0)[14], plane(0)[15], plane(0)[31 * 32 + 20]), (0.0, 1.0, 0.0));
        assert_eq!((plane(1)[15], plane(1)[16]), (1.0, 0.0));
    }
}
