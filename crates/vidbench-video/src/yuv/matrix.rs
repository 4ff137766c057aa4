//! The matrix in fixed point.

use super::YuvMeaning;
use crate::colour::{ColourMatrix, ColourRange};

/// Factors and offsets of one conversion, at the scale of each of the two kernels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coefficients {
    /// For 8-bit samples, see [`Narrow`].
    pub(crate) narrow: Narrow,
    /// For 9 to 12 bits, see [`Wide`].
    pub(crate) wide: Wide,
    /// Chroma of grey, in sixteenths of a sample's unit.
    pub(crate) neutral: u16,
    /// Largest sample.
    pub(crate) max: u16,
}

/// 16-bit arithmetic, results in 1/32 of an 8-bit level. Luma is multiplied by 2^7 beforehand, chroma (minus grey) by
/// 2^8; of each product the upper 16 bits are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Narrow {
    /// Scaled so that 2^14 stands for 1.
    pub(crate) luma: i16,
    /// Cr to R, Cb to G, Cr to G, Cb to B; scaled so that 2^13 stands for 1.
    pub(crate) chroma: [i16; 4],
    /// Black level, half a level for rounding, and the average loss from truncating two products.
    pub(crate) offset: i16,
}

/// 32-bit arithmetic, results in 2^-20 of an 8-bit level. Chroma comes in sixteenths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide {
    pub(crate) luma: i32,
    /// Cr to R, Cb to G, Cr to G, Cb to B.
    pub(crate) chroma: [i32; 4],
    pub(crate) offset: i32,
}

/// The conversion in real numbers: 8-bit RGB of samples of some depth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Real {
    /// Levels of RGB for one step of luma.
    pub(crate) luma: f64,
    /// Levels for one step of chroma: Cr to R, Cb to G, Cr to G, Cb to B.
    pub(crate) chroma: [f64; 4],
    /// Luma of black.
    pub(crate) black: f64,
}

impl Real {
    pub(crate) fn new(meaning: &YuvMeaning, bit_depth: u8) -> Self {
        let [kr, kb] = weights(meaning.matrix);
        let kg = 1.0 - kr - kb;
        let unit = f64::from(1_u32 << (bit_depth - 8));
        // ITU-T H.273, equations 1 to 12: steps between black and white, and between the ends of chroma.
        let (luma_steps, chroma_steps, black) = match meaning.range {
            ColourRange::Limited => (219.0 * unit, 224.0 * unit, 16.0 * unit),
            ColourRange::Full => (256.0 * unit - 1.0, 256.0 * unit - 1.0, 0.0),
        };
        let (r, b) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
        let chroma = [r, -b * kb / kg, -r * kr / kg, b].map(|gain| gain * 255.0 / chroma_steps);
        Self { luma: 255.0 / luma_steps, chroma, black }
    }
}

impl Coefficients {
    pub(crate) fn new(meaning: &YuvMeaning, bit_depth: u8) -> Self {
        let real = Real::new(meaning, bit_depth);
        let fixed = |value: f64, bits: i32| (value * 2.0_f64.powi(bits)).round() as i32;
        let black = real.black * real.luma;
        // Saturating casts: the narrow form is used at 8 bit only, where every value fits.
        let narrow = |value: f64, bits| fixed(value, bits) as i16;
        Self {
            narrow: Narrow {
                luma: narrow(real.luma, 14),
                chroma: real.chroma.map(|gain| narrow(gain, 13)),
                offset: narrow(-black, 5) + 16 + 1,
            },
            wide: Wide {
                luma: fixed(real.luma, 20),
                chroma: real.chroma.map(|gain| fixed(gain, 16)),
                offset: fixed(0.5 - black, 20),
            },
            neutral: 16 << (bit_depth - 1),
            max: ((1_u32 << bit_depth) - 1) as u16,
        }
    }
}

/// Weights of red and blue in luma.
fn weights(matrix: ColourMatrix) -> [f64; 2] {
    match matrix {
        // ITU-R BT.601-7, item 2.5.1. RGB has no matrix and never comes here.
        ColourMatrix::Bt601 | ColourMatrix::Rgb => [0.299, 0.114],
        // ITU-R BT.709-6, item 3.2.
        ColourMatrix::Bt709 => [0.2126, 0.0722],
        // ITU-R BT.2020-2, table 4.
        ColourMatrix::Bt2020 => [0.2627, 0.0593],
        // ITU-T H.273, table 4, values 4 and 7.
        ColourMatrix::Fcc => [0.30, 0.11],
        ColourMatrix::Smpte240m => [0.212, 0.087],
    }
}
