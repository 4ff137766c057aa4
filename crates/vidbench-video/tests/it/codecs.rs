//! Every codec, container and bit depth of the docs, written by libav's own encoders. An encoder that this libav lacks
//! fails its test.

use std::path::{Path, PathBuf};

use ffmpeg_next::codec::{self, Flags, encoder};
use ffmpeg_next::format::{self, Pixel};
use ffmpeg_next::{Dictionary, Packet, Rational, frame};
use vidbench_video::{Clip, FrameReader, Limits, decode};

use crate::fixtures::{Scratch, moving_clip, read};

const WIDTH: usize = 96;
const HEIGHT: usize = 64;
const COUNT: usize = 8;

/// A file to be written.
struct Fixture {
    container: &'static str,
    encoder: &'static str,
    pixel: Pixel,
    options: &'static [(&'static str, &'static str)],
    /// Presentation times in 1/24 s.
    times: Vec<i64>,
}

fn fixture(
    container: &'static str,
    encoder: &'static str,
    pixel: Pixel,
    options: &'static [(&'static str, &'static str)],
) -> Fixture {
    Fixture { container, encoder, pixel, options, times: (0..COUNT as i64).collect() }
}

/// Luma of pixel (x, y) of frame t, in 8 bit limited range.
fn luma(t: usize, x: usize, y: usize) -> u8 {
    (40 + (x + 2 * y + 6 * t) % 160) as u8
}

/// Loads libav first, which must come before any call into it.
fn new_frame(pixel: Pixel, width: u32, height: u32) -> frame::Video {
    vidbench_video::libav_version().unwrap();
    frame::Video::new(pixel, width, height)
}

fn stored_frame(pixel: Pixel, t: usize) -> frame::Video {
    let mut frame = new_frame(pixel, WIDTH as u32, HEIGHT as u32);
    let name = pixel.descriptor().unwrap().name();
    let shift = ["10le", "12le"]
        .iter()
        .find(|depth| name.ends_with(**depth))
        .map(|depth| depth[..2].parse::<u8>().unwrap() - 8);
    for plane in 0..frame.planes() {
        let stride = frame.stride(plane);
        for (y, row) in frame.data_mut(plane).chunks_mut(stride).enumerate() {
            match shift {
                Some(shift) => row.as_chunks_mut::<2>().0.iter_mut().enumerate().for_each(|(x, sample)| {
                    let value = if plane == 0 { luma(t, x, y) } else { 128 };
                    *sample = (u16::from(value) << shift).to_le_bytes();
                }),
                None => row.iter_mut().enumerate().for_each(|(x, sample)| {
                    *sample = if plane == 0 { luma(t, x, y) } else { 128 };
                }),
            }
        }
    }
    frame
}

impl Fixture {
    fn write(&self, path: &Path) {
        // Loads libav.
        vidbench_video::libav_version().unwrap();
        let codec = encoder::find_by_name(self.encoder)
            .unwrap_or_else(|| panic!("libav was built without the encoder {}", self.encoder));
        let mut output = format::output_as(path, self.container).unwrap();
        let mut video = codec::context::Context::new_with_codec(codec).encoder().video().unwrap();
        video.set_width(WIDTH as u32);
        video.set_height(HEIGHT as u32);
        video.set_format(self.pixel);
        video.set_time_base(Rational(1, 24));
        video.set_frame_rate(Some(Rational(24, 1)));
        if self.container != "avi" {
            video.set_flags(Flags::GLOBAL_HEADER);
        }
        let mut options = Dictionary::new();
        options.set("threads", "1");
        self.options.iter().for_each(|(key, value)| options.set(key, value));
        let mut video = video.open_as_with(codec, options).unwrap();
        let mut stream = output.add_stream_with(&video).unwrap();
        stream.set_time_base(Rational(1, 24));
        stream.set_avg_frame_rate(Rational(24, 1));
        output.write_header().unwrap();
        for (t, &time) in self.times.iter().enumerate() {
            let mut frame = stored_frame(self.pixel, t);
            frame.set_pts(Some(time));
            video.send_frame(&frame).unwrap();
            drain(&mut video, &mut output);
        }
        video.send_eof().unwrap();
        drain(&mut video, &mut output);
        output.write_trailer().unwrap();
    }

    fn made(&self, scratch: &Scratch, name: &str) -> PathBuf {
        let path = scratch.path(name);
        self.write(&path);
        path
    }
}

fn drain(video: &mut encoder::Video, output: &mut format::context::Output) {
    let mut packet = Packet::empty();
    while video.receive_packet(&mut packet).is_ok() {
        packet.set_stream(0);
        let base = output.stream(0).unwrap().time_base();
        packet.rescale_ts(Rational(1, 24), base);
        packet.write_interleaved(output).unwrap();
    }
}

/// The best constant quality: 2 times libav's 118 per unit.
const MPEG4_OPTIONS: &[(&str, &str)] = &[("flags", "+qscale"), ("global_quality", "236")];

/// One small file of every container that libav demuxes here and of every kind of codec.
pub(crate) fn small_files() -> Vec<(&'static str, Vec<u8>)> {
    let scratch = Scratch::new();
    let files: [(&str, Fixture); 9] = [
        ("h264.mp4", fixture("mp4", "libx264", Pixel::YUV420P, &[])),
        ("hevc.mov", fixture("mov", "libx265", Pixel::YUV420P10LE, &[("x265-params", "log-level=none")])),
        ("h264.ts", fixture("mpegts", "libx264", Pixel::YUV420P, &[])),
        ("vp9.webm", fixture("webm", "libvpx-vp9", Pixel::YUV420P, &[])),
        ("mpeg4.avi", fixture("avi", "mpeg4", Pixel::YUV420P, MPEG4_OPTIONS)),
        ("ffv1.mkv", fixture("matroska", "ffv1", Pixel::YUV420P, &[("level", "3"), ("slicecrc", "1")])),
        ("prores.mov", fixture("mov", "prores_ks", Pixel::YUV422P10LE, &[])),
        ("grey.gif", fixture("gif", "gif", Pixel::GRAY8, &[])),
        ("theora.ogg", fixture("ogg", "libtheora", Pixel::YUV420P, &[])),
    ];
    let read =
        |(name, file): &(&'static str, Fixture)| (*name, std::fs::read(file.made(&scratch, name)).unwrap());
    let mut made: Vec<_> = files.iter().map(read).collect();
    let y4m = [b"YUV4MPEG2 W96 H64 F24:1 C420\nFRAME\n".to_vec(), packed(&stored_frame(Pixel::YUV420P, 0))];
    made.push(("frame.y4m", y4m.concat()));
    made
}

/// Largest mean distance of a frame from what was written, in 8-bit levels of grey.
fn worst_mean_error(clip: &Clip) -> f64 {
    let errors = clip.frames.iter().enumerate().map(|(t, frame)| {
        let sum: f64 = (0..WIDTH * HEIGHT)
            .map(|at| {
                let expected = (f64::from(luma(t, at % WIDTH, at / WIDTH)) - 16.0) * 255.0 / 219.0;
                (f64::from(frame[at * 3 + 1]) - expected).abs()
            })
            .sum();
        sum / (WIDTH * HEIGHT) as f64
    });
    errors.fold(0.0, f64::max)
}

/// Reads the file and asserts codec, pixel format, frames and pictures.
fn check(fixture: &Fixture, codec: &str, tolerance: f64) {
    let scratch = Scratch::new();
    let path = fixture.made(&scratch, "clip.bin");
    let clip = read(&path).unwrap();
    let name = fixture.pixel.descriptor().unwrap().name();
    assert_eq!((clip.probe.codec.as_str(), clip.probe.pixel_format.as_str()), (codec, name));
    assert_eq!((clip.frames.count(), clip.frames.width(), clip.frames.height()), (COUNT, WIDTH, HEIGHT));
    let worst = worst_mean_error(&clip);
    assert!(worst <= tolerance, "{codec} {name} in {}: {worst} levels", fixture.container);
    for (index, secs) in clip.timestamps_secs.iter().enumerate() {
        assert!((secs - clip.timestamps_secs[0] - index as f64 / 24.0).abs() < 0.0011, "{codec}: {secs}");
    }
    let mut reader = FrameReader::open(&path, &Limits::default()).unwrap();
    let first = reader.next_frame().unwrap().unwrap();
    let expected = if name.ends_with("10le") {
        10
    } else if name.ends_with("12le") {
        12
    } else {
        8
    };
    assert_eq!(first.planes.unwrap().bit_depth, expected);
    let threaded = decode(&path, &Limits { max_threads: 3, ..Limits::default() }).unwrap();
    assert!(threaded == clip, "{codec}: threads change the frames");
}

#[test]
fn h264_in_every_container_that_takes_it() {
    for container in ["mp4", "mov", "matroska", "mpegts", "flv"] {
        check(&fixture(container, "libx264", Pixel::YUV420P, &[("crf", "10")]), "h264", 3.0);
    }
    check(&fixture("mp4", "libx264", Pixel::YUV420P10LE, &[("crf", "10")]), "h264", 3.0);
    check(&fixture("mp4", "libx264", Pixel::YUV422P, &[("crf", "10")]), "h264", 3.0);
}

#[test]
fn hevc_at_8_10_and_12_bit() {
    for pixel in [Pixel::YUV420P, Pixel::YUV420P10LE, Pixel::YUV420P12LE] {
        check(
            &fixture("mp4", "libx265", pixel, &[("crf", "8"), ("x265-params", "log-level=none")]),
            "hevc",
            3.0,
        );
    }
}

#[test]
fn vp9_in_webm() {
    let options = &[("crf", "10"), ("b", "0")];
    check(&fixture("webm", "libvpx-vp9", Pixel::YUV420P, options), "vp9", 3.0);
    check(&fixture("webm", "libvpx-vp9", Pixel::YUV420P10LE, options), "vp9", 3.0);
}

#[test]
fn av1_in_mp4_and_webm() {
    let options = &[("crf", "10"), ("cpu-used", "8")];
    check(&fixture("mp4", "libaom-av1", Pixel::YUV420P, options), "av1", 3.0);
    check(&fixture("webm", "libaom-av1", Pixel::YUV420P10LE, options), "av1", 3.0);
}

#[test]
fn mpeg4_in_avi_and_mp4() {
    for container in ["avi", "mp4"] {
        check(&fixture(container, "mpeg4", Pixel::YUV420P, MPEG4_OPTIONS), "mpeg4", 4.0);
    }
}

/// AVI stores no presentation times: those of the last frames follow from the others.
#[test]
fn b_frames_in_avi_lose_no_frame_and_no_time() {
    check(&fixture("avi", "libx264", Pixel::YUV420P, &[("bf", "2"), ("crf", "10")]), "h264", 3.0);
    const OPTIONS: &[(&str, &str)] = &[("flags", "+qscale"), ("global_quality", "236"), ("bf", "2")];
    check(&fixture("avi", "mpeg4", Pixel::YUV420P, OPTIONS), "mpeg4", 4.0);
}

#[test]
fn prores_in_mov() {
    check(&fixture("mov", "prores_ks", Pixel::YUV422P10LE, &[("profile", "3")]), "prores", 3.0);
}

#[test]
fn ffv1_in_yuv_is_exact() {
    for pixel in [Pixel::YUV420P, Pixel::YUV422P10LE, Pixel::YUV444P12LE] {
        check(&fixture("matroska", "ffv1", pixel, &[("level", "3"), ("slicecrc", "1")]), "ffv1", 0.51);
    }
}

#[test]
fn gif_keeps_its_frames() {
    let scratch = Scratch::new();
    let path = fixture("gif", "gif", Pixel::GRAY8, &[]).made(&scratch, "clip.gif");
    let clip = read(&path).unwrap();
    assert_eq!((clip.probe.codec.as_str(), clip.frames.count()), ("gif", COUNT));
    // GIF stores palette colours, and times in hundredths of a second.
    assert_eq!(clip.frames.pixel(0, 0, 0), [luma(0, 0, 0); 3]);
}

#[test]
fn a_variable_rate_gives_every_frame_once_at_its_own_time() {
    let scratch = Scratch::new();
    let times = vec![0, 1, 2, 12, 13, 40, 41, 48];
    let fixture =
        Fixture { times: times.clone(), ..fixture("mp4", "libx264", Pixel::YUV420P, &[("bf", "2")]) };
    let clip = read(&fixture.made(&scratch, "vfr.mp4")).unwrap();
    assert_eq!(clip.frames.count(), COUNT);
    for (secs, time) in clip.timestamps_secs.iter().zip(times) {
        assert!((secs - time as f64 / 24.0).abs() < 1e-3, "{secs} for {time}");
    }
}

#[test]
fn y4m_and_raw_samples_of_the_same_frames_are_the_same_clip() {
    let scratch = Scratch::new();
    let wanted: Vec<Vec<u8>> = (0..COUNT).map(|t| packed(&stored_frame(Pixel::YUV420P, t))).collect();
    let raw = scratch.file("clip_96x64_yuv420p_24fps.yuv", &wanted.concat());
    let header = b"YUV4MPEG2 W96 H64 F24:1 Ip A1:1 C420mpeg2\n".to_vec();
    let body = wanted.iter().map(|frame| [b"FRAME\n".as_slice(), frame].concat());
    let y4m = scratch.file("clip.y4m", &std::iter::once(header).chain(body).collect::<Vec<_>>().concat());
    let (raw, y4m) = (read(&raw).unwrap(), read(&y4m).unwrap());
    assert_eq!(raw.frames, y4m.frames);
    assert_eq!(raw.timestamps_secs, y4m.timestamps_secs);
    assert_eq!((raw.probe.fps, raw.probe.container.as_str()), (y4m.probe.fps, "rawvideo"));
    assert!(worst_mean_error(&raw) <= 0.51);
}

/// The planes of an 8-bit frame, rows without padding.
fn packed(frame: &frame::Video) -> Vec<u8> {
    let mut bytes = Vec::new();
    for plane in 0..frame.planes() {
        let width = frame.plane_width(plane) as usize;
        frame.data(plane).chunks(frame.stride(plane)).for_each(|row| bytes.extend_from_slice(&row[..width]));
    }
    bytes
}

#[test]
fn a_folder_of_images_is_a_clip() {
    let scratch = Scratch::new();
    let frames = moving_clip(12, 48, 64);
    for ending in ["png", "bmp", "ppm"] {
        let folder = scratch.path(ending);
        std::fs::create_dir(&folder).unwrap();
        for (index, rgb) in frames.iter().enumerate() {
            write_image(&folder.join(format!("frame{index}.{ending}")), rgb, 64, 48);
        }
        std::fs::write(folder.join("notes.txt"), "left aside").unwrap();
        std::fs::write(folder.join("._frame0.png"), "left aside").unwrap();
        let clip = read(&folder).unwrap();
        assert!(clip.frames == frames, "{ending}");
        assert_eq!((clip.probe.fps.map(|fps| fps.hz()), clip.probe.fps_assumed), (Some(8.0), true));
        assert_eq!(clip.timestamps_secs[11], 11.0 / 8.0);
    }
}

#[test]
fn a_folder_of_grey_and_of_jpeg_images_keeps_its_levels() {
    let scratch = Scratch::new();
    let images = [("grey.png", "png", Pixel::GRAY8), ("full.jpg", "mjpeg", Pixel::YUVJ444P)];
    for (name, encoder, pixel) in images {
        let folder = scratch.path(&format!("of-{name}"));
        std::fs::create_dir(&folder).unwrap();
        let mut frame = new_frame(pixel, 32, 32);
        (0..frame.planes()).for_each(|plane| frame.data_mut(plane).fill(if plane == 0 { 10 } else { 128 }));
        write_frame(&folder.join(name), encoder, &frame);
        let clip = read(&folder).unwrap();
        assert!(
            clip.frames.as_bytes().iter().all(|&byte| byte == 10),
            "{name}: {:?}",
            clip.frames.pixel(0, 9, 9)
        );
    }
}

/// libav records no range of a grey PGM, JPEG or TIFF, and grey video without one counts as limited.
#[test]
fn grey_images_without_a_range_are_full() {
    let scratch = Scratch::new();
    let folder = scratch.path("pgm");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("0.pgm"), [b"P5\n32 32\n255\n".to_vec(), vec![10; 32 * 32]].concat()).unwrap();
    let clip = read(&folder).unwrap();
    assert!(clip.frames.as_bytes().iter().all(|&byte| byte == 10), "{:?}", clip.frames.pixel(0, 9, 9));
}

fn write_image(path: &Path, rgb: &[u8], width: u32, height: u32) {
    let encoder = path.extension().unwrap().to_str().unwrap().to_owned();
    let pixel = if encoder == "bmp" { Pixel::BGR24 } else { Pixel::RGB24 };
    let mut frame = new_frame(pixel, width, height);
    let stride = frame.stride(0);
    let row_len = width as usize * 3;
    for (to, from) in frame.data_mut(0).chunks_mut(stride).zip(rgb.chunks(row_len)) {
        to[..row_len].copy_from_slice(from);
        if pixel == Pixel::BGR24 {
            to[..row_len].as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| pixel.reverse());
        }
    }
    write_frame(path, &encoder, &frame);
}

fn write_frame(path: &Path, encoder_name: &str, frame: &frame::Video) {
    let codec = encoder::find_by_name(encoder_name).unwrap();
    let mut video = codec::context::Context::new_with_codec(codec).encoder().video().unwrap();
    video.set_width(frame.width());
    video.set_height(frame.height());
    video.set_format(frame.format());
    video.set_time_base(Rational(1, 24));
    let mut video = video.open_as(codec).unwrap();
    video.send_frame(frame).unwrap();
    video.send_eof().unwrap();
    let mut packet = Packet::empty();
    video.receive_packet(&mut packet).unwrap();
    std::fs::write(path, packet.data().unwrap()).unwrap();
}

#[test]
fn folders_that_are_no_clip_say_why() {
    let scratch = Scratch::new();
    let folder = scratch.path("mixed");
    std::fs::create_dir(&folder).unwrap();
    write_image(&folder.join("0.png"), &[9; 64 * 48 * 3], 64, 48);
    write_image(&folder.join("1.png"), &[9; 32 * 48 * 3], 32, 48);
    let error = read(&folder).unwrap_err().to_string();
    assert!(error.ends_with("frame 1 is 32x48, the frames before it are 64x48"), "{error}");
    std::fs::write(folder.join("1.png"), b"no image").unwrap();
    let error = read(&folder).unwrap_err().to_string();
    assert!(error.contains("image 1.png: "), "{error}");
    std::fs::write(folder.join("1.bmp"), b"x").unwrap();
    let error = read(&folder).unwrap_err().to_string();
    assert!(error.ends_with("is a directory of both bmp and png images"), "{error}");
}

#[test]
fn raw_samples_that_do_not_fill_their_frames_are_cut_off() {
    let scratch = Scratch::new();
    let error = read(&scratch.file("a_4x4_yuv420p_8fps.yuv", &[0; 25])).unwrap_err().to_string();
    assert!(error.ends_with("file is cut off: 1 bytes are left after 1 frames of 24"), "{error}");
    let error = read(&scratch.file("a.yuv", &[0; 24])).unwrap_err();
    assert!(error.hint().unwrap().contains("832x480"));
}
