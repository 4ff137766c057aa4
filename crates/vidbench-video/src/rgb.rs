//! Turns decoded frames into tightly packed RGB.

use ffmpeg_next::{format::Pixel, frame};
use vidbench_core::protocol::Pixels;
use vidbench_core::{FramesU8, Planes};

use crate::colour::{Colour, ColourMatrix, ColourTags, convertible_matrix};
use crate::convert::{Converter, ConverterSpec, Samples};
use crate::error::{LibavError, VideoErrorKind};
use crate::libav;
use crate::yuv::{Siting, YuvMeaning, YuvToRgb};

/// Converts frames to RGB. The swscale converter is made anew only when the layout or the colour of the samples
/// changes.
#[derive(Debug, Default)]
pub(crate) struct RgbConverter {
    yuv: YuvToRgb,
    swscale: Option<(Converter, RgbFrame)>,
    rgb: Vec<u8>,
}

/// A type of its own, because the wrapper's frame has no `Debug`.
struct RgbFrame(frame::Video);

impl std::fmt::Debug for RgbFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RgbFrame({}x{})", self.0.width(), self.0.height())
    }
}

impl RgbConverter {
    /// Returns `[H, W, 3]`, valid until the next call; empty where RGB is not wanted. A frame that cannot be shown as
    /// sRGB is an error either way, so that no metric accepts a file that another refuses.
    pub(crate) fn convert(
        &mut self,
        frame: &frame::Video,
        planes: Option<&Planes<'_>>,
        tags: ColourTags,
        wanted: Option<Pixels>,
    ) -> Result<&[u8], VideoErrorKind> {
        let pixels = wanted.unwrap_or(Pixels::Exact);
        let spec = spec_of(frame, tags, pixels)?;
        match planes {
            _ if wanted.is_none() => return Ok(&[]),
            Some(planes) if YuvToRgb::handles(planes) && pixels == Pixels::Exact => {
                let Samples { matrix, range, chroma_location, .. } = spec.from;
                let meaning = YuvMeaning { matrix, range, siting: Siting::from_tag(chroma_location) };
                self.yuv.convert(planes, &meaning, &mut self.rgb);
            }
            _ => self
                .by_swscale(frame, spec)
                .map_err(|source| VideoErrorKind::Libav { step: "convert to RGB", source })?,
        }
        Ok(&self.rgb)
    }

    fn by_swscale(&mut self, frame: &frame::Video, spec: ConverterSpec) -> Result<(), LibavError> {
        if self.swscale.as_ref().is_none_or(|(converter, _)| converter.spec() != &spec) {
            let target = libav::alloc_frame(Pixel::RGB24, spec.width, spec.height)?;
            self.swscale = Some((Converter::new(spec)?, RgbFrame(target)));
        }
        if let Some((converter, RgbFrame(target))) = &mut self.swscale {
            converter.convert(frame, target)?;
            pack_rows(target, &mut self.rgb);
        }
        Ok(())
    }
}

fn spec_of(frame: &frame::Video, tags: ColourTags, pixels: Pixels) -> Result<ConverterSpec, VideoErrorKind> {
    let format = frame.format();
    let unsupported = || VideoErrorKind::UnsupportedColour { what: format!("pixel format {format:?}") };
    let kind = libav::sample_kind(format).ok_or_else(unsupported)?;
    let colour = Colour::from_tags(tags, kind, frame.height());
    let matrix = convertible_matrix(&colour, tags)?;
    // Programs that use swscale's defaults take BT.601 where the file says nothing, whatever the frame size.
    let is_guessed = colour.matrix_tag.is_none() && matrix == ColourMatrix::Bt709;
    let matrix = if is_guessed && pixels == Pixels::Swscale { ColourMatrix::Bt601 } else { matrix };
    let from = Samples { format, matrix, range: colour.range, chroma_location: tags.chroma_location };
    let to = Samples::rgb(Pixel::RGB24);
    Ok(ConverterSpec { from, to, width: frame.width(), height: frame.height(), pixels })
}

/// Drops the padding libav keeps at the end of each row.
fn pack_rows(frame: &frame::Video, rgb: &mut Vec<u8>) {
    let row_len = frame.width() as usize * FramesU8::CHANNELS;
    rgb.clear();
    frame.data(0).chunks(frame.stride(0)).for_each(|row| rgb.extend_from_slice(&row[..row_len]));
}
