//! Turns a decoded frame into the input of an image net: the preprocessing of each extraction, step by step.

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

/// VBench's `clip_transform`: bicubic without antialiasing on floats, which may leave the range 0 to 255; then the
/// middle.
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

/// VBench's `dino_transform`: bilinear without antialiasing, nothing cut off. Rows and columns beyond whole patches of
/// 16 are left out, because the net does not look at them.
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

/// VBench-I2V's `dino_transform_internet`: the shorter side to 256, bicubic and antialiased (torchvision's default since 0.17), not rounded;
/// the middle.
pub(super) fn dino_i2v(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let (shape, size) = (shape(frame), shorter_side(size(frame), I2V_SIDE));
    let resized = resize_float(frame.rgb, shape, size, FloatResize::TorchBicubicAntialias)
        .map_err(|error| unfit(&error))?;
    let middle = centre_crop(&resized, rgb(size), SQUARE).map_err(|error| unfit(&error))?;
    Ok(planar(&middle, SQUARE, &IMAGENET))
}

/// VBench-I2V's `dino_transform_Image_internet`: the same for an image, by Pillow and therefore rounded.
pub(super) fn dino_i2v_image(image: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let (shape, size) = (shape(image), shorter_side(size(image), I2V_SIDE));
    let resized =
        resize_bytes(image.rgb, shape, size, ByteResize::PilBicubic).map_err(|error| unfit(&error))?;
    let middle = centre_crop(&resized, rgb(size), SQUARE).map_err(|error| unfit(&error))?;
    Ok(planar(&middle, SQUARE, &IMAGENET))
}

/// Shorter side of the resized image whose middle VBench-I2V takes.
const I2V_SIDE: usize = 256;

/// The size that DINO's frames are resized to, before the rest that fills no patch is cut off.
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

/// cd-fvd's loader: the shorter side to 256, bilinear and antialiased, the longer one rounded up; the middle, truncated
/// to bytes.
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
    Ok(mapped(&squashed, SQUARE, |value| 2.0 * value / 255.0 - 1.0))
}

/// What StyleGAN-V's archive does with bytes: squashed to 224x224, bilinear without antialiasing; to [-1, 1].
pub(super) fn i3d_styleganv(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let squashed = resize_float(frame.rgb, shape(frame), SQUARE, FloatResize::TorchBilinear)
        .map_err(|error| unfit(&error))?;
    Ok(mapped(&squashed, SQUARE, |value| 2.0 * value / 255.0 - 1.0))
}

/// VideoGPT's preprocessing for I3D: the shorter side to 224, bilinear without antialias, the longer one rounded up; the middle; to
/// [-1, 1].
pub(super) fn i3d_videogpt(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let unit: Vec<f32> = frame.rgb.iter().map(|value| f32::from(*value) / 255.0).collect();
    let size = shorter_side_up(size(frame), SIDE);
    let resized =
        resize_float(&unit, shape(frame), size, FloatResize::TorchBilinear).map_err(|error| unfit(&error))?;
    Ok(mapped(&middle(&resized, size, SIDE), SQUARE, |value| (value - 0.5) * 2.0))
}

/// cd-fvd's loader, then its preprocessing for VideoMAE: squashed to 224x224, bilinear without antialias, to [0, 1].
pub(super) fn videomae_cdfvd(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let loaded = loaded_cdfvd(frame)?;
    let unit: Vec<f32> = loaded.iter().map(|value| f32::from(*value) / 255.0).collect();
    let squashed = resize_float(&unit, rgb(LOADED), SQUARE, FloatResize::TorchBilinear)
        .map_err(|error| unfit(&error))?;
    Ok(mapped(&squashed, SQUARE, |value| value))
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

/// An image as planes, with `value` applied to each number.
fn mapped(image: &[f32], size: Size, value: impl Fn(f32) -> f32) -> Planar {
    let plane = |channel: usize| image.iter().skip(channel).step_by(FramesU8::CHANNELS);
    let values = (0..FramesU8::CHANNELS).flat_map(plane).map(|number| value(*number)).collect();
    Planar { size, values }
}

/// TGAN v2's frames for C3D: blue, green and red in 0 to 255, squashed to 112x112 so that the corners of both images
/// coincide.
pub(super) fn c3d_tgan2(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    const SIZE: Size = Size { height: 112, width: 112 };
    let squashed = resize_float(frame.rgb, shape(frame), SIZE, FloatResize::TorchBilinearCorners)
        .map_err(|error| unfit(&error))?;
    let mut bgr = squashed;
    bgr.chunks_exact_mut(FramesU8::CHANNELS).for_each(<[f32]>::reverse);
    Ok(mapped(&bgr, SIZE, |value| value))
}

/// The square that Inception looks at.
const INCEPTION: Size = Size { height: 299, width: 299 };

/// clean-fid's preprocessing: each channel squashed by Pillow's bicubic on floats, antialiased, clamped to 0 and 255,
/// not rounded.
pub(super) fn inception_clean(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let squashed = resize_float(frame.rgb, shape(frame), INCEPTION, FloatResize::TorchBicubicAntialias)
        .map_err(|error| unfit(&error))?;
    Ok(mapped(&squashed, INCEPTION, |value| (value.clamp(0.0, 255.0) - 128.0) / 128.0))
}

/// The preprocessing inside the graph of 2015, which torch-fidelity follows: squashed by TensorFlow 1's bilinear, which
/// shifts the image.
pub(super) fn inception_tensorflow(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let squashed = resize_float(frame.rgb, shape(frame), INCEPTION, FloatResize::Tf1Bilinear)
        .map_err(|error| unfit(&error))?;
    Ok(mapped(&squashed, INCEPTION, |value| (value - 128.0) / 128.0))
}

/// pytorch-fid's preprocessing: to [0, 1], squashed by torch's bilinear without antialiasing, to [-1, 1].
pub(super) fn inception_pytorch(frame: &DecodedFrame<'_>) -> Result<Planar, MetricError> {
    let unit: Vec<f32> = frame.rgb.iter().map(|value| f32::from(*value) / 255.0).collect();
    let squashed = resize_float(&unit, shape(frame), INCEPTION, FloatResize::TorchBilinear)
        .map_err(|error| unfit(&error))?;
    Ok(mapped(&squashed, INCEPTION, |value| 2.0 * value - 1.0))
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

    /// Twelve numbers of Inception's input, and its mean, as given by clean-fid 0.1.35 (Pillow 13.0), by torch-fidelity
    /// 0.4.0, and by torch 2.15's `interpolate`, called as in pytorch-fid 0.3.0. Byte i of the image is 37 i mod 256;
    /// number k is at k N / 12 + 5 k.
    #[test]
    fn inception_is_fed_as_by_each_of_the_three_programs() {
        type Golden = (Size, fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>, [f32; 12], f64);
        let (small, large) = (Size { height: 30, width: 40 }, Size { height: 320, width: 400 });
        #[rustfmt::skip]
        let goldens: [Golden; 6] = [
            (small, inception_clean, [-1.0, -0.108201, 0.22243, 0.053461, -0.994019, 0.698191, 0.19995, 0.463976, -0.254711, 0.098626, 0.18557, -0.456863], -0.004_845_481),
            (small, inception_tensorflow, [-1.0, 0.131381, -0.202976, -0.084338, -0.390703, 0.073146, 0.338536, -0.175123, 0.218593, -0.09482, -0.239266, -0.249466], -0.004_375_805),
            (small, inception_pytorch, [-1.0, -0.009786, 0.205942, 0.072145, -0.765375, 0.601901, 0.139393, 0.365973, -0.153689, 0.130103, 0.072844, -0.344785], -0.000_901_763),
            (large, inception_clean, [-0.78293, -0.107587, 0.387295, -0.233909, 0.340731, -0.387814, 0.027335, -0.29746, 0.018709, 0.540528, -0.235636, 0.10117], -0.003_901_117),
            (large, inception_tensorflow, [-1.0, -0.175441, 0.331157, -0.076797, 0.491403, -0.54415, 0.049557, -0.395659, -0.017195, 0.605419, -0.232044, 0.156439], -0.003_906_998),
            (large, inception_pytorch, [-0.822113, -0.098146, 0.294721, -0.160049, 0.609936, -0.364459, 0.029228, -0.306959, 0.11656, 0.611968, -0.236264, 0.038017], 0.0),
        ];
        for (Size { height, width }, prepare, wanted, mean) in goldens {
            let rgb: Vec<u8> = (0..height * width * 3).map(|at| (at * 37 % 256) as u8).collect();
            let frame =
                DecodedFrame { index: 0, timestamp_secs: 0.0, width, height, rgb: &rgb, planes: None };
            let fed = prepare(&frame).unwrap();
            assert_eq!((fed.size, fed.values.len()), (INCEPTION, 3 * 299 * 299));
            for (at, wanted) in wanted.into_iter().enumerate() {
                let found = fed.values[at * fed.values.len() / 12 + 5 * at];
                // Floats of torch and Pillow on this image are exact to 3e-4 of 255.
                assert!((found - wanted).abs() < 1e-5, "{width}x{height} {at}: {found}, not {wanted}");
            }
            let found =
                fed.values.iter().map(|value| f64::from(*value)).sum::<f64>() / fed.values.len() as f64;
            assert!((found - mean).abs() < 1e-6, "{width}x{height}: {found}, not {mean}");
        }
    }

    #[test]
    fn a_frame_of_one_colour_stays_it_in_every_preprocessing() {
        let rgb: Vec<u8> = [255, 0, 51].repeat(70 * 50);
        let frame =
            DecodedFrame { index: 0, timestamp_secs: 0.0, width: 70, height: 50, rgb: &rgb, planes: None };
        for (prepare, wanted) in [
            (i3d_videogpt as fn(&DecodedFrame<'_>) -> Result<Planar, MetricError>, [1.0, -1.0, -0.6]),
            (i3d_cdfvd, [1.0, -1.0, -0.6]),
            (i3d_styleganv, [1.0, -1.0, -0.6]),
            // Blue comes first.
            (c3d_tgan2, [51.0, 0.0, 255.0]),
            (clip, [(1.0 - 0.481_454_66) / 0.268_629_55, -0.457_827_5 / 0.261_302_6, -0.757_994_6]),
            (clip_vbench, [(1.0 - 0.481_454_66) / 0.268_629_55, -0.457_827_5 / 0.261_302_6, -0.757_994_6]),
            (dino_vbench, [(1.0 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]),
        ] {
            let planar = prepare(&frame).unwrap();
            let plane = planar.size.height * planar.size.width;
            for (channel, wanted) in wanted.into_iter().enumerate() {
                let values = &planar.values[channel * plane..][..plane];
                // A byte truncated to one level too low is off by 0.008 of the range.
                assert!(values.iter().all(|value| (value - wanted).abs() < 0.009), "{channel} {wanted}");
            }
        }
    }
}
