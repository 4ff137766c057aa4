//! Published figures for inputs that anyone can make. Computing them here shows that a formula is the intended one.
//! With trained weights it also shows that a net is right, together with its input and the formula applied to its
//! output.

mod formulas;

use std::sync::Arc;

use vidbench_core::DecodedFrame;
use vidbench_metrics::extract::{Beginning, Extraction, NetSource};
use vidbench_metrics::numpy_random::RandomState;
use vidbench_metrics::{CovDivisor, FeatureMatrix, MetricError, frechet_distance};
use vidbench_nn::nets::Net;
use vidbench_nn::{NetState, NetStore, Tensor};

/// A figure that others published, or that their program computes.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// What it is, for people.
    pub name: &'static str,
    /// Nets it is computed with; empty where it tests only a formula.
    pub nets: &'static [&'static str],
    /// The figure that others give.
    pub published: f64,
    /// How far the computed figure may be off, as a share of the published one.
    pub tolerance: f64,
    /// Source of the published figure.
    pub source: &'static str,
    compute: fn(&dyn NetSource) -> Result<f64, MetricError>,
}

/// The result of computing an anchor.
#[derive(Debug, Clone, PartialEq)]
pub enum Anchored {
    /// The figure that was computed.
    Value(f64),
    /// Why it was not computed.
    NotAvailable(String),
    /// What went wrong while it was computed.
    Failed(String),
}

/// Formulas with figures from other programs; each is computed on arrays of NumPy's `RandomState`.
pub const FORMULAS: [Anchor; 11] = formulas::ALL;

/// Published figures of nets. TensorFlow and PyTorch differ by 6e-8 in the first and by 9e-4 in the second; the authors
/// of the second say that versions of PyTorch differ too.
pub const ANCHORS: [Anchor; 3] = [
    Anchor {
        name: "Fréchet distance by StyleGAN-V's I3D, 128 clips of numpy's RandomState(1) and 128 of RandomState(2)",
        nets: &["i3d-styleganv"],
        published: 10.138_084_766_713_924,
        tolerance: 1e-4,
        source: "universome/fvd-comparison at 33a5552",
        compute: fvd_of_noise,
    },
    Anchor {
        name: "Fréchet distance by StyleGAN-V's I3D, 8 black and 8 white clips of 30 frames",
        nets: &["i3d-styleganv"],
        published: 151.256_484_968_453_26,
        tolerance: 1e-3,
        source: "JunyaoHu/common_metrics_on_video_quality at 5f75173",
        compute: fvd_of_black_and_white,
    },
    Anchor {
        name: "LPIPS on AlexNet, black and white of 64x64",
        nets: &["lpips-alex"],
        published: 0.814_009_070_396_423_3,
        tolerance: 1e-4,
        source: "JunyaoHu/common_metrics_on_video_quality at 5f75173",
        compute: lpips_of_black_and_white,
    },
];

impl Anchor {
    /// Computes it with the weights of a store. For random weights nothing is published.
    pub fn compute(&self, store: &NetStore, nets: &dyn NetSource) -> Anchored {
        if let Some(reason) = self.nets.iter().find_map(|net| no_trained_weights(store, net)) {
            return Anchored::NotAvailable(reason);
        }
        match (self.compute)(nets) {
            Ok(value) => Anchored::Value(value),
            Err(error) => Anchored::Failed(error.to_string()),
        }
    }

    /// The difference from the published figure, as a share of it.
    pub fn difference(&self, value: f64) -> f64 {
        (value - self.published).abs() / self.published
    }
}

fn no_trained_weights(store: &NetStore, net: &str) -> Option<String> {
    match store.state(net) {
        Ok(NetState::Ready(identity)) if identity.random.is_none() => None,
        Ok(NetState::Ready(_)) => Some(format!("the weights of {net} are random")),
        Ok(NetState::Absent) => Some(format!("weights of {net} are not installed")),
        Ok(NetState::Damaged(reason)) => Some(reason),
        Err(error) => Some(error.to_string()),
    }
}

/// `rand(128, 16, 224, 224, 3)` of each seed as 32-bit floats, in [0, 1) rather than [-1, 1], given to the net
/// unchanged.
fn fvd_of_noise(nets: &dyn NetSource) -> Result<f64, MetricError> {
    const CLIPS: usize = 128;
    let net = nets.net("i3d-styleganv")?;
    let features = |seed: u32| {
        let mut random = RandomState::new(seed);
        rows((0..CLIPS).map(|_| logits(&net, 16, &mut || random.uniform() as f32)))
    };
    distance(&features(1)?, &features(2)?)
}

fn fvd_of_black_and_white(nets: &dyn NetSource) -> Result<f64, MetricError> {
    const CLIPS: usize = 8;
    let net = nets.net("i3d-styleganv")?;
    // All clips of one set are equal, so one pass serves for all.
    let features = |value: f32| {
        let one = logits(&net, 30, &mut || value)?;
        rows((0..CLIPS).map(|_| Ok(one.clone())))
    };
    distance(&features(-1.0)?, &features(1.0)?)
}

fn lpips_of_black_and_white(nets: &dyn NetSource) -> Result<f64, MetricError> {
    const SIDE: usize = 64;
    let (black, white) = (vec![0; SIDE * SIDE * 3], vec![255; SIDE * SIDE * 3]);
    let frame =
        |rgb| DecodedFrame { index: 0, timestamp_secs: 0.0, width: SIDE, height: SIDE, rgb, planes: None };
    let mut extractor = Extraction::LpipsAlex
        .extractor(nets, Beginning { fps: None, frames: None, image: Err(&MetricError::NoImage) })?;
    extractor.push(&frame(&white), Some(&frame(&black)))?;
    let rows = extractor.finish()?;
    rows.values
        .first()
        .map(|value| f64::from(*value))
        .ok_or(MetricError::TooFewFrames { frames: 0, needed: 1 })
}

/// The output of I3D for one clip of 224x224, whose numbers come in the order `[T, H, W, C]`.
fn logits(net: &Arc<Net>, frames: usize, next: &mut dyn FnMut() -> f32) -> Result<Vec<f32>, MetricError> {
    const SIDE: usize = 224;
    let failed = |reason: String| MetricError::Net { net: net.name(), reason };
    let plane = frames * SIDE * SIDE;
    let mut video = vec![0.0; 3 * plane];
    for at in 0..plane {
        for channel in 0..3 {
            video[channel * plane + at] = next();
        }
    }
    let video = Tensor::f32([1, 3, frames, SIDE, SIDE], video).map_err(|error| failed(error.to_string()))?;
    let outputs = net.run(&[("video", video)]).map_err(|error| failed(error.to_string()))?;
    let output = outputs.first().ok_or_else(|| failed("it has no output".into()))?;
    Ok(output.as_f32().map_err(|error| failed(error.to_string()))?.to_vec())
}

fn rows(clips: impl Iterator<Item = Result<Vec<f32>, MetricError>>) -> Result<FeatureMatrix, MetricError> {
    let rows = clips.collect::<Result<Vec<_>, _>>()?;
    let matrix = FeatureMatrix::from_rows(rows.iter().map(Vec::as_slice));
    matrix.map_err(|error| MetricError::Unfit { reason: error.to_string() })
}

/// `numpy.cov`, as both programs use it.
fn distance(a: &FeatureMatrix, b: &FeatureMatrix) -> Result<f64, MetricError> {
    distance_by(a, b, CovDivisor::NMinus1)
}

fn distance_by(a: &FeatureMatrix, b: &FeatureMatrix, divisor: CovDivisor) -> Result<f64, MetricError> {
    frechet_distance(a, b, divisor).map_err(|error| MetricError::Unfit { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use vidbench_nn::{Runtime, SessionOptions};

    use super::*;

    /// Random weights, for which nothing is published. They show that the inputs fit the nets and that the formula is
    /// applied.
    #[derive(Debug)]
    struct RandomNets(NetStore);

    impl NetSource for RandomNets {
        fn net(&self, name: &'static str) -> Result<Arc<Net>, MetricError> {
            let ready = self.0.ready(name).unwrap();
            let options = SessionOptions::on_cpu(1, Runtime::Tract);
            Ok(Arc::new(Net::load(ready.skeleton, ready.weights, &options).unwrap()))
        }
    }

    #[test]
    fn inputs_of_the_figures_fit_their_nets() {
        let folder = tempfile::tempdir().unwrap();
        let nets = RandomNets(NetStore::at(folder.path()).random(1));
        assert!(lpips_of_black_and_white(&nets).unwrap() > 0.0);
        let apart = fvd_of_black_and_white(&nets).unwrap();
        assert!(apart.is_finite() && apart > 0.0, "{apart}");
    }

    #[test]
    fn a_figure_without_trained_weights_is_not_available() {
        let folder = tempfile::tempdir().unwrap();
        let (store, nets) = (NetStore::at(folder.path()), vidbench_metrics::extract::NoNets);
        for anchor in ANCHORS {
            let reason = format!("weights of {} are not installed", anchor.nets[0]);
            assert_eq!(anchor.compute(&store, &nets), Anchored::NotAvailable(reason));
            assert_eq!(anchor.difference(anchor.published), 0.0);
            assert!(anchor.difference(1.01 * anchor.published) > anchor.tolerance);
        }
    }
}
