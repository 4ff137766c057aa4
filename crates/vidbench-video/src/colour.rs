//! Which matrix and range turn the stored samples into RGB: the file's tags where it has them, a stated rule where not.
//!
//! Primaries are not converted, and BT.709-like transfer curves are taken as sRGB, as every player does for SDR.

use crate::error::VideoErrorKind;

/// Height from which untagged video is taken as BT.709 (HD) rather than BT.601 (SD), in pixels.
const HD_HEIGHT: u32 = 720;

/// Colour description of a stream: as recorded, and as used for the conversion to RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour {
    /// Matrix as recorded, in FFmpeg's spelling ("bt709", "smpte170m"); absent if the file does not say.
    pub matrix_tag: Option<String>,
    /// Range as recorded, "tv" or "pc"; absent if the file does not say.
    pub range_tag: Option<String>,
    /// Transfer curve as recorded ("bt709", "smpte2084"); absent if the file does not say.
    pub transfer_tag: Option<String>,
    /// Matrix the conversion uses. Untagged: BT.601 below 720 lines, BT.709 from there. Absent if the recorded
    /// matrix cannot be converted; decoding then fails.
    pub matrix: Option<ColourMatrix>,
    /// Range the conversion uses. Untagged: full for RGB and `yuvj` formats, else limited.
    pub range: ColourRange,
}

/// How RGB was turned into the stored samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourMatrix {
    /// Not at all: the samples are RGB.
    Rgb,
    /// ITU-R BT.601, both the 525 and the 625 line form.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// FCC 73.682.
    Fcc,
    /// SMPTE 240M.
    Smpte240m,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

/// Values that black and white take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourRange {
    /// 16 to 235 (chroma 240) in 8 bit.
    Limited,
    /// 0 to 255 in 8 bit.
    Full,
}

/// Numbers of ITU-T H.273 as libav carries them. Integers, because a file can hold numbers that no enum names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColourTags {
    pub(crate) matrix: i32,
    pub(crate) range: i32,
    pub(crate) transfer: i32,
    pub(crate) chroma_location: i32,
}

/// What the pixel format itself says about colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleKind {
    Rgb,
    Yuv,
    /// The `yuvj` formats: full range by definition.
    YuvFull,
}

/// H.273: "image characteristics are unknown".
const MATRIX_UNSPECIFIED: i32 = 2;
/// Transfer curves of HDR: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG).
const HDR_TRANSFERS: [i32; 2] = [16, 18];
const TRANSFER_UNSPECIFIED: i32 = 2;

impl ColourTags {
    /// Tags of a still image: a range that is not recorded becomes full, because image formats have no other.
    #[must_use]
    pub(crate) fn of_image(self) -> Self {
        const UNSPECIFIED: i32 = 0;
        const FULL: i32 = 2;
        Self { range: if self.range == UNSPECIFIED { FULL } else { self.range }, ..self }
    }
}

impl Colour {
    pub(crate) fn from_tags(tags: ColourTags, kind: SampleKind, height: u32) -> Self {
        let range_tag = range_name(tags.range);
        Self {
            matrix_tag: matrix_name(tags.matrix),
            range_tag: range_tag.map(str::to_owned),
            transfer_tag: transfer_name(tags.transfer),
            matrix: matrix(tags.matrix, kind, height),
            range: range(range_tag, kind),
        }
    }
}

/// The matrix to convert with, or why the stream cannot be shown as sRGB.
pub(crate) fn convertible_matrix(colour: &Colour, tags: ColourTags) -> Result<ColourMatrix, VideoErrorKind> {
    let unsupported = |what: String| Err(VideoErrorKind::UnsupportedColour { what });
    if HDR_TRANSFERS.contains(&tags.transfer) {
        let name = colour.transfer_tag.as_deref().unwrap_or("unknown");
        return unsupported(format!("transfer curve {name} is HDR"));
    }
    match (colour.matrix, colour.range) {
        (None, _) => unsupported(format!("matrix {}", colour.matrix_tag.as_deref().unwrap_or("unknown"))),
        (Some(ColourMatrix::Rgb), ColourRange::Limited) => unsupported("RGB in limited range".to_owned()),
        (Some(matrix), _) => Ok(matrix),
    }
}

fn matrix(tag: i32, kind: SampleKind, height: u32) -> Option<ColourMatrix> {
    if kind == SampleKind::Rgb {
        return Some(ColourMatrix::Rgb);
    }
    match tag {
        1 => Some(ColourMatrix::Bt709),
        MATRIX_UNSPECIFIED if height >= HD_HEIGHT => Some(ColourMatrix::Bt709),
        MATRIX_UNSPECIFIED | 5 | 6 => Some(ColourMatrix::Bt601),
        4 => Some(ColourMatrix::Fcc),
        7 => Some(ColourMatrix::Smpte240m),
        9 => Some(ColourMatrix::Bt2020),
        _ => None,
    }
}

fn range(tag: Option<&str>, kind: SampleKind) -> ColourRange {
    match (kind, tag) {
        (SampleKind::YuvFull, _) | (_, Some("pc")) | (SampleKind::Rgb, None) => ColourRange::Full,
        (SampleKind::Rgb | SampleKind::Yuv, _) => ColourRange::Limited,
    }
}

fn range_name(tag: i32) -> Option<&'static str> {
    match tag {
        1 => Some("tv"),
        2 => Some("pc"),
        _ => None,
    }
}

fn matrix_name(tag: i32) -> Option<String> {
    let name = match tag {
        MATRIX_UNSPECIFIED => return None,
        0 => "gbr",
        1 => "bt709",
        4 => "fcc",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "ycgco",
        9 => "bt2020nc",
        10 => "bt2020c",
        14 => "ictcp",
        other => return Some(format!("code {other}")),
    };
    Some(name.to_owned())
}

fn transfer_name(tag: i32) -> Option<String> {
    let name = match tag {
        TRANSFER_UNSPECIFIED => return None,
        1 => "bt709",
        4 => "gamma22",
        5 => "gamma28",
        6 => "smpte170m",
        8 => "linear",
        13 => "iec61966-2-1",
        14 => "bt2020-10",
        15 => "bt2020-12",
        16 => "smpte2084",
        18 => "arib-std-b67",
        other => return Some(format!("code {other}")),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTAGGED: ColourTags = ColourTags { matrix: 2, range: 0, transfer: 2, chroma_location: 0 };

    #[test]
    fn untagged_yuv_is_bt601_below_720_lines_and_bt709_from_there() {
        let matrix = |height| Colour::from_tags(UNTAGGED, SampleKind::Yuv, height).matrix;
        assert_eq!(matrix(719), Some(ColourMatrix::Bt601));
        assert_eq!(matrix(720), Some(ColourMatrix::Bt709));
    }

    #[test]
    fn untagged_means_no_tag_is_reported() {
        let colour = Colour::from_tags(UNTAGGED, SampleKind::Yuv, 480);
        assert_eq!((colour.matrix_tag, colour.range_tag, colour.transfer_tag), (None, None, None));
        assert_eq!(colour.range, ColourRange::Limited);
    }

    #[test]
    fn a_tag_beats_the_height_rule() {
        let tags = ColourTags { matrix: 1, range: 2, ..UNTAGGED };
        let colour = Colour::from_tags(tags, SampleKind::Yuv, 64);
        assert_eq!(colour.matrix, Some(ColourMatrix::Bt709));
        assert_eq!(colour.matrix_tag.as_deref(), Some("bt709"));
        assert_eq!(colour.range, ColourRange::Full);
    }

    #[test]
    fn yuvj_is_full_range_whatever_the_tag() {
        let tags = ColourTags { range: 1, ..UNTAGGED };
        assert_eq!(Colour::from_tags(tags, SampleKind::YuvFull, 64).range, ColourRange::Full);
    }

    #[test]
    fn hdr_unknown_matrices_and_limited_rgb_are_refused() {
        let refused = |tags, kind| {
            let colour = Colour::from_tags(tags, kind, 64);
            convertible_matrix(&colour, tags).unwrap_err().to_string()
        };
        let hdr = ColourTags { transfer: 16, matrix: 9, ..UNTAGGED };
        assert_eq!(refused(hdr, SampleKind::Yuv), "unsupported colour: transfer curve smpte2084 is HDR");
        let odd = ColourTags { matrix: 200, ..UNTAGGED };
        assert_eq!(refused(odd, SampleKind::Yuv), "unsupported colour: matrix code 200");
        let limited = ColourTags { range: 1, ..UNTAGGED };
        assert_eq!(refused(limited, SampleKind::Rgb), "unsupported colour: RGB in limited range");
    }
}
