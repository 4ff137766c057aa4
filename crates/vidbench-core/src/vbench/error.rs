//! The problems a file of VBench can have. A reader collects all of them before it fails.

use std::fmt;

use super::{Dimension, MAX_FILE_BYTES};
use crate::prompt::{MAX_TEXT_CHARS, UnknownName};

/// All problems of one file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VbenchErrors {
    /// At least one problem, at most [`super::MAX_LISTED_PROBLEMS`].
    pub problems: Vec<VbenchProblem>,
    /// Problems beyond those listed.
    pub unlisted: usize,
}

/// One problem and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VbenchProblem {
    /// Where it is, such as `scene[1][0].video_path` or `[3].dimension`; empty for the file as a whole.
    pub at: String,
    /// What is wrong.
    pub kind: VbenchProblemKind,
}

/// What is wrong at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VbenchProblemKind {
    /// Larger than [`MAX_FILE_BYTES`].
    #[error("the file has {bytes} bytes, the limit is {MAX_FILE_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    Encoding {
        /// Number of bytes before the first invalid one.
        at: usize,
    },
    /// Not JSON, or nested too deeply.
    #[error("not JSON: {message}")]
    Syntax {
        /// The JSON reader's message, with line and column.
        message: String,
    },
    /// `NaN` or an infinity, which Python writes but JSON does not have.
    #[error("{token} is not a number")]
    NotFinite {
        /// As written.
        token: String,
    },
    /// The same key occurs twice in one object: a reader would keep only one of them.
    #[error("duplicate key {key:?}")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A required key is missing.
    #[error("missing key {key:?}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// A key of the object that may have been meant.
        instead: Option<String>,
    },
    /// A value of another type.
    #[error("must be {expected}, found {found}")]
    WrongType {
        /// The type it should have.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Not a dimension of VBench.
    #[error(transparent)]
    UnknownDimension(UnknownName),
    /// The same dimension occurs twice, possibly in two spellings.
    #[error("duplicate dimension {dimension}")]
    DuplicateDimension {
        /// Which.
        dimension: Dimension,
    },
    /// The same prompt occurs twice for one dimension: its clips would count twice.
    #[error("prompt {prompt:?} is already in [{first}] for {dimension}")]
    DuplicatePrompt {
        /// The prompt.
        prompt: String,
        /// The dimension that both entries have.
        dimension: Dimension,
        /// The entry that had it first, counted from 0.
        first: usize,
    },
    /// The same video occurs twice for one dimension: it would count twice.
    #[error("duplicate video {path:?}")]
    DuplicateVideo {
        /// Its path.
        path: String,
    },
    /// A prompt without visible characters.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// A prompt longer than [`MAX_TEXT_CHARS`].
    #[error("the prompt has {chars} characters, the limit is {MAX_TEXT_CHARS}")]
    PromptTooLong {
        /// Its length in characters.
        chars: usize,
    },
    /// Nothing in the file.
    #[error("there are no {what}")]
    Nothing {
        /// What should be there.
        what: &'static str,
    },
}

impl VbenchProblemKind {
    /// How to fix it, where there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFinite { .. } => Some(
                "VBench writes NaN for a dimension if it read none of its videos; measure it again".into(),
            ),
            Self::UnknownDimension(name) => Some(match name.nearest() {
                Some(near) => format!("did you mean {near:?}?"),
                None => {
                    "VBench-2.0 and VBench-Long have other dimensions, which are not part of these totals"
                        .into()
                }
            }),
            Self::MissingKey { instead: Some(key), .. } => Some(format!("did you mean {key:?}?")),
            Self::DuplicatePrompt { .. } => Some("keep one of the entries".into()),
            Self::TooLarge { .. }
            | Self::Encoding { .. }
            | Self::Syntax { .. }
            | Self::DuplicateKey { .. }
            | Self::MissingKey { instead: None, .. }
            | Self::WrongType { .. }
            | Self::DuplicateDimension { .. }
            | Self::DuplicateVideo { .. }
            | Self::EmptyPrompt
            | Self::PromptTooLong { .. }
            | Self::Nothing { .. } => None,
        }
    }
}

impl fmt::Display for VbenchProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { write!(f, "{}", self.kind) } else { write!(f, "{}: {}", self.at, self.kind) }
    }
}

impl fmt::Display for VbenchErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len() + self.unlisted;
        write!(f, "{count} problem{}", if count == 1 { "" } else { "s" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))?;
        if self.unlisted > 0 {
            write!(f, "\n  and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl std::error::Error for VbenchErrors {}
