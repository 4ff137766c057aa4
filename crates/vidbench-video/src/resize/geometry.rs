//! Sizes and crops by torchvision's rules.

use super::ImageShape;

/// Height and width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// A crop does not lie within its image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot crop {to_width}x{to_height} out of {width}x{height} pixels ({len} values)")]
pub struct CropError {
    /// Columns wanted.
    pub to_width: usize,
    /// Rows wanted.
    pub to_height: usize,
    /// Columns of the image.
    pub width: usize,
    /// Rows of the image.
    pub height: usize,
    /// Values given.
    pub len: usize,
}

/// The size whose shorter side is `side`, by the rule of `torchvision.transforms.Resize(side)`: the longer side is
/// `int(side * long / short)`, so truncated. Sides of 0 give 0.
pub fn shorter_side(size: Size, side: usize) -> Size {
    let (short, long) = (size.height.min(size.width), size.height.max(size.width));
    // The cast truncates, and turns 0 / 0 into 0.
    let long = ((side * long) as f64 / short as f64) as usize;
    if size.width <= size.height {
        Size { height: long, width: side }
    } else {
        Size { height: side, width: long }
    }
}

/// Shrinks the longer side to `side`; a size that is not longer stays as it is. Both sides are `int(side / longer *
/// length)`, by the rule of VBench's imaging quality.
pub fn longer_side(size: Size, side: usize) -> Size {
    let longer = size.height.max(size.width);
    if longer <= side {
        return size;
    }
    let scale = side as f64 / longer as f64;
    let scaled = |length: usize| (scale * length as f64) as usize;
    Size { height: scaled(size.height), width: scaled(size.width) }
}

/// Cuts the middle out, as `torchvision.transforms.CenterCrop`: the first row is `int(round((height - to) / 2))`, where
/// Python rounds a half to the even number. torchvision pads images that are too small; here that is an error.
///
/// # Errors
///
/// [`CropError`] for a crop larger than the image, and for values that do not fill `shape`.
pub fn centre_crop<T: Copy>(image: &[T], shape: ImageShape, to: Size) -> Result<Vec<T>, CropError> {
    let ImageShape { height, width, channels } = shape;
    let values = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
    if to.height > height || to.width > width || values != Some(image.len()) {
        let (to_width, to_height, len) = (to.width, to.height, image.len());
        return Err(CropError { to_width, to_height, width, height, len });
    }
    let first = |whole: usize, part: usize| ((whole - part) as f64 / 2.0).round_ties_even() as usize;
    let (top, left) = (first(height, to.height), first(width, to.width));
    let rows = image.chunks_exact((width * channels).max(1)).skip(top).take(to.height);
    Ok(rows.flat_map(|row| &row[left * channels..(left + to.width) * channels]).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(height: usize, width: usize) -> Size {
        Size { height, width }
    }

    #[test]
    fn the_longer_side_is_cut_off_not_rounded() {
        assert_eq!(shorter_side(size(480, 832), 224), size(224, 388));
        assert_eq!(shorter_side(size(832, 480), 224), size(388, 224));
        assert_eq!(shorter_side(size(64, 64), 224), size(224, 224));
        assert_eq!(shorter_side(size(0, 5), 7).height, 7);
    }

    #[test]
    fn imaging_quality_shrinks_to_512_and_never_enlarges() {
        assert_eq!(longer_side(size(480, 832), 512), size(295, 512));
        assert_eq!(longer_side(size(100, 200), 512), size(100, 200));
    }

    #[test]
    fn a_half_row_goes_to_the_even_one() {
        let row: Vec<u8> = (0..9).collect();
        let crop = |width: usize, to: usize| {
            let shape = ImageShape { height: 1, width, channels: 1 };
            centre_crop(&row[..width], shape, size(1, to)).unwrap()[0]
        };
        assert_eq!((crop(5, 4), crop(7, 4), crop(9, 4), crop(8, 4)), (0, 2, 2, 2));
    }

    #[test]
    fn channels_stay_together() {
        let image: Vec<u16> = (0..3 * 4 * 2).collect();
        let shape = ImageShape { height: 3, width: 4, channels: 2 };
        assert_eq!(centre_crop(&image, shape, size(1, 2)).unwrap(), [10, 11, 12, 13]);
    }

    #[test]
    fn a_crop_larger_than_the_image_is_refused() {
        let shape = ImageShape { height: 2, width: 2, channels: 1 };
        let error = centre_crop(&[0; 4], shape, size(2, 3)).unwrap_err();
        assert_eq!(error.to_string(), "cannot crop 3x2 out of 2x2 pixels (4 values)");
        assert!(centre_crop(&[0; 5], shape, size(1, 1)).is_err());
    }
}
