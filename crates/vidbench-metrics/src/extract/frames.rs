//! From a decoded frame to what a net of images takes: the preprocessing of each extraction, step by step.

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_video::{
    ByteResize, FloatResize, ImageShape, Size, centre_crop, resize_bytes, resize_float, shorter_side,
};

use crate::MetricError;

/// Planes of R, G and B, `[3, H, W]`, normalised.
#[derive(Clone)]
pub(super) struct Planar {
    pub(super) size: Size,
    pub(super) values: Vec<f32>,
}

/// Mean and standard deviation of each channel, in [0, 1].
struct Normalisation {
    mean: [f32; 3],
    deviation: [f32; 3],
}

/// CLIP's own (`clip.load`).
const CLIP: Normalisation = Normalisation {
    mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
    deviation: [0.268_629_55, 0.261_302_6, 0.275_777_1],
};
/// ImageNet's, as torchvision's models take it.
const IMAGENET: Normalisation =
    Normalisation { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
/// Side of the square that CLIP and DINO look at.
const SIDE: usize = 224;
const SQUARE: Size = Size { height: SIDE, width: SIDE };

/// VBench's `clip_transform`: bicubic without antialias on floats, which leave 0 to 255, then the middle.
pub(super) fn clip_vbench(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let (shape, size) = (shape(frame), shorter_side(size(frame), SIDE));
    let resized =
        resize_float(frame.rgb, shape, size, FloatResize::TorchBicubic).map_err(|error| unfit(&error))?;
    let middle = centre_crop(&resized, rgb(size), SQUARE).map_err(|error| unfit(&error))?;
    Ok(planar(&middle, SQUARE, &CLIP))
}

/// CLIP's own preprocessing: Pillow's bicubic, antialiased and rounded, then the middle.
pub(super) fn clip(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let (shape, size) = (shape(frame), shorter_side(size(frame), SIDE));
    let resized =
        resize_bytes(frame.rgb, shape, size, ByteResize::PilBicubic).map_err(|error| unfit(&error))?;
    let middle = centre_crop(&resized, rgb(size), SQUARE).map_err(|error| unfit(&error))?;
    Ok(planar(&middle, SQUARE, &CLIP))
}

/// VBench's `dino_transform`: bilinear without antialias, nothing cut off. Rows and columns beyond whole patches of 16, which the
/// net does not look at, are left out.
pub(super) fn dino_vbench(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    const PATCH: usize = 16;
    let (shape, size) = (shape(frame), dino_size(frame));
    let resized =
        resize_float(frame.rgb, shape, size, FloatResize::TorchBilinear).map_err(|error| unfit(&error))?;
    let whole = |side: usize| side / PATCH * PATCH;
    let patches = Size { height: whole(size.height), width: whole(size.width) };
    let rows = resized.chunks_exact(size.width * FramesU8::CHANNELS).take(patches.height);
    let kept: Vec<f32> = rows.flat_map(|row| &row[..patches.width * FramesU8::CHANNELS]).copied().collect();
    Ok(planar(&kept, patches, &IMAGENET))
}

/// The size that DINO's frames are resized to, before what fills no patch is cut off.
pub(super) fn dino_size(frame: &DecodedFrame<'_>) -> Size {
    shorter_side(size(frame), SIDE)
}

/// From `[H, W, 3]` in 0 to 255 to `[3, H, W]`, normalised, in the order of torchvision's operations.
fn planar<T: Copy + Into<f32>>(image: &[T], size: Size, normalisation: &Normalisation) -> Planar {
    let pixels = size.height * size.width;
    let mut values = Vec::with_capacity(pixels * FramesU8::CHANNELS);
    for channel in 0..FramesU8::CHANNELS {
        let (mean, deviation) = (normalisation.mean[channel], normalisation.deviation[channel]);
        let plane = image.iter().skip(channel).step_by(FramesU8::CHANNELS);
        values.extend(plane.map(|value| ((*value).into() / 255.0 - mean) / deviation));
    }
    Planar { size, values }
}

pub(super) fn size(frame: &DecodedFrame<'_>) -> Size {
    Size { height: frame.height, width: frame.width }
}

pub(super) fn shape(frame: &DecodedFrame<'_>) -> ImageShape {
    rgb(size(frame))
}

pub(super) fn rgb(size: Size) -> ImageShape {
    ImageShape { height: size.height, width: size.width, channels: FramesU8::CHANNELS }
}

pub(super) fn unfit(error: &dyn std::error::Error) -> MetricError {
    MetricError::Unfit { reason: error.to_string() }
}

/// Size of the frames that cd-fvd's loader gives.
const LOADED: Size = Size { height: 256, width: 256 };

/// cd-fvd's loader: the shorter side to 256, bilinear and antialiased, the longer one rounded up; the middle, cut off to bytes.
fn loaded_cdfvd(frame: &DecodedFrame<'_>) -> Result<Vec<u8>, MetricError> {
    let unit: Vec<f32> = frame.rgb.iter().map(|value| f32::from(*value) / 255.0).collect();
    let size = shorter_side_up(size(frame), LOADED.height);
    let resized = resize_float(&unit, shape(frame), size, FloatResize::TorchBilinearAntialias)
        .map_err(|error| unfit(&error))?;
    Ok(middle(&resized, size, LOADED.height).iter().map(|value| (value * 255.0) as u8).collect())
}

/// cd-fvd's loader, then its preprocessing for I3D: squashed to 224x224, bilinear without antialias; to [-1, 1].
pub(super) fn i3d_cdfvd(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let loaded = loaded_cdfvd(frame)?;
    let squashed = resize_float(&loaded, rgb(LOADED), SQUARE, FloatResize::TorchBilinear)
        .map_err(|error| unfit(&error))?;
    Ok(signed(&squashed, |value| 2.0 * value / 255.0 - 1.0))
}

/// VideoGPT's preprocessing for I3D: the shorter side to 224, bilinear without antialias, the longer one rounded up; the middle; to
/// [-1, 1].
pub(super) fn i3d_videogpt(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let unit: Vec<f32> = frame.rgb.iter().map(|value| f32::from(*value) / 255.0).collect();
    let size = shorter_side_up(size(frame), SIDE);
    let resized =
        resize_float(&unit, shape(frame), size, FloatResize::TorchBilinear).map_err(|error| unfit(&error))?;
    Ok(signed(&middle(&resized, size, SIDE), |value| (value - 0.5) * 2.0))
}

/// cd-fvd's loader, then its preprocessing for VideoMAE: squashed to 224x224, bilinear without antialias, to [0, 1].
pub(super) fn videomae_cdfvd(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let loaded = loaded_cdfvd(frame)?;
    let unit: Vec<f32> = loaded.iter().map(|value| f32::from(*value) / 255.0).collect();
    let squashed = resize_float(&unit, rgb(LOADED), SQUARE, FloatResize::TorchBilinear)
        .map_err(|error| unfit(&error))?;
    Ok(signed(&squashed, |value| value))
}

/// VBench's frames for ViCLIP: the shorter side to 224, bicubic without antialias, rounded to bytes; the middle, CLIP's mean and deviation.
pub(super) fn viclip_vbench(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let (shape, size) = (shape(frame), shorter_side(size(frame), SIDE));
    let resized = resize_bytes(frame.rgb, shape, size, ByteResize::TorchvisionBicubic)
        .map_err(|error| unfit(&error))?;
    let middle = centre_crop(&resized, rgb(size), SQUARE).map_err(|error| unfit(&error))?;
    Ok(planar(&middle, SQUARE, &CLIP))
}

/// VBench's frames for UMT: the shorter side to 256 by OpenCV's bilinear, the middle 224x224, ImageNet's mean and deviation.
pub(super) fn umt_vbench(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    const SHORTER: usize = 256;
    let (shape, size) = (shape(frame), shorter_side(size(frame), SHORTER));
    let resized =
        resize_bytes(frame.rgb, shape, size, ByteResize::Cv2Linear).map_err(|error| unfit(&error))?;
    let middle = centre_crop(&resized, rgb(size), SQUARE).map_err(|error| unfit(&error))?;
    Ok(planar(&middle, SQUARE, &IMAGENET))
}

/// The size whose shorter side is `side`; the longer one is rounded up, as VideoGPT and cd-fvd do.
fn shorter_side_up(size: Size, side: usize) -> Size {
    let scale = side as f64 / size.height.min(size.width) as f64;
    let up = |length: usize| (length as f64 * scale).ceil() as usize;
    match size.height < size.width {
        true => Size { height: side, width: up(size.width) },
        false => Size { height: up(size.height), width: side },
    }
}

/// The middle square, its first row and column rounded down.
fn middle(image: &[f32], size: Size, side: usize) -> Vec<f32> {
    let (top, left) = ((size.height - side) / 2, (size.width - side) / 2);
    let rows = image.chunks_exact(size.width * FramesU8::CHANNELS).skip(top).take(side);
    rows.flat_map(|row| &row[left * FramesU8::CHANNELS..][..side * FramesU8::CHANNELS]).copied().collect()
}

/// A square of CLIP's and I3D's side as planes.
fn signed(image: &[f32], value: impl Fn(f32) -> f32) -> Planar {
    let plane = |channel: usize| image.iter().skip(channel).step_by(FramesU8::CHANNELS);
    let values = (0..FramesU8::CHANNELS).flat_map(plane).map(|number| value(*number)).collect();
    Planar { size: SQUARE, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_nearly_square_becomes_one_for_dino() {
        let size = |width, height| {
            dino_size(&DecodedFrame { index: 0, timestamp_secs: 0.0, width, height, rgb: &[], planes: None })
        };
        assert_eq!(size(482, 480), Size { height: 224, width: 224 });
        assert_eq!(size(483, 480), Size { height: 224, width: 225 });
    }

    #[test]
    fn the_longer_side_is_rounded_up_where_the_reference_does() {
        let up = |height, width| shorter_side_up(Size { height, width }, 224);
        assert_eq!(up(480, 832), Size { height: 224, width: 389 });
        assert_eq!(up(832, 480), Size { height: 389, width: 224 });
        assert_eq!(up(64, 64), Size { height: 224, width: 224 });
    }

    #[test]
    fn a_frame_of_one_colour_stays_it_in_every_preprocessing() {
        let rgb: Vec<u8> = [255, 0, 51].repeat(70 * 50);
        let frame =
            DecodedFrame { index: 0, timestamp_secs: 0.0, width: 70, height: 50, rgb: &rgb, planes: None };
        for (prepare, wanted) in [
            (i3d_videogpt as fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>, [1.0, -1.0, -0.6]),
            (i3d_cdfvd, [1.0, -1.0, -0.6]),
            (clip, [(1.0 - 0.481_454_66) / 0.268_629_55, -0.457_827_5 / 0.261_302_6, -0.757_994_6]),
            (clip_vbench, [(1.0 - 0.481_454_66) / 0.268_629_55, -0.457_827_5 / 0.261_302_6, -0.757_994_6]),
            (dino_vbench, [(1.0 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]),
        ] {
            let planar = prepare(&frame).unwrap();
            let plane = planar.size.height * planar.size.width;
            for (channel, wanted) in wanted.into_iter().enumerate() {
                let values = &planar.values[channel * plane..][..plane];
                // A byte that is cut off one too low is 0.008 of the range.
                assert!(values.iter().all(|value| (value - wanted).abs() < 0.009), "{channel} {wanted}");
            }
        }
    }
}
