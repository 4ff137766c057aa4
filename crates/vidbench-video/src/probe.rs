//! What a file says about itself, without keeping its frames.

use std::path::Path;

use ffmpeg_next::{Rational, Stream, format, packet::side_data};

use crate::colour::Colour;
use crate::error::VideoError;
use crate::fps::Fps;
use crate::frame_reader::FrameReader;
use crate::limits::Limits;
use crate::options::ReadOptions;

/// Facts about a video file and its video stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Container in FFmpeg's spelling, for example "mov,mp4,m4a,3gp,3g2,mj2".
    pub container: String,
    /// Codec in FFmpeg's spelling, for example "h264".
    pub codec: String,
    /// Width of the frames in pixels, as decoded: after rotation.
    pub width: u32,
    /// Height of the frames in pixels, as decoded: after rotation.
    pub height: u32,
    /// Pixel format in FFmpeg's spelling, for example "yuv420p".
    pub pixel_format: String,
    /// Mean frame rate; absent if the container records none.
    pub fps: Option<Fps>,
    /// Whether `fps` is none of the file's own but came from the options or a default.
    pub fps_assumed: bool,
    /// Number of frames, and who says so.
    pub frame_count: FrameCount,
    /// Duration of the video stream, else of the container, in seconds; absent if neither is recorded.
    pub duration_secs: Option<f64>,
    /// Clockwise turn the file records, in degrees: 0, 90, 180 or 270. Applied to decoded frames, as players do.
    pub rotation_degrees: u16,
    /// Colour as recorded and as used.
    pub colour: Colour,
}

/// Number of frames of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameCount {
    /// Frames.
    pub frames: u64,
    /// Who says so.
    pub source: FrameCountSource,
    /// What the container's index records, if it does. Fewer decoded than recorded means that the container trims the
    /// clip (an edit list), or that the index is wrong.
    pub recorded: Option<u64>,
}

/// Where a [`FrameCount`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameCountSource {
    /// The container's index; not verified.
    Container,
    /// Counted while decoding every frame.
    Decoded,
}

/// Reads the facts about `path`. Decodes the whole file only if its headers do not say size and frame count.
///
/// # Errors
///
/// Every [`VideoErrorKind`](crate::VideoErrorKind) of reading, each for the input its doc names; a probe that
/// succeeds does not promise that every frame decodes.
pub fn probe(path: impl AsRef<Path>, limits: &Limits) -> Result<Probe, VideoError> {
    let options = ReadOptions { rgb: false, ..ReadOptions::within(limits) };
    let mut reader = FrameReader::open_with(path, &options)?;
    let unsaid = reader.probe().frame_count.recorded.is_none();
    if unsaid || reader.probe().width == 0 || reader.probe().height == 0 {
        while reader.next_frame()?.is_some() {}
    }
    Ok(reader.into_probe())
}

/// Mean rate the container records, else the rate that fits all its timestamps.
pub(crate) fn stream_fps(stream: &Stream<'_>) -> Option<Fps> {
    fps_from_rational(stream.avg_frame_rate()).or_else(|| fps_from_rational(stream.rate()))
}

fn fps_from_rational(rate: Rational) -> Option<Fps> {
    let num = u32::try_from(rate.numerator()).ok()?;
    let den = u32::try_from(rate.denominator()).ok()?;
    Fps::new(num, den)
}

pub(crate) fn duration_secs(input: &format::context::Input, stream: &Stream<'_>) -> Option<f64> {
    /// libav counts container time in microseconds.
    const CONTAINER_TIME_BASE: Rational = Rational(1, 1_000_000);
    let recorded = |ticks: i64, base| (ticks > 0).then(|| secs_from_ticks(ticks, base)).flatten();
    recorded(stream.duration(), stream.time_base())
        .or_else(|| recorded(input.duration(), CONTAINER_TIME_BASE))
}

/// `None` for a time base that is no positive number.
pub(crate) fn secs_from_ticks(ticks: i64, base: Rational) -> Option<f64> {
    let sound = base.numerator() > 0 && base.denominator() > 0;
    sound.then(|| ticks as f64 * f64::from(base.numerator()) / f64::from(base.denominator()))
}

pub(crate) fn rotation_degrees(stream: &Stream<'_>) -> u16 {
    let matrix = stream.side_data().find(|data| data.kind() == side_data::Type::DisplayMatrix);
    matrix.and_then(|matrix| clockwise_degrees(matrix.data())).unwrap_or(0)
}

/// Angle of a display matrix: nine native-endian i32, 16.16 fixed point, `[a b u; c d v; x y w]`.
fn clockwise_degrees(matrix: &[u8]) -> Option<u16> {
    let cell = |index: usize| Some(f64::from(i32::from_ne_bytes(*matrix.as_chunks().0.get(index)?)));
    let (a, b, c, d) = (cell(0)?, cell(1)?, cell(3)?, cell(4)?);
    let (scale_x, scale_y) = (a.hypot(c), b.hypot(d));
    if scale_x == 0.0 || scale_y == 0.0 {
        return None;
    }
    let degrees = (b / scale_y).atan2(a / scale_x).to_degrees().round();
    Some(degrees.rem_euclid(360.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(cells: [i32; 4]) -> Vec<u8> {
        let [a, b, c, d] = cells;
        [a, b, 0, c, d, 0, 0, 0, 1 << 30].iter().flat_map(|cell| cell.to_ne_bytes()).collect()
    }

    #[test]
    fn a_display_matrix_gives_the_clockwise_turn() {
        const ONE: i32 = 1 << 16;
        assert_eq!(clockwise_degrees(&matrix([ONE, 0, 0, ONE])), Some(0));
        assert_eq!(clockwise_degrees(&matrix([0, ONE, -ONE, 0])), Some(90));
        assert_eq!(clockwise_degrees(&matrix([-ONE, 0, 0, -ONE])), Some(180));
        assert_eq!(clockwise_degrees(&matrix([0, -ONE, ONE, 0])), Some(270));
    }

    #[test]
    fn a_broken_display_matrix_gives_no_turn() {
        assert_eq!(clockwise_degrees(&matrix([0; 4])), None);
        assert_eq!(clockwise_degrees(&[1, 2, 3]), None);
    }

    #[test]
    fn a_rate_of_zero_or_below_is_no_rate() {
        assert_eq!(fps_from_rational(Rational(0, 1)), None);
        assert_eq!(fps_from_rational(Rational(24, 0)), None);
        assert_eq!(fps_from_rational(Rational(-24, 1)), None);
        assert_eq!(fps_from_rational(Rational(24, 1)), Fps::new(24, 1));
    }

    #[test]
    fn a_broken_time_base_gives_no_time() {
        assert_eq!(secs_from_ticks(10, Rational(1, 0)), None);
        assert_eq!(secs_from_ticks(48, Rational(1, 24)), Some(2.0));
    }
}
