//! Finds out which files of the manifest the weight files in a folder are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vidbench_nn::{FileHashes, Manifest};

/// Deepest level of folders that is searched; caches of other programs have four levels.
const MAX_DEPTH: usize = 12;
/// Extensions of files that are hashed in order to identify them.
const ENDINGS: [&str; 5] = ["pt", "pth", "ckpt", "bin", "safetensors"];
/// Files larger than this are not in the manifest; hashing models of hundreds of gigabytes would take hours.
const MAX_HASHED_BYTES: u64 = 4 << 30;

/// The files that were found.
#[derive(Debug, Default)]
pub struct FoundCheckpoints {
    /// Files by their names in the manifest.
    pub files: BTreeMap<String, PathBuf>,
    /// Files that are not in the manifest, sorted.
    pub others: Vec<PathBuf>,
}

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct FindCheckpointsError {
    path: PathBuf,
    source: io::Error,
}

impl FindCheckpointsError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        vec!["name existing folders or files that can be read".into()]
    }
}

/// Searches files and folders, recursively, for files of the manifest: by name, then by hash where one is published. Of
/// several files with the same name, the one whose path sorts first counts.
///
/// # Errors
///
/// [`FindCheckpointsError`].
pub fn find_checkpoints(paths: &[PathBuf]) -> Result<FoundCheckpoints, FindCheckpointsError> {
    let mut all = Vec::new();
    for path in paths {
        walk(path, MAX_DEPTH, &mut all)
            .map_err(|source| FindCheckpointsError { path: path.clone(), source })?;
    }
    let manifest = Manifest::shipped();
    let mut found = FoundCheckpoints::default();
    for path in all {
        let name =
            path.file_name().and_then(|name| name.to_str()).filter(|name| manifest.file(name).is_some());
        match name {
            Some(name) if !found.files.contains_key(name) => drop(found.files.insert(name.to_owned(), path)),
            _ => found.others.push(path),
        }
    }
    let by_hash = |path: &PathBuf| name_by_hash(path).filter(|name| !found.files.contains_key(name));
    let hashed: Vec<Option<String>> = found.others.iter().map(by_hash).collect();
    let others = std::mem::take(&mut found.others);
    for (path, name) in others.into_iter().zip(hashed) {
        match name {
            Some(name) if !found.files.contains_key(&name) => drop(found.files.insert(name, path)),
            _ => found.others.push(path),
        }
    }
    Ok(found)
}

/// Files of a folder, sorted. A link to a file counts as a file; a link to a folder is skipped, because it could lead
/// in a circle.
fn walk(path: &Path, depth: usize, all: &mut Vec<PathBuf>) -> io::Result<()> {
    if fs::metadata(path)?.is_file() {
        all.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_file() {
            all.push(entry);
        } else if depth > 0 && entry.is_dir() && !entry.is_symlink() {
            walk(&entry, depth - 1, all)?;
        }
    }
    Ok(())
}

/// The manifest's name for a file whose hash is published.
fn name_by_hash(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    if !ENDINGS.contains(&ending.as_str()) || fs::metadata(path).ok()?.len() > MAX_HASHED_BYTES {
        return None;
    }
    let hashes = FileHashes::of(path).ok()?;
    let mut pinned = Manifest::shipped().files().iter().filter(|file| file.is_pinned());
    pinned.find(|file| file.difference(&hashes).is_none()).map(|file| file.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_name_in_folders_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("raft_model/models");
        fs::create_dir_all(&deep).unwrap();
        for name in ["raft-things.pth", "raft-small.pth"] {
            fs::write(deep.join(name), name).unwrap();
        }
        fs::create_dir(folder.path().join("z")).unwrap();
        fs::write(folder.path().join("z/raft-things.pth"), "again").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        let FoundCheckpoints { files, others } = find_checkpoints(&[folder.path().to_owned()]).unwrap();
        assert_eq!(
            files.into_iter().collect::<Vec<_>>(),
            [("raft-things.pth".into(), deep.join("raft-things.pth"))]
        );
        assert_eq!(others, [deep.join("raft-small.pth"), folder.path().join("z/raft-things.pth")]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = find_checkpoints(&["/nonexistent/weights".into()]).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nonexistent/weights");
    }
}
