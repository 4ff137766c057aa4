//! The check of a folder: its names compared with a suite, its clips decoded on request.

use serde::Serialize;

use super::FolderCheck;
use crate::{ClipOutcome, ScoredClip};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedFolder {
    /// The folder that was named.
    pub folder: String,
    /// What the names show.
    pub names: FolderCheck,
    /// Clips for which decoding was tried; `None` when decoding was not requested.
    pub decoded: Option<u64>,
    /// Clips that are not valid videos, in the order of their names.
    pub undecodable: Vec<Undecodable>,
    /// Clips with fewer frames than they should have.
    pub few_frames: Vec<FewFrames>,
}

/// A clip that is not a valid video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undecodable {
    /// The file.
    pub file: String,
    /// Its outcome.
    pub outcome: ClipOutcome,
    /// Why.
    pub reason: String,
}

/// A clip that is too short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FewFrames {
    /// The file.
    pub file: String,
    /// Frames it has.
    pub frames: u64,
}

impl CheckedFolder {
    /// A check in which no clip was decoded; `empty` lists clips whose files have zero bytes.
    pub fn of_names(folder: String, names: FolderCheck, empty: Vec<String>) -> Self {
        let (outcome, reason) = (ClipOutcome::DecodeFailed, "file is empty".to_owned());
        let empty = empty.into_iter().map(|file| Undecodable { file, outcome, reason: reason.clone() });
        Self { folder, names, decoded: None, undecodable: empty.collect(), few_frames: Vec::new() }
    }

    /// A check whose clips, in the order of `names.clips`, were given to a scorer. Clips that the scorer did not reach
    /// are not counted.
    pub fn decoded(
        folder: String,
        names: FolderCheck,
        clips: &[ScoredClip],
        min_frames: Option<u64>,
    ) -> Self {
        let (mut undecodable, mut few_frames) = (Vec::new(), Vec::new());
        for clip in clips {
            let asked = usize::try_from(clip.ordinal).ok().and_then(|at| names.clips.get(at));
            let Some(file) = asked.map(|asked| asked.file.clone()) else { continue };
            match (clip.outcome, &clip.facts) {
                (ClipOutcome::Ok, Some(facts)) => {
                    let frames = u64::from(facts.frames);
                    let few = min_frames.is_some_and(|min| frames < min);
                    few_frames.extend(few.then_some(FewFrames { file, frames }));
                }
                (outcome, _) => {
                    let reason = clip.reason.clone().unwrap_or_default();
                    undecodable.push(Undecodable { file, outcome, reason });
                }
            }
        }
        let decoded = Some(clips.len() as u64);
        Self { folder, names, decoded, undecodable, few_frames }
    }

    /// Whether everything that VBench looks for is there under the name it expects, and every decoded clip is valid.
    pub fn is_sound(&self) -> bool {
        let names = &self.names;
        names.shortages.is_empty()
            && names.renamed.is_empty()
            && names.collisions.is_empty()
            && names.unnumbered.is_empty()
            && names.unreadable.is_empty()
            && names.suffix_traps.is_empty()
            && self.undecodable.is_empty()
            && self.few_frames.is_empty()
    }
}
