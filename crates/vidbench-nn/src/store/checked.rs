//! Whether stored weights are still those of their record, without reading gigabytes each time: the file's hash is
//! compared once, and again whenever the file's metadata has changed since.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::SourceRecord;
use crate::file_hashes::FileHashes;

/// Beside the weights: what their metadata was when their hash was last compared.
const CHECKED: &str = "checked";

/// Why the weights are not those of the record, if so.
pub(super) fn difference(weights: &Path, record: &SourceRecord) -> io::Result<Option<String>> {
    let metadata = fs::metadata(weights)?;
    if metadata.len() != record.weights_bytes {
        let (found, recorded) = (metadata.len(), record.weights_bytes);
        return Ok(Some(format!("it has {found} bytes, but had {recorded} when written")));
    }
    let checked = fs::read_to_string(weights.with_file_name(CHECKED)).unwrap_or_default();
    if checked == mark(&metadata, record) {
        return Ok(None);
    }
    let found = FileHashes::of(weights)?.sha256;
    if found != record.weights_sha256 {
        return Ok(Some(format!(
            "its SHA-256 is {found}, but it was {} when written",
            record.weights_sha256
        )));
    }
    note(weights, &metadata, record);
    Ok(None)
}

/// Notes that the weights, which have just been written, are those of the record.
pub(super) fn note_written(weights: &Path, record: &SourceRecord) {
    if let Ok(metadata) = fs::metadata(weights) {
        note(weights, &metadata, record);
    }
}

/// Where the note cannot be written, as in a read-only folder, the hash is compared each time.
fn note(weights: &Path, metadata: &Metadata, record: &SourceRecord) {
    let _ = fs::write(weights.with_file_name(CHECKED), mark(metadata, record));
}

fn mark(metadata: &Metadata, record: &SourceRecord) -> String {
    let (modified, changed) =
        ((metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec()));
    let (device, inode) = (metadata.dev(), metadata.ino());
    format!("{} {device} {inode} {modified:?} {changed:?}\n", record.weights_sha256)
}
