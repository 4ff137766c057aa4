//! Resizing as other libraries do it, number for number, because metrics are defined by the results of those libraries.
//!
//! "Bilinear" names at least seven different computations. Each variant of [`FloatResize`] and [`ByteResize`] names the
//! function whose results it gives. Antialiasing alone changes fine texture by up to 80 grey levels. Float results of
//! bytes are within 1e-4 of the named function's; bicubic ones are within 3e-4 on noise, where torch's single precision
//! is no better. Byte results are equal. There are two enums, because the byte forms round and clamp and are therefore
//! different functions of different input.
//!
//! ```
//! use vidbench_video::{FloatResize, ImageShape, Size, resize_float};
//!
//! let row = ImageShape { height: 1, width: 4, channels: 1 };
//! let half = resize_float(&[0_u8, 10, 20, 30], row, Size { height: 1, width: 2 }, FloatResize::TorchBilinear)?;
//! assert_eq!(half, [5.0, 25.0]);
//! # Ok::<(), vidbench_video::ResizeError>(())
//! ```

mod bytes;
mod float;
mod geometry;
mod taps;

pub use geometry::{CropError, Size, centre_crop, longer_side, shorter_side};

/// Resizing to floats: no rounding, no clamping, so bicubic leaves the range of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FloatResize {
    /// `torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=False)` on float32.
    TorchBilinear,
    /// `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)` on float32, and Chainer's `resize_images`.
    TorchBilinearCorners,
    /// `torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=True)` on float32.
    TorchBilinearAntialias,
    /// `torch.nn.functional.interpolate(mode="bicubic", align_corners=False, antialias=False)` on float32; a = -0.75.
    TorchBicubic,
    /// `torch.nn.functional.interpolate(mode="bicubic", align_corners=False, antialias=True)` on float32; a = -0.5.
    TorchBicubicAntialias,
    /// `cv2.resize(interpolation=cv2.INTER_LINEAR)` on float32.
    Cv2Linear,
    /// TensorFlow 1's `tf.image.resize_bilinear(align_corners=False)`: without half-pixel centres, so the picture
    /// shifts.
    Tf1Bilinear,
}

/// Resizing to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteResize {
    /// torchvision's `resize(BILINEAR, antialias=False)` of a uint8 tensor by way of float32: rounded half to even. In
    /// this variant and the next three, a value within 1e-4 of a half may round the other way, because torch's
    /// single-precision sums depend on the processor.
    TorchvisionBilinear,
    /// The same with `antialias=True`.
    TorchvisionBilinearAntialias,
    /// torchvision's `resize(BICUBIC, antialias=False)` of a uint8 tensor by way of float32: clamped, rounded half to
    /// even; a = -0.75.
    TorchvisionBicubic,
    /// The same with `antialias=True`; a = -0.5.
    TorchvisionBicubicAntialias,
    /// Pillow's `Image.resize(resample=BILINEAR)`; always antialiased, rounded between the two directions.
    PilBilinear,
    /// Pillow's `Image.resize(resample=BICUBIC)`; always antialiased, a = -0.5, rounded between the two directions.
    PilBicubic,
    /// `cv2.resize(interpolation=cv2.INTER_LINEAR)` on uint8: fixed point with 11 bits.
    Cv2Linear,
}

/// Shape of an image stored as `[H, W, C]`, row-major, tightly packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

/// An image cannot be resized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// The values do not fill the shape they claim.
    #[error("{len} values do not fill {height}x{width} pixels of {channels} channels")]
    Shape {
        /// Values given.
        len: usize,
        /// Rows claimed.
        height: usize,
        /// Columns claimed.
        width: usize,
        /// Channels claimed.
        channels: usize,
    },
    /// A side of the image or of the result is 0, or the result is too large to address.
    #[error("cannot resize {width}x{height} pixels to {to_width}x{to_height}")]
    Size {
        /// Columns of the image.
        width: usize,
        /// Rows of the image.
        height: usize,
        /// Columns wanted.
        to_width: usize,
        /// Rows wanted.
        to_height: usize,
    },
}

/// Resizes `[H, W, C]` to `[to.height, to.width, C]`, in the unit of the input.
///
/// # Errors
///
/// [`ResizeError`] for values that do not fill `shape`, and for sides of 0.
pub fn resize_float<T: Copy + Into<f32>>(
    image: &[T],
    shape: ImageShape,
    to: Size,
    mode: FloatResize,
) -> Result<Vec<f32>, ResizeError> {
    check(image.len(), shape, to)?;
    Ok(float::resize(image, shape, to, mode))
}

/// Resizes `[H, W, C]` to `[to.height, to.width, C]` in bytes.
///
/// # Errors
///
/// As [`resize_float`].
pub fn resize_bytes(
    image: &[u8],
    shape: ImageShape,
    to: Size,
    mode: ByteResize,
) -> Result<Vec<u8>, ResizeError> {
    check(image.len(), shape, to)?;
    let by_float = |mode| bytes::rounded(&float::resize(image, shape, to, mode));
    Ok(match mode {
        ByteResize::TorchvisionBilinear => by_float(FloatResize::TorchBilinear),
        ByteResize::TorchvisionBilinearAntialias => by_float(FloatResize::TorchBilinearAntialias),
        ByteResize::TorchvisionBicubic => by_float(FloatResize::TorchBicubic),
        ByteResize::TorchvisionBicubicAntialias => by_float(FloatResize::TorchBicubicAntialias),
        ByteResize::PilBilinear => bytes::pillow(image, shape, to, taps::Filter::Triangle),
        ByteResize::PilBicubic => bytes::pillow(image, shape, to, taps::Filter::Cubic { a: -0.5 }),
        ByteResize::Cv2Linear => bytes::cv2_linear(image, shape, to),
    })
}

fn check(len: usize, shape: ImageShape, to: Size) -> Result<(), ResizeError> {
    let ImageShape { height, width, channels } = shape;
    let values = |height: usize, width: usize| height.checked_mul(width)?.checked_mul(channels);
    if values(height, width) != Some(len) {
        return Err(ResizeError::Shape { len, height, width, channels });
    }
    let (to_width, to_height) = (to.width, to.height);
    let addressable = values(to_height, to_width).is_some_and(|values| values > 0 && values < 1 << 40);
    let mixed = values(to_height, width).is_some() && values(height, to_width).is_some();
    if len == 0 || !addressable || !mixed {
        return Err(ResizeError::Size { width, height, to_width, to_height });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
