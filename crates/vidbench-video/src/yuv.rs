//! Luma and chroma to RGB, in integers: the same samples give the same bytes on every machine and FFmpeg version.
//!
//! Exactly what docs/decoding.md states: chroma is brought to the luma grid by bilinear interpolation that honours its
//! siting, in sixteenths and without rounding, and the matrix is applied in fixed point. Every byte is within 0.6 of the
//! real-valued conversion. Handles planar 8 to 12 bit with chroma halved or whole in each direction, and grey; other
//! formats are left to swscale ([`crate::convert`]).

mod chroma;
mod kernel;
mod matrix;

use vidbench_core::{FramesU8, Planes};

use crate::colour::{ColourMatrix, ColourRange};
pub(crate) use chroma::Siting;
use kernel::Work;
use matrix::Coefficients;

/// How to interpret the stored samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct YuvMeaning {
    pub(crate) matrix: ColourMatrix,
    pub(crate) range: ColourRange,
    pub(crate) siting: Siting,
}

/// Converts frames, keeping its buffers from one to the next.
#[derive(Debug, Default)]
pub(crate) struct YuvToRgb {
    work: Work,
}

impl YuvToRgb {
    /// Whether [`Self::convert`] handles such frames.
    pub(crate) fn handles(planes: &Planes<'_>) -> bool {
        (8..=12).contains(&planes.bit_depth)
            && planes.chroma.is_none_or(|[cb, cr]| {
                let fits = |whole: usize, part: usize| part == whole || part == whole.div_ceil(2);
                (cb.width, cb.height) == (cr.width, cr.height)
                    && fits(planes.luma.width, cb.width)
                    && fits(planes.luma.height, cb.height)
            })
    }

    /// Writes `[H, W, 3]` into `rgb`, whatever was in it. The planes must be ones that [`Self::handles`].
    pub(crate) fn convert(&mut self, planes: &Planes<'_>, meaning: &YuvMeaning, rgb: &mut Vec<u8>) {
        let (width, height) = (planes.luma.width, planes.luma.height);
        rgb.resize(width * height * FramesU8::CHANNELS, 0);
        let coefficients = Coefficients::new(meaning, planes.bit_depth);
        kernel::convert(planes, meaning.siting, &coefficients, &mut self.work, rgb);
    }
}

#[cfg(test)]
mod tests;
