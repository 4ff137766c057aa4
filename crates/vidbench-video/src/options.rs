//! How to read a clip where the file itself does not say, and what to make of it.

use vidbench_core::protocol::Pixels;

use crate::fps::Fps;
use crate::limits::Limits;
use crate::raw::RawVideo;

/// How [`FrameReader`](crate::FrameReader) reads.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// What the clip may cost.
    pub limits: Limits,
    /// Whether frames are converted to RGB. If not, [`rgb`](vidbench_core::DecodedFrame::rgb) is empty for files that
    /// have [`planes`](vidbench_core::DecodedFrame::planes), and decoding saves the conversion.
    pub rgb: bool,
    /// How frames are converted to RGB. The stored [`planes`](vidbench_core::DecodedFrame::planes) do not depend on it.
    pub pixels: Pixels,
    /// Frame rate of a folder of images, which records none. Default 8; recorded as
    /// [`fps_assumed`](crate::Probe::fps_assumed).
    pub image_fps: Fps,
    /// What is known about the samples of a `.yuv` file; takes precedence over what the file's name says.
    pub raw: RawVideo,
}

/// Default of [`ReadOptions::image_fps`]: what video diffusion models most often write.
const IMAGE_FPS: Fps = match Fps::new(8, 1) {
    Some(fps) => fps,
    None => unreachable!(),
};

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rgb: true,
            pixels: Pixels::Exact,
            image_fps: IMAGE_FPS,
            raw: RawVideo::default(),
        }
    }
}

impl ReadOptions {
    /// The defaults within `limits`.
    pub fn within(limits: &Limits) -> Self {
        Self { limits: limits.clone(), ..Self::default() }
    }
}
