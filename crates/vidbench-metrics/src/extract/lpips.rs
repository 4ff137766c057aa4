//! LPIPS: how far each frame is from the reference's frame, as a classifier of images sees them.

use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_nn::nets::Net;

use super::{Extractor, Rows, run_rows, tensor};
use crate::MetricError;

/// Least side: on smaller images a pooling layer of AlexNet has nothing left to look at.
const LEAST_SIDE: usize = 32;

#[derive(Debug)]
pub(super) struct Lpips {
    net: Arc<Net>,
    rows: Rows,
}

impl Lpips {
    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, rows: Rows::of_dims(1) }
    }
}

impl Extractor for Lpips {
    fn push(
        &mut self,
        frame: &DecodedFrame<'_>,
        reference: Option<&DecodedFrame<'_>>,
    ) -> Result<(), MetricError> {
        // If the reference has ended, the pair is a mismatch, which is reported elsewhere.
        let Some(reference) = reference else { return Ok(()) };
        let (width, height) = (frame.width, frame.height);
        if width.min(height) < LEAST_SIDE {
            return Err(MetricError::TooSmall { width, height, needed: LEAST_SIDE });
        }
        let shape = [1, FramesU8::CHANNELS, height, width];
        let inputs =
            [("image0", tensor(shape, signed(reference.rgb))), ("image1", tensor(shape, signed(frame.rgb)))];
        let (distance, _) = run_rows(&self.net, &inputs)?;
        self.rows.values.extend(distance);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        Ok(self.rows)
    }
}

/// `[H, W, 3]` of bytes to `[3, H, W]` in [-1, 1].
fn signed(rgb: &[u8]) -> Vec<f32> {
    let plane = |channel: usize| rgb.iter().skip(channel).step_by(FramesU8::CHANNELS);
    (0..FramesU8::CHANNELS).flat_map(plane).map(|value| f32::from(*value) / 255.0 * 2.0 - 1.0).collect()
}
