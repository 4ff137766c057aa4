//! `warping_error.farneback@1`, `warping_error.raft@1`: how much of a frame the next frame does not explain, once
//! motion is compensated.
//!
//! # Definition
//!
//! For each pair of consecutive frames a, b, the metric computes the optical flow f from a to b and the flow g from b
//! to a, and reads b where f leads (between pixels: weighted by nearness). With g' the flow g read at the same place,
//! the pixel of a counts unless
//!
//! - f leads out of the picture,
//! - |f + g'|^2 > 0.01 (|f|^2 + |g'|^2) + 0.5: the way back does not lead back, or
//! - |grad u|^2 + |grad v|^2 > 0.01 |f|^2 + 0.002, with f = (u, v) and gradients as differences to the next pixel on the
//!   right and below (zero at the edge): the edge of something that moves.
//!
//! The error of the pair is the mean over the pixels that count and over R, G and B of the squared difference between a
//! and b as read there, with 255 as 1; the value is the mean over pairs. The flow is Farnebäck's, computed on the
//! frames' brightness (0.299 R + 0.587 G + 0.114 B, 8 bit, rounded): window 15, polynomials over 15 pixels with
//! deviation 1.5, 3 iterations, up to 5 halvings while both sides stay at 32 or more. `warping_error.raft` uses RAFT's
//! flow in 20 iterations instead, on frames with both sides at least 121 pixels, padded to multiples of 8 by repeating
//! the border.
//!
//! # Range and direction
//!
//! [0, 1], lower is better. A clip whose frames are all equal has 0, so read the value together with
//! `motion_magnitude`: it measures flicker and distortion, and a clip that hardly moves has little of either. In
//! practice values are below 0.05.
//!
//! # Input
//!
//! All frames as decoded, native size, sRGB, 8 bit; at least two. No prompt, no net. Compare clips of one size only: the
//! window of the flow is in pixels.
//!
//! # Reference
//!
//! Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, with the thresholds of Ruder, Dosovitskiy, Brox,
//! "Artistic style transfer for videos", GCPR 2016. Flow: Farnebäck, "Two-frame motion estimation based on polynomial
//! expansion", SCIA 2003; OpenCV 5.0's `calcOpticalFlowFarneback(a, b, None, 0.5, 5, 15, 3, 7, 1.5, 0)`.
//!
//! # Differences
//!
//! Lai et al. use the flow of a trained net (FlowNet2) on the unprocessed video. Here the flow is computed without
//! learned weights and on the clip itself, hence the separate name: the numbers must not be compared with theirs. Their
//! code counts pixels that the flow leads out of the picture, using the nearest pixel of the edge; here such pixels do
//! not count. Their code gives the error 0, the best possible, to a pair in which no pixel counts; here such a pair has
//! no error, so the clip has none either, and the reason names the frame. The flow agrees with OpenCV's to 1e-5 pixels
//! on soft texture and to 3e-3 on noise, where the order in which 32-bit numbers are summed shows. OpenCV's flow of two
//! equal frames is not quite zero at the right and lower edge; equal frames have the error 0 here.
//!
//! On three clips of 256x160, with random weights whose flows are 0.6 pixels long, `warping_error.raft` agrees to 1e-6
//! with a script that applies the formula above to the flow of VBench's RAFT. When the pixels that the flow leads out
//! of the picture (a hundredth of all pixels here) are counted as Lai et al. count them, the value differs by up to
//! 0.7 %.
//!
//! On other clips, with the same frames and the same weights, each pair agrees to 8e-7, except where a pixel right at
//! one of the limits counts in only one of the two programs: this changes a pair by 3e-4 and a clip by 5e-5. On three
//! colourful H.264 clips that the script decodes with decord, which repeats chroma, the value differs by 9 % on average
//! and at most 21 %; on a grey one by 0.3 %.
//!
//! # Cost
//!
//! On one core about 95 ms for a pair of 832x480, more than ten times what decoding and all other metrics of a clip
//! take together, so it is computed only when asked for by name. The two flows take 78 ms of this; OpenCV takes 168 ms
//! for them on one thread. About 100 bytes of memory per pixel.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clip::check_frames;
use crate::extract::Rows;
use crate::flow::{Flow, Pyramid};
use crate::frame_mean::FrameMean;
use crate::meter::{ClipMeter, FrameView, Measured, measure_clip};
use crate::net_metric::{mean_over_frames, numbers};

/// Ruder et al. 2016, test of disoccluded regions: share of both squared lengths.
const CONSISTENCY_SHARE: f32 = 0.01;
/// Ruder et al. 2016, test of disoccluded regions, in squared pixels.
const CONSISTENCY_SLACK: f32 = 0.5;
/// Ruder et al. 2016, test of motion boundaries: share of the squared length.
const BOUNDARY_SHARE: f32 = 0.01;
/// Ruder et al. 2016, test of motion boundaries.
const BOUNDARY_SLACK: f32 = 0.002;

/// What `warping_error.farneback@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "warping_error.farneback@1",
    title: "change from frame to frame that motion does not explain",
    unit: "",
    direction: Direction::LowerIsBetter,
    range: (Some(0.0), Some(1.0)),
    needs: Needs::Clip,
    aggregate: Aggregate::ClipMean,
    nets: &[],
};

/// What `warping_error.raft@1` says about itself.
pub const RAFT_DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "warping_error.raft@1",
    title: "change from frame to frame that motion does not explain (RAFT)",
    nets: &["raft"],
    ..DESCRIPTOR
};

/// `warping_error.raft@1`, from one number per pair of frames.
pub(crate) fn measure_rows(rows: &Rows) -> Result<Measured, MetricError> {
    Ok(mean_over_frames(&numbers(rows, 2)?, 1))
}

/// See the [module](self). [0, 1].
///
/// # Errors
///
/// Fewer than two frames, frames without pixels, or two frames that share no pixel.
pub fn warping_error(frames: &FramesU8) -> Result<f64, MetricError> {
    measure_clip(Box::new(Meter::default()), frames).map(|measured| measured.value)
}

/// The metric, being computed. Its series begins at frame 1.
#[derive(Debug, Default)]
pub struct Meter {
    frames: usize,
    mean: FrameMean,
    previous: Option<Pyramid>,
}

impl ClipMeter for Meter {
    fn push(&mut self, view: &FrameView<'_>) {
        self.frames += 1;
        if self.mean.is_over() {
            return;
        }
        if view.absolute_difference() == Some(0) {
            self.mean.push(Ok(0.0));
            return;
        }
        let frame = &view.frame;
        let pyramid = Pyramid::new(view.grey(), frame.width, frame.height);
        if let (Some(before), Some(rgb)) = (&self.previous, view.previous) {
            let (forward, backward) = (before.flow_to(&pyramid), pyramid.flow_to(before));
            let alone = MetricError::NothingInCommon { frame: frame.index };
            self.mean.push(pair_error(rgb, frame.rgb, &forward, &backward).ok_or(alone));
        }
        self.previous = Some(pyramid);
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        check_frames(self.frames, 2)?;
        self.mean.finish(1)
    }
}

/// The error of two frames, `[H, W, 3]`; `None` when no pixel counts.
pub(crate) fn pair_error(a: &[u8], b: &[u8], forward: &Flow, backward: &Flow) -> Option<f64> {
    let (a, b) = (a.as_chunks::<3>().0, b.as_chunks::<3>().0);
    let (mut sum, mut pixels) = (0.0, 0_usize);
    for (y, row) in a.chunks(forward.width.max(1)).enumerate() {
        for (x, here) in row.iter().enumerate() {
            let Some(place) = forward.place(x, y) else { continue };
            let back = [place.read(|at| backward.dx[at]), place.read(|at| backward.dy[at])];
            let at = y * forward.width + x;
            if leads_back([forward.dx[at], forward.dy[at]], back) && !is_boundary(forward, x, y) {
                let difference = |c: usize| place.read(|at| f32::from(b[at][c])) - f32::from(here[c]);
                sum += (0..here.len()).map(|c| f64::from(difference(c)).powi(2)).sum::<f64>();
                pixels += 1;
            }
        }
    }
    (pixels > 0).then(|| sum / (pixels * FramesU8::CHANNELS) as f64 / (255.0 * 255.0))
}

fn squared_length([x, y]: [f32; 2]) -> f32 {
    x * x + y * y
}

/// Whether the way there and the way back cancel each other.
fn leads_back(there: [f32; 2], back: [f32; 2]) -> bool {
    let left_over = squared_length([there[0] + back[0], there[1] + back[1]]);
    left_over <= CONSISTENCY_SHARE * (squared_length(there) + squared_length(back)) + CONSISTENCY_SLACK
}

/// Whether the flow changes so much from this pixel to the next that an edge of something lies between them.
fn is_boundary(flow: &Flow, x: usize, y: usize) -> bool {
    let at = y * flow.width + x;
    let right = if x + 1 < flow.width { at + 1 } else { at };
    let below = if y + 1 < flow.height { at + flow.width } else { at };
    let change = |to: usize| squared_length([flow.dx[to] - flow.dx[at], flow.dy[to] - flow.dy[at]]);
    let length = squared_length([flow.dx[at], flow.dy[at]]);
    change(right) + change(below) > BOUNDARY_SHARE * length + BOUNDARY_SLACK
}
