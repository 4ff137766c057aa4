//! RAFT: how far the fastest places of a clip move.

use std::sync::Arc;

use vidbench_core::DecodedFrame;
use vidbench_nn::nets::Net;

use super::padding::{Padded, padded};
use super::{Extractor, Rows, run_rows, tensor};
use crate::MetricError;
use crate::flow::Flow;
use crate::vbench_dynamic_degree::{Motion, interval};
use crate::warping_error::pair_error;

/// The sides of RAFT's images are multiples of this.
const MULTIPLE: usize = 8;
/// Least side: on smaller images the coarsest correlations have only one pixel.
const LEAST_SIDE: usize = 128;

/// VBench's dynamic degree: for each pair of frames that is looked at, the mean length in pixels of the flow at the
/// fastest places. No more pairs are looked at once they decide whether the clip moves.
#[derive(Debug)]
pub(super) struct FastestFlow {
    net: Arc<Net>,
    frames: usize,
    fps: Option<f64>,
    previous: Option<Padded>,
    rows: Rows,
}

impl FastestFlow {
    /// Share of the places that counts as the fastest.
    const SHARE: f64 = 0.05;

    /// For a clip of `frames` frames, at the rate that its file states, if it states one.
    pub(super) fn new(net: Arc<Net>, frames: usize, fps: Option<f64>) -> Self {
        Self { net, frames, fps, previous: None, rows: Rows::of_dims(1) }
    }

    /// Whether the pairs so far decide both VBench's own answer and the one by which a still clip never moves.
    fn is_decided(&self, frame: &DecodedFrame<'_>) -> bool {
        let motion = Motion::of(frame.width, frame.height, self.frames, self.fps).at_least(1);
        motion.of_pairs(&self.rows.values).is_some()
    }
}

impl Extractor for FastestFlow {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        if !frame.index.is_multiple_of(interval(self.fps)) || self.is_decided(frame) {
            return Ok(());
        }
        let current = padded(frame, MULTIPLE, LEAST_SIDE, 1.0)?;
        if let Some(previous) = self.previous.take() {
            let shape = current.shape();
            let inputs = [
                ("image1", tensor(shape, previous.values)),
                ("image2", tensor(shape, current.values.clone())),
            ];
            let (flow, _) = run_rows(&self.net, &inputs)?;
            self.rows.values.push(fastest(&flow, Self::SHARE));
        }
        self.previous = Some(current);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        Ok(self.rows)
    }
}

/// VBench's static filter. For each pair of consecutive frames, then for first and last and for last and first: the
/// mean length in pixels of the flow at the fastest places, and beside it the mean absolute difference of consecutive
/// frames, 0 to 255.
#[derive(Debug)]
pub(super) struct StillFlow {
    net: Arc<Net>,
    first: Option<Padded>,
    previous: Option<(Padded, Vec<u8>)>,
    rows: Rows,
}

impl StillFlow {
    /// Share of the places that counts as the fastest.
    const SHARE: f64 = 0.02;

    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, first: None, previous: None, rows: Rows::of_dims(2) }
    }

    fn add(&mut self, from: &Padded, to: &Padded, difference: f32) -> Result<(), MetricError> {
        let image = |padded: &Padded| tensor(padded.shape(), padded.values.clone());
        let (flow, _) = run_rows(&self.net, &[("image1", image(from)), ("image2", image(to))])?;
        self.rows.values.extend([fastest(&flow, Self::SHARE), difference]);
        Ok(())
    }
}

impl Extractor for StillFlow {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        let current = padded(frame, MULTIPLE, LEAST_SIDE, 1.0)?;
        match self.previous.take() {
            None => self.first = Some(current.clone()),
            Some((previous, rgb)) => {
                let sum: u64 = rgb.iter().zip(frame.rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                self.add(&previous, &current, (sum as f64 / rgb.len() as f64) as f32)?;
            }
        }
        self.previous = Some((current, frame.rgb.to_vec()));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Rows, MetricError> {
        let frames = 1 + self.rows.count();
        let (Some(first), Some((last, _)), true) = (self.first.take(), self.previous.take(), frames > 1)
        else {
            return Err(MetricError::TooFewFrames { frames: 1, needed: 2 });
        };
        self.add(&first, &last, 0.0)?;
        self.add(&last, &first, 0.0)?;
        Ok(self.rows)
    }
}

/// For each pair of frames, the part of their difference that the flow between them does not explain.
#[derive(Debug)]
pub(super) struct Warping {
    net: Arc<Net>,
    previous: Option<(Padded, Vec<u8>)>,
    rows: Rows,
}

impl Warping {
    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, previous: None, rows: Rows::of_dims(1) }
    }

    /// The flow from one padded frame to another, without the border.
    fn flow(&self, from: &Padded, to: &Padded, width: usize, height: usize) -> Result<Flow, MetricError> {
        let image = |padded: &Padded| tensor(padded.shape(), padded.values.clone());
        let (flow, _) = run_rows(&self.net, &[("image1", image(from)), ("image2", image(to))])?;
        let (across, down) = flow.split_at(flow.len() / 2);
        let inside = |plane: &[f32]| {
            let rows = plane.chunks_exact(from.width).skip(from.top).take(height);
            rows.flat_map(|row| &row[from.left..][..width]).copied().collect()
        };
        Ok(Flow { width, height, dx: inside(across), dy: inside(down) })
    }
}

impl Extractor for Warping {
    fn push(&mut self, frame: &DecodedFrame<'_>, _: Option<&DecodedFrame<'_>>) -> Result<(), MetricError> {
        let (width, height) = (frame.width, frame.height);
        let current = padded(frame, MULTIPLE, LEAST_SIDE, 1.0)?;
        if let Some((previous, rgb)) = self.previous.take() {
            let (forward, backward) = (
                self.flow(&previous, &current, width, height)?,
                self.flow(&current, &previous, width, height)?,
            );
            let error = pair_error(&rgb, frame.rgb, &forward, &backward);
            let alone = MetricError::NothingInCommon { frame: frame.index };
            self.rows.values.push(error.ok_or(alone)? as f32);
        }
        self.previous = Some((current, frame.rgb.to_vec()));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Rows, MetricError> {
        Ok(self.rows)
    }
}

/// Mean length of the longest vectors of a flow `[2, H, W]`.
fn fastest(flow: &[f32], share: f64) -> f32 {
    let (across, down) = flow.split_at(flow.len() / 2);
    let mut lengths: Vec<f32> = across.iter().zip(down).map(|(u, v)| (u * u + v * v).sqrt()).collect();
    let count = ((lengths.len() as f64 * share) as usize).max(1);
    let (longest, least, _) = lengths.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    let sum: f64 = longest.iter().map(|length| f64::from(*length)).sum::<f64>() + f64::from(*least);
    (sum / count as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_places_are_the_longest_vectors() {
        let flow: Vec<f32> = (0..100).map(|at| at as f32).chain([0.0; 100]).collect();
        assert_eq!(fastest(&flow, 0.05), 97.0);
        assert_eq!(fastest(&[3.0, 0.0, 4.0, 0.0], 0.5), 5.0);
    }
}
