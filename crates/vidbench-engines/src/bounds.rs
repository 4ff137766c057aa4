//! Bounds that a process sets on itself before it becomes a worker.
//!
//! The harness starts its own program as a launcher ([`Bounds::around`]). The launcher sets the bounds that the system
//! enforces, and then replaces itself with the worker ([`Bounds::enter`]), which keeps the launcher's process id,
//! group, pipes and working folder. None of this could be done between fork and exec, because it allocates. A bound
//! that cannot be set is an error, and no worker runs.

mod landlock;
mod means;
mod system;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use vidbench_core::NetworkCut;

use crate::{Limits, Walls, WorkerCommand};
pub use means::{Means, bubblewrap};

/// The bounds that the system enforces on a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Most open files of each process.
    pub open_files: Option<u64>,
    /// Largest file that may be written, in bytes.
    pub file_size_bytes: Option<u64>,
    /// What network and files the worker can reach.
    pub walls: Walls,
}

/// A bound that cannot be set, or a program that cannot be run within them.
#[derive(Debug, thiserror::Error)]
pub enum BoundsError {
    /// The system cannot set the bound.
    #[error("the worker cannot be confined: {what}: {why}")]
    Unset {
        /// What was to be set.
        what: &'static str,
        /// Why it was not set.
        why: String,
    },
    /// The worker's program does not run.
    #[error("worker {} cannot be started: {source}", program.display())]
    Program {
        /// The program.
        program: OsString,
        /// Why.
        source: io::Error,
    },
}

impl BoundsError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unset { .. } => Some(
                "`vidbench doctor` shows what this machine can enforce; docs/confinement.md explains what each key needs"
                    .into(),
            ),
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("give the path of a program, or put its folder on PATH".into())
            }
            Self::Program { .. } => None,
        }
    }
}

impl WorkerCommand {
    /// The same worker within limits and walls; `launcher` is vidbench.
    #[must_use]
    pub fn within(self, launcher: &Path, limits: Limits, walls: Walls) -> Self {
        // The harness itself watches memory and processor time.
        let Limits { open_files, file_size_bytes, .. } = limits;
        let bounds = Bounds { open_files, file_size_bytes, walls: walls.clone() };
        let args = bounds.arguments(&self.program, &self.args);
        Self { program: launcher.into(), args, limits, walls, ..self }
    }
}

impl Bounds {
    /// The arguments with which vidbench becomes the launcher of a program.
    pub fn arguments(&self, program: &OsStr, args: &[OsString]) -> Vec<OsString> {
        let number =
            |name: &str, number: Option<u64>| number.map(|number| [name.to_owned(), number.to_string()]);
        let texts =
            [number("--open-files", self.open_files), number("--file-size-bytes", self.file_size_bytes)];
        let network = self.walls.network.map(|cut| ["--network".to_owned(), cut.name().to_owned()]);
        let confine = self.walls.files.iter().map(|_| "--confine-files".into());
        let files = self.walls.files.iter();
        let paths = files.flat_map(|files| {
            let each = |name: &'static str, paths: &[PathBuf]| {
                paths
                    .iter()
                    .flat_map(move |path| [name.into(), path.clone().into_os_string()])
                    .collect::<Vec<OsString>>()
            };
            [each("--read", &files.readable), each("--write", &files.writable)].concat()
        });
        let words = ["worker", "confined"].map(OsString::from).into_iter();
        words
            .chain(texts.into_iter().chain([network]).flatten().flatten().map(OsString::from))
            .chain(confine)
            .chain(paths)
            .chain(["--".into(), program.to_owned()])
            .chain(args.iter().cloned())
            .collect()
    }

    /// Sets the bounds on this process, which must have a single thread, and becomes `program`. Returns only when that
    /// fails.
    pub fn enter(&self, program: &OsStr, args: &[OsString]) -> BoundsError {
        match system::set(self) {
            Err(error) => error,
            Ok(()) if self.walls.network == Some(NetworkCut::Bubblewrap) => {
                system::through_bubblewrap(self, program, args)
            }
            Ok(()) => system::become_program(program, args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReachableFiles;

    #[test]
    fn the_launcher_is_told_every_bound_and_then_the_program() {
        let files = ReachableFiles { readable: vec!["/usr".into()], writable: vec!["/tmp/a b".into()] };
        let walls = Walls { network: Some(NetworkCut::Namespace), files: Some(files) };
        let limits = Limits { memory_bytes: Some(1), open_files: Some(64), ..Limits::default() };
        let command = WorkerCommand::new("python3").args(["w.py"]).within(Path::new("/v"), limits, walls);
        let args: Vec<_> = command.args.iter().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(
            args.join("|"),
            "worker|confined|--open-files|64|--network|namespace|--confine-files|--read|/usr|--write|/tmp/a b|--|python3|w.py"
        );
        assert_eq!((command.program.to_str(), command.limits), (Some("/v"), limits));
    }
}
