//! Writes clips: H.264 for viewing, FFV1 for keeping every byte.
//!
//! The same frames and options give the same file, byte for byte, with the same FFmpeg build.

use std::fmt;
use std::fs;
use std::path::Path;

use ffmpeg_next::codec::{self, Flags, encoder};
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::{self, Pixel, context::Output};
use ffmpeg_next::{Dictionary, Error, Packet, Rational, frame};
use vidbench_core::FramesU8;
use vidbench_core::protocol::Pixels;

use crate::colour::{ColourMatrix, ColourRange};
use crate::convert::{Converter, ConverterSpec, Samples};
use crate::error::{LibavError, VideoError, VideoErrorKind};
use crate::fps::Fps;
use crate::libav;

/// libav's number for chroma sited at the left, the default of H.264.
const CHROMA_LEFT: i32 = 1;

/// How [`encode_h264`] encodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct H264Options {
    /// Constant frame rate.
    pub fps: Fps,
    /// x264's constant rate factor, 0..=51; lower is better and larger. 0 is lossless in YUV.
    pub crf: u8,
    /// Effort.
    pub preset: X264Preset,
    /// Chroma resolution.
    pub pixel_format: H264PixelFormat,
    /// Encoder threads, 1..=64. The bytes depend on the number, not on the machine's load.
    pub threads: u32,
}

impl H264Options {
    /// CRF 17 ("visually lossless" in x264's guide), preset medium, yuv420p, one thread.
    pub fn new(fps: Fps) -> Self {
        Self { fps, crf: 17, preset: X264Preset::Medium, pixel_format: H264PixelFormat::Yuv420p, threads: 1 }
    }
}

/// Effort of x264, fastest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are x264's own")]
pub enum X264Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
    Slower,
    Veryslow,
}

/// Chroma resolution of an H.264 file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum H264PixelFormat {
    /// One chroma sample for 2x2 pixels. Every player and browser reads it; both sides must be even.
    Yuv420p,
    /// One chroma sample for each pixel. Many players and browsers refuse it.
    Yuv444p,
}

impl fmt::Display for X264Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Slower => "slower",
            Self::Veryslow => "veryslow",
        })
    }
}

/// Writes an MP4 with H.264, index first, tagged and converted as BT.709 limited range.
///
/// Replaces `path`; removes it if encoding fails half way.
///
/// # Errors
///
/// [`VideoErrorKind::NothingToEncode`], [`OddSize`](VideoErrorKind::OddSize),
/// [`InvalidOption`](VideoErrorKind::InvalidOption), [`EncoderMissing`](VideoErrorKind::EncoderMissing) for a libav
/// without x264, [`Io`](VideoErrorKind::Io) and [`Libav`](VideoErrorKind::Libav).
pub fn encode_h264(
    path: impl AsRef<Path>,
    frames: &FramesU8,
    options: &H264Options,
) -> Result<(), VideoError> {
    let path = path.as_ref();
    check_h264(frames, options).map_err(|kind| kind.at(path))?;
    write_clip(path, frames, &h264_target(options)).map_err(|kind| kind.at(path))
}

/// Writes a Matroska file with FFV1 version 3 in RGB: lossless, every byte comes back.
///
/// Matroska counts time in milliseconds, so timestamps are rounded to those; the frame rate is exact.
/// Replaces `path`; removes it if encoding fails half way.
///
/// # Errors
///
/// [`VideoErrorKind::NothingToEncode`], [`InvalidOption`](VideoErrorKind::InvalidOption) for a side under 2 pixels (4
/// in frames over 352x288), [`EncoderMissing`](VideoErrorKind::EncoderMissing), [`Io`](VideoErrorKind::Io) and [`Libav`](VideoErrorKind::Libav).
pub fn encode_ffv1(path: impl AsRef<Path>, frames: &FramesU8, fps: Fps) -> Result<(), VideoError> {
    let path = path.as_ref();
    check_not_empty(frames).map_err(|kind| kind.at(path))?;
    let target = ffv1_target(frames, fps).map_err(|kind| kind.at(path))?;
    write_clip(path, frames, &target).map_err(|kind| kind.at(path))
}

/// Everything that differs between the two kinds of file.
struct Target {
    container: &'static str,
    encoder: &'static str,
    fps: Fps,
    samples: Samples,
    encoder_options: Vec<(&'static str, String)>,
    container_options: Vec<(&'static str, &'static str)>,
}

fn h264_target(options: &H264Options) -> Target {
    let format = match options.pixel_format {
        H264PixelFormat::Yuv420p => Pixel::YUV420P,
        H264PixelFormat::Yuv444p => Pixel::YUV444P,
    };
    let (matrix, range) = (ColourMatrix::Bt709, ColourRange::Limited);
    Target {
        container: "mp4",
        encoder: "libx264",
        fps: options.fps,
        samples: Samples { format, matrix, range, chroma_location: CHROMA_LEFT },
        encoder_options: vec![
            ("crf", options.crf.to_string()),
            ("preset", options.preset.to_string()),
            ("threads", options.threads.to_string()),
            // x264's look-ahead by macroblock tree reads memory it has not written on CPUs with AVX-512, and the
            // bytes of the file then depend on what lay there.
            ("mbtree", "0".to_owned()),
            ("colorspace", "bt709".to_owned()),
            ("color_primaries", "bt709".to_owned()),
            ("color_trc", "bt709".to_owned()),
            ("color_range", "tv".to_owned()),
            ("chroma_sample_location", "left".to_owned()),
        ],
        container_options: vec![("movflags", "+faststart"), ("fflags", "+bitexact")],
    }
}

fn ffv1_target(frames: &FramesU8, fps: Fps) -> Result<Target, VideoErrorKind> {
    Ok(Target {
        container: "matroska",
        encoder: "ffv1",
        fps,
        samples: Samples::rgb(Pixel::BGRZ),
        encoder_options: vec![
            ("level", "3".to_owned()),
            ("slicecrc", "1".to_owned()),
            ("slices", ffv1_slices(frames)?.to_string()),
            ("threads", "1".to_owned()),
            ("colorspace", "rgb".to_owned()),
            ("color_range", "pc".to_owned()),
        ],
        container_options: vec![("fflags", "+bitexact")],
    })
}

/// libav allows a single slice up to 352x288 and wants 2x2 slices above that size. It encodes a frame that is too thin
/// for its slices as black, without an error, so such frames are refused here.
fn ffv1_slices(frames: &FramesU8) -> Result<u32, VideoErrorKind> {
    let (width, height) = (frames.width(), frames.height());
    let (slices, min_side, range) = if width <= 352 && height <= 288 {
        (1, 2, "at least 2 pixels per side")
    } else {
        (4, 4, "at least 4 pixels per side above 352x288")
    };
    if width.min(height) < min_side {
        return Err(VideoErrorKind::InvalidOption {
            option: "frame size",
            value: format!("{width}x{height}"),
            range,
        });
    }
    Ok(slices)
}

fn check_h264(frames: &FramesU8, options: &H264Options) -> Result<(), VideoErrorKind> {
    check_not_empty(frames)?;
    check_option("crf", options.crf.into(), 0..=51, "0..=51")?;
    check_option("threads", options.threads, 1..=64, "1..=64")?;
    let (width, height) = (frames.width(), frames.height());
    let odd = width % 2 == 1 || height % 2 == 1;
    if odd && options.pixel_format == H264PixelFormat::Yuv420p {
        return Err(VideoErrorKind::OddSize { width, height });
    }
    Ok(())
}

fn check_option(
    option: &'static str,
    value: u32,
    allowed: std::ops::RangeInclusive<u32>,
    range: &'static str,
) -> Result<(), VideoErrorKind> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(VideoErrorKind::InvalidOption { option, value: value.to_string(), range })
}

fn check_not_empty(frames: &FramesU8) -> Result<(), VideoErrorKind> {
    if frames.as_bytes().is_empty() {
        let (count, width, height) = (frames.count(), frames.width(), frames.height());
        return Err(VideoErrorKind::NothingToEncode { count, width, height });
    }
    Ok(())
}

fn write_clip(path: &Path, frames: &FramesU8, target: &Target) -> Result<(), VideoErrorKind> {
    libav::init().map_err(VideoErrorKind::LibavMissing)?;
    let mut encoder = open_encoder(frames, target)?;
    // The file is created here because the operating system's message is clear; libav would only give a number.
    fs::File::create(path).map_err(VideoErrorKind::Io)?;
    let written = mux(path, frames, target, &mut encoder);
    if written.is_err() {
        // Report the first error, not that of the removal; a file that stays behind does not decode anyway.
        let _ = fs::remove_file(path);
    }
    written
}

fn open_encoder(frames: &FramesU8, target: &Target) -> Result<encoder::Video, VideoErrorKind> {
    let missing = VideoErrorKind::EncoderMissing { encoder: target.encoder };
    let codec = encoder::find_by_name(target.encoder).ok_or(missing)?;
    let (width, height) = sides(frames)?;
    let context = codec::context::Context::new_with_codec(codec);
    let mut video = context.encoder().video().map_err(step("set up the encoder"))?;
    video.set_width(width);
    video.set_height(height);
    video.set_format(target.samples.format);
    video.set_time_base(rational(target.fps).invert());
    video.set_frame_rate(Some(rational(target.fps)));
    video.set_flags(Flags::GLOBAL_HEADER | Flags::BITEXACT);
    let mut options = Dictionary::new();
    target.encoder_options.iter().for_each(|(key, value)| options.set(key, value));
    video.open_as_with(codec, options).map_err(step("open the encoder"))
}

fn mux(
    path: &Path,
    frames: &FramesU8,
    target: &Target,
    encoder: &mut encoder::Video,
) -> Result<(), VideoErrorKind> {
    let url = libav::file_url(path)?;
    let mut output = format::output_as(&url, target.container).map_err(step("open the file for writing"))?;
    write_header(&mut output, target, encoder)?;
    let (width, height) = sides(frames)?;
    let spec = ConverterSpec {
        from: Samples::rgb(Pixel::RGB24),
        to: target.samples,
        width,
        height,
        pixels: Pixels::Exact,
    };
    let mut converter = Converter::new(spec).map_err(step("convert from RGB"))?;
    for (index, rgb) in frames.iter().enumerate() {
        let frame = stored_frame(rgb, index, &mut converter).map_err(step("convert from RGB"))?;
        encoder.send_frame(&frame).map_err(step("encode a frame"))?;
        drain(encoder, &mut output, target.fps)?;
    }
    encoder.send_eof().map_err(step("encode the last frames"))?;
    drain(encoder, &mut output, target.fps)?;
    output.write_trailer().map_err(step("finish the file"))
}

fn write_header(
    output: &mut Output,
    target: &Target,
    encoder: &encoder::Video,
) -> Result<(), VideoErrorKind> {
    let rate = rational(target.fps);
    let mut stream = output.add_stream_with(encoder).map_err(step("add a stream"))?;
    stream.set_time_base(rate.invert());
    stream.set_avg_frame_rate(rate);
    let mut options = Dictionary::new();
    target.container_options.iter().for_each(|(key, value)| options.set(key, value));
    output.write_header_with(options).map(drop).map_err(step("write the file header"))
}

/// Allocates a new frame each time, because the encoder may keep the one before for its lookahead.
fn stored_frame(rgb: &[u8], index: usize, converter: &mut Converter) -> Result<frame::Video, LibavError> {
    let ConverterSpec { to, width, height, .. } = *converter.spec();
    let mut source = libav::alloc_frame(Pixel::RGB24, width, height)?;
    let stride = source.stride(0);
    let row_len = width as usize * FramesU8::CHANNELS;
    let rows = source.data_mut(0).chunks_mut(stride).zip(rgb.chunks_exact(row_len));
    rows.for_each(|(target, row)| target[..row_len].copy_from_slice(row));
    let mut stored = libav::alloc_frame(to.format, width, height)?;
    converter.convert(&source, &mut stored)?;
    stored.set_pts(i64::try_from(index).ok());
    Ok(stored)
}

/// Writes every packet the encoder has ready.
fn drain(encoder: &mut encoder::Video, output: &mut Output, fps: Fps) -> Result<(), VideoErrorKind> {
    let frame_time = rational(fps).invert();
    loop {
        let mut packet = Packet::empty();
        match encoder.receive_packet(&mut packet) {
            Ok(()) => (),
            Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(()),
            Err(error) => return Err(step("encode a frame")(error)),
        }
        // FFmpeg's encoders before version 6 leave the duration out, and the last frame would then last no time.
        packet.set_duration(1);
        packet.set_stream(0);
        let stream_time = output.stream(0).map_or(frame_time, |stream| stream.time_base());
        packet.rescale_ts(frame_time, stream_time);
        packet.write_interleaved(output).map_err(step("write a packet"))?;
    }
}

fn sides(frames: &FramesU8) -> Result<(u32, u32), VideoErrorKind> {
    let side = |pixels: usize| i32::try_from(pixels).ok().and_then(|side| u32::try_from(side).ok());
    let too_large = || VideoErrorKind::InvalidOption {
        option: "frame size",
        value: format!("{}x{}", frames.width(), frames.height()),
        range: "below 2^31 pixels per side",
    };
    side(frames.width()).zip(side(frames.height())).ok_or_else(too_large)
}

/// Exact: both parts of an [`Fps`] fit i32.
fn rational(fps: Fps) -> Rational {
    Rational(fps.num() as i32, fps.den() as i32)
}

fn step<E: Into<LibavError>>(step: &'static str) -> impl Fn(E) -> VideoErrorKind {
    move |error| VideoErrorKind::Libav { step, source: error.into() }
}
