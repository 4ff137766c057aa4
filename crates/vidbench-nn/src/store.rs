//! The weights of nets on this machine: one folder for each net, written completely or not at all, with a record of
//! where the weights come from.
//!
//! `ROOT/NET/weights.safetensors` holds the tensors of the net's graph and nothing else; `ROOT/NET/source.json` says
//! from which files they were taken and what the hashes of those are. Random weights are kept apart, in
//! `ROOT/random-SEED/NET`.
//!
//! The store opens no socket: fetched files come in through [`NetStore::install`].

mod checked;
mod error;
mod install;
mod place;
mod record;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use error::NetStoreError;
pub use install::{SourceOnDisk, Stamp};
pub use record::{RecordedFile, SourceRecord};

use crate::file_hashes::FileHashes;
use crate::manifest::Manifest;
use crate::nets::{Skeleton, WeightsFile, damaged_prepared};

const WEIGHTS: &str = "weights.safetensors";
const RECORD: &str = "source.json";

/// A folder of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetStore {
    root: PathBuf,
    seed: Option<u64>,
}

/// A net whose weights are here.
#[derive(Debug, Clone)]
pub struct ReadyNet {
    /// Its graph.
    pub skeleton: Skeleton,
    /// Its weights.
    pub weights: WeightsFile,
    /// Which weights they are.
    pub identity: WeightsIdentity,
}

/// Which weights a net has: part of the origin of every number that the net computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WeightsIdentity {
    /// The net.
    pub net: String,
    /// Hash of `weights.safetensors`, in hexadecimal, as it was when the file was written.
    pub sha256: String,
    /// Whether they come from files whose hash was known beforehand.
    pub pinned: bool,
    /// The seed, if the weights are random and mean nothing.
    pub random: Option<u64>,
}

/// Whether a net has weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetState {
    /// They are here.
    Ready(WeightsIdentity),
    /// They are not.
    Absent,
    /// Something is here that cannot be used.
    Damaged(String),
}

impl NetStore {
    /// The store in a folder, which need not exist.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), seed: None }
    }

    /// The store of the current user: `VIDBENCH_NETS`, or `vidbench/nets` in `XDG_CACHE_HOME` or in `~/.cache`.
    ///
    /// # Errors
    ///
    /// [`NetStoreError::NoHome`], where none of them is set.
    pub fn from_environment() -> Result<Self, NetStoreError> {
        let variable = |name: &str| std::env::var_os(name);
        place::root(variable).map(Self::at).ok_or(NetStoreError::NoHome)
    }

    /// A store of the same nets with random weights, each made when it is first asked for.
    #[must_use]
    pub fn random(&self, seed: u64) -> Self {
        Self { root: self.root.join(format!("random-{seed}")), seed: Some(seed) }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The weights of a net. The file's hash is compared when its metadata has changed since it was last compared;
    /// [`NetStore::verify`] reads all of it.
    ///
    /// # Errors
    ///
    /// [`NetStoreError::Unknown`], [`NetStoreError::Absent`] with the command that fetches them, and [`NetStoreError::Damaged`].
    pub fn ready(&self, net: &str) -> Result<ReadyNet, NetStoreError> {
        let skeleton = skeleton(net)?;
        match (self.seed, self.record(net)?) {
            (Some(seed), None) => self.make_random(&skeleton, seed)?,
            (None, None) => return Err(self.absent(net)),
            (_, Some(_)) => {}
        }
        let record = self.record(net)?.ok_or_else(|| self.absent(net))?;
        let weights = WeightsFile::open(&self.weights_path(net), &skeleton)
            .map_err(|error| self.damaged(net, &self.weights_path(net), error.to_string()))?;
        self.check_unchanged(net, &record)?;
        let identity = record.identity();
        Ok(ReadyNet { skeleton, weights: weights.recorded_as(identity.sha256.clone()), identity })
    }

    fn check_unchanged(&self, net: &str, record: &SourceRecord) -> Result<(), NetStoreError> {
        let path = self.weights_path(net);
        match checked::difference(&path, record) {
            Ok(None) => Ok(()),
            Ok(Some(reason)) => Err(self.damaged(net, &path, reason)),
            Err(source) => Err(NetStoreError::Io { path, source }),
        }
    }

    /// Whether a net has weights; makes none.
    ///
    /// # Errors
    ///
    /// [`NetStoreError::Unknown`].
    pub fn state(&self, net: &str) -> Result<NetState, NetStoreError> {
        let skeleton = skeleton(net)?;
        let found = self.record(net).and_then(|record| {
            let Some(record) = record else { return Ok(NetState::Absent) };
            WeightsFile::open(&self.weights_path(net), &skeleton)?;
            self.check_unchanged(net, &record)?;
            Ok(NetState::Ready(record.identity()))
        });
        Ok(found.unwrap_or_else(|error| NetState::Damaged(error.to_string())))
    }

    /// Where the weights of a net come from; none where there are none.
    ///
    /// # Errors
    ///
    /// [`NetStoreError::Damaged`] and [`NetStoreError::Io`].
    pub fn record(&self, net: &str) -> Result<Option<SourceRecord>, NetStoreError> {
        let path = self.folder(net).join(RECORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(NetStoreError::Io { path, source }),
        };
        let record = SourceRecord::parse(&text, net).map_err(|reason| self.damaged(net, &path, reason))?;
        Ok(Some(record))
    }

    /// Reads the weights of a net, and the files prepared from them, and compares both with what was written.
    ///
    /// # Errors
    ///
    /// Those of [`NetStore::ready`], and [`NetStoreError::Damaged`] and [`NetStoreError::DamagedPrepared`] where a hash
    /// differs.
    pub fn verify(&self, net: &str) -> Result<WeightsIdentity, NetStoreError> {
        let identity = self.ready(net)?.identity;
        let path = self.weights_path(net);
        let found =
            FileHashes::of(&path).map_err(|source| NetStoreError::Io { path: path.clone(), source })?;
        if found.sha256 != identity.sha256 {
            let reason =
                format!("its SHA-256 is {}, but it was {} when written", found.sha256, identity.sha256);
            return Err(self.damaged(net, &path, reason));
        }
        match damaged_prepared(&self.folder(net)) {
            Ok(None) => Ok(identity),
            Ok(Some(path)) => Err(NetStoreError::DamagedPrepared { path }),
            Err(source) => Err(NetStoreError::Io { path: self.folder(net), source }),
        }
    }

    /// The hash that a file of that name had when weights were last taken from it, for whichever net.
    pub fn recorded_sha256(&self, file: &str) -> Option<String> {
        let records = Manifest::shipped().nets().filter_map(|net| self.record(&net.name).ok().flatten());
        records.flat_map(|record| record.files).find(|recorded| recorded.name == file).map(|file| file.sha256)
    }

    fn folder(&self, net: &str) -> PathBuf {
        self.root.join(net)
    }

    fn weights_path(&self, net: &str) -> PathBuf {
        self.folder(net).join(WEIGHTS)
    }

    /// Makes the folder of a net and keeps every other process from writing there while the lock is held.
    fn locked(&self, net: &str) -> Result<File, NetStoreError> {
        let folder = self.folder(net);
        let path = folder.join(".lock");
        let locked = fs::create_dir_all(&folder)
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| NetStoreError::Io { path, source })
    }

    fn absent(&self, net: &str) -> NetStoreError {
        NetStoreError::Absent { net: net.to_owned(), root: self.root.clone() }
    }

    fn damaged(&self, net: &str, path: &Path, reason: String) -> NetStoreError {
        NetStoreError::Damaged { net: net.to_owned(), path: path.to_owned(), reason, seed: self.seed }
    }
}

/// The graph of a net, or the names of those there are.
fn skeleton(net: &str) -> Result<Skeleton, NetStoreError> {
    if Skeleton::names().all(|name| name != net) {
        return Err(NetStoreError::Unknown { name: net.to_owned() });
    }
    Ok(Skeleton::of(net)?)
}
