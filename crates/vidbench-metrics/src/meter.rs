//! How a metric of a clip is computed: frame by frame, so that a clip of any length takes the memory of a few frames.
//!
//! A decoder lends each frame to every meter that was asked for, so one decode feeds all metrics. What several meters
//! need from a frame is in [`FrameView`] and [`PairView`] and is computed at most once.

use std::cell::OnceCell;

use vidbench_core::{DecodedFrame, FramesU8, Planes, Series};

use crate::MetricError;
use crate::clip::check_pixels;
use crate::structure::{self, Image, Similarity};

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
    /// What a reader of the number has to know.
    pub note: Option<String>,
}

impl Measured {
    /// A number without a course over time.
    pub fn value(value: f64) -> Self {
        Self { value, series: None, note: None }
    }

    /// A number with one value for each frame from `first_frame` on.
    pub fn with_series(value: f64, first_frame: u32, values: Vec<f32>) -> Self {
        Self { series: Some(Series { first_frame, values }), ..Self::value(value) }
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
    grey: OnceCell<Vec<u8>>,
}

impl<'a> FrameView<'a> {
    /// A frame and the one before it, of the same size.
    pub fn new(frame: DecodedFrame<'a>, previous: Option<&'a [u8]>) -> Self {
        Self { frame, previous, difference: OnceCell::new(), grey: OnceCell::new() }
    }

    /// Brightness, `[H, W]`, 8 bit: the weights and the rounding of OpenCV's `RGB2GRAY`.
    pub fn grey(&self) -> &[u8] {
        self.grey.get_or_init(|| grey_from_rgb(self.frame.rgb))
    }

    /// Sum over all bytes of the absolute difference to the frame before; none for the first frame.
    pub fn absolute_difference(&self) -> Option<u64> {
        let previous = self.previous?;
        Some(*self.difference.get_or_init(|| absolute_difference(previous, self.frame.rgb)))
    }
}

/// Brightness of R, G and B pixels, 8 bit: ITU-R BT.601 weights in 15-bit integers, rounded, as OpenCV's `RGB2GRAY`.
fn grey_from_rgb(rgb: &[u8]) -> Vec<u8> {
    // OpenCV 5.0: 0.299, 0.587, 0.114 times 2^15; the green weight takes the remainder of rounding.
    const WEIGHTS: [u32; 3] = [9798, 19_235, 3735];
    const SHIFT: u32 = 15;
    let grey = |[r, g, b]: &[u8; 3]| {
        let sum = WEIGHTS[0] * u32::from(*r) + WEIGHTS[1] * u32::from(*g) + WEIGHTS[2] * u32::from(*b);
        ((sum + (1 << (SHIFT - 1))) >> SHIFT) as u8
    };
    rgb.as_chunks().0.iter().map(grey).collect()
}

/// Sum of |a - b| over all bytes.
fn absolute_difference(a: &[u8], b: &[u8]) -> u64 {
    /// Bytes in a block: the sum of their differences fits 32 bits, which the compiler adds up faster.
    const BLOCK: usize = 1 << 16;
    let sum =
        |(a, b): (&[u8], &[u8])| -> u32 { a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum() };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|pair| u64::from(sum(pair))).sum()
}

/// One frame of a clip and of its reference, with what several metrics need of them, each made once.
#[derive(Debug)]
pub struct PairView<'a> {
    /// The frame that is taken as right.
    pub reference: DecodedFrame<'a>,
    /// The frame that is judged.
    pub sample: DecodedFrame<'a>,
    rgb: OnceCell<Compared<'a>>,
    luma: OnceCell<Result<Compared<'a>, MetricError>>,
    squared_error: OnceCell<u64>,
}

/// Two images with their similarity at full size; no similarity when they are smaller than its window.
#[derive(Debug)]
pub(crate) struct Compared<'a> {
    pub(crate) reference: Image<'a>,
    pub(crate) sample: Image<'a>,
    pub(crate) similarity: Option<Similarity>,
}

impl<'a> Compared<'a> {
    fn of(reference: Image<'a>, sample: Image<'a>) -> Self {
        let similarity = structure::compare(&reference, &sample);
        Self { reference, sample, similarity }
    }
}

/// Which samples of a frame a metric of pairs looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// R, G and B, as decoded.
    Rgb,
    /// Luma, as stored.
    Luma,
}

impl<'a> PairView<'a> {
    /// Two frames of the same size.
    pub fn new(reference: DecodedFrame<'a>, sample: DecodedFrame<'a>) -> Self {
        let (rgb, luma, squared_error) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { reference, sample, rgb, luma, squared_error }
    }

    /// The images of both and their similarity.
    pub(crate) fn compared(&self, channels: Channels) -> Result<&Compared<'a>, MetricError> {
        match channels {
            Channels::Rgb => Ok(self.rgb.get_or_init(|| {
                let image = |frame: &DecodedFrame<'a>| Image::from_rgb(frame.rgb, frame.width, frame.height);
                Compared::of(image(&self.reference), image(&self.sample))
            })),
            Channels::Luma => self.luma.get_or_init(|| self.compare_luma()).as_ref().map_err(Clone::clone),
        }
    }

    fn compare_luma(&self) -> Result<Compared<'a>, MetricError> {
        let (reference, sample) = self.planes()?;
        let image = |planes: &Planes<'a>| Image::from_plane(&planes.luma, planes.bit_depth);
        Ok(Compared::of(image(&reference), image(&sample)))
    }

    /// The stored planes of both, of one bit depth.
    ///
    /// # Errors
    ///
    /// [`MetricError::NoLuma`] and [`MetricError::BitDepths`].
    pub fn planes(&self) -> Result<(Planes<'a>, Planes<'a>), MetricError> {
        let of = |frame: &DecodedFrame<'a>, whose| frame.planes.ok_or(MetricError::NoLuma { whose });
        let (reference, sample) = (of(&self.reference, "reference")?, of(&self.sample, "sample")?);
        let depths = (reference.bit_depth, sample.bit_depth);
        if depths.0 == depths.1 {
            return Ok((reference, sample));
        }
        Err(MetricError::BitDepths { reference: depths.0, sample: depths.1 })
    }

    /// Sum of the squared differences of all bytes of R, G and B.
    pub fn squared_error(&self) -> u64 {
        *self.squared_error.get_or_init(|| squared_error(self.reference.rgb, self.sample.rgb))
    }
}

/// Sum of (a - b)^2 over all bytes.
pub(crate) fn squared_error(a: &[u8], b: &[u8]) -> u64 {
    /// Bytes whose squares fit 32 bits.
    const BLOCK: usize = 1 << 15;
    let sum = |(a, b): (&[u8], &[u8])| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|pair| u64::from(sum(pair))).sum()
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

/// Lends a frame in memory. Such frames have no times of their own; no metric reads them.
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
