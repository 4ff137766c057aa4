//! Lists a folder of videos on the disk, ready to be compared with a suite and decoded.
//!
//! Clips are decoded as a scoring without metrics, by the same supervised scorers: a file that crashes or hangs the
//! decoder affects no other file, and decoded files are known to later checks and scorings.

use std::fs;
use std::io;
use std::path::Path;

use vidbench_core::clip_name::NamedClip;
use vidbench_core::protocol::DecodeOptions;
use vidbench_core::vbench::FolderCheck;
use vidbench_core::{NetOptions, RequestedClip, ScoringRequest, path_from_text, text_from_path};

/// How many levels of folders below the named folder are searched.
const MAX_DEPTH: usize = 4;

/// Every entry of a folder and its subfolders, by its relative path with `/` between the parts; folders end in `/`.
/// Links to folders are not followed.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn list_entries(root: &Path) -> io::Result<Vec<String>> {
    let mut entries = Vec::new();
    list(root, "", 0, &mut entries)?;
    entries.sort();
    Ok(entries)
}

fn list(folder: &Path, below: &str, depth: usize, entries: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", text_from_path(Path::new(&entry.file_name())));
        if entry.file_type()?.is_dir() {
            let inside = format!("{name}/");
            if depth < MAX_DEPTH {
                list(&entry.path(), &inside, depth + 1, entries)?;
            }
            entries.push(inside);
        } else {
            entries.push(name);
        }
    }
    Ok(())
}

/// A scoring without metrics for the clips that were found, in their order.
pub fn check_request(root: &Path, found: &FolderCheck, options: DecodeOptions) -> ScoringRequest {
    let clip = |clip: &NamedClip| RequestedClip {
        path: text_from_path(&root.join(path_from_text(&clip.file))),
        group: text_from_path(root),
        prompt: Some(clip.name.prompt.clone()),
        image: None,
        seed: None,
        index: clip.name.index,
        params: None,
        expected_sha256: None,
        problem: None,
        reference: None,
        reference_problem: None,
    };
    let name = format!("check of {}", text_from_path(root));
    ScoringRequest {
        name,
        metrics: Vec::new(),
        clips: found.clips.iter().map(clip).collect(),
        options,
        nets: NetOptions::default(),
    }
}

/// The clips that were found but have empty files.
pub fn empty_clips(root: &Path, found: &FolderCheck) -> Vec<String> {
    let is_empty = |clip: &&NamedClip| {
        fs::metadata(root.join(path_from_text(&clip.file))).is_ok_and(|metadata| metadata.len() == 0)
    };
    found.clips.iter().filter(is_empty).map(|clip| clip.file.clone()).collect()
}
