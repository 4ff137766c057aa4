//! The stored samples of a decoded frame, without a copy.

use ffmpeg_next::frame;
use vidbench_core::{Plane, Planes};

use crate::colour::{Colour, ColourRange, ColourTags};
use crate::error::VideoErrorKind;
use crate::libav::{self, PlanarYuv};

/// Luma and chroma of `frame`; `None` for RGB, for palettes, and for formats that pack several samples together.
pub(crate) fn stored_planes(
    frame: &frame::Video,
    tags: ColourTags,
) -> Result<Option<Planes<'_>>, VideoErrorKind> {
    let Some(layout) = libav::planar_yuv(frame.format()) else { return Ok(None) };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let luma = plane(frame, 0, width, height, layout)?;
    let chroma = match layout.log2_chroma {
        Some([log2_w, log2_h]) => {
            let (width, height) = (width.div_ceil(1 << log2_w), height.div_ceil(1 << log2_h));
            Some([plane(frame, 1, width, height, layout)?, plane(frame, 2, width, height, layout)?])
        }
        None => None,
    };
    let kind = libav::sample_kind(frame.format());
    let range = kind.map(|kind| Colour::from_tags(tags, kind, frame.height()).range);
    let full_range = range == Some(ColourRange::Full);
    Ok(Some(Planes { bit_depth: layout.bit_depth, full_range, luma, chroma }))
}

fn plane(
    frame: &frame::Video,
    index: usize,
    width: usize,
    height: usize,
    layout: PlanarYuv,
) -> Result<Plane<'_>, VideoErrorKind> {
    let row_bytes = width * layout.sample_bytes();
    let what = || "rows stored from the bottom up".to_owned();
    let (bytes, stride) = libav::plane_bytes(frame, index, height, row_bytes)
        .ok_or_else(|| VideoErrorKind::UnsupportedColour { what: what() })?;
    Ok(Plane { width, height, stride, bytes })
}
