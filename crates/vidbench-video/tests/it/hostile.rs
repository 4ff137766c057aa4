use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use vidbench_video::{Limits, VideoErrorKind, decode, probe};

use crate::codecs::small_files;
use crate::fixtures::{Scratch, drop_checksum, find, fps, moving_clip, mp4_bytes, patch, read};

/// The error that both ways of opening give for a file; they must agree.
fn kind_of(path: &Path) -> VideoErrorKind {
    let probed = probe(path, &Limits::default()).unwrap_err();
    let decoded = read(path).unwrap_err();
    assert_eq!(probed.to_string(), decoded.to_string());
    assert_eq!(decoded.path, path);
    decoded.kind
}

#[test]
fn a_missing_file() {
    assert!(matches!(kind_of(&Scratch::new().path("none.mp4")), VideoErrorKind::Missing));
}

#[test]
fn a_directory_without_images() {
    let scratch = Scratch::new();
    let path = scratch.path("dir.mp4");
    fs::create_dir(&path).unwrap();
    assert!(matches!(kind_of(&path), VideoErrorKind::Directory));
}

#[cfg(unix)]
#[test]
fn a_device() {
    assert!(matches!(kind_of(Path::new("/dev/zero")), VideoErrorKind::NotRegularFile));
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_text_is_read() {
    use std::os::unix::ffi::OsStringExt as _;
    let scratch = Scratch::new();
    for name in
        [b"clip\xff.mp4".to_vec(), b"a\nb.mp4".to_vec(), b"concat:a|b".to_vec(), b"http:x%3d.mp4".to_vec()]
    {
        let path = scratch.path("x").with_file_name(std::ffi::OsString::from_vec(name));
        fs::write(&path, mp4_bytes()).unwrap();
        assert_eq!(read(&path).unwrap().frames.count(), 10);
    }
}

#[cfg(unix)]
#[test]
fn a_circle_of_links() {
    let scratch = Scratch::new();
    let (a, b) = (scratch.path("a.mp4"), scratch.path("b.mp4"));
    std::os::unix::fs::symlink(&a, &b).unwrap();
    std::os::unix::fs::symlink(&b, &a).unwrap();
    assert!(matches!(kind_of(&a), VideoErrorKind::SymlinkLoop));
}

#[test]
fn a_wrong_ending_changes_nothing() {
    let (scratch, bytes) = (Scratch::new(), mp4_bytes());
    for name in ["clip.gif", "clip.avi", "clip.txt", "clip", "clip.png"] {
        assert_eq!(read(&scratch.file(name, &bytes)).unwrap().frames.count(), 10, "{name}");
    }
}

#[test]
fn an_empty_file() {
    assert!(matches!(kind_of(&Scratch::new().file("empty.mp4", b"")), VideoErrorKind::Empty));
}

#[test]
fn one_pixel_is_a_picture_and_16k_by_16k_is_refused() {
    let scratch = Scratch::new();
    let pixel = [b"YUV4MPEG2 W1 H1 F8:1 C444\nFRAME\n".as_slice(), &[235, 128, 128]].concat();
    let clip = read(&scratch.file("pixel.y4m", &pixel)).unwrap();
    assert_eq!((clip.frames.as_bytes(), clip.frames.count()), ([255; 3].as_slice(), 1));
    let (_, mut huge) = small_files().into_iter().find(|(name, _)| *name == "grey.gif").unwrap();
    // Width and height of the screen and of the first picture.
    let picture_at = find(&huge, &[0x2c, 0, 0, 0, 0, 96, 0, 64, 0]) + 5;
    let side = 16384_u16.to_le_bytes();
    let sides = [side, side].concat();
    patch(&mut huge, 6, &sides);
    patch(&mut huge, picture_at, &sides);
    let path = scratch.file("huge.gif", &huge);
    let (probed, decoded) = (probe(&path, &Limits::default()).unwrap_err(), read(&path).unwrap_err());
    assert_eq!(probed.to_string(), decoded.to_string());
}

#[test]
fn a_y4m_without_a_rate_has_none_and_no_frame_is_lost() {
    let scratch = Scratch::new();
    let frame = [b"FRAME\n".as_slice(), &[100; 24]].concat();
    for rate in ["F0:1 ", "F8:0 ", "F0:0 ", ""] {
        let header = format!("YUV4MPEG2 W4 H4 {rate}C420\n");
        let clip = read(&scratch.file("still.y4m", &[header.as_bytes(), &frame, &frame].concat())).unwrap();
        let facts = (clip.frames.count(), clip.probe.fps, clip.probe.fps_assumed, clip.probe.duration_secs);
        assert_eq!(facts, (2, None, false, None), "{rate}");
        assert_eq!(clip.timestamps_secs, [0.0; 2], "{rate}");
    }
}

#[test]
fn a_y4m_of_impossible_size_is_refused_for_its_size() {
    let scratch = Scratch::new();
    let refused = |sides: &str| {
        let bytes = [format!("YUV4MPEG2 {sides} F8:1 C420\nFRAME\n").as_bytes(), &[100; 24]].concat();
        read(&scratch.file("size.y4m", &bytes)).unwrap_err()
    };
    for sides in ["W0 H4", "W-64 H4", "W4", "W4 Hx"] {
        let error = refused(sides);
        assert!(matches!(error.kind, VideoErrorKind::NotVideo(_)), "{sides}: {error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "libav: the Y4M header has no size", "{sides}");
    }
    let error = refused("W100000 H4");
    assert!(matches!(error.kind, VideoErrorKind::OverLimit { .. }), "{error}");
}

#[test]
fn text_that_is_named_mp4() {
    let text = "a prompt, not a video\n".repeat(200);
    let kind = kind_of(&Scratch::new().file("text.mp4", text.as_bytes()));
    assert!(matches!(kind, VideoErrorKind::NotVideo(_)), "{kind}");
}

#[test]
fn a_playlist_is_not_followed() {
    let scratch = Scratch::new();
    let real = scratch.file("real.mp4", &mp4_bytes());
    let hls = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", real.display());
    let concat = format!("ffconcat version 1.0\nfile '{}'\n", real.display());
    for (name, text) in [("list.m3u8", &hls), ("list.mp4", &hls), ("list.ffconcat", &concat)] {
        let kind = kind_of(&scratch.file(name, text.as_bytes()));
        assert!(matches!(kind, VideoErrorKind::NotVideo(_)), "{name}: {kind}");
    }
}

#[test]
fn audio_only() {
    let samples = 8000_u32;
    let header: Vec<u8> = [
        b"RIFF".as_slice(),
        &(36 + samples).to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        &[1, 0, 1, 0],
        &8000_u32.to_le_bytes(),
        &8000_u32.to_le_bytes(),
        &[1, 0, 8, 0],
        b"data",
        &samples.to_le_bytes(),
    ]
    .concat();
    let bytes = [header, vec![128; samples as usize]].concat();
    match kind_of(&Scratch::new().file("sound.mp4", &bytes)) {
        VideoErrorKind::NoVideoStream { container } => assert_eq!(container, "wav"),
        other => panic!("{other}"),
    }
}

#[test]
fn an_mp4_cut_anywhere_is_cut_off() {
    let (scratch, bytes) = (Scratch::new(), mp4_bytes());
    for percent in [10, 30, 50, 90] {
        let cut = &bytes[..bytes.len() * percent / 100];
        let kind = kind_of(&scratch.file("cut.mp4", cut));
        assert!(matches!(kind, VideoErrorKind::Truncated { .. }), "{percent} %: {kind}");
    }
    let kind = kind_of(&scratch.file("cut.mp4", &bytes[..bytes.len() - 1]));
    assert!(matches!(kind, VideoErrorKind::Truncated { .. }), "{kind}");
}

#[test]
fn a_matroska_file_cut_anywhere_is_cut_off() {
    let scratch = Scratch::new();
    let bytes = fs::read(scratch.ffv1(&moving_clip(10, 48, 64), fps(24, 1))).unwrap();
    for percent in [10, 50, 90] {
        let cut = &bytes[..bytes.len() * percent / 100];
        let kind = kind_of(&scratch.file("cut.mkv", cut));
        assert!(matches!(kind, VideoErrorKind::Truncated { .. }), "{percent} %: {kind}");
    }
}

#[test]
fn files_of_other_containers_cut_anywhere_are_cut_off() {
    let scratch = Scratch::new();
    let mut files = small_files();
    files.retain(|(name, _)| [".ts", ".avi", ".gif", ".y4m", ".ogg"].iter().any(|end| name.ends_with(end)));
    assert_eq!(files.len(), 5);
    for (name, bytes) in files {
        assert!(read(&scratch.file(name, &bytes)).is_ok(), "{name}");
        for len in [bytes.len() / 2, bytes.len() * 9 / 10, bytes.len() - 1] {
            // A transport stream that ends between two packets looks whole.
            let len = if name.ends_with(".ts") { len / 188 * 188 + 100 } else { len };
            let kind = kind_of(&scratch.file(name, &bytes[..len]));
            assert!(matches!(kind, VideoErrorKind::Truncated { .. }), "{name} to {len}: {kind}");
        }
    }
}

#[test]
fn junk_behind_the_end_is_no_cut() {
    let scratch = Scratch::new();
    for (name, bytes) in small_files() {
        let frames = read(&scratch.file(name, &bytes)).unwrap().frames;
        let with_junk = read(&scratch.file(name, &[&bytes, b"\njunk".as_slice()].concat()));
        match with_junk {
            Ok(clip) => assert!(clip.frames == frames, "{name}"),
            Err(error) => assert!(!matches!(error.kind, VideoErrorKind::Truncated { .. }), "{error}"),
        }
    }
}

#[test]
fn an_mp4_without_frames() {
    let (scratch, mut bytes) = (Scratch::new(), mp4_bytes());
    // Track sample sizes (ISO/IEC 14496-12, 8.7.3): type, version and flags, default size, then the count.
    let count_at = find(&bytes, b"stsz") + 12;
    assert_eq!(bytes[count_at..count_at + 4], 10_u32.to_be_bytes());
    patch(&mut bytes, count_at, &0_u32.to_be_bytes());
    let kind = read(&scratch.file("none.mp4", &bytes)).unwrap_err().kind;
    assert!(matches!(kind, VideoErrorKind::NoFrames | VideoErrorKind::NotVideo(_)), "{kind}");
}

#[test]
fn damaged_data_is_never_concealed() {
    let (scratch, mut bytes) = (Scratch::new(), mp4_bytes());
    let data_at = find(&bytes, b"mdat") + 4;
    let middle = data_at + (bytes.len() - data_at) / 3;
    bytes[middle..middle + 200].fill(0xaa);
    let kind = read(&scratch.file("damaged.mp4", &bytes)).unwrap_err().kind;
    assert!(matches!(kind, VideoErrorKind::Corrupt { .. }), "{kind}");
}

/// libav's own threads find other damage than one thread does, and what they conceal depends on which thread was
/// faster.
#[test]
fn damage_is_the_same_with_however_many_threads() {
    let scratch = Scratch::new();
    for (codec, bytes) in small_files() {
        for damage in 0..40_usize {
            let mut bytes = bytes.clone();
            // After the headers, where pictures are.
            let at = bytes.len() / 4 + damage * 7919 % (bytes.len() / 2);
            bytes[at] ^= 1 << (damage % 8);
            let path = scratch.file(&format!("{codec}-{damage}"), &bytes);
            let seen = |max_threads| {
                let read = decode(&path, &Limits { max_threads, ..small_limits() });
                read.map_err(|error| format!("{:?}", error.kind))
            };
            let alone = seen(1);
            for threads in [2, 4] {
                assert!(seen(threads) == alone, "{codec}, damage {damage}, {threads} threads");
            }
        }
    }
}

#[test]
fn a_damaged_decoder_configuration_is_damage_not_a_missing_codec() {
    let (scratch, mut bytes) = (Scratch::new(), mp4_bytes());
    let config_at = find(&bytes, b"avcC") + 4;
    patch(&mut bytes, config_at + 8, &[0xff; 12]);
    let kind = read(&scratch.file("config.mp4", &bytes)).unwrap_err().kind;
    assert!(matches!(kind, VideoErrorKind::Corrupt { frames_decoded: 0, .. }), "{kind}");
}

#[test]
fn a_flipped_byte_in_a_lossless_file_is_found() {
    let scratch = Scratch::new();
    let mut bytes = fs::read(scratch.ffv1(&moving_clip(4, 48, 64), fps(24, 1))).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let kind = read(&scratch.file("flipped.mkv", &bytes)).unwrap_err().kind;
    assert!(matches!(kind, VideoErrorKind::Damaged { .. }), "{kind}");
    drop_checksum(&mut bytes, [0x1f, 0x43, 0xb6, 0x75]);
    let kind = read(&scratch.file("flipped.mkv", &bytes)).unwrap_err().kind;
    assert!(matches!(kind, VideoErrorKind::Corrupt { .. }), "by the codec's own checksum: {kind}");
}

/// FFmpeg writes checksums into Matroska and none into WebM, where a decoder may take a damaged picture for a good one.
#[test]
fn damage_in_a_matroska_file_leaves_out_no_frame() {
    let scratch = Scratch::new();
    for (name, whole) in small_files() {
        let checksums = match name {
            "vp9.webm" => false,
            "ffv1.mkv" => true,
            _ => continue,
        };
        let frames = read(&scratch.file("whole", &whole)).unwrap().frames;
        let mut refused = 0;
        for at in (0..whole.len()).step_by(whole.len() / 150) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            match read(&scratch.file("damaged", &bytes)) {
                Ok(clip) if checksums => assert!(clip.frames == frames, "{name}, byte {at}"),
                Ok(clip) => assert_eq!(clip.frames.count(), frames.count(), "{name}, byte {at}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > if checksums { 100 } else { 0 }, "{name}: {refused}");
    }
}

static MP4: LazyLock<Vec<u8>> = LazyLock::new(mp4_bytes);

/// Small enough that no mutated header makes a case slow.
fn small_limits() -> Limits {
    Limits {
        max_width: 512,
        max_height: 512,
        max_frames: 100,
        max_decoded_bytes: 64 << 20,
        ..Limits::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_file_is_read_or_refused(edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..24)) {
        let mut bytes = MP4.clone();
        edits.iter().for_each(|(at, value)| bytes[at.index(MP4.len())] = *value);
        let scratch = Scratch::new();
        let path = scratch.file("mutated.mp4", &bytes);
        if let Ok(clip) = decode(&path, &small_limits()) {
            prop_assert_eq!(clip.frames.count(), clip.timestamps_secs.len());
            prop_assert!(clip.frames.count() <= 100);
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in vec(any::<u8>(), 1..600)) {
        prop_assert!(decode(Scratch::new().file("noise.mp4", &bytes), &small_limits()).is_err());
    }
}
