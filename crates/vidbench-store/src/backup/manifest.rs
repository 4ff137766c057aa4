//! What a backup says of itself.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BackupError, BackupResult};
use crate::StoreError;

pub(super) const MANIFEST: &str = "backup.json";

/// Version of the folder's form.
pub(super) const FORMAT: u32 = 1;

/// A manifest of a million files has some 100 MB.
const MAX_BYTES: u64 = 1 << 30;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// Version of the folder's form.
    pub format: u32,
    /// The vidbench that made it.
    pub tool_version: String,
    /// Version of the tables.
    pub store_version: u32,
    /// Unix time, in milliseconds.
    pub created_ms: i64,
    /// The database.
    pub database: BackupFile,
    /// Videos.
    pub artifacts: Vec<BackupFile>,
    /// Runs in it.
    pub runs: u64,
    /// Samples with a verdict.
    pub samples: u64,
}

/// A manifest with its hash, so that a change is noticed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    manifest: BackupManifest,
    sha256: String,
}

/// The part of a newer vidbench's manifest that an older one can read.
#[derive(Deserialize)]
struct Outline {
    manifest: OutlineManifest,
}

#[derive(Deserialize)]
struct OutlineManifest {
    format: u32,
}

impl BackupManifest {
    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.artifacts.iter().fold(self.database.bytes, |sum, file| sum.saturating_add(file.bytes))
    }

    fn seal(&self) -> Result<String, serde_json::Error> {
        Ok(vidbench_core::sha256_hex(&serde_json::to_vec(self)?))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(MANIFEST);
        let text = self
            .seal()
            .and_then(|sha256| serde_json::to_vec_pretty(&Sealed { manifest: self.clone(), sha256 }))
            .map_err(|error| StoreError::unstorable("a manifest", &error))?;
        let write =
            || File::create(&path).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
        write().map_err(StoreError::io("write", &path))?;
        crate::folders::sync_folder(folder)
    }

    pub(super) fn read(folder: &Path) -> BackupResult<Self> {
        let path = folder.join(MANIFEST);
        let damaged = |what: String| BackupError::Damaged { path: folder.into(), what };
        let size = match fs::metadata(&path) {
            Ok(facts) => facts.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(damaged(format!("{MANIFEST} is missing")));
            }
            Err(error) => return Err(StoreError::io("read", &path)(error).into()),
        };
        if size > MAX_BYTES {
            return Err(damaged(format!("{MANIFEST} has {size} bytes")));
        }
        let text = fs::read(&path).map_err(StoreError::io("read", &path))?;
        let outline: Outline =
            serde_json::from_slice(&text).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        if outline.manifest.format > FORMAT {
            return Err(BackupError::Newer {
                path: folder.into(),
                found: outline.manifest.format,
                supported: FORMAT,
            });
        }
        let Sealed { manifest, sha256 } =
            serde_json::from_slice(&text).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        match manifest.seal() {
            Ok(seal) if seal == sha256 => Ok(manifest),
            _ => Err(damaged(format!("{MANIFEST} was changed after it was written"))),
        }
    }
}
