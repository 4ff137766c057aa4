//! Reads authors' files of weights, in whatever form they come: names, shapes and values, tensor by tensor.
//!
//! The form is recognised by the bytes, not by the file's name: safetensors; the output of `torch.save`, as a .zip or a
//! pickle; TorchScript archives; NumPy's `.npz`, as Chainer writes it. No form can execute anything: a pickle's request
//! for a call is data, and a call that is not known to build a tensor is not made. Values are read only when they are
//! asked for.

mod element;
mod error;
mod npz;
mod pickle;
mod safetensors_file;
mod torchscript;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use pytorch_reader::PytorchReader;

pub use element::ElementType;
pub use error::{CheckpointError, CheckpointErrorKind};

pub(crate) use safetensors_file::header as safetensors_header;
use torchscript::View;

/// An open file of weights.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    form: Form,
    tensors: BTreeMap<String, Stored>,
}

/// How a checkpoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A header of JSON, then the values.
    Safetensors,
    /// By `torch.save`: a .zip, or pickles one after the other.
    PyTorch,
    /// By `torch.jit.save`: a .zip with the program beside its weights.
    TorchScript,
    /// By NumPy: a .zip of arrays.
    Npz,
}

/// A tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Extent of each axis.
    pub shape: Vec<usize>,
    /// How each number is written.
    pub element: ElementType,
}

#[derive(Debug)]
struct Stored {
    info: TensorInfo,
    source: Source,
}

/// Where values are.
#[derive(Debug)]
enum Source {
    /// In one piece, at a place of the file.
    Range { offset: u64, len: u64 },
    /// A tensor that the reader of PyTorch's files can locate.
    PyTorch(pytorch_reader::Tensor),
    /// In a storage of an archive.
    Archive(View),
    /// An array of an archive.
    Npz(npz::Array),
}

impl Checkpoint {
    /// Reads which tensors a file has, but not their values.
    ///
    /// # Errors
    ///
    /// [`CheckpointErrorKind`]: a file of no known form, a damaged one, one that asks for a call, and one without tensors.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let failed = |kind| CheckpointError { path: path.to_owned(), kind };
        let (form, tensors) = read_tensors(path).map_err(failed)?;
        if tensors.is_empty() {
            return Err(failed(CheckpointErrorKind::Empty { form }));
        }
        Ok(Self { path: path.to_owned(), form, tensors })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Names and shapes of all tensors, sorted by name. Nested names are joined by dots.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), &stored.info))
    }

    /// A tensor by its name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).map(|stored| &stored.info)
    }

    /// The values of a tensor, the last axis fastest; f16, bf16 and f64 become f32.
    ///
    /// # Errors
    ///
    /// [`CheckpointErrorKind::NoTensor`], [`CheckpointErrorKind::NotFloats`], and what the file says.
    pub fn read_f32(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let failed = |kind| CheckpointError { path: self.path.clone(), kind };
        let stored = self.tensors.get(name);
        let stored = stored.ok_or_else(|| failed(CheckpointErrorKind::NoTensor { name: name.to_owned() }))?;
        let element = &stored.info.element;
        if !element.is_float() {
            let kind = CheckpointErrorKind::NotFloats { name: name.to_owned(), element: element.to_string() };
            return Err(failed(kind));
        }
        let bytes = self.bytes(&stored.source).map_err(|reason| {
            failed(CheckpointErrorKind::Damaged { form: self.form, reason: format!("{name:?}: {reason}") })
        })?;
        Ok(element.to_f32(&bytes))
    }

    fn bytes(&self, source: &Source) -> Result<Vec<u8>, String> {
        match source {
            Source::Range { offset, len } => self.range(*offset, *len).map_err(|error| error.to_string()),
            Source::PyTorch(tensor) => self.of_pytorch(tensor),
            Source::Archive(view) => view.read(&self.path),
            Source::Npz(array) => npz::read(&self.path, array),
        }
    }

    /// PyTorch can expand one stored number to a tensor of any size. Weights never have more bytes than their file, so
    /// a larger tensor is refused.
    fn of_pytorch(&self, tensor: &pytorch_reader::Tensor) -> Result<Vec<u8>, String> {
        let len = std::fs::metadata(&self.path).map_err(|error| error.to_string())?.len();
        if tensor.byte_len() as u64 > len {
            return Err(format!("it has {} bytes, but its file has only {len}", tensor.byte_len()));
        }
        tensor.read().map_err(|error| error.to_string())
    }

    fn range(&self, offset: u64, len: u64) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        if file.take(len).read_to_end(&mut bytes)? as u64 != len {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

fn read_tensors(path: &Path) -> Result<(Form, BTreeMap<String, Stored>), CheckpointErrorKind> {
    let mut head = Vec::new();
    File::open(path)?.take(9).read_to_end(&mut head)?;
    let damaged = |form| move |reason| CheckpointErrorKind::Damaged { form, reason };
    let torchscript = head.starts_with(b"PK") && torchscript::is_archive(path);
    match &head[..] {
        _ if torchscript => Ok((Form::TorchScript, torchscript::tensors(path)?)),
        [b'P', b'K', ..] if npz::is_archive(path) => {
            Ok((Form::Npz, npz::tensors(path).map_err(damaged(Form::Npz))?))
        }
        // The first eight bytes are the length of a JSON header; its opening brace follows.
        [_, _, _, _, _, 0, 0, 0, b'{'] => {
            let tensors = safetensors_file::tensors(path).map_err(damaged(Form::Safetensors))?;
            Ok((Form::Safetensors, tensors))
        }
        _ => match PytorchReader::new(path) {
            Ok(reader) => Ok((Form::PyTorch, of_pytorch(reader))),
            Err(error) if is_unknown(&error) => Err(CheckpointErrorKind::UnknownForm),
            Err(error) => Err(damaged(Form::PyTorch)(error.to_string())),
        },
    }
}

fn of_pytorch(reader: PytorchReader) -> BTreeMap<String, Stored> {
    let stored = |tensor: pytorch_reader::Tensor| Stored {
        info: TensorInfo { shape: tensor.shape().to_vec(), element: ElementType::of_pytorch(tensor.dtype()) },
        source: Source::PyTorch(tensor),
    };
    reader.into_tensors().into_iter().map(|(name, tensor)| (name, stored(tensor))).collect()
}

/// Whether the reader of PyTorch's files did not recognise the file.
fn is_unknown(error: &pytorch_reader::PytorchError) -> bool {
    matches!(error, pytorch_reader::PytorchError::InvalidFormat(reason) if reason.starts_with("not a PyTorch checkpoint"))
}

/// Number of elements of a shape, where it can be counted.
fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, extent| product.checked_mul(*extent))
}
