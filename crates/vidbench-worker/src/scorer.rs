//! The worker that scores: decodes a file once and feeds every metric from that one decode.
//!
//! A file that is no sound video is a result ([`Decoded::Failed`]); an error is only what says nothing of the video: an
//! unknown metric, a file that is not there, a net that does not load.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Instant;

use vidbench_core::protocol::{Capabilities, Decoded, Features, RpcError, ScoreParams, ScoreResult};
use vidbench_core::{ClipFacts, ErrorKind, FramesU8, MetricId, MetricScore, Score};
use vidbench_metrics::frechet_shapes::ShapesClassifier;
use vidbench_metrics::{ClipMetric, DESCRIPTORS, Metric, SetMetric, UnknownMetric, score_clip};
use vidbench_video::{Clip, Limits, VideoError, VideoErrorKind, clip_stats, decode};

use crate::{Handler, Notifier, WorkerInfo, reference};

/// Name of the worker.
pub const SCORER_NAME: &str = "vidbench-scorer";

/// Decodes, checks and scores videos.
#[derive(Debug)]
pub struct Scorer {
    limits: Limits,
    classifier_graph: Cow<'static, [u8]>,
    /// Loaded when a set metric first asks for it: loading takes longer than scoring a clip.
    classifier: Option<ShapesClassifier>,
}

impl Scorer {
    /// A scorer that decodes within `limits` and takes the shapes classifier from the bytes of its ONNX file.
    pub fn new(limits: Limits, classifier_graph: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { limits, classifier_graph: classifier_graph.into(), classifier: None }
    }

    /// Decodes `params.path` once; gives the facts, one score for each clip metric and features for each set metric.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an unknown metric and a file that is not there, `internal` for a file that cannot be read and a
    /// net that does not load. Metrics are checked before anything is decoded.
    pub fn score(&mut self, params: &ScoreParams) -> Result<ScoreResult, RpcError> {
        let metrics = params.metrics.iter().map(known_metric).collect::<Result<Vec<_>, _>>()?;
        let start = Instant::now();
        let decoded = self.decode(&params.path)?;
        let decode_secs = start.elapsed().as_secs_f64();
        let (facts, frames) = match decoded {
            Ok(decoded) => decoded,
            Err(reason) => return Ok(decode_failed(reason, decode_secs)),
        };
        let start = Instant::now();
        let (mut scores, mut features) = (Vec::new(), Vec::new());
        for metric in metrics {
            match metric {
                Metric::Clip(metric) => scores.push(clip_score(metric, &frames, params.prompt.as_deref())),
                Metric::Set(metric) => match self.features(metric, &frames)? {
                    Ok(found) => features.push(found),
                    Err(score) => scores.push(score),
                },
            }
        }
        let score_secs = start.elapsed().as_secs_f64();
        Ok(ScoreResult { decoded: Decoded::Facts(facts), scores, features, decode_secs, score_secs })
    }

    /// Facts and frames, or the reason why the file is no sound video.
    fn decode(&self, path: &str) -> Result<Result<(ClipFacts, FramesU8), String>, RpcError> {
        match decode(path, &self.limits) {
            Ok(clip) => Ok(clip_facts(&clip).map(|facts| (facts, clip.frames))),
            Err(error) => decode_error(&error).map(Err),
        }
    }

    /// The features a set metric needs, or the score that says why this clip has none.
    fn features(
        &mut self,
        metric: SetMetric,
        frames: &FramesU8,
    ) -> Result<Result<Features, MetricScore>, RpcError> {
        match metric {
            SetMetric::FrechetShapes => {
                let classifier = self.classifier()?;
                let features = classifier.features(frames);
                Ok(features.map(|values| Features { net: classifier.net().to_owned(), values }).map_err(
                    |error| MetricScore {
                        metric: metric.descriptor().metric_id(),
                        score: Score::from(error),
                    },
                ))
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
        let metrics = DESCRIPTORS.iter().map(|descriptor| descriptor.metric_id()).collect();
        WorkerInfo {
            name: SCORER_NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            capabilities: Capabilities { metrics, ..Capabilities::default() },
        }
    }

    fn score(&mut self, params: &ScoreParams, _: &mut Notifier<'_>) -> Result<ScoreResult, RpcError> {
        Self::score(self, params)
    }
}

fn known_metric(id: &MetricId) -> Result<Metric, RpcError> {
    Metric::from_id(id.as_str()).map_err(|error: UnknownMetric| {
        RpcError::new(ErrorKind::InvalidRequest, error.to_string()).with_hint(error.hints().join("; "))
    })
}

fn clip_score(metric: ClipMetric, frames: &FramesU8, prompt: Option<&str>) -> MetricScore {
    let score = score_clip(metric, frames, prompt);
    MetricScore { metric: metric.descriptor().metric_id(), score }
}

fn decode_failed(reason: String, decode_secs: f64) -> ScoreResult {
    let decoded = Decoded::Failed { reason };
    ScoreResult { decoded, scores: Vec::new(), features: Vec::new(), decode_secs, score_secs: 0.0 }
}

/// The reason why a file is no sound video; an error when the file could not be looked at.
fn decode_error(error: &VideoError) -> Result<String, RpcError> {
    let kind = match &error.kind {
        VideoErrorKind::Missing
        | VideoErrorKind::Directory
        | VideoErrorKind::NotRegularFile
        | VideoErrorKind::PathNotUtf8 => ErrorKind::InvalidRequest,
        VideoErrorKind::Io(_) => ErrorKind::Internal,
        // The list is open: every other kind, today's and tomorrow's, is about the content of the file.
        kind => return Ok(with_causes(kind)),
    };
    Err(RpcError::new(kind, with_causes(error)))
}

/// The message with those of its causes; the path of a [`VideoError`] is in its own message only.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// What the decoder saw; the reason when the frame rate is neither recorded nor shown by the timestamps.
fn clip_facts(clip: &Clip) -> Result<ClipFacts, String> {
    let (probe, stats) = (&clip.probe, clip_stats(&clip.frames));
    let fps = match probe.fps {
        Some(fps) => fps.hz(),
        None => shown_fps(&clip.timestamps_secs).ok_or("the file records no frame rate and shows none")?,
    };
    Ok(ClipFacts {
        container: probe.container.clone(),
        codec: probe.codec.clone(),
        pixel_format: probe.pixel_format.clone(),
        width: probe.width,
        height: probe.height,
        frames: count(stats.frame_count),
        fps,
        duration_secs: probe.duration_secs,
        black_frames: count(stats.black_frames),
        duplicate_frames: count(stats.duplicate_frames),
        frozen: stats.frozen,
    })
}

/// Frames a second between the first and the last frame.
fn shown_fps(timestamps_secs: &[f64]) -> Option<f64> {
    let (first, last) = (timestamps_secs.first()?, timestamps_secs.last()?);
    let fps = (timestamps_secs.len() - 1) as f64 / (last - first);
    (fps.is_finite() && fps > 0.0).then_some(fps)
}

/// Frames are bounded by [`Limits::max_frames`], far below 2^32.
fn count(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_from_timestamps_when_there_are_two() {
        assert_eq!(shown_fps(&[0.0, 0.5, 1.0]), Some(2.0));
        assert_eq!(shown_fps(&[0.0]), None);
        assert_eq!(shown_fps(&[1.0, 1.0]), None);
        assert_eq!(shown_fps(&[]), None);
    }
}
