//! What a prompt may contain, for tools that pass prompts on to web pages, shells and logs.
//!
//! A prompt is accepted, flagged or rejected, with the reasons; it is never changed. The check works on a folded copy
//! (see [`ForbiddenToken`]), so that a token cannot hide behind case, Unicode forms, invisible characters, blanks or
//! escapes. It is a tripwire, not a sanitiser: code that shows a prompt on a page must still escape it.
//!
//! ```
//! use vidbench_core::prompt::policy::{Judgement, Policy, PolicyLimits, judge};
//!
//! let limits = PolicyLimits::default();
//! assert_eq!(judge(Policy::Reject, &limits, "a medieval (old) castle"), Judgement::Accepted);
//! let judgement = judge(Policy::Flag, &limits, "a cat \u{ff1c}Scr\u{200b}ipt>");
//! assert_eq!(judgement.findings()[0].to_string(), "forbidden token \"<script\" at byte 6");
//! ```

mod confusables;
mod decode;
mod fold;
mod tokens;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::{UnknownName, by_name};
use super::suite::MAX_TEXT_CHARS;
pub use tokens::ForbiddenToken;

/// What happens to a prompt with findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// It is not run.
    Reject,
    /// It is run, and the findings are recorded.
    #[default]
    Flag,
    /// It is run without a check.
    Off,
}

impl Policy {
    /// All policies, the strictest first.
    pub const ALL: [Self; 3] = [Self::Reject, Self::Flag, Self::Off];

    /// The name in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Flag => "flag",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = UnknownName;

    fn from_str(value: &str) -> Result<Self, UnknownName> {
        by_name("prompt policy", value, &Self::ALL, Self::as_str)
    }
}

/// The bounds of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyLimits {
    /// Longest prompt in characters.
    pub max_chars: usize,
}

impl Default for PolicyLimits {
    fn default() -> Self {
        Self { max_chars: MAX_TEXT_CHARS }
    }
}

/// One reason against a prompt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Byte offset in the original prompt at which it begins.
    pub at_byte: usize,
    /// What it is.
    pub kind: FindingKind,
}

/// A reason to object to a prompt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A token that begins a script, however disguised.
    ForbiddenToken(ForbiddenToken),
    /// Control characters other than tab and line ends; the finding's position is that of the first.
    ControlCharacters {
        /// The first one, as a code point.
        code_point: u32,
        /// How many there are.
        count: usize,
    },
    /// More characters than [`PolicyLimits::max_chars`]; the finding's position is that of the first excess character.
    TooLong {
        /// Characters of the prompt.
        chars: usize,
        /// Characters allowed.
        max_chars: usize,
    },
    /// Bytes that are not UTF-8; the finding's position is that of the first.
    InvalidUtf8,
}

/// The verdict on a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Judgement {
    /// Nothing found, or nothing looked for.
    Accepted,
    /// May be run; the findings go into the record.
    Flagged {
        /// At least one.
        findings: Vec<Finding>,
    },
    /// Must not be run.
    Rejected {
        /// At least one.
        findings: Vec<Finding>,
    },
}

impl Judgement {
    /// The reasons; none for an accepted prompt.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Accepted => &[],
            Self::Flagged { findings } | Self::Rejected { findings } => findings,
        }
    }
}

/// All findings about `raw`, in the order of the text. Takes text as well as bytes of unknown origin.
pub fn check(limits: &PolicyLimits, raw: impl AsRef<[u8]>) -> Vec<Finding> {
    let raw = raw.as_ref();
    let chars = fold::chars_from_bytes(raw);
    let mut findings: Vec<_> = tokens::find(&chars)
        .into_iter()
        .map(|(at_byte, token)| Finding { at_byte, kind: FindingKind::ForbiddenToken(token) })
        .collect();
    findings.extend(control_characters(&chars));
    findings.extend(too_long(limits.max_chars, &chars));
    findings.extend(invalid_utf8(raw));
    findings.sort();
    findings
}

/// Applies `policy` to the findings of [`check`].
///
/// Bytes that are not UTF-8 are rejected under every policy: they cannot be passed on without changing them.
pub fn judge(policy: Policy, limits: &PolicyLimits, raw: impl AsRef<[u8]>) -> Judgement {
    let raw = raw.as_ref();
    let findings = match policy {
        Policy::Reject | Policy::Flag => check(limits, raw),
        Policy::Off => invalid_utf8(raw).into_iter().collect(),
    };
    if findings.is_empty() {
        return Judgement::Accepted;
    }
    let unreadable = findings.iter().any(|finding| finding.kind == FindingKind::InvalidUtf8);
    if unreadable || policy == Policy::Reject {
        Judgement::Rejected { findings }
    } else {
        Judgement::Flagged { findings }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FindingKind::ForbiddenToken(token) => write!(f, "forbidden token \"{token}\"")?,
            FindingKind::ControlCharacters { code_point, count: 1 } => {
                write!(f, "control character U+{code_point:04X}")?;
            }
            FindingKind::ControlCharacters { code_point, count } => {
                write!(f, "{count} control characters, the first U+{code_point:04X},")?;
            }
            FindingKind::TooLong { chars, max_chars } => {
                write!(f, "{chars} characters, exceeding the limit of {max_chars}")?;
            }
            FindingKind::InvalidUtf8 => write!(f, "bytes that are not UTF-8")?,
        }
        write!(f, " at byte {}", self.at_byte)
    }
}

fn control_characters(chars: &[fold::Char]) -> Option<Finding> {
    let is_unwanted = |c: &&fold::Char| c.ch.is_control() && !matches!(c.ch, '\t' | '\n' | '\r');
    let first = chars.iter().find(is_unwanted)?;
    let count = chars.iter().filter(is_unwanted).count();
    let kind = FindingKind::ControlCharacters { code_point: u32::from(first.ch), count };
    Some(Finding { at_byte: first.at, kind })
}

fn too_long(max_chars: usize, chars: &[fold::Char]) -> Option<Finding> {
    let first_over = chars.get(max_chars)?;
    let kind = FindingKind::TooLong { chars: chars.len(), max_chars };
    Some(Finding { at_byte: first_over.at, kind })
}

fn invalid_utf8(raw: &[u8]) -> Option<Finding> {
    let error = std::str::from_utf8(raw).err()?;
    Some(Finding { at_byte: error.valid_up_to(), kind: FindingKind::InvalidUtf8 })
}
