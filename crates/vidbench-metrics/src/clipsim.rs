//! `clipsim@1`: how well the frames fit the prompt, to CLIP.
//!
//! # Definition
//!
//! `mean over t of cos(f[t], p)`, with `f[t]` what CLIP ViT-B/32 gives of frame t and p what it gives of the prompt.
//!
//! # Range and direction
//!
//! [-1, 1], higher is better; real clips of their own captions lie about 0.3.
//!
//! # Input
//!
//! All frames, and the prompt. CLIP's own preprocessing: Pillow's bicubic, the shorter side to 224, the middle, CLIP's mean and
//! deviation. Of a prompt beyond 77 tokens the rest is cut off, and the score has a note of it.
//!
//! # Reference
//!
//! Wu et al., "GODIVA: Generating Open-DomaIn Videos from nAtural Descriptions", 2021; Radford et al., "Learning Transferable Visual
//! Models From Natural Language Supervision", ICML 2021.
//!
//! # Differences
//!
//! torchmetrics' CLIPScore is 100 times the cosine, at least 0, of ViT-L/14 by default. EvalCrafter gives CLIP squashed frames without its
//! mean and deviation. OpenAI's tokenizer mends mistaken encodings first (`ftfy`), which matters for no plain text.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats chroma and is
//! about a level too dark, here chroma is interpolated unless `--pixels swscale` asks for theirs. On the same frames, with the same
//! random weights, the numbers agree with a script on OpenAI's package to 1e-7; of three colourful H.264 clips they differ by 0.0014 on
//! the mean, at most 0.004, of a grey one by 0.0012.
//!
//! # Cost
//!
//! On one core about 0.1 s a frame of 832x480, for decoding and one pass of CLIP ViT-B/32; one pass of its text net a clip.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::{NetSource, Rows, clip_text_embedding};
use crate::meter::Measured;
use crate::net_metric::{Seen, cosine, mean_over_frames};

/// What `clipsim@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "clipsim@1",
    title: "fit of frames and prompt, to CLIP",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(-1.0), Some(1.0)),
    needs: Needs::ClipAndPrompt,
    aggregate: Aggregate::ClipMean,
    nets: &["clip-vit-b32-vision", "clip-vit-b32-text"],
};

/// From one row per frame, and the prompt.
pub(crate) fn measure(rows: &Rows, seen: Seen<'_>) -> Result<Measured, MetricError> {
    cosines_to_text(rows, seen.prompt.ok_or(MetricError::NoPrompt)?, seen.nets)
}

/// The mean over frames of the cosine between the frame and a text.
pub(crate) fn cosines_to_text(
    rows: &Rows,
    text: &str,
    nets: &dyn NetSource,
) -> Result<Measured, MetricError> {
    if rows.count() == 0 {
        return Err(MetricError::TooFewFrames { frames: 0, needed: 1 });
    }
    let text = clip_text_embedding(nets, text)?;
    let cosines: Vec<f64> = rows.iter().map(|frame| cosine(frame, &text.values)).collect();
    Ok(Measured { note: text.note, ..mean_over_frames(&cosines, 0) })
}
