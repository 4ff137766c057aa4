//! C3D, which sorts short videos into classes. The mean of its training videos is subtracted from its input, and its
//! output becomes probabilities.

use std::sync::Arc;

use vidbench_core::DecodedFrame;
use vidbench_nn::nets::Net;

use super::videos::{FIRST_FRAMES, Layout, Video};
use super::{Extractor, Rows, frames};
use crate::MetricError;

/// The probabilities of C3D's classes for the first frames of a clip.
#[derive(Debug)]
pub(super) struct Classes(Video);

impl Classes {
    /// Reads the mean from the weights of the net.
    pub(super) fn c3d(net: Arc<Net>) -> Result<Self, MetricError> {
        let mean = net.host_tensor("mean");
        let mean = mean.map_err(|error| MetricError::Net { net: net.name(), reason: error.to_string() })?;
        let first = (0..FIRST_FRAMES).collect();
        Ok(Self(Video::new(net, frames::c3d_tgan2, Layout::ChannelsFirst, first).less(mean)))
    }
}

impl Extractor for Classes {
    fn push(
        &mut self,
        frame: &DecodedFrame<'_>,
        reference: Option<&DecodedFrame<'_>>,
    ) -> Result<(), MetricError> {
        self.0.push(frame, reference)
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        let Rows { dims, values, note } = Box::new(self.0).finish()?;
        Ok(Rows { dims, values: softmax(&values), note })
    }
}

/// The largest logit is subtracted first, so that nothing overflows.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_to_one_however_large_the_numbers_are() {
        let found = softmax(&[1000.0, 1000.0, 1000.0 - std::f32::consts::LN_2, -1000.0]);
        for (found, wanted) in found.iter().zip([0.4, 0.4, 0.2, 0.0]) {
            assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
        }
    }
}
