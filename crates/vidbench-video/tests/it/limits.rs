use std::path::Path;

use vidbench_video::{H264Options, LimitName, Limits, VideoErrorKind, decode, probe};

use crate::fixtures::{Scratch, fps, moving_clip};

/// Asserts that both ways of reading stop at `limit`.
fn assert_over(path: &Path, limits: &Limits, limit: LimitName) {
    let decoded = decode(path, limits).map(drop);
    let probed = probe(path, limits).map(drop);
    for result in [decoded, probed] {
        match result.unwrap_err().kind {
            VideoErrorKind::OverLimit { limit: found, value, max } => {
                assert_eq!(found, limit);
                assert!(value > max);
            }
            other => panic!("{other}"),
        }
    }
}

/// Reads ten frames of 64x48 at 24 Hz, once with a frame count in the container and once without.
fn check(limits: &Limits, limit: LimitName) {
    let (scratch, frames) = (Scratch::new(), moving_clip(10, 48, 64));
    assert_over(&scratch.h264(&frames, &H264Options::new(fps(24, 1))), limits, limit);
    assert_over(&scratch.ffv1(&frames, fps(24, 1)), limits, limit);
}

#[test]
fn width() {
    check(&Limits { max_width: 63, ..Limits::default() }, LimitName::Width);
}

#[test]
fn height() {
    check(&Limits { max_height: 47, ..Limits::default() }, LimitName::Height);
}

#[test]
fn frames() {
    check(&Limits { max_frames: 9, ..Limits::default() }, LimitName::Frames);
}

#[test]
fn duration() {
    check(&Limits { max_duration_secs: 0.3, ..Limits::default() }, LimitName::DurationSecs);
}

#[test]
fn wall_time() {
    check(&Limits { max_decode_secs: 0.0, ..Limits::default() }, LimitName::DecodeSecs);
}

#[test]
fn file_size() {
    check(&Limits { max_file_bytes: 100, ..Limits::default() }, LimitName::FileBytes);
}

#[test]
fn decoded_size_bounds_whole_clips_only() {
    let (scratch, frames) = (Scratch::new(), moving_clip(10, 48, 64));
    let path = scratch.ffv1(&frames, fps(24, 1));
    let limits = Limits { max_decoded_bytes: 10 * 48 * 64 * 3 - 1, ..Limits::default() };
    let error = decode(&path, &limits).unwrap_err();
    assert!(
        matches!(error.kind, VideoErrorKind::OverLimit { limit: LimitName::DecodedBytes, .. }),
        "{error}"
    );
    assert!(probe(&path, &limits).is_ok());
}

#[test]
fn a_file_exactly_at_its_limits_is_read() {
    let (scratch, frames) = (Scratch::new(), moving_clip(10, 48, 64));
    let path = scratch.h264(&frames, &H264Options::new(fps(10, 1)));
    let limits = Limits {
        max_width: 64,
        max_height: 48,
        max_frames: 10,
        max_duration_secs: 1.0,
        max_decode_secs: 60.0,
        max_file_bytes: path.metadata().unwrap().len(),
        max_decoded_bytes: 10 * 48 * 64 * 3,
        max_threads: 1,
    };
    assert_eq!(decode(&path, &limits).unwrap().frames.count(), 10);
}
