//! Decoded video frames as plain data: the only representation of frames that passes between crates.

use std::fmt;

/// Frames of one clip: `[T, H, W, C=3]`, sRGB, full range, row-major, 8 bit.
#[derive(Clone, PartialEq, Eq)]
pub struct FramesU8 {
    count: usize,
    height: usize,
    width: usize,
    data: Vec<u8>,
}

/// One decoded frame, borrowed from the decoder until the next one is requested.
#[derive(Debug, Clone, Copy)]
pub struct DecodedFrame<'a> {
    /// Position in the clip, from 0.
    pub index: usize,
    /// Presentation time as recorded, in seconds.
    pub timestamp_secs: f64,
    /// Width in pixels, the same for every frame of a clip.
    pub width: usize,
    /// Height in pixels, the same for every frame of a clip.
    pub height: usize,
    /// `[H, W, 3]`, sRGB, full range, tightly packed. Alpha is dropped. Empty where the caller asked only for planes.
    pub rgb: &'a [u8],
    /// The samples as stored; `None` where the file stores RGB or packs the samples of several planes together.
    pub planes: Option<Planes<'a>>,
}

/// Luma and chroma as stored, before any conversion.
#[derive(Debug, Clone, Copy)]
pub struct Planes<'a> {
    /// Bits of a sample: 8, 10, 12, 14 or 16.
    pub bit_depth: u8,
    /// Whether black is the lowest and white the highest value, rather than 16 and 235 of 255 at 8 bit.
    pub full_range: bool,
    /// Luma, as large as the frame.
    pub luma: Plane<'a>,
    /// Cb and Cr; `None` for grey video.
    pub chroma: Option<[Plane<'a>; 2]>,
}

/// One plane of samples.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// Width in samples.
    pub width: usize,
    /// Height in samples.
    pub height: usize,
    /// Bytes from one row to the next, at least `width` samples.
    pub stride: usize,
    /// Rows of samples: one byte each at 8 bit, else two bytes, little-endian, with the value in the low bits. Ends
    /// with the last sample of the last row, so the last of `chunks(stride)` may be shorter.
    pub bytes: &'a [u8],
}

/// The bytes do not fill the shape they claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes do not fill {count} frames of {width}x{height} RGB ({expected} bytes)")]
pub struct FramesShapeError {
    /// Bytes given.
    pub len: usize,
    /// Bytes the shape needs.
    pub expected: usize,
    /// Frames claimed.
    pub count: usize,
    /// Width claimed, in pixels.
    pub width: usize,
    /// Height claimed, in pixels.
    pub height: usize,
}

impl FramesU8 {
    /// Bytes of one pixel.
    pub const CHANNELS: usize = 3;

    /// Takes ownership of `data`, `[count, height, width, 3]`.
    pub fn new(count: usize, height: usize, width: usize, data: Vec<u8>) -> Result<Self, FramesShapeError> {
        let expected = count * height * width * Self::CHANNELS;
        if data.len() != expected {
            return Err(FramesShapeError { len: data.len(), expected, count, width, height });
        }
        Ok(Self { count, height, width, data })
    }

    /// Number of frames.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All bytes, `[T, H, W, 3]`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// Bytes of one frame, `[H, W, 3]`.
    pub fn frame(&self, index: usize) -> &[u8] {
        let len = self.frame_len();
        &self.data[index * len..(index + 1) * len]
    }

    /// The frames in order, each `[H, W, 3]`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        // A clip without pixels has a frame length of 0, and `chunks_exact(0)` would panic.
        self.data.chunks_exact(self.frame_len().max(1))
    }

    /// Bytes of one frame.
    pub fn frame_len(&self) -> usize {
        self.height * self.width * Self::CHANNELS
    }

    /// One pixel as `[r, g, b]`.
    pub fn pixel(&self, frame: usize, y: usize, x: usize) -> [u8; 3] {
        let at = ((frame * self.height + y) * self.width + x) * Self::CHANNELS;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }
}

impl fmt::Debug for FramesU8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FramesU8({} frames of {}x{})", self.count, self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_fill_the_shape() {
        let error = FramesU8::new(2, 4, 4, vec![0; 95]).unwrap_err();
        assert_eq!(error.to_string(), "95 bytes do not fill 2 frames of 4x4 RGB (96 bytes)");
    }

    #[test]
    fn frames_come_in_order() {
        let frames = FramesU8::new(2, 1, 2, (0..12).collect()).unwrap();
        assert_eq!(frames.iter().map(|f| f[0]).collect::<Vec<_>>(), [0, 6]);
        assert_eq!(frames.pixel(1, 0, 1), [9, 10, 11]);
    }
}
