use vidbench_core::Planes;
use vidbench_video::{
    FrameReader, H264Options, H264PixelFormat, Limits, ReadOptions, encode_ffv1, encode_h264,
};

use crate::fixtures::{Scratch, fps, moving_clip, read};

fn planes_only() -> ReadOptions {
    ReadOptions { rgb: false, ..ReadOptions::default() }
}

#[test]
fn two_clips_are_read_in_step() {
    let scratch = Scratch::new();
    let frames = moving_clip(6, 48, 64);
    let (a, b) = (scratch.path("a.mp4"), scratch.path("b.mkv"));
    encode_h264(&a, &frames, &H264Options::new(fps(24, 1))).unwrap();
    encode_ffv1(&b, &frames, fps(24, 1)).unwrap();
    let mut a = FrameReader::open(&a, &Limits::default()).unwrap();
    let mut b = FrameReader::open(&b, &Limits::default()).unwrap();
    let mut pairs = 0;
    while let (Some(a), Some(b)) = (a.next_frame().unwrap(), b.next_frame().unwrap()) {
        assert_eq!((a.index, b.index), (pairs, pairs));
        assert_eq!(b.rgb, frames.frame(pairs));
        assert!(a.planes.is_some() && b.planes.is_none());
        pairs += 1;
    }
    assert_eq!(pairs, 6);
    assert_eq!((a.probe().frame_count.frames, b.into_probe().frame_count.frames), (6, 6));
}

fn sizes(planes: &Planes<'_>) -> [(usize, usize); 3] {
    let [cb, cr] = planes.chroma.unwrap();
    [planes.luma, cb, cr].map(|plane| (plane.width, plane.height))
}

#[test]
fn planes_hold_every_sample_of_an_odd_frame() {
    let scratch = Scratch::new();
    let options = H264Options { pixel_format: H264PixelFormat::Yuv444p, ..H264Options::new(fps(24, 1)) };
    let path = scratch.h264(&moving_clip(2, 33, 31), &options);
    let mut reader = FrameReader::open_with(path, &planes_only()).unwrap();
    let frame = reader.next_frame().unwrap().unwrap();
    let planes = frame.planes.unwrap();
    assert_eq!(planes.bit_depth, 8);
    assert_eq!(sizes(&planes), [(31, 33); 3]);
    assert_eq!(planes.luma.bytes.chunks(planes.luma.stride).count(), 33);
    assert!(planes.luma.bytes.chunks(planes.luma.stride).all(|row| row.len() >= 31));
}

#[test]
fn rgb_is_left_out_where_planes_are_enough() {
    let scratch = Scratch::new();
    let path = scratch.h264(&moving_clip(2, 48, 64), &H264Options::new(fps(24, 1)));
    let mut reader = FrameReader::open_with(path, &planes_only()).unwrap();
    let frame = reader.next_frame().unwrap().unwrap();
    assert!(frame.rgb.is_empty());
    assert_eq!(sizes(&frame.planes.unwrap()), [(64, 48), (32, 24), (32, 24)]);
}

#[test]
fn rgb_comes_all_the_same_where_there_are_no_planes() {
    let scratch = Scratch::new();
    let frames = moving_clip(2, 48, 64);
    let path = scratch.ffv1(&frames, fps(24, 1));
    let mut reader = FrameReader::open_with(path, &planes_only()).unwrap();
    assert_eq!(reader.next_frame().unwrap().unwrap().rgb, frames.frame(0));
}

#[test]
fn luma_of_grey_follows_the_range() {
    let scratch = Scratch::new();
    let frames = vidbench_core::FramesU8::new(1, 32, 32, vec![255; 32 * 32 * 3]).unwrap();
    let path = scratch.h264(&frames, &H264Options { crf: 0, ..H264Options::new(fps(24, 1)) });
    assert!(read(&path).unwrap().frames.as_bytes().iter().all(|&byte| byte >= 254));
    let mut reader = FrameReader::open_with(path, &planes_only()).unwrap();
    let luma = reader.next_frame().unwrap().unwrap().planes.unwrap().luma;
    assert_eq!(luma.bytes[0], 235);
}

#[test]
fn after_the_end_there_is_nothing() {
    let scratch = Scratch::new();
    let path = scratch.h264(&moving_clip(1, 48, 64), &H264Options::new(fps(24, 1)));
    let mut reader = FrameReader::open(path, &Limits::default()).unwrap();
    assert!(reader.next_frame().unwrap().is_some());
    assert!(reader.next_frame().unwrap().is_none());
    assert!(reader.next_frame().unwrap().is_none());
}
