//! Decodes a file into sRGB frames, streaming or whole.

use std::path::Path;

use ffmpeg_next::{format::Pixel, frame};
use vidbench_core::FramesU8;

use crate::colour::{ColourTags, convertible_matrix};
use crate::convert::{Converter, ConverterSpec, Samples};
use crate::error::{LibavError, VideoError, VideoErrorKind};
use crate::libav;
use crate::limits::Limits;
use crate::probe::Probe;
use crate::reader::VideoReader;

/// A file, decoded whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Every frame in presentation order, `[T, H, W, 3]`, sRGB, full range; at least one.
    pub frames: FramesU8,
    /// Presentation time of each frame as recorded, in seconds; one per frame.
    pub timestamps_secs: Vec<f64>,
    /// Facts about the file; the frame count is the decoded one.
    pub probe: Probe,
}

/// One frame, lent to the callback of [`decode_each`].
#[derive(Debug, Clone, Copy)]
pub struct DecodedFrame<'a> {
    /// Position in the clip, from 0.
    pub index: usize,
    /// Presentation time as recorded, in seconds.
    pub timestamp_secs: f64,
    /// Width in pixels, the same for every frame of a file.
    pub width: usize,
    /// Height in pixels, the same for every frame of a file.
    pub height: usize,
    /// `[H, W, 3]`, sRGB, full range. Alpha is dropped.
    pub rgb: &'a [u8],
}

/// Decodes the whole file into memory.
///
/// # Errors
///
/// Every [`VideoErrorKind`] of reading, each for the input its doc names; the first damaged or unusable frame fails
/// the whole clip, and so does a clip of more than [`Limits::max_decoded_bytes`].
pub fn decode(path: impl AsRef<Path>, limits: &Limits) -> Result<Clip, VideoError> {
    let path = path.as_ref();
    let (mut data, mut timestamps_secs) = (Vec::new(), Vec::new());
    let probe = decode_each(path, limits, |frame| {
        let bytes = data.len() as u64 + frame.rgb.len() as u64;
        limits.check_decoded_bytes(bytes).map_err(|kind| kind.at(path))?;
        data.extend_from_slice(frame.rgb);
        timestamps_secs.push(frame.timestamp_secs);
        Ok::<(), VideoError>(())
    })?;
    let frames = FramesU8::new(timestamps_secs.len(), probe.height as usize, probe.width as usize, data)
        .expect("invariant: the reader refuses frames of another size");
    Ok(Clip { frames, timestamps_secs, probe })
}

/// Decodes frame by frame and hands each to `on_frame`; holds one frame at a time.
///
/// Stops at the first error of `on_frame` and returns it. The [`Probe`] at the end holds the decoded frame count.
///
/// # Errors
///
/// As [`decode`], and whatever `on_frame` returns.
pub fn decode_each<E: From<VideoError>>(
    path: impl AsRef<Path>,
    limits: &Limits,
    mut on_frame: impl FnMut(DecodedFrame<'_>) -> Result<(), E>,
) -> Result<Probe, E> {
    let path = path.as_ref();
    let mut reader = VideoReader::open(path, limits)?;
    let mut converter = RgbConverter::default();
    let mut index = 0;
    while let Some(timestamp_secs) = reader.next_frame()? {
        let (frame, tags) = reader.frame();
        let rgb = converter.rgb(frame, tags, reader.probe()).map_err(|kind| kind.at(path))?;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        on_frame(DecodedFrame { index, timestamp_secs, width, height, rgb })?;
        index += 1;
    }
    Ok(reader.into_probe())
}

/// Turns frames into tightly packed RGB; made anew only when the layout or the colour of the samples changes.
#[derive(Default)]
struct RgbConverter {
    current: Option<(Converter, frame::Video)>,
    rgb: Vec<u8>,
}

impl RgbConverter {
    /// `[H, W, 3]`, valid until the next call.
    fn rgb(
        &mut self,
        frame: &frame::Video,
        tags: ColourTags,
        probe: &Probe,
    ) -> Result<&[u8], VideoErrorKind> {
        let spec = spec_of(frame, tags, probe)?;
        let convert = |source: LibavError| VideoErrorKind::Libav { step: "convert to RGB", source };
        if self.current.as_ref().is_none_or(|(converter, _)| converter.spec() != &spec) {
            let converter = Converter::new(spec).map_err(convert)?;
            let target = libav::alloc_frame(Pixel::RGB24, spec.width, spec.height).map_err(convert)?;
            self.current = Some((converter, target));
        }
        if let Some((converter, target)) = &mut self.current {
            converter.convert(frame, target).map_err(convert)?;
            pack_rows(target, &mut self.rgb);
        }
        Ok(&self.rgb)
    }
}

fn spec_of(frame: &frame::Video, tags: ColourTags, probe: &Probe) -> Result<ConverterSpec, VideoErrorKind> {
    let format = frame.format();
    let unsupported = || VideoErrorKind::UnsupportedColour { what: format!("pixel format {format:?}") };
    let kind = libav::sample_kind(format).ok_or_else(unsupported)?;
    let colour = crate::colour::Colour::from_tags(tags, kind, probe.height);
    let matrix = convertible_matrix(&colour, tags)?;
    let from = Samples { format, matrix, range: colour.range, chroma_location: tags.chroma_location };
    Ok(ConverterSpec { from, to: Samples::rgb(Pixel::RGB24), width: frame.width(), height: frame.height() })
}

/// Drops the padding libav keeps at the end of each row.
fn pack_rows(frame: &frame::Video, rgb: &mut Vec<u8>) {
    let row_len = frame.width() as usize * FramesU8::CHANNELS;
    rgb.clear();
    frame.data(0).chunks(frame.stride(0)).for_each(|row| rgb.extend_from_slice(&row[..row_len]));
}
