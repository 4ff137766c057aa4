//! Scores sets of clips from files of their features: what was read, and the result of each set.
//!
//! Such a scoring is a pure function of its files and is not kept in a store; its record holds everything needed to
//! tell where its numbers come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{MetricId, Score};

/// One execution of `vidbench features`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureScoring {
    /// Shape of this record.
    pub schema_version: u32,
    /// Version of vidbench.
    pub tool_version: String,
    /// Metrics computed from features, in the order of the columns.
    pub metrics: Vec<MetricId>,
    /// Resamples of every interval; 0 for none.
    pub resamples: u32,
    /// Seed of the resamples.
    pub bootstrap_seed: u64,
    /// What the sets are compared with; absent when every metric looks at a set alone.
    pub reference: Option<FeatureSource>,
    /// The sets, in the order they were named.
    pub sets: Vec<FeatureSet>,
}

/// Features as they were read: the rows of one file, or of several concatenated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureSource {
    /// The files, in the order of their rows.
    pub files: Vec<FeatureFile>,
    /// Number of clips, N: one per row, unless `frames` says that the rows are frames.
    pub clips: u64,
    /// Number of rows, when each row is a frame. The frames of a clip are not independent samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// Length of a row, d.
    pub dims: u64,
}

/// A file of features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureFile {
    /// Where it is, written as the path of a [`RequestedClip`](crate::RequestedClip).
    pub path: String,
    /// The array that was asked for; absent when the file has one matrix only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Its rows.
    pub clips: u64,
}

/// One set with its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureSet {
    /// What it is listed under.
    pub label: String,
    /// What was read; absent when it could not be.
    pub source: Option<FeatureSource>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// One for each metric, in order; empty when the set could not be read.
    pub scores: Vec<FeatureScore>,
}

/// A metric's result on a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureScore {
    /// The metric.
    pub metric: MetricId,
    /// The value, or why there is none.
    pub score: Score,
    /// The 95 % bootstrap interval; absent without a value or resamples.
    pub interval: Option<(f64, f64)>,
    /// The set has too few clips for its dimensions.
    pub underpowered: bool,
    /// Further numbers by name, as the metric's page explains them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, f64>,
}

impl FeatureScoring {
    /// Whether every set was read and every metric has a value.
    pub fn is_complete(&self) -> bool {
        let valued = |set: &FeatureSet| set.scores.iter().all(|score| score.score.value().is_some());
        self.sets.iter().all(|set| set.problem.is_none() && valued(set))
    }
}
