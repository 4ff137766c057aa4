//! Carries out a run: executes the plan and computes the set metrics.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use vidbench_core::suite::Engine;
use vidbench_core::{
    Clock, Event, NetOptions, Phase, Plan, ResolvedModel, ResolvedSuite, RunData, RunRecord,
};
use vidbench_engines::WorkerCommand;
use vidbench_metrics::Metric;
use vidbench_runner::{Cancel, Commands, Finish, Inputs};
use vidbench_store::Store;

use crate::confinement::HeldWorkers;
use crate::prepare::InputError;
use crate::resolve::read_input;
use crate::score::wanted_of_suite;
use crate::{DEFAULT_ENV, compute_set_metrics, worker_in_container, worker_of_env};

/// The programs that a run starts.
#[derive(Debug, Clone)]
pub struct WorkerPrograms {
    /// The path of this program, which is also the embedded worker and the scorer.
    pub vidbench: PathBuf,
    /// Absolute path of the workspace, which containers must see.
    pub workspace: Option<PathBuf>,
}

impl WorkerPrograms {
    /// The worker of a model. `inputs` are files that its videos may be made from.
    pub(crate) fn generator(&self, model: &ResolvedModel, inputs: &[&Path]) -> WorkerCommand {
        let names: Vec<&str> = model.pass_env.iter().map(String::as_str).collect();
        self.engine(model, inputs).pass_env(&names)
    }

    fn engine(&self, model: &ResolvedModel, inputs: &[&Path]) -> WorkerCommand {
        let own = |args: &[&str]| WorkerCommand::new(&self.vidbench).args(args);
        match model.engine {
            Engine::Embedded => own(&["worker", "embedded"]).pass_env(&["ORT_DYLIB_PATH"]),
            Engine::Worker => {
                let command = model.command.as_deref().unwrap_or_default();
                let (program, args) = command.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
                WorkerCommand::new(program).args(args)
            }
            Engine::Diffusers => self.diffusers(model, inputs),
            Engine::Command => {
                let program = serde_json::to_string(&model.program).unwrap_or_default();
                own(&["worker", "command", "--program", &program])
            }
            Engine::Import => {
                own(&["worker", "import", "--videos", model.videos.as_deref().unwrap_or_default()])
            }
        }
    }

    /// If the environment was removed since the run was planned, the worker cannot be started and names the missing file.
    fn diffusers(&self, model: &ResolvedModel, inputs: &[&Path]) -> WorkerCommand {
        if let Some(image) = &model.place.container {
            let of_the_hub =
                ["HF_HOME", "HF_HUB_CACHE"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
            let own = model.settings.get("path").and_then(|path| path.as_str()).map(PathBuf::from);
            let shared: Vec<PathBuf> = self.workspace.iter().cloned().chain(of_the_hub).chain(own).collect();
            return worker_in_container(image, &shared, inputs, &model.pass_env);
        }
        let name = model.place.env.as_deref().unwrap_or(DEFAULT_ENV);
        worker_of_env(name).unwrap_or_else(|_| WorkerCommand::new(name))
    }

    pub(crate) fn scorer(&self, nets: NetOptions) -> WorkerCommand {
        self.with_nets("scorer", nets)
    }

    pub(crate) fn net_preparer(&self, nets: NetOptions, names: &[&str]) -> WorkerCommand {
        self.with_nets("prepare-nets", nets).args(names)
    }

    fn with_nets(&self, worker: &str, nets: NetOptions) -> WorkerCommand {
        let seed = nets.random_seed.map(|seed| ["--random-nets".to_owned(), seed.to_string()]);
        let device = nets.device.to_string();
        WorkerCommand::new(&self.vidbench)
            .args(["worker", worker, "--net-runtime", nets.runtime.name(), "--net-device", &device])
            .args(seed.into_iter().flatten())
            .pass_env(&["ORT_DYLIB_PATH", "VIDBENCH_LIBVMAF", "VIDBENCH_NETS", "XDG_CACHE_HOME", "HOME"])
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Execution {
    /// How it ended.
    pub finish: Finish,
    /// Everything the store holds of it.
    pub data: RunData,
    /// Why set metrics are missing, when they could not be computed.
    pub set_metrics_error: Option<String>,
}

/// A run that had to end early through no fault of a sample.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The runner could not go on.
    #[error(transparent)]
    Run(#[from] vidbench_runner::RunError),
    /// A file that videos are made from has changed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] vidbench_store::StoreError),
}

impl ExecuteError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Run(error) => error.hints(),
            Self::Store(error) => error.hint().into_iter().collect(),
            Self::Input(error) => error.hints(),
        }
    }
}

/// Checks that files that videos are made from are the ones the plan was made with: their hashes are part of the
/// samples' identities.
fn check_inputs(suite: &ResolvedSuite) -> Result<(), InputError> {
    for file in suite.prompts.iter().flat_map(|prompt| prompt.inputs.values()) {
        let found = read_input(Path::new(&file.path)).map(|bytes| vidbench_core::sha256_hex(&bytes));
        let what = match found {
            Ok(hash) if hash == file.sha256 => continue,
            Ok(_) => format!("{} has changed since the run was planned", file.path),
            Err(error) => format!("{} cannot be read: {error}", file.path),
        };
        let hint = "put the file back, or start a new run".to_owned();
        return Err(InputError::Preflight { what, hint: Some(hint) });
    }
    Ok(())
}

/// Functions that are called during a run.
#[expect(missing_debug_implementations, reason = "closures have no debug form")]
pub struct Hooks<'a> {
    /// Receives every event as it happens.
    pub events: &'a mut (dyn FnMut(&Event) + Send),
    /// Called between samples, when nothing is timed; the text it returns is reported as a warning.
    pub between: &'a mut dyn FnMut() -> Option<String>,
}

/// Beginning of a message; the reason follows.
pub const NOT_PREPARED: &str =
    "nets could not be prepared, so scorers load them more slowly and do not share their memory";

/// Executes the rest of `run` and computes its set metrics.
pub fn execute(
    store: &Store,
    run: &RunRecord,
    plan: &Plan,
    programs: &WorkerPrograms,
    clock: Arc<dyn Clock>,
    cancel: Cancel,
    Hooks { events, between }: Hooks<'_>,
) -> Result<Execution, ExecuteError> {
    check_inputs(&run.suite)?;
    let unprepared = crate::unprepared_nets(&run.suite.metrics, NetOptions::default());
    if let Err(why) = crate::prepare_nets(programs, &unprepared, NetOptions::default()) {
        events(&Event::Warning { message: format!("{NOT_PREPARED}: {why}") });
    }
    let threads = run.suite.scenario.threads.unwrap_or_else(cores);
    let held = HeldWorkers::of_run(programs, &run.suite, Some((store, &store.temp_folder(&run.id))))?;
    for missing in &held.scorer.held.missing {
        let message = format!(
            "this limit of the scorer cannot be enforced: {missing}; `vidbench doctor` shows what to do"
        );
        events(&Event::Warning { message });
    }
    let generator = |model: &ResolvedModel| held.generator(model).clone();
    let scorer = held.scorer.command.clone();
    let commands = Commands { generator: &generator, scorer, threads, held: held.records() };
    // A thread of its own judges the sensors and also sends events about alerts.
    let shared = Mutex::new(&mut *events);
    let tell = |event: &Event| (shared.lock().unwrap_or_else(PoisonError::into_inner))(event);
    let wanted = wanted_of_suite(&run.suite.metrics);
    let inputs =
        Inputs { store, run, plan, commands, wanted: &wanted, clock, cancel, events: &tell, between };
    let finish = vidbench_runner::execute(inputs)?;
    let mut data = crate::run_data(store, &run.id)?;
    let mut set_metrics_error = None;
    let has_sets = run
        .suite
        .metrics
        .iter()
        .any(|id| Metric::from_id(id.as_str()).is_ok_and(|metric| metric.set().is_some()));
    if finish.done > 0 && has_sets {
        events(&Event::PhaseStarted { phase: Phase::SetMetrics, total: 1 });
        match compute_set_metrics(store, &data, plan, threads) {
            Ok(scores) => data.set_scores = scores,
            // All results per clip are stored; only the set metrics are missing, and the reason is reported.
            Err(error) => set_metrics_error = Some(error.to_string()),
        }
        events(&Event::PhaseFinished { phase: Phase::SetMetrics });
    }
    Ok(Execution { finish, data, set_metrics_error })
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}
