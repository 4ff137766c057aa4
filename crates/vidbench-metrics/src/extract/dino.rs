//! DINO ViT-B/16, whose table of positions is stretched to the grid of the image.

use std::fmt;
use std::sync::Arc;

use vidbench_core::DecodedFrame;
use vidbench_nn::Tensor;
use vidbench_nn::nets::Net;
use vidbench_video::Size;

use super::frames::Planar;
use super::images::Batch;
use super::{Extractor, Rows, frames, run_rows, tensor};
use crate::MetricError;

const WIDTH: usize = 768;
const PATCH: usize = 16;
/// Side of the grid that the table was trained for.
const GRID: usize = 14;

pub(super) struct Dino {
    net: Arc<Net>,
    prepare: fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>,
    /// The size of a frame before the rest that fills no patch is cut off; the cut may make a nearly square frame
    /// square.
    resized: fn(&DecodedFrame<'_>) -> Size,
    batch: Batch,
    places: Option<Tensor>,
    /// Whether the image is a square before that rest is cut off.
    square: bool,
}

impl Dino {
    pub(super) fn new(net: Arc<Net>) -> Self {
        let (prepare, resized) = (frames::dino_vbench, frames::dino_size);
        Self { net, prepare, resized, batch: Batch::default(), places: None, square: false }
    }

    /// Takes an image for the first row; the image and all frames become squares.
    pub(super) fn with_image(net: Arc<Net>, image: &DecodedFrame<'_>) -> Result<Self, MetricError> {
        let square = |_: &DecodedFrame<'_>| Size { height: GRID * PATCH, width: GRID * PATCH };
        let mut dino = Self { prepare: frames::dino_i2v, resized: square, square: true, ..Self::new(net) };
        dino.batch.take(frames::dino_i2v_image(image)?);
        Ok(dino)
    }

    fn run(&mut self) -> Result<(), MetricError> {
        let Size { height, width } = self.batch.size();
        let grid = Size { height: height / PATCH, width: width / PATCH };
        let places = match self.places.take() {
            Some(places) => places,
            None => places(&self.net, grid, self.square)?,
        };
        let (net, kept) = (&self.net, self.places.insert(places));
        self.batch.run(|shape, values| {
            run_rows(net, &[("image", tensor(shape, values)), ("pos_embed", kept.clone())])
        })
    }
}

impl fmt::Debug for Dino {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dino").field("net", &self.net.name()).finish_non_exhaustive()
    }
}

impl Extractor for Dino {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        let resized = (self.resized)(frame);
        self.square = resized.width == resized.height;
        self.batch.take((self.prepare)(frame)?);
        if self.batch.is_full() { self.run() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Rows, MetricError> {
        self.run()?;
        Ok(self.batch.rows)
    }
}

/// The trained table for a grid: `[1, 1 + grid, 768]`, the row of the class token first. Only for squares does DINO
/// leave the table as it is.
fn places(net: &Net, grid: Size, square: bool) -> Result<Tensor, MetricError> {
    let failed = |reason: String| MetricError::Net { net: net.name(), reason };
    let table = net.host_tensor("pos_embed").map_err(|error| failed(error.to_string()))?;
    let (class, trained) = table.split_at(WIDTH.min(table.len()));
    let stretched = match grid {
        Size { height: GRID, width: GRID } if square => trained.to_vec(),
        _ => stretch(trained, grid),
    };
    let rows = 1 + grid.height * grid.width;
    Tensor::f32([1, rows, WIDTH], [class, &stretched].concat()).map_err(|error| failed(error.to_string()))
}

/// torch's bicubic `interpolate` (a = -0.75, no antialiasing) with the scale from DINO's code. That scale is for a
/// tenth of a patch more than the grid, so that rounding cannot lose a row. `[14, 14, 768]` to `[H, W, 768]`.
fn stretch(trained: &[f32], grid: Size) -> Vec<f32> {
    let (rows, columns) = (taps(grid.height), taps(grid.width));
    let mut out = Vec::with_capacity(grid.height * grid.width * WIDTH);
    for row in &rows {
        for column in &columns {
            for channel in 0..WIDTH {
                let at = |y: usize, x: usize| f64::from(trained[(y * GRID + x) * WIDTH + channel]);
                let along = |y: usize| column.iter().map(|(x, weight)| weight * at(y, *x)).sum::<f64>();
                out.push(row.iter().map(|(y, weight)| weight * along(*y)).sum::<f64>() as f32);
            }
        }
    }
    out
}

/// The four trained positions, with their weights, from which each position of a stretched side is computed.
fn taps(side: usize) -> Vec<[(usize, f64); 4]> {
    /// DINO's `interpolate_pos_encoding`.
    const MORE: f64 = 0.1;
    let scale = GRID as f64 / (side as f64 + MORE);
    (0..side)
        .map(|at| {
            let place = (at as f64 + 0.5) * scale - 0.5;
            let below = place.floor();
            std::array::from_fn(|tap| {
                let from = below + tap as f64 - 1.0;
                let clamped = from.clamp(0.0, (GRID - 1) as f64) as usize;
                (clamped, cubic(place - from))
            })
        })
        .collect()
}

/// Keys's cubic with a = -0.75.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.75;
    let x = distance.abs();
    match x {
        _ if x <= 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        _ if x < 2.0 => ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_place_add_up_to_one_and_stay_inside_the_table() {
        for side in [1, 13, 14, 24, 200] {
            for taps in taps(side) {
                assert!((taps.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(taps.iter().all(|(at, _)| *at < GRID));
            }
        }
    }

    #[test]
    fn a_constant_table_stays_constant() {
        let stretched = stretch(&[2.5; GRID * GRID * WIDTH], Size { height: 3, width: 20 });
        assert!(stretched.iter().all(|value| (value - 2.5).abs() < 1e-6));
    }
}
