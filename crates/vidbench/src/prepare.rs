//! Turns a suite file, or a run that stopped, into a plan that is ready to run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vidbench_core::{
    Clock, Environment, NetOptions, Params, Plan, Problem, RECORD_SCHEMA_VERSION, ResolvedSuite, RunId,
    RunRecord, RunStatus, sha256_hex, suite,
};
use vidbench_store::{Store, StoreError};

use crate::{known, resolve};

/// A suite or a run that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The suite file cannot be read.
    #[error("cannot read suite {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The suite file has problems.
    #[error("{} has {}:{}", path.display(), count(problems.len()), lines(problems))]
    Problems {
        /// The file.
        path: PathBuf,
        /// All of them, in the order of lines.
        problems: Vec<Problem>,
    },
    /// The plan of a stored run is not the plan it was made with.
    #[error(
        "run {run} was planned by another version of vidbench: its plan hash is {stored}, but this version computes {made}"
    )]
    PlanChanged {
        /// The run.
        run: RunId,
        /// Hash in the store.
        stored: String,
        /// Hash of the plan made now.
        made: String,
    },
    /// The suite given with `--resume` is not that of the run.
    #[error("{} is not the suite of run {run}: it plans other samples", path.display())]
    OtherSuite {
        /// The file.
        path: PathBuf,
        /// The run.
        run: RunId,
    },
    /// The machine lacks something the run needs.
    #[error("{what}")]
    Preflight {
        /// The missing requirement.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InputError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => vec!["`vidbench init` creates a suite to start from".into()],
            Self::Problems { .. } => vec!["`vidbench schema suite` prints every key with its bounds".into()],
            Self::PlanChanged { .. } => {
                vec!["finish the run with the version that started it, or start a new run".into()]
            }
            Self::OtherSuite { .. } => vec!["omit the suite: a run keeps its own copy".into()],
            Self::Preflight { hint, .. } => hint.iter().cloned().collect(),
            Self::Store(error) => error.hint().into_iter().collect(),
        }
    }
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".into() } else { format!("{problems} problems") }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// A plan and what it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The suite with every name resolved.
    pub suite: ResolvedSuite,
    /// Every sample.
    pub plan: Plan,
}

/// Reads, checks, resolves and plans a suite file.
pub fn read_suite(path: &Path) -> Result<Prepared, InputError> {
    let source = read_text(path).map_err(|source| InputError::Unreadable { path: path.into(), source })?;
    prepare(&source, path)
}

/// Largest text file that is read, 64 MiB: a million prompts.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Reads a whole text file. Other kinds of file are refused: a pipe could block for ever, and a device could be
/// endless.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    let facts = std::fs::metadata(path)?;
    if facts.is_dir() {
        return Err(std::io::Error::other("it is a folder"));
    }
    if !facts.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if facts.len() > MAX_TEXT_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", MAX_TEXT_BYTES >> 20)));
    }
    String::from_utf8(std::fs::read(path)?).map_err(|_| std::io::Error::other("the file is not UTF-8 text"))
}

/// Checks, resolves and plans the text of a suite; `path` is its name in messages, and prompt files are looked for in
/// its folder.
pub fn prepare(source: &str, path: &Path) -> Result<Prepared, InputError> {
    let problems = |problems| InputError::Problems { path: path.into(), problems };
    let suite = suite::parse(source).map_err(problems)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let suite = resolve(&suite, source, folder, &known()).map_err(problems)?;
    let plan = suite
        .plan()
        .map_err(|error| problems(vec![Problem::at_key(source, "limits.max_samples", error.to_string())]))?;
    Ok(Prepared { suite, plan })
}

/// The record of a new run.
pub fn new_run(prepared: &Prepared, environment: Environment, clock: &dyn Clock) -> RunRecord {
    let created_ms = clock.unix_ms();
    let plan_hash = prepared.plan.hash();
    RunRecord {
        schema_version: RECORD_SCHEMA_VERSION,
        id: run_id(created_ms, &plan_hash, std::process::id()),
        created_ms,
        finished_ms: None,
        status: RunStatus::Running,
        suite: prepared.suite.clone(),
        plan_hash,
        planned: prepared.plan.samples.len() as u64,
        environment: Environment {
            nets: crate::nets_in_use(&prepared.suite.metrics, NetOptions::default()),
            ..environment
        },
    }
}

/// An id from UTC time and 24 bits of a hash: ids sort by time, and two runs started in the same second practically
/// never collide.
pub(crate) fn run_id(unix_ms: i64, plan_hash: &str, process: u32) -> RunId {
    let time = vidbench_core::rfc3339(unix_ms).replace(['-', ':', 'Z'], "").replace('T', "-");
    let digest = sha256_hex(format!("{unix_ms} {plan_hash} {process}").as_bytes());
    RunId::new(format!("{time}-{}", &digest[..6])).expect("invariant: digits and a dash form a run id")
}

/// Makes the plan of a stored run again, and checks that it equals the plan with which the run began.
pub fn reopen(
    store: &Store,
    run: &RunId,
    suite_file: Option<&Path>,
) -> Result<(RunRecord, Plan), InputError> {
    let record = store.run(run)?;
    let changed =
        |made: String| InputError::PlanChanged { run: run.clone(), stored: record.plan_hash.clone(), made };
    let plan = record.suite.plan().map_err(|error| changed(error.to_string()))?;
    let made = plan.hash();
    if made != record.plan_hash {
        return Err(changed(made));
    }
    if let Some(path) = suite_file
        && read_suite(path)?.plan.hash() != made
    {
        return Err(InputError::OtherSuite { path: path.into(), run: run.clone() });
    }
    Ok((record, plan))
}

/// What a plan will take, as far as earlier runs in the workspace show. Nothing is guessed.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// One for each model and set of parameters, in the order of the suite.
    pub groups: Vec<GroupEstimate>,
}

/// What the samples of one model and set of parameters will take.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupEstimate {
    /// Index of the model.
    pub model: u32,
    /// The parameters.
    pub params: Params,
    /// Samples.
    pub samples: u64,
    /// Median seconds of a generation in earlier runs.
    pub secs_each: Option<f64>,
    /// Median size of a file in earlier runs.
    pub bytes_each: Option<u64>,
}

impl Estimate {
    /// Seconds of all generations; `None` when earlier runs do not cover all of them.
    pub fn secs(&self) -> Option<f64> {
        self.groups.iter().map(|group| Some(group.secs_each? * group.samples as f64)).sum()
    }

    /// Bytes of all files; `None` when earlier runs do not cover all of them.
    pub fn bytes(&self) -> Option<u64> {
        self.groups.iter().map(|group| Some(group.bytes_each? * group.samples)).sum()
    }
}

/// Looks up what the plan's samples usually take. Without a store nothing is known.
pub fn estimate(prepared: &Prepared, store: Option<&Store>) -> Result<Estimate, StoreError> {
    let mut counts: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for sample in &prepared.plan.samples {
        *counts.entry((sample.model, sample.params)).or_default() += 1;
    }
    let mut groups = Vec::new();
    for ((model, params), samples) in counts {
        let resolved = &prepared.suite.models[model as usize];
        let params = resolved.params[params as usize].clone();
        let (mut secs_each, mut bytes_each) = (None, None);
        if let Some(store) = store {
            secs_each = store.usual_service_secs(resolved, &params)?;
            bytes_each = store.usual_artifact_bytes(resolved, &params)?;
        }
        groups.push(GroupEstimate { model, params, samples, secs_each, bytes_each });
    }
    Ok(Estimate { groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time() {
        let (a, b) = (run_id(1_000, "x", 1), run_id(2_000_000, "x", 1));
        assert!(a < b);
        assert!(a.as_str().starts_with("19700101-000001-"), "{a}");
    }

    #[test]
    fn an_estimate_with_a_gap_is_no_estimate() {
        let params = Params { steps: 1, guidance: 1.0, frames: 1, width: 8, height: 8, fps: 1.0 };
        let group = |secs_each| GroupEstimate {
            model: 0,
            params: params.clone(),
            samples: 2,
            secs_each,
            bytes_each: None,
        };
        assert_eq!(Estimate { groups: vec![group(Some(1.5)), group(Some(2.0))] }.secs(), Some(7.0));
        assert_eq!(Estimate { groups: vec![group(Some(1.5)), group(None)] }.secs(), None);
    }
}
