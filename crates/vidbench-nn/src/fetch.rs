//! Turns the address of a checkpoint into a file on this machine: from a hub's cache, or over the network, where a
//! download resumes where it stopped.
//!
//! The result is a file of the length and the hash that the manifest knows; [`crate::NetStore::install`] reads what it
//! holds.

mod error;
mod http;
mod hub;
mod member;
mod part;
mod post;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{FetchError, FetchErrorKind};
pub use hub::Hub;
pub use post::{Answer, PostError, Poster};

use crate::file_hashes::FileHashes;
use crate::manifest::SourceFile;
use crate::store::SourceOnDisk;
use http::{Client, Download};

/// How often and how long to wait when a server or a connection fails temporarily.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Most attempts in a row that bring no byte.
    pub attempts: u32,
    /// Wait before the second attempt; it doubles before each further one.
    pub first_wait: Duration,
    /// Longest wait for an answer, or for the next bytes.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_secs(1), silence: Duration::from_secs(60) }
    }
}

/// What is reported while a file is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// The bytes that have arrived, and the total, if the server states it.
    Bytes {
        /// Bytes that are here, including those of earlier attempts.
        done: u64,
        /// All bytes of the file.
        total: Option<u64>,
    },
    /// A wait before another attempt.
    Retry {
        /// What went wrong.
        reason: String,
        /// How long.
        wait: Duration,
    },
}

/// Fetches files into a folder.
#[derive(Debug)]
pub struct Fetcher {
    hub: Hub,
    folder: PathBuf,
    client: Client,
}

impl Fetcher {
    /// Downloads go to `folder`, which is made when it is needed.
    pub fn new(hub: Hub, folder: impl Into<PathBuf>, patience: Patience) -> Self {
        Self { hub, folder: folder.into(), client: Client::new(patience) }
    }

    /// Gets a file: from an earlier download, the hub's cache or its address.
    ///
    /// # Errors
    ///
    /// [`FetchErrorKind`]: what the server or the connection reports, a file of another length or hash, or a download
    /// where the network may not be used.
    pub fn fetch<'a>(
        &self,
        file: &'a SourceFile,
        tell: &mut dyn FnMut(FetchEvent),
    ) -> Result<SourceOnDisk<'a>, FetchError> {
        let url = self.hub.url(file.address());
        let found = |path: PathBuf, from: String| SourceOnDisk { file, path, from };
        if let Some(path) = self.hub.cached(file.address()) {
            match self.check(file, &url, &path) {
                Ok(()) => return Ok(found(path, format!("{url} (from the Hugging Face cache)"))),
                Err(error) if self.hub.offline => return Err(error),
                // The cached file may be of an older revision.
                Err(_) => {}
            }
        }
        let failed = |kind| FetchError { name: file.name.clone(), url: url.clone(), kind };
        let path = self.folder.join(&file.name);
        let io_error = |source: io::Error| failed(FetchErrorKind::Io { path: path.clone(), source });
        if !path.exists() && self.hub.offline {
            return Err(failed(FetchErrorKind::Offline));
        }
        let lock = lock(&self.folder).map_err(io_error)?;
        if !path.exists() {
            self.download(file, &url, &path, tell)?;
        }
        drop(lock);
        match self.check(file, &url, &path) {
            Ok(()) => Ok(found(path, url)),
            Err(error) => {
                // A file with other content is of no use; the next attempt begins anew.
                fs::remove_file(&path).map_err(io_error)?;
                Err(error)
            }
        }
    }

    /// Removes a download whose weights were taken, or that is of no use. A file outside the download folder stays.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn discard(&self, source: &SourceOnDisk<'_>) -> io::Result<()> {
        if source.path.parent() != Some(&self.folder) {
            return Ok(());
        }
        fs::remove_file(&source.path)
    }

    fn download(
        &self,
        file: &SourceFile,
        url: &str,
        path: &Path,
        tell: &mut dyn FnMut(FetchEvent),
    ) -> Result<(), FetchError> {
        let failed = |kind| FetchError { name: file.name.clone(), url: url.to_owned(), kind };
        let whole = match &file.member {
            Some(_) => path.with_extension("archive"),
            None => path.to_owned(),
        };
        let size_bytes = file.size_bytes.filter(|_| file.member.is_none());
        let download = Download { url, token: self.hub.token_for(url), size_bytes };
        self.client.get(&download, &whole, tell).map_err(failed)?;
        let Some(member) = &file.member else { return Ok(()) };
        let taken = member::take(&whole, member, path);
        // The archive is of no further use, whether or not its member could be taken.
        let removed = fs::remove_file(&whole);
        taken.map_err(|reason| failed(FetchErrorKind::Member { member: member.clone(), reason }))?;
        removed.map_err(|source| failed(FetchErrorKind::Io { path: whole, source }))
    }

    fn check(&self, file: &SourceFile, url: &str, path: &Path) -> Result<(), FetchError> {
        let failed = |kind| FetchError { name: file.name.clone(), url: url.to_owned(), kind };
        let io_error = |source| failed(FetchErrorKind::Io { path: path.to_owned(), source });
        let difference = file.difference(&FileHashes::of(path).map_err(io_error)?);
        difference.map_or(Ok(()), |reason| Err(failed(FetchErrorKind::WrongContent { reason })))
    }
}

/// Keeps another process from writing the same download, by waiting until that process is done. The lock file stays: if
/// it were removed, a process that waits for it and a process that creates it anew would both go ahead.
fn lock(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let file = File::create(folder.join(".lock"))?;
    file.lock()?;
    Ok(file)
}
