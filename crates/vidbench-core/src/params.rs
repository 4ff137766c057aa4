//! The parameters of one generation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of a request, apart from prompt and seed. Every value is resolved: nothing is left to a default of
/// the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance scale; 1 is no guidance.
    pub guidance: f64,
    /// Number of frames.
    pub frames: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second of the written file.
    pub fps: f64,
}

impl Params {
    /// The text that represents these parameters in a [`crate::SampleId`].
    pub(crate) fn digest_input(&self) -> String {
        let Self { steps, guidance, frames, width, height, fps } = self;
        format!(
            "steps={steps};guidance={guidance:?};frames={frames};width={width};height={height};fps={fps:?}"
        )
    }

    /// Text for people: `16 steps, guidance 3, 16 frames of 64x64 at 8 fps`.
    pub fn describe(&self) -> String {
        let Self { steps, guidance, frames, width, height, fps } = self;
        let unit = if *steps == 1 { "step" } else { "steps" };
        let frames_unit = if *frames == 1 { "frame" } else { "frames" };
        format!(
            "{steps} {unit}, guidance {guidance}, {frames} {frames_unit} of {width}x{height} at {fps} fps"
        )
    }
}
