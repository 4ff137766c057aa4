//! Decodes a file into sRGB frames, streaming or whole.

use std::path::Path;

use vidbench_core::{DecodedFrame, FramesU8};

use crate::error::VideoError;
use crate::frame_reader::FrameReader;
use crate::limits::Limits;
use crate::probe::Probe;

/// A file, decoded whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Every frame in presentation order, `[T, H, W, 3]`, sRGB, full range; at least one.
    pub frames: FramesU8,
    /// Presentation time of each frame as recorded, in seconds; one per frame, all 0 for a Y4M without a rate.
    pub timestamps_secs: Vec<f64>,
    /// Facts about the file; the frame count is the decoded one.
    pub probe: Probe,
}

/// Decodes the whole file into memory.
///
/// # Errors
///
/// Every [`VideoErrorKind`](crate::VideoErrorKind) of reading, each for the input its doc names; the first damaged or
/// unusable frame fails the whole clip, and so does a clip of more than [`Limits::max_decoded_bytes`].
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
    let mut reader = FrameReader::open(path, limits)?;
    while let Some(frame) = reader.next_frame()? {
        on_frame(frame)?;
    }
    Ok(reader.into_probe())
}
