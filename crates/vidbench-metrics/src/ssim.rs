//! `ssim@1`, `ssim_y@1`: structural similarity of a clip and its reference.
//!
//! # Definition
//!
//! For each place of an 11x11 Gaussian window (standard deviation 1.5) that lies inside the image, with means m, variances v and
//! covariance c under the window, L the value of white, C1 = (0.01 L)^2 and C2 = (0.03 L)^2:
//!
//! `(2 ma mb + C1) (2 c + C2) / ((ma^2 + mb^2 + C1) (va + vb + C2))`
//!
//! The value is the mean over places, then over channels, then over frames. `ssim@1` uses R, G and B with L = 255,
//! `ssim_y@1` luma as stored with L = 2^b - 1.
//!
//! # Range and direction
//!
//! [-1, 1], higher is better. A clip equal to its reference has 1.
//!
//! # Input
//!
//! Two clips of equal size and length, both sides at least 11 pixels, native size; nothing is resized or cropped.
//! `ssim_y@1` needs files that store luma of one bit depth.
//!
//! # Reference
//!
//! Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13(4),
//! 2004. scikit-image with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`, cropped to the valid region, and
//! pytorch_msssim's `ssim` give the same number.
//!
//! # Differences
//!
//! torchmetrics pads by reflection and averages the whole map; scikit-image's default is a uniform 7x7 window; FFmpeg's
//! filter uses 8x8 blocks. Each gives a different number for the same images. libvmaf's `float_ssim` shrinks large
//! frames first. Sums under the window are in 32-bit floats. This shows in the sixth digit, or in the fourth on flat
//! areas that are half of the range apart.
//!
//! # Cost
//!
//! On one core with AVX2 about 0.7 ms for luma and 2.3 ms for R, G and B of a pair of 832x480; 30 KiB of memory.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs};

use crate::MetricError;
use crate::frame_mean::FrameMean;
use crate::meter::{Channels, Measured, PairMeter, PairView, measure_pair};
use crate::structure::TAPS;

const fn descriptor(id: &'static str, title: &'static str) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::HigherIsBetter,
        range: (Some(-1.0), Some(1.0)),
        needs: Needs::Pair,
        aggregate: Aggregate::ClipMean,
        nets: &[],
    }
}

/// What `ssim@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = descriptor("ssim@1", "structural similarity to the reference");
/// What `ssim_y@1` says about itself.
pub const LUMA_DESCRIPTOR: MetricDescriptor =
    descriptor("ssim_y@1", "structural similarity of luma to the reference");

/// `ssim@1` of two clips in memory. [-1, 1].
///
/// # Errors
///
/// Clips of another size or length, no frame, or frames smaller than the window.
pub fn ssim(reference: &FramesU8, sample: &FramesU8) -> Result<f64, MetricError> {
    measure_pair(Box::new(Meter::new(Channels::Rgb)), reference, sample).map(|measured| measured.value)
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
        let too_small = MetricError::TooSmall { width, height, needed: TAPS };
        let compared = pair.compared(self.channels);
        self.mean.push(compared.and_then(|compared| {
            compared.similarity.as_ref().map(|similarity| similarity.mean_ssim()).ok_or(too_small)
        }));
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        self.mean.finish(0)
    }
}
