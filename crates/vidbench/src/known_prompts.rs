//! Reads the prompts that file names may begin with, from the file or suite that a person names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vidbench_core::clip_name::KnownPrompts;
use vidbench_core::prompt::MAX_TEXT_CHARS;

use crate::prepare::read_text;
use crate::vbench::{VbenchFileError, read_full_info};
use crate::{prompt_suite_names, read_prompt_suite, shipped_prompt_suite};

/// Why the prompts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KnownPromptsError {
    /// A file of VBench that has problems or cannot be read.
    #[error(transparent)]
    Vbench(#[from] VbenchFileError),
    /// A prompt suite with problems.
    #[error("{}", .0.join("\n  "))]
    Suite(Vec<String>),
    /// A text file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Lines of a text file that are not prompts.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Lines {
        /// The file.
        path: PathBuf,
        /// Each with its line.
        problems: Vec<String>,
    },
    /// The kind of file cannot be told from the name.
    #[error("there is no prompt suite {:?}, and its extension is not that of a prompt file", path.display())]
    UnknownKind {
        /// The name.
        path: PathBuf,
    },
}

impl KnownPromptsError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Vbench(error) => error.hints(),
            Self::Suite(_) | Self::Unreadable { .. } | Self::Lines { .. } => Vec::new(),
            Self::UnknownKind { .. } => vec![format!(
                "use .json for a VBench full_info.json, .toml for a prompt suite, .txt for one prompt per line; built-in suites: {}",
                prompt_suite_names().join(", ")
            )],
        }
    }
}

/// Reads the prompts of `source`: a VBench `full_info.json`, a prompt suite in TOML, a text file (`.txt`) with one
/// prompt a line, or the name of a suite that ships.
///
/// # Errors
///
/// The problems of the file.
pub fn read_known_prompts(source: &Path) -> Result<KnownPrompts, KnownPromptsError> {
    if let Some(suite) = source.to_str().and_then(shipped_prompt_suite) {
        return Ok(KnownPrompts::new(suite.prompts().iter().map(|prompt| prompt.text.as_str()), ""));
    }
    let extension = source.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_deref().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(read_full_info(source)?.known_prompts()),
        Some("toml") => {
            let suite = read_prompt_suite(source).map_err(KnownPromptsError::Suite)?;
            Ok(KnownPrompts::new(suite.prompts().iter().map(|prompt| prompt.text.as_str()), ""))
        }
        Some("txt") => lines(source),
        Some(_) | None => Err(KnownPromptsError::UnknownKind { path: source.into() }),
    }
}

/// Reads one prompt per line, stripped of surrounding blanks as VBench strips its own lists; blank lines are ignored.
fn lines(path: &Path) -> Result<KnownPrompts, KnownPromptsError> {
    let text =
        read_text(path).map_err(|source| KnownPromptsError::Unreadable { path: path.into(), source })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let prompts: BTreeSet<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let long = (1..).zip(text.lines()).filter(|(_, line)| line.trim().chars().count() > MAX_TEXT_CHARS);
    let mut problems: Vec<String> =
        long.map(|(number, _)| format!("line {number} has more than {MAX_TEXT_CHARS} characters")).collect();
    if prompts.is_empty() {
        problems.push("the file contains no prompts".into());
    }
    if problems.is_empty() {
        return Ok(KnownPrompts::new(prompts, ""));
    }
    problems.truncate(10);
    Err(KnownPromptsError::Lines { path: path.into(), problems })
}
