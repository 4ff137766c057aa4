//! `motion_magnitude@1`: how much of the picture changes from frame to frame.
//!
//! # Definition
//!
//! Share of pixels that change between two consecutive frames, averaged over all pairs. A pixel changes when one of its
//! channels differs by more than [`CHANGED_ABOVE`] of 255 levels.
//!
//! # Range and direction
//!
//! [0, 1]; neither end is better. 0 is a clip in which nothing visible happens, 1 one in which every pixel changes with every
//! frame. It tells a video from a still picture, which `temporal_flickering` alone would reward.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least two. No prompt, no net.
//!
//! # Reference
//!
//! None: the definition is this project's own. It is a plain frame difference, so nothing has to be learned or downloaded.
//!
//! # Differences
//!
//! It is not optical flow and measures no direction or speed: a large plain object changes pixels only at its edges, a
//! cut and a fast pan both change nearly all, and so does flicker or film grain stronger than the threshold. Half the
//! frame rate shows more change in each pair. Compare only clips of the same frame rate; VBench's "dynamic degree" is a
//! different quantity.
//!
//! # Cost
//!
//! One pass over the bytes on one core, a few milliseconds for a pair of 1920x1080; no extra memory.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clip::check_frames;
use crate::meter::{ClipMeter, FrameView, Measured, measure_clip};

/// Largest difference of a channel, in 8-bit levels, that does not count as change: four hundredths of the range. Chosen to
/// lie above the coding noise of H.264 at viewing quality and below what the eye takes for motion of an edge.
pub const CHANGED_ABOVE: u8 = 10;

/// What `motion_magnitude@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "motion_magnitude@1",
    title: "share of the picture that changes from frame to frame",
    unit: "",
    direction: Direction::Descriptive,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &[],
};

/// See the [module](self). [0, 1].
///
/// # Errors
///
/// Fewer than two frames, or frames without pixels.
pub fn motion_magnitude(frames: &FramesU8) -> Result<f64, MetricError> {
    measure_clip(Box::new(Meter::default()), frames).map(|measured| measured.value)
}

/// The metric, being computed. Its series begins at frame 1.
#[derive(Debug, Default)]
pub struct Meter {
    frames: usize,
    size: (usize, usize),
    changed: u64,
    series: Vec<f32>,
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.frames += 1;
        self.size = (view.frame.width, view.frame.height);
        if let Some(previous) = view.previous {
            let changed = changed_pixels(previous, view.frame.rgb);
            self.changed += changed;
            self.series.push((changed as f64 / (view.frame.width * view.frame.height) as f64) as f32);
        }
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        check_frames(self.frames, 2)?;
        let (width, height) = self.size;
        let pixels = (self.frames - 1) * width * height;
        Ok(Measured::with_series(self.changed as f64 / pixels as f64, 1, self.series))
    }
}

fn changed_pixels(before: &[u8], after: &[u8]) -> u64 {
    let (before, after) = (before.as_chunks().0, after.as_chunks().0);
    before.iter().zip(after).map(|(a, b)| u64::from(has_changed(a, b))).sum()
}

fn has_changed(a: &[u8; FramesU8::CHANNELS], b: &[u8; FramesU8::CHANNELS]) -> bool {
    a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > CHANGED_ABOVE)
}
