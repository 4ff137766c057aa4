//! Conditions for starting a run: free disk space, existing programs and environments, and workers that start and
//! support everything they will be asked for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::program::INPUTS;
use vidbench_core::protocol::Capabilities;
use vidbench_core::suite::Engine;
use vidbench_core::{Clock, ModelId, ResolvedModel, ResolvedSuite, nearest};
use vidbench_engines::{WorkerCommand, WorkerProcess};
use vidbench_store::Store;
use vidbench_worker::ImportedVideos;

use crate::confinement::{HeldWorkers, found_program};
use crate::prepare::{Estimate, InputError};
use crate::{DEFAULT_ENV, WorkerPrograms, envs_root, find_env};

/// Checks these conditions before any work is done. Without a workspace its disk is not checked.
pub fn preflight(
    store: Option<&Store>,
    suite: &ResolvedSuite,
    estimate: &Estimate,
    programs: &WorkerPrograms,
    clock: &Arc<dyn Clock>,
) -> Result<(), InputError> {
    if let Some(store) = store {
        check_disk(store, suite, estimate)?;
    }
    vidbench_video::libav_version().map_err(|error| InputError::Preflight {
        what: format!("videos cannot be read: {error}"),
        hint: Some("`vidbench doctor` shows what to install".into()),
    })?;
    let held = HeldWorkers::of_run(programs, suite, None)?;
    for (model, held) in
        suite.models.iter().zip(&held.models).filter(|(model, _)| model.engine != Engine::Embedded)
    {
        if let Some(name) = model.pass_env.iter().find(|name| std::env::var_os(name).is_none()) {
            let what = format!("model {} needs the environment variable {name}, which is not set", model.id);
            let hint = "set it, or remove it from pass_env".to_owned();
            return Err(InputError::Preflight { what, hint: Some(hint) });
        }
        check_environment(model)?;
        check_program(model, suite)?;
        check_videos(model, suite)?;
        let capabilities = greet(&held.command, clock).map_err(|(why, hint)| InputError::Preflight {
            what: format!("the worker of model {} does not start: {why}", model.id),
            hint: hint
                .or_else(|| Some("`vidbench worker check -- COMMAND` shows which rules it breaks".into())),
        })?;
        check_capabilities(model, &capabilities)?;
    }
    Ok(())
}

/// Checks what the worker says it does not support: such requests would otherwise be refused after minutes of loading,
/// or days later.
fn check_capabilities(model: &ResolvedModel, can: &Capabilities) -> Result<(), InputError> {
    let refused = |what: String, name: &str, known: Vec<&str>| {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("it supports {}", known.join(", ")),
        };
        InputError::Preflight { what, hint: Some(hint) }
    };
    let name = model.which().as_str();
    if !can.any_model && !can.models.iter().any(|known| known.as_str() == name) {
        let what = format!("the worker of model {} does not support model {name:?}", model.id);
        return Err(refused(what, name, can.models.iter().map(ModelId::as_str).collect()));
    }
    let Some(known) = &can.settings else { return Ok(()) };
    match model.settings.keys().find(|key| !known.contains(key)) {
        None => Ok(()),
        Some(key) => {
            let what = format!("the worker of model {} does not support setting {key:?}", model.id);
            Err(refused(what, key, known.iter().map(String::as_str).collect()))
        }
    }
}

/// Checks that the Python environment of a model of diffusers exists.
fn check_environment(model: &ResolvedModel) -> Result<(), InputError> {
    if model.engine != Engine::Diffusers || model.place.container.is_some() {
        return Ok(());
    }
    let name = model.place.env.as_deref().unwrap_or(DEFAULT_ENV);
    envs_root().and_then(|root| find_env(&root, name)).map(drop).map_err(|error| InputError::Preflight {
        what: format!("model {} cannot be run: {error}", model.id),
        hint: error.hint(),
    })
}

/// Checks that a program exists and uses no file that the prompts lack: either would make every sample fail.
fn check_program(model: &ResolvedModel, suite: &ResolvedSuite) -> Result<(), InputError> {
    let Some(program) = model.program.as_ref() else { return Ok(()) };
    let refused = |what: String, hint: &str| InputError::Preflight { what, hint: Some(hint.into()) };
    let folder = program.cwd.as_deref().map_or(Path::new("."), Path::new);
    if !folder.is_dir() {
        let what =
            format!("the program of model {} should run in {folder:?}, which is not a folder", model.id);
        return Err(refused(what, "program.cwd is relative to the folder in which vidbench is started"));
    }
    let name = program.argv.first().map_or("", String::as_str);
    let own_path = program.env.contains_key("PATH");
    if !own_path && !name.contains('{') && !is_there(&folder.join(name), name) {
        let what = format!("the program {name:?} of model {} was not found", model.id);
        return Err(refused(what, "programs without a slash in their names are looked up in PATH"));
    }
    let lacks = |input: &&str| {
        program.is_told(input) && suite.prompts.iter().all(|prompt| !prompt.inputs.contains_key(*input))
    };
    match INPUTS.into_iter().find(lacks) {
        None => Ok(()),
        Some(input) => {
            let what =
                format!("the program of model {} uses {{{input}}}, but no prompt provides it", model.id);
            Err(refused(what, "add it to the prompt file, under `inputs`"))
        }
    }
}

/// A folder that contains none of the requested videos is probably not the intended folder.
fn check_videos(model: &ResolvedModel, suite: &ResolvedSuite) -> Result<(), InputError> {
    let lacking = lacking_videos(model, suite)?;
    match lacking.first() {
        Some(first) if lacking.len() == suite.prompts.len() * suite.seeds.len() => {
            let place = model.videos.as_deref().unwrap_or_default();
            let what =
                format!("{place} has none of the videos for model {}, such as that of {first}", model.id);
            let hint = "a manifest names prompt and seed; in a folder, PROMPT-N.mp4 is the video of seed N";
            Err(InputError::Preflight { what, hint: Some(hint.into()) })
        }
        _ => Ok(()),
    }
}

/// Prompts and seeds for which a model of engine `import` has no video.
pub fn lacking_videos(model: &ResolvedModel, suite: &ResolvedSuite) -> Result<Vec<String>, InputError> {
    let Some(place) = &model.videos else { return Ok(Vec::new()) };
    let videos = ImportedVideos::open(Path::new(place), model.which()).map_err(|error| {
        let what = format!("model {} cannot be read: {}", model.id, error.message);
        InputError::Preflight { what, hint: error.data.hint }
    })?;
    let texts: Vec<&str> = suite.prompts.iter().map(|prompt| prompt.text.as_str()).collect();
    let lacking = videos.lacking(&texts, &suite.seeds);
    Ok(lacking
        .into_iter()
        .map(|(at, seed)| format!("prompt {} and seed {seed}", suite.prompts[at].id))
        .collect())
}

/// Whether a program exists. A name with a slash is a file, relative to the folder it runs in.
fn is_there(file: &Path, name: &str) -> bool {
    if name.contains('/') { file.is_file() } else { found_program(Path::new(name)).is_some() }
}

fn check_disk(store: &Store, suite: &ResolvedSuite, estimate: &Estimate) -> Result<(), InputError> {
    store.check_writable()?;
    // Bytes of entries that can be made again count as free, because the run deletes them when it needs space.
    let kinds = store.cache().and_then(|cache| cache.usage().ok()).unwrap_or_default();
    let cache_mib = kinds.iter().map(|kind| kind.bytes).sum::<u64>() >> 20;
    let free_mib = (store.free_disk_bytes()? >> 20) + cache_mib;
    let needed_mib = suite.limits.min_free_disk_mib + (estimate.bytes().unwrap_or(0) >> 20);
    if free_mib < needed_mib {
        let what = format!("{free_mib} MiB of disk space are free, but the run needs {needed_mib} MiB");
        let hint =
            "free some space, choose another --workspace, or lower limits.min_free_disk_mib".to_owned();
        return Err(InputError::Preflight { what, hint: Some(hint) });
    }
    Ok(())
}

/// Seconds a worker may take to answer `initialize` before the run starts.
const GREETING_TIMEOUT: Duration = Duration::from_secs(120);

fn greet(command: &WorkerCommand, clock: &Arc<dyn Clock>) -> Result<Capabilities, (String, Option<String>)> {
    let mut worker = WorkerProcess::start(command, Arc::clone(clock))
        .map_err(|error| (with_cause(&error), error.hint()))?;
    let greeted = worker.initialize(concat!("vidbench ", env!("CARGO_PKG_VERSION")), GREETING_TIMEOUT);
    let capabilities = greeted.map(|info| info.capabilities.clone()).map_err(|error| {
        let tail = error.stderr_tail().map(str::trim).filter(|tail| !tail.is_empty());
        (
            format!("{error}{}", tail.map_or(String::new(), |tail| format!("; its log ends with: {tail}"))),
            error.hint(),
        )
    })?;
    // The worker started; a clean shutdown is for the conformance suite to judge.
    let _ = worker.shutdown(Duration::from_secs(5));
    Ok(capabilities)
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or(error.to_string(), |cause| format!("{error}: {cause}"))
}
