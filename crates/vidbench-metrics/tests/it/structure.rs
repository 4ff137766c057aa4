//! PSNR, SSIM and MS-SSIM against the numbers of other programs.

use proptest::prelude::*;
use vidbench_core::{DecodedFrame, FramesU8, Plane, Planes};
use vidbench_metrics::meter::{Channels, Measured, PairMeter, PairView};
use vidbench_metrics::ms_ssim::{ms_ssim, ms_ssim_of_images};
use vidbench_metrics::psnr::{self, psnr};
use vidbench_metrics::ssim::{self, ssim};
use vidbench_metrics::structure::{Image, compare};
use vidbench_metrics::{MetricError, ms_ssim as ms_ssim_metric};

use crate::numpy::RandomState;

/// `A = RandomState(9).rand(3, 64, 64)` and `B = clip(A + .1 RandomState(10).randn(3, 64, 64), 0, 1)`, `[H, W, C]`.
fn unit_images() -> (Image<'static>, Image<'static>) {
    let (mut uniform, mut normal) = (RandomState::new(9), RandomState::new(10));
    let a: Vec<f64> = (0..3 * 64 * 64).map(|_| uniform.uniform()).collect();
    let b: Vec<f64> = a.iter().map(|a| (a + 0.1 * normal.normal()).clamp(0.0, 1.0)).collect();
    let interleaved = |planes: &[f64]| {
        let data = (0..64 * 64 * 3).map(|at| planes[at % 3 * 64 * 64 + at / 3] as f32).collect();
        Image::new(64, 64, 3, 1.0, data).unwrap()
    };
    (interleaved(&a), interleaved(&b))
}

/// `A = RandomState(9).randint(0, 256, (h, w, 3))`, `B = clip(A + 20 RandomState(10).randn(h, w, 3), 0, 255).round()`.
fn byte_clips(height: usize, width: usize) -> (FramesU8, FramesU8) {
    let a = RandomState::new(9).bytes(height * width * 3);
    let mut normal = RandomState::new(10);
    let noisy =
        |value: &u8| (f64::from(*value) + 20.0 * normal.normal()).clamp(0.0, 255.0).round_ties_even() as u8;
    let b = a.iter().map(noisy).collect();
    (FramesU8::new(1, height, width, a).unwrap(), FramesU8::new(1, height, width, b).unwrap())
}

fn assert_near(value: f64, golden: f64, tolerance: f64) {
    assert!((value - golden).abs() <= tolerance, "{value} is not {golden}");
}

#[test]
fn ssim_is_that_of_skimage_and_pytorch_msssim() {
    let (a, b) = unit_images();
    // scikit-image: gaussian_weights=True, sigma=1.5, use_sample_covariance=False, in 64-bit floats.
    assert_near(compare(&a, &b).unwrap().mean_ssim(), 0.946_139_012_664_623_7, 1e-6);
}

#[test]
fn byte_clips_agree_with_pytorch_msssim_and_numpy() {
    // pytorch_msssim 1.0.0 in 64-bit floats, data_range=255; 10 log10(255^2 / mse) of NumPy.
    for ((height, width), ms, plain, db) in [
        ((176, 192), 0.970_594_752_833_464_7, 0.965_677_350_099_815_7, 22.490_925_496_254_036),
        ((171, 165), 0.970_075_454_346_281_6, 0.965_418_097_390_686_8, 22.494_834_559_541_48),
    ] {
        let (a, b) = byte_clips(height, width);
        assert_near(ms_ssim(&a, &b).unwrap(), ms, 2e-6);
        assert_near(ssim(&a, &b).unwrap(), plain, 2e-6);
        assert_near(psnr(&a, &b).unwrap(), db, 1e-12);
    }
}

#[test]
fn one_channel_agrees_too() {
    for ((height, width), golden) in
        [((176, 192), 0.969_694_140_835_556_8), ((171, 165), 0.970_680_768_959_291)]
    {
        let (a, b) = byte_clips(height, width);
        let red = |frames: &FramesU8| {
            let data = frames.as_bytes().iter().step_by(3).map(|value| f32::from(*value)).collect();
            Image::new(width, height, 1, 255.0, data).unwrap()
        };
        assert_near(ms_ssim_of_images(&red(&a), &red(&b)).unwrap(), golden, 2e-6);
    }
}

#[test]
fn equal_clips_have_the_best_value_there_is() {
    let (a, _) = byte_clips(176, 192);
    assert_eq!(psnr(&a, &a), Ok(60.0));
    assert_near(ssim(&a, &a).unwrap(), 1.0, 1e-12);
    assert_near(ms_ssim(&a, &a).unwrap(), 1.0, 1e-12);
}

#[test]
fn more_noise_is_never_better() {
    let (a, _) = byte_clips(176, 192);
    let noise = RandomState::new(3).bytes(a.as_bytes().len());
    let with = |amplitude: i32| {
        let noisy = a.as_bytes().iter().zip(&noise);
        let data =
            noisy.map(|(v, n)| (i32::from(*v) + (i32::from(*n) - 128) * amplitude / 128).clamp(0, 255) as u8);
        FramesU8::new(1, 176, 192, data.collect()).unwrap()
    };
    let scores = |amplitude| {
        let noisy = with(amplitude);
        [psnr(&a, &noisy).unwrap(), ssim(&a, &noisy).unwrap(), ms_ssim(&a, &noisy).unwrap()]
    };
    let ladder: Vec<[f64; 3]> = [0, 5, 10, 20, 40, 80].map(scores).into();
    for step in ladder.windows(2) {
        assert!((0..3).all(|metric| step[0][metric] > step[1][metric]), "{ladder:?}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let (a, _) = byte_clips(176, 192);
    let (b, _) = byte_clips(160, 192);
    let mismatch = psnr(&a, &b).unwrap_err().to_string();
    assert_eq!(mismatch, "the reference has 1 frames of 192x176, the sample 1 of 192x160");
    assert_eq!(
        ms_ssim(&b, &b).unwrap_err().to_string(),
        "frames of 192x160 are too small, both sides must be at least 161"
    );
    let tiny = FramesU8::new(1, 10, 40, vec![0; 1200]).unwrap();
    assert_eq!(
        ssim(&tiny, &tiny).unwrap_err().to_string(),
        "frames of 40x10 are too small, both sides must be at least 11"
    );
    let none = FramesU8::new(0, 16, 16, vec![]).unwrap();
    assert_eq!(psnr(&none, &none), Err(MetricError::TooFewFrames { frames: 0, needed: 1 }));
}

/// Luma and chroma of `bit_depth` bits, with RGB that no luma metric may look at.
fn luma(
    meter: Box<dyn PairMeter>,
    depths: (u8, u8),
    reference: &[u16],
    sample: &[u16],
    width: usize,
) -> Result<Measured, MetricError> {
    let bytes = |samples: &[u16], depth: u8| -> Vec<u8> {
        let padding: &[u16] = &[77; 3];
        let rows = samples.chunks(width).flat_map(|row| row.iter().chain(padding));
        if depth == 8 {
            rows.map(|v| *v as u8).collect()
        } else {
            rows.flat_map(|v| v.to_le_bytes()).collect()
        }
    };
    let (a, b) = (bytes(reference, depths.0), bytes(sample, depths.1));
    let height = sample.len() / width;
    let frame = |bytes, bit_depth: u8| {
        let stride = (width + 3) * if bit_depth == 8 { 1 } else { 2 };
        let luma = Plane { width, height, stride, bytes };
        let planes = Some(Planes { bit_depth, full_range: false, luma, chroma: None });
        DecodedFrame { index: 0, timestamp_secs: 0.0, width, height, rgb: &[], planes }
    };
    let mut meter = meter;
    meter.push(&PairView::new(frame(&a, depths.0), frame(&b, depths.1)));
    meter.finish()
}

#[test]
fn luma_is_compared_as_it_is_stored() {
    let width = 20;
    let a: Vec<u16> = (0..width as u16 * 15).map(|at| at * 37 % 1024).collect();
    let b: Vec<u16> = a.iter().map(|v| (v + 4).min(1023)).collect();
    let psnr_y = |depths, a: &[u16], b: &[u16]| {
        luma(Box::new(psnr::Meter::new(Channels::Luma)), depths, a, b, width).map(|measured| measured.value)
    };
    let errors: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(b - a).powi(2)).sum::<f64>() / a.len() as f64;
    assert_near(psnr_y((10, 10), &a, &b).unwrap(), 10.0 * (1023.0_f64.powi(2) / errors).log10(), 1e-12);
    // libvmaf caps at 6 bits + 12 dB.
    assert_eq!(psnr_y((10, 10), &a, &a), Ok(72.0));
    let bytes: Vec<u16> = a.iter().map(|v| v / 4).collect();
    assert_eq!(psnr_y((8, 8), &bytes, &bytes), Ok(60.0));
    assert_eq!(
        psnr_y((10, 8), &a, &bytes).unwrap_err().to_string(),
        "the reference stores 10 bits per sample, the sample 8; compare R, G and B instead"
    );
    // The same picture at another depth has the same similarity: white has another number, but is the same white.
    let ssim_y = |depths, a: &[u16], b: &[u16]| {
        luma(Box::new(ssim::Meter::new(Channels::Luma)), depths, a, b, width).unwrap().value
    };
    let (deep_a, deep_b): (Vec<u16>, Vec<u16>) =
        bytes.iter().map(|v| (v * 16 + v / 16, (v * 16 + v / 16).saturating_sub(160))).unzip();
    let (flat_a, flat_b): (Vec<u16>, Vec<u16>) =
        (bytes.clone(), bytes.iter().map(|v| v.saturating_sub(10)).collect());
    assert_near(ssim_y((12, 12), &deep_a, &deep_b), ssim_y((8, 8), &flat_a, &flat_b), 2e-3);
}

#[test]
fn a_file_that_stores_rgb_has_no_luma() {
    let rgb = vec![9; 16 * 16 * 3];
    let frame =
        DecodedFrame { index: 0, timestamp_secs: 0.0, width: 16, height: 16, rgb: &rgb, planes: None };
    let mut meter: Box<dyn PairMeter> = Box::new(ms_ssim_metric::Meter::new(Channels::Luma));
    meter.push(&PairView::new(frame, frame));
    let reason = meter.finish().unwrap_err().to_string();
    assert_eq!(reason, "the reference stores no luma; compare R, G and B instead");
}

proptest! {
    #[test]
    fn similarity_is_symmetric_and_in_range(seed in any::<u32>(), width in 11_usize..40, height in 11_usize..40) {
        let mut random = RandomState::new(seed);
        let mut image = || {
            let data = random.bytes(width * height * 3).into_iter().map(f32::from).collect();
            Image::new(width, height, 3, 255.0, data).unwrap()
        };
        let (a, b) = (image(), image());
        let (ab, ba) = (compare(&a, &b).unwrap().mean_ssim(), compare(&b, &a).unwrap().mean_ssim());
        prop_assert_eq!(ab, ba);
        prop_assert!((-1.0..=1.0).contains(&ab), "{}", ab);
    }
}
