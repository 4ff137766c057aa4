//! Starting workers and making sure that they are what the plan says.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use vidbench_core::protocol::{DownloadParams, LoadParams, LoadedModel};
use vidbench_core::{Clock, Event, HeldWorker, ModelId, ResolvedModel, WeightsOrigin};
use vidbench_engines::{CallError, CallObserver, LogSink, Notification, WorkerCommand, WorkerProcess};

use crate::Cancel;
use crate::board::Pulse;
use crate::error::ModelError;
use crate::log::Log;

/// How the workers of a run are started.
#[expect(missing_debug_implementations, reason = "a closure has no debug form")]
pub struct Commands<'a> {
    /// The worker that makes a model's videos.
    pub generator: &'a dyn Fn(&ResolvedModel) -> WorkerCommand,
    /// The worker that decodes and scores.
    pub scorer: WorkerCommand,
    /// Threads each of them may compute with.
    pub threads: u32,
    /// What each of them is held to.
    pub held: Vec<HeldWorker>,
}

/// Seconds a worker may take to answer `initialize`: an interpreter with heavy imports needs some.
const INITIALIZE_TIMEOUT: Duration = Duration::from_secs(120);

/// A worker has this long to end by itself once it was asked to.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Name and version that workers see in their log.
const CLIENT: &str = concat!("vidbench ", env!("CARGO_PKG_VERSION"));

/// Stops waiting when the person asks to stop at once.
pub(crate) struct UntilCancelled<'a>(pub(crate) &'a Cancel);

impl CallObserver for UntilCancelled<'_> {
    fn tick(&mut self, _: Duration) -> ControlFlow<()> {
        if self.0.is_urgent() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Follows a load or a warm-up: what is fetched for it, and what its worker says.
pub(crate) struct FollowBringUp<'a> {
    pub(crate) model: &'a ModelId,
    pub(crate) cancel: &'a Cancel,
    pub(crate) log: &'a Log,
    pub(crate) pulse: &'a Pulse,
    pub(crate) events: &'a (dyn Fn(&Event) + Sync),
    pub(crate) clock: &'a dyn Clock,
    /// When the first and the last part of the model's files came.
    pub(crate) downloaded_ns: Option<(u64, u64)>,
}

impl CallObserver for FollowBringUp<'_> {
    fn notification(&mut self, notification: &Notification) {
        self.pulse.sign();
        match notification {
            Notification::Download(DownloadParams { done_bytes, total_bytes }) => {
                let now_ns = self.clock.monotonic_ns();
                self.downloaded_ns =
                    Some((self.downloaded_ns.map_or(now_ns, |(first_ns, _)| first_ns), now_ns));
                let (model, done_bytes, total_bytes) = (self.model.clone(), *done_bytes, *total_bytes);
                let event = Event::Downloading { model, done_bytes, total_bytes };
                self.log.event(&event);
                (self.events)(&event);
            }
            Notification::Log(line) => self.log.worker_says(self.model.as_str(), line),
            Notification::Step(_) | Notification::Stage(_) | Notification::Rows(_) => {}
        }
    }

    fn tick(&mut self, elapsed: Duration) -> ControlFlow<()> {
        UntilCancelled(self.cancel).tick(elapsed)
    }
}

/// Starts a worker and exchanges versions and clocks; `log` gets the worker's own log, line by line.
pub(crate) fn start(
    command: &WorkerCommand,
    clock: &Arc<dyn Clock>,
    log: Option<LogSink>,
) -> Result<WorkerProcess, ModelError> {
    let mut worker = WorkerProcess::start_logged(command, Arc::clone(clock), log)?;
    match worker.initialize(CLIENT, INITIALIZE_TIMEOUT) {
        Ok(_) => Ok(worker),
        Err(source) => Err(ModelError::Call { during: "initialize", source }),
    }
}

/// Asks a worker to end, and makes sure that it does.
pub(crate) fn stop(worker: WorkerProcess) {
    // It is killed with its group if it does not end by itself; either way nothing of the run depends on it any more.
    let _ = worker.shutdown(SHUTDOWN_GRACE);
}

/// Loads `model` and checks that the worker loaded what was asked for. `earlier` is what previous sessions of the run
/// loaded.
pub(crate) fn load(
    worker: &mut WorkerProcess,
    model: &ResolvedModel,
    threads: u32,
    timeout: Duration,
    earlier: Option<&LoadedModel>,
    follow: &mut FollowBringUp<'_>,
) -> Result<LoadedModel, ModelError> {
    let params = LoadParams {
        model: model.which().clone(),
        revision: model.revision.clone(),
        threads,
        settings: model.settings.clone(),
    };
    let loaded = worker
        .load(&params, timeout, follow)
        .map_err(|source| ModelError::Call { during: "load", source })?;
    check_identity(model, &loaded.model, earlier)?;
    // The run's records call the model by its name in the suite.
    Ok(LoadedModel { id: model.id.clone(), ..loaded.model })
}

pub(crate) fn check_identity(
    asked: &ResolvedModel,
    loaded: &LoadedModel,
    earlier: Option<&LoadedModel>,
) -> Result<(), ModelError> {
    let mismatch = |what, asked: String, loaded: String| Err(ModelError::Mismatch { what, asked, loaded });
    if asked.weights != WeightsOrigin::Unknown && asked.weights != loaded.weights {
        return mismatch("weights", weights(&asked.weights), weights(&loaded.weights));
    }
    if let (Some(asked), Some(loaded)) = (&asked.revision, &loaded.revision)
        && asked != loaded
    {
        return mismatch("revision", asked.clone(), loaded.clone());
    }
    // All samples of a run must be of one model, so it must be what earlier sessions loaded.
    let Some(earlier) = earlier else { return Ok(()) };
    if earlier.weights != loaded.weights {
        return mismatch("weights", weights(&earlier.weights), weights(&loaded.weights));
    }
    if earlier.revision != loaded.revision {
        let name = |revision: &Option<String>| revision.clone().unwrap_or_else(|| "unknown".into());
        return mismatch("revision", name(&earlier.revision), name(&loaded.revision));
    }
    if earlier.domain != loaded.domain {
        return mismatch("domain", earlier.domain.name().into(), loaded.domain.name().into());
    }
    Ok(())
}

fn weights(origin: &WeightsOrigin) -> String {
    match origin {
        WeightsOrigin::Sha256(hash) => format!("sha256:{hash}"),
        WeightsOrigin::Random => "random".into(),
        WeightsOrigin::Unknown => "unknown".into(),
    }
}

/// Whether a person stopped the call.
pub(crate) fn was_cancelled(error: &ModelError) -> bool {
    matches!(error, ModelError::Call { source: CallError::Cancelled { .. }, .. })
}

#[cfg(test)]
mod tests {
    use vidbench_core::suite::Engine;
    use vidbench_core::{Domain, ModelId};

    use super::*;

    fn asked(weights: WeightsOrigin) -> ResolvedModel {
        ResolvedModel {
            id: ModelId::new("m").unwrap(),
            engine: Engine::Worker,
            model: None,
            instead_of: None,
            command: None,
            pass_env: vec![],
            place: Default::default(),
            settings: Default::default(),
            program: None,
            videos: None,
            confinement: None,
            revision: Some("v1".into()),
            weights,
            domain: None,
            params: vec![],
        }
    }

    fn loaded(weights: WeightsOrigin) -> LoadedModel {
        LoadedModel {
            id: ModelId::new("m").unwrap(),
            revision: Some("v1".into()),
            weights,
            domain: Domain::Open,
            runtime: "test 1".into(),
            device: None,
            reads_prompt: true,
        }
    }

    #[test]
    fn weights_that_were_pinned_must_be_loaded() {
        let pinned = asked(WeightsOrigin::Sha256("aa".into()));
        assert!(check_identity(&pinned, &loaded(WeightsOrigin::Sha256("aa".into())), None).is_ok());
        let error = check_identity(&pinned, &loaded(WeightsOrigin::Random), None).unwrap_err();
        assert_eq!(error.to_string(), "the worker loaded weights random, but sha256:aa was requested");
    }

    #[test]
    fn a_resumed_run_refuses_other_weights_than_it_began_with() {
        let open = asked(WeightsOrigin::Unknown);
        let (first, second) =
            (loaded(WeightsOrigin::Sha256("aa".into())), loaded(WeightsOrigin::Sha256("bb".into())));
        assert!(check_identity(&open, &first, None).is_ok());
        assert!(check_identity(&open, &second, Some(&first)).is_err());
    }

    #[test]
    fn a_resumed_run_refuses_another_revision_and_another_domain() {
        let open = ResolvedModel { revision: None, ..asked(WeightsOrigin::Unknown) };
        let first = loaded(WeightsOrigin::Unknown);
        let said = |other: &LoadedModel| check_identity(&open, other, Some(&first)).unwrap_err().to_string();
        let unnamed = LoadedModel { revision: None, ..first.clone() };
        assert_eq!(said(&unnamed), "the worker loaded revision unknown, but v1 was requested");
        let toy = LoadedModel { domain: Domain::SyntheticDomain, ..first.clone() };
        assert_eq!(said(&toy), "the worker loaded domain synthetic-domain, but open was requested");
        assert!(check_identity(&open, &first, Some(&first)).is_ok());
    }

    #[test]
    fn another_revision_is_refused() {
        let other = LoadedModel { revision: Some("v2".into()), ..loaded(WeightsOrigin::Random) };
        assert!(check_identity(&asked(WeightsOrigin::Unknown), &other, None).is_err());
    }
}
