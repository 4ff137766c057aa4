//! `vbench.overall_consistency@1`, `vbench.temporal_style@1`: how well a clip fits its prompt, as seen by ViCLIP.
//!
//! # Definition
//!
//! `cos(v, p)`, where v is the ViCLIP-L embedding of eight frames and p that of the prompt. The two dimensions use the
//! same formula, on clips of different prompts.
//!
//! # Range and direction
//!
//! [-1, 1], higher is better; good clips have about 0.2 to 0.3.
//!
//! # Input
//!
//! The middle frame of each of eight equal parts, and the prompt. The shorter side is resized to 224, bicubic
//! (a = -0.75), no antialiasing, rounded to bytes; then the frame is cropped to the middle square; CLIP's mean and
//! deviation. A prompt longer than 32 tokens is cut off there, and a note with the score says so.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `overall_consistency.py` and `temporal_style.py`; Wang et al., "InternVid", ICLR 2024.
//!
//! # Differences
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights and with prompts that contain accents and
//! punctuation, both metrics agree with VBench's to 2e-5 of the value. The values of four other clips differ by at most
//! 1.4e-6, which is 3e-4 of a value of 0.004. On three colourful H.264 clips they differ by 1.0 % on average and at
//! most 2.0 %, which is 0.0009, and on a grey one by 0.0016.
//!
//! # Cost
//!
//! One pass of each of ViCLIP's nets per clip; the clip is decoded twice. Not timed yet. The second of the two metrics
//! has no extra cost.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::{Rows, viclip_text_embedding};
use crate::meter::Measured;
use crate::net_metric::{ClipContext, cosine};

const fn descriptor(id: &'static str, title: &'static str) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::HigherIsBetter,
        range: (Some(-1.0), Some(1.0)),
        needs: Needs::ClipAndPrompt,
        aggregate: Aggregate::ClipMean,
        nets: &["viclip-l-vision", "viclip-l-text"],
    }
}

/// What `vbench.overall_consistency@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor =
    descriptor("vbench.overall_consistency@1", "similarity of clip and prompt (ViCLIP), as in VBench");
/// What `vbench.temporal_style@1` says about itself.
pub const STYLE_DESCRIPTOR: MetricDescriptor = descriptor(
    "vbench.temporal_style@1",
    "similarity of clip and camera-style prompt (ViCLIP), as in VBench",
);

/// From the one row of the clip, and the prompt.
pub(crate) fn measure(rows: &Rows, context: ClipContext<'_>) -> Result<Measured, MetricError> {
    let prompt = context.prompt.ok_or(MetricError::NoPrompt)?;
    let text = viclip_text_embedding(context.nets, prompt)?;
    Ok(Measured { note: text.note, ..Measured::value(cosine(&rows.values, &text.values)) })
}
