//! Nets that look at a video of a fixed number of frames: its first ones.

use std::fmt;
use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_nn::nets::Net;

use super::frames::Planar;
use super::{Extractor, Rows, run_rows, tensor};
use crate::MetricError;

type Prepare = fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>;

/// Frames of a video.
const FRAMES: usize = 16;

/// A net with an input `video`, `[1, 3, T, H, W]`; one row for a clip.
pub(super) struct FirstFrames {
    net: Arc<Net>,
    prepare: Prepare,
    frames: Vec<Planar>,
    seen: usize,
}

impl FirstFrames {
    pub(super) fn new(net: Arc<Net>, prepare: Prepare) -> Self {
        Self { net, prepare, frames: Vec::new(), seen: 0 }
    }
}

impl Extractor for FirstFrames {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        self.seen += 1;
        if self.frames.len() < FRAMES {
            self.frames.push((self.prepare)(frame)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        if self.frames.len() < FRAMES {
            return Err(MetricError::TooFewFrames { frames: self.seen, needed: FRAMES });
        }
        let size = self.frames[0].size;
        let shape = [1, FramesU8::CHANNELS, FRAMES, size.height, size.width];
        let (values, dims) = run_rows(&self.net, &[("video", tensor(shape, by_channel(&self.frames)))])?;
        Ok(Rows { dims, values })
    }
}

/// `T` times `[3, H, W]` to `[3, T, H, W]`.
fn by_channel(frames: &[Planar]) -> Vec<f32> {
    let plane = |frame: &Planar| frame.size.height * frame.size.width;
    let of = |channel: usize| {
        frames.iter().flat_map(move |frame| &frame.values[channel * plane(frame)..][..plane(frame)])
    };
    (0..FramesU8::CHANNELS).flat_map(of).copied().collect()
}

impl fmt::Debug for FirstFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstFrames").field("net", &self.net.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use vidbench_video::Size;

    use super::*;

    #[test]
    fn frames_lie_behind_each_other_in_each_channel() {
        let frame = |first: f32| Planar {
            size: Size { height: 1, width: 2 },
            values: (0..6).map(|at| first + at as f32).collect(),
        };
        let channels = by_channel(&[frame(0.0), frame(10.0)]);
        assert_eq!(channels, [0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 12.0, 13.0, 4.0, 5.0, 14.0, 15.0]);
    }
}
