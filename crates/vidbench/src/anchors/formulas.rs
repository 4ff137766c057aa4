//! Formulas that need no net, with the figures of programs that others use to compute them.

use vidbench_core::FramesU8;
use vidbench_metrics::extract::NetSource;
use vidbench_metrics::numpy_random::RandomState;
use vidbench_metrics::temporal_flickering::temporal_flickering;
use vidbench_metrics::{CovDivisor, FeatureMatrix, FeatureMetric, MetricError, SetOptions, feature_metric};
use vidbench_metrics::{ms_ssim, psnr, ssim};
use vidbench_video::{ByteResize, FloatResize, ImageShape, Size, resize_bytes, resize_float};

use super::{Anchor, distance_by};

pub(super) const ALL: [Anchor; 11] = [
    formula(
        "temporal flickering, 8 frames of RandomState(8).randint",
        0.667_161_978_927_313_1,
        1e-7,
        "VBench 0.1.5, in 32-bit floats",
        flickering,
    ),
    formula(
        "PSNR of bytes of RandomState(9) with noise",
        22.490_925_496_254_036,
        1e-12,
        "NumPy 2.4.6",
        |_| {
            let (a, b) = noisy();
            psnr::psnr(&a, &b)
        },
    ),
    formula(
        "SSIM of the same",
        0.965_677_350_099_815_7,
        2e-6,
        "pytorch_msssim 1.0.0, in 64-bit floats",
        |_| {
            let (a, b) = noisy();
            ssim::ssim(&a, &b)
        },
    ),
    formula(
        "MS-SSIM of the same",
        0.970_594_752_833_464_7,
        2e-6,
        "pytorch_msssim 1.0.0, in 64-bit floats",
        |_| {
            let (a, b) = noisy();
            ms_ssim::ms_ssim(&a, &b)
        },
    ),
    formula(
        "Fréchet distance of 2,048 x 400 normal numbers, covariance by N",
        48.020_899_221_211_27,
        1e-11,
        "SciPy 1.17.1, sqrtm",
        |_| distance_by(&normals(1, 1.0, 0.0)?, &normals(2, 1.1, 0.05)?, CovDivisor::N),
    ),
    formula(
        "Fréchet distance of the same, covariance by N - 1",
        48.043_682_918_147_96,
        1e-11,
        "SciPy 1.17.1, sqrtm",
        |_| distance_by(&normals(1, 1.0, 0.0)?, &normals(2, 1.1, 0.05)?, CovDivisor::NMinus1),
    ),
    formula("kernel distance of the same", 0.007_483_602_909, 1e-9, "NumPy 2.4.6", |_| {
        of_sets(FeatureMetric::KernelDistance, &normals(1, 1.0, 0.0)?, &normals(2, 1.1, 0.05)?)
    }),
    formula(
        "polynomial MMD of 1,000 x 1,280 uniform numbers",
        0.009_113_975_709_15,
        1e-9,
        "scikit-learn's kernel, as JEDi calls it",
        |_| of_sets(FeatureMetric::MmdPolynomial, &uniform(5)?, &uniform(6)?),
    ),
    formula("bilinear resize, 6x10 to 4x5, weighted sum", 25_710.0, 1e-7, "torch 2.15, OpenCV 5.0", |_| {
        Ok(weighted(&resize_float(&ramp(), RAMP, SMALL, FloatResize::TorchBilinear).map_err(unfit)?))
    }),
    formula("bicubic resize with antialiasing of the same", 26_176.869_77, 1e-7, "torch 2.15", |_| {
        Ok(weighted(&resize_float(&ramp(), RAMP, SMALL, FloatResize::TorchBicubicAntialias).map_err(unfit)?))
    }),
    formula("bicubic resize in bytes of the same", 26_194.0, 0.0, "Pillow 13.0", |_| {
        let bytes = resize_bytes(&ramp(), RAMP, SMALL, ByteResize::PilBicubic).map_err(unfit)?;
        Ok(weighted(&bytes.into_iter().map(f32::from).collect::<Vec<_>>()))
    }),
];

const fn formula(
    name: &'static str,
    published: f64,
    tolerance: f64,
    source: &'static str,
    compute: fn(&dyn NetSource) -> Result<f64, MetricError>,
) -> Anchor {
    Anchor { name, nets: &[], published, tolerance, source, compute }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unfit(error: impl ToString) -> MetricError {
    MetricError::Unfit { reason: error.to_string() }
}

fn frames(count: usize, height: usize, width: usize, bytes: Vec<u8>) -> FramesU8 {
    FramesU8::new(count, height, width, bytes).expect("invariant: as many bytes as the shape has")
}

/// `RandomState(8).randint(0, 256, (8, 32, 48, 3))`.
fn flickering(_: &dyn NetSource) -> Result<f64, MetricError> {
    let (count, height, width) = (8, 32, 48);
    let bytes = RandomState::new(8).bytes(count * height * width * FramesU8::CHANNELS);
    temporal_flickering(&frames(count, height, width, bytes))
}

/// `A = RandomState(9).randint(0, 256, (176, 192, 3))` and `clip(A + 20 RandomState(10).randn(176, 192, 3), 0, 255).round()`.
fn noisy() -> (FramesU8, FramesU8) {
    let (height, width) = (176, 192);
    let a = RandomState::new(9).bytes(height * width * FramesU8::CHANNELS);
    let mut random = RandomState::new(10);
    let noise =
        |value: &u8| (f64::from(*value) + 20.0 * random.normal()).clamp(0.0, 255.0).round_ties_even() as u8;
    let b = a.iter().map(noise).collect();
    (frames(1, height, width, a), frames(1, height, width, b))
}

/// `(RandomState(seed).randn(2048, 400) * scale + shift).astype(float32)`.
fn normals(seed: u32, scale: f64, shift: f64) -> Result<FeatureMatrix, MetricError> {
    let mut random = RandomState::new(seed);
    let rows: Vec<Vec<f32>> =
        (0..2048).map(|_| (0..400).map(|_| (random.normal() * scale + shift) as f32).collect()).collect();
    FeatureMatrix::from_rows(rows.iter().map(Vec::as_slice)).map_err(unfit)
}

/// `RandomState(seed).rand(1000, 1280)`.
fn uniform(seed: u32) -> Result<FeatureMatrix, MetricError> {
    let mut random = RandomState::new(seed);
    FeatureMatrix::f64(1000, 1280, (0..1000 * 1280).map(|_| random.uniform()).collect()).map_err(unfit)
}

fn of_sets(
    metric: FeatureMetric,
    generated: &FeatureMatrix,
    reference: &FeatureMatrix,
) -> Result<f64, MetricError> {
    let options = SetOptions { resamples: 0, bootstrap_seed: 1 };
    let measured = feature_metric(metric, generated, Some(reference), &options);
    measured.score.value().ok_or_else(|| unfit("it has no value"))
}

const RAMP: ImageShape = ImageShape { height: 6, width: 10, channels: 1 };
const SMALL: Size = Size { height: 4, width: 5 };

/// `37 i mod 256`, row after row.
fn ramp() -> Vec<u8> {
    (0..RAMP.height * RAMP.width).map(|at| (37 * at % 256) as u8).collect()
}

/// The sum of the values times their positions, counted from 1: exchanging any two different values changes it.
fn weighted(values: &[f32]) -> f64 {
    values.iter().zip(1..).map(|(value, place)| f64::from(*value) * f64::from(place)).sum()
}

#[cfg(test)]
mod tests {
    use vidbench_metrics::extract::NoNets;
    use vidbench_nn::NetStore;

    use super::super::{Anchored, FORMULAS};

    #[test]
    fn every_formula_gives_what_its_source_gives() {
        let folder = tempfile::tempdir().unwrap();
        for formula in FORMULAS {
            let Anchored::Value(value) = formula.compute(&NetStore::at(folder.path()), &NoNets) else {
                panic!("{}", formula.name);
            };
            let apart = formula.difference(value);
            assert!(apart <= formula.tolerance, "{}: {value}, {apart:e} apart", formula.name);
        }
    }
}
