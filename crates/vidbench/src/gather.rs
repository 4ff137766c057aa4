//! From what a person names (folders, files, manifests) to the list of clips to score, each with its reference.
//!
//! Nothing is left out silently: a name that leads nowhere, or a folder without a video, is a clip with a problem, and files
//! that are no videos are counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vidbench_core::clip_name::{KnownPrompts, VIDEO_EXTENSIONS};
use vidbench_core::manifest::{Manifest, ManifestErrors};
use vidbench_core::{RequestedClip, text_from_path};

/// Name of the manifest that a folder may hold.
pub const MANIFEST: &str = "manifest.jsonl";

/// Folders below a folder that are looked into.
const MAX_DEPTH: usize = 16;

/// Extensions of the images that a folder of frames may hold.
const IMAGE_EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "bmp", "tiff"];

/// Clips that were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// In the order of the arguments, within a folder in the order of names, within a manifest in its own.
    pub clips: Vec<RequestedClip>,
    /// What was passed over, and why, for people.
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
    /// A manifest has problems.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// All of them.
        source: ManifestErrors,
    },
}

/// Lists the clips of `inputs`; `prompts` are those that file names may begin with.
///
/// # Errors
///
/// A manifest or a folder that cannot be read. A file or folder that is not there is a clip with a problem.
pub fn gather(inputs: &[PathBuf], prompts: Option<&KnownPrompts>) -> Result<Gathered, GatherError> {
    let labels = labels(inputs);
    let mut found = Finder { prompts, listed: Listed::default() };
    for (input, label) in inputs.iter().zip(labels) {
        found.input(input, &label)?;
    }
    let (clips, notes) = found.listed.into_parts();
    Ok(Gathered { clips: clips.into_iter().map(|clip| clip.clip).collect(), notes })
}

/// As [`gather`], and gives each clip its reference from `references`: by prompt, seed and index where both say them, else by
/// the path below the folders, else by that path without its extension. Two single files belong together.
///
/// # Errors
///
/// As [`gather`].
pub fn gather_pairs(
    inputs: &[PathBuf],
    references: &Path,
    prompts: Option<&KnownPrompts>,
) -> Result<Gathered, GatherError> {
    let labels = labels(inputs);
    let mut samples = Finder { prompts, listed: Listed::default() };
    for (input, label) in inputs.iter().zip(labels) {
        samples.input(input, &label)?;
    }
    let mut originals = Finder { prompts, listed: Listed::default() };
    originals.input(references, "reference")?;
    let (mut clips, mut notes) = samples.listed.into_parts();
    let pairs = References::of(&originals.listed.clips);
    let single = references.is_file() && clips.len() == 1;
    for clip in &mut clips {
        let reference = if single { originals.listed.clips.first() } else { pairs.find(clip) };
        clip.clip.reference = reference.map(|reference| reference.clip.path.clone());
    }
    let used: BTreeSet<&str> = clips.iter().filter_map(|clip| clip.clip.reference.as_deref()).collect();
    let unused = originals.listed.clips.iter().filter(|clip| !used.contains(clip.clip.path.as_str())).count();
    if unused > 0 {
        notes.push(format!("{unused} references belong to no clip"));
    }
    Ok(Gathered { clips: clips.into_iter().map(|clip| clip.clip).collect(), notes })
}

/// A clip with its path below the folder that was named.
struct Found {
    below: String,
    clip: RequestedClip,
}

#[derive(Default)]
struct Listed {
    clips: Vec<Found>,
    notes: Vec<String>,
    /// Names that give no prompt, each with why.
    unnamed: Vec<String>,
}

/// Names without a prompt that are told one by one.
const TOLD_NAMES: usize = 5;

impl Listed {
    /// What there is to tell, with the names that give no prompt and those that give one clip twice.
    fn into_parts(self) -> (Vec<Found>, Vec<String>) {
        let Self { clips, mut notes, unnamed } = self;
        let more = unnamed.len().saturating_sub(TOLD_NAMES);
        notes.extend(unnamed.into_iter().take(TOLD_NAMES));
        if more > 0 {
            notes.push(format!("{more} more names give no prompt"));
        }
        notes.extend(same_clip(&clips));
        (clips, notes)
    }
}

/// Files of one group that are one clip of one prompt: a person has to say which is meant.
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
    Some(format!("more than one file for a clip of a prompt ({}), such as {first}", twice.len()))
}

/// What a name is listed under: the last part of its path, or all of it when two arguments end alike.
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
                self.manifest(&path.join(MANIFEST), label)
            }
            Ok(metadata) if metadata.is_dir() => self.folder(path, label),
            Ok(_) if is_manifest => self.manifest(path, label),
            Ok(_) => {
                let name = path.file_name().map_or(path, Path::new);
                // Files that are named one by one belong to the folder they lie in.
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
            self.listed.clips.push(Found {
                below: clip.file.clone(),
                clip: RequestedClip {
                    path: text_from_path(&file),
                    group: model.unwrap_or_else(|| label.to_owned()),
                    prompt: clip.prompt.clone(),
                    seed: clip.seed,
                    index: clip.index,
                    params: clip.params.clone(),
                    expected_sha256: clip.sha256.clone(),
                    problem: fs::metadata(&file).err().as_ref().map(problem),
                    reference: None,
                },
            });
        }
        Ok(())
    }

    fn folder(&mut self, root: &Path, label: &str) -> Result<(), GatherError> {
        let before = self.listed.clips.len();
        let mut walk = Walk { label, seen: BTreeSet::new(), left_out: BTreeMap::new() };
        self.walk(root, Path::new(""), 0, &mut walk)?;
        if self.listed.clips.len() == before {
            let problem = "the folder holds no video".to_owned();
            self.clip(root, "", label, Some(problem));
        }
        for (what, count) in walk.left_out {
            self.listed.notes.push(format!("{count} {what} in {} left out", text_from_path(root)));
        }
        Ok(())
    }

    fn walk(
        &mut self,
        folder: &Path,
        below: &Path,
        depth: usize,
        walk: &mut Walk<'_>,
    ) -> Result<(), GatherError> {
        let unreadable = |source| GatherError::Unreadable { path: folder.into(), source };
        // A link back to a folder above would be walked for ever.
        if !walk.seen.insert(fs::canonicalize(folder).map_err(unreadable)?) {
            walk.leave_out("folders that were seen before");
            return Ok(());
        }
        let mut names = fs::read_dir(folder)
            .map_err(unreadable)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(unreadable)?;
        names.sort();
        if is_frames(folder, &names) {
            self.clip(folder, &text_from_path(below), &walk.group(below.parent()), None);
            return Ok(());
        }
        for name in names {
            let (path, below) = (folder.join(&name), below.join(&name));
            let hidden = name.as_encoded_bytes().starts_with(b".");
            match fs::metadata(&path) {
                _ if hidden => walk.leave_out("hidden files"),
                Ok(metadata) if metadata.is_dir() && depth >= MAX_DEPTH => {
                    walk.leave_out("folders below the sixteenth level");
                }
                Ok(metadata) if metadata.is_dir() => self.walk(&path, &below, depth + 1, walk)?,
                // Only what is named as a video may be one; a broken link is told of when it is.
                _ if !has_extension(&name, &VIDEO_EXTENSIONS) => walk.leave_out("other files"),
                Ok(_) => self.clip(&path, &text_from_path(&below), &walk.group(below.parent()), None),
                Err(error) => {
                    let group = walk.group(below.parent());
                    self.clip(&path, &text_from_path(&below), &group, Some(problem(&error)));
                }
            }
        }
        Ok(())
    }

    fn clip(&mut self, path: &Path, below: &str, group: &str, problem: Option<String>) {
        let mut clip = RequestedClip {
            path: text_from_path(path),
            group: group.to_owned(),
            prompt: None,
            seed: None,
            index: None,
            params: None,
            expected_sha256: None,
            problem,
            reference: None,
        };
        match self.prompts.map(|prompts| prompts.read(below)) {
            Some(Ok(name)) => (clip.prompt, clip.index) = (Some(name.prompt), name.index),
            Some(Err(error)) if clip.problem.is_none() => {
                self.listed.unnamed.push(format!("{below}: {error}"));
            }
            Some(Err(_)) | None => {}
        }
        self.listed.clips.push(Found { below: below.to_owned(), clip });
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

/// A folder of images and nothing else that is not hidden is one clip.
fn is_frames(folder: &Path, names: &[std::ffi::OsString]) -> bool {
    let mut shown = names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".")).peekable();
    shown.peek().is_some()
        && shown.all(|name| has_extension(name, &IMAGE_EXTENSIONS) && folder.join(name).is_file())
}

fn has_extension(name: &std::ffi::OsStr, extensions: &[&str]) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

fn problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        _ => error.to_string(),
    }
}

type Identity<'c> = (&'c str, Option<u64>, Option<u32>);

/// References by all that a clip may name them with. What two of them share names neither.
struct References<'c> {
    identities: HashMap<Identity<'c>, Option<&'c Found>>,
    paths: HashMap<&'c str, Option<&'c Found>>,
    stems: HashMap<&'c str, Option<&'c Found>>,
}

impl<'c> References<'c> {
    fn of(clips: &'c [Found]) -> Self {
        let (mut identities, mut paths, mut stems) = (HashMap::new(), HashMap::new(), HashMap::new());
        for found in clips {
            if let Some(identity) = identity(&found.clip) {
                identities.entry(identity).and_modify(|only| *only = None).or_insert(Some(found));
            }
            paths.entry(found.below.as_str()).and_modify(|only| *only = None).or_insert(Some(found));
            stems.entry(stem(&found.below)).and_modify(|only| *only = None).or_insert(Some(found));
        }
        Self { identities, paths, stems }
    }

    fn find(&self, clip: &Found) -> Option<&'c Found> {
        let by_identity = identity(&clip.clip).and_then(|identity| self.identities.get(&identity).copied());
        by_identity
            .flatten()
            .or_else(|| self.paths.get(clip.below.as_str()).copied().flatten())
            .or_else(|| self.stems.get(stem(&clip.below)).copied().flatten())
    }
}

/// A prompt alone names a clip only beside a seed or an index.
fn identity(clip: &RequestedClip) -> Option<Identity<'_>> {
    let told = clip.seed.is_some() || clip.index.is_some();
    clip.prompt.as_deref().filter(|_| told).map(|prompt| (prompt, clip.seed, clip.index))
}

fn stem(below: &str) -> &str {
    match below.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') && !stem.is_empty() => stem,
        Some(_) | None => below,
    }
}
