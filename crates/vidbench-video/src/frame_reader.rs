//! The pull side of decoding: one frame at a time, so that two clips can be read in step.

use std::path::{Path, PathBuf};
use std::time::Duration;

use vidbench_core::DecodedFrame;
use vidbench_core::protocol::Pixels;

use crate::budget::TimeBudget;
use crate::error::{VideoError, VideoErrorKind};
use crate::limits::Limits;
use crate::options::ReadOptions;
use crate::planes::stored_planes;
use crate::probe::Probe;
use crate::rgb::RgbConverter;
use crate::source::Source;
use crate::turn::{Turn, Turned};

/// Decodes a clip frame by frame, in presentation order; holds one frame at a time.
///
/// ```
/// use vidbench_core::FramesU8;
/// use vidbench_video::{Fps, FrameReader, Limits, encode_ffv1};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("grey.mkv");
/// # let frames = FramesU8::new(2, 16, 16, vec![128; 2 * 16 * 16 * 3])?;
/// # encode_ffv1(&path, &frames, Fps::new(24, 1).ok_or("zero rate")?)?;
/// let limits = Limits::default();
/// let (mut a, mut b) = (FrameReader::open(&path, &limits)?, FrameReader::open(&path, &limits)?);
/// while let (Some(a), Some(b)) = (a.next_frame()?, b.next_frame()?) {
///     assert_eq!(a.rgb, b.rgb);
/// }
/// assert_eq!(a.probe().frame_count.frames, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FrameReader {
    path: PathBuf,
    source: Source,
    budget: TimeBudget,
    rgb: RgbConverter,
    rgb_wanted: Option<Pixels>,
    turned: Turned,
    next_index: usize,
}

impl FrameReader {
    /// Opens a clip with the default [`ReadOptions`].
    ///
    /// # Errors
    ///
    /// As [`Self::open_with`].
    pub fn open(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, VideoError> {
        Self::open_with(path, &ReadOptions::within(limits))
    }

    /// Opens a clip: reads its headers, decodes no frame.
    ///
    /// # Errors
    ///
    /// Every [`VideoErrorKind`](crate::VideoErrorKind) of reading that shows before the first frame.
    pub fn open_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, VideoError> {
        Self::opened(path.as_ref(), options, Source::open)
    }

    /// Opens an image as a clip of one frame.
    ///
    /// # Errors
    ///
    /// As [`Self::open_with`].
    pub fn open_image(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, VideoError> {
        Self::opened(path.as_ref(), options, Source::open_image)
    }

    fn opened(
        path: &Path,
        options: &ReadOptions,
        open: impl FnOnce(&Path, &ReadOptions, &TimeBudget) -> Result<Source, VideoErrorKind>,
    ) -> Result<Self, VideoError> {
        let path = path.to_path_buf();
        let budget = TimeBudget::new(options.limits.max_decode_secs);
        let source = budget.run(|| open(&path, options, &budget)).map_err(|kind| kind.at(&path))?;
        let (rgb, rgb_wanted) = (RgbConverter::default(), options.rgb.then_some(options.pixels));
        Ok(Self { path, source, budget, rgb, rgb_wanted, turned: Turned::default(), next_index: 0 })
    }

    /// The next frame, lent until the one after is asked for; `None` after the last.
    ///
    /// # Errors
    ///
    /// Every [`VideoErrorKind`](crate::VideoErrorKind) of reading; the first one ends the clip.
    pub fn next_frame(&mut self) -> Result<Option<DecodedFrame<'_>>, VideoError> {
        let budget = self.budget.clone();
        let path = self.path.clone();
        budget.run(|| self.try_next_frame()).map_err(|kind| kind.at(&path))
    }

    fn try_next_frame(&mut self) -> Result<Option<DecodedFrame<'_>>, VideoErrorKind> {
        let Some(timestamp_secs) = self.source.next_frame()? else { return Ok(None) };
        let (frame, tags) = self.source.frame();
        let stored = stored_planes(frame, tags)?;
        let wanted = self.rgb_wanted.or(stored.is_none().then_some(Pixels::Exact));
        let rgb = self.rgb.convert(frame, stored.as_ref(), tags, wanted)?;
        let index = self.next_index;
        self.next_index += 1;
        let size = (frame.width() as usize, frame.height() as usize);
        let turn = self.source.turn();
        let (width, height) = turn.size(size);
        if turn == Turn::None {
            return Ok(Some(DecodedFrame { index, timestamp_secs, width, height, rgb, planes: stored }));
        }
        self.turned.rgb(rgb, size, turn);
        stored.iter().for_each(|planes| self.turned.planes(planes, turn));
        let (rgb, planes) = self.turned.get(stored.as_ref(), turn);
        Ok(Some(DecodedFrame { index, timestamp_secs, width, height, rgb, planes }))
    }

    /// Facts about the clip so far: the first frame settles size and colour, the end of the clip settles the frame
    /// count.
    pub fn probe(&self) -> &Probe {
        self.source.probe()
    }

    /// The time spent on reading so far, without the time between frames.
    pub fn spent(&self) -> Duration {
        self.budget.spent()
    }

    /// [`Self::probe`], for a caller that reads nothing more.
    pub fn into_probe(self) -> Probe {
        self.source.into_probe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_can_move_to_another_thread() {
        fn assert_send<T: Send>() {}
        assert_send::<FrameReader>();
    }
}
