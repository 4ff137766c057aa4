//! `lpips.alex@1`, `lpips.vgg@1`, `lpips.squeeze@1`: how far a clip is from its reference for a classifier of images.
//!
//! # Definition
//!
//! For each frame and that of the reference: the outputs of five layers (seven of SqueezeNet), each place's vector brought to length 1, squared
//! differences weighed by LPIPS's trained heads, the mean over places, the sum over layers. The mean of that over frames.
//!
//! # Range and direction
//!
//! 0 and up, lower is better. 0 is a clip equal to its reference.
//!
//! # Input
//!
//! Two clips of equal size and length, both sides at least 32 pixels, native size, in [-1, 1]; nothing is resized.
//!
//! # Reference
//!
//! Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018; version 0.1 of its
//! heads, as in the package `lpips` 0.1.4.
//!
//! # Differences
//!
//! Programs that give it images in [0, 1] without saying so get another number.
//!
//! Programs that decode with decord, OpenCV or PyAV see other colours of 4:2:0 video: swscale's quick conversion repeats chroma and is
//! about a level too dark, here chroma is interpolated unless `--pixels swscale` asks for theirs. On the same frames, with the same
//! random weights, `alex` agrees with the package to 7e-7 of the value, `vgg` to 2e-5 and `squeeze` to 4e-6. Of three colourful H.264
//! clips that visibly differ from their reference (moved, softer, warmer) `alex` differs by 7 % on the mean, at most 12 %, `vgg` by 3.5
//! % and 5.3 %, `squeeze` by 4.3 % and 7.3 %, of a grey one all by about 2 %; of colourful clips that nearly equal their reference
//! `alex` by up to a quarter, `vgg` by 19 % and `squeeze` by 17 %.
//!
//! # Cost
//!
//! On one core about 0.2 s for a pair of frames of 832x480 with AlexNet; VGG-16 and SqueezeNet were not timed.

use vidbench_core::{Aggregate, Direction, MetricDescriptor, Needs};

use crate::MetricError;
use crate::extract::Rows;
use crate::meter::Measured;
use crate::net_metric::{mean_over_frames, numbers};

const fn descriptor(
    id: &'static str,
    title: &'static str,
    nets: &'static [&'static str],
) -> MetricDescriptor {
    MetricDescriptor {
        id,
        title,
        unit: "",
        direction: Direction::LowerIsBetter,
        range: (Some(0.0), None),
        needs: Needs::Pair,
        aggregate: Aggregate::ClipMean,
        nets,
    }
}

/// What `lpips.alex@1` says about itself.
pub const ALEX_DESCRIPTOR: MetricDescriptor =
    descriptor("lpips.alex@1", "distance to the reference in features of AlexNet", &["lpips-alex"]);
/// What `lpips.squeeze@1` says about itself.
pub const SQUEEZE_DESCRIPTOR: MetricDescriptor =
    descriptor("lpips.squeeze@1", "distance to the reference in features of SqueezeNet", &["lpips-squeeze"]);
/// What `lpips.vgg@1` says about itself.
pub const VGG_DESCRIPTOR: MetricDescriptor =
    descriptor("lpips.vgg@1", "distance to the reference in features of VGG-16", &["lpips-vgg"]);

/// From one number per frame.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    Ok(mean_over_frames(&numbers(rows, 1)?, 0))
}
