//! What a file says about itself, without keeping its frames.

use std::path::Path;

use ffmpeg_next::{Rational, Stream, format, packet::side_data};

use crate::colour::Colour;
use crate::error::{VideoError, VideoErrorKind};
use crate::fps::Fps;
use crate::frame_reader::FrameReader;
use crate::limits::Limits;
use crate::options::ReadOptions;
use crate::turn::Turn;

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
    /// Whether `fps` comes from the options or a default, not from the file.
    pub fps_assumed: bool,
    /// Number of frames, and where it comes from.
    pub frame_count: FrameCount,
    /// Duration of the video stream, else of the container, in seconds; absent if neither is recorded, as in a Y4M
    /// without a rate.
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
    /// Where the number comes from.
    pub source: FrameCountSource,
    /// The number that the container's index records, if it does. Fewer decoded than recorded frames mean that the
    /// container trims the clip (an edit list), or that the index is wrong.
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

/// The mean rate that the container records, else the rate that fits all its timestamps.
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

/// `None` if the time base is not a positive number.
pub(crate) fn secs_from_ticks(ticks: i64, base: Rational) -> Option<f64> {
    let sound = base.numerator() > 0 && base.denominator() > 0;
    sound.then(|| ticks as f64 * f64::from(base.numerator()) / f64::from(base.denominator()))
}

/// The turn the stream asks for.
pub(crate) fn recorded_turn(stream: &Stream<'_>) -> Result<Turn, VideoErrorKind> {
    let data = stream.side_data().find(|data| data.kind() == side_data::Type::DisplayMatrix);
    data.and_then(|data| matrix_cells(data.data())).map_or(Ok(Turn::None), Turn::from_matrix)
}

/// `a`, `b`, `c` and `d` of a display matrix: nine native-endian i32, 16.16 fixed point, `[a b u; c d v; x y w]`.
fn matrix_cells(matrix: &[u8]) -> Option<[f64; 4]> {
    let cells = matrix.as_chunks().0;
    let cell = |index: usize| Some(f64::from(i32::from_ne_bytes(*cells.get(index)?)) / 65536.0);
    Some([cell(0)?, cell(1)?, cell(3)?, cell(4)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_matrix_is_in_fixed_point() {
        let cells = [1 << 15, -(1 << 16), 7, 3 << 16, 0, 7, 7, 7, 1 << 30];
        let bytes: Vec<u8> = cells.iter().flat_map(|cell: &i32| cell.to_ne_bytes()).collect();
        assert_eq!(matrix_cells(&bytes), Some([0.5, -1.0, 3.0, 0.0]));
        assert_eq!(matrix_cells(&[1, 2, 3]), None);
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
