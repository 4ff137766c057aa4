//! `shape_adherence@1`: how much of a prompt of the shapes grammar its clip shows.
//!
//! # Definition
//!
//! Share of the five attributes size, colour, shape, motion and background that are as the prompt asks, as the analyser
//! of `vidbench-shapes` reads them from the clip. An attribute that the analyser cannot decide counts as wrong.
//!
//! # Range and direction
//!
//! {0, 0.2, 0.4, 0.6, 0.8, 1}, higher is better. A rendered clip has 1, a blank or noisy one at most 0.2, when its
//! background happens to fit.
//!
//! # Input
//!
//! All frames as decoded, 64x64 pixels for the scale of sizes and speeds to hold, sRGB, 8 bit; at least one, and with fewer
//! than two no motion can be decided. The prompt, which must be inside the grammar: any other prompt has no score.
//!
//! # Reference
//!
//! None: the definition is this project's own. The analyser is deterministic (medians, centroids, template overlap) and
//! reads every clip of the renderer correctly, as tests of `vidbench-shapes` ensure.
//!
//! # Differences
//!
//! It measures agreement with the prompt, not looks: an attribute is right or wrong and small faults of the picture do
//! not count. It says nothing about models of open-domain video.
//!
//! # Cost
//!
//! A few milliseconds for 16 frames of 64x64 on one core; less than 10 MB.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};
use vidbench_shapes::{analyse, parse_prompt};

use crate::MetricError;
use crate::clip::{check_frames, check_pixels};
use crate::meter::{ClipCollector, ClipMeter, FrameView, Measured};

/// What `shape_adherence@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "shape_adherence@1",
    title: "share of a shapes prompt's attributes that the clip shows",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::ClipAndPrompt,
    aggregate: Aggregate::ClipMean,
    nets: &[],
};

/// See the [module](self). [0, 1].
///
/// # Errors
///
/// No prompt, a prompt outside the grammar, no frame, or frames without pixels.
pub fn shape_adherence(frames: &FramesU8, prompt: Option<&str>) -> Result<f64, MetricError> {
    let asked = parse_prompt(prompt.ok_or(MetricError::NoPrompt)?)?;
    check_frames(frames.count(), 1)?;
    check_pixels(frames)?;
    Ok(analyse(frames).adherence(&asked).mean())
}

/// The metric, being computed. It looks at the whole clip at the end.
#[derive(Debug)]
pub struct Meter {
    prompt: Option<String>,
    clip: ClipCollector,
}

impl Meter {
    /// Begins to measure a clip that was made for `prompt`.
    pub fn new(prompt: Option<&str>) -> Self {
        Self { prompt: prompt.map(str::to_owned), clip: ClipCollector::default() }
    }
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.clip.push(&view.frame);
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        shape_adherence(&self.clip.finish()?, self.prompt.as_deref()).map(Measured::value)
    }
}
