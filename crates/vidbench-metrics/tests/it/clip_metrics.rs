use proptest::prelude::*;
use vidbench_core::{FramesU8, Score};
use vidbench_metrics::motion_magnitude::{CHANGED_ABOVE, motion_magnitude};
use vidbench_metrics::shape_adherence::shape_adherence;
use vidbench_metrics::temporal_flickering::temporal_flickering;
use vidbench_metrics::{ClipMetric, score_clip};
use vidbench_shapes::{Attributes, parse_prompt, render};

use crate::numpy::RandomState;

const CLIP_METRICS: [ClipMetric; 3] =
    [ClipMetric::MotionMagnitude, ClipMetric::ShapeAdherence, ClipMetric::TemporalFlickering];
const PROMPT: &str = "a large red circle moving left on a navy background";

/// A clip of 1x1 frames, each of one grey value.
fn greys(values: &[u8]) -> FramesU8 {
    FramesU8::new(values.len(), 1, 1, values.iter().flat_map(|value| [*value; 3]).collect()).unwrap()
}

fn random_clip() -> FramesU8 {
    FramesU8::new(8, 32, 48, RandomState::new(8).bytes(8 * 32 * 48 * 3)).unwrap()
}

fn rendered() -> FramesU8 {
    render(&parse_prompt(PROMPT).unwrap(), 5)
}

fn reversed(frames: &FramesU8) -> FramesU8 {
    let data: Vec<u8> = (0..frames.count()).rev().flat_map(|index| frames.frame(index).to_vec()).collect();
    FramesU8::new(frames.count(), frames.height(), frames.width(), data).unwrap()
}

/// The clip with up to `amplitude` levels of noise, the same pattern for every amplitude.
fn with_noise(frames: &FramesU8, amplitude: i32) -> FramesU8 {
    let noise = RandomState::new(1).bytes(frames.as_bytes().len());
    let noisy = frames.as_bytes().iter().zip(noise).map(|(value, noise)| {
        let offset = (i32::from(noise) - 128) * amplitude / 128;
        (i32::from(*value) + offset).clamp(0, 255) as u8
    });
    FramesU8::new(frames.count(), frames.height(), frames.width(), noisy.collect()).unwrap()
}

#[test]
fn flickering_of_a_small_clip_is_as_computed_by_hand() {
    // Differences 10 and 30, mean 20.
    assert_eq!(temporal_flickering(&greys(&[100, 110, 80])), Ok((255.0 - 20.0) / 255.0));
    assert_eq!(temporal_flickering(&greys(&[0, 255, 0])), Ok(0.0));
}

#[test]
fn flickering_agrees_with_numpy_exactly_and_with_vbench_to_its_rounding() {
    // NumPy 2.4.6 with integers: 1 - 2737686 / (255 * 32256 * 1) for numpy.random.RandomState(8).randint(0, 256, (8, 32, 48, 3)).
    let value = temporal_flickering(&random_clip()).unwrap();
    assert_eq!(value, 0.6671619689542484);
    // VBench's own code on the same frames: a mean of 4,608 bytes in 32-bit floats, rounded in the seventh digit.
    assert!((value - 0.6671619789273131).abs() < 5e-8);
}

#[test]
fn motion_of_a_small_clip_is_as_computed_by_hand() {
    let most = CHANGED_ABOVE;
    assert_eq!(motion_magnitude(&greys(&[50, 50 + most])), Ok(0.0));
    assert_eq!(motion_magnitude(&greys(&[50, 51 + most])), Ok(1.0));
    assert_eq!(motion_magnitude(&greys(&[50, 51 + most, 50 + most, 0])), Ok(2.0 / 3.0));
}

#[test]
fn one_channel_is_enough_for_a_pixel_to_change() {
    for channel in 0..3 {
        let mut data = vec![100; 12];
        data[6 + channel] = 120;
        let frames = FramesU8::new(2, 1, 2, data).unwrap();
        assert_eq!(motion_magnitude(&frames), Ok(0.5), "channel {channel}");
    }
}

#[test]
fn motion_agrees_with_numpy() {
    // (abs(diff).max(-1) > 10).mean() = 10745 / 10752 for the clip of the flickering golden.
    assert_eq!(motion_magnitude(&random_clip()), Ok(10745.0 / 10752.0));
}

#[test]
fn a_frozen_clip_is_perfect_for_flickering_and_motion_shows_why_it_must_not_rank() {
    let moving = rendered();
    let frozen = FramesU8::new(16, 64, 64, moving.frame(0).repeat(16)).unwrap();
    assert_eq!(temporal_flickering(&frozen), Ok(1.0));
    assert_eq!(motion_magnitude(&frozen), Ok(0.0));
    assert!(temporal_flickering(&moving).unwrap() < 1.0);
    assert!(motion_magnitude(&moving).unwrap() > 0.01);
}

#[test]
fn more_noise_means_less_stillness_more_change_and_less_adherence() {
    let scores = [0, 8, 16, 32, 64, 128].map(|amplitude| {
        let noisy = with_noise(&rendered(), amplitude);
        let adherence = shape_adherence(&noisy, Some(PROMPT)).unwrap();
        (temporal_flickering(&noisy).unwrap(), motion_magnitude(&noisy).unwrap(), adherence)
    });
    for pair in scores.windows(2) {
        assert!(pair[1].0 < pair[0].0, "{scores:?}");
        assert!(pair[1].1 >= pair[0].1, "{scores:?}");
        assert!(pair[1].2 <= pair[0].2, "{scores:?}");
    }
    assert_eq!(scores[0].2, 1.0);
    assert!(scores[5].1 > 0.9 && scores[5].2 <= 0.2, "{scores:?}");
}

#[test]
fn a_rendered_clip_shows_its_prompt_and_another_prompt_loses_a_fifth_for_each_attribute() {
    let clip = rendered();
    let prompts = [
        (PROMPT, 1.0),
        ("a small red circle moving left on a navy background", 0.8),
        ("a small blue circle moving left on a navy background", 0.6),
        ("a small blue square moving left on a navy background", 0.4),
        ("a small blue square moving up on a navy background", 0.2),
        ("a small blue square moving up on a black background", 0.0),
    ];
    for (prompt, share) in prompts {
        assert_eq!(shape_adherence(&clip, Some(prompt)), Ok(share), "{prompt}");
    }
}

#[test]
fn what_cannot_be_decided_counts_as_wrong() {
    let blank = FramesU8::new(16, 64, 64, [10, 20, 90].repeat(16 * 64 * 64)).unwrap();
    assert_eq!(shape_adherence(&blank, Some(PROMPT)), Ok(0.2));
    let still = FramesU8::new(1, 64, 64, rendered().frame(0).to_vec()).unwrap();
    assert_eq!(shape_adherence(&still, Some(PROMPT)), Ok(0.8));
}

#[test]
fn a_prompt_outside_the_grammar_or_absent_gives_no_score() {
    let reason = |prompt| match score_clip(ClipMetric::ShapeAdherence, &rendered(), prompt) {
        Score::NotAvailable { reason } => reason,
        Score::Value(value) => panic!("{value}"),
    };
    assert_eq!(
        reason(Some("a cat on a sofa")),
        "prompt is outside the shapes grammar: size not understood: \"cat\""
    );
    assert_eq!(reason(None), "the metric needs the clip's prompt, and there is none");
}

#[test]
fn too_few_frames_and_no_pixels_are_named() {
    let reason = |metric, frames: &FramesU8| match score_clip(metric, frames, Some(PROMPT)) {
        Score::NotAvailable { reason } => reason,
        Score::Value(value) => panic!("{metric:?}: {value}"),
    };
    for metric in CLIP_METRICS {
        let needed = if metric == ClipMetric::ShapeAdherence { 1 } else { 2 };
        let expected = format!("clip has 0 frames, the metric needs at least {needed}");
        assert_eq!(reason(metric, &greys(&[])), expected);
        let flat = FramesU8::new(3, 0, 10, Vec::new()).unwrap();
        assert_eq!(reason(metric, &flat), "frames of 10x0 have no pixels");
    }
    for metric in [ClipMetric::MotionMagnitude, ClipMetric::TemporalFlickering] {
        assert_eq!(reason(metric, &greys(&[7])), "clip has 1 frame, the metric needs at least 2");
    }
}

proptest! {
    #[test]
    fn any_clip_of_any_shape_has_scores_in_range_or_reasons(
        count in 0_usize..4, height in 0_usize..5, width in 0_usize..5, seed in any::<u32>(),
    ) {
        let data = RandomState::new(seed).bytes(count * height * width * 3);
        let frames = FramesU8::new(count, height, width, data).unwrap();
        for metric in CLIP_METRICS {
            match score_clip(metric, &frames, Some(PROMPT)) {
                Score::Value(value) => prop_assert!((0.0..=1.0).contains(&value), "{metric:?} {value}"),
                Score::NotAvailable { reason } => prop_assert!(!reason.is_empty()),
            }
        }
    }

    #[test]
    fn frame_differences_do_not_know_which_way_time_runs(seed in any::<u32>()) {
        let frames = FramesU8::new(4, 3, 5, RandomState::new(seed).bytes(4 * 3 * 5 * 3)).unwrap();
        prop_assert_eq!(temporal_flickering(&frames), temporal_flickering(&reversed(&frames)));
        prop_assert_eq!(motion_magnitude(&frames), motion_magnitude(&reversed(&frames)));
    }
}

proptest! {
    // Rendering and reading two clips takes a while.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_clip_played_backwards_moves_the_other_way(rank in 0_usize..576, seed in any::<u64>()) {
        let attributes = Attributes::all().nth(rank).unwrap();
        let clip = render(&attributes, seed);
        let prompt = attributes.prompt();
        prop_assert_eq!(shape_adherence(&clip, Some(&prompt)), Ok(1.0));
        prop_assert_eq!(shape_adherence(&reversed(&clip), Some(&prompt)), Ok(0.8));
    }
}
