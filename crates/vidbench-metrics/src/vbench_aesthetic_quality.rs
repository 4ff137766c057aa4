//! `vbench.aesthetic_quality@1`: how pleasing the frames are, as predicted by a model trained on votes.
//!
//! # Definition
//!
//! `mean over t of head(f[t] / |f[t]|) / 10`, where `f[t]` is the CLIP ViT-L/14 embedding of frame t and the head is
//! LAION's linear one.
//!
//! # Range and direction
//!
//! About [0, 1], not bounded; higher is better.
//!
//! # Input
//!
//! All frames: the shorter side resized to 224, bicubic (a = -0.75), no antialiasing, not clamped; then cropped to the
//! middle square; CLIP's mean and deviation.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at
//! commit 45e79ec, `aesthetic_quality.py`, run on the CPU. The head is LAION's `sa_0_4_vit_l_14_linear`.
//!
//! # Differences
//!
//! On GPUs VBench runs CLIP in 16-bit floats.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the numbers agree with VBench's to 4e-7 of
//! the value; on three colourful H.264 clips they differ by 0.9 % on average and at most 1.3 %, on a grey one by 1.5 %.
//!
//! # Cost
//!
//! One pass of CLIP ViT-L/14 per frame; not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::{mean_over_frames, numbers};

/// What `vbench.aesthetic_quality@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.aesthetic_quality@1",
    title: "aesthetic quality of frames, as in VBench",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (None, None),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &["clip-vit-l14-vision", "aesthetic-head"],
};

/// The head's votes run from 0 to 10.
const HIGHEST_VOTE: f64 = 10.0;

/// From one number per frame.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    let votes = numbers(rows, 1)?;
    Ok(mean_over_frames(&votes.iter().map(|vote| vote / HIGHEST_VOTE).collect::<Vec<_>>(), 0))
}
