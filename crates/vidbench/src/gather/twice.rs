//! Removes files that were named twice, so that each is scored once.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::fs;
use std::hash::{BuildHasher as _, Hash};
use std::path::{Path, PathBuf};

use vidbench_core::path_from_text;

use super::Found;

/// Keeps the first name of each file, and says how many others there were. A path counts once, whichever argument leads
/// to it; within a group a file is one clip, whatever links lead to it. A manifest may name a file for several prompts.
pub(super) fn leave_out(clips: &mut Vec<Found>) -> Option<String> {
    let (mut places, mut files) = (Seen::default(), Seen::default());
    let mut is_first = |at: usize, found: &Found| {
        let is_new = found.of_manifest || places.is_new(at, |at| place_of(clips.get(at)?));
        is_new && files.is_new(at, |at| clips.get(at).map(file_of))
    };
    let firsts: Vec<bool> = clips.iter().enumerate().map(|(at, found)| is_first(at, found)).collect();
    let before = clips.len();
    let mut firsts = firsts.into_iter();
    clips.retain(|_| firsts.next().unwrap_or(true));
    match before - clips.len() {
        0 => None,
        1 => Some("1 file was given twice and is scored once".into()),
        twice => Some(format!("{twice} files were given twice and are scored once")),
    }
}

/// The real place of a clip; `None` for a clip that a manifest names.
fn place_of(found: &Found) -> Option<PathBuf> {
    (!found.of_manifest).then(|| place(&path_from_text(&found.clip.path)))
}

/// The values that make two clips different: file, group, prompt, seed and index.
type FileOf<'c> = (PathBuf, &'c str, Option<&'c str>, Option<u64>, Option<u32>);

fn file_of(found: &Found) -> FileOf<'_> {
    let clip = &found.clip;
    let path = path_from_text(&clip.path);
    let file = fs::canonicalize(&path).unwrap_or(path);
    (file, &clip.group, clip.prompt.as_deref(), clip.seed, clip.index)
}

/// The first clip of each kind, by a hash of its kind. When a hash recurs, the kinds are computed again and compared.
/// So no path is stored twice, even for a hundred thousand clips.
#[derive(Default)]
struct Seen {
    state: RandomState,
    firsts: HashMap<u64, usize>,
}

impl Seen {
    fn is_new<K: Hash + Eq>(&mut self, at: usize, kind_of: impl Fn(usize) -> Option<K>) -> bool {
        let kind = kind_of(at);
        let mut hash = self.state.hash_one(&kind);
        loop {
            match self.firsts.entry(hash) {
                Entry::Vacant(first) => {
                    first.insert(at);
                    return true;
                }
                Entry::Occupied(first) if kind_of(*first.get()) == kind => return false,
                // Another kind has the same hash.
                Entry::Occupied(_) => hash = hash.wrapping_add(1),
            }
        }
    }
}

/// The place of a path: its folder with links resolved, and its last part as written, whether or not the file exists.
pub fn place(path: &Path) -> PathBuf {
    let Some(name) = path.file_name() else { return fs::canonicalize(path).unwrap_or(path.into()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or(folder.into()).join(name)
}
