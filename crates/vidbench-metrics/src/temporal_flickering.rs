//! `temporal_flickering@1`: how much brightness and colour change from frame to frame.
//!
//! # Definition
//!
//! `1 - mean |F[t+1] - F[t]| / 255`: the mean absolute difference over pixels and channels of two consecutive frames,
//! averaged over all pairs, divided by 255 and subtracted from 1. The sum is an exact integer and is divided once.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. 1 is a clip whose frames are all equal: the value falls with every kind of change, wanted
//! motion included, so it compares clips of scenes that should stand still and must never rank models alone. Read it
//! together with `motion_magnitude`.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least two. No prompt, no net.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024, dimension "temporal
//! flickering"; Vchitect/VBench at commit 45e79ec.
//!
//! # Differences
//!
//! VBench decodes with OpenCV and averages in 32-bit floats, which rounds in about the seventh digit; this is exact. VBench drops
//! clips that are not static with an optical-flow filter first and leaves out clips that it cannot decode; here every clip
//! is scored, and one that cannot be decoded has no score.
//!
//! # Cost
//!
//! One pass over the bytes on one core, a few milliseconds for a pair of 1920x1080; no extra memory.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clip::check_frames;
use crate::meter::{ClipMeter, FrameView, Measured, measure_clip};

/// What `temporal_flickering@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "temporal_flickering@1",
    title: "stability of brightness and colour from frame to frame",
    unit: "",
    direction: Direction::HigherIsBetter,
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
pub fn temporal_flickering(frames: &FramesU8) -> Result<f64, MetricError> {
    measure_clip(Box::new(Meter::default()), frames).map(|measured| measured.value)
}

/// The metric, being computed. Its series begins at frame 1.
#[derive(Debug, Default)]
pub struct Meter {
    frames: usize,
    size: (usize, usize),
    difference: u64,
    series: Vec<f32>,
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.frames += 1;
        self.size = (view.frame.width, view.frame.height);
        if let Some(difference) = view.absolute_difference() {
            self.difference += difference;
            self.series.push(stillness(difference, view.frame.rgb.len() as u64) as f32);
        }
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        check_frames(self.frames, 2)?;
        let (width, height) = self.size;
        // All pairs have the same number of bytes, so the mean of the pairs' means is the mean of all.
        let bytes = (self.frames - 1) as u64 * (width * height * FramesU8::CHANNELS) as u64;
        Ok(Measured::with_series(stillness(self.difference, bytes), 1, self.series))
    }
}

/// The share of the largest possible difference that is absent.
fn stillness(difference: u64, bytes: u64) -> f64 {
    let most = 255 * bytes;
    (most - difference) as f64 / most as f64
}
