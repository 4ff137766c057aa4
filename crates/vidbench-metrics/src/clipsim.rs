//! `clipsim@1`: how well the frames fit the prompt, as seen by CLIP.
//!
//! # Definition
//!
//! `mean over t of cos(f[t], p)`, where `f[t]` is the CLIP ViT-B/32 embedding of frame t and p that of the prompt.
//!
//! # Range and direction
//!
//! [-1, 1], higher is better; real clips with their own captions have about 0.3.
//!
//! # Input
//!
//! All frames, and the prompt. CLIP's own preprocessing: the shorter side resized to 224 with Pillow's bicubic, cropped
//! to the middle square, CLIP's mean and deviation. A prompt longer than 77 tokens is cut off there, and a note with
//! the score says so.
//!
//! # Reference
//!
//! Wu et al., "GODIVA: Generating Open-DomaIn Videos from nAtural Descriptions", 2021; Radford et al., "Learning Transferable Visual
//! Models From Natural Language Supervision", ICML 2021.
//!
//! # Differences
//!
//! torchmetrics' CLIPScore is 100 times the cosine, with negative values set to 0, and uses ViT-L/14 by default.
//! EvalCrafter squashes frames and does not apply CLIP's mean and deviation. OpenAI's tokenizer first repairs text that
//! was decoded wrongly (`ftfy`), which makes no difference for plain text.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the numbers agree with a script on OpenAI's
//! package to 1e-7; on three colourful H.264 clips they differ by 0.0014 on average and at most 0.004, on a grey one by
//! 0.0012.
//!
//! # Cost
//!
//! On one core about 0.1 s per frame of 832x480, for decoding and one pass of CLIP ViT-B/32; plus one pass of CLIP's
//! text net per clip.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::{NetSource, Rows, clip_text_embedding};
use crate::meter::Measured;
use crate::net_metric::{ClipContext, cosine, mean_over_frames};

/// What `clipsim@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "clipsim@1",
    title: "similarity of frames and prompt (CLIP)",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(-1.0), Some(1.0)),
    needs: Needs::ClipAndPrompt,
    aggregate: Aggregate::ClipMean,
    nets: &["clip-vit-b32-vision", "clip-vit-b32-text"],
};

/// From one row per frame, and the prompt.
pub(crate) fn measure(rows: &Rows, context: ClipContext<'_>) -> Result<Measured, MetricError> {
    cosines_to_text(rows, context.prompt.ok_or(MetricError::NoPrompt)?, context.nets)
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
