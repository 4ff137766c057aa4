//! Identifiers and names used in prompt suites: ids, categories, difficulties.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifies a prompt within its suite: lower-case words of letters and digits joined by single hyphens, at most
/// [`PromptId::MAX_CHARS`] characters. An id is stable: when a prompt's text changes, it gets a new id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PromptId(String);

/// A text that cannot be a [`PromptId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "prompt id {value:?} is not lower-case words joined by hyphens, of at most {} characters",
    PromptId::MAX_CHARS
)]
pub struct PromptIdError {
    /// The text given.
    pub value: String,
}

impl PromptId {
    /// Most characters of an id.
    pub const MAX_CHARS: usize = 100;

    /// Checks `value`.
    pub fn new(value: impl Into<String>) -> Result<Self, PromptIdError> {
        let value = value.into();
        if is_kebab(&value) { Ok(Self(value)) } else { Err(PromptIdError { value }) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for PromptId {
    type Err = PromptIdError;

    fn from_str(value: &str) -> Result<Self, PromptIdError> {
        Self::new(value)
    }
}

impl TryFrom<String> for PromptId {
    type Error = PromptIdError;

    fn try_from(value: String) -> Result<Self, PromptIdError> {
        Self::new(value)
    }
}

impl From<PromptId> for String {
    fn from(id: PromptId) -> String {
        id.0
    }
}

/// What a prompt tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// One subject that moves.
    SubjectMotion,
    /// A named movement of the camera.
    CameraMotion,
    /// A place, with what belongs to it.
    Scene,
    /// A look: a technique, a medium, an age.
    Style,
    /// Several objects, each with its own number or attributes.
    MultiObject,
    /// Where things are in relation to each other.
    SpatialRelation,
    /// Events in a given order.
    TemporalOrder,
    /// A person who does something.
    HumanAction,
    /// A scene in which nothing moves.
    StaticScene,
    /// The moving shapes of the embedded model, which have a grammar of their own.
    Shapes,
}

impl Category {
    /// All categories.
    pub const ALL: [Self; 10] = [
        Self::SubjectMotion,
        Self::CameraMotion,
        Self::Scene,
        Self::Style,
        Self::MultiObject,
        Self::SpatialRelation,
        Self::TemporalOrder,
        Self::HumanAction,
        Self::StaticScene,
        Self::Shapes,
    ];

    /// The name in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubjectMotion => "subject-motion",
            Self::CameraMotion => "camera-motion",
            Self::Scene => "scene",
            Self::Style => "style",
            Self::MultiObject => "multi-object",
            Self::SpatialRelation => "spatial-relation",
            Self::TemporalOrder => "temporal-order",
            Self::HumanAction => "human-action",
            Self::StaticScene => "static-scene",
            Self::Shapes => "shapes",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Category {
    type Err = UnknownName;

    fn from_str(value: &str) -> Result<Self, UnknownName> {
        by_name("category", value, &Self::ALL, Self::as_str)
    }
}

/// How much a prompt demands of a model, by the number of things that must all be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Difficulty {
    /// One subject, one event.
    Easy,
    /// Two or three things at once.
    Medium,
    /// More, or something that models are known to miss.
    Hard,
}

impl Difficulty {
    /// All difficulties, the lowest first.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Medium, Self::Hard];

    /// The name in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }
}

impl fmt::Display for Difficulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Difficulty {
    type Err = UnknownName;

    fn from_str(value: &str) -> Result<Self, UnknownName> {
        by_name("difficulty", value, &Self::ALL, Self::as_str)
    }
}

/// A name that is not in a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {value:?}")]
pub struct UnknownName {
    /// The kind of name expected, such as `category`.
    pub what: &'static str,
    /// The name given.
    pub value: String,
    /// The known names.
    pub known: Vec<String>,
}

impl UnknownName {
    /// The known name that was probably meant.
    pub fn nearest(&self) -> Option<&str> {
        crate::nearest(&self.value, self.known.iter().map(String::as_str))
    }

    /// The nearest known name, if one is near, and the whole list.
    pub fn hint(&self) -> String {
        let known = self.known.join(", ");
        match self.nearest() {
            Some(name) => format!("did you mean {name:?}? known: {known}"),
            None => format!("known: {known}"),
        }
    }
}

/// Finds `value` among the names of `all`.
pub(super) fn by_name<T: Copy>(
    what: &'static str,
    value: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, UnknownName> {
    all.iter().copied().find(|&item| name(item) == value).ok_or_else(|| UnknownName {
        what,
        value: value.to_owned(),
        known: all.iter().map(|&item| name(item).to_owned()).collect(),
    })
}

/// Whether `value` consists of words of `a-z` and `0-9` joined by single hyphens, and is short enough for a
/// [`PromptId`].
pub(super) fn is_kebab(value: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    value.len() <= PromptId::MAX_CHARS && value.split('-').all(is_word)
}
