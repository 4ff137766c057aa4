//! Python environments for the worker of diffusers. uv creates each in a folder of its own, from the lock file that
//! ships.
//!
//! `ROOT/NAME/package` is the worker's source, `ROOT/NAME/venv` the environment, `ROOT/NAME/environment.json` a record
//! of its contents. The record is written last, so an environment without it was not finished.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use vidbench_core::nearest;
use vidbench_engines::WorkerCommand;

/// The environment that suites use when they name none.
pub const DEFAULT_ENV: &str = "diffusers";

static SOURCE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../workers/diffusers/src");
const PROJECT: [(&str, &str); 3] = [
    ("pyproject.toml", include_str!("../../../workers/diffusers/pyproject.toml")),
    ("uv.lock", include_str!("../../../workers/diffusers/uv.lock")),
    ("README.md", include_str!("../../../workers/diffusers/README.md")),
];

/// The contents of an environment, as reported by the environment itself when it was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonEnv {
    /// Its name.
    pub name: String,
    /// Version of Python.
    pub python: String,
    /// Version of diffusers.
    pub diffusers: String,
    /// Version of PyTorch, including the platform it is built for.
    pub torch: String,
    /// Packages requested in addition to those of the lock file.
    pub extra: Vec<String>,
}

/// An environment cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum PythonEnvError {
    /// There is no home folder, and no variable names a folder for environments.
    #[error("there is no folder for environments: neither VIDBENCH_ENVS, XDG_DATA_HOME nor HOME is set")]
    NoRoot,
    /// The name cannot be used for a folder.
    #[error("environment name {name:?} is not valid: use 1 to 64 letters, digits and . _ -")]
    Name {
        /// The name.
        name: String,
    },
    /// The environment does not exist.
    #[error("there is no environment {name}")]
    Missing {
        /// The name.
        name: String,
        /// An existing environment with a similar name.
        near: Option<String>,
    },
    /// A folder without a record: creating the environment was not completed.
    #[error("environment {name} is incomplete")]
    Unfinished {
        /// The name.
        name: String,
    },
    /// Its Python is gone: the environment was moved, or the Python it was made with was removed.
    #[error("environment {name} has no Python: {path} does not exist")]
    Broken {
        /// The name.
        name: String,
        /// Where its Python was.
        path: String,
    },
    /// The environment already exists.
    #[error("environment {name} already exists")]
    Exists {
        /// The name.
        name: String,
    },
    /// The packages of the lock file are for other versions of Python.
    #[error("the diffusers worker runs on Python 3.{} to 3.{}, not on {version}", PYTHONS.start(), PYTHONS.end())]
    PythonVersion {
        /// The version that was asked for.
        version: String,
    },
    /// uv is not installed.
    #[error("uv, which creates Python environments, was not found")]
    NoUv,
    /// uv failed.
    #[error("uv could not create the environment: it ended with {status}")]
    Uv {
        /// Its exit status.
        status: String,
    },
    /// The environment exists, but the worker does not start in it.
    #[error("the worker cannot be imported in the environment {name}: {why}")]
    Import {
        /// The name.
        name: String,
        /// The end of Python's error message.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl PythonEnvError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoRoot => Some("set VIDBENCH_ENVS to a folder".into()),
            Self::Missing { near: Some(near), .. } => Some(format!("did you mean {near}?")),
            Self::Missing { name, near: None } => {
                Some(format!("`vidbench env list` lists them; create it with `vidbench env create {name}`"))
            }
            Self::Unfinished { name } => Some(format!("finish it: `vidbench env create {name}`")),
            Self::Broken { name, .. } => {
                Some(format!("create it again: `vidbench env rm {name}`, then `vidbench env create {name}`"))
            }
            Self::Exists { name } => Some(format!("remove it first: `vidbench env rm {name}`")),
            Self::NoUv => Some("install it: pip install uv, or see https://docs.astral.sh/uv".into()),
            Self::Uv { .. } => {
                Some("see uv's output above; downloads are kept, so repeat the command to continue".into())
            }
            Self::Import { .. } => {
                Some("the packages in the environment are incompatible; create one without --with".into())
            }
            Self::PythonVersion { .. } => Some("without --python the first version that fits is used".into()),
            Self::Name { .. } | Self::Io { .. } => None,
        }
    }
}

/// The folder of all environments: `VIDBENCH_ENVS`, or `vidbench/envs` in `XDG_DATA_HOME` or in `~/.local/share`.
pub fn envs_root() -> Result<PathBuf, PythonEnvError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("VIDBENCH_ENVS")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("vidbench/envs")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/vidbench/envs")))
        .ok_or(PythonEnvError::NoRoot)
}

fn folder(root: &Path, name: &str) -> Result<PathBuf, PythonEnvError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let valid = (1..=64).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with(['.', '-']);
    if valid { Ok(root.join(name)) } else { Err(PythonEnvError::Name { name: name.into() }) }
}

/// Minor versions of Python 3 that the lock file supports.
const PYTHONS: RangeInclusive<u32> = 11..=13;

/// Refuses a version of Python that the lock file does not support. Anything that is not a version, such as a path, is
/// left to uv.
fn check_python(version: &str) -> Result<(), PythonEnvError> {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let minor = match (parts.next(), parts.next()) {
        (Some(Ok(3)), Some(Ok(minor))) => Some(minor),
        (Some(Ok(3)), None) | (None | Some(Err(_)), _) | (Some(Ok(3)), Some(Err(_))) => return Ok(()),
        (Some(Ok(_)), _) => None,
    };
    let fits = minor.is_some_and(|minor| PYTHONS.contains(&minor));
    if fits { Ok(()) } else { Err(PythonEnvError::PythonVersion { version: version.into() }) }
}

/// Environments in `root`, by name; those that were not finished are errors.
///
/// # Errors
/// The folder exists but cannot be read.
pub fn list_envs(root: &Path) -> Result<Vec<Result<PythonEnv, PythonEnvError>>, PythonEnvError> {
    match fs::read_dir(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(root, error)),
        _ => Ok(env_names(root).into_iter().map(|name| find_env(root, &name)).collect()),
    }
}

fn env_names(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let is_env = |name: &String| folder(root, name).is_ok_and(|folder| folder.is_dir());
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(is_env).collect();
    names.sort();
    names
}

/// The environment of that name.
pub fn find_env(root: &Path, name: &str) -> Result<PythonEnv, PythonEnvError> {
    let folder = folder(root, name)?;
    if !folder.is_dir() {
        let others = env_names(root);
        let near = nearest(name, others.iter().map(String::as_str)).map(str::to_owned);
        return Err(PythonEnvError::Missing { name: name.into(), near });
    }
    let record = fs::read(folder.join(RECORD)).ok();
    let env = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let env = env.ok_or_else(|| PythonEnvError::Unfinished { name: name.into() })?;
    let python = python(&folder);
    if !python.is_file() {
        return Err(PythonEnvError::Broken { name: name.into(), path: python.display().to_string() });
    }
    Ok(env)
}

const RECORD: &str = "environment.json";

/// The worker of diffusers in that environment.
pub fn worker_in_env(name: &str) -> Result<WorkerCommand, PythonEnvError> {
    find_env(&envs_root()?, name)?;
    worker_of_env(name)
}

/// The same of an environment that need not be there any more.
pub(crate) fn worker_of_env(name: &str) -> Result<WorkerCommand, PythonEnvError> {
    Ok(WorkerCommand::new(python(&folder(&envs_root()?, name)?)).args(WORKER))
}

/// The worker must end with its client, even in the middle of a sample: a container would keep running after the
/// program that started it was killed.
const WORKER: [&str; 3] = ["-m", "vidbench_diffusers", "--end-with-client"];

/// The worker of diffusers in a container. The container sees the workspace, the caches of the hub and a model's own
/// folder under their own names, and may read the folders of `inputs`; it gets the variables `names` in addition to
/// those of the hub.
pub fn worker_in_container(
    image: &str,
    shared: &[PathBuf],
    inputs: &[&Path],
    names: &[String],
) -> WorkerCommand {
    let folders: BTreeSet<&Path> = inputs.iter().filter_map(|file| file.parent()).collect();
    let is_apart = |folder: &&Path| !shared.iter().any(|shared| folder.starts_with(shared));
    let read = folders.into_iter().filter(is_apart).map(|folder| format!("{0}:{0}:ro", folder.display()));
    let shared = shared.iter().map(|path| format!("{0}:{0}", path.display()));
    let mounts = shared.chain(read).flat_map(|mount| ["--volume".to_owned(), mount]);
    let gpus = Path::new("/proc/driver/nvidia/gpus").is_dir().then_some(["--gpus", "all"]);
    WorkerCommand::new("docker")
        .args(["run", "--rm", "--interactive", "--init", "--ipc", "host"])
        .args(gpus.into_iter().flatten())
        .args(OF_THE_HUB.into_iter().chain(names.iter().map(String::as_str)).flat_map(|name| ["--env", name]))
        .args(mounts)
        .args([image, "python"])
        .args(WORKER)
}

/// Variables of the hub's client; `docker` skips those that are not set.
const OF_THE_HUB: [&str; 5] = ["HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"];

fn python(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

/// Whether uv can be started.
pub fn has_uv() -> bool {
    Command::new("uv").arg("--version").output().is_ok()
}

/// Creates an environment with the lock file's packages; those in `extra` replace or extend them. uv's output goes to
/// stderr.
pub fn create_env(
    root: &Path,
    name: &str,
    python_version: Option<&str>,
    extra: &[String],
) -> Result<PythonEnv, PythonEnvError> {
    let folder = folder(root, name)?;
    if find_env(root, name).is_ok() {
        return Err(PythonEnvError::Exists { name: name.into() });
    }
    python_version.map_or(Ok(()), check_python)?;
    if !has_uv() {
        return Err(PythonEnvError::NoUv);
    }
    let package = folder.join("package");
    write_package(&package)?;
    let mut sync = uv(&folder);
    sync.args(["sync", "--frozen", "--no-dev", "--project"]).arg(&package);
    sync.args(python_version.iter().flat_map(|version| ["--python", version]));
    run(sync)?;
    if !extra.is_empty() {
        let mut install = uv(&folder);
        install.args(["pip", "install", "--python"]).arg(python(&folder)).args(extra);
        run(install)?;
    }
    let [version, diffusers, torch] = versions(&folder, name)?;
    let env = PythonEnv { name: name.into(), python: version, diffusers, torch, extra: extra.to_vec() };
    let record = folder.join(RECORD);
    let text = serde_json::to_vec_pretty(&env).map_err(|error| io_error(&record, io::Error::other(error)))?;
    fs::write(&record, text).map_err(|source| io_error(&record, source))?;
    Ok(env)
}

/// Removes an environment, finished or not.
pub fn remove_env(root: &Path, name: &str) -> Result<(), PythonEnvError> {
    let folder = folder(root, name)?;
    if !folder.is_dir() {
        return find_env(root, name).map(drop);
    }
    fs::remove_dir_all(&folder).map_err(|source| io_error(&folder, source))
}

fn io_error(path: &Path, source: io::Error) -> PythonEnvError {
    PythonEnvError::Io { path: path.display().to_string(), source }
}

fn write_package(package: &Path) -> Result<(), PythonEnvError> {
    let write = |path: PathBuf, content: &[u8]| {
        let folder = path.parent().unwrap_or(package);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .map_err(|source| io_error(&path, source))
    };
    for (name, content) in PROJECT {
        write(package.join(name), content.as_bytes())?;
    }
    let wanted =
        |name: &Path| name.extension().is_some_and(|end| end == "py" || end == "toml" || end == "typed");
    sources(&SOURCE)
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .try_for_each(|(name, content)| write(package.join("src").join(name), content))
}

fn sources(dir: &'static Dir<'static>) -> Vec<(&'static Path, &'static [u8])> {
    let own = dir.files().map(|file| (file.path(), file.contents()));
    own.chain(dir.dirs().flat_map(sources)).collect()
}

/// Texts of the files of one folder of the worker's source.
pub(crate) fn package_file_texts(folder: &str) -> Vec<&'static str> {
    SOURCE.get_dir(folder).into_iter().flat_map(Dir::files).filter_map(|file| file.contents_utf8()).collect()
}

fn uv(folder: &Path) -> Command {
    let mut command = Command::new("uv");
    command.env("UV_PROJECT_ENVIRONMENT", folder.join("venv")).env_remove("VIRTUAL_ENV");
    command
}

fn run(mut command: Command) -> Result<(), PythonEnvError> {
    // uv's output is for the person who waits, so it must not go to our stdout.
    let status = command.stdout(io::stderr()).status().map_err(|_| PythonEnvError::NoUv)?;
    if status.success() { Ok(()) } else { Err(PythonEnvError::Uv { status: status.to_string() }) }
}

/// Versions of Python, diffusers and PyTorch, as reported by the environment itself.
fn versions(folder: &Path, name: &str) -> Result<[String; 3], PythonEnvError> {
    const SCRIPT: &str = "import platform, diffusers, torch, vidbench_diffusers.model\n\
                          print(platform.python_version(), diffusers.__version__, torch.__version__)";
    let fail = |why: String| PythonEnvError::Import { name: name.into(), why };
    let answer = Command::new(python(folder))
        .args(["-c", SCRIPT])
        .output()
        .map_err(|error| fail(error.to_string()))?;
    let said = String::from_utf8_lossy(&answer.stdout);
    let words: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
    words.try_into().map_err(|_| {
        let log = String::from_utf8_lossy(&answer.stderr).into_owned();
        fail(log.lines().last().unwrap_or("no output").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_package_is_inside_the_program() {
        let folder = tempfile::tempdir().unwrap();
        write_package(folder.path()).unwrap();
        for name in ["pyproject.toml", "uv.lock", "src/vidbench_diffusers/__main__.py"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
        let tiny = folder.path().join("src/vidbench_diffusers/architectures/tiny");
        assert!(fs::read_dir(tiny).unwrap().count() > 1);
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let root = Path::new("/nowhere");
        for name in ["", "..", "a/b", ".hidden", "-x", "ä"] {
            assert!(matches!(find_env(root, name), Err(PythonEnvError::Name { .. })), "{name}");
        }
        assert!(matches!(find_env(root, "diffusers"), Err(PythonEnvError::Missing { .. })));
    }

    #[test]
    fn an_environment_without_a_record_was_not_finished() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("half")).unwrap();
        let error = find_env(root.path(), "half").unwrap_err();
        assert_eq!(error.to_string(), "environment half is incomplete");
        assert!(error.hint().unwrap().contains("vidbench env create half"));
        // A file among them is none, and does not lead in a circle.
        fs::write(root.path().join("file"), "").unwrap();
        assert!(matches!(find_env(root.path(), "file"), Err(PythonEnvError::Missing { .. })));
        remove_env(root.path(), "half").unwrap();
        assert!(list_envs(root.path()).unwrap().is_empty());
        assert!(list_envs(&root.path().join("none")).unwrap().is_empty());
        assert!(list_envs(&root.path().join("file")).is_err());
    }

    #[test]
    fn a_python_that_the_packages_are_not_for_is_refused_before_it_is_fetched() {
        for version in ["3", "3.11", "3.13.2", "/usr/bin/python3", "cpython@3.9", "3.x"] {
            assert!(check_python(version).is_ok(), "{version}");
        }
        for version in ["3.9", "3.14.0", "2.7", "4"] {
            let error = check_python(version).unwrap_err().to_string();
            assert_eq!(error, format!("the diffusers worker runs on Python 3.11 to 3.13, not on {version}"));
        }
        let package = include_str!("../../../workers/diffusers/pyproject.toml");
        let range = format!("requires-python = \">=3.{},<3.{}\"", PYTHONS.start(), PYTHONS.end() + 1);
        assert!(package.contains(&range), "{range}");
    }

    #[test]
    fn a_container_sees_the_workspace_under_its_own_name() {
        let inputs = ["/images/a.png", "/images/b.png", "/data/ws/c.png"].map(Path::new);
        let command = worker_in_container(
            "example/worker:1",
            &[PathBuf::from("/data/ws")],
            &inputs,
            &["MY_KEY".into()],
        );
        let args: Vec<String> = command.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let text = args.join(" ");
        assert!(text.starts_with("run --rm --interactive --init --ipc host"), "{text}");
        assert!(text.contains("--env HF_TOKEN --env HF_HUB_OFFLINE --env MY_KEY"), "{text}");
        assert!(
            text.ends_with(
                "--volume /data/ws:/data/ws --volume /images:/images:ro example/worker:1 \
                 python -m vidbench_diffusers --end-with-client"
            ),
            "{text}"
        );
    }
}
