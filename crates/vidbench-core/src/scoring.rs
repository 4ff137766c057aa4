//! Scoring clips that already exist: the request, and the result of each clip.
//!
//! A scoring is one execution of `vidbench score`. Results are kept by content (SHA-256 of the file, metric), so the
//! same file is never scored twice, whatever its name; a scoring only records which files it covered.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::FeatureScoring;
use crate::protocol::DecodeOptions;
use crate::{ClipFacts, Environment, MetricId, MetricScore, NetDevice, RunId, RunStatus};

/// What a scoring is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoringRequest {
    /// Shown in reports.
    pub name: String,
    /// Metrics of clips and of pairs, in the order of the columns.
    pub metrics: Vec<MetricId>,
    /// The clips, in the order of the manifest or of their names.
    pub clips: Vec<RequestedClip>,
    /// How files are read, and how much reading one may cost.
    pub options: DecodeOptions,
    /// How nets are run.
    #[serde(default)]
    pub nets: NetOptions,
}

/// How the nets of metrics are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetOptions {
    /// The seed of random weights used instead of trained ones: the computation costs the same, but the scores mean
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_seed: Option<u64>,
    /// The runtime.
    #[serde(default)]
    pub runtime: NetRuntime,
    /// The device that computes them; the first one, where there are several.
    #[serde(default, skip_serializing_if = "NetDevice::is_cpu")]
    pub device: NetDevice,
}

/// The runtime that computes nets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetRuntime {
    /// ONNX Runtime where its library is found, else the built-in runtime.
    #[default]
    Auto,
    /// ONNX Runtime.
    OnnxRuntime,
    /// tract, which is built in.
    Tract,
}

impl NetRuntime {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::OnnxRuntime => "onnxruntime",
            Self::Tract => "tract",
        }
    }
}

impl ScoringRequest {
    /// The clip in that place.
    pub fn clip(&self, ordinal: u64) -> Option<&RequestedClip> {
        usize::try_from(ordinal).ok().and_then(|at| self.clips.get(at))
    }

    /// Describes how the files of a clip are read, as far as it changes what metrics see. It is part of the key under
    /// which scores are kept. It includes the name of a file of raw samples, because the name may state their size,
    /// format and rate.
    pub fn reading(&self, clip: &RequestedClip) -> String {
        let mut text = self.options.reading();
        for (role, path) in [("clip", Some(&clip.path)), ("reference", clip.reference.as_ref())] {
            let name = path.and_then(|path| path.rsplit('/').next());
            if let Some(name) = name.filter(|name| name.to_ascii_lowercase().ends_with(".yuv")) {
                text += &format!(" {role}={name}");
            }
        }
        text
    }
}

/// One clip to score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestedClip {
    /// Its path. Bytes that are not UTF-8 are written as `\xNN`, and a backslash as `\\`.
    pub path: String,
    /// The group it is listed under: the model of the manifest, or the folder.
    pub group: String,
    /// The prompt it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The image it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ConditioningImage>,
    /// The seed it was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Number of the clip among those of its prompt, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Everything else that the manifest says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Map<String, Value>>,
    /// SHA-256 that the manifest gives for the file, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_sha256: Option<String>,
    /// Why there is nothing to decode, such as a refused name or a missing file. Such a clip is still counted and
    /// reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The clip it is compared with, written as `path`; absent when there are no references or this clip has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why it has no reference, where there is more to say than that none matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_problem: Option<String>,
}

/// An image that a clip was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditioningImage {
    /// Its path, written as the path of a clip.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal; part of the key of scores that depend on the image.
    pub sha256: String,
}

/// The result of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClipOutcome {
    /// Decoded and, with a reference, compared.
    Ok,
    /// The file cannot be read, or is not the one the manifest names.
    Unreadable,
    /// The file is not a valid video, it exceeded its time limit, or the scorer died over it twice; the reason says
    /// which.
    DecodeFailed,
    /// References were asked for and the clip has none.
    ReferenceMissing,
    /// The reference is not a valid video.
    ReferenceFailed,
    /// Clip and reference differ in size or length.
    PairMismatch,
}

impl ClipOutcome {
    /// Every outcome, in the order used by tables.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Unreadable,
        Self::DecodeFailed,
        Self::ReferenceMissing,
        Self::ReferenceFailed,
        Self::PairMismatch,
    ];

    /// The name used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unreadable => "unreadable",
            Self::DecodeFailed => "decode_failed",
            Self::ReferenceMissing => "reference_missing",
            Self::ReferenceFailed => "reference_failed",
            Self::PairMismatch => "pair_mismatch",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for ClipOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One clip with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredClip {
    /// Its place in the request.
    pub ordinal: u64,
    /// SHA-256 of the file, in hexadecimal; absent when it could not be read.
    pub sha256: Option<String>,
    /// SHA-256 of its reference.
    pub reference_sha256: Option<String>,
    /// What came of it.
    pub outcome: ClipOutcome,
    /// The reason, for every outcome but ok.
    pub reason: Option<String>,
    /// What the decoder saw, when the file could be decoded.
    pub facts: Option<ClipFacts>,
    /// One per metric asked for, in the order asked; empty when the file could not be decoded.
    pub scores: Vec<MetricScore>,
}

/// One scoring as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoringRecord {
    /// Shape of this record.
    pub schema_version: u32,
    /// The id of the scoring, unique among runs and scorings alike.
    pub id: RunId,
    /// Unix time of creation, in milliseconds.
    pub created_ms: i64,
    /// Unix time of its end, in milliseconds.
    pub finished_ms: Option<i64>,
    /// How far it has come.
    pub status: RunStatus,
    /// What was asked.
    pub request: ScoringRequest,
    /// The machine and the software that made it.
    pub environment: Environment,
}

/// A scoring, as analysis and reports read it. The results of its clips are read one at a time: there may be a hundred
/// thousand of them, each with its scores frame by frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoringData {
    /// The scoring.
    pub record: ScoringRecord,
    /// Results of comparing sets of clips with a reference set: one for each way of looking at clips.
    pub sets: Vec<FeatureScoring>,
}
