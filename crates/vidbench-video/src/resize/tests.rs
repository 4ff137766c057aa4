//! Golden values: torch 2.15 (CPU), Pillow 13.0, OpenCV 5.0; TensorFlow 1's rule computed in float32 by its definition.

use super::*;

/// `name height width channels to_height to_width : values`, the input being [`input`].
const GOLDENS: &str = include_str!("../../tests/fixtures/resize_goldens.txt");

fn input(len: usize) -> Vec<u8> {
    (0..len).map(|i| ((37 * i + 11 * (i * i % 97)) % 256) as u8).collect()
}

struct Golden {
    name: &'static str,
    shape: ImageShape,
    to: Size,
    values: Vec<f32>,
}

fn goldens() -> impl Iterator<Item = Golden> {
    GOLDENS.lines().map(|line| {
        let (head, values) = line.split_once(" : ").unwrap();
        let (name, sizes) = head.split_once(' ').unwrap();
        let sizes: Vec<usize> = sizes.split(' ').map(|size| size.parse().unwrap()).collect();
        let [height, width, channels, to_height, to_width] = sizes[..] else { panic!("{head}") };
        let shape = ImageShape { height, width, channels };
        let to = Size { height: to_height, width: to_width };
        Golden { name, shape, to, values: values.split(' ').map(|value| value.parse().unwrap()).collect() }
    })
}

fn float_mode(name: &str) -> Option<FloatResize> {
    use FloatResize::*;
    let all = [
        TorchBilinear,
        TorchBilinearCorners,
        TorchBilinearAntialias,
        TorchBicubic,
        TorchBicubicAntialias,
        Cv2Linear,
        Tf1Bilinear,
    ];
    all.into_iter().find(|mode| format!("{mode:?}") == name)
}

fn byte_mode(name: &str) -> Option<ByteResize> {
    use ByteResize::*;
    if name == "Cv2Linear8" {
        return Some(Cv2Linear);
    }
    let all = [
        TorchvisionBilinear,
        TorchvisionBilinearAntialias,
        TorchvisionBicubic,
        TorchvisionBicubicAntialias,
        PilBilinear,
        PilBicubic,
    ];
    all.into_iter().find(|mode| format!("{mode:?}") == name)
}

#[test]
fn every_mode_equals_its_namesake() {
    let mut checked = 0;
    for Golden { name, shape, to, values } in goldens() {
        let image = input(shape.height * shape.width * shape.channels);
        if let Some(mode) = float_mode(name) {
            let found = resize_float(&image, shape, to, mode).unwrap();
            assert_eq!(found.len(), values.len());
            let worst = found.iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // torch's own single-precision rounding of bicubic weights is larger on noise.
            let bound = if name.starts_with("TorchBicubic") { 3e-4 } else { 1e-4 };
            assert!(worst <= bound, "{name} {shape:?} to {to:?}: {worst}");
        } else {
            let found = resize_bytes(&image, shape, to, byte_mode(name).unwrap()).unwrap();
            // Where torch's own sum is a half except for its last bits, either byte is right.
            let float = float_mode(&name.replace("vision", "")).filter(|_| name.starts_with("Torchvision"));
            let float = float.map(|mode| resize_float(&image, shape, to, mode).unwrap());
            for (index, (&byte, &expected)) in found.iter().zip(&values).enumerate() {
                let tie = |value: f32| {
                    (value.rem_euclid(1.0) - 0.5).abs() <= 1e-4 && (value - expected).abs() < 0.51
                };
                let tie = float.as_ref().is_some_and(|float| tie(float[index]));
                assert!(
                    f32::from(byte) == expected || tie,
                    "{name} {shape:?} to {to:?} at {index}: {byte}, not {expected}"
                );
            }
        }
        checked += 1;
    }
    assert_eq!(checked, 14 * 11);
}

const A3: ImageShape = ImageShape { height: 6, width: 10, channels: 1 };
const A3_TO: Size = Size { height: 4, width: 5 };

fn a3_input() -> Vec<u8> {
    (0..60_u32).map(|i| (37 * i % 256) as u8).collect()
}

fn assert_float(mode: FloatResize, expected: &[f32]) {
    let found = resize_float(&a3_input(), A3, A3_TO, mode).unwrap();
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-4, "{mode:?} at {index}: {found}, not {expected}");
    }
}

#[test]
fn published_float_values_hold() {
    assert_float(
        FloatResize::TorchBilinear,
        &[
            47.0, 121.0, 131.0, 109.0, 87.0, 122.0, 100.0, 110.0, 184.0, 66.0, 133.0, 143.0, 121.0, 99.0,
            141.0, 112.0, 122.0, 196.0, 78.0, 120.0,
        ],
    );
    assert_float(
        FloatResize::TorchBilinearAntialias,
        &[
            69.17857, 123.25001, 125.25, 107.25, 93.32143, 119.38096, 113.83334, 109.61111, 140.94444,
            102.88889, 137.7619, 129.16666, 121.38889, 120.72221, 129.39682, 123.96429, 119.75, 161.75,
            115.75001, 120.67858,
        ],
    );
    assert_float(
        FloatResize::TorchBicubic,
        &[
            41.35156, 129.60156, 124.03906, 104.47656, 93.63281, 123.6875, 94.9375, 102.875, 222.25,
            37.03125, 136.65625, 148.0625, 115.0, 84.65625, 159.84375, 115.49219, 113.39844, 216.74219,
            60.11719, 122.64844,
        ],
    );
    assert_float(
        FloatResize::TorchBicubicAntialias,
        &[
            61.84148, 129.91899, 126.56472, 103.54773, 92.97653, 120.10889, 114.32681, 102.79249, 149.45801,
            97.87026, 141.98073, 128.63846, 119.91195, 120.43974, 132.72853, 125.40171, 113.04627, 172.07121,
            112.47618, 121.26923,
        ],
    );
}

#[test]
fn published_byte_values_hold() {
    let check = |mode, expected: [u8; 20]| {
        assert_eq!(resize_bytes(&a3_input(), A3, A3_TO, mode).unwrap(), expected, "{mode:?}");
    };
    check(
        ByteResize::PilBilinear,
        [69, 124, 126, 108, 94, 119, 114, 110, 141, 103, 138, 130, 122, 121, 130, 124, 120, 162, 116, 121],
    );
    check(
        ByteResize::PilBicubic,
        [62, 130, 127, 104, 93, 120, 114, 103, 149, 98, 142, 129, 120, 120, 133, 125, 113, 173, 113, 121],
    );
    check(
        ByteResize::TorchvisionBicubic,
        [41, 130, 124, 104, 94, 124, 95, 103, 222, 37, 137, 148, 115, 85, 160, 115, 113, 217, 60, 123],
    );
}

#[test]
fn floats_and_bytes_of_the_same_values_give_the_same() {
    let bytes = input(9 * 7 * 3);
    let floats: Vec<f32> = bytes.iter().copied().map(f32::from).collect();
    let shape = ImageShape { height: 9, width: 7, channels: 3 };
    let to = Size { height: 4, width: 5 };
    let mode = FloatResize::TorchBicubicAntialias;
    assert_eq!(resize_float(&bytes, shape, to, mode), resize_float(&floats, shape, to, mode));
}

#[test]
fn any_number_of_channels_is_resized_alike() {
    let grey = input(12 * 8);
    let one = ImageShape { height: 12, width: 8, channels: 1 };
    let five = ImageShape { channels: 5, ..one };
    let repeated: Vec<u8> = grey.iter().flat_map(|&value| [value; 5]).collect();
    let to = Size { height: 5, width: 11 };
    let alone = resize_float(&grey, one, to, FloatResize::TorchBilinear).unwrap();
    let together = resize_float(&repeated, five, to, FloatResize::TorchBilinear).unwrap();
    assert!(together.chunks(5).zip(alone).all(|(pixel, value)| pixel.iter().all(|&found| found == value)));
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let shape = ImageShape { height: 2, width: 2, channels: 3 };
    let to = Size { height: 1, width: 1 };
    let resized =
        |len: usize, shape, to| resize_float(&vec![0_u8; len], shape, to, FloatResize::TorchBilinear);
    let error = resized(11, shape, to).unwrap_err();
    assert_eq!(error.to_string(), "11 values do not fill 2x2 pixels of 3 channels");
    let error = resized(12, shape, Size { height: 0, width: 1 }).unwrap_err();
    assert_eq!(error.to_string(), "cannot resize 2x2 pixels to 1x0");
    assert!(resized(12, shape, Size { height: usize::MAX, width: 2 }).is_err());
    assert!(resized(0, ImageShape { height: 0, ..shape }, to).is_err());
    assert!(resized(12, ImageShape { height: usize::MAX, ..shape }, to).is_err());
}

/// Goldens of torch 2.15 on a processor with FMA: the sum of the results truncated to bytes; for enlarged images also a
/// sum of all bits.
#[test]
fn antialiased_floats_are_those_of_torch() {
    let shape = ImageShape { height: 64, width: 64, channels: 3 };
    let image: Vec<f32> = (0..64 * 64 * 3).map(|at| f32::from((37 * at % 256) as u8) / 255.0).collect();
    for (height, width, bytes, bits) in
        [(256, 256, 24_970_720, Some(98_132_065_580)), (40, 27, 411_742, None)]
    {
        let resized =
            resize_float(&image, shape, Size { height, width }, FloatResize::TorchBilinearAntialias).unwrap();
        let cut_off: u64 = resized.iter().map(|value| u64::from((value * 255.0) as u8)).sum();
        let mixed = |(at, value): (usize, &f32)| u64::from(value.to_bits()) * (at as u64 + 1) % 1_000_003;
        assert_eq!(cut_off, bytes);
        assert!(bits.is_none_or(|bits: u64| resized.iter().enumerate().map(mixed).sum::<u64>() == bits));
    }
}
