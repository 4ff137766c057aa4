use std::fs;

use vidbench_core::FramesU8;
use vidbench_core::protocol::Pixels;
use vidbench_video::{
    Clip, ColourMatrix, ColourRange, FrameReader, H264Options, H264PixelFormat, Limits, ReadOptions,
    VideoErrorKind, X264Preset, probe,
};

use crate::fixtures::{Scratch, drop_checksum, find, fps, patch, read};

/// Corners of the RGB cube, greys, and skin-like and dark mixtures.
const PATCHES: [[u8; 3]; 12] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 0],
    [0, 255, 255],
    [255, 0, 255],
    [255, 255, 255],
    [0, 0, 0],
    [128, 128, 128],
    [224, 172, 105],
    [16, 16, 16],
    [10, 60, 200],
];

const PATCH_SIDE: usize = 32;

/// One frame, the patches side by side.
fn patches_clip() -> FramesU8 {
    let row: Vec<u8> = PATCHES.iter().flat_map(|rgb| rgb.repeat(PATCH_SIDE)).collect();
    FramesU8::new(1, PATCH_SIDE, PATCH_SIDE * PATCHES.len(), row.repeat(PATCH_SIDE)).unwrap()
}

fn lossless(pixel_format: H264PixelFormat) -> H264Options {
    H264Options { crf: 0, preset: X264Preset::Fast, pixel_format, ..H264Options::new(fps(24, 1)) }
}

/// Largest error at the centre of each patch, in 8-bit levels.
fn worst_error(clip: &Clip) -> u8 {
    let centre = |index: usize| clip.frames.pixel(0, PATCH_SIDE / 2, index * PATCH_SIDE + PATCH_SIDE / 2);
    let errors = PATCHES
        .iter()
        .enumerate()
        .map(|(index, rgb)| centre(index).iter().zip(rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap());
    errors.max().unwrap()
}

#[test]
fn saturated_colours_come_back_within_two_levels() {
    for pixel_format in [H264PixelFormat::Yuv444p, H264PixelFormat::Yuv420p] {
        let clip = read(&Scratch::new().h264(&patches_clip(), &lossless(pixel_format))).unwrap();
        let worst = worst_error(&clip);
        assert!(worst <= 2, "{pixel_format:?}: {worst} levels");
    }
}

#[test]
fn h264_is_tagged_bt709_limited() {
    let scratch = Scratch::new();
    let path = scratch.h264(&patches_clip(), &lossless(H264PixelFormat::Yuv444p));
    let probed = probe(&path, &Limits::default()).unwrap();
    for colour in [&probed.colour, &read(&path).unwrap().probe.colour] {
        assert_eq!(colour.matrix_tag.as_deref(), Some("bt709"));
        assert_eq!(colour.range_tag.as_deref(), Some("tv"));
        assert_eq!(colour.transfer_tag.as_deref(), Some("bt709"));
        assert_eq!((colour.matrix, colour.range), (Some(ColourMatrix::Bt709), ColourRange::Limited));
    }
}

#[test]
fn ffv1_is_rgb() {
    let clip = read(&Scratch::new().ffv1(&patches_clip(), fps(24, 1))).unwrap();
    assert_eq!(clip.probe.pixel_format, "bgr0");
    assert_eq!(
        (clip.probe.colour.matrix, clip.probe.colour.range),
        (Some(ColourMatrix::Rgb), ColourRange::Full)
    );
    assert_eq!(worst_error(&clip), 0);
}

/// A left-sited chroma edge that is read as centred moves by a quarter pixel, which shows as an error at the edge.
#[test]
fn subsampled_chroma_does_not_shift() {
    let (height, width) = (32, 64);
    let ramp = |x: usize| [(x * 4) as u8, 128, 252 - (x * 4) as u8];
    let row: Vec<u8> = (0..width).flat_map(ramp).collect();
    let frames = FramesU8::new(1, height, width, row.repeat(height)).unwrap();
    let clip = read(&Scratch::new().h264(&frames, &lossless(H264PixelFormat::Yuv420p))).unwrap();
    let worst = (8..width - 8).flat_map(|x| {
        let (a, b) = (clip.frames.pixel(0, 16, x), frames.pixel(0, 16, x));
        [a[0].abs_diff(b[0]), a[1].abs_diff(b[1]), a[2].abs_diff(b[2])]
    });
    assert!(worst.max().unwrap() <= 2);
}

/// The patches as an MP4 that asks for a turn: `a b c d` of its display matrix.
fn turned(scratch: &Scratch, cells: [i32; 4]) -> std::path::PathBuf {
    let mut bytes = fs::read(scratch.h264(&patches_clip(), &lossless(H264PixelFormat::Yuv420p))).unwrap();
    // ISO/IEC 14496-12, 8.3.2: the matrix starts 40 bytes after the type of a version 0 track header.
    let matrix_at = find(&bytes, b"tkhd") + 4 + 40;
    let [a, b, c, d] = cells.map(|cell| cell << 16);
    let matrix: Vec<u8> =
        [a, b, 0, c, d, 0, 0, 0, 1 << 30].iter().flat_map(|cell| cell.to_be_bytes()).collect();
    patch(&mut bytes, matrix_at, &matrix);
    scratch.file("turned.mp4", &bytes)
}

#[test]
fn a_rotation_is_recorded_and_applied() {
    let scratch = Scratch::new();
    let upright = read(&scratch.h264(&patches_clip(), &lossless(H264PixelFormat::Yuv420p))).unwrap().frames;
    let (width, height) = (upright.width(), upright.height());
    type Place = fn((usize, usize), (usize, usize)) -> (usize, usize);
    let turns: [(u16, [i32; 4], Place); 3] = [
        (90, [0, 1, -1, 0], |(_, height), (x, y)| (height - 1 - y, x)),
        (180, [-1, 0, 0, -1], |(width, height), (x, y)| (width - 1 - x, height - 1 - y)),
        (270, [0, -1, 1, 0], |(width, _), (x, y)| (y, width - 1 - x)),
    ];
    for (degrees, matrix, place) in turns {
        let path = turned(&scratch, matrix);
        let clip = read(&path).unwrap();
        let probed = probe(&path, &Limits::default()).unwrap();
        let sides = if degrees == 180 { (width, height) } else { (height, width) };
        assert_eq!(clip.probe.rotation_degrees, degrees);
        assert_eq!((clip.frames.width(), clip.frames.height()), sides);
        assert_eq!((probed.width as usize, probed.height as usize), sides);
        for at in [(0, 0), (width - 1, 0), (3, height - 1), (width / 2, 5)] {
            let (x, y) = place((width, height), at);
            assert_eq!(clip.frames.pixel(0, y, x), upright.pixel(0, at.1, at.0), "{degrees} at {at:?}");
        }
    }
}

#[test]
fn planes_are_turned_with_the_picture() {
    let scratch = Scratch::new();
    let path = turned(&scratch, [0, 1, -1, 0]);
    let mut reader = vidbench_video::FrameReader::open(path, &Limits::default()).unwrap();
    let frame = reader.next_frame().unwrap().unwrap();
    let planes = frame.planes.unwrap();
    assert_eq!((planes.luma.width, planes.luma.height), (frame.width, frame.height));
    let luma = |y: usize| planes.luma.bytes[y * planes.luma.stride];
    // White is the seventh patch, black the eighth; after a clockwise turn they lie one below the other.
    assert_eq!((luma(6 * PATCH_SIDE + 16), luma(7 * PATCH_SIDE + 16)), (235, 16));
    assert_eq!(planes.chroma.unwrap().map(|plane| (plane.width, plane.height)), [(16, 192); 2]);
}

#[test]
fn a_matrix_that_is_no_quarter_turn_is_refused() {
    let scratch = Scratch::new();
    let mirrors = [[-1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, -1, -1, 0]];
    for cells in [[1, 1, -1, 1], [0; 4], [2, 0, 0, 2], [2, 0, 0, 1]].into_iter().chain(mirrors) {
        let path = turned(&scratch, cells);
        let error = read(&path).unwrap_err();
        assert!(matches!(error.kind, VideoErrorKind::UnsupportedRotation { .. }), "{cells:?}: {error}");
        let probed = probe(&path, &Limits::default()).unwrap_err();
        assert_eq!(probed.to_string(), error.to_string());
    }
    let error = read(&turned(&scratch, [-1, 0, 0, 1])).unwrap_err().to_string();
    assert!(
        error.ends_with("a player would apply the matrix [-1 0; 0 1], which is not a quarter turn"),
        "{error}"
    );
}

#[test]
fn a_matrix_number_outside_every_standard_is_refused() {
    let scratch = Scratch::new();
    let mut bytes = fs::read(scratch.ffv1(&patches_clip(), fps(24, 1))).unwrap();
    assert!(read(&scratch.file("a.mkv", &bytes)).is_ok());
    // Limited-range RGB: Matroska's Range element (0x55b9) set from 2, full, to 1.
    let range_at = find(&bytes, &[0x55, 0xb9, 0x81]) + 3;
    assert_eq!(bytes[range_at], 2);
    patch(&mut bytes, range_at, &[1]);
    drop_checksum(&mut bytes, [0x16, 0x54, 0xae, 0x6b]);
    let error = read(&scratch.file("b.mkv", &bytes)).unwrap_err();
    assert!(matches!(error.kind, VideoErrorKind::UnsupportedColour { .. }), "{error}");
}

/// Samples that change from pixel to pixel in every plane.
fn busy_y4m() -> Vec<u8> {
    let plane = |width: usize, height: usize, [a, b, c]: [usize; 3]| {
        (0..width * height).map(move |at| {
            let (x, y) = (at % width, at / width);
            ((a * x + b * y + c * x * y) % 220 + 16) as u8
        })
    };
    let planes = plane(32, 16, [7, 13, 3]).chain(plane(16, 8, [31, 17, 5])).chain(plane(16, 8, [11, 29, 7]));
    b"YUV4MPEG2 W32 H16 F8:1 Ip A1:1 C420jpeg\nFRAME\n".iter().copied().chain(planes).collect()
}

/// PyAV 18.1 `frame.to_ndarray(format="rgb24")`, which decord 0.6 and OpenCV 5.0 equal. A machine with other vector units may differ by a level.
#[test]
fn pixels_of_swscale_are_those_that_pyav_gives() {
    let scratch = Scratch::new();
    let path = scratch.file("busy.y4m", &busy_y4m());
    let rgb = |pixels| {
        let options = ReadOptions { pixels, ..ReadOptions::default() };
        let mut reader = FrameReader::open_with(&path, &options).unwrap();
        reader.next_frame().unwrap().unwrap().rgb.to_vec()
    };
    let (quick, exact) = (rgb(Pixels::Swscale), rgb(Pixels::Exact));
    for ((y, x), golden) in [
        ((0, 0), [0, 134, 0]),
        ((0, 1), [0, 142, 0]),
        ((1, 0), [0, 149, 0]),
        ((5, 9), [123, 0, 223]),
        ((8, 16), [255, 136, 32]),
        ((15, 31), [0, 182, 0]),
    ] {
        let found = &quick[(y * 32 + x) * 3..][..3];
        assert!(found.iter().zip(golden).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 1), "{y}, {x}: {found:?}");
    }
    let sums = [0, 1, 2]
        .map(|channel| quick[channel..].iter().step_by(3).map(|value| i64::from(*value)).sum::<i64>());
    for (sum, golden) in sums.into_iter().zip([63_229, 67_678, 62_130_i64]) {
        assert!((sum - golden).abs() <= 512, "{sums:?}");
    }
    assert_ne!(quick, exact);
    assert_eq!(rgb(Pixels::Exact), exact);
}
