//! Optical flow against OpenCV's, and the warping error against OpenCV with NumPy; also the direction in which the
//! error moves.

use proptest::prelude::*;
use vidbench_core::{FramesU8, Score};
use vidbench_metrics::flow::{Flow, Pyramid};
use vidbench_metrics::meter::measure_clip;
use vidbench_metrics::warping_error::{Meter, warping_error};
use vidbench_metrics::{ClipMetric, MetricError, score_clip};

use crate::numpy::RandomState;

/// A disc that moves by (-2, 1) a frame before a texture that moves by (1.3, -0.7).
fn scene(t: f64, y: f64, x: f64, c: f64) -> f64 {
    let (u, v) = (x - 1.3 * t, y + 0.7 * t);
    let (p, q) = (x + 2.0 * t, y - t);
    if (p - 36.0).powi(2) + (q - 20.0).powi(2) < 100.0 {
        128.0 + 60.0 * (0.7 * p - 0.5 * q + c).sin() + 30.0 * (0.9 * q).cos()
    } else {
        128.0 + 50.0 * (0.45 * u + 0.6 * c).sin() + 40.0 * (0.38 * v - 0.21 * u).cos()
    }
}

/// The scene with `change(frame, byte)` added to each byte.
fn clip(frames: usize, [width, height]: [usize; 2], mut change: impl FnMut(usize, usize) -> f64) -> FramesU8 {
    let mut data = Vec::with_capacity(frames * height * width * 3);
    for t in 0..frames {
        for at in 0..height * width * 3 {
            let (y, x, c) = (at / 3 / width, at / 3 % width, at % 3);
            let value = scene(t as f64, y as f64, x as f64, c as f64) + change(t, at);
            data.push(value.clamp(0.0, 255.0) as u8);
        }
    }
    FramesU8::new(frames, height, width, data).unwrap()
}

/// OpenCV's `RGB2GRAY` of a frame.
fn grey(clip: &FramesU8, frame: usize) -> Vec<u8> {
    let of = |rgb: &[u8]| {
        (9798 * u32::from(rgb[0]) + 19_235 * u32::from(rgb[1]) + 3735 * u32::from(rgb[2]) + 16_384) >> 15
    };
    clip.frame(frame).chunks_exact(3).map(|rgb| of(rgb) as u8).collect()
}

fn flow(clip: &FramesU8) -> Flow {
    let pyramid = |frame| Pyramid::new(&grey(clip, frame), clip.width(), clip.height());
    pyramid(0).flow_to(&pyramid(1))
}

/// x, y and the flow there.
type Golden = (usize, usize, f32, f32);

#[test]
fn the_flow_is_that_of_opencv() {
    // OpenCV 5.0.0: calcOpticalFlowFarneback(a, b, None, 0.5, 5, 15, 3, 7, 1.5, 0) of the first two frames in grey.
    let golden: [([usize; 2], &[Golden]); 2] = [
        (
            [64, 48],
            &[
                (5, 5, 1.330_794_7, -0.676_593_54),
                (32, 24, -1.429_432_3, 1.074_434_9),
                (40, 20, -1.258_481_7, 1.213_437_3),
                (60, 44, 1.322_377_1, -0.682_538_87),
                (20, 30, 0.936_999_6, -0.918_835_16),
            ],
        ),
        // One halving, of odd sides.
        (
            [133, 101],
            &[
                (0, 0, 1.356_101_4, -0.711_301_57),
                (32, 24, -1.444_286, 1.075_555_7),
                (66, 50, 1.304_255_8, -0.700_285_7),
                (132, 100, 1.341_447_4, -0.691_580_5),
                (120, 30, 1.315_677_4, -0.691_801_4),
            ],
        ),
    ];
    for (size, places) in golden {
        let flow = flow(&clip(2, size, |_, _| 0.0));
        for (x, y, dx, dy) in places {
            let found = (flow.dx[y * size[0] + x], flow.dy[y * size[0] + x]);
            let off = (found.0 - dx).abs().max((found.1 - dy).abs());
            assert!(off < 2e-5, "({x}, {y}) of {size:?}: {found:?} is not {:?}", (dx, dy));
        }
    }
}

#[test]
fn a_picture_without_pixels_has_a_flow_without_pixels() {
    for (width, height) in [(0, 0), (0, 40), (40, 0)] {
        let pyramid = Pyramid::new(&[], width, height);
        let flow = pyramid.flow_to(&pyramid);
        assert_eq!((flow.width, flow.height, flow.dx.len(), flow.dy.len()), (width, height, 0, 0));
    }
}

#[test]
fn the_flow_of_a_shifted_texture_is_the_shift() {
    let size = [192_usize, 128];
    let noise = RandomState::new(4).bytes(300 * 300);
    // Means of 7x7 noise bytes: a texture without a period that could be mistaken.
    let texture = |x: usize, y: usize| {
        let rows = (y..y + 7).flat_map(|y| &noise[y * 300 + x..y * 300 + x + 7]);
        (128 + (rows.map(|v| i32::from(*v)).sum::<i32>() / 49 - 128) * 3).clamp(0, 255) as u8
    };
    let frame = |dx: usize, dy: usize| -> Vec<u8> {
        (0..size[1])
            .flat_map(|y| (0..size[0]).map(move |x| (x, y)))
            .map(|(x, y)| texture(x + dx, y + dy))
            .collect()
    };
    let pyramid = |frame: &[u8]| Pyramid::new(frame, size[0], size[1]);
    for (dx, dy) in [(0, 0), (1, 0), (3, 2), (9, 6)] {
        // What is at (x + 20, y + 20) of the texture moves to (x - dx, y - dy).
        let flow = pyramid(&frame(20, 20)).flow_to(&pyramid(&frame(20 + dx, 20 + dy)));
        for (at, (u, v)) in flow.dx.iter().zip(&flow.dy).enumerate() {
            let (x, y) = (at % size[0], at / size[0]);
            let inside = (24..size[0] - 24).contains(&x) && (24..size[1] - 24).contains(&y);
            let off = (u + dx as f32).abs().max((v + dy as f32).abs());
            assert!(!inside || off < 0.1, "({x}, {y}): ({u}, {v}) is not ({dx}, {dy})");
        }
    }
}

#[test]
fn the_error_of_a_small_clip_is_that_of_opencv_and_numpy() {
    // OpenCV 5.0.0 flows, the rest in NumPy 2.4.6 with 64-bit numbers: 1887, 1912, 1919, 1844 and 1863 of 3072 pixels count.
    let golden = [
        0.000_181_847_830_668_658_1,
        0.000_164_518_366_415_283_94,
        0.000_149_966_194_199_747_37,
        0.000_122_220_315_163_246_55,
        0.000_109_330_809_390_846_31,
    ];
    let measured = measure_clip(Box::new(Meter::default()), &clip(6, [64, 48], |_, _| 0.0)).unwrap();
    let series = measured.series.unwrap();
    assert_eq!((series.first_frame, series.values.len()), (1, 5));
    // The flow is OpenCV's to 1e-5 pixels, which changes the error in its fifth digit.
    for (value, golden) in series.values.iter().zip(golden) {
        assert!((f64::from(*value) - golden).abs() < 1e-4 * golden, "{value} is not {golden}");
    }
    let mean = 0.000_145_576_703_167_596_46;
    assert!((measured.value - mean).abs() < 1e-4 * mean, "{} is not {mean}", measured.value);
}

#[test]
fn frames_that_are_equal_have_no_error() {
    let frame = clip(1, [64, 48], |_, _| 0.0);
    let still = FramesU8::new(4, 48, 64, frame.as_bytes().repeat(4)).unwrap();
    assert_eq!(warping_error(&still), Ok(0.0));
}

#[test]
fn more_noise_is_more_error() {
    let errors = [0.0, 8.0, 16.0, 32.0, 64.0].map(|amplitude| {
        let noise = RandomState::new(1).bytes(5 * 48 * 64 * 3);
        let frame_len = 48 * 64 * 3;
        let noisy =
            clip(5, [64, 48], |t, at| (f64::from(noise[t * frame_len + at]) / 128.0 - 1.0) * amplitude);
        warping_error(&noisy).unwrap()
    });
    assert!(errors.windows(2).all(|pair| pair[1] > pair[0]), "{errors:?}");
}

#[test]
fn more_flicker_is_more_error() {
    let errors = [0.0, 2.0, 5.0, 10.0, 20.0].map(|amplitude| {
        let flickering = clip(5, [64, 48], |t, _| if t % 2 == 0 { amplitude } else { -amplitude });
        warping_error(&flickering).unwrap()
    });
    assert!(errors.windows(2).all(|pair| pair[1] > pair[0]), "{errors:?}");
}

#[test]
fn rows_that_jitter_more_are_more_error() {
    let errors = [0.0, 0.5, 1.0, 2.0, 4.0].map(|pixels| {
        let noise = RandomState::new(3).bytes(5 * 48);
        let (width, height) = (64, 48);
        let value = |t: usize, y: usize, x: usize, c: usize| {
            // Each row is shifted by itself in each frame, which no smooth flow follows.
            let shift = (f64::from(noise[t * height + y]) / 128.0 - 1.0) * pixels;
            scene(t as f64, y as f64, x as f64 + shift, c as f64).clamp(0.0, 255.0) as u8
        };
        let bytes = (0..5 * height * width * 3).map(|at| {
            let pixel = at / 3;
            value(pixel / width / height, pixel / width % height, pixel % width, at % 3)
        });
        warping_error(&FramesU8::new(5, height, width, bytes.collect()).unwrap()).unwrap()
    });
    assert!(errors.windows(2).all(|pair| pair[1] > pair[0]), "{errors:?}");
}

#[test]
fn motion_that_the_flow_explains_is_no_error() {
    let moving = clip(5, [64, 48], |_, _| 0.0);
    let shuffled: Vec<u8> = [3, 0, 4, 1, 2].iter().flat_map(|at| moving.frame(*at).to_vec()).collect();
    let shuffled = FramesU8::new(5, 48, 64, shuffled).unwrap();
    let (moving, shuffled) = (warping_error(&moving).unwrap(), warping_error(&shuffled).unwrap());
    assert!(shuffled > 3.0 * moving, "{moving}, {shuffled}");
}

#[test]
fn clips_of_no_or_one_frame_are_named() {
    for frames in 0..2 {
        let short = FramesU8::new(frames, 8, 8, vec![0; frames * 8 * 8 * 3]).unwrap();
        assert_eq!(warping_error(&short), Err(MetricError::TooFewFrames { frames, needed: 2 }));
    }
    assert_eq!(
        warping_error(&FramesU8::new(0, 0, 0, vec![]).unwrap()),
        Err(MetricError::NoPixels { width: 0, height: 0 })
    );
}

#[test]
fn frames_that_share_no_pixel_have_no_error_and_say_so() {
    // Unrelated noise so small that every pixel leads out of the picture, not back, or lies at an edge of the flow.
    let clip = FramesU8::new(2, 11, 11, RandomState::new(39).bytes(2 * 11 * 11 * 3)).unwrap();
    let error = warping_error(&clip).unwrap_err();
    assert_eq!(error.to_string(), "no pixel of frame 0 has a match in frame 1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_clip_panics(
        frames in 0_usize..4, width in 1_usize..40, height in 1_usize..40, seed in 0_u32..1000,
    ) {
        let data = RandomState::new(seed).bytes(frames * height * width * 3);
        let clip = FramesU8::new(frames, height, width, data).unwrap();
        match score_clip(ClipMetric::WarpingError, &clip, None) {
            Score::Value(value) => prop_assert!((0.0..=1.0).contains(&value)),
            Score::NotAvailable { reason } => prop_assert!(!reason.is_empty()),
        }
    }
}
