//! The conversion loops, written for the compiler to vectorise. On x86-64 they are compiled a second time, for AVX2,
//! with the same results.
#![expect(unsafe_code, reason = "calls the variant for AVX2 after asking the processor")]

use vidbench_core::{Plane, Planes};

use super::chroma::{self, Siting};
use super::matrix::{Coefficients, Narrow, Wide};

/// Buffers for the rows that are being converted.
#[derive(Debug, Default)]
pub(crate) struct Work {
    cb: ChromaRow,
    cr: ChromaRow,
    r: Vec<u8>,
    g: Vec<u8>,
    b: Vec<u8>,
}

#[derive(Debug, Default)]
struct ChromaRow {
    /// Quarters, at the width of the chroma plane and one sample more on either side.
    padded: Vec<u16>,
    /// Sixteenths, at the width of luma, rounded up to even.
    wide: Vec<u16>,
}

pub(crate) fn convert(
    planes: &Planes<'_>,
    siting: Siting,
    coefficients: &Coefficients,
    work: &mut Work,
    rgb: &mut [u8],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        return unsafe { convert_avx2(planes, siting, coefficients, work, rgb) };
    }
    convert_any(planes, siting, coefficients, work, rgb);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn convert_avx2(
    planes: &Planes<'_>,
    siting: Siting,
    coefficients: &Coefficients,
    work: &mut Work,
    rgb: &mut [u8],
) {
    convert_any(planes, siting, coefficients, work, rgb);
}

#[inline(always)]
pub(crate) fn convert_any(
    planes: &Planes<'_>,
    siting: Siting,
    coefficients: &Coefficients,
    work: &mut Work,
    rgb: &mut [u8],
) {
    if planes.bit_depth == 8 {
        convert_samples::<u8>(planes, siting, coefficients, work, rgb);
    } else {
        convert_samples::<[u8; 2]>(planes, siting, coefficients, work, rgb);
    }
}

#[inline(always)]
fn convert_samples<S: Sample>(
    planes: &Planes<'_>,
    siting: Siting,
    coefficients: &Coefficients,
    work: &mut Work,
    rgb: &mut [u8],
) {
    let width = planes.luma.width;
    work.prepare(width, planes.chroma.map_or(0, |[cb, _]| cb.width), coefficients.neutral);
    let out_rows = rgb.chunks_exact_mut((width * 3).max(1)).enumerate();
    for ((y, out), luma) in out_rows.zip(planes.luma.bytes.chunks(planes.luma.stride)) {
        if let Some([cb, cr]) = &planes.chroma {
            chroma_row::<S>(cb, &planes.luma, siting, coefficients.max, y, &mut work.cb);
            chroma_row::<S>(cr, &planes.luma, siting, coefficients.max, y, &mut work.cr);
        }
        let chroma = [&work.cb.wide[..width], &work.cr.wide[..width]];
        let planar = [&mut work.r[..width], &mut work.g[..width], &mut work.b[..width]];
        S::apply(S::samples(luma), chroma, coefficients, planar);
        interleave(&work.r, &work.g, &work.b, out);
    }
}

impl Work {
    fn prepare(&mut self, width: usize, chroma_width: usize, neutral: u16) {
        for row in [&mut self.cb, &mut self.cr] {
            row.padded.resize(chroma_width + 2, 0);
            row.wide.clear();
            // The neutral chroma of grey video; overwritten where the video has chroma.
            row.wide.resize(width.next_multiple_of(2), neutral);
        }
        [&mut self.r, &mut self.g, &mut self.b].into_iter().for_each(|row| row.resize(width, 0));
    }
}

/// Chroma for luma row `y`, in sixteenths.
#[inline(always)]
fn chroma_row<S: Sample>(
    chroma: &Plane<'_>,
    luma: &Plane<'_>,
    siting: Siting,
    max: u16,
    y: usize,
    row: &mut ChromaRow,
) {
    let halved = |part: usize, whole: usize| part < whole;
    let v_halved = halved(chroma.height, luma.height);
    let ([near, far], weights) = chroma::rows(y, v_halved, siting.vertical, chroma.height);
    let (near, far) = (plane_row::<S>(chroma, near), plane_row::<S>(chroma, far));
    let [first, middle @ .., last] = &mut row.padded[..] else { return };
    blend(near, far, weights, max, middle);
    if halved(chroma.width, luma.width) {
        *first = middle.first().copied().unwrap_or_default();
        *last = middle.last().copied().unwrap_or_default();
        chroma::widen(&row.padded, siting.horizontal, &mut row.wide);
    } else {
        row.wide.iter_mut().zip(&*middle).for_each(|(out, &value)| *out = value * 4);
    }
}

#[inline(always)]
fn plane_row<'a, S: Sample>(plane: &Plane<'a>, row: usize) -> &'a [S] {
    let samples = S::samples(plane.bytes.get(row * plane.stride..).unwrap_or_default());
    &samples[..plane.width.min(samples.len())]
}

#[inline(always)]
fn blend<S: Sample>(near: &[S], far: &[S], [w_near, w_far]: [u16; 2], max: u16, out: &mut [u16]) {
    for ((out, near), far) in out.iter_mut().zip(near).zip(far) {
        *out = near.value(max) * w_near + far.value(max) * w_far;
    }
}

#[inline(always)]
fn interleave(r: &[u8], g: &[u8], b: &[u8], out: &mut [u8]) {
    for (((pixel, &r), &g), &b) in out.as_chunks_mut::<3>().0.iter_mut().zip(r).zip(g).zip(b) {
        *pixel = [r, g, b];
    }
}

/// A sample as stored: one byte, or two, least significant first.
trait Sample: Copy + 'static {
    fn samples(bytes: &[u8]) -> &[Self];
    /// The sample, limited to `max`: a raw file may hold more than its bit depth allows, which would overflow the sums.
    fn value(self, max: u16) -> u16;
    /// Converts one row of luma, and chroma in sixteenths, to R, G and B.
    fn apply(luma: &[Self], chroma: [&[u16]; 2], coefficients: &Coefficients, rgb: [&mut [u8]; 3]);
}

impl Sample for u8 {
    #[inline(always)]
    fn samples(bytes: &[u8]) -> &[Self] {
        bytes
    }

    #[inline(always)]
    fn value(self, _: u16) -> u16 {
        self.into()
    }

    #[inline(always)]
    fn apply(luma: &[Self], [cb, cr]: [&[u16]; 2], coefficients: &Coefficients, rgb: [&mut [u8]; 3]) {
        let Narrow { luma: k_luma, chroma: [cr_r, cb_g, cr_g, cb_b], offset } = coefficients.narrow;
        // The upper half of the product, one instruction for 16 lanes.
        let mul = |a: i16, b: i16| ((i32::from(a) * i32::from(b)) >> 16) as i16;
        let level = |value: i16| (value >> 5).clamp(0, 255) as u8;
        let [r, g, b] = rgb;
        let out = r.iter_mut().zip(g).zip(b);
        for ((((r, g), b), &y), (&cb, &cr)) in out.zip(luma).zip(cb.iter().zip(cr)) {
            let y = mul(i16::from(y) << 7, k_luma) + offset;
            // Chroma in sixteenths is 4,080 at most, so 2^8 times chroma minus grey fits a signed 16-bit number.
            let (cb, cr) = ((cb as i16 - 2048) << 4, (cr as i16 - 2048) << 4);
            *r = level(y + mul(cr, cr_r));
            *g = level(y + mul(cb, cb_g) + mul(cr, cr_g));
            *b = level(y + mul(cb, cb_b));
        }
    }
}

impl Sample for [u8; 2] {
    #[inline(always)]
    fn samples(bytes: &[u8]) -> &[Self] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn value(self, max: u16) -> u16 {
        u16::from_le_bytes(self).min(max)
    }

    #[inline(always)]
    fn apply(luma: &[Self], [cb, cr]: [&[u16]; 2], coefficients: &Coefficients, rgb: [&mut [u8]; 3]) {
        let Wide { luma: k_luma, chroma: [cr_r, cb_g, cr_g, cb_b], offset } = coefficients.wide;
        let neutral = i32::from(coefficients.neutral);
        let level = |value: i32| (value >> 20).clamp(0, 255) as u8;
        let [r, g, b] = rgb;
        let out = r.iter_mut().zip(g).zip(b);
        for ((((r, g), b), y), (&cb, &cr)) in out.zip(luma).zip(cb.iter().zip(cr)) {
            let y = i32::from(y.value(coefficients.max)) * k_luma + offset;
            let (cb, cr) = (i32::from(cb) - neutral, i32::from(cr) - neutral);
            *r = level(y + cr * cr_r);
            *g = level(y + cb * cb_g + cr * cr_g);
            *b = level(y + cb * cb_b);
        }
    }
}
