//! `vbench.imaging_quality@1`: how free the frames are of noise, blur and wrong exposure, as seen by MUSIQ.
//!
//! # Definition
//!
//! `mean over t of MUSIQ(F[t]) / 100`, where MUSIQ is trained on SPAQ and its scores run from about 0 to 100.
//!
//! # Range and direction
//!
//! About [0, 1], not bounded; higher is better.
//!
//! # Input
//!
//! All frames: those whose longer side exceeds 512 are shrunk to a longer side of 512, bilinear, no antialiasing. MUSIQ
//! looks at 32x32 patches of this image and of two copies of it with a longer side of 224 and of 384, bicubic
//! (a = -0.75), no antialiasing.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at commit
//! 45e79ec, `imaging_quality.py` in its mode `longer`; Ke et al., "MUSIQ: Multi-scale Image Quality Transformer", ICCV 2021, as pyiqa
//! computes it.
//!
//! # Differences
//!
//! VBench's result file has 0 to 100 for clips and 0 to 1 for the headline value; here both are on the scale of the
//! headline, 0 to 1. Patches that are only padding are left out, which does not change the value.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the numbers agree with VBench's to 1.1e-6 of
//! the value. For H.264 clips, random weights give no meaningful percentage, since their scores lie around 0: the
//! scores of three colourful clips and a grey one, from -0.001 to 0.013, differ by 0.0003 on average and at most
//! 0.0009.
//!
//! # Cost
//!
//! On one core about 0.3 s per frame of 832x480.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::{mean_over_frames, numbers};

/// What `vbench.imaging_quality@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.imaging_quality@1",
    title: "technical quality of frames (MUSIQ), as in VBench",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (None, None),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &["musiq-spaq"],
};

/// The highest score of SPAQ's raters.
const HIGHEST_SCORE: f64 = 100.0;

/// From one number per frame.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    let scores = numbers(rows, 1)?;
    Ok(mean_over_frames(&scores.iter().map(|score| score / HIGHEST_SCORE).collect::<Vec<_>>(), 0))
}
