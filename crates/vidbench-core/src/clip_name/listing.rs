//! Reads all names of a folder together: what each says, and where two of them conflict.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::known::readings;
use super::stem::{IgnoreReason, ignored, last_component, split_extension};
use super::{Candidate, ClipName, ClipNameError, KnownPrompts, NameMatch};

/// The contents of the names of a folder. Every file is in exactly one of `clips`, `ignored` and `unreadable`; each
/// list is sorted by file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NameListing {
    /// Files whose prompt is certain.
    pub clips: Vec<NamedClip>,
    /// Files that are not videos.
    pub ignored: Vec<IgnoredFile>,
    /// Videos whose names give no prompt, or more than one.
    pub unreadable: Vec<UnreadableName>,
    /// Clips of `clips` that claim the same prompt and index.
    pub collisions: Vec<Collision>,
}

/// A file with the contents of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedClip {
    /// The file as listed.
    pub file: String,
    /// The contents of its name.
    pub name: ClipName,
}

/// A file that is not a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IgnoredFile {
    /// The file as listed.
    pub file: String,
    /// Why not.
    pub reason: IgnoreReason,
}

/// A video whose name does not give one prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableName {
    /// The file as listed.
    pub file: String,
    /// Why.
    pub error: ClipNameError,
}

/// Several files for one clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collision {
    /// The prompt they share.
    pub prompt: String,
    /// The index they share.
    pub index: Option<u32>,
    /// The files, sorted; at least two.
    pub files: Vec<String>,
}

/// Reads the names of a folder, with the known prompts if there are any, or else by the convention alone.
///
/// Without known prompts `a cat-3.mp4` is clip 3 of "a cat", unless another file, such as `a cat-3-0.mp4`, shows that
/// "a cat-3" may be a prompt; then it is an error.
pub fn read_listing<'a>(
    files: impl IntoIterator<Item = &'a str>,
    known: Option<&KnownPrompts>,
) -> NameListing {
    let files: BTreeSet<&str> = files.into_iter().collect();
    let mut listing = NameListing::default();
    let mut videos = Vec::new();
    for file in files {
        match ignored(file) {
            Some(reason) => listing.ignored.push(IgnoredFile { file: file.to_owned(), reason }),
            None => videos.push(file),
        }
    }
    let numbered: BTreeSet<&str> = videos.iter().filter_map(|file| text_before_number(file)).collect();
    for file in videos {
        let read = known.map_or_else(|| by_convention(file, &numbered), |known| known.read(file));
        match read {
            Ok(name) => listing.clips.push(NamedClip { file: file.to_owned(), name }),
            Err(error) => listing.unreadable.push(UnreadableName { file: file.to_owned(), error }),
        }
    }
    listing.collisions = collisions(&listing.clips);
    listing
}

fn stem_of(file: &str) -> &str {
    split_extension(last_component(file)).0
}

fn text_before_number(file: &str) -> Option<&str> {
    readings(stem_of(file)).into_iter().find_map(|(text, index)| index.map(|_| text))
}

/// Takes the text before the last number as the prompt, unless another file adds a number to this whole stem.
fn by_convention(file: &str, numbered: &BTreeSet<&str>) -> Result<ClipName, ClipNameError> {
    let stem = stem_of(file);
    let readings = readings(stem);
    let [(text, index), rest @ ..] = readings.as_slice() else { return Err(ClipNameError::Empty) };
    if text.trim().is_empty() {
        return Err(ClipNameError::Empty);
    }
    if !rest.is_empty() && numbered.contains(stem) {
        let candidates =
            readings.iter().map(|(text, index)| Candidate { prompt: (*text).to_owned(), index: *index });
        return Err(ClipNameError::Ambiguous { candidates: candidates.collect() });
    }
    Ok(ClipName { prompt: (*text).to_owned(), index: *index, how: NameMatch::Convention })
}

fn collisions(clips: &[NamedClip]) -> Vec<Collision> {
    let mut by_clip: BTreeMap<(&str, Option<u32>), Vec<&str>> = BTreeMap::new();
    for NamedClip { file, name } in clips {
        by_clip.entry((&name.prompt, name.index)).or_default().push(file);
    }
    by_clip
        .into_iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|((prompt, index), files)| Collision {
            prompt: prompt.to_owned(),
            index,
            files: files.into_iter().map(str::to_owned).collect(),
        })
        .collect()
}
