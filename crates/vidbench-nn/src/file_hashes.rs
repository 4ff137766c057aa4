//! Hashes of files, a piece at a time.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use vidbench_core::hex;

const PIECE_BYTES: usize = 1 << 20;

/// What is known of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHashes {
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// SHA-1 as git computes it for a blob, in hexadecimal. For some authors' files no other hash is known.
    pub git_sha1: String,
    /// Length.
    pub size_bytes: u64,
}

impl FileHashes {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Errors of the system, and a file whose length changes while it is read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size_bytes = file.metadata()?.len();
        let (mut sha256, mut git_sha1) = (Sha256::new(), Sha1::new());
        git_sha1.update(format!("blob {size_bytes}\0"));
        let (mut piece, mut read) = (vec![0; PIECE_BYTES], 0);
        loop {
            let filled = file.read(&mut piece)?;
            let Some(bytes) = piece.get(..filled).filter(|bytes| !bytes.is_empty()) else { break };
            sha256.update(bytes);
            git_sha1.update(bytes);
            read += bytes.len() as u64;
        }
        if read != size_bytes {
            return Err(io::Error::other(format!("it had {size_bytes} bytes and now has {read}")));
        }
        Ok(Self { sha256: hex(&sha256.finalize()), git_sha1: hex(&git_sha1.finalize()), size_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values come from `sha256sum` and `git hash-object`.
    #[test]
    fn hashes_are_those_of_the_usual_programs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "vidbench\n").unwrap();
        let hashes = FileHashes::of(&path).unwrap();
        assert_eq!(hashes.sha256, "3e30a05d1e38d9e53aa774d74088040108e6894a498e20b0372905e416a8f0a7");
        assert_eq!(hashes.git_sha1, "ade364bfdd7b8f4b27f0a8b940eec0dbd22f7543");
        assert_eq!(hashes.size_bytes, 9);
    }
}
