//! Reads prompt and index from file names of the form `{prompt}{special}-{index}.{extension}`, which VBench folders
//! use.
//!
//! A fallback for folders without a manifest ([`crate::manifest`]). A name is matched against the known prompts, first
//! by the exact text, then by what file systems and sampling scripts turn it into ([`NameMatch`]); the first kind of
//! match that finds anything decides. A name that can be read in two ways by the same kind of match is an error that
//! lists both; nothing is guessed.
//!
//! ```
//! use vidbench_core::clip_name::{KnownPrompts, NameMatch};
//!
//! let known = KnownPrompts::new(["a cat", "a cat, slow-3"], "");
//! let name = known.read("a cat, slow-3-12.mp4").unwrap();
//! assert_eq!((name.prompt.as_str(), name.index, name.how), ("a cat, slow-3", Some(12), NameMatch::Exact));
//! ```

mod known;
mod listing;
mod stem;

use std::fmt;

use serde::Serialize;

pub use known::KnownPrompts;
pub use listing::{Collision, IgnoredFile, NameListing, NamedClip, UnreadableName, read_listing};
pub use stem::{IgnoreReason, VIDEO_EXTENSIONS, ignored};
pub(crate) use stem::{last_component, split_extension};

/// Characters of a VBench-2.0 prompt that enter the file name (`prompt[:180]`, Vchitect/VBench at 45e79ec).
pub const VBENCH2_PROMPT_CHARS: usize = 180;
/// Longest name, in bytes, on the file systems in use (ext4, XFS, APFS in UTF-8; NTFS counts UTF-16 units).
pub const MAX_NAME_BYTES: usize = 255;

/// The contents of a file name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClipName {
    /// The prompt: the known prompt in its own spelling, or else the text of the name.
    pub prompt: String,
    /// Number of the clip among those of its prompt; `None` where the name has no number of its own.
    pub index: Option<u32>,
    /// How name and prompt were matched.
    pub how: NameMatch,
}

/// How the prompt in a name was recognised, the most certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NameMatch {
    /// The prompt's own characters. VBench itself accepts no other kind.
    Exact,
    /// The same text in another Unicode form: macOS stores decomposed letters.
    Unicode,
    /// Characters that a file system forbids became `_`.
    Replaced,
    /// The case differs: the folder was on a file system that ignores case.
    Case,
    /// The name ends early: after 180 characters of the prompt, or where the name would pass 255 bytes.
    Cut,
    /// No prompts were known: the text before the last `-<number>`, as VBench's custom mode reads it.
    Convention,
}

impl NameMatch {
    /// Words for people: how the name differs from `{prompt}-{index}`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Unicode => "different Unicode form",
            Self::Replaced => "forbidden characters replaced",
            Self::Case => "different case",
            Self::Cut => "cut short",
            Self::Convention => "no prompts known",
        }
    }
}

/// One way to read a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Candidate {
    /// The prompt.
    pub prompt: String,
    /// The number after it, if the name is read as having one.
    pub index: Option<u32>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "index {index} of {:?}", self.prompt),
            None => write!(f, "{:?} without an index", self.prompt),
        }
    }
}

/// Why a name could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClipNameError {
    /// The name is neither a known prompt nor anything a known prompt may have become.
    #[error("no known prompt")]
    UnknownPrompt {
        /// The text of the name before its number.
        text: String,
    },
    /// Two or more readings, equally good.
    #[error("can be read as {}", join(.candidates))]
    Ambiguous {
        /// All readings, sorted.
        candidates: Vec<Candidate>,
    },
    /// Nothing is left before the number or the extension.
    #[error("no prompt in the name")]
    Empty,
}

impl ClipNameError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownPrompt { .. } => "name files \"PROMPT-INDEX.mp4\", or list them in a manifest.jsonl",
            Self::Ambiguous { .. } => "list the file in a manifest.jsonl",
            Self::Empty => "list the file in a manifest.jsonl, or remove it",
        }
    }
}

fn join(candidates: &[Candidate]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
