//! `manifest.jsonl`: which clips there are and where each came from, one JSON object a line.
//!
//! The first-class way to name clips that already exist; file names ([`crate::clip_name`]) are the fallback. A manifest is
//! checked when it is made, so that every [`Manifest`] has at least one clip, no file twice, and no two clips with the same
//! model, prompt and index. Nothing here reads a file or asks whether one exists.
//!
//! ```
//! use vidbench_core::manifest::Manifest;
//!
//! let text = r#"{"file": "fox-0.mp4", "prompt": "a red fox", "seed": 7, "index": 0}"#;
//! let manifest = Manifest::parse(text.as_bytes()).unwrap();
//! assert_eq!(manifest.clips()[0].seed, Some(7));
//! assert_eq!(Manifest::parse(manifest.to_jsonl().as_bytes()), Ok(manifest));
//! ```

mod error;
mod line;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ids::ModelId;
pub use error::{ManifestErrors, ManifestProblem, ManifestProblemKind};

/// Bytes of one line. A prompt of the longest kind and a page of parameters fit many times.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// Clips of one manifest.
pub const MAX_CLIPS: usize = 1_000_000;
/// Problems that are listed; the rest are counted.
pub const MAX_LISTED_PROBLEMS: usize = 1000;

/// One clip: one line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestClip {
    /// Path of the video, relative to the manifest's folder. Absolute paths and `..` are allowed.
    #[schemars(length(min = 1))]
    pub file: String,
    /// SHA-256 of the file's bytes, 64 hexadecimal digits. With it, a changed file is detected before it is scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// The prompt the clip was generated for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub prompt: Option<String>,
    /// Path of the image it was generated from, written like `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// The seed it was generated with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Number of the clip among those of its model and prompt, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The model that generated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// Anything else worth recording about how it was generated: put your own keys here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Map<String, Value>>,
}

impl ManifestClip {
    /// A clip of which only the file is known.
    pub fn of_file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            sha256: None,
            prompt: None,
            image: None,
            seed: None,
            index: None,
            model: None,
            params: None,
        }
    }

    /// Where the file is, given the folder of the manifest.
    ///
    /// Always a path of the file system: a `file` that looks like an address (`http://…`) stays below the folder, so that no
    /// decoder takes it for one.
    pub fn path_in(&self, folder: &Path) -> PathBuf {
        beside(folder, &self.file)
    }

    /// Where its image is, likewise.
    pub fn image_in(&self, folder: &Path) -> Option<PathBuf> {
        self.image.as_ref().map(|image| beside(folder, image))
    }

    /// The file's path without empty and `.` components: what two spellings of one path share.
    fn plain_path(&self) -> String {
        let root = if self.file.starts_with('/') { "/" } else { "" };
        let parts: Vec<&str> = self.file.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        format!("{root}{}", parts.join("/"))
    }
}

fn beside(folder: &Path, file: &str) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.join(file)
}

/// The clips of a manifest, in its order; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    clips: Vec<ManifestClip>,
}

impl Manifest {
    /// Reads `manifest.jsonl`. Blank lines and a byte order mark are skipped, lines may end in CRLF.
    ///
    /// # Errors
    /// Every problem of the file with its line, up to [`MAX_LISTED_PROBLEMS`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestErrors> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut reader = Checker::default();
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if reader.is_full() {
                reader.problem(number, ManifestProblemKind::TooManyClips);
                break;
            }
            match line::read(line) {
                Ok(clip) => reader.clip(number, clip),
                Err(problems) => problems.into_iter().for_each(|kind| reader.problem(number, kind)),
            }
        }
        reader.finish()
    }

    /// A manifest of clips made by a program; the same checks as for a file, with the position of a clip (from 1) as line.
    ///
    /// # Errors
    /// Every clip that breaks a rule of the format.
    pub fn new(clips: Vec<ManifestClip>) -> Result<Self, ManifestErrors> {
        let mut reader = Checker::default();
        for (number, clip) in (1..).zip(clips) {
            if reader.is_full() {
                reader.problem(number, ManifestProblemKind::TooManyClips);
                break;
            }
            match line::check(clip) {
                Ok(clip) => reader.clip(number, clip),
                Err(problems) => problems.into_iter().for_each(|kind| reader.problem(number, kind)),
            }
        }
        reader.finish()
    }

    /// The clips, in the order of the file.
    pub fn clips(&self) -> &[ManifestClip] {
        &self.clips
    }

    /// The file's text: one line a clip, keys that are absent left out. Reading it gives an equal manifest.
    pub fn to_jsonl(&self) -> String {
        self.clips.iter().map(|clip| line::write(clip) + "\n").collect()
    }
}

/// JSON Schema of one line.
pub fn line_schema() -> Value {
    schemars::schema_for!(ManifestClip).to_value()
}

/// Model, prompt and index of a clip.
type Identity = (Option<ModelId>, String, u32);

/// Collects clips and problems, and finds what is there twice.
#[derive(Default)]
struct Checker {
    clips: Vec<ManifestClip>,
    first_of_file: BTreeMap<String, usize>,
    first_of_identity: BTreeMap<Identity, usize>,
    problems: Vec<ManifestProblem>,
    unlisted: usize,
}

impl Checker {
    fn is_full(&self) -> bool {
        self.clips.len() >= MAX_CLIPS
    }

    fn clip(&mut self, line: usize, clip: ManifestClip) {
        let first = *self.first_of_file.entry(clip.plain_path()).or_insert(line);
        if first != line {
            let file = clip.file.clone();
            self.problem(line, ManifestProblemKind::DuplicateFile { file, first_line: first });
        }
        if let (Some(prompt), Some(index)) = (&clip.prompt, clip.index) {
            let identity = (clip.model.clone(), prompt.clone(), index);
            let first = *self.first_of_identity.entry(identity).or_insert(line);
            if first != line {
                let prompt = prompt.clone();
                self.problem(line, ManifestProblemKind::DuplicateClip { prompt, index, first_line: first });
            }
        }
        self.clips.push(clip);
    }

    fn problem(&mut self, line: usize, kind: ManifestProblemKind) {
        if self.problems.len() < MAX_LISTED_PROBLEMS {
            self.problems.push(ManifestProblem { line, kind });
        } else {
            self.unlisted += 1;
        }
    }

    fn finish(mut self) -> Result<Manifest, ManifestErrors> {
        if self.clips.is_empty() && self.problems.is_empty() {
            self.problem(1, ManifestProblemKind::NoClips);
        }
        if self.problems.is_empty() {
            return Ok(Manifest { clips: self.clips });
        }
        Err(ManifestErrors { problems: self.problems, unlisted: self.unlisted })
    }
}
