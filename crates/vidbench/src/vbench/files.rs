//! Reads VBench's files from the disk.

use std::io;
use std::path::{Path, PathBuf};

use vidbench_core::vbench::{EvalResults, FullInfo, VbenchErrors};

use crate::prepare::read_text;

/// A file of VBench that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VbenchFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has problems.
    #[error("{} has {}", path.display(), listed(source))]
    Problems {
        /// The file.
        path: PathBuf,
        /// What the file should be.
        what: &'static str,
        /// All problems.
        source: VbenchErrors,
    },
}

impl VbenchFileError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => {
                vec!["the suite is VBench_full_info.json from the vbench package; results are *_eval_results.json".into()]
            }
            Self::Problems { what, .. } => vec![format!("it is read as {what}")],
        }
    }
}

/// Each problem with its hint.
fn listed(errors: &VbenchErrors) -> String {
    let count = errors.problems.len() + errors.unlisted;
    let mut text = format!("{count} problem{}:", if count == 1 { "" } else { "s" });
    for problem in &errors.problems {
        text += &format!("\n  {problem}");
        if let Some(hint) = problem.kind.hint() {
            text += &format!(" (hint: {hint})");
        }
    }
    if errors.unlisted > 0 {
        text += &format!("\n  and {} more", errors.unlisted);
    }
    text
}

/// Reads `VBench_full_info.json` or another file of its form.
///
/// # Errors
///
/// A file that cannot be read, or every problem of it.
pub fn read_full_info(path: &Path) -> Result<FullInfo, VbenchFileError> {
    let what = "VBench_full_info.json: a list of prompts with their dimensions";
    FullInfo::parse(text(path)?.as_bytes()).map_err(|source| VbenchFileError::Problems {
        path: path.into(),
        what,
        source,
    })
}

/// Reads `*_eval_results.json`.
///
/// # Errors
///
/// A file that cannot be read, or every problem of it.
pub fn read_eval_results(path: &Path) -> Result<EvalResults, VbenchFileError> {
    let what = "*_eval_results.json: for each dimension a list of its score and its videos";
    EvalResults::parse(text(path)?.as_bytes()).map_err(|source| VbenchFileError::Problems {
        path: path.into(),
        what,
        source,
    })
}

fn text(path: &Path) -> Result<String, VbenchFileError> {
    read_text(path).map_err(|source| VbenchFileError::Unreadable { path: path.into(), source })
}
