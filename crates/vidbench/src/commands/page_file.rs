//! Decides where a page may be written: it may replace only an earlier page.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use vidbench::place;
use vidbench_report::{PAGE_START_BYTES, begins_as_page};

use super::UserError;

/// Checks, before any work is done, that the page can be written and would not destroy one of the person's files.
pub(crate) fn check(page: Option<&Path>) -> Result<()> {
    let Some(path) = page.filter(|path| *path != Path::new("-")) else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        let message = format!("the report cannot be written to {}", path.display());
        return Err(UserError::new(message, "name a file in a folder that exists").into());
    }
    check_replaced(path)
}

/// An existing file may be replaced if it is an earlier page. An empty file may be replaced too, as may a device or a
/// pipe, which stores nothing.
pub(crate) fn check_replaced(path: &Path) -> Result<()> {
    if path == Path::new("-") || !path.is_file() || is_empty_or_page(path).unwrap_or(false) {
        return Ok(());
    }
    let message = format!("{} exists and is not a report, so it is not replaced", path.display());
    Err(UserError::new(message, "name another file for the report").into())
}

/// Does what [`check`] does, and also makes sure that the page is not one of the files that are read.
pub(crate) fn check_apart(page: Option<&Path>, read: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    let Some(path) = page else { return Ok(()) };
    let read: HashSet<PathBuf> = read.into_iter().map(|path| place(&path)).collect();
    if read.contains(&place(path)) {
        let message = format!("the report would overwrite {}, which is an input", path.display());
        return Err(UserError::new(message, "name another file for the report").into());
    }
    check(page)
}

fn is_empty_or_page(path: &Path) -> io::Result<bool> {
    let mut first_bytes = Vec::new();
    File::open(path)?.take(PAGE_START_BYTES as u64).read_to_end(&mut first_bytes)?;
    Ok(first_bytes.is_empty() || begins_as_page(&first_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_to_files_in_folders_that_exist() {
        assert!(check(None).is_ok());
        assert!(check(Some(Path::new("-"))).is_ok());
        assert!(check(Some(Path::new("/dev/null"))).is_ok());
        assert!(check(Some(Path::new("/nonexistent/report.html"))).is_err());
        assert!(check(Some(Path::new("/"))).is_err());
        assert!(check(Some(Path::new("report.html"))).is_ok());
    }

    #[test]
    fn only_pages_and_empty_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            check(Some(&path)).is_ok()
        };
        assert!(!file("clip.mp4", "\0\0\0\x20ftypisom"));
        assert!(!file("own.html", "<!doctype html>\n<html><head><title>My page</title>"));
        assert!(file("empty.html", ""));
    }
}
