//! The system calls, in an order in which none prevents a later one.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{getegid, geteuid, getppid};
use vidbench_core::NetworkCut;

use super::{Bounds, BoundsError, landlock};
use crate::Walls;

/// Sets everything except what bubblewrap sets.
pub(super) fn set(bounds: &Bounds) -> Result<(), BoundsError> {
    let unset = |what| move |why: Errno| BoundsError::Unset { what, why: why.to_string() };
    if bounds.walls.network == Some(NetworkCut::Namespace) {
        cut_off_network().map_err(|why| BoundsError::Unset { what: "network", why })?;
    }
    // A process under Landlock cannot mount anything, which bubblewrap has to do. With bubblewrap, Landlock is applied
    // inside it instead.
    if bounds.walls != Walls::default() && bounds.walls.network != Some(NetworkCut::Bubblewrap) {
        landlock::restrict(&bounds.walls)
            .map_err(|error| BoundsError::Unset { what: "Landlock", why: error.to_string() })?;
    }
    // A core file would hold everything the worker has in memory.
    lower(Resource::RLIMIT_CORE, 0).map_err(unset("core files"))?;
    for (what, resource, limit) in [
        ("open files", Resource::RLIMIT_NOFILE, bounds.open_files),
        ("file size", Resource::RLIMIT_FSIZE, bounds.file_size_bytes),
    ] {
        limit.map_or(Ok(()), |limit| lower(resource, limit)).map_err(unset(what))?;
    }
    Ok(())
}

/// Lowers a limit for good; a limit that is lower already stays as it is.
fn lower(resource: Resource, to: u64) -> Result<(), Errno> {
    let (soft, hard) = getrlimit(resource)?;
    setrlimit(resource, soft.min(to), hard.min(to))
}

/// Moves this process into an empty network of its own. A user who has no right to that gets it inside a user
/// namespace.
pub(super) fn cut_off_network() -> Result<(), String> {
    if unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    let (parent, dies_with_parent) = (getppid(), prctl::get_pdeathsig().ok().flatten());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| format!("no network namespace: {errno}"))?;
    let map = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(|error| format!("/proc/self/{file}: {error}"))
    };
    map("setgroups", "deny".into())?;
    map("uid_map", format!("{user} {user} 1"))?;
    map("gid_map", format!("{group} {group} 1"))?;
    // A change of credentials may make the kernel forget the parent-death signal.
    prctl::set_pdeathsig(dies_with_parent).map_err(|errno| format!("dying with the parent: {errno}"))?;
    if getppid() == parent { Ok(()) } else { Err("the parent has ended".into()) }
}

/// Becomes the program; returns only on failure, with the reason.
pub(super) fn become_program(program: &OsStr, args: &[OsString]) -> BoundsError {
    let source = Command::new(program).args(args).exec();
    BoundsError::Program { program: program.into(), source }
}

/// Becomes bubblewrap, which starts the launcher again without network. That launcher sets the remaining bounds and
/// becomes the program.
pub(super) fn through_bubblewrap(bounds: &Bounds, program: &OsStr, args: &[OsString]) -> BoundsError {
    let Ok(own) = std::env::current_exe() else {
        return BoundsError::Unset { what: "network", why: "the path of this program is unknown".into() };
    };
    let left = Bounds { walls: Walls { network: None, ..bounds.walls.clone() }, ..bounds.clone() };
    let mut bubblewrap = Command::new(super::means::BUBBLEWRAP);
    bubblewrap.args(super::means::WITHOUT_NETWORK).arg("--").arg(own).args(left.arguments(program, args));
    BoundsError::Unset {
        what: "network",
        why: format!("bubblewrap cannot be started: {}", bubblewrap.exec()),
    }
}
