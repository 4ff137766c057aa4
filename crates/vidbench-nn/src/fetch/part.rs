//! A download that is not complete yet: the bytes so far, and the version of the file that they belong to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `FILE.part` and `FILE.part.json`.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    about: PathBuf,
}

/// The version of the file that the bytes belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) url: String,
    /// The server's name for this version of the file: a strong entity tag (RFC 9110, 8.8.1).
    pub(super) etag: String,
}

impl Part {
    pub(super) fn of(file: &Path) -> Self {
        let with = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        Self { path: with(".part"), about: with(".part.json") }
    }

    /// How many bytes are here, and of which version; `None` if the version is not known.
    pub(super) fn begun(&self, url: &str) -> Option<(u64, Version)> {
        let version: Version = serde_json::from_str(&fs::read_to_string(&self.about).ok()?).ok()?;
        let len = fs::metadata(&self.path).ok()?.len();
        (version.url == url && len > 0).then_some((len, version))
    }

    /// Creates an empty file for a version, or for one that has no name.
    pub(super) fn begin(&self, version: Option<&Version>) -> io::Result<File> {
        // The bytes of the old version are removed before its name.
        let file = File::create(&self.path)?;
        match version {
            Some(version) => fs::write(&self.about, serde_json::to_string(version)?)?,
            None => remove(&self.about)?,
        }
        Ok(file)
    }

    pub(super) fn go_on(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(&self.path)
    }

    /// Gives the complete file its name.
    pub(super) fn finish(&self, mut file: File, into: &Path) -> io::Result<()> {
        file.flush()?;
        file.sync_all()?;
        fs::rename(&self.path, into)?;
        remove(&self.about)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.path)?;
        remove(&self.about)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
