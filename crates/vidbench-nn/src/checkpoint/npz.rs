//! `.npz` archives of arrays, in which Chainer stores weights.
//!
//! Chainer joins layer names with slashes and calls weights `W` and `b`. PyTorch, and therefore the graphs, use dots
//! and the names `weight` and `bias`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use zip::ZipArchive;

use super::{ElementType, Source, Stored, TensorInfo, elements};
use crate::npy::{self, Descr};

/// Most arrays that an archive may have; the header of each one is read.
const MAX_ENTRIES: usize = 10_000;

type Archive = ZipArchive<BufReader<File>>;

/// An array in an archive.
#[derive(Debug)]
pub(super) struct Array {
    entry: usize,
    /// Bytes before its data.
    header: u64,
    len: u64,
}

/// Whether a .zip holds arrays of NumPy and nothing else.
pub(super) fn is_archive(path: &Path) -> bool {
    let arrays = |archive: Archive| {
        !archive.is_empty()
            && archive.len() <= MAX_ENTRIES
            && archive.file_names().all(|name| name.is_ok_and(|name| name.ends_with(".npy")))
    };
    open(path).is_ok_and(arrays)
}

/// All arrays, under the names that PyTorch would give them.
pub(super) fn tensors(path: &Path) -> Result<BTreeMap<String, Stored>, String> {
    let mut archive = open(path).map_err(|error| error.to_string())?;
    (0..archive.len()).map(|entry| array(&mut archive, entry)).collect()
}

/// The bytes of an array.
pub(super) fn read(path: &Path, array: &Array) -> Result<Vec<u8>, String> {
    let mut archive = open(path).map_err(|error| error.to_string())?;
    let mut entry = archive.by_index(array.entry).map_err(|error| error.to_string())?;
    let mut skipped = Vec::new();
    entry.by_ref().take(array.header).read_to_end(&mut skipped).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    entry.take(array.len + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 != array.len {
        return Err(format!("its header states {} bytes, but it has {} or more", array.len, bytes.len()));
    }
    Ok(bytes)
}

fn open(path: &Path) -> Result<Archive, std::io::Error> {
    Ok(ZipArchive::new(BufReader::new(File::open(path)?))?)
}

fn array(archive: &mut Archive, at: usize) -> Result<(String, Stored), String> {
    let entry = archive.by_index(at).map_err(|error| error.to_string())?;
    let name = entry.name().map_err(|error| error.to_string())?.into_owned();
    let size = entry.size();
    let mut start = Vec::new();
    entry.take(npy::MAX_BEFORE_DATA as u64).read_to_end(&mut start).map_err(|error| error.to_string())?;
    let (header, data) = npy::header(&start).map_err(|reason| format!("{name:?}: {reason}"))?;
    let shape = header.shape.iter().map(|extent| usize::try_from(*extent).ok()).collect::<Option<Vec<_>>>();
    let shape = shape.ok_or_else(|| format!("{name:?} has the shape {:?}", header.shape))?;
    let element = element(&header.descr, header.fortran && shape.len() > 1);
    let wanted = elements(&shape).zip(element.bytes()).and_then(|(count, bytes)| count.checked_mul(bytes));
    let len = wanted.map_or(0, |wanted| wanted as u64);
    // The header must agree with the bytes that the archive has, so that nothing is allocated for data that is not
    // there.
    if element.is_float() && (wanted.is_none() || len.saturating_add(data as u64) != size) {
        return Err(format!("{name:?} has {size} bytes, but its header states {shape:?} {element}"));
    }
    let source = Source::Npz(Array { entry: at, header: data as u64, len });
    Ok((torch_name(&name), Stored { info: TensorInfo { shape, element }, source }))
}

fn element(descr: &Descr, fortran: bool) -> ElementType {
    match descr {
        _ if fortran => ElementType::Other("an array in Fortran order".into()),
        Descr::Plain(descr) => match descr.as_str() {
            "<f2" => ElementType::F16,
            "<f4" => ElementType::F32,
            "<f8" => ElementType::F64,
            other => ElementType::Other(other.to_owned()),
        },
        Descr::Structure => ElementType::Other("a structure".into()),
    }
}

/// `conv1a/W.npy` as `conv1a.weight`.
fn torch_name(entry: &str) -> String {
    let name = entry.strip_suffix(".npy").unwrap_or(entry);
    let (layer, last) = name.rsplit_once('/').map_or(("", name), |(layer, last)| (layer, last));
    let last = match last {
        "W" if !layer.is_empty() => "weight",
        "b" if !layer.is_empty() => "bias",
        other => other,
    };
    let parts = layer.split('/').filter(|part| !part.is_empty()).chain([last]);
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chainers_names_become_pytorchs() {
        assert_eq!(torch_name("conv1a/W.npy"), "conv1a.weight");
        assert_eq!(torch_name("block/conv1a/b.npy"), "block.conv1a.bias");
        assert_eq!(torch_name("mean.npy"), "mean");
        assert_eq!(torch_name("W.npy"), "W");
        assert_eq!(torch_name("/bn/avg_mean.npy"), "bn.avg_mean");
    }
}
