//! The few libav calls that the safe wrapper lacks.
#![expect(unsafe_code, reason = "reads plain fields of libav structs that the wrapper exposes only as enums")]

use std::path::Path;
use std::sync::Once;

use ffmpeg_next::{Stream, ffi, format::Pixel, frame, util::log};

use crate::colour::{ColourTags, SampleKind};
use crate::error::{LibavError, VideoErrorKind};
use crate::lazy;

/// Loads libav and prepares it once per process: its error texts, and no log on stderr. Must come before any other call
/// into libav.
pub(crate) fn init() -> Result<(), LibavError> {
    lazy::load()?;
    static QUIET: Once = Once::new();
    QUIET.call_once(|| log::set_level(log::Level::Quiet));
    Ok(ffmpeg_next::init()?)
}

/// The path as a libav URL. Without the scheme, libav would read a file name such as "concat:a|b" or "http:x" as a
/// request.
pub(crate) fn file_url(path: &Path) -> Result<String, VideoErrorKind> {
    let text = path.to_str().ok_or(VideoErrorKind::PathNotUtf8)?;
    if text.contains('\0') {
        return Err(VideoErrorKind::Io(std::io::ErrorKind::InvalidInput.into()));
    }
    Ok(format!("file:{text}"))
}

/// Width and height that a container records for a stream, before anything is decoded; 0 where it records none.
pub(crate) fn stored_size(stream: &Stream<'_>) -> (u32, u32) {
    let parameters = stream.parameters();
    // SAFETY: the wrapper owns live AVCodecParameters; both fields are plain integers.
    let (width, height) = unsafe { ((*parameters.as_ptr()).width, (*parameters.as_ptr()).height) };
    let side = |side| u32::try_from(side).unwrap_or(0);
    (side(width), side(height))
}

/// Colour tags of a decoded frame.
///
/// Read as integers: Matroska passes the file's number on unchecked, and a number outside the enum is undefined
/// behaviour in Rust.
pub(crate) fn frame_colour_tags(frame: &frame::Video) -> ColourTags {
    // SAFETY: the wrapper owns a live AVFrame; the four fields are C enums, 32 bits wide, valid for reads as i32.
    unsafe {
        let raw = frame.as_ptr();
        ColourTags {
            matrix: (&raw const (*raw).colorspace).cast::<i32>().read(),
            range: (&raw const (*raw).color_range).cast::<i32>().read(),
            transfer: (&raw const (*raw).color_trc).cast::<i32>().read(),
            chroma_location: (&raw const (*raw).chroma_location).cast::<i32>().read(),
        }
    }
}

/// Colour tags of an opened decoder, as the container and the bitstream's header gave them.
pub(crate) fn decoder_colour_tags(decoder: &ffmpeg_next::decoder::Video) -> ColourTags {
    // SAFETY: the wrapper owns a live AVCodecContext; the fields are as in `frame_colour_tags`.
    unsafe {
        let raw = decoder.as_ptr();
        ColourTags {
            matrix: (&raw const (*raw).colorspace).cast::<i32>().read(),
            range: (&raw const (*raw).color_range).cast::<i32>().read(),
            transfer: (&raw const (*raw).color_trc).cast::<i32>().read(),
            chroma_location: (&raw const (*raw).chroma_sample_location).cast::<i32>().read(),
        }
    }
}

/// Whether samples of this format are RGB or luma and chroma. `None` for no format and for hardware surfaces.
pub(crate) fn sample_kind(format: Pixel) -> Option<SampleKind> {
    let descriptor = format.descriptor()?;
    // SAFETY: libav's descriptors are static tables, never freed.
    let flags = unsafe { (*descriptor.as_ptr()).flags };
    // Both constants are small positive bits; their integer type differs between FFmpeg versions.
    let has = |flag: i64| flags as i64 & flag != 0;
    if has(ffi::AV_PIX_FMT_FLAG_HWACCEL as i64) {
        return None;
    }
    let rgb = has(ffi::AV_PIX_FMT_FLAG_RGB as i64) || has(ffi::AV_PIX_FMT_FLAG_PAL as i64);
    Some(match descriptor.name() {
        _ if rgb => SampleKind::Rgb,
        name if name.starts_with("yuvj") => SampleKind::YuvFull,
        _ => SampleKind::Yuv,
    })
}

/// Layout of luma and chroma in planes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlanarYuv {
    pub(crate) bit_depth: u8,
    /// Binary logarithm of the subsampling, horizontal and vertical; none for grey.
    pub(crate) log2_chroma: Option<[u8; 2]>,
}

impl PlanarYuv {
    pub(crate) fn sample_bytes(self) -> usize {
        if self.bit_depth > 8 { 2 } else { 1 }
    }
}

/// The layout of formats that keep luma, Cb and Cr in a plane each, with samples in the low bits, least significant
/// byte first; an alpha plane after them is ignored. `None` for every other format.
pub(crate) fn planar_yuv(format: Pixel) -> Option<PlanarYuv> {
    if !matches!(sample_kind(format)?, SampleKind::Yuv | SampleKind::YuvFull) {
        return None;
    }
    let descriptor = format.descriptor()?;
    // SAFETY: libav's descriptors are static tables, never freed.
    let raw = unsafe { &*descriptor.as_ptr() };
    let [luma, ..] = &raw.comp;
    let step = if luma.depth > 8 { 2 } else { 1 };
    let grey = raw.nb_components == 1;
    let stored = raw.comp.iter().take(if grey { 1 } else { 3 }).zip(0..);
    let apart = stored.into_iter().all(|(comp, plane)| {
        comp.plane == plane
            && comp.step == step
            && comp.offset == 0
            && comp.shift == 0
            && comp.depth == luma.depth
    });
    let flags = raw.flags as i64;
    let odd = flags & (ffi::AV_PIX_FMT_FLAG_BE as i64 | ffi::AV_PIX_FMT_FLAG_FLOAT as i64) != 0;
    let whole = grey || raw.nb_components >= 3;
    let bit_depth = u8::try_from(luma.depth).ok().filter(|depth| (8..=16).contains(depth))?;
    let log2_chroma = (!grey).then_some([raw.log2_chroma_w, raw.log2_chroma_h]);
    (apart && whole && !odd).then_some(PlanarYuv { bit_depth, log2_chroma })
}

/// The bytes of the first `rows` rows of plane `index`, up to the end of the last row's `row_bytes`, and the distance
/// between rows. `None` where the frame has no such plane or stores it from the bottom up.
pub(crate) fn plane_bytes(
    frame: &frame::Video,
    index: usize,
    rows: usize,
    row_bytes: usize,
) -> Option<(&[u8], usize)> {
    // SAFETY: the wrapper owns a live AVFrame; `data` and `linesize` are arrays inside it, bounds-checked here.
    let (start, stride) = unsafe {
        let raw = frame.as_ptr();
        (*(*raw).data.get(index)?, *(*raw).linesize.get(index)?)
    };
    let stride = usize::try_from(stride).ok().filter(|&stride| stride >= row_bytes && stride > 0)?;
    if start.is_null() || rows == 0 {
        return None;
    }
    // SAFETY: libav's decoders and allocator give each plane `rows` rows of `linesize` bytes, of which the last holds
    // at least its samples; the caller's `rows` and `row_bytes` follow from the frame's own size and format.
    let bytes = unsafe { std::slice::from_raw_parts(start, stride * (rows - 1) + row_bytes) };
    Some((bytes, stride))
}

/// A frame with its own buffers. Checks for null planes, because the wrapper's constructor leaves them when memory runs
/// out.
pub(crate) fn alloc_frame(format: Pixel, width: u32, height: u32) -> Result<frame::Video, LibavError> {
    let frame = frame::Video::new(format, width, height);
    // SAFETY: the wrapper owns a live AVFrame; `data` is an array inside it.
    let empty = unsafe { (*frame.as_ptr()).data[0].is_null() };
    if empty {
        return Err(LibavError::new(format!("cannot allocate a {width}x{height} frame")));
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libav_does_not_talk() {
        init().unwrap();
        assert_eq!(log::get_level(), Ok(log::Level::Quiet));
    }

    #[test]
    fn a_path_never_becomes_another_protocol() {
        assert_eq!(file_url(Path::new("concat:a|b")).unwrap(), "file:concat:a|b");
        assert!(matches!(file_url(Path::new("a\0b")), Err(VideoErrorKind::Io(_))));
    }

    #[test]
    fn formats_know_what_they_hold() {
        init().unwrap();
        assert_eq!(sample_kind(Pixel::YUV420P), Some(SampleKind::Yuv));
        assert_eq!(sample_kind(Pixel::YUVJ420P), Some(SampleKind::YuvFull));
        assert_eq!(sample_kind(Pixel::GBRP), Some(SampleKind::Rgb));
        assert_eq!(sample_kind(Pixel::None), None);
    }

    #[test]
    fn an_impossible_frame_is_an_error() {
        init().unwrap();
        assert!(alloc_frame(Pixel::RGB24, 1 << 30, 1 << 30).is_err());
    }
}
