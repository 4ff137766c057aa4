//! The worker of engine `import`: hands over videos that exist already, found by prompt and seed.
//!
//! A manifest gives the prompt and the seed of each video, or its index where it gives no seed. In a folder, the file
//! name gives the prompt and the index, as VBench writes it: `a red fox-3.mp4` is the fourth video of that prompt, and
//! the sample of seed 3. Nothing is generated, so no time that this takes is a latency.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vidbench_core::clip_name::{ClipName, ClipNameError, KnownPrompts};
use vidbench_core::manifest::{Manifest, ManifestClip};
use vidbench_core::protocol::{
    Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, LoadedModel, RpcError, Stage,
    StageSpan,
};
use vidbench_core::{Domain, ErrorKind, ModelId, WeightsOrigin, sha256_hex};

use crate::clock::monotonic_ns;
use crate::serve::{Handler, Notifier, WorkerInfo};

/// File name extensions of videos.
const VIDEOS: [&str; 9] = ["mp4", "mov", "mkv", "webm", "avi", "gif", "y4m", "m4v", "mpg"];

/// Serves `load`, `generate` and `unload` from a folder of videos or a manifest.
#[derive(Debug)]
pub struct ImportGenerator {
    videos: PathBuf,
    found: Option<ImportedVideos>,
}

/// The videos of a folder or a manifest, by prompt and seed.
#[derive(Debug)]
pub struct ImportedVideos(Found);

#[derive(Debug)]
enum Found {
    Listed { folder: PathBuf, clips: BTreeMap<(String, u64), ManifestClip> },
    Named { folder: PathBuf, names: Vec<String>, read: BTreeMap<String, BTreeMap<u64, String>> },
}

impl ImportGenerator {
    /// A worker for that folder or manifest.
    pub fn new(videos: impl Into<PathBuf>) -> Self {
        Self { videos: videos.into(), found: None }
    }
}

impl Handler for ImportGenerator {
    fn initialize(&mut self) -> WorkerInfo {
        let capabilities = Capabilities { any_model: true, ..Capabilities::default() };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        WorkerInfo { name: "vidbench-import".to_owned(), version, capabilities }
    }

    fn load(&mut self, params: &LoadParams, _notifier: &mut Notifier<'_>) -> Result<LoadResult, RpcError> {
        let begun = Instant::now();
        self.found = Some(ImportedVideos::open(&self.videos, &params.model)?);
        let model = LoadedModel {
            id: params.model.clone(),
            revision: None,
            weights: WeightsOrigin::Unknown,
            domain: Domain::Open,
            runtime: "import".into(),
            device: None,
            reads_prompt: true,
        };
        Ok(LoadResult { model, load_secs: begun.elapsed().as_secs_f64() })
    }

    fn generate(
        &mut self,
        params: &GenerateParams,
        _notifier: &mut Notifier<'_>,
    ) -> Result<GenerateResult, RpcError> {
        let found = self.found.as_mut().ok_or_else(|| refused("send load first".into()))?;
        let now_ns = monotonic_ns();
        let (video, sha256) = found.video(&params.prompt, params.seed).ok_or_else(|| {
            let message = format!("there is no video of this prompt and seed {}", params.seed);
            refused(message).with_hint(
                "a manifest names prompt and seed; in a folder, PROMPT-N.mp4 is the video of seed N",
            )
        })?;
        let failed = |error| RpcError::new(ErrorKind::Internal, format!("{}: {error}", video.display()));
        let bytes = fs::read(&video).map_err(failed)?;
        if let Some(wanted) = sha256.filter(|wanted| !wanted.eq_ignore_ascii_case(&sha256_hex(&bytes))) {
            let message =
                format!("{} is not the file in the manifest, whose SHA-256 is {wanted}", video.display());
            return Err(refused(message));
        }
        // A copy, and not a link: what is recorded must not change with the user's file.
        fs::write(&params.output, bytes).map_err(failed)?;
        let copied = StageSpan { name: Stage::Encode, start_ns: now_ns, end_ns: monotonic_ns() };
        Ok(GenerateResult {
            output: params.output.clone(),
            start_ns: now_ns,
            end_ns: now_ns,
            stages: vec![copied],
            peak_rss_bytes: None,
            peak_device_bytes: None,
        })
    }

    fn unload(&mut self, _model: &ModelId) -> Result<(), RpcError> {
        self.found = None;
        Ok(())
    }
}

fn refused(message: String) -> RpcError {
    RpcError::new(ErrorKind::InvalidRequest, message)
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> RpcError {
    let message = format!("{} cannot be read: {error}", path.display());
    RpcError::new(ErrorKind::WeightsMissing, message)
        .with_hint("`videos` must name a folder of videos or a manifest.jsonl")
}

/// Videos of a folder, by their names.
fn named(folder: &Path) -> Result<Found, RpcError> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let is_video = |name: &String| {
        let end = Path::new(name).extension().and_then(|end| end.to_str()).unwrap_or_default().to_lowercase();
        VIDEOS.contains(&end.as_str())
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(is_video);
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(Found::Named { folder: folder.into(), names, read: BTreeMap::new() })
}

/// Videos of a manifest that belong to this model, or to none.
fn listed(path: &Path, model: &ModelId) -> Result<Found, RpcError> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    let manifest = Manifest::parse(&bytes).map_err(|error| unreadable(path, error))?;
    let mut clips = BTreeMap::new();
    for clip in manifest.clips() {
        let of_model = clip.model.as_ref().is_none_or(|of| of == model);
        let number = clip.seed.or(clip.index.map(u64::from)).unwrap_or(0);
        if let (true, Some(prompt)) = (of_model, &clip.prompt) {
            clips.entry((prompt.clone(), number)).or_insert_with(|| clip.clone());
        }
    }
    Ok(Found::Listed { folder: path.parent().unwrap_or(Path::new("")).into(), clips })
}

impl ImportedVideos {
    /// Lists what a folder or a manifest has of that model.
    pub fn open(place: &Path, model: &ModelId) -> Result<Self, RpcError> {
        Ok(Self(if place.is_dir() { named(place)? } else { listed(place, model)? }))
    }

    /// Which of these prompts (by index) and seeds have no video. Each name is read once, for all prompts.
    pub fn lacking(&self, prompts: &[&str], seeds: &[u64]) -> Vec<(usize, u64)> {
        let there: BTreeSet<(String, u64)> = match &self.0 {
            Found::Listed { clips, .. } => clips.keys().cloned().collect(),
            Found::Named { names, .. } => {
                let known = KnownPrompts::new(prompts.iter().copied(), "");
                names.iter().flat_map(|name| meant(&known, name)).collect()
            }
        };
        let all = (0..prompts.len()).flat_map(|at| seeds.iter().map(move |seed| (at, *seed)));
        all.filter(|(at, seed)| !there.contains(&(prompts[*at].to_owned(), *seed))).collect()
    }

    /// The video of a prompt and a seed, and the hash that it must have.
    pub fn video(&mut self, prompt: &str, seed: u64) -> Option<(PathBuf, Option<String>)> {
        match &mut self.0 {
            Found::Listed { folder, clips } => {
                let clip = clips.get(&(prompt.to_owned(), seed))?;
                Some((clip.path_in(folder), clip.sha256.clone()))
            }
            Found::Named { folder, names, read } => {
                let by_seed = read.entry(prompt.to_owned()).or_insert_with(|| of_prompt(names, prompt));
                Some((folder.join(by_seed.get(&seed)?), None))
            }
        }
    }
}

/// The prompts and indices that a name may stand for.
fn meant(known: &KnownPrompts, name: &str) -> Vec<(String, u64)> {
    let number = |index: Option<u32>| u64::from(index.unwrap_or(0));
    match known.read(name) {
        Ok(read) => vec![(read.prompt, number(read.index))],
        Err(ClipNameError::Ambiguous { candidates }) => {
            candidates.into_iter().map(|candidate| (candidate.prompt, number(candidate.index))).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// Files of one prompt, by index; a name without an index is the first. Where two names fit, the surer reading wins:
/// names of prompts that differ only in case can be read as each other.
fn of_prompt(names: &[String], prompt: &str) -> BTreeMap<u64, String> {
    let known = KnownPrompts::new([prompt], "");
    let read = names.iter().filter_map(|name| Some((known.read(name).ok()?, name)));
    let mut read: Vec<(ClipName, &String)> = read.collect();
    read.sort_by_key(|(read, _)| read.how);
    let mut found = BTreeMap::new();
    for (read, name) in read {
        found.entry(u64::from(read.index.unwrap_or(0))).or_insert_with(|| name.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_that_differ_in_case_have_their_own_files() {
        let names = ["A Fox-0.mp4", "a fox-0.mp4", "a fox-1.mp4"].map(str::to_owned);
        let files = |prompt| of_prompt(&names, prompt).into_values().collect::<Vec<_>>();
        assert_eq!(files("a fox"), ["a fox-0.mp4", "a fox-1.mp4"]);
        assert_eq!(files("A Fox")[0], "A Fox-0.mp4");
    }
}
