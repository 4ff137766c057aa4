//! Turns decoded frames into tightly packed RGB.

use ffmpeg_next::{format::Pixel, frame};
use vidbench_core::FramesU8;

use crate::colour::{Colour, ColourTags, convertible_matrix};
use crate::convert::{Converter, ConverterSpec, Samples};
use crate::error::{LibavError, VideoErrorKind};
use crate::libav;

/// Made anew only when the layout or the colour of the samples changes.
#[derive(Debug, Default)]
pub(crate) struct RgbConverter {
    current: Option<(Converter, RgbFrame)>,
    rgb: Vec<u8>,
}

/// The wrapper's frame has no `Debug`.
struct RgbFrame(frame::Video);

impl std::fmt::Debug for RgbFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RgbFrame({}x{})", self.0.width(), self.0.height())
    }
}

impl RgbConverter {
    /// `[H, W, 3]`, valid until the next call; nothing where it is not wanted. A frame that cannot be shown as sRGB is
    /// an error either way, so that no metric sees a file that another refuses.
    pub(crate) fn convert(
        &mut self,
        frame: &frame::Video,
        tags: ColourTags,
        wanted: bool,
    ) -> Result<&[u8], VideoErrorKind> {
        let spec = spec_of(frame, tags)?;
        if !wanted {
            return Ok(&[]);
        }
        let convert = |source: LibavError| VideoErrorKind::Libav { step: "convert to RGB", source };
        if self.current.as_ref().is_none_or(|(converter, _)| converter.spec() != &spec) {
            let converter = Converter::new(spec).map_err(convert)?;
            let target = libav::alloc_frame(Pixel::RGB24, spec.width, spec.height).map_err(convert)?;
            self.current = Some((converter, RgbFrame(target)));
        }
        if let Some((converter, RgbFrame(target))) = &mut self.current {
            converter.convert(frame, target).map_err(convert)?;
            pack_rows(target, &mut self.rgb);
        }
        Ok(&self.rgb)
    }
}

fn spec_of(frame: &frame::Video, tags: ColourTags) -> Result<ConverterSpec, VideoErrorKind> {
    let format = frame.format();
    let unsupported = || VideoErrorKind::UnsupportedColour { what: format!("pixel format {format:?}") };
    let kind = libav::sample_kind(format).ok_or_else(unsupported)?;
    let colour = Colour::from_tags(tags, kind, frame.height());
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
