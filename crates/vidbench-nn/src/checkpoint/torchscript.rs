//! TorchScript archives: a .zip with a program and, in `data.pkl`, its modules with their tensors. The program is never looked at.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

use super::pickle::{Node, NodeId, Pickle, PickleError};
use super::{CheckpointErrorKind, ElementType, Form, Source, Stored, TensorInfo, elements};

/// Most bytes that `data.pkl` may have. That of the largest archives has 1 MiB.
const MAX_PICKLE_BYTES: u64 = 64 << 20;
/// Deepest nesting of modules.
const MAX_DEPTH: usize = 64;
/// Most attributes that all modules may have together; the limit is needed because a pickle can name the same module
/// over and over.
const MAX_ATTRIBUTES: usize = 1 << 20;

type Archive = ZipArchive<BufReader<File>>;

/// A tensor whose numbers lie in a storage with gaps or in another order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Offset of its first number in the file.
    offset: u64,
    shape: Vec<usize>,
    /// Distance from one number to the next along each axis, counted in numbers.
    strides: Vec<usize>,
    element_bytes: usize,
}

/// Whether a .zip was written by `torch.jit.save`, which stores the program's constants apart; `torch.save` does not.
pub(super) fn is_archive(path: &Path) -> bool {
    let constants =
        |archive: Archive| archive.file_names().flatten().any(|name| name.ends_with("/constants.pkl"));
    open(path).is_ok_and(constants)
}

/// All tensors, under the names of the modules that hold them.
pub(super) fn tensors(path: &Path) -> Result<BTreeMap<String, Stored>, CheckpointErrorKind> {
    let damaged = |reason: String| CheckpointErrorKind::Damaged { form: Form::TorchScript, reason };
    let mut archive = open(path).map_err(|error| damaged(error.to_string()))?;
    let (root, bytes) = read_pickle(&mut archive).map_err(damaged)?;
    let pickle = Pickle::parse(&bytes).map_err(|error| match error {
        PickleError::Damaged(reason) => damaged(reason),
        PickleError::Refused(name) => CheckpointErrorKind::Refused { name },
    })?;
    let found = named_tensors(&pickle).map_err(damaged)?;
    let mut storages = Storages { archive, root, file_bytes: std::fs::metadata(path)?.len() };
    let stored = |(name, description): (String, NodeId)| {
        let stored = stored(&pickle, description, &mut storages);
        stored.map(|stored| (name.clone(), stored)).map_err(|reason| damaged(format!("{name:?}: {reason}")))
    };
    found.into_iter().map(stored).collect()
}

fn open(path: &Path) -> io::Result<Archive> {
    // PyTorch writes no bytes in front of an archive. When zip 9.8 has to find that out itself, it ignores the zip64
    // records before the end, and where the first entry's name has 30 characters it takes the second entry for the
    // first.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    Ok(ZipArchive::with_config(config, BufReader::new(File::open(path)?))?)
}

/// The archive's root folder, and the bytes of `data.pkl` in it.
fn read_pickle(archive: &mut Archive) -> Result<(String, Vec<u8>), String> {
    let root =
        archive.file_names().flatten().find_map(|name| Some(name.strip_suffix("/data.pkl")?.to_owned()));
    let root = root.ok_or("it has no data.pkl")?;
    if let Ok(order) = archive.by_name(&format!("{root}/byteorder")) {
        let mut text = String::new();
        order.take(16).read_to_string(&mut text).map_err(|error| error.to_string())?;
        if text != "little" {
            return Err(format!("its byte order is {text:?}, only \"little\" is supported"));
        }
    }
    let entry = archive.by_name(&format!("{root}/data.pkl")).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let read = entry.take(MAX_PICKLE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if read as u64 > MAX_PICKLE_BYTES {
        return Err(format!("data.pkl has more than {MAX_PICKLE_BYTES} bytes"));
    }
    Ok((root, bytes))
}

fn named_tensors(pickle: &Pickle) -> Result<Vec<(String, NodeId)>, String> {
    let mut collector = Collector { pickle, found: Vec::new(), left: MAX_ATTRIBUTES };
    collector.module(pickle.root(), "", MAX_DEPTH)?;
    Ok(collector.found)
}

/// Collects tensors under the names that PyTorch's `state_dict` gives them.
struct Collector<'a> {
    pickle: &'a Pickle,
    found: Vec<(String, NodeId)>,
    /// How many more attributes may be visited.
    left: usize,
}

impl Collector<'_> {
    /// Visits the attributes of a module and of the modules in it.
    fn module(&mut self, node: &Node, prefix: &str, depth: usize) -> Result<(), String> {
        let pickle = self.pickle;
        let Node::Object(Some(attributes)) = node else { return Ok(()) };
        let Node::Dict(attributes) = pickle.node(*attributes) else { return Ok(()) };
        self.left = self.left.saturating_sub(attributes.len());
        if depth == 0 || self.left == 0 {
            return Err(format!(
                "its modules are nested too deeply or have too many attributes at {prefix:?}"
            ));
        }
        for (key, value) in attributes {
            let Some(name) = pickle.text(*key) else { continue };
            let name = format!("{prefix}{name}");
            match pickle.node(*value) {
                Node::Tensor(description) => self.found.push((name, *description)),
                module @ Node::Object(_) => self.module(module, &format!("{name}."), depth - 1)?,
                _ => {}
            }
        }
        Ok(())
    }
}

struct Storages {
    archive: Archive,
    root: String,
    file_bytes: u64,
}

impl Storages {
    /// Where the bytes of a storage begin in the file, and how many there are.
    fn place(&mut self, key: &str) -> Result<(u64, u64), String> {
        let name = format!("{}/data/{key}", self.root);
        let entry = self.archive.by_name(&name).map_err(|error| format!("storage {name:?}: {error}"))?;
        if entry.compression() != zip::CompressionMethod::Stored {
            return Err(format!("storage {name:?} is compressed, which PyTorch never does"));
        }
        let (begin, len) = (entry.data_start().unwrap_or(u64::MAX), entry.size());
        match begin.checked_add(len).is_some_and(|end| end <= self.file_bytes) {
            true => Ok((begin, len)),
            false => Err(format!("storage {name:?} is outside the file")),
        }
    }
}

/// Turns `_rebuild_tensor_v2(storage, offset, shape, strides, ...)` into a place in the file.
fn stored(pickle: &Pickle, description: NodeId, storages: &mut Storages) -> Result<Stored, String> {
    let wrong = || "its description does not describe a tensor".to_owned();
    let counts =
        |id: NodeId| pickle.sequence(id)?.iter().map(|id| pickle.count(*id)).collect::<Option<Vec<_>>>();
    let Some([storage, offset, shape, strides, ..]) = pickle.sequence(description) else {
        return Err(wrong());
    };
    let Node::Storage(storage) = pickle.node(*storage) else { return Err(wrong()) };
    let Some([_, class, key, ..]) = pickle.sequence(*storage) else { return Err(wrong()) };
    let (Node::Global(class), Some(key)) = (pickle.node(*class), pickle.text(*key)) else {
        return Err(wrong());
    };
    let offset = pickle.count(*offset).ok_or_else(wrong)?;
    let (shape, strides) = counts(*shape).zip(counts(*strides)).ok_or_else(wrong)?;
    let element = element_of(class);
    let Some(element_bytes) = element.bytes() else {
        // A tensor of any other type is not a weight; its values are never read.
        return Ok(Stored {
            info: TensorInfo { shape, element },
            source: Source::Range { offset: 0, len: 0 },
        });
    };
    let (begin, len) = storages.place(key)?;
    let there = len / element_bytes as u64;
    let count = elements(&shape).filter(|count| *count as u64 <= there);
    let count = count.ok_or_else(|| format!("{shape:?} has more elements than its storage ({there})"))?;
    let last = last_element(offset, &shape, &strides).filter(|last| count == 0 || (*last as u64) < there);
    last.ok_or_else(|| format!("{shape:?} by {strides:?} from {offset} is outside its storage of {there}"))?;
    let at = begin + (offset * element_bytes) as u64;
    let source = if count == 0 || strides == contiguous(&shape) {
        Source::Range { offset: at, len: (count * element_bytes) as u64 }
    } else {
        Source::Archive(View { offset: at, shape: shape.clone(), strides, element_bytes })
    };
    Ok(Stored { info: TensorInfo { shape, element }, source })
}

fn element_of(class: &str) -> ElementType {
    match class {
        "torch.HalfStorage" => ElementType::F16,
        "torch.BFloat16Storage" => ElementType::Bf16,
        "torch.FloatStorage" => ElementType::F32,
        "torch.DoubleStorage" => ElementType::F64,
        other => ElementType::Other(other.to_owned()),
    }
}

/// Index of the last number in the storage; `None` for an impossible description.
fn last_element(offset: usize, shape: &[usize], strides: &[usize]) -> Option<usize> {
    if shape.len() != strides.len() {
        return None;
    }
    let step = |last: usize, (extent, stride): (&usize, &usize)| {
        last.checked_add(extent.saturating_sub(1).checked_mul(*stride)?)
    };
    shape.iter().zip(strides).try_fold(offset, step)
}

fn contiguous(shape: &[usize]) -> Vec<usize> {
    (1..=shape.len()).map(|axis| shape.iter().skip(axis).product()).collect()
}

impl View {
    /// The bytes of its numbers, the last axis fastest.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let last = last_element(0, &self.shape, &self.strides).ok_or("it has no end")?;
        let len = (last + 1) * self.element_bytes;
        let span = read_span(path, self.offset, len).map_err(|error| error.to_string())?;
        let count = elements(&self.shape).unwrap_or(0);
        let mut bytes = Vec::with_capacity(count * self.element_bytes);
        for at in 0..count {
            let from = self.place(at) * self.element_bytes;
            bytes.extend_from_slice(span.get(from..from + self.element_bytes).unwrap_or_default());
        }
        Ok(bytes)
    }

    /// Where the number of that ordinal is.
    fn place(&self, ordinal: usize) -> usize {
        let axes = self.shape.iter().zip(&self.strides).rev();
        axes.fold((0, ordinal), |(place, rest), (extent, stride)| {
            (place + rest % extent * stride, rest / extent)
        })
        .0
    }
}

fn read_span(path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    if file.take(len as u64).read_to_end(&mut bytes)? != len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_read_in_the_order_of_its_axes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storage");
        std::fs::write(&path, [9, 0, 1, 2, 3, 4, 5]).unwrap();
        let view = View { offset: 1, shape: vec![3, 2], strides: vec![1, 3], element_bytes: 1 };
        assert_eq!(view.read(&path).unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(contiguous(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(last_element(5, &[2, 3], &[usize::MAX, 1]), None);
        assert_eq!(last_element(5, &[2, 3], &[1]), None);
    }

    /// Each module holds the next one twice: a few bytes describe more names than could ever be visited.
    #[test]
    fn modules_without_end_are_refused() {
        let class = b"c__torch__\nM\n)\x81}";
        let mut module = [&class[..], b"b"].concat();
        for level in 0..60_u8 {
            let (first, second) = (b"(X\x01\0\0\0a", b"X\x01\0\0\0b");
            module = [&class[..], first, &module, &[b'q', level], second, &[b'h', level], b"ub"].concat();
        }
        module.push(b'.');
        let error = named_tensors(&Pickle::parse(&module).unwrap()).unwrap_err();
        assert!(
            error.starts_with("its modules are nested too deeply or have too many attributes at \"a."),
            "{error}"
        );
    }
}
