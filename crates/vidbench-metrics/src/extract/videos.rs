//! Nets that look at a fixed number of frames: the first ones of a clip, or some spread over it.

use std::fmt;
use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_nn::Tensor;
use vidbench_nn::nets::Net;

use super::frames::Planar;
use super::{Extractor, Rows, run_rows, tensor};
use crate::MetricError;

type Prepare = fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>;

/// How many frames of a video a Fréchet distance looks at.
pub(super) const FIRST_FRAMES: usize = 16;

/// How the net takes a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `[1, 3, T, H, W]`
    ChannelsFirst,
    /// `[1, T, 3, H, W]`
    FramesFirst,
}

/// A net with an input `video`, and maybe one for a table of positions; gives one row per clip.
pub(super) struct Video {
    net: Arc<Net>,
    prepare: Prepare,
    layout: Layout,
    places: Option<Tensor>,
    /// Subtracted from the net's input, in the layout of that input.
    less: Option<Vec<f32>>,
    /// Which frames are used, in rising order; a frame may be used several times.
    wanted: Vec<usize>,
    frames: Vec<Planar>,
    seen: usize,
}

impl Video {
    pub(super) fn new(net: Arc<Net>, prepare: Prepare, layout: Layout, wanted: Vec<usize>) -> Self {
        Self { net, prepare, layout, places: None, less: None, wanted, frames: Vec::new(), seen: 0 }
    }

    /// Adds a table for the input `pos_embed`.
    pub(super) fn with_places(self, places: Tensor) -> Self {
        Self { places: Some(places), ..self }
    }

    /// Subtracts `mean`, which has as many numbers as a video, from every video.
    pub(super) fn less(self, mean: Vec<f32>) -> Self {
        Self { less: Some(mean), ..self }
    }
}

impl Extractor for Video {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        self.seen += 1;
        let times = self.wanted.iter().filter(|wanted| **wanted == frame.index).count();
        if times > 0 {
            let planar = (self.prepare)(frame)?;
            self.frames.extend(std::iter::repeat_n(planar, times));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        let (frames, needed) = (self.frames.len(), self.wanted.len());
        let Some(size) = self.frames.first().map(|frame| frame.size).filter(|_| frames == needed) else {
            return Err(MetricError::TooFewFrames { frames: self.seen, needed });
        };
        let shape = match self.layout {
            Layout::ChannelsFirst => [1, FramesU8::CHANNELS, frames, size.height, size.width],
            Layout::FramesFirst => [1, frames, FramesU8::CHANNELS, size.height, size.width],
        };
        let mut values: Vec<f32> = match self.layout {
            Layout::ChannelsFirst => by_channel(&self.frames),
            Layout::FramesFirst => self.frames.iter().flat_map(|frame| &frame.values).copied().collect(),
        };
        for (value, mean) in values.iter_mut().zip(self.less.iter().flatten()) {
            *value -= mean;
        }
        let places = self.places.map(|places| ("pos_embed", places));
        let inputs: Vec<(&str, Tensor)> =
            [("video", tensor(shape, values))].into_iter().chain(places).collect();
        let (values, dims) = run_rows(&self.net, &inputs)?;
        Ok(Rows::new(dims, values))
    }
}

/// VBench's "middle" frames: the clip is divided into `count` equal parts, and the frame in the middle of each is
/// taken. A clip with fewer frames repeats its last one.
pub(super) fn middle_frames(count: usize, frames: usize) -> Vec<usize> {
    let parts = count.min(frames);
    let step = frames as f64 / parts.max(1) as f64;
    // numpy's linspace ends exactly at its end.
    let edge = |at: usize| if at == parts { frames } else { (at as f64 * step) as usize };
    let mut wanted: Vec<usize> =
        (0..parts).map(|at| (edge(at) + edge(at + 1)).saturating_sub(1) / 2).collect();
    if let Some(last) = wanted.last().copied() {
        wanted.resize(count, last);
    }
    wanted
}

/// `T` times `[3, H, W]` to `[3, T, H, W]`.
fn by_channel(frames: &[Planar]) -> Vec<f32> {
    let plane = |frame: &Planar| frame.size.height * frame.size.width;
    let of = |channel: usize| {
        frames.iter().flat_map(move |frame| &frame.values[channel * plane(frame)..][..plane(frame)])
    };
    (0..FramesU8::CHANNELS).flat_map(of).copied().collect()
}

impl fmt::Debug for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Video").field("net", &self.net.name()).finish_non_exhaustive()
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

    #[test]
    fn middle_frames_are_those_of_vbench() {
        for (frames, wanted) in [
            (16, vec![0, 2, 4, 6, 8, 10, 12, 14]),
            (49, vec![2, 8, 14, 20, 26, 32, 38, 45]),
            (81, vec![4, 14, 24, 34, 44, 54, 64, 75]),
            (120, vec![7, 22, 37, 52, 67, 82, 97, 112]),
            (129, vec![7, 23, 39, 55, 71, 87, 103, 120]),
            (5, vec![0, 1, 2, 3, 4, 4, 4, 4]),
            (8, vec![0, 1, 2, 3, 4, 5, 6, 7]),
            (10, vec![0, 1, 2, 3, 5, 6, 7, 8]),
        ] {
            assert_eq!(middle_frames(8, frames), wanted, "{frames}");
        }
        let sixteen = [3, 10, 18, 25, 33, 40, 48, 55, 63, 70, 78, 85, 93, 100, 108, 115];
        assert_eq!(middle_frames(16, 120), sixteen);
        assert_eq!(middle_frames(16, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9]);
        assert!(middle_frames(8, 0).is_empty());
    }
}
