//! VBench's totals: scores of dimensions normalised, weighted and averaged by group, as its score scripts do.
//!
//! Tables and formulas are those of `scripts/constant.py`, `scripts/cal_final_score.py` and
//! `vbench2_beta_i2v/scripts/cal_i2v_final_score.py` (Vchitect/VBench at 45e79ec). One thing differs: VBench counts a
//! dimension that was not measured as raw 0, which after normalisation can be as low as -2.42. Here a mean that lacks a
//! dimension is [`Mean::Incomplete`]; [`as_vbench`] gives VBench's figures on request.
//!
//! ```
//! use vidbench_analysis::vbench_total::{Mean, total};
//! use vidbench_core::vbench::{Dimension, VbenchSuite};
//!
//! let scores = [(Dimension::Scene, 0.5529)].into();
//! let total = total(VbenchSuite::T2v, &scores);
//! assert_eq!(total.dimensions[12].normalised.map(|value| (value * 1e4).round()), Some(6725.0));
//! assert!(matches!(total.total, Mean::Incomplete { missing } if missing.len() == 15));
//! ```

use std::collections::BTreeMap;

use serde::Serialize;
use vidbench_core::vbench::{CLIPS_PER_PROMPT, Dimension, VbenchSuite};

/// The group that a dimension counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// How good the video looks, whatever the prompt.
    Quality,
    /// How well it fits the text; in text to video only.
    Semantic,
    /// How well it fits image and text; in image to video only.
    I2v,
}

impl Group {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Semantic => "semantic",
            Self::I2v => "i2v",
        }
    }
}

/// How one dimension enters the total.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Normalisation {
    /// The dimension.
    pub dimension: Dimension,
    /// The raw score that becomes 0.
    pub min: f64,
    /// The raw score that becomes 1. Nothing is clipped: a better raw score gives more than 1.
    pub max: f64,
    /// Its weight within the group.
    pub weight: f64,
    /// Its group.
    pub group: Group,
    /// Prompts that VBench's suite has for it; each has [`CLIPS_PER_PROMPT`] clips.
    pub prompts: u64,
}

impl Normalisation {
    /// `(raw - min) / (max - min)`, without the weight.
    pub fn apply(&self, raw: f64) -> f64 {
        (raw - self.min) / (self.max - self.min)
    }

    /// Videos the dimension is measured over, when none is missing.
    pub fn videos(&self) -> u64 {
        self.prompts * u64::from(CLIPS_PER_PROMPT)
    }
}

/// Text to video: 16 dimensions.
pub const T2V: [Normalisation; 16] = [
    row(Dimension::SubjectConsistency, 0.1462, 1.0, 1.0, Group::Quality, 72),
    row(Dimension::BackgroundConsistency, 0.2615, 1.0, 1.0, Group::Quality, 86),
    row(Dimension::TemporalFlickering, 0.6293, 1.0, 1.0, Group::Quality, 75),
    row(Dimension::MotionSmoothness, 0.706, 0.9975, 1.0, Group::Quality, 72),
    row(Dimension::DynamicDegree, 0.0, 1.0, 0.5, Group::Quality, 72),
    row(Dimension::AestheticQuality, 0.0, 1.0, 1.0, Group::Quality, 93),
    row(Dimension::ImagingQuality, 0.0, 1.0, 1.0, Group::Quality, 93),
    row(Dimension::ObjectClass, 0.0, 1.0, 1.0, Group::Semantic, 79),
    row(Dimension::MultipleObjects, 0.0, 1.0, 1.0, Group::Semantic, 82),
    row(Dimension::HumanAction, 0.0, 1.0, 1.0, Group::Semantic, 100),
    row(Dimension::Color, 0.0, 1.0, 1.0, Group::Semantic, 85),
    row(Dimension::SpatialRelationship, 0.0, 1.0, 1.0, Group::Semantic, 84),
    row(Dimension::Scene, 0.0, 0.8222, 1.0, Group::Semantic, 86),
    row(Dimension::AppearanceStyle, 0.0009, 0.2855, 1.0, Group::Semantic, 90),
    row(Dimension::TemporalStyle, 0.0, 0.364, 1.0, Group::Semantic, 100),
    row(Dimension::OverallConsistency, 0.0, 0.364, 1.0, Group::Semantic, 93),
];

/// Image to video: 9 dimensions. VBench-I2V also measures temporal_flickering, but leaves it out of the total.
pub const I2V: [Normalisation; 9] = [
    row(Dimension::CameraMotion, 0.0, 1.0, 0.1, Group::I2v, 763),
    row(Dimension::I2vSubject, 0.1462, 1.0, 1.0, Group::I2v, 246),
    row(Dimension::I2vBackground, 0.2615, 1.0, 1.0, Group::I2v, 109),
    row(Dimension::SubjectConsistency, 0.1462, 1.0, 1.0, Group::Quality, 246),
    row(Dimension::BackgroundConsistency, 0.2615, 1.0, 1.0, Group::Quality, 109),
    row(Dimension::MotionSmoothness, 0.706, 0.9975, 1.0, Group::Quality, 246),
    row(Dimension::DynamicDegree, 0.0, 1.0, 0.5, Group::Quality, 246),
    row(Dimension::AestheticQuality, 0.0, 1.0, 1.0, Group::Quality, 355),
    row(Dimension::ImagingQuality, 0.0, 1.0, 1.0, Group::Quality, 355),
];

const fn row(
    dimension: Dimension,
    min: f64,
    max: f64,
    weight: f64,
    group: Group,
    prompts: u64,
) -> Normalisation {
    Normalisation { dimension, min, max, weight, group, prompts }
}

/// The dimensions of a suite's total, in the order of VBench's scripts.
pub fn normalisations(suite: VbenchSuite) -> &'static [Normalisation] {
    match suite {
        VbenchSuite::T2v => &T2V,
        VbenchSuite::I2v => &I2V,
    }
}

/// The groups of a suite with their weights in the total: 4 to 1 for text to video, 1 to 1 for image to video.
pub fn groups(suite: VbenchSuite) -> [(Group, f64); 2] {
    match suite {
        VbenchSuite::T2v => [(Group::Quality, 4.0), (Group::Semantic, 1.0)],
        VbenchSuite::I2v => [(Group::I2v, 1.0), (Group::Quality, 1.0)],
    }
}

/// A mean of normalised scores, or the dimensions that it lacks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mean {
    /// Every dimension was measured. Mostly from 0 to 1; nothing is clipped.
    Complete(f64),
    /// Some dimensions were not measured, so there is no number.
    Incomplete {
        /// The missing dimensions, in the order of the suite.
        missing: Vec<Dimension>,
    },
}

impl Mean {
    /// The number, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Complete(value) => Some(*value),
            Self::Incomplete { .. } => None,
        }
    }
}

/// One dimension of a total.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DimensionScore {
    /// How it enters the total.
    pub normalisation: Normalisation,
    /// The score as measured; none when it was not.
    pub raw: Option<f64>,
    /// The score after normalisation, without the weight.
    pub normalised: Option<f64>,
}

/// A total with everything it is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VbenchTotal {
    /// The suite that it is for.
    pub suite: VbenchSuite,
    /// Every dimension of the suite, in its order.
    pub dimensions: Vec<DimensionScore>,
    /// The weighted mean of each group.
    pub groups: Vec<(Group, Mean)>,
    /// The weighted mean of the groups.
    pub total: Mean,
}

/// VBench's own figures, with 0 in place of what was not measured. Not to be reported as a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VbenchFigures {
    /// The mean of each group.
    pub groups: Vec<(Group, f64)>,
    /// The total.
    pub total: f64,
    /// Dimensions that were counted as raw 0.
    pub counted_as_zero: Vec<Dimension>,
}

/// The total of `scores`, which are keyed by dimension as in VBench's `*_eval_results.json`; dimensions of other suites
/// are ignored.
pub fn total(suite: VbenchSuite, scores: &BTreeMap<Dimension, f64>) -> VbenchTotal {
    let score = |normalisation: &Normalisation| {
        let raw = scores.get(&normalisation.dimension).copied();
        let normalised = raw.map(|raw| normalisation.apply(raw));
        DimensionScore { normalisation: *normalisation, raw, normalised }
    };
    let dimensions: Vec<DimensionScore> = normalisations(suite).iter().map(score).collect();
    let missing = |of: &dyn Fn(Group) -> bool| -> Vec<Dimension> {
        let absent = dimensions.iter().filter(|score| score.raw.is_none() && of(score.normalisation.group));
        absent.map(|score| score.normalisation.dimension).collect()
    };
    let mean = |value: f64, missing: Vec<Dimension>| {
        if missing.is_empty() { Mean::Complete(value) } else { Mean::Incomplete { missing } }
    };
    let figures = as_vbench(suite, scores);
    let groups =
        figures.groups.iter().map(|&(group, value)| (group, mean(value, missing(&|of| of == group))));
    let (groups, total) = (groups.collect(), mean(figures.total, missing(&|_| true)));
    VbenchTotal { suite, dimensions, groups, total }
}

/// What VBench's scripts print for `scores`: a missing dimension counts as raw 0, which normalisation may turn into a
/// number below 0.
pub fn as_vbench(suite: VbenchSuite, scores: &BTreeMap<Dimension, f64>) -> VbenchFigures {
    let raw = |dimension: Dimension| scores.get(&dimension).copied().unwrap_or(0.0);
    let rows = normalisations(suite);
    let group_mean = |group: Group| {
        let rows = || rows.iter().filter(|row| row.group == group);
        let sum: f64 = rows().map(|row| row.apply(raw(row.dimension)) * row.weight).sum();
        sum / rows().map(|row| row.weight).sum::<f64>()
    };
    let weighted = groups(suite).map(|(group, weight)| (group, weight, group_mean(group)));
    let weights: f64 = weighted.iter().map(|(_, weight, _)| weight).sum();
    let absent = rows.iter().map(|row| row.dimension).filter(|dimension| !scores.contains_key(dimension));
    VbenchFigures {
        groups: weighted.iter().map(|&(group, _, mean)| (group, mean)).collect(),
        total: weighted.iter().map(|(_, weight, mean)| weight * mean).sum::<f64>() / weights,
        counted_as_zero: absent.collect(),
    }
}

/// By how much rounding may lift a 32-bit cosine above 1.
const ROUNDING: f64 = 1e-4;

/// Scores that no dimension can have: VBench's are shares from 0 to 1, or cosines from -1 to 1. This detects
/// percentages, unless they are below 1 %.
pub fn out_of_range(scores: &BTreeMap<Dimension, f64>) -> Vec<(Dimension, f64)> {
    let all = scores.iter().map(|(&dimension, &raw)| (dimension, raw));
    all.filter(|&(dimension, raw)| !(lowest(dimension)..=1.0 + ROUNDING).contains(&raw)).collect()
}

/// Styles and overall consistency are mean cosines between text and image, which may be below 0.
fn lowest(dimension: Dimension) -> f64 {
    match dimension {
        Dimension::AppearanceStyle | Dimension::TemporalStyle | Dimension::OverallConsistency => {
            -1.0 - ROUNDING
        }
        Dimension::SubjectConsistency
        | Dimension::BackgroundConsistency
        | Dimension::TemporalFlickering
        | Dimension::MotionSmoothness
        | Dimension::DynamicDegree
        | Dimension::AestheticQuality
        | Dimension::ImagingQuality
        | Dimension::ObjectClass
        | Dimension::MultipleObjects
        | Dimension::HumanAction
        | Dimension::Color
        | Dimension::SpatialRelationship
        | Dimension::Scene
        | Dimension::I2vSubject
        | Dimension::I2vBackground
        | Dimension::CameraMotion => 0.0,
    }
}
