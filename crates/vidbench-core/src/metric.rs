//! A metric's description of itself, and its results.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MetricId;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    HigherIsBetter,
    /// Less is better.
    LowerIsBetter,
    /// Neither: the value only describes.
    Descriptive,
}

impl Direction {
    /// The arrow shown beside a value.
    pub fn arrow(self) -> &'static str {
        match self {
            Self::HigherIsBetter => "↑",
            Self::LowerIsBetter => "↓",
            Self::Descriptive => "",
        }
    }
}

/// What a metric is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// The frames of one clip.
    Clip,
    /// The frames of one clip and its prompt.
    ClipAndPrompt,
    /// The frames of one clip and the image it was made from.
    ClipAndImage,
    /// The frames of one clip and of its reference.
    Pair,
    /// A set of clips and a reference set that ships.
    Set,
    /// A set of clips and a reference set that the user names.
    ReferenceSet,
    /// A set of clips and nothing to compare it with.
    ClipSet,
    /// Features that the user supplies, of generated clips and usually of a reference; no run computes them.
    Features,
}

/// How the values of clips are combined into one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The mean over clips: each clip counts the same.
    ClipMean,
    /// The mean over the frames (or pairs of frames) of all clips: a clip counts once for each value in its series.
    FrameMean,
    /// Nothing is averaged: the metric has one value for a whole set.
    OfSet,
}

/// A metric's description of itself. The registry is `vidbench_metrics::DESCRIPTORS`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricDescriptor {
    /// Name with version, such as `temporal_flickering@1`.
    pub id: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// Unit, or empty for a pure number.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// Lowest and highest possible value; `None` is unbounded.
    pub range: (Option<f64>, Option<f64>),
    /// What it is computed from.
    pub needs: Needs,
    /// How the values of clips are combined.
    pub aggregate: Aggregate,
    /// Nets it uses.
    pub nets: &'static [&'static str],
}

impl MetricDescriptor {
    /// Name of the page that explains it, `docs/metrics/NAME.md`. Metrics of one family share a page.
    pub fn page(&self) -> String {
        let name = self.id.split('@').next().unwrap_or(self.id);
        let name = match name.split_once('.') {
            Some(("vbench", dimension)) => format!("vbench_{dimension}"),
            Some((family, _)) => family.to_owned(),
            None => name.strip_suffix("_y").unwrap_or(name).to_owned(),
        };
        match name.as_str() {
            "kvd" | "fvd_infinity" => "fvd".into(),
            "vbench_background_consistency"
            | "vbench_subject_consistency"
            | "background_consistency"
            | "subject_consistency" => "vbench_consistency".into(),
            "inception_score" if self.needs == Needs::ClipSet => "inception_score_c3d".into(),
            "dynamic_degree" => "vbench_dynamic_degree".into(),
            "vbench_temporal_style" => "vbench_overall_consistency".into(),
            _ => name,
        }
    }

    /// The typed identifier.
    pub fn metric_id(&self) -> MetricId {
        MetricId::new(self.id).expect("invariant: descriptor ids are checked by a test of the registry")
    }
}

/// A metric's result: a finite number, or the reason why there is none. Never a placeholder value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// A finite number in the metric's unit.
    Value(f64),
    /// No number, and why.
    NotAvailable {
        /// What was missing.
        reason: String,
    },
}

impl Score {
    /// Turns a number into a score; a number that is not finite becomes "not available".
    pub fn from_value(value: f64) -> Self {
        if value.is_finite() {
            Self::Value(value)
        } else {
            Self::not_available(format!("the computation returned {value}"))
        }
    }

    /// A score without a number, with the reason.
    pub fn not_available(reason: impl Into<String>) -> Self {
        Self::NotAvailable { reason: reason.into() }
    }

    /// The number, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::NotAvailable { .. } => None,
        }
    }
}

/// A metric's values frame by frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Frame that the first value belongs to, from 0: 1 for a metric that compares each frame with the one before.
    pub first_frame: u32,
    /// One value a frame, in the metric's unit; finite.
    pub values: Vec<f32>,
}

/// A score with the metric it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricScore {
    /// The metric.
    pub metric: MetricId,
    /// Its result.
    pub score: Score,
    /// Its values over the clip, where it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// What a reader must know about this value, such as that the prompt was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl MetricScore {
    /// A score without a series or a note.
    pub fn new(metric: MetricId, score: Score) -> Self {
        Self { metric, score, series: None, note: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_is_not_available() {
        assert_eq!(Score::from_value(f64::NAN).value(), None);
        assert_eq!(Score::from_value(f64::INFINITY).value(), None);
        assert_eq!(Score::from_value(0.5).value(), Some(0.5));
    }
}
