//! AMT-S: every second frame is made up from its neighbours and compared with the true one.

use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_nn::nets::Net;

use super::padding::{Padded, padded};
use super::{Extractor, Rows, run_rows, tensor};
use crate::MetricError;

/// AMT takes images whose sides are multiples of this, and at least [`LEAST_SIDE`].
const MULTIPLE: usize = 16;
const LEAST_SIDE: usize = 128;
const WHITE: f32 = 255.0;

/// For each odd frame that has a next one, the mean absolute difference to the frame that the net makes up, 0 to 255.
#[derive(Debug)]
pub(super) struct MadeUpMiddles {
    net: Arc<Net>,
    even: Option<Padded>,
    odd: Vec<u8>,
    rows: Rows,
}

impl MadeUpMiddles {
    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, even: None, odd: Vec::new(), rows: Rows::of_dims(1) }
    }
}

impl Extractor for MadeUpMiddles {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        if !frame.index.is_multiple_of(2) {
            self.odd.clear();
            self.odd.extend_from_slice(frame.rgb);
            return Ok(());
        }
        let next = padded(frame, MULTIPLE, LEAST_SIDE, WHITE)?;
        if let Some(even) = self.even.take() {
            let shape = next.shape();
            let inputs = [("img0", tensor(shape, even.values)), ("img1", tensor(shape, next.values.clone()))];
            let (middle, _) = run_rows(&self.net, &inputs)?;
            self.rows.values.push(difference(&middle, &next, &self.odd, frame.width));
        }
        self.even = Some(next);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        Ok(self.rows)
    }
}

/// Mean absolute difference of bytes; the made-up frame is truncated to bytes, not rounded.
fn difference(made_up: &[f32], padding: &Padded, truth: &[u8], width: usize) -> f32 {
    let plane = padding.width * padding.height;
    let mut sum = 0_u64;
    for (y, row) in truth.chunks_exact(width * FramesU8::CHANNELS).enumerate() {
        let begin = (y + padding.top) * padding.width + padding.left;
        for (x, pixel) in row.as_chunks::<{ FramesU8::CHANNELS }>().0.iter().enumerate() {
            for (channel, truth) in pixel.iter().enumerate() {
                let made_up = (made_up[channel * plane + begin + x] * WHITE).clamp(0.0, WHITE) as u8;
                sum += u64::from(made_up.abs_diff(*truth));
            }
        }
    }
    (sum as f64 / truth.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_is_cut_off_to_bytes_inside_its_border() {
        let padding = Padded { width: 3, height: 1, left: 1, top: 0, values: Vec::new() };
        // 0.5 becomes 127; the border does not count.
        let made_up = [9.0, 0.5, 9.0, 9.0, 2.0, 9.0, 9.0, -1.0, 9.0];
        assert_eq!(difference(&made_up, &padding, &[127, 250, 4], 1), 3.0);
    }
}
