//! Files that were named twice: each is scored once.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use vidbench_core::path_from_text;

use super::Found;

/// Keeps the first name of each file, and says how many others there were. A name is one place, whichever argument leads to
/// it; in one group a file is one clip, whatever links lead to it. A manifest may name a file for several prompts.
pub(super) fn leave_out(clips: &mut Vec<Found>) -> Option<String> {
    let (mut places, mut files) = (HashSet::new(), HashSet::new());
    let before = clips.len();
    clips.retain(|found| {
        let clip = &found.clip;
        let path = path_from_text(&clip.path);
        let is_new = found.of_manifest || places.insert(place(&path));
        let file = fs::canonicalize(&path).unwrap_or(path);
        is_new && files.insert((file, clip.group.clone(), clip.prompt.clone(), clip.seed, clip.index))
    });
    match before - clips.len() {
        0 => None,
        1 => Some("1 file was named twice and is scored once".into()),
        twice => Some(format!("{twice} files were named twice and are scored once")),
    }
}

/// Where a name lies: its folder with no link in it, and its last part as it is written, whether or not a file is there.
pub fn place(path: &Path) -> PathBuf {
    let Some(name) = path.file_name() else { return fs::canonicalize(path).unwrap_or(path.into()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or(folder.into()).join(name)
}
