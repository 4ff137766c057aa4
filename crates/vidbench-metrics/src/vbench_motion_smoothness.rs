//! `vbench.motion_smoothness@1`: how well every second frame can be predicted from its neighbours.
//!
//! # Definition
//!
//! `(255 - mean over odd t of |F[t] - AMT(F[t-1], F[t+1])|) / 255`: AMT-S interpolates each odd frame that has two
//! neighbours. Its mean absolute difference from the true frame is taken over pixels and channels, and averaged over
//! frames.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. A clip whose odd frames are predicted exactly has 1; one that stands still has nearly 1.
//!
//! # Input
//!
//! All frames at native size, at least three; both sides at least 113 pixels. Frames are padded to multiples of 16 by
//! repeating the border.
//!
//! # Reference
//!
//! Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models", CVPR 2024; Vchitect/VBench at
//! commit 45e79ec, `motion_smoothness.py`, run on the CPU, where it never shrinks frames; Li et al., "AMT: All-Pairs
//! Multi-Field Transforms for Efficient Frame Interpolation", CVPR 2023.
//!
//! # Differences
//!
//! When VBench is called with the device `cuda`, it may shrink frames depending on the memory of the GPU, which changes
//! the score; here frames are never shrunk.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, the numbers agree with VBench's to 9e-7; on
//! three colourful H.264 clips they differ by 0.24 % on average and at most 0.37 %, on a grey one by 0.006 %.
//!
//! # Cost
//!
//! One pass of AMT-S at native size for each odd frame; not timed yet.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs, Series};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::{mean_over_frames, numbers};

/// What `vbench.motion_smoothness@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "vbench.motion_smoothness@1",
    title: "how well frames can be predicted from their neighbours, as in VBench",
    unit: "",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &["amt-s"],
};

/// From the mean difference of each odd frame. No series: it has no value for even frames.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    let differences = numbers(rows, 3)?;
    let smooth: Vec<f64> = differences.iter().map(|difference| (255.0 - difference) / 255.0).collect();
    Ok(Measured { series: None::<Series>, ..mean_over_frames(&smooth, 1) })
}
