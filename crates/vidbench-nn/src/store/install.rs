//! Turns checkpoints into the weights of a net.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::record::{RecordedFile, SCHEMA_VERSION, SourceRecord};
use super::{NetStore, NetStoreError, RECORD, WeightsIdentity, checked, skeleton};
use crate::checkpoint::Checkpoint;
use crate::file_hashes::FileHashes;
use crate::manifest::SourceFile;
use crate::nets::{NetError, Skeleton, TensorSpec, WeightsFile, random_weights};

/// A checkpoint on this machine.
#[derive(Debug, Clone)]
pub struct SourceOnDisk<'a> {
    /// What the manifest knows about it.
    pub file: &'a SourceFile,
    /// Where it lies.
    pub path: PathBuf,
    /// Where it came from, for the record: an address or a file name.
    pub from: String,
}

/// What only the caller knows.
#[derive(Debug, Clone, Default)]
pub struct Stamp {
    /// The present time, as the record is to state it.
    pub made_at: Option<String>,
    /// Whether to accept a file that differs from its first use, if its hash was never published.
    pub accept_changed: bool,
}

/// An open checkpoint, and the prefix of its tensor names.
struct Opened {
    name: String,
    checkpoint: Checkpoint,
    prefix: String,
}

impl NetStore {
    /// Takes the weights of a net from checkpoints, which are searched in their order for each tensor, and replaces the
    /// weights that are there.
    ///
    /// # Errors
    ///
    /// [`NetStoreError::WrongFile`] and [`NetStoreError::Changed`] for a file that is not the expected one, before
    /// anything is read from it. [`NetStoreError::Missing`] and [`NetStoreError::Shape`] name the first tensor that
    /// does not fit; nothing is changed then.
    pub fn install(
        &self,
        net: &str,
        sources: &[SourceOnDisk<'_>],
        stamp: &Stamp,
    ) -> Result<WeightsIdentity, NetStoreError> {
        let skeleton = skeleton(net)?;
        let files =
            sources.iter().map(|source| self.checked(source, stamp)).collect::<Result<Vec<_>, _>>()?;
        let opened = sources.iter().map(|source| open(source, &skeleton)).collect::<Result<Vec<_>, _>>()?;
        let places = skeleton.tensors().iter().map(|spec| place(&skeleton, spec, &opened));
        let mut places = places.collect::<Result<Vec<_>, _>>()?.into_iter();
        let record = SourceRecord { files, ..empty_record(net, stamp) };
        let lock = self.locked(net)?;
        self.put(&lock, &skeleton, record, |spec| {
            let Place { opened, name, cut } = places.next().ok_or_else(|| unplaced(spec))?;
            let values = opened.checkpoint.read_f32(&name).map_err(|error| NetError::Weights {
                path: opened.checkpoint.path().to_owned(),
                reason: error.to_string(),
            })?;
            Ok(match cut {
                Some(cut) => cut.of(&values),
                None => values,
            })
        })
    }

    /// Writes random weights of a net.
    ///
    /// # Errors
    ///
    /// [`NetStoreError::Unknown`] and [`NetStoreError::Io`].
    pub fn install_random(
        &self,
        net: &str,
        seed: u64,
        stamp: &Stamp,
    ) -> Result<WeightsIdentity, NetStoreError> {
        let store = self.random(seed);
        let lock = store.locked(net)?;
        store.write_random(&lock, &skeleton(net)?, seed, stamp)
    }

    /// Makes random weights, unless another process has made them while this one waited for the lock.
    pub(super) fn make_random(&self, skeleton: &Skeleton, seed: u64) -> Result<(), NetStoreError> {
        let lock = self.locked(skeleton.name())?;
        if self.record(skeleton.name())?.is_none() {
            self.write_random(&lock, skeleton, seed, &Stamp::default())?;
        }
        Ok(())
    }

    /// Writes into a store of random weights.
    fn write_random(
        &self,
        lock: &File,
        skeleton: &Skeleton,
        seed: u64,
        stamp: &Stamp,
    ) -> Result<WeightsIdentity, NetStoreError> {
        let record = SourceRecord { random: Some(seed), ..empty_record(skeleton.name(), stamp) };
        self.put(lock, skeleton, record, |spec| Ok(random_weights(spec, seed)))
    }

    /// Hashes a file and compares the hashes with the known ones.
    fn checked(&self, source: &SourceOnDisk<'_>, stamp: &Stamp) -> Result<RecordedFile, NetStoreError> {
        let SourceOnDisk { file, path, from } = source;
        let found =
            FileHashes::of(path).map_err(|source| NetStoreError::Io { path: path.clone(), source })?;
        if let Some(reason) = file.difference(&found) {
            return Err(NetStoreError::WrongFile { path: path.clone(), name: file.name.clone(), reason });
        }
        let recorded = self.recorded_sha256(&file.name).filter(|recorded| *recorded != found.sha256);
        match recorded {
            Some(recorded) if !file.is_pinned() && !stamp.accept_changed => {
                let name = file.name.clone();
                Err(NetStoreError::Changed { name, found: found.sha256, recorded })
            }
            _ => Ok(RecordedFile {
                name: file.name.clone(),
                from: from.clone(),
                sha256: found.sha256,
                size_bytes: found.size_bytes,
                pinned: file.is_pinned(),
            }),
        }
    }

    /// Writes weights and their record. The old record is removed first and the new one is written last, because
    /// without a record there are no weights.
    fn put(
        &self,
        _lock: &File,
        skeleton: &Skeleton,
        mut record: SourceRecord,
        read: impl FnMut(&TensorSpec) -> Result<Vec<f32>, NetError>,
    ) -> Result<WeightsIdentity, NetStoreError> {
        let net = skeleton.name();
        let (folder, weights) = (self.folder(net), self.weights_path(net));
        let incoming = folder.join("incoming.safetensors");
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| NetStoreError::Io { path, source }
        };
        WeightsFile::create(&incoming, skeleton, read)?;
        let hashes = FileHashes::of(&incoming).map_err(io_error(&incoming))?;
        record.pinned = record.random.is_none() && record.files.iter().all(|file| file.pinned);
        (record.weights_sha256, record.weights_bytes) = (hashes.sha256, hashes.size_bytes);
        let path = folder.join(RECORD);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&path)(error)),
            _ => {}
        }
        fs::rename(&incoming, &weights).map_err(io_error(&weights))?;
        write_record(&path, &record).map_err(io_error(&path))?;
        checked::note_written(&weights, &record);
        Ok(record.identity())
    }
}

impl SourceFile {
    /// The first known fact about a file that `found` contradicts.
    pub fn difference(&self, found: &FileHashes) -> Option<String> {
        let differs = |what: &str, wanted: Option<&String>, found: &str| {
            let wanted = wanted.filter(|wanted| !found.starts_with(wanted.as_str()))?;
            Some(format!("its {what} is {found}, expected {wanted}"))
        };
        let size = self.size_bytes.filter(|size| *size != found.size_bytes);
        size.map(|size| format!("it has {} bytes, expected {size}", found.size_bytes))
            .or_else(|| differs("SHA-256", self.sha256.as_ref(), &found.sha256))
            .or_else(|| differs("SHA-256", self.sha256_prefix.as_ref(), &found.sha256))
            .or_else(|| differs("git SHA-1", self.git_sha1.as_ref(), &found.git_sha1))
    }
}

fn empty_record(net: &str, stamp: &Stamp) -> SourceRecord {
    SourceRecord {
        schema_version: SCHEMA_VERSION,
        net: net.to_owned(),
        files: Vec::new(),
        pinned: false,
        random: None,
        weights_sha256: String::new(),
        weights_bytes: 0,
        made_at: stamp.made_at.clone(),
        vidbench: env!("CARGO_PKG_VERSION").into(),
    }
}

/// Opens a checkpoint and finds out under which prefix it has the most tensors of the net.
fn open(source: &SourceOnDisk<'_>, skeleton: &Skeleton) -> Result<Opened, NetStoreError> {
    let checkpoint = Checkpoint::open(&source.path)?;
    let known = |prefix: &str| {
        let has = |spec: &&TensorSpec| checkpoint.tensor(&format!("{prefix}{}", spec.name)).is_some();
        skeleton.tensors().iter().filter(has).count()
    };
    let prefixes = std::iter::once(String::new()).chain(source.file.prefixes.iter().cloned());
    // Reversed, because `max_by_key` takes the last of equally good prefixes and the first is wanted.
    let prefix = prefixes.rev().max_by_key(|prefix| known(prefix)).unwrap_or_default();
    Ok(Opened { name: source.file.name.clone(), checkpoint, prefix })
}

/// Where a tensor is.
struct Place<'a> {
    opened: &'a Opened,
    /// Its name in that checkpoint.
    name: String,
    /// The part that is used, if it is not the whole tensor.
    cut: Option<Cut>,
}

/// Some rows and columns of a tensor.
struct Cut {
    /// The first of both.
    first: usize,
    /// How many rows and columns.
    taken: [usize; 2],
    /// How many there are.
    found: [usize; 2],
}

impl Cut {
    /// `None` unless all axes but the last two are the wanted ones and these two are long enough.
    fn new(first: usize, wanted: &[usize], found: &[usize]) -> Option<Self> {
        let (outer, taken) = wanted.split_last_chunk::<2>()?;
        let (found_outer, found) = found.split_last_chunk::<2>()?;
        let fits = found.iter().zip(taken).all(|(found, taken)| first.saturating_add(*taken) <= *found);
        (outer == found_outer && fits).then_some(Self { first, taken: *taken, found: *found })
    }

    fn of(&self, values: &[f32]) -> Vec<f32> {
        let planes = values.chunks_exact((self.found[0] * self.found[1]).max(1));
        let rows =
            planes.flat_map(|plane| plane.chunks_exact(self.found[1]).skip(self.first).take(self.taken[0]));
        rows.flat_map(|row| &row[self.first..][..self.taken[1]]).copied().collect()
    }
}

/// Which checkpoint has a tensor, and under which name.
fn place<'a>(
    skeleton: &Skeleton,
    spec: &TensorSpec,
    opened: &'a [Opened],
) -> Result<Place<'a>, NetStoreError> {
    let net = skeleton.name();
    let named = |opened: &'a Opened| {
        let name = format!("{}{}", opened.prefix, spec.name);
        opened.checkpoint.tensor(&name).map(|tensor| (opened, name, tensor))
    };
    let Some((found, name, tensor)) = opened.iter().find_map(named) else {
        let names: Vec<&str> = opened.iter().map(|opened| opened.name.as_str()).collect();
        return Err(NetStoreError::Missing {
            net: net.to_owned(),
            files: names.join(" and "),
            wanted: spec.clone(),
        });
    };
    let cut = skeleton.cut_out(&spec.name).filter(|_| tensor.shape != spec.shape);
    let cut = cut.and_then(|first| Cut::new(first, &spec.shape, &tensor.shape));
    if tensor.shape != spec.shape && cut.is_none() {
        return Err(NetStoreError::Shape {
            net: net.to_owned(),
            file: found.name.clone(),
            wanted: spec.clone(),
            found: tensor.shape.clone(),
        });
    }
    Ok(Place { opened: found, name, cut })
}

fn unplaced(spec: &TensorSpec) -> NetError {
    NetError::Weights { path: PathBuf::new(), reason: format!("{:?} was requested twice", spec.name) }
}

/// Writes under another name first, so that a record is complete.
fn write_record(path: &Path, record: &SourceRecord) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    file.write_all(serde_json::to_string_pretty(record)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_cut_out_of_each_plane() {
        let values: Vec<f32> = (0..40).map(|at| at as f32).collect();
        let cut = Cut::new(1, &[2, 2, 3], &[2, 4, 5]).unwrap();
        assert_eq!(cut.of(&values), [6.0, 7.0, 8.0, 11.0, 12.0, 13.0, 26.0, 27.0, 28.0, 31.0, 32.0, 33.0]);
        assert!(Cut::new(2, &[2, 2, 3], &[2, 4, 4]).is_none());
        assert!(Cut::new(0, &[2, 2, 3], &[3, 4, 5]).is_none());
    }
}
