//! Whether a worker keeps the protocol, rule by rule. docs/worker-protocol.md explains each rule.
//!
//! The suite reads the raw lines, so that a worker is judged by what it writes and not by what a client makes of it.
//!
//! ```no_run
//! # use std::{path::PathBuf, sync::Arc, time::Duration};
//! # use vidbench_engines::{WorkerCommand, conformance};
//! # fn check(clock: Arc<dyn vidbench_core::Clock>, params: vidbench_core::Params) -> Result<(), Box<dyn std::error::Error>> {
//! let options = conformance::CheckOptions {
//!     model: None,
//!     prompt: "a large red circle moving left on a navy background".into(),
//!     params,
//!     timeout: Duration::from_secs(60),
//!     scratch: PathBuf::from("/tmp/an-empty-folder"),
//!     inspect: None,
//! };
//! let report = conformance::check(&WorkerCommand::new("./my-worker"), &options, clock)?;
//! assert!(report.passed());
//! # Ok(()) }
//! ```

mod generate;
mod protocol;
mod raw;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::protocol::Capabilities;
use vidbench_core::{Clock, ModelId, Params};

use crate::{EngineError, WorkerCommand};
use raw::{RawClient, SharedFaults};

/// What the suite needs to know.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// The model to generate with; the first that the worker lists when absent.
    pub model: Option<ModelId>,
    /// A prompt the model takes.
    pub prompt: String,
    /// Parameters the model takes; the fewer steps the sooner the check ends.
    pub params: Params,
    /// How long any one answer, or any one end of a process, may take.
    pub timeout: Duration,
    /// An empty folder for the videos; they stay there.
    pub scratch: PathBuf,
    /// Decodes a video, for R24; this crate cannot.
    pub inspect: Option<Inspect>,
}

/// What is wrong with a video that was made with these parameters.
pub type Inspect = fn(&Path, &Params) -> Result<(), String>;

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleVerdict {
    /// The worker keeps it.
    Pass,
    /// The worker breaks it.
    Fail {
        /// What was seen.
        why: String,
    },
    /// The rule does not concern this worker.
    NotApplicable {
        /// Why not.
        why: String,
    },
}

/// One rule with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleResult {
    /// `R1` to `R24`; a rule's number never changes.
    pub id: &'static str,
    /// What the rule asks.
    pub title: &'static str,
    /// What became of it.
    pub verdict: RuleVerdict,
}

/// The verdict of every rule, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One for each of [`RULES`].
    pub rules: Vec<RuleResult>,
}

impl Report {
    /// Whether no rule is broken.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The rules that are broken.
    pub fn failures(&self) -> impl Iterator<Item = &RuleResult> {
        self.rules.iter().filter(|rule| matches!(rule.verdict, RuleVerdict::Fail { .. }))
    }
}

/// Every rule with its number, in the order of the report.
pub const RULES: [(&str, &str); 24] = [
    ("R1", "initialize answers with the protocol version, a name, a version, capabilities and the clock"),
    ("R2", "another protocol version is refused"),
    ("R3", "a request before initialize is refused with kind invalid_request"),
    ("R4", "an unknown method is answered with code -32601, and the worker continues"),
    ("R5", "a line that is not JSON is answered with code -32700 and a null id, and the worker continues"),
    ("R6", "an unknown parameter field is refused with code -32602, never dropped"),
    ("R7", "the clock in ping never goes backwards"),
    ("R8", "load of an unknown model is refused"),
    ("R9", "generate before load is refused with kind invalid_request"),
    ("R10", "shutdown is answered, and the process exits with status 0 in time"),
    ("R11", "at the end of its input the process exits in time"),
    ("R12", "load answers with the requested model"),
    ("R13", "generate writes exactly the requested file and reports it"),
    ("R14", "steps are numbered from 1 to their total, and their times never go backwards"),
    ("R15", "stages have known names, are in order and lie inside the request"),
    ("R16", "the same seed produces the same bytes"),
    ("R17", "another seed produces a different file"),
    ("R18", "zero frames are refused with kind invalid_request, and the worker continues"),
    ("R19", "generate after unload is refused with kind invalid_request"),
    ("R20", "a file that does not exist is not scored, and the worker continues"),
    ("R21", "every request is answered once, with its own id and jsonrpc 2.0"),
    ("R22", "stdout carries only protocol messages"),
    ("R23", "every error has a message and a kind from the closed list"),
    ("R24", "the file is a video with the requested frames, size and rate"),
];

/// R21 to R23 judge every line written during the rules before them.
const RULES_BEFORE_FAULTS: usize = 20;

/// Starts the worker several times, and holds what it writes against every rule.
///
/// # Errors
/// When the worker cannot be started or the scratch folder cannot be used. A worker that starts always gets a report.
pub fn check(
    command: &WorkerCommand,
    options: &CheckOptions,
    clock: Arc<dyn Clock>,
) -> Result<Report, EngineError> {
    let bench = Bench { command, options, clock, faults: SharedFaults::default() };
    let (first, capabilities) = protocol::initialize(&bench)?;
    let mut verdicts = vec![first];
    let mut video = not_applicable(RESTS_ON_R1);
    if verdicts == [RuleVerdict::Pass] {
        verdicts.extend(protocol::verdicts(&bench, &capabilities)?);
        let generated = generate::verdicts(&bench, &capabilities)?;
        verdicts.extend(generated.rules);
        video = generated.video;
        verdicts.push(protocol::score_missing(&bench, &capabilities)?);
    } else {
        // A program that does not even greet would time out at each rule in turn, and say nothing new.
        verdicts.resize(RULES_BEFORE_FAULTS, not_applicable(RESTS_ON_R1));
    }
    verdicts.extend(bench.faults.borrow().verdicts());
    verdicts.push(video);
    let rules = RULES.iter().zip(verdicts).map(|(&(id, title), verdict)| RuleResult { id, title, verdict });
    Ok(Report { rules: rules.collect() })
}

const RESTS_ON_R1: &str = "the worker breaks R1, on which this rule depends";

/// What every rule works with.
struct Bench<'a> {
    command: &'a WorkerCommand,
    options: &'a CheckOptions,
    clock: Arc<dyn Clock>,
    faults: SharedFaults,
}

impl Bench<'_> {
    fn start(&self) -> Result<RawClient, EngineError> {
        RawClient::start(self.command, Arc::clone(&self.clock), self.options.timeout, self.faults.clone())
    }

    /// The model to use, if this worker generates at all.
    fn model(&self, capabilities: &Capabilities) -> Result<ModelId, RuleVerdict> {
        let model = self.options.model.as_ref().or(capabilities.models.first());
        model.cloned().ok_or_else(|| {
            not_applicable(match capabilities.any_model {
                true => "the worker accepts any model, and none was given",
                false => "the worker lists no model",
            })
        })
    }
}

fn verdict(checked: Result<(), String>) -> RuleVerdict {
    checked.map_or_else(|why| RuleVerdict::Fail { why }, |()| RuleVerdict::Pass)
}

fn not_applicable(why: &str) -> RuleVerdict {
    RuleVerdict::NotApplicable { why: why.into() }
}
