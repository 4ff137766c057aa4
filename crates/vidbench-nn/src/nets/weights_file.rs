//! The weights of one net as vidbench keeps them: a safetensors file of 32-bit floats, one for each tensor of the
//! skeleton.
//!
//! Authors' checkpoints come in many forms; each is read once, when it is fetched or imported, and written in this form, which
//! every runtime can read in place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde::Serialize;

use super::{NetError, Skeleton, TensorSpec};
use crate::checkpoint::safetensors_header as header;

const LENGTH_BYTES: u64 = 8;
const ELEMENT_BYTES: usize = size_of::<f32>();

/// A file of weights that fits a skeleton.
#[derive(Debug, Clone)]
pub struct WeightsFile {
    path: PathBuf,
    /// Hash of the file as its record has it, if it has one.
    sha256: Option<String>,
    /// Where each tensor's elements lie in the file, in the order of the skeleton.
    places: Vec<Place>,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

#[derive(Debug, Serialize)]
struct Entry {
    dtype: &'static str,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

impl WeightsFile {
    /// Opens a file and checks that it has every tensor of the skeleton.
    ///
    /// # Errors
    ///
    /// [`NetError::Weights`].
    pub fn open(path: &Path, skeleton: &Skeleton) -> Result<Self, NetError> {
        let wrong = |reason: String| NetError::Weights { path: path.to_owned(), reason };
        let (header, begin, len) = header(path).map_err(|error| wrong(error.to_string()))?;
        let place = |spec: &TensorSpec| {
            let Some(info) = header.info(&spec.name) else {
                return Err(wrong(format!("it has no tensor {:?}", spec.name)));
            };
            let (from, to) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
            let bytes = (spec.elements() * ELEMENT_BYTES) as u64;
            let fits = info.shape == spec.shape
                && info.dtype == Dtype::F32
                && to.checked_sub(from) == Some(bytes)
                && begin.checked_add(to).is_some_and(|end| end <= len);
            fits.then(|| Place { offset: begin + from, len: bytes }).ok_or_else(|| {
                wrong(format!(
                    "{:?} is {} {:?} at {from}..{to}, expected F32 {:?}",
                    spec.name, info.dtype, info.shape, spec.shape
                ))
            })
        };
        let places = skeleton.tensors().iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), sha256: None, places })
    }

    /// Writes the weights of a skeleton, tensor by tensor. Writes under another name first, so that a file of the final
    /// name is complete.
    ///
    /// # Errors
    ///
    /// [`NetError::Io`], and errors of `read`.
    pub fn create(
        path: &Path,
        skeleton: &Skeleton,
        mut read: impl FnMut(&TensorSpec) -> Result<Vec<f32>, NetError>,
    ) -> Result<Self, NetError> {
        let io_error = |error: io::Error| NetError::Io { path: path.to_owned(), source: error };
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        let mut file = BufWriter::new(File::create(&partial).map_err(io_error)?);
        let written = (|| {
            file.write_all(&header_bytes(skeleton)).map_err(io_error)?;
            for spec in skeleton.tensors() {
                let values = read(spec)?;
                if values.len() != spec.elements() {
                    let reason =
                        format!("{:?} has {} elements, not {}", spec.name, values.len(), spec.elements());
                    return Err(NetError::Weights { path: path.to_owned(), reason });
                }
                for value in values {
                    file.write_all(&value.to_le_bytes()).map_err(io_error)?;
                }
            }
            let file = file.into_inner().map_err(|error| io_error(error.into_error()))?;
            file.sync_all().map_err(io_error)
        })();
        let renamed = written.and_then(|()| fs::rename(&partial, path).map_err(io_error));
        if let Err(error) = renamed {
            // A partial file is of no use to anyone.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        Self::open(path, skeleton)
    }

    /// The file with the hash that its record has.
    pub(crate) fn recorded_as(self, sha256: String) -> Self {
        Self { sha256: Some(sha256), ..self }
    }

    pub(crate) fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the elements of each tensor lie, in the order of the skeleton.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// The bytes of a part of the file: 32-bit floats, least significant byte first.
    pub(crate) fn read(&self, place: Place) -> Result<Vec<u8>, NetError> {
        let io_error = |error: io::Error| NetError::Io { path: self.path.clone(), source: error };
        let mut file = File::open(&self.path).map_err(io_error)?;
        file.seek(SeekFrom::Start(place.offset)).map_err(io_error)?;
        let mut bytes = vec![0; usize::try_from(place.len).unwrap_or(usize::MAX)];
        file.read_exact(&mut bytes).map_err(io_error)?;
        Ok(bytes)
    }
}

fn header_bytes(skeleton: &Skeleton) -> Vec<u8> {
    let mut end = 0;
    let entries = skeleton.tensors().iter().map(|spec| {
        let begin = end;
        end += (spec.elements() * ELEMENT_BYTES) as u64;
        (spec.name.clone(), Entry { dtype: "F32", shape: spec.shape.clone(), data_offsets: [begin, end] })
    });
    let entries: BTreeMap<String, Entry> = entries.collect();
    let mut json = serde_json::to_vec(&entries).expect("names and numbers are JSON");
    // The format wants the data aligned to 8 bytes and allows spaces.
    json.resize(json.len().next_multiple_of(LENGTH_BYTES as usize), b' ');
    [&(json.len() as u64).to_le_bytes()[..], &json].concat()
}
