//! `lpips.alex@1`, `lpips.vgg@1`, `lpips.squeeze@1`: how far a clip is from its reference, as seen by a classifier of
//! images.
//!
//! # Definition
//!
//! For each frame and the matching frame of the reference: the outputs of five layers (seven for SqueezeNet) are taken,
//! the vector at each place is scaled to length 1, the squared differences are weighted by LPIPS's trained heads,
//! averaged over places and summed over layers. The value is the mean of this over frames.
//!
//! # Range and direction
//!
//! 0 and up, lower is better. A clip equal to its reference has 0.
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
//! Programs that give LPIPS images in [0, 1] without saying so get a different number.
//!
//! Programs that decode with decord, OpenCV or PyAV get different colours from 4:2:0 video: swscale's fast conversion
//! repeats chroma and is about one level too dark. Here chroma is interpolated, unless `--pixels swscale` asks for
//! swscale's conversion. On the same frames, with the same random weights, `alex` agrees with the package to 7e-7 of
//! the value, `vgg` to 2e-5 and `squeeze` to 4e-6. On three colourful H.264 clips that visibly differ from their
//! reference (moved, softer, warmer), `alex` differs by 7 % on average and at most 12 %, `vgg` by 3.5 % and 5.3 %,
//! `squeeze` by 4.3 % and 7.3 %; on a grey one, all three by about 2 %. On colourful clips that nearly equal their
//! reference, `alex` differs by up to a quarter, `vgg` by 19 % and `squeeze` by 17 %.
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
    descriptor("lpips.alex@1", "distance to the reference in AlexNet features", &["lpips-alex"]);
/// What `lpips.squeeze@1` says about itself.
pub const SQUEEZE_DESCRIPTOR: MetricDescriptor =
    descriptor("lpips.squeeze@1", "distance to the reference in SqueezeNet features", &["lpips-squeeze"]);
/// What `lpips.vgg@1` says about itself.
pub const VGG_DESCRIPTOR: MetricDescriptor =
    descriptor("lpips.vgg@1", "distance to the reference in VGG-16 features", &["lpips-vgg"]);

/// From one number per frame.
pub(crate) fn measure(rows: &Rows) -> Result<Measured, MetricError> {
    Ok(mean_over_frames(&numbers(rows, 1)?, 0))
}
