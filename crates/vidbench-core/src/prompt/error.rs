//! The problems a prompt suite can have. A reader collects all of them before it fails.

use std::fmt;

use super::names::{PromptId, PromptIdError, UnknownName};
use super::suite::MAX_TEXT_CHARS;

/// All problems of one suite, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptSuiteErrors {
    /// Name of the file, or of whatever the text came from.
    pub source_name: String,
    /// At least one problem.
    pub problems: Vec<PromptSuiteError>,
}

/// One problem and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PromptSuiteError {
    /// 1-based line; absent where a suite was not read from text.
    pub line: Option<usize>,
    /// What is wrong.
    #[source]
    pub kind: PromptSuiteErrorKind,
}

/// What is wrong at one place of a suite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptSuiteErrorKind {
    /// Not TOML.
    #[error("{message}")]
    Syntax {
        /// The TOML reader's message.
        message: String,
    },
    /// An unknown key.
    #[error("{0}")]
    UnknownKey(UnknownName),
    /// A required key is missing.
    #[error("missing key {key:?}")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value whose type is not the one the key takes.
    #[error("{key:?} must be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The type it takes.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// The file has another version of the format.
    #[error("unknown schema_version {found}, this version reads {}", super::parse::SCHEMA_VERSION)]
    SchemaVersion {
        /// The version of the file.
        found: String,
    },
    /// A suite name that cannot be used in files and commands.
    #[error("suite name {name:?} is not lower-case words joined by hyphens")]
    Name {
        /// The name.
        name: String,
    },
    /// A prompt id of the wrong form.
    #[error(transparent)]
    Id(PromptIdError),
    /// The same id occurs twice.
    #[error("duplicate prompt id \"{id}\"{}", first_seen(.first_line))]
    DuplicateId {
        /// The id.
        id: PromptId,
        /// Line on which it first occurred.
        first_line: Option<usize>,
    },
    /// The same text with the same negative prompt occurs twice: a model would do the same work twice, and one result
    /// would stand for two prompts.
    #[error("prompt \"{id}\" has the text of prompt \"{first}\"")]
    DuplicateText {
        /// The later prompt.
        id: PromptId,
        /// The prompt that had the text first.
        first: PromptId,
    },
    /// A category or a difficulty that does not exist.
    #[error(transparent)]
    UnknownName(UnknownName),
    /// A text without visible characters.
    #[error("{key:?} is empty")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// A text longer than [`MAX_TEXT_CHARS`].
    #[error("{key:?} has {chars} characters, the limit is {MAX_TEXT_CHARS}")]
    TooLong {
        /// The key.
        key: &'static str,
        /// Its length in characters.
        chars: usize,
    },
    /// A suite without prompts.
    #[error("the suite has no prompts")]
    NoPrompts,
}

impl PromptSuiteErrorKind {
    /// How to fix it, where there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey(name) => Some(match name.nearest() {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("known: {}", name.known.join(", ")),
            }),
            Self::UnknownName(name) => Some(name.hint()),
            Self::Id(_) | Self::Name { .. } => Some("for example \"red-fox-2\"".into()),
            Self::DuplicateId { .. } => Some("give each prompt its own id".into()),
            Self::DuplicateText { .. } => {
                Some("keep one of them; to measure a prompt again, set `repeats` in the run's suite".into())
            }
            Self::Empty { key: "negative" } => Some("remove the key".into()),
            Self::NoPrompts => Some("add a [[prompts]] table".into()),
            Self::Syntax { .. }
            | Self::MissingKey { .. }
            | Self::WrongType { .. }
            | Self::SchemaVersion { .. }
            | Self::Empty { .. }
            | Self::TooLong { .. } => None,
        }
    }
}

impl fmt::Display for PromptSuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

impl fmt::Display for PromptSuiteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{plural} in prompt suite {}", self.problems.len(), self.source_name)?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for PromptSuiteErrors {}

fn first_seen(line: &Option<usize>) -> String {
    line.map(|line| format!(", first used in line {line}")).unwrap_or_default()
}
