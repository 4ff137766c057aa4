//! The video that a program wrote: found, and put where it was asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use vidbench_core::ErrorKind;
use vidbench_core::protocol::RpcError;

/// The coarsest tick of a file system's clock.
const TICK: Duration = Duration::from_millis(50);

/// The one file that matches a pattern and was written since the program began. If there is none, or several, nothing
/// says which one is the video.
pub(super) fn find(pattern: &str, output: &Path, begun: SystemTime) -> Result<PathBuf, RpcError> {
    if Path::new(pattern) == output {
        return if output.is_file() { Ok(output.to_owned()) } else { Err(nothing(pattern)) };
    }
    let matches = glob::glob(pattern).map_err(|error| {
        RpcError::new(ErrorKind::InvalidRequest, format!("program.output is not a valid pattern: {error}"))
    })?;
    let is_new = |path: &PathBuf| {
        let written = path
            .symlink_metadata()
            .ok()
            .filter(fs::Metadata::is_file)
            .and_then(|found| found.modified().ok());
        written.is_some_and(|written| written + TICK >= begun)
    };
    let mut files: Vec<PathBuf> = matches.flatten().filter(is_new).collect();
    files.sort();
    match files.as_slice() {
        [] => Err(nothing(pattern)),
        [file] => Ok(file.clone()),
        [first, second, ..] => {
            let message = format!(
                "{} files match {pattern}, such as {} and {}",
                files.len(),
                first.display(),
                second.display()
            );
            let hint = "let the program write into {scratch}, an empty folder for each sample";
            Err(RpcError::new(ErrorKind::Internal, message).with_hint(hint))
        }
    }
}

fn nothing(pattern: &str) -> RpcError {
    let message = format!("the program succeeded but wrote no file {pattern}");
    RpcError::new(ErrorKind::Internal, message).with_hint("see program.argv and program.output in the suite")
}

/// Moves a file of the scratch folder; copies a file from elsewhere, which remains the user's.
pub(super) fn hand_over(found: &Path, output: &Path, scratch: &Path) -> Result<(), RpcError> {
    if found == output {
        return Ok(());
    }
    let moved = if found.starts_with(scratch) {
        fs::rename(found, output)
    } else {
        fs::copy(found, output).map(drop)
    };
    moved.map_err(|error| {
        let message = format!("{} cannot be moved to {}: {error}", found.display(), output.display());
        RpcError::new(ErrorKind::Internal, message)
    })
}
