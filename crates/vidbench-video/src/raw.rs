//! Samples without any header (`.yuv`): size, layout and rate come from the options, else from the file's name.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::str::FromStr;

use ffmpeg_next::{format::Pixel, frame};

use crate::colour::{Colour, SampleKind};
use crate::error::VideoErrorKind;
use crate::fps::Fps;
use crate::libav;
use crate::options::ReadOptions;
use crate::probe::{FrameCount, FrameCountSource, Probe};
use crate::reader::{check_regular, io_kind};

/// What is known about the samples of a `.yuv` file. An absent field is looked for in the file's name, which may hold
/// parts such as `832x480`, `yuv420p10le` and `24fps`, separated by `_`, `-` or spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawVideo {
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Layout of the samples.
    pub pixel_format: Option<RawPixelFormat>,
    /// Frame rate.
    pub fps: Option<Fps>,
}

/// Layouts of samples without a header, in FFmpeg's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are FFmpeg's own")]
pub enum RawPixelFormat {
    Yuv420p,
    Yuv422p,
    Yuv444p,
    Yuv420p10le,
    Yuv422p10le,
    Yuv444p10le,
    Yuv420p12le,
    Yuv422p12le,
    Yuv444p12le,
    Gray,
    Rgb24,
}

impl RawPixelFormat {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Yuv420p,
        Self::Yuv422p,
        Self::Yuv444p,
        Self::Yuv420p10le,
        Self::Yuv422p10le,
        Self::Yuv444p10le,
        Self::Yuv420p12le,
        Self::Yuv422p12le,
        Self::Yuv444p12le,
        Self::Gray,
        Self::Rgb24,
    ];

    /// FFmpeg's name.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// Name, libav's format, bytes of a sample, and binary logarithms of the chroma subsampling.
    fn facts(self) -> (&'static str, Pixel, usize, Option<[u32; 2]>) {
        match self {
            Self::Yuv420p => ("yuv420p", Pixel::YUV420P, 1, Some([1, 1])),
            Self::Yuv422p => ("yuv422p", Pixel::YUV422P, 1, Some([1, 0])),
            Self::Yuv444p => ("yuv444p", Pixel::YUV444P, 1, Some([0, 0])),
            Self::Yuv420p10le => ("yuv420p10le", Pixel::YUV420P10LE, 2, Some([1, 1])),
            Self::Yuv422p10le => ("yuv422p10le", Pixel::YUV422P10LE, 2, Some([1, 0])),
            Self::Yuv444p10le => ("yuv444p10le", Pixel::YUV444P10LE, 2, Some([0, 0])),
            Self::Yuv420p12le => ("yuv420p12le", Pixel::YUV420P12LE, 2, Some([1, 1])),
            Self::Yuv422p12le => ("yuv422p12le", Pixel::YUV422P12LE, 2, Some([1, 0])),
            Self::Yuv444p12le => ("yuv444p12le", Pixel::YUV444P12LE, 2, Some([0, 0])),
            Self::Gray => ("gray", Pixel::GRAY8, 1, None),
            Self::Rgb24 => ("rgb24", Pixel::RGB24, 3, None),
        }
    }

    /// Bytes of a row and number of rows of each plane.
    fn planes(self, width: u32, height: u32) -> Vec<(usize, usize)> {
        let (_, _, bytes, chroma) = self.facts();
        let whole = (width as usize * bytes, height as usize);
        let halved = chroma.map(|[log2_w, log2_h]| {
            let part = |side: u32, log2: u32| side.div_ceil(1 << log2) as usize;
            (part(width, log2_w) * bytes, part(height, log2_h))
        });
        std::iter::once(whole).chain(halved.into_iter().flat_map(|plane| [plane, plane])).collect()
    }
}

impl fmt::Display for RawPixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not that of a [`RawPixelFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown pixel format \"{name}\"; known: {}", RawPixelFormat::ALL.map(RawPixelFormat::name).join(", "))]
pub struct UnknownPixelFormat {
    /// What was given.
    pub name: String,
}

impl FromStr for RawPixelFormat {
    type Err = UnknownPixelFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownPixelFormat { name: name.to_owned() })
    }
}

pub(crate) struct RawReader {
    file: BufReader<File>,
    planes: Vec<(usize, usize)>,
    frame: frame::Video,
    fps: Fps,
    frames: u64,
    next: u64,
    probe: Probe,
}

impl RawReader {
    pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<Self, VideoErrorKind> {
        let (file, len) = check_regular(path, &options.limits)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let ((width, height), format, fps) = settle(&options.raw, &stem)?;
        options.limits.check_size(width, height)?;
        let planes = format.planes(width, height);
        let frames = count_frames(&planes, len)?;
        options.limits.check_frames(frames)?;
        options.limits.check_duration_secs(frames as f64 / fps.hz())?;
        libav::init().map_err(VideoErrorKind::LibavMissing)?;
        let frame = libav::alloc_frame(format.facts().1, width, height)
            .map_err(|source| VideoErrorKind::Libav { step: "hold a frame", source })?;
        let probe = facts(&frame, format, fps, frames);
        let file = BufReader::with_capacity(1 << 20, file);
        Ok(Self { file, planes, frame, fps, frames, next: 0, probe })
    }

    pub(crate) fn next_frame(&mut self) -> Result<Option<f64>, VideoErrorKind> {
        if self.next == self.frames {
            self.probe.frame_count.source = FrameCountSource::Decoded;
            return Ok(None);
        }
        for (index, &(row_bytes, rows)) in self.planes.iter().enumerate() {
            let stride = self.frame.stride(index);
            for row in self.frame.data_mut(index).chunks_mut(stride).take(rows) {
                self.file.read_exact(&mut row[..row_bytes]).map_err(io_kind)?;
            }
        }
        let secs = self.next as f64 / self.fps.hz();
        self.next += 1;
        Ok(Some(secs))
    }

    pub(crate) fn frame(&self) -> &frame::Video {
        &self.frame
    }

    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }
}

impl fmt::Debug for RawReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReader").field("probe", &self.probe).finish_non_exhaustive()
    }
}

fn facts(frame: &frame::Video, format: RawPixelFormat, fps: Fps, frames: u64) -> Probe {
    let kind = libav::sample_kind(frame.format()).unwrap_or(SampleKind::Yuv);
    Probe {
        container: "rawvideo".to_owned(),
        codec: "rawvideo".to_owned(),
        width: frame.width(),
        height: frame.height(),
        pixel_format: format.name().to_owned(),
        fps: Some(fps),
        fps_assumed: false,
        frame_count: FrameCount { frames, source: FrameCountSource::Container, recorded: Some(frames) },
        duration_secs: Some(frames as f64 / fps.hz()),
        rotation_degrees: 0,
        colour: Colour::from_tags(libav::frame_colour_tags(frame), kind, frame.height()),
    }
}

fn count_frames(planes: &[(usize, usize)], len: u64) -> Result<u64, VideoErrorKind> {
    let frame_bytes: u64 = planes.iter().map(|&(row, rows)| row as u64 * rows as u64).sum();
    if frame_bytes == 0 {
        return Err(VideoErrorKind::RawUnknown { missing: vec!["size"] });
    }
    match len % frame_bytes {
        0 => Ok(len / frame_bytes),
        rest => {
            let reason = format!("{rest} bytes are left after {} frames of {frame_bytes}", len / frame_bytes);
            Err(VideoErrorKind::Truncated { reason })
        }
    }
}

type Settled = ((u32, u32), RawPixelFormat, Fps);

/// Takes the options where they are set, else the file's name.
fn settle(given: &RawVideo, stem: &str) -> Result<Settled, VideoErrorKind> {
    let size = given.size.or_else(|| only(stem, size_of));
    let format = given.pixel_format.or_else(|| only(stem, |part| part.parse().ok()));
    let fps = given.fps.or_else(|| only(stem, fps_of));
    if let (Some(size), Some(format), Some(fps)) = (size, format, fps) {
        return Ok((size, format, fps));
    }
    let facts = [(size.is_none(), "size"), (format.is_none(), "pixel format"), (fps.is_none(), "frame rate")];
    let missing = facts.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| what).collect();
    Err(VideoErrorKind::RawUnknown { missing })
}

/// What one part of the name says; `None` when more than one part says something.
fn only<T>(stem: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut found = stem.split(['_', '-', ' ']).filter_map(read);
    found.next().filter(|_| found.next().is_none())
}

fn size_of(part: &str) -> Option<(u32, u32)> {
    let (width, height) = part.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// `24fps`, `29.97fps`.
fn fps_of(part: &str) -> Option<Fps> {
    let number = part.strip_suffix("fps")?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let den = 10_u32.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let num: u32 = format!("{whole}{decimals}").parse().ok()?;
    Fps::new(num, den)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(name: &str) -> Option<Settled> {
        settle(&RawVideo::default(), name).ok()
    }

    #[test]
    fn a_name_may_say_everything() {
        let (size, format, fps) = settled("beach_832x480_yuv420p10le_29.97fps").unwrap();
        assert_eq!((size, format), ((832, 480), RawPixelFormat::Yuv420p10le));
        assert_eq!(fps, Fps::new(2997, 100).unwrap());
        assert!(settled("a-64x48-gray-8fps").is_some());
    }

    #[test]
    fn what_is_missing_is_named() {
        for (name, what) in [
            ("yuv420p_24fps", "size"),
            ("64x48_24fps", "pixel format"),
            ("64x48_yuv420p", "frame rate"),
            ("64x48_32x24_yuv420p_24fps", "size"),
            ("64x48_yuv420p_0fps", "frame rate"),
            ("clip", "size, pixel format, frame rate"),
        ] {
            let error = settle(&RawVideo::default(), name).unwrap_err();
            assert!(
                matches!(&error, VideoErrorKind::RawUnknown { missing } if missing.join(", ") == what),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn options_win_over_the_name() {
        let given = RawVideo { size: Some((2, 2)), ..RawVideo::default() };
        assert_eq!(settle(&given, "64x48_yuv420p_24fps").unwrap().0, (2, 2));
    }

    #[test]
    fn an_unknown_format_is_told_the_known_ones() {
        let error = "yuv9000".parse::<RawPixelFormat>().unwrap_err().to_string();
        assert!(error.starts_with("unknown pixel format \"yuv9000\"; known: yuv420p, "), "{error}");
        assert!(RawPixelFormat::ALL.into_iter().all(|format| format.name().parse() == Ok(format)));
    }

    #[test]
    fn a_frame_of_odd_size_rounds_chroma_up() {
        assert_eq!(RawPixelFormat::Yuv420p.planes(3, 5), [(3, 5), (2, 3), (2, 3)]);
        assert_eq!(RawPixelFormat::Rgb24.planes(3, 5), [(9, 5)]);
        assert!(count_frames(&[(3, 5), (2, 3), (2, 3)], 54).is_ok_and(|frames| frames == 2));
        assert!(count_frames(&[(3, 5)], 16).is_err());
        assert!(count_frames(&[(0, 5)], 16).is_err());
    }
}
