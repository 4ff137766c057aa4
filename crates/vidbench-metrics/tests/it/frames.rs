//! Metrics of the frames of one clip against the numbers of other programs, and the direction in which each metric
//! moves.

use vidbench_core::FramesU8;
use vidbench_metrics::frame_difference::Statistic;
use vidbench_metrics::meter::measure_clip;
use vidbench_metrics::{ClipMetric, MetricError};

use crate::numpy::RandomState;

fn value(metric: ClipMetric, frames: &FramesU8) -> Result<f64, MetricError> {
    measure_clip(metric.meter(None), frames).map(|measured| measured.value)
}

fn of(metric: ClipMetric, frames: &FramesU8) -> f64 {
    value(metric, frames).unwrap()
}

/// `numpy.random.RandomState(8).randint(0, 256, (8, 32, 48, 3)).astype(uint8)`.
fn random_clip() -> FramesU8 {
    FramesU8::new(8, 32, 48, RandomState::new(8).bytes(8 * 32 * 48 * 3)).unwrap()
}

/// A soft texture that drifts to the right by one pixel a frame, 12 frames of 40x24.
fn drifting() -> FramesU8 {
    let value = |t: usize, y: usize, x: usize, c: usize| {
        let (x, y) = (x as f64 - t as f64, y as f64);
        (128.0 + 60.0 * ((x / 3.0).sin() + (y / 4.0 + c as f64).cos())).clamp(0.0, 255.0) as u8
    };
    frames(12, 24, 40, value)
}

fn frames(
    count: usize,
    height: usize,
    width: usize,
    value: impl Fn(usize, usize, usize, usize) -> u8,
) -> FramesU8 {
    let mut data = Vec::with_capacity(count * height * width * 3);
    for t in 0..count {
        for y in 0..height {
            for x in 0..width {
                data.extend((0..3).map(|c| value(t, y, x, c)));
            }
        }
    }
    FramesU8::new(count, height, width, data).unwrap()
}

fn map(clip: &FramesU8, mut value: impl FnMut(usize, u8) -> u8) -> FramesU8 {
    let len = clip.frame_len();
    let data = clip.as_bytes().iter().enumerate().map(|(at, v)| value(at / len, *v)).collect();
    FramesU8::new(clip.count(), clip.height(), clip.width(), data).unwrap()
}

fn in_order(clip: &FramesU8, order: &[usize]) -> FramesU8 {
    let data = order.iter().flat_map(|at| clip.frame(*at).to_vec()).collect();
    FramesU8::new(order.len(), clip.height(), clip.width(), data).unwrap()
}

/// Means of 3x3 pixels, the edge left out of the window.
fn blurred(clip: &FramesU8) -> FramesU8 {
    let (h, w) = (clip.height(), clip.width());
    frames(clip.count(), h, w, |t, y, x, c| {
        let (ys, xs) = (y.saturating_sub(1)..(y + 2).min(h), x.saturating_sub(1)..(x + 2).min(w));
        let (mut sum, mut n) = (0_u32, 0);
        for y in ys {
            for x in xs.clone() {
                sum += u32::from(clip.pixel(t, y, x)[c]);
                n += 1;
            }
        }
        (sum / n) as u8
    })
}

const ALL: [ClipMetric; 8] = [
    ClipMetric::BlackShare,
    ClipMetric::Colourfulness,
    ClipMetric::DuplicateShare,
    ClipMetric::FrameDifference(Statistic::Mean),
    ClipMetric::FrameDifference(Statistic::Sd),
    ClipMetric::FrameDifference(Statistic::Max),
    ClipMetric::FrozenShare,
    ClipMetric::Sharpness,
];

#[test]
fn values_of_a_random_clip_are_those_of_opencv_and_numpy() {
    let clip = random_clip();
    let near = |metric, golden: f64| {
        let value = of(metric, &clip);
        assert!((value - golden).abs() <= 1e-9 * golden, "{metric:?}: {value} is not {golden}");
    };
    // OpenCV 5.0.0: mean over frames of Laplacian(cvtColor(frame, COLOR_RGB2GRAY), CV_64F).var().
    near(ClipMetric::Sharpness, 49_162.398_270_024_19);
    // NumPy 2.4.6, from the formulas.
    near(ClipMetric::Colourfulness, 139.249_574_922_176_12);
    near(ClipMetric::FrameDifference(Statistic::Mean), 84.873_697_916_666_66);
    near(ClipMetric::FrameDifference(Statistic::Sd), 0.607_152_790_023_021_9);
    near(ClipMetric::FrameDifference(Statistic::Max), 85.719_184_027_777_77);
}

#[test]
fn a_frozen_clip_does_not_win() {
    let moving = drifting();
    let frozen = in_order(&moving, &[0; 12]);
    assert!(of(ClipMetric::TemporalFlickering, &frozen) > of(ClipMetric::TemporalFlickering, &moving));
    for metric in [ClipMetric::FrozenShare, ClipMetric::DuplicateShare] {
        assert_eq!((of(metric, &frozen), of(metric, &moving)), (1.0, 0.0), "{metric:?}");
    }
    assert_eq!(of(ClipMetric::MotionMagnitude, &frozen), 0.0);
}

#[test]
fn hardly_any_change_is_frozen_but_no_duplicate() {
    let still = in_order(&drifting(), &[3; 6]);
    // One level in one byte of 2,880 a frame: 0.00035 levels in the mean.
    let mut data = still.as_bytes().to_vec();
    for t in 0..6 {
        data[t * still.frame_len()] = 100 + (t % 2) as u8;
    }
    let clip = FramesU8::new(6, 24, 40, data).unwrap();
    assert_eq!((of(ClipMetric::FrozenShare, &clip), of(ClipMetric::DuplicateShare, &clip)), (1.0, 0.0));
}

#[test]
fn half_of_a_clip_may_be_black_or_stand_still() {
    let moving = drifting();
    let half_black = map(&moving, |t, v| if t < 6 { v / 16 } else { v });
    assert_eq!(of(ClipMetric::BlackShare, &half_black), 0.5);
    assert_eq!(of(ClipMetric::BlackShare, &moving), 0.0);
    let half_still = in_order(&moving, &[0, 0, 0, 1, 2, 3, 3]);
    assert_eq!(of(ClipMetric::DuplicateShare, &half_still), 0.5);
}

#[test]
fn a_flash_shows_in_the_largest_difference_and_jitter_in_the_spread() {
    let moving = drifting();
    let flash = map(&moving, |t, v| if t == 5 { 255 } else { v });
    let max = ClipMetric::FrameDifference(Statistic::Max);
    assert!(of(max, &flash) > 3.0 * of(max, &moving));
    let jitter = map(&moving, |t, v| v.saturating_add([0, 0, 20, 0, 0, 0][t % 6]));
    for statistic in [Statistic::Mean, Statistic::Sd] {
        let metric = ClipMetric::FrameDifference(statistic);
        assert!(of(metric, &jitter) > of(metric, &moving), "{statistic:?}");
    }
}

#[test]
fn shuffled_frames_differ_more_but_are_as_sharp() {
    let moving = drifting();
    let shuffled = in_order(&moving, &[7, 2, 11, 0, 5, 9, 1, 10, 3, 6, 8, 4]);
    let mean = ClipMetric::FrameDifference(Statistic::Mean);
    assert!(of(mean, &shuffled) > of(mean, &moving));
    let (a, b) = (of(ClipMetric::Sharpness, &shuffled), of(ClipMetric::Sharpness, &moving));
    assert!((a - b).abs() < 1e-9 * b);
}

#[test]
fn blur_takes_sharpness_and_noise_gives_it() {
    let clip = random_clip();
    let soft = blurred(&clip);
    let softer = blurred(&soft);
    let sharpness = |clip| of(ClipMetric::Sharpness, clip);
    assert!(sharpness(&clip) > sharpness(&soft) && sharpness(&soft) > sharpness(&softer));
}

#[test]
fn a_grey_clip_has_no_colour() {
    let grey = frames(2, 8, 8, |t, y, x, _| (t * 20 + y * 9 + x * 5) as u8);
    assert_eq!(of(ClipMetric::Colourfulness, &grey), 0.0);
    assert!(of(ClipMetric::Colourfulness, &drifting()) > 1.0);
}

#[test]
fn clips_that_are_too_short_or_too_small_are_named() {
    let empty = FramesU8::new(0, 8, 8, vec![]).unwrap();
    for metric in ALL {
        assert!(
            matches!(value(metric, &empty), Err(MetricError::TooFewFrames { frames: 0, .. })),
            "{metric:?}"
        );
    }
    let two = in_order(&drifting(), &[0, 1]);
    let sd = value(ClipMetric::FrameDifference(Statistic::Sd), &two);
    assert_eq!(sd, Err(MetricError::TooFewFrames { frames: 2, needed: 3 }));
    let thin = FramesU8::new(1, 1, 8, vec![0; 24]).unwrap();
    let error = value(ClipMetric::Sharpness, &thin).unwrap_err().to_string();
    assert_eq!(error, "frames of 8x1 are too small, both sides must be at least 2");
    assert_eq!(value(ClipMetric::BlackShare, &thin), Ok(1.0));
}

#[test]
fn a_series_holds_one_value_for_each_frame_it_is_of() {
    let clip = drifting();
    for (metric, first) in [(ClipMetric::Sharpness, 0), (ClipMetric::FrameDifference(Statistic::Mean), 1)] {
        let series = measure_clip(metric.meter(None), &clip).unwrap().series.unwrap();
        assert_eq!((series.first_frame, series.values.len()), (first, 12 - first as usize));
    }
}
