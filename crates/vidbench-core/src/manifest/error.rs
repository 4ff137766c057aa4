//! What can be wrong with a manifest. A reader collects all of it before it gives up.

use std::fmt;

use super::{MAX_CLIPS, MAX_LINE_BYTES};
use crate::ids::IdError;
use crate::prompt::MAX_TEXT_CHARS;

/// All problems of one manifest, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestErrors {
    /// At least one problem, at most [`super::MAX_LISTED_PROBLEMS`].
    pub problems: Vec<ManifestProblem>,
    /// Problems beyond those listed.
    pub unlisted: usize,
}

/// One problem and its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct ManifestProblem {
    /// 1-based line.
    pub line: usize,
    /// What is wrong.
    #[source]
    pub kind: ManifestProblemKind,
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestProblemKind {
    /// Not JSON, or not an object.
    #[error("not a JSON object: {message}")]
    Syntax {
        /// The words of the JSON reader.
        message: String,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 at byte {at} of the line")]
    Encoding {
        /// Bytes before the first wrong one.
        at: usize,
    },
    /// A line over [`MAX_LINE_BYTES`].
    #[error("the line has {bytes} bytes, the limit is {MAX_LINE_BYTES}")]
    LineTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A key that means nothing.
    #[error("unknown key {key:?}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The known key it may be meant for.
        nearest: Option<String>,
    },
    /// A key twice in one object.
    #[error("duplicate key {key:?}")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// No `file`.
    #[error("missing key \"file\"")]
    MissingFile,
    /// A value of another type than the key takes.
    #[error("{key:?} must be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The type it takes.
        expected: &'static str,
        /// What it has.
        found: String,
    },
    /// A path that no file system has.
    #[error("\"file\" {problem}")]
    File {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A path that no image has.
    #[error("\"image\" {problem}")]
    Image {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A hash of the wrong form.
    #[error("\"sha256\" {value:?} is not 64 hexadecimal digits")]
    Sha256 {
        /// The value.
        value: String,
    },
    /// A text without a visible character.
    #[error("\"prompt\" is empty")]
    EmptyPrompt,
    /// A text over [`MAX_TEXT_CHARS`].
    #[error("\"prompt\" has {chars} characters, the limit is {MAX_TEXT_CHARS}")]
    PromptTooLong {
        /// Its length in characters.
        chars: usize,
    },
    /// A model id of the wrong form.
    #[error(transparent)]
    Model(IdError),
    /// The same file twice.
    #[error("duplicate file {file:?}, first listed in line {first_line}")]
    DuplicateFile {
        /// The path as written.
        file: String,
        /// Where it was first.
        first_line: usize,
    },
    /// Two clips that claim to be the same one of the same model and prompt.
    #[error("duplicate index {index} of prompt {prompt:?} for this model, first listed in line {first_line}")]
    DuplicateClip {
        /// The prompt.
        prompt: String,
        /// The index.
        index: u32,
        /// Where it was first.
        first_line: usize,
    },
    /// More than [`MAX_CLIPS`].
    #[error("more than {MAX_CLIPS} clips; the rest were not read")]
    TooManyClips,
    /// A manifest without a line.
    #[error("the manifest has no clips")]
    NoClips,
}

impl ManifestProblemKind {
    /// What to do about it, where there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(near), .. } => Some(format!("did you mean {near:?}?")),
            Self::UnknownKey { nearest: None, .. } => Some("put your own keys under \"params\"".into()),
            Self::DuplicateFile { .. } => Some("keep one of the lines".into()),
            Self::DuplicateClip { .. } => {
                Some("number the clips of each model and prompt from 0 with \"index\"".into())
            }
            Self::EmptyPrompt => Some("remove the key".into()),
            Self::LineTooLong { .. } => Some("keep large data in separate files".into()),
            Self::TooManyClips => Some("split the manifest".into()),
            Self::NoClips | Self::MissingFile => Some(
                "each line is an object such as {\"file\": \"clip.mp4\", \"prompt\": \"a red fox\"}".into(),
            ),
            Self::Syntax { .. }
            | Self::Encoding { .. }
            | Self::DuplicateKey { .. }
            | Self::WrongType { .. }
            | Self::File { .. }
            | Self::Image { .. }
            | Self::Sha256 { .. }
            | Self::PromptTooLong { .. }
            | Self::Model(_) => None,
        }
    }
}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len() + self.unlisted;
        write!(f, "{count} problem{} in the manifest", if count == 1 { "" } else { "s" })?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
            if let Some(hint) = problem.kind.hint() {
                write!(f, " (hint: {hint})")?;
            }
        }
        if self.unlisted > 0 {
            write!(f, "\n  and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestErrors {}
