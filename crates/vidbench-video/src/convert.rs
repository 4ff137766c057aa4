//! Colour conversion between stored samples and RGB24 by swscale, without change of size.
//!
//! `Pixels::Exact` uses accurate rounding, full chroma interpolation and bit-exact code paths, so that the same samples
//! give the same bytes on every x86 and Arm machine. `Pixels::Swscale` gives the bytes that programs get which ask
//! swscale for nothing special.
#![expect(unsafe_code, reason = "the wrapper's scaler cannot set matrix, range and chroma siting")]

use std::ffi::CStr;
use std::ptr::{self, NonNull};

use ffmpeg_next::{ffi, format::Pixel, frame};
use vidbench_core::protocol::Pixels;

use crate::colour::{ColourMatrix, ColourRange};
use crate::error::LibavError;

/// Layout and meaning of the samples on one side of a conversion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Samples {
    pub(crate) format: Pixel,
    pub(crate) matrix: ColourMatrix,
    pub(crate) range: ColourRange,
    /// H.273 chroma sample location as libav numbers it; 0 is unspecified.
    pub(crate) chroma_location: i32,
}

impl Samples {
    /// Full-range RGB in some packed or planar format.
    pub(crate) fn rgb(format: Pixel) -> Self {
        Self { format, matrix: ColourMatrix::Rgb, range: ColourRange::Full, chroma_location: 0 }
    }
}

/// Converts frames of one size and layout.
#[derive(Debug)]
pub(crate) struct Converter {
    context: NonNull<ffi::SwsContext>,
    spec: ConverterSpec,
}

/// What a [`Converter`] was made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConverterSpec {
    pub(crate) from: Samples,
    pub(crate) to: Samples,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Pixels,
}

/// The swscale flags for `pixels`.
fn flags(pixels: Pixels) -> i64 {
    match pixels {
        Pixels::Exact => SWS_FLAGS,
        // libavfilter, and therefore decord, asks for these flags: chroma is repeated, sums are rounded down, and the
        // bytes are those that the vector unit's code gives.
        Pixels::Swscale => ffi::SWS_BICUBIC as i64,
    }
}

const SWS_FLAGS: i64 = (ffi::SWS_BICUBIC as i64)
    | (ffi::SWS_ACCURATE_RND as i64)
    | (ffi::SWS_FULL_CHR_H_INT as i64)
    | (ffi::SWS_FULL_CHR_H_INP as i64)
    | (ffi::SWS_BITEXACT as i64);

/// 1.0 in swscale's 16.16 fixed point, for contrast and saturation.
const SWS_ONE: i32 = 1 << 16;

impl Converter {
    pub(crate) fn new(spec: ConverterSpec) -> Result<Self, LibavError> {
        // SAFETY: allocates and returns an owned context or null, which `NonNull` tells apart.
        let context = unsafe { NonNull::new(ffi::sws_alloc_context()) };
        let context = context.ok_or_else(|| LibavError::new("cannot allocate a converter"))?;
        // From here on, an early return frees the context.
        let converter = Self { context, spec };
        converter.set_geometry()?;
        converter.set_chroma_siting()?;
        // SAFETY: the context is live and configured; null filters mean none.
        let code = unsafe { ffi::sws_init_context(context.as_ptr(), ptr::null_mut(), ptr::null_mut()) };
        check(code)?;
        converter.set_colour()?;
        Ok(converter)
    }

    pub(crate) fn spec(&self) -> &ConverterSpec {
        &self.spec
    }

    /// Converts `from` into `to`; both must have the size and format of the spec.
    pub(crate) fn convert(&mut self, from: &frame::Video, to: &mut frame::Video) -> Result<(), LibavError> {
        self.check_frame(from, &self.spec.from)?;
        self.check_frame(to, &self.spec.to)?;
        let height = self.spec.height as i32;
        // SAFETY: both frames are live, own buffers of the size and format the context was made for (checked
        // above), and `to` is borrowed exclusively, so no one else sees its buffers while they are written.
        let rows = unsafe {
            let (src, dst) = (from.as_ptr(), to.as_mut_ptr());
            ffi::sws_scale(
                self.context.as_ptr(),
                (&raw const (*src).data).cast::<*const u8>(),
                (&raw const (*src).linesize).cast::<i32>(),
                0,
                height,
                (&raw const (*dst).data).cast::<*mut u8>(),
                (&raw const (*dst).linesize).cast::<i32>(),
            )
        };
        if rows == height {
            Ok(())
        } else {
            Err(LibavError::new(format!("converted {rows} of {height} rows")))
        }
    }

    fn check_frame(&self, frame: &frame::Video, samples: &Samples) -> Result<(), LibavError> {
        let expected = (samples.format, self.spec.width, self.spec.height);
        if (frame.format(), frame.width(), frame.height()) == expected {
            return Ok(());
        }
        Err(LibavError::new(format!("frame does not fit a converter for {expected:?}")))
    }

    fn set_geometry(&self) -> Result<(), LibavError> {
        let ConverterSpec { from, to, width, height, pixels } = self.spec;
        let (width, height) = (i64::from(width), i64::from(height));
        self.set_option(c"srcw", width)?;
        self.set_option(c"srch", height)?;
        self.set_option(c"dstw", width)?;
        self.set_option(c"dsth", height)?;
        self.set_option(c"src_format", ffi::AVPixelFormat::from(from.format) as i64)?;
        self.set_option(c"dst_format", ffi::AVPixelFormat::from(to.format) as i64)?;
        self.set_option(c"sws_flags", flags(pixels))
    }

    fn set_chroma_siting(&self) -> Result<(), LibavError> {
        if self.spec.pixels == Pixels::Swscale {
            return Ok(());
        }
        let [src_h, src_v] = chroma_siting(&self.spec.from);
        let [dst_h, dst_v] = chroma_siting(&self.spec.to);
        let options = [
            (c"src_h_chr_pos", src_h),
            (c"src_v_chr_pos", src_v),
            (c"dst_h_chr_pos", dst_h),
            (c"dst_v_chr_pos", dst_v),
        ];
        options.into_iter().try_for_each(|(name, position)| match position {
            Some(position) => self.set_option(name, position),
            None => Ok(()),
        })
    }

    fn set_colour(&self) -> Result<(), LibavError> {
        let ConverterSpec { from, to, .. } = self.spec;
        if from.matrix == ColourMatrix::Rgb && to.matrix == ColourMatrix::Rgb {
            return Ok(());
        }
        // SAFETY: the context is live and initialised; the tables are static arrays inside swscale.
        let code = unsafe {
            ffi::sws_setColorspaceDetails(
                self.context.as_ptr(),
                ffi::sws_getCoefficients(coefficients(from.matrix)),
                i32::from(from.range == ColourRange::Full),
                ffi::sws_getCoefficients(coefficients(to.matrix)),
                i32::from(to.range == ColourRange::Full),
                0,
                SWS_ONE,
                SWS_ONE,
            )
        };
        check(code)
    }

    fn set_option(&self, name: &CStr, value: i64) -> Result<(), LibavError> {
        // SAFETY: the context is live and begins with its AVClass, as every object with options does.
        check(unsafe { ffi::av_opt_set_int(self.context.as_ptr().cast(), name.as_ptr(), value, 0) })
    }
}

// SAFETY: the context is owned by this value alone and tied to no thread; swscale keeps no thread-local state.
unsafe impl Send for Converter {}

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: the context is owned by this value and freed once.
        unsafe { ffi::sws_freeContext(self.context.as_ptr()) };
    }
}

/// Position of chroma samples, horizontal and vertical, in 1/256 luma pixel; `None` where chroma is not subsampled.
///
/// Unspecified counts as left, the default of H.264 and H.265; swscale alone would take it as centred.
fn chroma_siting(samples: &Samples) -> [Option<i64>; 2] {
    const START: i64 = 0;
    const CENTRE: i64 = 128;
    const END: i64 = 256;
    // libav: 0 unspecified, 1 left, 2 centre, 3 top left, 4 top, 5 bottom left, 6 bottom.
    let (horizontal, vertical) = match samples.chroma_location {
        2 => (CENTRE, CENTRE),
        3 => (START, START),
        4 => (CENTRE, START),
        5 => (START, END),
        6 => (CENTRE, END),
        _ => (START, CENTRE),
    };
    let (log2_w, log2_h) =
        samples.format.descriptor().map_or((0, 0), |format| (format.log2_chroma_w(), format.log2_chroma_h()));
    [(log2_w == 1).then_some(horizontal), (log2_h == 1).then_some(vertical)]
}

/// Number of the matrix in swscale's coefficient table; RGB has none and takes the default, which is not used.
fn coefficients(matrix: ColourMatrix) -> i32 {
    match matrix {
        ColourMatrix::Rgb | ColourMatrix::Bt709 => 1,
        ColourMatrix::Fcc => 4,
        ColourMatrix::Bt601 => 5,
        ColourMatrix::Smpte240m => 7,
        ColourMatrix::Bt2020 => 9,
    }
}

fn check(code: i32) -> Result<(), LibavError> {
    if code >= 0 { Ok(()) } else { Err(ffmpeg_next::Error::from(code).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libav::{alloc_frame, init};

    const SIDE: u32 = 32;

    fn yuv(matrix: ColourMatrix, range: ColourRange) -> Samples {
        Samples { format: Pixel::YUV444P, matrix, range, chroma_location: 0 }
    }

    /// RGB of a solid frame with the given Y, Cb, Cr.
    fn rgb_of(samples: Samples, planes: [u8; 3]) -> [u8; 3] {
        init().unwrap();
        let mut from = alloc_frame(samples.format, SIDE, SIDE).unwrap();
        planes.iter().enumerate().for_each(|(plane, &value)| from.data_mut(plane).fill(value));
        let (to, pixels) = (Samples::rgb(Pixel::RGB24), Pixels::Exact);
        let spec = ConverterSpec { from: samples, to, width: SIDE, height: SIDE, pixels };
        let mut to = alloc_frame(Pixel::RGB24, SIDE, SIDE).unwrap();
        Converter::new(spec).unwrap().convert(&from, &mut to).unwrap();
        let at = to.stride(0) * 5 + 15;
        to.data(0)[at..at + 3].try_into().unwrap()
    }

    fn assert_close(actual: [u8; 3], expected: [u8; 3]) {
        let close = actual.iter().zip(expected).all(|(&a, e)| a.abs_diff(e) <= 1);
        assert!(close, "{actual:?} is not within 1 of {expected:?}");
    }

    #[test]
    fn matrix_and_range_follow_the_standards() {
        use ColourMatrix::{Bt601, Bt709, Bt2020};
        use ColourRange::{Full, Limited};
        // Pure red by each standard: Y = Kr, Cb = -Kr / (2 - 2 Kb), Cr = 0.5, quantised to 8 bit.
        assert_close(rgb_of(yuv(Bt709, Limited), [63, 102, 240]), [255, 1, 0]);
        assert_close(rgb_of(yuv(Bt601, Limited), [81, 90, 240]), [254, 0, 0]);
        assert_close(rgb_of(yuv(Bt2020, Limited), [74, 97, 240]), [255, 0, 0]);
        assert_close(rgb_of(yuv(Bt709, Full), [54, 99, 255]), [254, 0, 0]);
        assert_close(rgb_of(yuv(Bt709, Limited), [16, 128, 128]), [0, 0, 0]);
        assert_close(rgb_of(yuv(Bt709, Limited), [235, 128, 128]), [255, 255, 255]);
        assert_close(rgb_of(yuv(Bt709, Full), [16, 128, 128]), [16, 16, 16]);
    }

    #[test]
    fn a_frame_of_another_size_is_refused() {
        init().unwrap();
        let samples = Samples::rgb(Pixel::RGB24);
        let (from, to, pixels) = (samples, samples, Pixels::Exact);
        let spec = ConverterSpec { from, to, width: SIDE, height: SIDE, pixels };
        let mut converter = Converter::new(spec).unwrap();
        let small = alloc_frame(Pixel::RGB24, 16, 16).unwrap();
        let mut out = alloc_frame(Pixel::RGB24, SIDE, SIDE).unwrap();
        assert!(converter.convert(&small, &mut out).is_err());
    }

    #[test]
    fn chroma_is_sited_left_unless_the_file_says_otherwise() {
        init().unwrap();
        let samples = |format, chroma_location| {
            chroma_siting(&Samples {
                format,
                chroma_location,
                ..yuv(ColourMatrix::Bt709, ColourRange::Limited)
            })
        };
        assert_eq!(samples(Pixel::YUV420P, 0), [Some(0), Some(128)]);
        assert_eq!(samples(Pixel::YUV420P, 2), [Some(128), Some(128)]);
        assert_eq!(samples(Pixel::YUV422P, 0), [Some(0), None]);
        assert_eq!(samples(Pixel::YUV444P, 0), [None, None]);
    }
}
