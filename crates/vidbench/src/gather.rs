//! Turns the folders, files and manifests that a person names into the list of clips to score, each with its reference.
//!
//! Nothing is left out silently: a path that does not exist, or a folder without a video, becomes a clip with a
//! problem, and files that are not videos are counted.

mod images;
mod references;
mod twice;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vidbench_core::clip_name::{KnownPrompts, VIDEO_EXTENSIONS};
use vidbench_core::manifest::{Manifest, ManifestErrors};
use vidbench_core::{ConditioningImage, RequestedClip, text_from_path};

pub use images::add_images;
use references::{Match, References};
pub use twice::place;

/// Name of a manifest that a folder may contain.
pub const MANIFEST: &str = "manifest.jsonl";

/// How many levels of folders below a named folder are searched.
const MAX_DEPTH: usize = 16;

/// Extensions of the images that a folder of frames may hold: those that are decoded (docs/decoding.md).
const IMAGE_EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "ppm", "pgm"];

/// The clips that were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// In the order of the arguments; within a folder sorted by name, within a manifest in its own order.
    pub clips: Vec<RequestedClip>,
    /// Notes for people on what was ignored, and why.
    pub notes: Vec<String>,
}

/// The clips cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// A manifest cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// None of the named paths exists.
    #[error("{}: no such file or folder", path.display())]
    NothingThere {
        /// The first of these paths.
        path: PathBuf,
    },
    /// A manifest has problems.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// All of them.
        source: ManifestErrors,
    },
    /// The path named for references contains none, so no clip would have one.
    #[error("no references in {}: {problem}", path.display())]
    NoReferences {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl GatherError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoReferences { .. } => {
                vec!["name a folder, a file or a manifest of videos with --reference".into()]
            }
            Self::NothingThere { .. } => {
                vec!["name videos, folders of videos or a manifest.jsonl".into()]
            }
            Self::Unreadable { .. } | Self::Manifest { .. } => Vec::new(),
        }
    }
}

/// Lists the clips of `inputs`; `prompts` are the prompts that file names may begin with.
///
/// # Errors
///
/// A manifest cannot be read, or none of the named paths exists. If only some of several paths are missing or cannot be
/// listed, each of these becomes a clip with a problem.
pub fn gather(inputs: &[PathBuf], prompts: Option<&KnownPrompts>) -> Result<Gathered, GatherError> {
    let (clips, notes) = list(inputs, prompts)?;
    Ok(Gathered { clips: clips.into_iter().map(|clip| clip.clip).collect(), notes })
}

/// Does what [`gather`] does, and gives each clip its reference from `references`: by prompt, seed and index where both
/// have them, else by the path below the named folders, else by that path without its extension. Two single files are
/// matched with each other.
///
/// # Errors
///
/// As [`gather`], and when there is no reference at all.
pub fn gather_pairs(
    inputs: &[PathBuf],
    references: &Path,
    prompts: Option<&KnownPrompts>,
) -> Result<Gathered, GatherError> {
    let (mut clips, mut notes) = list(inputs, prompts)?;
    let originals = originals(references, prompts)?;
    let pairs = References::of(&originals);
    let single = originals.first().filter(|_| references.is_file() && clips.len() == 1);
    for clip in &mut clips {
        match single.map_or_else(|| pairs.find(clip), Match::One) {
            Match::One(reference) => clip.clip.reference = Some(reference.clip.path.clone()),
            Match::Several(reason) => clip.clip.reference_problem = Some(reason),
            Match::None => {}
        }
    }
    let used: BTreeSet<&str> = clips.iter().filter_map(|clip| clip.clip.reference.as_deref()).collect();
    let unused = originals.iter().filter(|clip| !used.contains(clip.clip.path.as_str())).count();
    if unused > 0 {
        let belong = if unused == 1 { "reference belongs" } else { "references belong" };
        notes.push(format!("{unused} {belong} to no clip"));
    }
    Ok(Gathered { clips: clips.into_iter().map(|clip| clip.clip).collect(), notes })
}

fn is_missing(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn list(
    inputs: &[PathBuf],
    prompts: Option<&KnownPrompts>,
) -> Result<(Vec<Found>, Vec<String>), GatherError> {
    if let Some(first) = inputs.first().filter(|_| inputs.iter().all(|input| is_missing(input))) {
        return Err(GatherError::NothingThere { path: first.clone() });
    }
    let mut samples = Finder { prompts, listed: Listed::default() };
    for (input, label) in inputs.iter().zip(labels(inputs)) {
        samples.input(input, &label)?;
    }
    Ok(samples.listed.into_parts())
}

/// The references. Different paths to one file stay separate, because a clip may match any of them.
fn originals(references: &Path, prompts: Option<&KnownPrompts>) -> Result<Vec<Found>, GatherError> {
    let mut originals = Finder { prompts, listed: Listed::default() };
    originals.input(references, "reference")?;
    let clips = originals.listed.clips;
    if clips.iter().any(|found| found.clip.problem.is_none()) {
        return Ok(clips);
    }
    let problem = clips.into_iter().find_map(|found| found.clip.problem);
    let problem = problem.unwrap_or_else(|| "it lists no videos".into());
    Err(GatherError::NoReferences { path: references.into(), problem })
}

/// A clip with its path relative to the folder that was named.
struct Found {
    below: String,
    clip: RequestedClip,
    /// Whether a manifest names it; a manifest may name one file for several prompts or models.
    of_manifest: bool,
}

#[derive(Default)]
struct Listed {
    clips: Vec<Found>,
    notes: Vec<String>,
    /// Names that give no prompt, each with the reason.
    unnamed: Vec<String>,
}

/// How many names without a prompt are listed one by one.
const TOLD_NAMES: usize = 5;

impl Listed {
    /// The image of a clip; one that cannot be read is noted.
    fn image(&mut self, file: &str, path: Option<PathBuf>) -> Option<ConditioningImage> {
        let read = images::read(&path?);
        read.map_err(|problem| self.notes.push(format!("{file} is scored without its image: {problem}"))).ok()
    }

    /// The clips and the notes, including names that give no prompt and names that give the same clip twice.
    fn into_parts(self) -> (Vec<Found>, Vec<String>) {
        let Self { mut clips, mut notes, unnamed } = self;
        notes.extend(twice::leave_out(&mut clips));
        let more = unnamed.len().saturating_sub(TOLD_NAMES);
        notes.extend(unnamed.into_iter().take(TOLD_NAMES));
        if more > 0 {
            notes.push(format!("{more} more file names contain no prompt"));
        }
        notes.extend(same_clip(&clips));
        (clips, notes)
    }
}

/// Reports files of one group that claim to be the same clip of a prompt: a person has to say which one is meant.
fn same_clip(clips: &[Found]) -> Option<String> {
    let (mut seen, mut twice) = (HashMap::new(), Vec::new());
    for found in clips {
        let clip = &found.clip;
        let (Some(prompt), Some(index)) = (&clip.prompt, clip.index) else { continue };
        if let Some(first) = seen.insert((&clip.group, clip.seed, prompt, index), found) {
            twice.push(format!("{} and {}", first.below, found.below));
        }
    }
    let first = twice.first()?;
    Some(format!("more than one file for the same clip of a prompt ({}), such as {first}", twice.len()))
}

/// The label of each input: the last part of its path, or the whole path when two inputs end alike.
fn labels(inputs: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| {
        let name = path.file_name().or_else(|| path.parent().and_then(Path::file_name));
        name.map_or_else(|| text_from_path(path), |name| text_from_path(Path::new(name)))
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for input in inputs {
        *counts.entry(short(input)).or_default() += 1;
    }
    let label = |input: &PathBuf| {
        let short = short(input);
        if counts.get(&short) == Some(&1) { short } else { text_from_path(input) }
    };
    inputs.iter().map(label).collect()
}

struct Finder<'p> {
    prompts: Option<&'p KnownPrompts>,
    listed: Listed,
}

impl Finder<'_> {
    fn input(&mut self, path: &Path, label: &str) -> Result<(), GatherError> {
        let is_manifest = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() && path.join(MANIFEST).is_file() => {
                let manifest = path.join(MANIFEST);
                self.listed.notes.push(format!(
                    "{} lists the clips of the folder; other files in it are left out",
                    text_from_path(&manifest)
                ));
                self.manifest(&manifest, label)
            }
            Ok(metadata) if metadata.is_dir() => {
                self.folder(path, label);
                Ok(())
            }
            Ok(_) if is_manifest => self.manifest(path, label),
            Ok(_) => {
                let name = path.file_name().map_or(path, Path::new);
                // Files that are named one by one are grouped under the folder they are in.
                let folder = path.parent().and_then(Path::file_name);
                let group = folder.map_or_else(|| ".".to_owned(), |folder| text_from_path(Path::new(folder)));
                self.clip(path, &text_from_path(name), &group, None);
                Ok(())
            }
            Err(error) => {
                self.clip(path, &text_from_path(path), label, Some(problem(&error)));
                Ok(())
            }
        }
    }

    fn manifest(&mut self, path: &Path, label: &str) -> Result<(), GatherError> {
        let bytes = fs::read(path).map_err(|source| GatherError::Unreadable { path: path.into(), source })?;
        let manifest =
            Manifest::parse(&bytes).map_err(|source| GatherError::Manifest { path: path.into(), source })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for clip in manifest.clips() {
            let file = clip.path_in(folder);
            let model = clip.model.as_ref().map(ToString::to_string);
            let image = self.listed.image(&clip.file, clip.image_in(folder));
            self.listed.clips.push(Found {
                below: clip.file.clone(),
                clip: RequestedClip {
                    path: text_from_path(&file),
                    group: model.unwrap_or_else(|| label.to_owned()),
                    prompt: clip.prompt.clone(),
                    image,
                    seed: clip.seed,
                    index: clip.index,
                    params: clip.params.clone(),
                    expected_sha256: clip.sha256.clone(),
                    problem: fs::metadata(&file).err().as_ref().map(problem),
                    reference: None,
                    reference_problem: None,
                },
                of_manifest: true,
            });
        }
        Ok(())
    }

    fn folder(&mut self, root: &Path, label: &str) {
        let before = self.listed.clips.len();
        let mut walk = Walk { label, seen: BTreeSet::new(), left_out: BTreeMap::new() };
        self.walk(root, Path::new(""), 0, &mut walk);
        if self.listed.clips.len() == before {
            let problem = "the folder contains no videos".to_owned();
            self.clip(root, "", label, Some(problem));
        }
        for (what, count) in walk.left_out {
            self.listed.notes.push(format!(
                "left out in {}: {count} {what}{}",
                text_from_path(root),
                if count == 1 { "" } else { "s" }
            ));
        }
    }

    /// Walks through a folder. If a folder inside cannot be listed, the others are not affected.
    fn walk(&mut self, folder: &Path, below: &Path, depth: usize, walk: &mut Walk<'_>) {
        let listed = fs::canonicalize(folder).and_then(|place| Ok((place, names(folder)?)));
        let (place, names) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                let problem = format!("cannot be listed: {error}");
                return self.clip(folder, &text_from_path(below), &walk.group(below.parent()), Some(problem));
            }
        };
        // A link back to a folder above would otherwise be followed for ever.
        if !walk.seen.insert(place) {
            return walk.leave_out("folders that were seen before");
        }
        // Below the named folder an empty folder is ignored; a named folder that is empty is an error.
        if names.is_empty() && depth > 0 {
            return walk.leave_out("empty folder");
        }
        if is_frames(folder, &names) {
            names.iter().filter_map(|name| passed_over(name)).for_each(|what| walk.leave_out(what));
            return self.clip(folder, &text_from_path(below), &walk.group(below.parent()), None);
        }
        for name in names {
            self.entry(&folder.join(&name), &below.join(&name), depth, walk);
        }
    }

    fn entry(&mut self, path: &Path, below: &Path, depth: usize, walk: &mut Walk<'_>) {
        let name = path.file_name().unwrap_or_default();
        match fs::metadata(path) {
            _ if is_hidden(name) => walk.leave_out("hidden file"),
            Ok(metadata) if metadata.is_dir() && depth >= MAX_DEPTH => {
                walk.leave_out("folders below the sixteenth level");
            }
            Ok(metadata) if metadata.is_dir() => self.walk(path, below, depth + 1, walk),
            // Only names with a video extension may be videos; a broken link with such a name is reported.
            _ if !has_extension(name, &VIDEO_EXTENSIONS) => walk.leave_out("other file"),
            Ok(_) => self.clip(path, &text_from_path(below), &walk.group(below.parent()), None),
            Err(error) => {
                let group = walk.group(below.parent());
                self.clip(path, &text_from_path(below), &group, Some(problem(&error)));
            }
        }
    }

    fn clip(&mut self, path: &Path, below: &str, group: &str, problem: Option<String>) {
        let mut clip = RequestedClip {
            path: text_from_path(path),
            group: group.to_owned(),
            prompt: None,
            image: None,
            seed: None,
            index: None,
            params: None,
            expected_sha256: None,
            problem,
            reference: None,
            reference_problem: None,
        };
        match self.prompts.map(|prompts| prompts.read(below)) {
            Some(Ok(name)) => (clip.prompt, clip.index) = (Some(name.prompt), name.index),
            Some(Err(error)) if clip.problem.is_none() => {
                self.listed.unnamed.push(format!("{below}: {error}"));
            }
            Some(Err(_)) | None => {}
        }
        self.listed.clips.push(Found { below: below.to_owned(), clip, of_manifest: false });
    }
}

struct Walk<'l> {
    label: &'l str,
    seen: BTreeSet<PathBuf>,
    left_out: BTreeMap<&'static str, usize>,
}

impl Walk<'_> {
    fn leave_out(&mut self, what: &'static str) {
        *self.left_out.entry(what).or_default() += 1;
    }

    fn group(&self, folder: Option<&Path>) -> String {
        match folder.filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => format!("{}/{}", self.label, text_from_path(folder)),
            None => self.label.to_owned(),
        }
    }
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Whether a folder is one clip: it contains images, no video and no folder; other files do not matter. A broken link
/// counts by its name, and the decoder reports it.
fn is_frames(folder: &Path, names: &[OsString]) -> bool {
    let shown = || names.iter().filter(|name| !is_hidden(name));
    shown().any(|name| has_extension(name, &IMAGE_EXTENSIONS))
        && shown().all(|name| !has_extension(name, &VIDEO_EXTENSIONS) && !folder.join(name).is_dir())
}

/// Why an entry of a folder of frames is ignored; `None` for a frame.
fn passed_over(name: &OsStr) -> Option<&'static str> {
    match is_hidden(name) {
        true => Some("hidden file"),
        false => (!has_extension(name, &IMAGE_EXTENSIONS)).then_some("other file"),
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn has_extension(name: &OsStr, extensions: &[&str]) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

fn problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        _ => error.to_string(),
    }
}
