use vidbench_core::FramesU8;
use vidbench_video::{Clip, Fps, H264Options};

use crate::fixtures::{Scratch, fps, moving_clip, read};

fn rates() -> [Fps; 4] {
    [fps(8, 1), fps(16, 1), fps(24, 1), fps(30000, 1001)]
}

fn h264_at(frames: &FramesU8, rate: Fps) -> Clip {
    read(&Scratch::new().h264(frames, &H264Options::new(rate))).unwrap()
}

fn assert_timestamps(clip: &Clip, rate: Fps, tolerance_secs: f64) {
    for (index, &secs) in clip.timestamps_secs.iter().enumerate() {
        let expected = index as f64 / rate.hz();
        assert!((secs - expected).abs() <= tolerance_secs, "frame {index} at {secs}, expected {expected}");
    }
}

#[test]
fn mp4_keeps_rates_exactly() {
    for rate in rates() {
        let clip = h264_at(&moving_clip(9, 48, 64), rate);
        assert_eq!(clip.probe.fps, Some(rate));
        assert_timestamps(&clip, rate, 1e-9);
        assert!((clip.probe.duration_secs.unwrap() - 9.0 / rate.hz()).abs() < 1e-3);
    }
}

#[test]
fn matroska_keeps_rates_exactly_and_times_to_the_millisecond() {
    for rate in rates() {
        let clip = read(&Scratch::new().ffv1(&moving_clip(9, 48, 64), rate)).unwrap();
        assert_eq!(clip.probe.fps, Some(rate));
        assert_timestamps(&clip, rate, 0.000_501);
    }
}

#[test]
fn a_clip_of_one_frame_is_a_clip() {
    let frames = moving_clip(1, 48, 64);
    let clip = h264_at(&frames, fps(24, 1));
    assert_eq!((clip.frames.count(), clip.timestamps_secs.as_slice()), (1, [0.0].as_slice()));
    assert_eq!(clip.probe.fps, Some(fps(24, 1)));
    let clip = read(&Scratch::new().ffv1(&frames, fps(24, 1))).unwrap();
    assert!(clip.frames == frames);
}

#[test]
fn b_frames_come_out_in_presentation_order() {
    let frames = moving_clip(40, 48, 64);
    let clip = h264_at(&frames, fps(24, 1));
    assert!(clip.timestamps_secs.is_sorted_by(|a, b| a < b));
    for index in 0..frames.count() {
        let distance = |other: usize| {
            let pairs = clip.frames.frame(index).iter().zip(frames.frame(other));
            pairs.map(|(&a, &b)| u64::from(a.abs_diff(b))).sum::<u64>()
        };
        let nearest = (0..frames.count()).min_by_key(|&other| distance(other));
        assert_eq!(nearest, Some(index));
    }
}
