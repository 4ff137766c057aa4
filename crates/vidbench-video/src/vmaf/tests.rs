use std::ffi::OsStr;

use vidbench_core::Plane;

use super::*;

const SIZE: (usize, usize) = (96, 64);

/// Luma of five frames, as the bytes of each; the same formula in Python gave the goldens.
fn luma(coarse: bool, bit_depth: u8) -> Vec<Vec<u8>> {
    let wave = |v: usize| (v % 64).abs_diff(32) * 4;
    let value = |t: usize, y: usize, x: usize| {
        let texture = (x * 37 + y * 61 + (x * y) % 29 * 11) % 23;
        let value = 60 + wave(x * 3 + t) / 2 + wave(y * 2 + x + t) / 2 + texture;
        if coarse { value / 48 * 48 + 12 } else { value }
    };
    let sample = |t, y, x| match bit_depth {
        8 => vec![value(t, y, x) as u8],
        _ => ((value(t, y, x) * 4 + (x + y) % 4) as u16).to_le_bytes().to_vec(),
    };
    let frame = |t| {
        (0..SIZE.1)
            .flat_map(|y| (0..SIZE.0).map(move |x| (y, x)))
            .flat_map(|(y, x)| sample(t, y, x))
            .collect()
    };
    (0..5).map(frame).collect()
}

fn plane(bytes: &[u8], bit_depth: u8) -> Plane<'_> {
    let sample = if bit_depth > 8 { 2 } else { 1 };
    Plane { width: SIZE.0, height: SIZE.1, stride: SIZE.0 * sample, bytes }
}

fn scores(reference: &[Vec<u8>], sample: &[Vec<u8>], bit_depth: u8) -> VmafScores {
    let mut vmaf = Vmaf::new().unwrap();
    for (a, b) in reference.iter().zip(sample) {
        vmaf.push(&plane(a, bit_depth), &plane(b, bit_depth), bit_depth).unwrap();
    }
    vmaf.finish().unwrap()
}

/// The goldens are those of libvmaf 3.2.0, whose program prints six digits; 2.3.1 is up to 0.12 away.
fn check(scores: &VmafScores, mean: f64, frames: [f64; 5]) {
    let tolerance = if libvmaf_version().unwrap().trim_start_matches('v') == "3.2.0" { 1e-6 } else { 0.2 };
    assert!((scores.mean - mean).abs() < tolerance, "{scores:?}");
    assert!(scores.frames.iter().zip(frames).all(|(a, b)| (a - b).abs() < tolerance), "{scores:?}");
    let sum: f64 = scores.frames.iter().sum();
    assert!((scores.mean - sum / 5.0).abs() < 1e-9, "{scores:?}");
}

#[test]
fn a_library_that_is_not_there_is_not_installed() {
    let error = library::load(OsStr::new("/nonexistent/libvmaf.so.3")).unwrap_err();
    assert!(
        error.to_string().starts_with("libvmaf is not installed: /nonexistent/libvmaf.so.3: "),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("VIDBENCH_LIBVMAF"));
}

#[test]
#[cfg(target_os = "linux")]
fn another_library_is_unfit() {
    let error = library::load(OsStr::new("libc.so.6")).unwrap_err();
    assert!(error.to_string().starts_with("libc.so.6 is not libvmaf 2 or 3: "), "{error}");
}

#[test]
fn planes_that_libvmaf_does_not_take_are_refused_before_it_is_asked() {
    let bytes = vec![0; 2 * SIZE.0 * SIZE.1];
    let refused = |plane, bit_depth| session::shape(&plane, bit_depth).unwrap_err().to_string();
    assert_eq!(
        refused(plane(&bytes, 14), 14),
        "libvmaf supports 8, 10, 12 or 16 bits per sample, the files store 14"
    );
    let small = Plane { height: 63, ..plane(&bytes, 8) };
    assert_eq!(refused(small, 8), "frames of 96x63 are too small, both sides must be at least 64");
    assert_eq!(session::shape(&plane(&bytes, 16), 16), Ok((96, 64, 16)));
}

#[test]
#[ignore = "needs libvmaf; `make test` runs it where there is one"]
fn vmaf_of_a_coarse_clip_is_that_of_libvmafs_own_program() {
    // The program `vmaf` of libvmaf 3.2.0, --model version=vmaf_v0.6.1, on the same samples as 4:2:0.
    for (bit_depth, mean, frames) in [
        (8, 64.736_576, [64.747_305, 66.158_501, 64.388_733, 64.213_863, 64.174_478]),
        (10, 65.427_928, [65.436_156, 66.830_892, 65.047_719, 64.745_694, 65.079_179]),
    ] {
        check(&scores(&luma(false, bit_depth), &luma(true, bit_depth), bit_depth), mean, frames);
    }
}

#[test]
#[ignore = "needs libvmaf; `make test` runs it where there is one"]
fn vmaf_of_a_clip_with_itself_is_nearly_100() {
    let clip = luma(false, 8);
    check(&scores(&clip, &clip, 8), 99.485_684, [97.428_421, 100.0, 100.0, 100.0, 100.0]);
}

#[test]
#[ignore = "needs libvmaf; `make test` runs it where there is one"]
fn vmaf_begins_and_ends_with_any_number_of_frames() {
    assert_eq!(Vmaf::new().unwrap().finish(), Err(VmafError::NoFrames));
    let clip = luma(false, 8);
    let one = scores(&clip[..1], &clip[..1], 8);
    assert_eq!((one.frames.len(), one.mean), (1, one.frames[0]));
}

#[test]
#[ignore = "needs libvmaf; `make test` runs it where there is one"]
fn vmaf_of_planes_that_change_is_refused() {
    let (narrow, wide) = (luma(false, 8), luma(false, 10));
    let mut vmaf = Vmaf::new().unwrap();
    vmaf.push(&plane(&narrow[0], 8), &plane(&narrow[0], 8), 8).unwrap();
    let error = vmaf.push(&plane(&wide[1], 10), &plane(&wide[1], 10), 10).unwrap_err();
    assert_eq!(error, VmafError::Differs { frame: 1 });
    let small = Plane { height: 63, ..plane(&narrow[1], 8) };
    assert_eq!(vmaf.push(&small, &plane(&narrow[1], 8), 8), Err(VmafError::Differs { frame: 1 }));
}

#[test]
#[ignore = "needs libvmaf; `make test` runs it where there is one"]
fn vmaf_of_small_odd_and_padded_pictures_is_a_number() {
    for (width, height) in [(64, 64), (65, 67), (64, 333), (333, 64)] {
        let stride = width + 7;
        let bytes: Vec<u8> = (0..stride * (height - 1) + width).map(|at| (at * at / 7 % 251) as u8).collect();
        let plane = Plane { width, height, stride, bytes: &bytes };
        let mut vmaf = Vmaf::new().unwrap();
        (0..3).for_each(|_| vmaf.push(&plane, &plane, 8).unwrap());
        let scores = vmaf.finish().unwrap();
        assert!(
            scores.frames.iter().all(|score| (90.0..=100.0).contains(score)),
            "{width}x{height}: {scores:?}"
        );
    }
}
