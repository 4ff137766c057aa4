//! Files that ONNX Runtime opens in place of a net's graph and weights; they are written once.
//!
//! - `graph-HASH.onnx` beside the weights is the net's graph, whose tensors point into the file of weights.
//! - `prepared-CPU-HASH/` beside them is that graph after the work that ONNX Runtime otherwise does at every load on a
//!   processor: operators are fused, and the weights are in the order in which its kernels read them. A session maps
//!   these weights instead of copying them, so that scorers that run side by side hold them once, and the session opens
//!   in a third of the time. The numbers are the same, bit for bit.
//!
//! That order depends on the processor and on the version of ONNX Runtime, so both are in the folder's name. The folder
//! of another version is removed when its successor is there. [`Net::prepare`](super::Net::prepare) writes the files. A
//! process that may not write, such as a scorer that reads strangers' videos, opens what is there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tract_onnx::pb::{StringStringEntryProto, TensorProto};
use vidbench_core::sha256_hex;

use super::weights_file::Place;
use super::{NetError, Skeleton, WeightsFile};
use crate::file_hashes::FileHashes;
use crate::ort_runtime::{self, OrtSession};
use crate::session::SessionOptions;

const GRAPH: &str = "graph.onnx";
/// File of weights beside the prepared graph, which refers to it by this name.
const WEIGHTS: &str = "weights.bin";
/// File that says what the others were when they were written.
const RECORD: &str = "prepared.json";
/// Prefix of the names of prepared folders.
const PREPARED: &str = "prepared-";
const LOCK: &str = ".prepare.lock";

/// The lines of `/proc/cpuinfo` (proc(5)) by which ONNX Runtime's kernels are chosen, on x86 and ARM.
const CPU_LINES: &[&str] = &["model name", "flags", "CPU implementer", "CPU part", "Features"];

/// Writes the files that [`open`] looks for, unless they are there. If the disk has too little room, it writes only the
/// graph.
///
/// # Errors
///
/// [`NetError::Io`] and [`NetError::Runtime`]; the net can still be opened.
pub(super) fn prepare(
    skeleton: &Skeleton,
    weights: &WeightsFile,
    options: &SessionOptions,
) -> Result<(), NetError> {
    // Looked at first, because a store that may not be written can be prepared already.
    if is_prepared(skeleton, weights, options)? {
        return Ok(());
    }
    let graph = pointing_graph(skeleton, weights)?;
    let folder = prepared_folder(weights, &graph, options);
    let path = graph_path(weights, &graph);
    if fs::read(&path).ok().as_ref() != Some(&graph) {
        write_whole(&path, &graph)?;
    }
    let Some(folder) = folder else { return Ok(()) };
    let io_error = |source: io::Error| NetError::Io { path: folder.path.clone(), source };
    let lock = File::create(weights.path().with_file_name(LOCK)).map_err(io_error)?;
    lock.lock().map_err(io_error)?;
    if folder.is_whole() || !has_room(weights).map_err(io_error)? {
        return Ok(());
    }
    let partial = folder.path.with_file_name(".preparing");
    remove_folder(&partial).map_err(io_error)?;
    fs::create_dir(&partial).map_err(io_error)?;
    let written =
        OrtSession::save_prepared(&path, &partial.join(GRAPH), WEIGHTS, options).map_err(NetError::from);
    let moved = written.and_then(|()| folder.take(&partial).map_err(io_error));
    if moved.is_err() {
        // A partial folder is of no use to anyone.
        let _ = fs::remove_dir_all(&partial);
    }
    moved
}

/// Whether [`prepare`] has nothing to do, also because the disk has no room for more.
///
/// # Errors
///
/// [`NetError::Shipped`].
pub(super) fn is_prepared(
    skeleton: &Skeleton,
    weights: &WeightsFile,
    options: &SessionOptions,
) -> Result<bool, NetError> {
    let graph = pointing_graph(skeleton, weights)?;
    let has_graph = fs::read(graph_path(weights, &graph)).ok().as_ref() == Some(&graph);
    let folder = prepared_folder(weights, &graph, options);
    let is_done = |folder: PreparedFolder| folder.is_whole() || has_room(weights).is_ok_and(|room| !room);
    Ok(has_graph && folder.is_none_or(is_done))
}

/// Opens the prepared files, else the graph beside the weights. If neither is there and nothing may be written, reads
/// the weights into memory.
pub(super) fn open(
    skeleton: &Skeleton,
    weights: &WeightsFile,
    options: &SessionOptions,
) -> Result<OrtSession, NetError> {
    let graph = pointing_graph(skeleton, weights)?;
    let prepared = prepared_folder(weights, &graph, options).filter(PreparedFolder::is_whole);
    // Damaged prepared files are no reason to have no numbers: the weights themselves may be sound.
    if let Some(prepared) = prepared
        && let Ok(session) = OrtSession::open_prepared(&prepared.path.join(GRAPH), options)
    {
        return Ok(session);
    }
    let path = graph_path(weights, &graph);
    if fs::read(&path).ok().as_ref() == Some(&graph) || write_whole(&path, &graph).is_ok() {
        return Ok(OrtSession::open(&path, options)?);
    }
    let whole = skeleton.with_weights(weights)?;
    Ok(OrtSession::of_bytes(&whole.encode_to_vec(), options)?)
}

struct PreparedFolder {
    path: PathBuf,
    /// Prefix of the names of all folders for this processor.
    of_this_cpu: String,
}

/// `None` where weights cannot be prepared: on another device, or where the processor cannot be identified.
fn prepared_folder(weights: &WeightsFile, graph: &[u8], options: &SessionOptions) -> Option<PreparedFolder> {
    let runtime = ort_runtime::onnx_runtime_version().ok().filter(|_| options.device.is_cpu())?;
    let cpu = sha256_hex(cpu_lines(&fs::read_to_string("/proc/cpuinfo").ok()?)?.as_bytes());
    // Weights that replace others have another hash in their record, and another time of change, which copying programs
    // cannot set as they do that of modification.
    let facts = fs::metadata(weights.path()).ok()?;
    let changed = format!("{}.{:09}", facts.ctime(), facts.ctime_nsec());
    let recorded = weights.sha256().unwrap_or("unknown");
    let key = format!("{runtime} {} {changed} {recorded} {}", facts.len(), sha256_hex(graph));
    let of_this_cpu = format!("{PREPARED}{}-", short(&cpu));
    let name = format!("{of_this_cpu}{}", short(&sha256_hex(key.as_bytes())));
    Some(PreparedFolder { path: weights.path().with_file_name(name), of_this_cpu })
}

/// What a prepared file was when it was written.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    name: String,
    bytes: u64,
    sha256: String,
}

impl PreparedFolder {
    /// Whether its files are there, each as long as it was written. Reading them whole would take as long as what they
    /// save; [`damaged_prepared`] does.
    fn is_whole(&self) -> bool {
        let is_there = |file: &Written| {
            fs::metadata(self.path.join(&file.name)).is_ok_and(|facts| facts.len() == file.bytes)
        };
        record_of(&self.path).is_some_and(|files| files.iter().all(is_there))
    }

    /// Moves a finished folder into its place, and removes the folders that it replaces.
    fn take(&self, written: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for name in [GRAPH, WEIGHTS] {
            let path = written.join(name);
            // A net whose tensors are all small has no file of weights.
            if name == GRAPH || path.exists() {
                File::open(&path)?.sync_all()?;
                let FileHashes { sha256, size_bytes: bytes, .. } = FileHashes::of(&path)?;
                files.push(Written { name: name.to_owned(), bytes, sha256 });
            }
        }
        let mut record = File::create(written.join(RECORD))?;
        record.write_all(&serde_json::to_vec(&files)?)?;
        record.sync_all()?;
        for replaced in folders_of(self.path.parent().unwrap_or(Path::new(".")), &self.of_this_cpu)? {
            remove_folder(&replaced)?;
        }
        fs::rename(written, &self.path)
    }
}

/// The files of a prepared folder; `None` where its record is missing, damaged or names other files.
fn record_of(folder: &Path) -> Option<Vec<Written>> {
    let files: Vec<Written> = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
    let known = files.iter().all(|file| [GRAPH, WEIGHTS].contains(&file.name.as_str()));
    (known && files.iter().any(|file| file.name == GRAPH)).then_some(files)
}

/// The first file in a net's prepared folders that has changed since it was written.
pub(crate) fn damaged_prepared(of_net: &Path) -> io::Result<Option<PathBuf>> {
    for folder in folders_of(of_net, PREPARED)? {
        let Some(files) = record_of(&folder) else { return Ok(Some(folder.join(RECORD))) };
        for file in files {
            let path = folder.join(&file.name);
            if FileHashes::of(&path).map_or(true, |found| found.sha256 != file.sha256) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

fn folders_of(folder: &Path, beginning: &str) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let ours = entries.into_iter().filter(|entry| entry.file_name().to_string_lossy().starts_with(beginning));
    Ok(ours.map(|entry| entry.path()).collect())
}

/// The lines of [`CPU_LINES`] for the first processor; `None` if it has none.
fn cpu_lines(cpuinfo: &str) -> Option<String> {
    let first = cpuinfo.split("\n\n").next()?;
    let matters = |line: &&str| CPU_LINES.iter().any(|key| line.starts_with(key));
    let lines: Vec<&str> = first.lines().filter(matters).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// Whether the disk has room for the prepared weights. They take up to twice as much as the weights, because ONNX
/// Runtime writes them rearranged and as they were; at least half of the free space stays free.
fn has_room(weights: &WeightsFile) -> io::Result<bool> {
    let disk = statvfs(weights.path())?;
    #[expect(clippy::useless_conversion, reason = "32 bits wide on some platforms")]
    let free = u64::from(disk.blocks_available()).saturating_mul(u64::from(disk.fragment_size()));
    Ok(2 * fs::metadata(weights.path())?.len() <= free / 2)
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The graph, whose tensors point into the file of weights.
fn pointing_graph(skeleton: &Skeleton, weights: &WeightsFile) -> Result<Vec<u8>, NetError> {
    let file_name = weights.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut places = weights.places().iter();
    let graph = skeleton.bound(|_, tensor| {
        places.next().into_iter().for_each(|place| point(tensor, &file_name, *place));
        Ok::<_, NetError>(())
    })?;
    Ok(graph.encode_to_vec())
}

fn point(tensor: &mut TensorProto, file_name: &str, place: Place) {
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
    tensor.external_data = vec![
        entry("location", file_name.to_owned()),
        entry("offset", place.offset.to_string()),
        entry("length", place.len.to_string()),
    ];
}

fn graph_path(weights: &WeightsFile, graph: &[u8]) -> PathBuf {
    weights.path().with_file_name(format!("graph-{}.onnx", short(&sha256_hex(graph))))
}

/// Writes under another name first, because another process may be reading the file.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), NetError> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|source| NetError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_prepared_and_has_changed_is_named() {
        let net = tempfile::tempdir().unwrap();
        let written = net.path().join(".preparing");
        let place = |name: &str| PreparedFolder {
            path: net.path().join(name),
            of_this_cpu: format!("{PREPARED}cpu-"),
        };
        let write = |folder: PreparedFolder| {
            fs::create_dir(&written).unwrap();
            fs::write(written.join(GRAPH), "graph").unwrap();
            fs::write(written.join(WEIGHTS), "weights").unwrap();
            folder.take(&written).unwrap();
        };
        write(place("prepared-other-1"));
        write(place("prepared-cpu-1"));
        write(place("prepared-cpu-2"));
        assert!(!place("prepared-cpu-1").path.exists(), "another of this processor took its place");
        assert!(place("prepared-other-1").path.exists(), "another machine may need it");
        assert_eq!(damaged_prepared(net.path()).unwrap(), None);
        assert!(place("prepared-cpu-2").is_whole());
        let weights = net.path().join("prepared-cpu-2").join(WEIGHTS);
        fs::write(&weights, "weightz").unwrap();
        assert_eq!(damaged_prepared(net.path()).unwrap(), Some(weights.clone()));
        assert!(place("prepared-cpu-2").is_whole(), "as long as it was");
        fs::remove_file(&weights).unwrap();
        assert_eq!(damaged_prepared(net.path()).unwrap(), Some(weights));
        assert!(!place("prepared-cpu-2").is_whole());
        let record = net.path().join("prepared-cpu-2").join(RECORD);
        for text in ["", "[]", "[{\"name\": \"../x\", \"bytes\": 1, \"sha256\": \"\"}]"] {
            fs::write(&record, text).unwrap();
            assert_eq!(damaged_prepared(net.path()).unwrap(), Some(record.clone()), "{text}");
            assert!(!place("prepared-cpu-2").is_whole(), "{text}");
        }
    }

    #[test]
    fn a_processor_is_what_chooses_kernels() {
        let cpuinfo = "processor\t: 0\nmodel name\t: X\ncpu MHz\t\t: 2.1\nflags\t\t: avx2\n\nprocessor\t: 1\nmodel name\t: Y\n";
        assert_eq!(cpu_lines(cpuinfo).unwrap(), "model name\t: X\nflags\t\t: avx2");
        assert_eq!(cpu_lines("processor\t: 0\nFeatures\t: asimd\n").unwrap(), "Features\t: asimd");
        assert_eq!(cpu_lines("processor : 0\n"), None);
    }
}
