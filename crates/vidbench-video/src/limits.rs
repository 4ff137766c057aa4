//! What a file may cost. A file over a limit is an error and is never cut to fit: a cut clip would be scored as if it
//! were whole.

use crate::error::{LimitName, VideoErrorKind};

/// Upper bounds for one file, each inclusive.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Width in pixels. Default 8192.
    pub max_width: u32,
    /// Height in pixels. Default 8192.
    pub max_height: u32,
    /// Frames, claimed by the container or decoded. Default 72,000: 20 minutes at 60 frames a second.
    pub max_frames: u64,
    /// Seconds, claimed by the container or between first and last frame. Default 1,200.
    pub max_duration_secs: f64,
    /// Seconds of wall time for reading, without the time between reads; checked between frames, packets and reads.
    /// Default 900.
    pub max_decode_secs: f64,
    /// Size of the file, or of all images of a folder. Default 2 GiB.
    pub max_file_bytes: u64,
    /// Bytes of RGB that [`decode`](crate::decode) may hold at once; [`decode_each`](crate::decode_each) holds one
    /// frame and ignores it. Default 8 GiB, about 1,380 frames of 1920x1080.
    pub max_decoded_bytes: u64,
    /// Threads that read a video; 0 counts as 1. Default 1. With 2 or more, the next frame is decoded while the current
    /// one is converted and looked at. The decoder itself always has one thread: with more it misses damage.
    pub max_threads: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_width: 8192,
            max_height: 8192,
            max_frames: 72_000,
            max_duration_secs: 1200.0,
            max_decode_secs: 900.0,
            max_file_bytes: 2 << 30,
            max_decoded_bytes: 8 << 30,
            max_threads: 1,
        }
    }
}

impl Limits {
    pub(crate) fn check_file_bytes(&self, bytes: u64) -> Result<(), VideoErrorKind> {
        check_integer(LimitName::FileBytes, bytes, self.max_file_bytes)
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), VideoErrorKind> {
        check_integer(LimitName::Width, width.into(), self.max_width.into())?;
        check_integer(LimitName::Height, height.into(), self.max_height.into())
    }

    pub(crate) fn check_frames(&self, frames: u64) -> Result<(), VideoErrorKind> {
        check_integer(LimitName::Frames, frames, self.max_frames)
    }

    pub(crate) fn check_duration_secs(&self, secs: f64) -> Result<(), VideoErrorKind> {
        check(LimitName::DurationSecs, secs, self.max_duration_secs)
    }

    pub(crate) fn check_decoded_bytes(&self, bytes: u64) -> Result<(), VideoErrorKind> {
        check_integer(LimitName::DecodedBytes, bytes, self.max_decoded_bytes)
    }
}

fn check_integer(limit: LimitName, value: u64, max: u64) -> Result<(), VideoErrorKind> {
    if value <= max {
        return Ok(());
    }
    Err(VideoErrorKind::OverLimit { limit, value: value as f64, max: max as f64 })
}

fn check(limit: LimitName, value: f64, max: f64) -> Result<(), VideoErrorKind> {
    if value <= max { Ok(()) } else { Err(VideoErrorKind::OverLimit { limit, value, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_inclusive() {
        let limits = Limits { max_frames: 3, ..Limits::default() };
        assert!(limits.check_frames(3).is_ok());
        let error = limits.check_frames(4).unwrap_err();
        assert_eq!(error.to_string(), "4 frames is over the limit of 3");
    }

    #[test]
    fn a_duration_that_is_not_a_number_is_over_the_limit() {
        assert!(Limits::default().check_duration_secs(f64::NAN).is_err());
    }

    #[test]
    fn width_and_height_are_checked_apart() {
        let limits = Limits { max_width: 64, max_height: 48, ..Limits::default() };
        assert!(limits.check_size(64, 48).is_ok());
        assert!(limits.check_size(65, 48).unwrap_err().to_string().contains("width"));
        assert!(limits.check_size(64, 49).unwrap_err().to_string().contains("height"));
    }
}
