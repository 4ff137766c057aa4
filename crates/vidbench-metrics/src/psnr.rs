//! `psnr@1`, `psnr.pooled@1`, `psnr_y@1`: how close a clip is to its reference, pixel by pixel.
//!
//! # Definition
//!
//! `10 log10(peak^2 / MSE)` in dB, at most `6 b + 12` for samples of `b` bits ([`cap_db`]).
//!
//! - `psnr@1`: computed over R, G and B of a frame together, peak 255; the clip's value is the mean over frames.
//! - `psnr.pooled@1`: the same, computed once from the mean squared error of all frames.
//! - `psnr_y@1`: computed over luma as stored, peak 2^b - 1; the clip's value is the mean over frames.
//!
//! Sums of squares are exact integers.
//!
//! # Range and direction
//!
//! [0, 60] dB for 8 bit, higher is better. Equal frames have no error and get the cap.
//!
//! # Input
//!
//! Two clips of equal size and length, native size; nothing is resized or cropped. `psnr_y@1` needs files that store
//! luma of one bit depth; the others use R, G and B, 8 bit.
//!
//! # Reference
//!
//! libvmaf 3.2.0, feature `psnr`: mean over frames, peak 2^b - 1, cap 6 b + 12 dB. FFmpeg, filter `psnr`, "average": the error is
//! pooled over frames.
//!
//! # Differences
//!
//! libvmaf has no value for R, G and B; its `psnr_y` equals ours. FFmpeg applies no cap. Pooling gives bad frames more
//! weight.
//!
//! # Cost
//!
//! One pass over the samples of both clips on one core; no extra memory.

use vidbench_core::{Aggregate, Direction, FramesU8, MetricDescriptor, Needs, Plane};

use crate::MetricError;
use crate::clip::check_frames;
use crate::frame_mean::FrameMean;
use crate::meter::{Channels, Measured, PairMeter, PairView, measure_pair, squared_error};

/// Largest value for samples of `bit_depth` bits, in dB: that of libvmaf.
pub fn cap_db(bit_depth: u8) -> f64 {
    f64::from(6 * u32::from(bit_depth) + 12)
}

const fn descriptor(id: &'static str, title: &'static str, most_db: f64) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "dB",
        direction: Direction::HigherIsBetter,
        range: (Some(0.0), Some(most_db)),
        needs: Needs::Pair,
        aggregate: Aggregate::ClipMean,
        nets: &[],
    }
}

/// What `psnr@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor =
    descriptor("psnr@1", "closeness to the reference, pixel by pixel; mean over frames", 60.0);
/// What `psnr.pooled@1` says about itself.
pub const POOLED_DESCRIPTOR: MetricDescriptor =
    descriptor("psnr.pooled@1", "closeness to the reference, pixel by pixel; error pooled over frames", 60.0);
/// What `psnr_y@1` says about itself.
pub const LUMA_DESCRIPTOR: MetricDescriptor =
    descriptor("psnr_y@1", "closeness of luma to the reference, sample by sample", 108.0);

/// `psnr@1` of two clips in memory. [0, 60] dB.
///
/// # Errors
///
/// Clips of another size or length, no frame, or frames without pixels.
pub fn psnr(reference: &FramesU8, sample: &FramesU8) -> Result<f64, MetricError> {
    measure_pair(Box::new(Meter::new(Channels::Rgb)), reference, sample).map(|measured| measured.value)
}

/// dB of a sum of squared errors over `samples` values up to `peak`.
fn decibels(squared_error: u64, samples: usize, bit_depth: u8) -> f64 {
    let peak = f64::from((1_u32 << bit_depth) - 1);
    let mse = squared_error as f64 / samples as f64;
    (10.0 * (peak * peak / mse).log10()).min(cap_db(bit_depth))
}

/// The mean over frames, being computed. Its series begins at frame 0.
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
        self.mean.push(match self.channels {
            Channels::Rgb => Ok(decibels(pair.squared_error(), pair.sample.rgb.len(), 8)),
            Channels::Luma => pair.planes().map(|(reference, sample)| {
                let depth = sample.bit_depth;
                let error = plane_error(&reference.luma, &sample.luma, depth);
                decibels(error, sample.luma.width * sample.luma.height, depth)
            }),
        });
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        self.mean.finish(0)
    }
}

/// Sum of the squared differences of two planes of one size and bit depth.
fn plane_error(a: &Plane<'_>, b: &Plane<'_>, bit_depth: u8) -> u64 {
    let rows = a.bytes.chunks(a.stride.max(1)).zip(b.bytes.chunks(b.stride.max(1))).take(b.height);
    if bit_depth == 8 {
        let row = |bytes: &'_ [u8]| bytes.len().min(b.width);
        return rows.map(|(x, y)| squared_error(&x[..row(x)], &y[..row(y)])).sum();
    }
    let wide = |(x, y): (&[u8], &[u8])| -> u64 {
        let pairs = x.as_chunks::<2>().0.iter().zip(y.as_chunks::<2>().0).take(b.width);
        pairs.map(|(x, y)| u64::from(u16::from_le_bytes(*x).abs_diff(u16::from_le_bytes(*y))).pow(2)).sum()
    };
    rows.map(wide).sum()
}

/// `psnr.pooled@1`, being computed.
#[derive(Debug, Default)]
pub struct PooledMeter {
    frames: usize,
    samples: usize,
    squared_error: u64,
}

impl PairMeter for PooledMeter {
    fn push(&mut self, pair: &PairView<'_>) {
        self.frames += 1;
        self.samples += pair.sample.rgb.len();
        self.squared_error += pair.squared_error();
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        check_frames(self.frames, 1)?;
        Ok(Measured::value(decibels(self.squared_error, self.samples, 8)))
    }
}
