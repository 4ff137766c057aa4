//! Why a metric gives no number for a clip.

use vidbench_core::Score;
use vidbench_shapes::GrammarError;
use vidbench_video::VmafError;

/// A metric cannot be computed; the message becomes the reason of [`Score::NotAvailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// The metric looks at more frames than the clip has.
    #[error("clip has {frames} frame{}, the metric needs at least {needed}", if *frames == 1 { "" } else { "s" })]
    TooFewFrames {
        /// Frames in the clip.
        frames: usize,
        /// Frames the metric needs.
        needed: usize,
    },
    /// The frames have no area.
    #[error("frames of {width}x{height} have no pixels")]
    NoPixels {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A clip and its reference differ in shape; nothing is resized or cut.
    #[error("the reference has {} frames of {}x{}, the sample {} of {}x{}",
        reference[0], reference[2], reference[1], sample[0], sample[2], sample[1])]
    Mismatch {
        /// Frames, height, width of the reference.
        reference: [usize; 3],
        /// Frames, height, width of the sample.
        sample: [usize; 3],
    },
    /// The metric compares luma as stored, and the file stores no luma.
    #[error("the {whose} stores no luma; compare R, G and B instead")]
    NoLuma {
        /// Which of the two.
        whose: &'static str,
    },
    /// The metric compares luma as it is stored, and the files store it differently.
    #[error(
        "the reference stores {reference} bits per sample, the sample {sample}; compare R, G and B instead"
    )]
    BitDepths {
        /// Bits of the reference.
        reference: u8,
        /// Bits of the sample.
        sample: u8,
    },
    /// The metric compares luma as stored, and its values stand for different brightness in the two files.
    #[error("the reference stores luma as {reference}, the sample as {sample}; compare R, G and B instead")]
    LumaMeanings {
        /// Range and matrix of the reference.
        reference: String,
        /// Range and matrix of the sample.
        sample: String,
    },
    /// The frames are smaller than the metric's window.
    #[error("frames of {width}x{height} are too small, both sides must be at least {needed}")]
    TooSmall {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Least side.
        needed: usize,
    },
    /// No pixel of a frame is found again in the next one.
    #[error("no pixel of frame {} has a match in frame {frame}", frame.saturating_sub(1))]
    NothingInCommon {
        /// The later frame, from 0.
        frame: usize,
    },
    /// libvmaf is not there or refuses the clip.
    #[error(transparent)]
    Vmaf(#[from] VmafError),
    /// The clip could not be compared with its reference.
    #[error("{reason}")]
    NoPair {
        /// Why.
        reason: String,
    },
    /// The metric looks at the whole clip at once and the clip is too large for that.
    #[error("{frames} frames of {width}x{height} exceed the metric's limit of {max_bytes} bytes")]
    TooLarge {
        /// Frames in the clip.
        frames: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// What it can hold.
        max_bytes: usize,
    },
    /// The metric reads the prompt and none was given.
    #[error("the metric needs the clip's prompt, and there is none")]
    NoPrompt,
    /// The metric looks at the image that the clip was made from and none was given.
    #[error("the metric needs the image the clip was generated from, and none was given")]
    NoImage,
    /// The image that the clip was made from cannot be decoded.
    #[error("the image the clip was generated from: {reason}")]
    Image {
        /// Why.
        reason: String,
    },
    /// The prompt says nothing that the metric can check.
    #[error("prompt is outside the shapes grammar: {0}")]
    PromptOutsideGrammar(#[from] GrammarError),
    /// The net takes clips of one shape only and nothing is resized.
    #[error("clip has {frames} frames of {width}x{height}, but net {net} takes {wanted}")]
    ClipShape {
        /// The net.
        net: &'static str,
        /// What it takes.
        wanted: &'static str,
        /// Frames in the clip.
        frames: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A net that the metric needs cannot be used.
    #[error("{reason}")]
    NoNet {
        /// Why, with what to do.
        reason: String,
    },
    /// The frames cannot be brought into the shape that the net takes.
    #[error("{reason}")]
    Unfit {
        /// Why.
        reason: String,
    },
    /// The net needs more memory than there is.
    #[error("net {net}: out of memory: {reason}")]
    OutOfMemory {
        /// The net.
        net: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// The net's output is not what it should be.
    #[error("net {net}: {reason}")]
    Net {
        /// The net.
        net: &'static str,
        /// What it said.
        reason: String,
    },
}

impl From<MetricError> for Score {
    fn from(error: MetricError) -> Self {
        Self::not_available(error.to_string())
    }
}
