//! The dimensions of VBench and of VBench-I2V.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::Dimension as D;
use crate::prompt::UnknownName;

/// What VBench measures: the 16 dimensions of text to video and the three that image to video adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Does the subject look the same throughout (DINO).
    SubjectConsistency,
    /// Does the background look the same throughout (CLIP).
    BackgroundConsistency,
    /// Do frames of a static scene stay the same.
    TemporalFlickering,
    /// Is motion as smooth as an interpolation.
    MotionSmoothness,
    /// Does anything move.
    DynamicDegree,
    /// Is it beautiful (LAION).
    AestheticQuality,
    /// Is it free of distortion (MUSIQ).
    ImagingQuality,
    /// Is the object there.
    ObjectClass,
    /// Are both objects there.
    MultipleObjects,
    /// Is the action recognised.
    HumanAction,
    /// Has the object its colour.
    Color,
    /// Are the objects beside or above each other.
    SpatialRelationship,
    /// Is it the place.
    Scene,
    /// Is it the style of the images (CLIP).
    AppearanceStyle,
    /// Is it the style of the motion (ViCLIP).
    TemporalStyle,
    /// Does the video fit the prompt (ViCLIP).
    OverallConsistency,
    /// Is the subject that of the image.
    I2vSubject,
    /// Is the background that of the image.
    I2vBackground,
    /// Does the camera move as the prompt says.
    CameraMotion,
}

/// Each dimension with its key in files and its words, in the order of the enum.
const NAMES: [(D, &str, &str); 19] = [
    (D::SubjectConsistency, "subject_consistency", "subject consistency"),
    (D::BackgroundConsistency, "background_consistency", "background consistency"),
    (D::TemporalFlickering, "temporal_flickering", "temporal flickering"),
    (D::MotionSmoothness, "motion_smoothness", "motion smoothness"),
    (D::DynamicDegree, "dynamic_degree", "dynamic degree"),
    (D::AestheticQuality, "aesthetic_quality", "aesthetic quality"),
    (D::ImagingQuality, "imaging_quality", "imaging quality"),
    (D::ObjectClass, "object_class", "object class"),
    (D::MultipleObjects, "multiple_objects", "multiple objects"),
    (D::HumanAction, "human_action", "human action"),
    (D::Color, "color", "color"),
    (D::SpatialRelationship, "spatial_relationship", "spatial relationship"),
    (D::Scene, "scene", "scene"),
    (D::AppearanceStyle, "appearance_style", "appearance style"),
    (D::TemporalStyle, "temporal_style", "temporal style"),
    (D::OverallConsistency, "overall_consistency", "overall consistency"),
    (D::I2vSubject, "i2v_subject", "i2v subject"),
    (D::I2vBackground, "i2v_background", "i2v background"),
    (D::CameraMotion, "camera_motion", "camera motion"),
];

/// The names that VBench's script for image to video uses for its own dimensions (scripts/constant.py), in lower case.
const I2V_TITLES: [(D, &str); 3] = [
    (D::I2vSubject, "video-image subject consistency"),
    (D::I2vBackground, "video-image background consistency"),
    (D::CameraMotion, "video-text camera motion"),
];

impl Dimension {
    /// Every dimension, those of text to video first, in the order of VBench's scripts.
    pub const ALL: [Self; 19] = {
        let mut all = [D::SubjectConsistency; 19];
        let mut at = 0;
        while at < all.len() {
            all[at] = NAMES[at].0;
            at += 1;
        }
        all
    };

    /// The key in files, such as `subject_consistency`.
    pub fn key(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Words for people, such as `subject consistency`.
    pub fn words(self) -> &'static str {
        NAMES[self as usize].2
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl FromStr for Dimension {
    type Err = UnknownName;

    /// Reads the key, or the words of VBench's scripts, in any case.
    fn from_str(value: &str) -> Result<Self, UnknownName> {
        let words = value.to_lowercase().replace('_', " ");
        let named = NAMES.iter().map(|name| (name.0, name.2)).chain(I2V_TITLES).find(|name| name.1 == words);
        named.map(|name| name.0).ok_or_else(|| UnknownName {
            what: "dimension",
            value: value.to_owned(),
            known: NAMES.iter().map(|name| name.1.to_owned()).collect(),
        })
    }
}

/// Which benchmark: from text or from an image. Each has its own prompts, weights and total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VbenchSuite {
    /// Text to video: VBench.
    T2v,
    /// Image to video: VBench-I2V.
    I2v,
}

impl VbenchSuite {
    /// Words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::T2v => "VBench",
            Self::I2v => "VBench-I2V",
        }
    }
}
