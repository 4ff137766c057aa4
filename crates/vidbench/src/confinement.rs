//! Determines the limits of the workers of a run or a scoring: turns the suite's requests and the machine's abilities
//! into commands and records.

mod places;

use std::path::{Path, PathBuf};

use vidbench_core::{
    Confine, Confinement, Filesystem, HeldWorker, NetDevice, NetOptions, Network, NetworkCut, ResolvedModel,
    ResolvedSuite, ScorerSettings, ScoringRequest,
};
use vidbench_engines::{Limits, Means, ReachableFiles, Walls, WorkerCommand};
use vidbench_store::Store;

use crate::WorkerPrograms;
use crate::environment::memory_bytes;
use crate::prepare::InputError;

pub(crate) use places::found_program;

/// The name of the scorer in records.
const SCORER: &str = "scorer";

/// Most open files of a scorer: libraries and one clip with its reference.
const SCORER_OPEN_FILES: u64 = 4096;

/// A worker that can be started, with the limits in force for it.
#[derive(Debug, Clone)]
pub struct HeldCommand {
    /// The worker, started within its limits and walls.
    pub command: WorkerCommand,
    /// The same limits, for the record.
    pub held: HeldWorker,
}

/// The workers of a run.
#[derive(Debug, Clone)]
pub(crate) struct HeldWorkers {
    /// In the order of the suite.
    pub(crate) models: Vec<HeldCommand>,
    pub(crate) scorer: HeldCommand,
}

impl HeldWorkers {
    /// The workers of a run whose files are in `store`, or of a run that is only planned.
    pub(crate) fn of_run(
        programs: &WorkerPrograms,
        suite: &ResolvedSuite,
        store: Option<(&Store, &Path)>,
    ) -> Result<Self, InputError> {
        let holder = Holder { programs, means: Means::of(&programs.vidbench) };
        let own_folder = store.map(|(_, folder)| folder);
        let models = suite.models.iter().map(|model| holder.model(model, suite, own_folder));
        let artifacts = store.iter().map(|(store, _)| store.artifacts_folder()).collect();
        let scorer = holder.scorer(NetOptions::default(), &suite.scorer, artifacts)?;
        Ok(Self { models: models.collect::<Result<_, _>>()?, scorer })
    }

    /// The worker of a model of the suite.
    pub(crate) fn generator(&self, model: &ResolvedModel) -> &WorkerCommand {
        let found = self.models.iter().find(|held| held.held.worker == model.id.as_str());
        &found.expect("invariant: the models of a run are those of its suite").command
    }

    pub(crate) fn records(&self) -> Vec<HeldWorker> {
        self.models.iter().chain([&self.scorer]).map(|held| held.held.clone()).collect()
    }
}

/// The scorers of a scoring, one for each device.
///
/// # Errors
/// When they must be confined and this machine cannot do it.
pub fn hold_scorers(
    programs: &WorkerPrograms,
    request: &ScoringRequest,
    devices: &[NetDevice],
    settings: &ScorerSettings,
) -> Result<Vec<HeldCommand>, InputError> {
    let holder = Holder { programs, means: Means::of(&programs.vidbench) };
    let clips = places::of_clips(&request.clips);
    let on = |device: &NetDevice| {
        holder.scorer(NetOptions { device: *device, ..request.nets }, settings, clips.clone())
    };
    devices.iter().map(on).collect()
}

struct Holder<'a> {
    programs: &'a WorkerPrograms,
    means: Means,
}

impl Holder<'_> {
    fn model(
        &self,
        model: &ResolvedModel,
        suite: &ResolvedSuite,
        own_folder: Option<&Path>,
    ) -> Result<HeldCommand, InputError> {
        let asked = model.confinement.as_ref().unwrap_or(&suite.confinement);
        let inputs = suite.prompts.iter().flat_map(|prompt| prompt.inputs.values());
        let inputs: Vec<&Path> = inputs.map(|file| Path::new(&file.path)).collect();
        let command = self.programs.generator(model, &inputs);
        let name = model.id.as_str();
        if let Some(image) = &model.place.container {
            return in_container(name, image, asked, command);
        }
        let limits = Limits {
            memory_bytes: asked.memory_mib.map(|mib| mib << 20),
            cpu_secs: asked.cpu_secs,
            open_files: Some(asked.open_files),
            file_size_bytes: Some(asked.file_size_mib << 20),
        };
        self.check_watch(name, &limits)?;
        let network = self.network(name, asked.network)?;
        let (files, landlock_abi) = match asked.filesystem {
            Filesystem::Open => (None, None),
            Filesystem::Confined => {
                let refused = |why: String| {
                    refused(
                        name,
                        "its files cannot be confined",
                        &why,
                        "set filesystem = \"open\" to leave files unconfined",
                    )
                };
                let abi = self.means.files_abi().map_err(refused)?;
                let mut files = places::of_model(model, &command);
                files.readable.extend(inputs.into_iter().map(Path::to_owned));
                self.add_asked(&mut files, name, asked, own_folder)?;
                (Some(files), Some(abi))
            }
        };
        let mut command = command;
        if let (Some(folder), Some(_)) = (own_folder, &files) {
            // The shared temporary folder is not writable for the worker, so TMPDIR is its own folder.
            command.env.insert("TMPDIR".into(), folder.into());
        }
        let held = record(name, &limits, network, landlock_abi);
        Ok(HeldCommand {
            command: command.within(&self.programs.vidbench, limits, Walls { network, files }),
            held,
        })
    }

    fn network(&self, name: &str, asked: Network) -> Result<Option<NetworkCut>, InputError> {
        let no_network = "its network cannot be cut off";
        let cut = match asked {
            Network::Allow => return Ok(None),
            Network::Deny => self.means.network_cut().map_err(|why| {
                let hint = "install bubblewrap, or let users create namespaces; network = \"deny-tcp\" cuts off TCP with Landlock alone";
                refused(name, no_network, &why, hint)
            }),
            Network::DenyTcp => {
                self.means.tcp_cut().map_err(|why| refused(name, no_network, &why, "set network = \"allow\" to leave the network open"))
            }
        };
        cut.map(Some)
    }

    fn check_watch(&self, name: &str, limits: &Limits) -> Result<(), InputError> {
        match &self.means.watch {
            Err(why) if limits.memory_bytes.is_some() || limits.cpu_secs.is_some() => {
                let hint = "remove memory_mib and cpu_secs from its confinement";
                Err(refused(name, "its memory and processor time cannot be watched", why, hint))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn add_asked(
        &self,
        files: &mut ReachableFiles,
        name: &str,
        asked: &Confinement,
        own_folder: Option<&Path>,
    ) -> Result<(), InputError> {
        let paths = |paths: &[String]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (readable, writable) = (paths(&asked.readable), paths(&asked.writable));
        if let Some(absent) = readable.iter().chain(&writable).find(|path| !path.exists()) {
            let what = format!("{} in its confinement", absent.display());
            return Err(refused(
                name,
                &what,
                "it does not exist",
                "`readable` and `writable` must name existing files or folders",
            ));
        }
        files.readable.extend(readable);
        files.readable.push(self.programs.vidbench.clone());
        files.writable.extend(writable);
        files.writable.extend(own_folder.map(Path::to_owned));
        Ok(())
    }

    /// The scorer, which reads `clips`. Limits that cannot be enforced are recorded as missing, or refused if
    /// confinement is required.
    fn scorer(
        &self,
        nets: NetOptions,
        settings: &ScorerSettings,
        clips: Vec<PathBuf>,
    ) -> Result<HeldCommand, InputError> {
        let command = self.programs.scorer(nets);
        let mut missing = Vec::new();
        let mut limits = Limits { open_files: Some(SCORER_OPEN_FILES), ..Limits::default() };
        match &self.means.watch {
            Ok(()) => {
                limits.memory_bytes = settings.memory_mib.map(|mib| mib << 20).or_else(most_of_the_memory);
            }
            Err(why) => missing.push(format!("memory, because it cannot be watched: {why}")),
        }
        let mut walls = Walls::default();
        let mut landlock_abi = None;
        if settings.confine != Confine::No {
            walls.network = self.scorers_network(&mut missing);
            match self.means.files_abi() {
                Ok(abi) => {
                    landlock_abi = Some(abi);
                    walls.files = Some(places::of_scorer(&command, clips, &self.programs.vidbench));
                }
                Err(why) => missing.push(format!("files, because {why}")),
            }
        }
        if settings.confine == Confine::Required && !missing.is_empty() {
            let hint = "`confine = \"if-possible\"` enforces what this machine can; `vidbench doctor` shows what that is";
            return Err(refused(SCORER, "it cannot be confined as required", &missing.join("; "), hint));
        }
        let mut held = record(SCORER, &limits, walls.network, landlock_abi);
        held.missing = missing;
        Ok(HeldCommand { command: command.within(&self.programs.vidbench, limits, walls), held })
    }

    fn scorers_network(&self, missing: &mut Vec<String>) -> Option<NetworkCut> {
        let why = match self.means.network_cut() {
            Ok(cut) => return Some(cut),
            Err(why) => why,
        };
        match self.means.tcp_cut() {
            Ok(cut) => {
                missing.push(format!("UDP, because {why}"));
                Some(cut)
            }
            Err(landlock) => {
                missing.push(format!("network, because {why}; {landlock}"));
                None
            }
        }
    }
}

/// Default memory limit of the scorer: high, because nets may need much, but low enough that a file that makes a scorer
/// swell does not take the whole machine with it.
fn most_of_the_memory() -> Option<u64> {
    memory_bytes().map(|bytes| bytes / 4 * 3)
}

/// A container's engine enforces its limits. vidbench could only confine the engine's client, which would not limit the
/// container.
fn in_container(
    name: &str,
    image: &str,
    asked: &Confinement,
    command: WorkerCommand,
) -> Result<HeldCommand, InputError> {
    let Confinement { memory_mib, cpu_secs, network, filesystem, .. } = asked;
    if memory_mib.is_some()
        || cpu_secs.is_some()
        || *network != Network::Allow
        || *filesystem != Filesystem::Open
    {
        let hint =
            "give the model a [models.confinement] without memory_mib, cpu_secs, network and filesystem";
        return Err(refused(
            name,
            "its confinement cannot be enforced",
            &format!("it runs in the container {image}"),
            hint,
        ));
    }
    let mut held = record(name, &Limits::default(), None, None);
    held.missing = vec![format!("anything: it runs in the container {image}")];
    Ok(HeldCommand { command, held })
}

fn record(name: &str, limits: &Limits, network: Option<NetworkCut>, landlock_abi: Option<u32>) -> HeldWorker {
    let &Limits { memory_bytes, cpu_secs, open_files, file_size_bytes } = limits;
    let worker = name.to_owned();
    HeldWorker {
        worker,
        memory_bytes,
        cpu_secs,
        open_files,
        file_size_bytes,
        network,
        landlock_abi,
        missing: vec![],
    }
}

fn refused(worker: &str, what: &str, why: &str, hint: &str) -> InputError {
    InputError::Preflight { what: format!("{worker}: {what}: {why}"), hint: Some(hint.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(landlock_abi: Result<u32, String>, namespace: Result<(), String>) -> Means {
        Means { landlock_abi, namespace, bubblewrap: Some(Err("no bwrap".into())), watch: Ok(()) }
    }

    fn scorer(means: Means, confine: Confine) -> Result<HeldWorker, InputError> {
        let programs = WorkerPrograms { vidbench: "/v".into(), workspace: None };
        let settings = ScorerSettings { confine, memory_mib: Some(1024) };
        let holder = Holder { programs: &programs, means };
        holder.scorer(NetOptions::default(), &settings, vec![]).map(|held| held.held)
    }

    #[test]
    fn a_scorer_is_held_as_far_as_the_machine_can_and_the_rest_is_told() {
        let whole = scorer(means(Ok(7), Ok(())), Confine::Required).unwrap();
        assert_eq!((whole.network, whole.landlock_abi), (Some(NetworkCut::Namespace), Some(7)));
        assert_eq!(whole.missing, Vec::<String>::new());
        let tcp = scorer(means(Ok(4), Err("forbidden".into())), Confine::IfPossible).unwrap();
        assert_eq!(
            (tcp.network, tcp.missing),
            (Some(NetworkCut::LandlockTcp), vec!["UDP, because forbidden; no bwrap".into()])
        );
        let none =
            scorer(means(Err("old kernel".into()), Err("forbidden".into())), Confine::IfPossible).unwrap();
        assert_eq!((none.network, none.landlock_abi, none.missing.len()), (None, None, 2));
        assert_eq!(scorer(means(Ok(7), Ok(())), Confine::No).unwrap().network, None);
    }

    #[test]
    fn what_is_required_is_held_or_nothing_runs() {
        let error = scorer(means(Ok(4), Err("forbidden".into())), Confine::Required).unwrap_err();
        assert_eq!(
            error.to_string(),
            "scorer: it cannot be confined as required: UDP, because forbidden; no bwrap"
        );
        assert!(!error.hints().is_empty());
    }
}
