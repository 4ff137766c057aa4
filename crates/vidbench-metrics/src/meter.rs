//! How a metric of a clip is computed: frame by frame, so that a clip of any length takes the memory of a few frames.
//!
//! A decoder lends each frame to every meter that was asked for, which is how one decode feeds all metrics. What several
//! meters need of a frame is in [`FrameView`] and [`PairView`] and made at most once.

use std::cell::OnceCell;

use vidbench_core::{DecodedFrame, FramesU8, Series};

use crate::MetricError;
use crate::clip::check_pixels;

/// A metric of one clip, being computed.
pub trait ClipMeter {
    /// Takes the next frame. Every frame of a clip has the same size.
    fn push(&mut self, view: &FrameView<'_>);

    /// The result, after the last frame.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn finish(self: Box<Self>) -> Result<Measured, MetricError>;
}

/// A metric of a clip and its reference, being computed.
pub trait PairMeter {
    /// Takes the next frame of both, which have the same size.
    fn push(&mut self, pair: &PairView<'_>);

    /// The result, after the last frame of both; they have the same number of frames.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn finish(self: Box<Self>) -> Result<Measured, MetricError>;
}

/// What a meter gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The metric's number.
    pub value: f64,
    /// Its course over the clip, where it has one.
    pub series: Option<Series>,
}

impl Measured {
    /// A number without a course over time.
    pub fn value(value: f64) -> Self {
        Self { value, series: None }
    }

    /// A number with one value for each frame from `first_frame` on.
    pub fn with_series(value: f64, first_frame: u32, values: Vec<f32>) -> Self {
        Self { value, series: Some(Series { first_frame, values }) }
    }
}

/// One frame as a metric of a clip sees it.
#[derive(Debug)]
pub struct FrameView<'a> {
    /// The frame.
    pub frame: DecodedFrame<'a>,
    /// The frame before, `[H, W, 3]`; none for the first.
    pub previous: Option<&'a [u8]>,
    difference: OnceCell<u64>,
}

impl<'a> FrameView<'a> {
    /// A frame and the one before it, of the same size.
    pub fn new(frame: DecodedFrame<'a>, previous: Option<&'a [u8]>) -> Self {
        Self { frame, previous, difference: OnceCell::new() }
    }

    /// Sum over all bytes of the absolute difference to the frame before; none for the first frame.
    pub fn absolute_difference(&self) -> Option<u64> {
        let previous = self.previous?;
        Some(*self.difference.get_or_init(|| absolute_difference(previous, self.frame.rgb)))
    }
}

/// Sum of |a - b| over all bytes.
fn absolute_difference(a: &[u8], b: &[u8]) -> u64 {
    /// Bytes whose differences fit 32 bits, which the compiler adds up faster.
    const BLOCK: usize = 1 << 16;
    let sum =
        |(a, b): (&[u8], &[u8])| -> u32 { a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum() };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|pair| u64::from(sum(pair))).sum()
}

/// One frame of a clip and of its reference.
#[derive(Debug)]
pub struct PairView<'a> {
    /// The frame that is taken as right.
    pub reference: DecodedFrame<'a>,
    /// The frame that is judged.
    pub sample: DecodedFrame<'a>,
}

impl<'a> PairView<'a> {
    /// Two frames of the same size.
    pub fn new(reference: DecodedFrame<'a>, sample: DecodedFrame<'a>) -> Self {
        Self { reference, sample }
    }
}

/// Runs a meter over a clip that is in memory.
///
/// # Errors
///
/// Whatever the meter says.
pub fn measure_clip(mut meter: Box<dyn ClipMeter>, frames: &FramesU8) -> Result<Measured, MetricError> {
    check_pixels(frames)?;
    let mut previous = None;
    for (index, rgb) in frames.iter().enumerate() {
        meter.push(&FrameView::new(lend(frames, index, rgb), previous));
        previous = Some(rgb);
    }
    meter.finish()
}

/// Runs a meter over two clips that are in memory.
///
/// # Errors
///
/// [`MetricError::Mismatch`] for clips of another size or length, and whatever the meter says.
pub fn measure_pair(
    mut meter: Box<dyn PairMeter>,
    reference: &FramesU8,
    sample: &FramesU8,
) -> Result<Measured, MetricError> {
    let shape = |frames: &FramesU8| [frames.count(), frames.height(), frames.width()];
    if shape(reference) != shape(sample) {
        return Err(MetricError::Mismatch { reference: shape(reference), sample: shape(sample) });
    }
    check_pixels(sample)?;
    for (index, (a, b)) in reference.iter().zip(sample.iter()).enumerate() {
        meter.push(&PairView::new(lend(reference, index, a), lend(sample, index, b)));
    }
    meter.finish()
}

/// Frames in memory have no times of their own; no metric reads them.
fn lend<'a>(frames: &FramesU8, index: usize, rgb: &'a [u8]) -> DecodedFrame<'a> {
    let (width, height) = (frames.width(), frames.height());
    DecodedFrame { index, timestamp_secs: index as f64, width, height, rgb, planes: None }
}

/// Keeps a whole clip, for what cannot be computed frame by frame.
#[derive(Debug, Default)]
pub struct ClipCollector {
    frames: usize,
    size: (usize, usize),
    data: Vec<u8>,
}

/// Most bytes of RGB that [`ClipCollector`] keeps: 256 MiB, about 43 frames of 1920x1080.
pub const MAX_COLLECTED_BYTES: usize = 256 << 20;

impl ClipCollector {
    /// Takes the next frame.
    pub fn push(&mut self, frame: &DecodedFrame<'_>) {
        self.frames += 1;
        self.size = (frame.width, frame.height);
        if self.fits() {
            self.data.extend_from_slice(frame.rgb);
        } else {
            self.data = Vec::new();
        }
    }

    /// The clip.
    ///
    /// # Errors
    ///
    /// [`MetricError::TooLarge`] for a clip of more than [`MAX_COLLECTED_BYTES`].
    pub fn finish(self) -> Result<FramesU8, MetricError> {
        let (width, height) = self.size;
        let frames = self.frames;
        if !self.fits() {
            return Err(MetricError::TooLarge { frames, width, height, max_bytes: MAX_COLLECTED_BYTES });
        }
        Ok(FramesU8::new(frames, height, width, self.data)
            .expect("invariant: every frame of a clip has the size of the first"))
    }

    fn fits(&self) -> bool {
        let (width, height) = self.size;
        self.frames * width * height * FramesU8::CHANNELS <= MAX_COLLECTED_BYTES
    }
}
