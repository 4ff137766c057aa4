//! The worker that scores: decodes a file once and feeds every metric from that one decode.
//!
//! A file that is not a sound video gives a result ([`Decoded::Failed`]). An error is only for what says nothing about
//! the video: an unknown metric, a file that is not there, a net that does not load.

mod extractions;
mod facts;
mod pair;
mod pass;
mod source;
mod texts;

use std::borrow::Cow;
use std::collections::BTreeMap;

use vidbench_core::protocol::{
    Capabilities, DecodeOptions, Decoded, Features, RpcError, ScoreParams, ScoreResult,
};
use vidbench_core::with_causes;
use vidbench_core::{ErrorKind, FramesU8, MetricId, MetricScore, Needs};
use vidbench_metrics::extract::NetSource;
use vidbench_metrics::frechet_shapes::ShapesClassifier;
use vidbench_metrics::{DESCRIPTORS, FeatureMetric, Metric, MetricError, SetMetric, UnknownMetric};
use vidbench_video::{Fps, Limits, RawVideo, ReadOptions, VideoError, VideoErrorKind};

use self::pass::{Pass, Passed};
use crate::{Handler, Notifier, WorkerInfo, reference};

/// Name of the worker.
pub const SCORER_NAME: &str = "vidbench-scorer";

/// Decodes, checks and scores videos.
#[derive(Debug)]
pub struct Scorer {
    classifier_graph: Cow<'static, [u8]>,
    /// Loaded when a set metric first asks for it: loading takes longer than scoring a clip.
    classifier: Option<ShapesClassifier>,
    nets: Box<dyn NetSource>,
}

impl Scorer {
    /// A scorer that takes the shapes classifier from the bytes of its ONNX file, and the nets of metrics from `nets`.
    pub fn new(classifier_graph: impl Into<Cow<'static, [u8]>>, nets: impl NetSource + 'static) -> Self {
        Self { classifier_graph: classifier_graph.into(), classifier: None, nets: Box::new(nets) }
    }

    /// Decodes `params.path` once, and `params.reference` beside it; gives the facts, one score for each metric of clips and
    /// of pairs, and features for each set metric.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an unknown metric, a metric of pairs without a reference and a file that is not there,
    /// `internal` for a file that cannot be read and a net that does not load. Metrics are checked before anything is
    /// decoded.
    pub fn score(&mut self, params: &ScoreParams) -> Result<ScoreResult, RpcError> {
        let metrics = params.metrics.iter().map(known_metric).collect::<Result<Vec<_>, _>>()?;
        if params.reference.is_none() && metrics.iter().any(|metric| metric.descriptor().needs == Needs::Pair)
        {
            let message = "a pair metric was requested without a reference";
            return Err(RpcError::new(ErrorKind::InvalidRequest, message));
        }
        let pass = Pass::new(&metrics, params, read_options(&params.options)?, self.nets.as_ref());
        let (passed, mut spent) = match pass.run() {
            Ok(passed) => passed,
            Err(error) => return decode_error(&error).map(decode_failed),
        };
        let Passed { facts, pairing, scores, features, net_secs, clip } = passed;
        let facts = match facts {
            Ok(facts) => facts,
            Err(reason) => return Ok(decode_failed(reason)),
        };
        let start = std::time::Instant::now();
        let (mut scores, mut features) = (scores, features);
        if let Some(clip) = clip {
            for metric in metrics.iter().filter_map(|metric| metric.set()) {
                match self.features(metric, clip.as_ref())? {
                    Ok(found) => features.push(found),
                    Err(error) => {
                        scores.push(MetricScore::new(metric.descriptor().metric_id(), error.into()));
                    }
                }
            }
        }
        spent.scoring += start.elapsed();
        let (decode_secs, score_secs) = (spent.decoding.as_secs_f64(), spent.scoring.as_secs_f64());
        let decoded = Decoded::Facts(facts);
        Ok(ScoreResult { decoded, pairing, scores, features, net_secs, decode_secs, score_secs })
    }

    /// The features a set metric needs, or why this clip has none.
    fn features(
        &mut self,
        metric: SetMetric,
        clip: Result<&FramesU8, &MetricError>,
    ) -> Result<Result<Features, MetricError>, RpcError> {
        match metric {
            SetMetric::FrechetShapes => {
                let classifier = self.classifier()?;
                let features = clip.map_err(Clone::clone).and_then(|clip| classifier.features(clip));
                Ok(features.map(|values| Features::of_clip(classifier.net(), values)))
            }
        }
    }

    fn classifier(&mut self) -> Result<&ShapesClassifier, RpcError> {
        let loaded = match self.classifier.take() {
            Some(classifier) => classifier,
            None => reference::load(&self.classifier_graph)?,
        };
        Ok(self.classifier.insert(loaded))
    }
}

impl Handler for Scorer {
    fn initialize(&mut self) -> WorkerInfo {
        let of_clips = DESCRIPTORS.iter().filter(|descriptor| descriptor.needs != Needs::Features);
        let metrics = of_clips.map(|descriptor| descriptor.metric_id()).collect();
        WorkerInfo {
            name: SCORER_NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            capabilities: Capabilities { metrics, ..Capabilities::default() },
        }
    }

    fn score(&mut self, params: &ScoreParams, notifier: &mut Notifier<'_>) -> Result<ScoreResult, RpcError> {
        let mut result = Self::score(self, params)?;
        // Rows go ahead in notifications, because together they may not fit on one line.
        let of_rows = result.features.iter_mut().filter(|features| features.rows > 1);
        of_rows.for_each(|features| notifier.rows(features));
        Ok(result)
    }
}

fn read_options(options: &DecodeOptions) -> Result<ReadOptions, RpcError> {
    let raw_format = options.raw_format.as_deref().map(str::parse).transpose().map_err(
        |error: vidbench_video::UnknownPixelFormat| {
            RpcError::new(ErrorKind::InvalidRequest, error.to_string())
        },
    )?;
    let fps = |fps: Option<u32>| fps.and_then(|fps| Fps::new(fps, 1));
    let defaults = ReadOptions::default();
    Ok(ReadOptions {
        limits: Limits {
            max_width: options.max_side,
            max_height: options.max_side,
            max_frames: options.max_frames,
            max_duration_secs: options.max_duration_secs,
            max_file_bytes: options.max_file_bytes,
            max_decode_secs: options.max_decode_secs,
            max_threads: options.threads,
            ..Limits::default()
        },
        pixels: options.pixels,
        image_fps: fps(options.image_fps).unwrap_or(defaults.image_fps),
        raw: RawVideo { size: options.raw_size, pixel_format: raw_format, fps: fps(options.raw_fps) },
        ..defaults
    })
}

fn known_metric(id: &MetricId) -> Result<Metric, RpcError> {
    let found = Metric::from_id(id.as_str()).map_err(|error: UnknownMetric| {
        RpcError::new(ErrorKind::InvalidRequest, error.to_string()).with_hint(error.hints().join("; "))
    });
    match found? {
        Metric::Feature(metric) => Err(not_of_clips(metric)),
        found @ (Metric::Clip(_) | Metric::Pair(_) | Metric::Set(_) | Metric::Net(_) | Metric::NetSet(_)) => {
            Ok(found)
        }
    }
}

fn not_of_clips(metric: FeatureMetric) -> RpcError {
    let id = metric.descriptor().id;
    let message = format!("{id} is computed from feature files, not from clips");
    RpcError::new(ErrorKind::InvalidRequest, message)
}

fn decode_failed(reason: String) -> ScoreResult {
    ScoreResult {
        decoded: Decoded::Failed { reason },
        pairing: None,
        scores: Vec::new(),
        features: Vec::new(),
        net_secs: BTreeMap::new(),
        decode_secs: 0.0,
        score_secs: 0.0,
    }
}

/// The reason why a file is no sound video; an error when the file could not be looked at.
fn decode_error(error: &VideoError) -> Result<String, RpcError> {
    let kind = match &error.kind {
        VideoErrorKind::Missing
        | VideoErrorKind::Directory
        | VideoErrorKind::NotRegularFile
        | VideoErrorKind::PathNotUtf8 => ErrorKind::InvalidRequest,
        VideoErrorKind::Io(_) => ErrorKind::Internal,
        // The enum is open: every other kind, today's or a future one, is about the content of the file.
        kind => return Ok(with_causes(kind)),
    };
    Err(RpcError::new(kind, with_causes(error)))
}
