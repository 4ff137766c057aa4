//! `.npz` files: a zip archive of `.npy` files.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::decode;
use super::{FeatureFileError, FeatureMatrix, MAX_ARRAY_BYTES, npy};

/// Most files that an archive may have; the header of each one is read.
const MAX_ENTRIES: usize = 1000;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

pub(crate) fn read(bytes: &[u8], name: Option<&str>) -> Result<FeatureMatrix, FeatureFileError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if archive.len() > MAX_ENTRIES {
        return Err(damaged(&format!("{} files in the archive, the limit is {MAX_ENTRIES}", archive.len())));
    }
    let arrays = arrays(&mut archive)?;
    // Without a name, any of the arrays may be the wanted one.
    if let (None, Some(damage)) = (name, arrays.iter().find_map(|found| found.damage.as_ref())) {
        return Err(damaged(damage));
    }
    let shapes: Vec<_> = arrays.iter().map(|found| (found.name.clone(), found.shape.clone())).collect();
    let name = decode::choose(&shapes, name)?;
    let entry = arrays.iter().find(|found| found.name == name).map_or(0, |found| found.entry);
    array(&mut archive, entry, &name)
}

fn damaged(reason: &impl ToString) -> FeatureFileError {
    FeatureFileError::Damaged { format: "npz", reason: reason.to_string() }
}

/// A file in the archive.
struct Entry {
    name: String,
    /// Empty for a file that is not an array.
    shape: Vec<u64>,
    entry: usize,
    /// Why even its beginning cannot be read.
    damage: Option<String>,
}

/// The files in the archive, sorted by name.
fn arrays(archive: &mut Archive<'_>) -> Result<Vec<Entry>, FeatureFileError> {
    let mut arrays = Vec::new();
    for entry in 0..archive.len() {
        let file = archive.by_index(entry).map_err(|error| damaged(&error))?;
        let name = file.name().map_err(|error| damaged(&error))?.into_owned();
        let name = name.strip_suffix(".npy").map(str::to_owned).unwrap_or(name);
        let mut start = Vec::new();
        let damage = file.take(npy::MAX_BEFORE_DATA as u64).read_to_end(&mut start).err();
        let damage = damage.map(|error| format!("array {name:?}: {error}"));
        let shape = npy::shape(&start).filter(|_| damage.is_none()).unwrap_or_default();
        arrays.push(Entry { name, shape, entry, damage });
    }
    arrays.sort_by(|a, b| (&a.name, a.entry).cmp(&(&b.name, b.entry)));
    Ok(arrays)
}

/// Reads the array in that entry. The header comes first, so that no more is inflated than it states and no more than
/// the limit.
fn array(archive: &mut Archive<'_>, entry: usize, name: &str) -> Result<FeatureMatrix, FeatureFileError> {
    let mut file = archive.by_index(entry).map_err(|error| damaged(&error))?;
    let mut bytes = Vec::new();
    file.by_ref()
        .take(npy::MAX_BEFORE_DATA as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(&error))?;
    let (layout, data) = npy::header(&bytes, name)?;
    layout.matrix_shape(name)?;
    let wanted = layout.bytes().filter(|bytes| *bytes <= MAX_ARRAY_BYTES).ok_or_else(|| {
        let bytes = layout.bytes().map_or("more than 2^64".to_owned(), |bytes| bytes.to_string());
        FeatureFileError::TooLarge { array: name.to_owned(), bytes }
    })?;
    // One byte more than wanted shows that there is more.
    let end = data as u64 + wanted + 1;
    bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    file.take(end - bytes.len() as u64).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    decode::matrix(&layout, bytes.get(data..).unwrap_or_default(), name)
}
