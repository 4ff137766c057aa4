use std::fs;

use vidbench_core::FramesU8;
use vidbench_video::{
    FrameCount, FrameCountSource, H264Options, H264PixelFormat, Limits, VideoError, VideoErrorKind,
    X264Preset, decode_each, encode_ffv1, encode_h264, probe,
};

use crate::fixtures::{Scratch, fps, moving_clip, noise_clip, read};

/// Peak signal-to-noise ratio over the whole clip, in dB.
fn psnr_db(a: &FramesU8, b: &FramesU8) -> f64 {
    assert_eq!((a.count(), a.height(), a.width()), (b.count(), b.height(), b.width()));
    let squares = a.as_bytes().iter().zip(b.as_bytes()).map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2));
    let mse = squares.sum::<f64>() / a.as_bytes().len() as f64;
    10.0 * (255.0_f64.powi(2) / mse).log10()
}

#[test]
fn ffv1_brings_every_byte_back() {
    for (count, height, width) in [(5, 48, 64), (1, 2, 2), (2, 33, 17), (2, 4, 353), (2, 301, 401)] {
        let frames = noise_clip(count, height, width);
        let clip = read(&Scratch::new().ffv1(&frames, fps(24, 1))).unwrap();
        assert!(clip.frames == frames, "{height}x{width}");
    }
}

#[test]
fn h264_at_crf_10_keeps_the_picture() {
    let frames = moving_clip(12, 96, 128);
    for pixel_format in [H264PixelFormat::Yuv420p, H264PixelFormat::Yuv444p] {
        let options = H264Options { crf: 10, pixel_format, ..H264Options::new(fps(24, 1)) };
        let clip = read(&Scratch::new().h264(&frames, &options)).unwrap();
        let psnr_db = psnr_db(&frames, &clip.frames);
        assert!(psnr_db > 40.0, "{pixel_format:?}: {psnr_db} dB");
    }
}

#[test]
fn the_same_frames_give_the_same_file() {
    let frames = noise_clip(8, 48, 64);
    let options = H264Options::new(fps(30, 1));
    let bytes = |encode: &dyn Fn(&Scratch) -> std::path::PathBuf| fs::read(encode(&Scratch::new())).unwrap();
    assert!(bytes(&|s| s.h264(&frames, &options)) == bytes(&|s| s.h264(&frames, &options)));
    assert!(bytes(&|s| s.ffv1(&frames, fps(30, 1))) == bytes(&|s| s.ffv1(&frames, fps(30, 1))));
}

#[test]
fn the_index_comes_before_the_data() {
    let bytes = crate::fixtures::mp4_bytes();
    assert!(crate::fixtures::find(&bytes, b"moov") < crate::fixtures::find(&bytes, b"mdat"));
}

#[test]
fn decoding_does_not_depend_on_threads() {
    let path_of = Scratch::new();
    let path = path_of.h264(&moving_clip(20, 96, 128), &H264Options::new(fps(24, 1)));
    let clip =
        |max_threads| vidbench_video::decode(&path, &Limits { max_threads, ..Limits::default() }).unwrap();
    assert_eq!(clip(1), clip(4));
    assert_eq!(clip(1), clip(0));
}

#[test]
fn a_probe_names_what_is_in_the_file() {
    let scratch = Scratch::new();
    let path = scratch.h264(&moving_clip(10, 48, 64), &H264Options::new(fps(24, 1)));
    let probe = probe(&path, &Limits::default()).unwrap();
    assert_eq!(probe.container, "mov,mp4,m4a,3gp,3g2,mj2");
    assert_eq!((probe.codec.as_str(), probe.pixel_format.as_str()), ("h264", "yuv420p"));
    assert_eq!((probe.width, probe.height, probe.rotation_degrees), (64, 48, 0));
    assert_eq!(
        probe.frame_count,
        FrameCount { frames: 10, source: FrameCountSource::Container, recorded: Some(10) }
    );
    assert!((probe.duration_secs.unwrap() - 10.0 / 24.0).abs() < 1e-3);
}

#[test]
fn a_probe_counts_where_the_container_does_not() {
    let scratch = Scratch::new();
    let path = scratch.ffv1(&moving_clip(7, 48, 64), fps(24, 1));
    let probe = probe(&path, &Limits::default()).unwrap();
    assert_eq!((probe.container.as_str(), probe.codec.as_str()), ("matroska,webm", "ffv1"));
    assert_eq!(
        probe.frame_count,
        FrameCount { frames: 7, source: FrameCountSource::Decoded, recorded: None }
    );
}

#[test]
fn decoding_settles_the_frame_count() {
    let scratch = Scratch::new();
    let clip = read(&scratch.h264(&moving_clip(10, 48, 64), &H264Options::new(fps(24, 1)))).unwrap();
    let expected = FrameCount { frames: 10, source: FrameCountSource::Decoded, recorded: Some(10) };
    assert_eq!(clip.probe.frame_count, expected);
    assert_eq!((clip.frames.count(), clip.timestamps_secs.len()), (10, 10));
}

#[test]
fn streaming_gives_the_same_frames_and_stops_when_told() {
    let scratch = Scratch::new();
    let path = scratch.h264(&moving_clip(10, 48, 64), &H264Options::new(fps(24, 1)));
    let clip = read(&path).unwrap();
    let mut seen = 0;
    decode_each(&path, &Limits::default(), |frame| {
        assert_eq!((frame.index, frame.width, frame.height), (seen, 64, 48));
        assert!(frame.rgb == clip.frames.frame(seen));
        seen += 1;
        Ok::<(), VideoError>(())
    })
    .unwrap();
    assert_eq!(seen, 10);

    #[derive(Debug)]
    struct Enough(usize);
    impl From<VideoError> for Enough {
        fn from(error: VideoError) -> Self {
            panic!("{error}")
        }
    }
    let stopped = decode_each(&path, &Limits::default(), |frame| match frame.index {
        3 => Err(Enough(frame.index)),
        _ => Ok(()),
    });
    assert_eq!(stopped.unwrap_err().0, 3);
}

#[test]
fn every_preset_and_the_ends_of_crf_encode() {
    use X264Preset::*;
    let frames = moving_clip(2, 32, 32);
    let presets = [Ultrafast, Superfast, Veryfast, Faster, Fast, Medium, Slow, Slower, Veryslow];
    for (preset, crf) in presets.into_iter().zip([0, 51].into_iter().cycle()) {
        let options = H264Options { preset, crf, ..H264Options::new(fps(24, 1)) };
        assert_eq!(read(&Scratch::new().h264(&frames, &options)).unwrap().frames.count(), 2, "{preset}");
    }
}

#[test]
fn odd_sides_are_refused_for_yuv420p_with_a_way_out() {
    let scratch = Scratch::new();
    let (path, frames) = (scratch.path("odd.mp4"), moving_clip(2, 33, 64));
    let error = encode_h264(&path, &frames, &H264Options::new(fps(24, 1))).unwrap_err();
    assert!(matches!(error.kind, VideoErrorKind::OddSize { width: 64, height: 33 }));
    assert_eq!(error.hint(), Some("use yuv444p, or crop the frames to even sides"));
    assert!(!path.exists());

    let options = H264Options { pixel_format: H264PixelFormat::Yuv444p, ..H264Options::new(fps(24, 1)) };
    assert_eq!(read(&scratch.h264(&frames, &options)).unwrap().frames.height(), 33);
}

#[test]
fn a_clip_without_frames_is_refused() {
    let scratch = Scratch::new();
    let empty = FramesU8::new(0, 48, 64, Vec::new()).unwrap();
    let h264 = encode_h264(scratch.path("a.mp4"), &empty, &H264Options::new(fps(24, 1))).unwrap_err();
    let ffv1 = encode_ffv1(scratch.path("a.mkv"), &empty, fps(24, 1)).unwrap_err();
    for error in [h264, ffv1] {
        assert!(matches!(error.kind, VideoErrorKind::NothingToEncode { count: 0, .. }), "{error}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let (scratch, frames) = (Scratch::new(), moving_clip(1, 32, 32));
    let default = H264Options::new(fps(24, 1));
    for options in [H264Options { crf: 52, ..default.clone() }, H264Options { threads: 0, ..default }] {
        let error = encode_h264(scratch.path("a.mp4"), &frames, &options).unwrap_err();
        assert!(matches!(error.kind, VideoErrorKind::InvalidOption { .. }), "{error}");
    }
}

#[test]
fn frames_too_thin_for_ffv1_are_refused_rather_than_blackened() {
    let scratch = Scratch::new();
    for (height, width) in [(1, 8), (8, 1), (3, 353)] {
        let error =
            encode_ffv1(scratch.path("a.mkv"), &moving_clip(1, height, width), fps(24, 1)).unwrap_err();
        assert!(matches!(error.kind, VideoErrorKind::InvalidOption { option: "frame size", .. }), "{error}");
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let scratch = Scratch::new();
    let path = scratch.path("no/such/folder/a.mkv");
    let error = encode_ffv1(&path, &moving_clip(1, 32, 32), fps(24, 1)).unwrap_err();
    assert!(matches!(error.kind, VideoErrorKind::Io(_)), "{error}");
    assert_eq!(error.path, path);
}
