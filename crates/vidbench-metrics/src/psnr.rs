//! `psnr@1`: how near a clip comes to its reference, pixel by pixel.
//!
//! # Definition
//!
//! For each frame `10 log10(255^2 / MSE)` with the mean squared error over all pixels and channels, at most [`CAP_DB`]; then the
//! mean over frames. The sum of squares is an exact integer.
//!
//! # Range and direction
//!
//! [0, 60] dB, higher is better. Equal frames have no error and get the cap.
//!
//! # Input
//!
//! Two clips of equal size and length, sRGB, 8 bit, native size; nothing is resized or cut.
//!
//! # Reference
//!
//! libvmaf 3.2.0, feature `psnr`: mean over frames, capped at 6 dB a bit plus 12.
//!
//! # Differences
//!
//! libvmaf measures the stored luma and chroma planes one by one; this is over R, G and B together. FFmpeg's `psnr` filter
//! averages the error over frames before it takes the logarithm, which weighs bad frames more.
//!
//! # Cost
//!
//! One pass over the bytes of both clips on one core; no memory.

use vidbench_core::{Direction, FramesU8, MetricDescriptor, Needs};

use crate::MetricError;
use crate::clip::check_frames;
use crate::meter::{Measured, PairMeter, PairView, measure_pair};

/// Largest value of a frame, in dB. libvmaf: 6 x 8 bit + 12.
pub const CAP_DB: f64 = 60.0;

/// What `psnr@1` says about itself.
pub const DESCRIPTOR: MetricDescriptor = MetricDescriptor {
    id: "psnr@1",
    title: "nearness to the reference, pixel by pixel",
    unit: "dB",
    direction: Direction::HigherIsBetter,
    range: (Some(0.0), Some(CAP_DB)),
    needs: Needs::Pair,
    nets: &[],
};

/// See the [module](self). [0, 60] dB.
///
/// # Errors
///
/// Clips of another size or length, no frame, or frames without pixels.
pub fn psnr(reference: &FramesU8, sample: &FramesU8) -> Result<f64, MetricError> {
    measure_pair(Box::new(Meter::default()), reference, sample).map(|measured| measured.value)
}

/// The metric, being computed. Its series begins at frame 0.
#[derive(Debug, Default)]
pub struct Meter {
    sum_db: f64,
    series: Vec<f32>,
}

impl PairMeter for Meter {
    fn push(&mut self, pair: &PairView<'_>) {
        let mse = squared_error(pair.reference.rgb, pair.sample.rgb) as f64 / pair.sample.rgb.len() as f64;
        let db = (10.0 * (255.0 * 255.0 / mse).log10()).min(CAP_DB);
        self.sum_db += db;
        self.series.push(db as f32);
    }

    fn finish(self: Box<Self>) -> Result<Measured, MetricError> {
        check_frames(self.series.len(), 1)?;
        Ok(Measured::with_series(self.sum_db / self.series.len() as f64, 0, self.series))
    }
}

/// Sum of (a - b)^2 over all bytes.
fn squared_error(a: &[u8], b: &[u8]) -> u64 {
    /// Bytes whose squares fit 32 bits.
    const BLOCK: usize = 1 << 15;
    let sum = |(a, b): (&[u8], &[u8])| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|pair| u64::from(sum(pair))).sum()
}
