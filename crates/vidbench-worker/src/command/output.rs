//! The video that a program wrote: found, and put where it was asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vidbench_core::ErrorKind;
use vidbench_core::protocol::RpcError;

/// The one file that matches a pattern. A program that wrote none, or several, has not said which one is the video.
pub(super) fn find(pattern: &str, output: &Path) -> Result<PathBuf, RpcError> {
    if Path::new(pattern) == output {
        return if output.is_file() { Ok(output.to_owned()) } else { Err(nothing(pattern)) };
    }
    let matches = glob::glob(pattern).map_err(|error| {
        RpcError::new(ErrorKind::InvalidRequest, format!("program.output is no pattern: {error}"))
    })?;
    let mut files: Vec<PathBuf> = matches.flatten().filter(|path| path.is_file()).collect();
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
            let hint = "let the program write into {scratch}, an empty folder of each sample";
            Err(RpcError::new(ErrorKind::Internal, message).with_hint(hint))
        }
    }
}

fn nothing(pattern: &str) -> RpcError {
    let message = format!("the program ended well, but wrote no file {pattern}");
    RpcError::new(ErrorKind::Internal, message).with_hint("see program.argv and program.output of the suite")
}

/// Moves a file, or copies it where it lies on another disk.
pub(super) fn hand_over(found: &Path, output: &Path) -> Result<(), RpcError> {
    if found == output {
        return Ok(());
    }
    fs::rename(found, output)
        .or_else(|_| fs::copy(found, output).map(drop).and_then(|()| remove(found)))
        .map_err(|error| {
            let message = format!("{} cannot be moved to {}: {error}", found.display(), output.display());
            RpcError::new(ErrorKind::Internal, message)
        })
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}
