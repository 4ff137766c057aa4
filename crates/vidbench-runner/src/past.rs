//! What earlier sessions and earlier samples left, as far as later decisions depend on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vidbench_core::protocol::LoadedModel;
use vidbench_core::{
    FailedAttempt, InputFile, Outcome, Plan, PlannedSample, ResolvedPrompt, ResolvedSuite, Session,
    SessionModel, path_from_text,
};
use vidbench_store::Progress;

use crate::content::{FileMark, content_sha256};

/// What went wrong, as far as later decisions depend on it.
pub(crate) struct Trouble {
    /// How often each device was lost.
    pub(crate) devices_lost: BTreeMap<String, u32>,
    /// Samples, by their places in the plan, for which there was not enough memory.
    pub(crate) no_memory: BTreeSet<u64>,
    /// Models whose warm-up killed their worker: the timed samples tell what happens, without another warm-up.
    pub(crate) cold: Vec<u32>,
    /// Failed attempts at each sample so far, by its place in the plan.
    pub(crate) failed_attempts: BTreeMap<u64, u32>,
    pub(crate) disk_full: Option<String>,
    /// What there was too little time for, if anything.
    pub(crate) out_of_time: Option<String>,
}

impl Trouble {
    /// What earlier sessions left.
    pub(crate) fn so_far(plan: &Plan, progress: &Progress) -> Self {
        let is_judged =
            |sample: &&PlannedSample| progress.judged.get(&sample.id) == Some(&Outcome::OutOfMemory);
        let attempts =
            |tried: &Vec<FailedAttempt>| tried.iter().map(|failed| failed.attempt).max().unwrap_or(0);
        let failed_attempts = progress.failed_attempts.iter().map(|(at, tried)| (*at, attempts(tried)));
        Self {
            devices_lost: BTreeMap::new(),
            no_memory: plan.samples.iter().filter(is_judged).map(|sample| sample.ordinal).collect(),
            cold: Vec::new(),
            failed_attempts: failed_attempts.collect(),
            disk_full: None,
            out_of_time: None,
        }
    }
}

/// Models that were loaded before, in this session or an earlier one.
pub(crate) struct Earlier {
    /// Those loaded or reused.
    pub(crate) models: Vec<LoadedModel>,
    /// What loading took in earlier sessions.
    pub(crate) loads: Vec<SessionModel>,
}

impl Earlier {
    pub(crate) fn of(sessions: Vec<Session>) -> Self {
        let loads = sessions.iter().flat_map(|session| session.models.clone()).collect();
        let of_session =
            |session: Session| session.models.into_iter().map(|model| model.model).chain(session.reused);
        Self { models: sessions.into_iter().flat_map(of_session).collect(), loads }
    }
}

/// The files that prompts name, as they were when the session began and their hashes were compared with the plan.
pub(crate) struct PromptFiles(HashMap<String, Option<FileMark>>);

impl PromptFiles {
    pub(crate) fn of(suite: &ResolvedSuite) -> Self {
        let files = suite.prompts.iter().flat_map(|prompt| prompt.inputs.values());
        let mark = |path: &str| FileMark::of_file(&path_from_text(path));
        Self(files.map(|file| (file.path.clone(), mark(&file.path))).collect())
    }

    /// Why the prompt's files are not those of the plan any more, if so.
    pub(crate) fn changed(&self, prompt: &ResolvedPrompt) -> Option<String> {
        let is_same_file = |path: &str| {
            self.0.get(path).is_some_and(|mark| *mark == FileMark::of_file(&path_from_text(path)))
        };
        let is_same = |file: &InputFile| {
            is_same_file(&file.path)
                || content_sha256(&path_from_text(&file.path)).is_ok_and(|found| found == file.sha256)
        };
        let file = prompt.inputs.values().find(|file| !is_same(file))?;
        Some(format!("{} has changed since the run was planned", file.path))
    }
}
