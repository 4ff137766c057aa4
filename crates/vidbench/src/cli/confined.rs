//! `vidbench worker confined`: how the harness tells the launcher of a worker what to set.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use vidbench_core::NetworkCut;
use vidbench_engines::{Bounds, ReachableFiles, Walls};

/// What `vidbench_engines::Bounds::arguments` writes.
#[derive(Debug, Args)]
pub(crate) struct ConfinedArgs {
    /// Maximum number of open files.
    #[arg(long)]
    open_files: Option<u64>,
    /// Maximum file size in bytes.
    #[arg(long)]
    file_size_bytes: Option<u64>,
    /// How to cut off the network.
    #[arg(long, value_parser = network_cut)]
    network: Option<NetworkCut>,
    /// Restrict file access to --read and --write.
    #[arg(long)]
    confine_files: bool,
    /// File or folder that may be read.
    #[arg(long, allow_hyphen_values = true)]
    read: Vec<PathBuf>,
    /// File or folder that may be read and written.
    #[arg(long, allow_hyphen_values = true)]
    write: Vec<PathBuf>,
    /// The program and its arguments.
    #[arg(required = true, last = true)]
    program: Vec<OsString>,
}

impl ConfinedArgs {
    /// The bounds, and the program with its arguments.
    pub(crate) fn into_parts(self) -> (Bounds, Vec<OsString>) {
        let Self { open_files, file_size_bytes, network, confine_files, read, write, program } = self;
        let files = confine_files.then_some(ReachableFiles { readable: read, writable: write });
        let walls = Walls { network, files };
        (Bounds { open_files, file_size_bytes, walls }, program)
    }
}

fn network_cut(text: &str) -> Result<NetworkCut, String> {
    let all = [NetworkCut::Namespace, NetworkCut::Bubblewrap, NetworkCut::LandlockTcp];
    all.into_iter().find(|cut| cut.name() == text).ok_or_else(|| "not a way to cut off the network".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command, WorkerCommand};

    #[test]
    fn what_the_harness_writes_is_read_as_it_was_meant() {
        let files =
            ReachableFiles { readable: vec!["-odd name".into(), "/b".into()], writable: vec!["/w".into()] };
        let all = Bounds {
            open_files: Some(64),
            file_size_bytes: Some(1 << 20),
            walls: Walls { network: Some(NetworkCut::Bubblewrap), files: Some(files) },
        };
        for bounds in [all, Bounds::default()] {
            let written = bounds.arguments("prog".as_ref(), &["--flag".into(), "--".into()]);
            let read = Cli::try_parse_from([OsString::from("vidbench")].into_iter().chain(written)).unwrap();
            let Command::Worker(WorkerCommand::Confined(args)) = read.command else {
                panic!("another command")
            };
            assert_eq!(args.into_parts(), (bounds, ["prog", "--flag", "--"].map(OsString::from).to_vec()));
        }
    }
}
