//! `ms_ssim@1`, `ms_ssim_y@1`: structural similarity at five scales.
//!
//! # Definition
//!
//! The image is halved four times by averaging 2x2 pixels. For each channel, the contrast factors of scales 1 to 4 and
//! the SSIM of scale 5 (see `ssim@1`), each at least 0, are raised to [`WEIGHTS`] and multiplied. The value is the mean
//! over channels, then over frames. `ms_ssim@1` uses R, G and B, `ms_ssim_y@1` luma as stored.
//!
//! # Range and direction
//!
//! [0, 1], higher is better. A clip equal to its reference has 1.
//!
//! # Input
//!
//! Two clips of equal size and length, both sides more than 160 pixels, native size; nothing is resized or cropped.
//! `ms_ssim_y@1` needs files that store luma of one bit depth.
//!
//! # Reference
//!
//! Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
//! pytorch_msssim's `ms_ssim` gives the same number, also for odd sides: a black row or column is added at both ends
//! before an odd side is halved.
//!
//! # Differences
//!
//! libvmaf halves with a different filter and accepts smaller frames; torchmetrics pads by reflection.
//!
//! # Cost
//!
//! A third more than `ssim@1`, with which it shares the first scale; memory for both frames as 32-bit floats.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};

use crate::MetricError;
use crate::frame_mean::FrameMean;
use crate::meter::{Channels, Compared, Measured, PairMeter, PairView, measure_pair};
use crate::structure::{Image, MAX_CHANNELS, Similarity, TAPS, compare};

/// Wang, Simoncelli, Bovik 2003, section 3.2.
pub const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Least side: at the last scale the window must lie inside the image (pytorch_msssim's own bound).
pub const MIN_SIDE: usize = (TAPS - 1) * 16 + 1;

const fn descriptor(id: &'static str, title: &'static str) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::HigherIsBetter,
        range: (Some(0.0), Some(1.0)),
        needs: Needs::Pair,
        aggregate: Aggregate::ClipMean,
        nets: &[],
    }
}

/// What `ms_ssim@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor =
    descriptor("ms_ssim@1", "structural similarity to the reference at five scales");
/// What `ms_ssim_y@1` says about itself.
pub const LUMA_DESCRIPTOR: MetricDescriptor =
    descriptor("ms_ssim_y@1", "structural similarity of luma to the reference at five scales");

/// `ms_ssim@1` of two clips in memory. [0, 1].
///
/// # Errors
///
/// Clips of another size or length, no frame, or frames of [`MIN_SIDE`] or less.
pub fn ms_ssim(reference: &FramesU8, sample: &FramesU8) -> Result<f64, MetricError> {
    measure_pair(Box::new(Meter::new(Channels::Rgb)), reference, sample).map(|measured| measured.value)
}

/// The metric of two images; none when a side is below [`MIN_SIDE`].
pub fn ms_ssim_of_images(reference: &Image<'_>, sample: &Image<'_>) -> Option<f64> {
    at_five_scales(reference, sample, compare(reference, sample)?)
}

fn at_five_scales(reference: &Image<'_>, sample: &Image<'_>, first: Similarity) -> Option<f64> {
    let (width, height) = sample.size();
    if width.min(height) < MIN_SIDE {
        return None;
    }
    let mut product = [1.0; MAX_CHANNELS];
    let mut multiply = |values: &[f64; MAX_CHANNELS], weight: f64| {
        product.iter_mut().zip(values).for_each(|(product, value)| *product *= value.max(0.0).powf(weight));
    };
    let (mut pair, mut similarity) = ((reference.halved(), sample.halved()), first);
    for (scale, weight) in WEIGHTS.iter().enumerate() {
        if scale + 1 == WEIGHTS.len() {
            multiply(&similarity.ssim, *weight);
        } else {
            multiply(&similarity.contrast, *weight);
            similarity = compare(&pair.0, &pair.1)?;
            pair = (pair.0.halved(), pair.1.halved());
        }
    }
    Some(product.iter().take(first.channels).sum::<f64>() / first.channels as f64)
}

/// The metric, being computed. Its series begins at frame 0.
#[derive(Debug)]
pub struct Meter {
    channels: Channels,
    mean: FrameMean,
}

impl Meter {
    /// Begins to measure the given channels of a pair.
    pub fn new(channels: Channels) -> Self {
        Self { channels, mean: FrameMean::default() }
    }
}

impl PairMeter for Meter {
    fn push(&mut self, pair: &PairView<'_>) {
        if self.mean.is_over() {
            return;
        }
        let (width, height) = (pair.sample.width, pair.sample.height);
        let too_small = MetricError::TooSmall { width, height, needed: MIN_SIDE };
        let of = |compared: &Compared<'_>| {
            let first = compared.similarity?;
            at_five_scales(&compared.reference, &compared.sample, first)
        };
        let compared = pair.compared(self.channels);
        self.mean.push(compared.and_then(|compared| of(compared).ok_or(too_small)));
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        self.mean.finish(0)
    }
}
