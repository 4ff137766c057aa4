//! The bytes of a file depend on its frames alone, not on what lies in the process's memory.

use std::process::Command;

use vidbench_core::FramesU8;
use vidbench_video::{Fps, H264Options, encode_ffv1, encode_h264};

const FOLDER: &str = "VIDBENCH_VIDEO_TEST_FOLDER";

/// Sizes on both sides of x264's vector widths, and one that is no multiple of a macroblock.
const SIZES: [(usize, usize); 3] = [(64, 64), (88, 50), (256, 144)];

/// Noise, because still areas hide differences in the encoder's decisions.
fn noise(width: usize, height: usize) -> FramesU8 {
    let mut state = 1_u32;
    let bytes = (0..16 * width * height * 3).map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let gradient = (index / 3 % width * 255 / width) as u8;
        gradient.saturating_add((state >> 28) as u8)
    });
    FramesU8::new(16, height, width, bytes.collect()).unwrap()
}

/// The test below runs this in processes of its own.
#[test]
#[ignore = "the child process of the test that compares its files"]
fn child_that_writes_clips() {
    let folder = std::env::var_os(FOLDER).expect("the parent test names the folder");
    let folder = std::path::Path::new(&folder);
    let fps = Fps::new(8, 1).unwrap();
    for (width, height) in SIZES {
        let frames = noise(width, height);
        encode_h264(folder.join(format!("{width}.mp4")), &frames, &H264Options::new(fps)).unwrap();
        encode_ffv1(folder.join(format!("{width}.mkv")), &frames, fps).unwrap();
    }
}

/// Files of a process whose allocator fills new memory with one byte (or its complement).
fn files_with_memory_of(byte: u8) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "determinism::child_that_writes_clips", "--ignored", "--quiet"])
        .env(FOLDER, folder.path())
        .env("MALLOC_PERTURB_", byte.to_string())
        .status();
    assert!(status.unwrap().success());
    let names = SIZES.iter().flat_map(|(width, _)| [format!("{width}.mp4"), format!("{width}.mkv")]);
    names.map(|name| std::fs::read(folder.path().join(name)).unwrap()).collect()
}

#[test]
fn what_lies_in_memory_does_not_reach_the_file() {
    let expected = files_with_memory_of(1);
    for byte in [17, 85, 255] {
        assert!(files_with_memory_of(byte) == expected, "memory of {byte} gives other files");
    }
}
