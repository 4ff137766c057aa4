//! Images with their borders repeated around them, for nets whose input sides must be multiples of a number.

use vidbench_core::{DecodedFrame, FramesU8};

use crate::MetricError;

/// Planes of R, G and B with a border.
#[derive(Debug, Clone)]
pub(super) struct Padded {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Columns of the border on the left, and rows above.
    pub(super) left: usize,
    pub(super) top: usize,
    /// `[3, H, W]`.
    pub(super) values: Vec<f32>,
}

impl Padded {
    /// Shape of a batch of one.
    pub(super) fn shape(&self) -> [usize; 4] {
        [1, FramesU8::CHANNELS, self.height, self.width]
    }
}

/// RAFT's and AMT's `InputPadder`: repeats the border, with the smaller half on the left and above. Values are divided
/// by `unit`.
pub(super) fn padded(
    frame: &DecodedFrame<'_>,
    multiple: usize,
    least_side: usize,
    unit: f32,
) -> Result<Padded, MetricError> {
    let (width, height) = (frame.width.next_multiple_of(multiple), frame.height.next_multiple_of(multiple));
    if width.min(height) < least_side {
        let (width, height) = (frame.width, frame.height);
        return Err(MetricError::TooSmall { width, height, needed: least_side + 1 - multiple });
    }
    let (left, top) = ((width - frame.width) / 2, (height - frame.height) / 2);
    let inside = |at: usize, before: usize, length: usize| at.saturating_sub(before).min(length - 1);
    let mut values = Vec::with_capacity(FramesU8::CHANNELS * width * height);
    for channel in 0..FramesU8::CHANNELS {
        for y in 0..height {
            let row = inside(y, top, frame.height) * frame.width;
            values.extend((0..width).map(|x| {
                let pixel = row + inside(x, left, frame.width);
                f32::from(frame.rgb[pixel * FramesU8::CHANNELS + channel]) / unit
            }));
        }
    }
    Ok(Padded { width, height, left, top, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_is_repeated_and_its_smaller_half_comes_first() {
        let rgb: Vec<u8> = (0..5 * 8 * 3).map(|at| at as u8).collect();
        let frame =
            DecodedFrame { index: 0, timestamp_secs: 0.0, width: 5, height: 8, rgb: &rgb, planes: None };
        let padded = padded(&frame, 8, 8, 1.0).unwrap();
        assert_eq!((padded.width, padded.height, padded.left, padded.top), (8, 8, 1, 0));
        assert_eq!(padded.values[..8], [0.0, 0.0, 3.0, 6.0, 9.0, 12.0, 12.0, 12.0]);
        assert_eq!(padded.values[64..66], [1.0, 1.0]);
    }

    #[test]
    fn a_frame_that_is_too_small_says_so() {
        let frame =
            DecodedFrame { index: 0, timestamp_secs: 0.0, width: 100, height: 300, rgb: &[], planes: None };
        let error = padded(&frame, 8, 128, 1.0).unwrap_err();
        assert_eq!(error, MetricError::TooSmall { width: 100, height: 300, needed: 121 });
    }
}
