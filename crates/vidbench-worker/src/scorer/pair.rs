//! The reference of a pair, read in step with the sample.

use std::time::Duration;

use vidbench_core::DecodedFrame;
use vidbench_core::protocol::Pairing;
use vidbench_metrics::MetricError;
use vidbench_video::{Colour, ColourRange, ReadOptions, VideoError};

use super::source::Source;
use vidbench_core::with_causes;

/// The reference of a pair, and how far it has been compared.
#[derive(Debug)]
pub(super) struct Reference {
    source: Option<Source>,
    frames: usize,
    sample_frames: usize,
    /// Why no more frames are compared.
    over: Option<Pairing>,
}

impl Reference {
    pub(super) fn open(path: &str, options: &ReadOptions, ahead: bool) -> Self {
        let (source, over) = match Source::open(path, options, ahead) {
            Ok(source) => (Some(source), None),
            Err(error) => (None, Some(failed(&error))),
        };
        Self { source, frames: 0, sample_frames: 0, over }
    }

    /// The reference frame that belongs to the sample's next frame, which has the given size.
    pub(super) fn beside(&mut self, width: usize, height: usize) -> Option<DecodedFrame<'_>> {
        self.sample_frames += 1;
        if self.over.is_some() {
            return None;
        }
        match self.source.as_mut()?.next_frame() {
            Ok(Some(frame)) if (frame.width, frame.height) == (width, height) => {
                self.frames += 1;
                Some(frame)
            }
            Ok(Some(frame)) => {
                let reason =
                    format!("the reference is {}x{}, the sample {width}x{height}", frame.width, frame.height);
                self.over = Some(Pairing::Mismatch { reason });
                None
            }
            // The reference is shorter; `finish` says so with both numbers.
            Ok(None) => None,
            Err(error) => {
                self.over = Some(failed(&error));
                None
            }
        }
    }

    /// Why the reference's luma cannot be compared with that of a sample of this colour. A matrix that is not recorded
    /// may be any, and counts as equal.
    pub(super) fn luma_differs(&self, sample: &Colour) -> Option<MetricError> {
        let reference = &self.source.as_ref()?.probe().colour;
        let matrices = reference.matrix_tag.as_ref().zip(sample.matrix_tag.as_ref());
        let same = reference.range == sample.range && matrices.is_none_or(|(a, b)| a == b);
        let meaning = |colour: &Colour| {
            let range = match colour.range {
                ColourRange::Full => "full range",
                ColourRange::Limited => "limited range",
            };
            colour.matrix_tag.as_ref().map_or(range.to_owned(), |matrix| format!("{range}, {matrix}"))
        };
        let (reference, sample) = (meaning(reference), meaning(sample));
        (!same).then_some(MetricError::LumaMeanings { reference, sample })
    }

    /// The note on scores where the two files have different frame rates.
    pub(super) fn rate_differs(&self, sample_fps: Option<f64>) -> Option<String> {
        let (reference, sample) = (self.source.as_ref()?.fps()?, sample_fps?);
        // Containers round rates: Matroska writes times in milliseconds.
        let same = (reference - sample).abs() <= 1e-3 * sample;
        (!same).then(|| {
            format!("the reference has {reference:.3} frames per second, the sample {sample:.3}: compared frame by frame")
        })
    }

    /// Reads what the reference has beyond the sample, and compares the lengths; also returns the time that reading
    /// took.
    pub(super) fn finish(mut self) -> (Pairing, Duration) {
        while let (None, Some(source)) = (&self.over, &mut self.source) {
            match source.next_frame() {
                Ok(Some(_)) => self.frames += 1,
                Ok(None) => break,
                Err(error) => self.over = Some(failed(&error)),
            }
        }
        let (reference, sample) = (self.frames, self.sample_frames);
        let spent = self.source.map_or(Duration::ZERO, |source| source.spent());
        let pairing = self.over.unwrap_or_else(|| match reference == sample {
            true => Pairing::Matched,
            false => Pairing::Mismatch {
                reason: format!("the reference has {reference} frames, the sample {sample}"),
            },
        });
        (pairing, spent)
    }
}

fn failed(error: &VideoError) -> Pairing {
    Pairing::ReferenceFailed { reason: with_causes(&error.kind) }
}
