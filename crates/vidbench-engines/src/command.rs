//! How a worker is started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::mark::{MARK, Mark};
use crate::{Limits, Walls};

/// Variables of the parent's environment that [`WorkerCommand::new`] hands on: where things are, in which language, and
/// which devices. Everything else, secrets above all, stays behind.
pub const PASSED_ENV: [&str; 15] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "RUST_BACKTRACE",
    "XDG_CACHE_HOME",
];

/// A program that speaks the worker protocol, with everything it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program; a name without a slash is looked up in `PATH`.
    pub program: OsString,
    /// Its arguments, without the program.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// Its working folder; the parent's when absent.
    pub cwd: Option<PathBuf>,
    /// What it is held to; see [`WorkerCommand::within`].
    pub limits: Limits,
    /// What network and files it can reach; see [`WorkerCommand::within`].
    pub walls: Walls,
}

impl WorkerCommand {
    /// A command that gets those variables of [`PASSED_ENV`] that this process has.
    pub fn new(program: impl Into<OsString>) -> Self {
        let command = Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            limits: Limits::default(),
            walls: Walls::default(),
        };
        command.pass_env(&PASSED_ENV)
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Passes on those variables of `names` that this process has.
    #[must_use]
    pub fn pass_env(mut self, names: &[&str]) -> Self {
        let found = names.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
        self.env.extend(found);
        self
    }

    /// The command, marked so that everything it starts can be found.
    pub(crate) fn to_std(&self, mark: &Mark) -> Command {
        use std::os::unix::process::CommandExt as _;

        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(&self.env).env(MARK, mark.as_str());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command.process_group(0);
        #[cfg(target_os = "linux")]
        bind_to_harness(&mut command, self.limits.are_watched());
        command
    }
}

/// Lets the kernel kill the worker when the thread that started it ends: a harness that was killed with -9 must not leave a
/// model on the device. A worker whose use is watched also adopts descendants whose parents have ended, so that
/// [`crate::family()`] finds them. Others do not, because they would have to collect them.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "code between fork and exec")]
fn bind_to_harness(command: &mut Command, adopts: bool) {
    use std::os::unix::process::CommandExt as _;

    let parent = nix::unistd::getpid();
    let before_exec = move || {
        nix::sys::prctl::set_child_subreaper(adopts)?;
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        // The parent may have ended before the kernel was asked.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
    };
    // SAFETY: the closure makes three system calls and allocates nothing, which is allowed between fork and exec.
    unsafe { command.pre_exec(before_exec) };
}
