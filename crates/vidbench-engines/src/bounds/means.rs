//! How this machine can confine a worker, found out by trying.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vidbench_core::NetworkCut;

use super::{landlock, system};
use crate::asking::output_within;
use crate::wire::can_watch;

/// Time limit of each trial. Both trials take milliseconds, or some seconds on an overloaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that makes namespaces; some systems allow it to, and no other program.
pub(super) const BUBBLEWRAP: &str = "bwrap";
/// Arguments for bubblewrap: all files as they are, and no network.
pub(super) const WITHOUT_NETWORK: [&str; 5] = ["--die-with-parent", "--dev-bind", "/", "/", "--unshare-net"];

/// The first version of Landlock that confines files (earlier ones let a file be emptied), and the first that restricts
/// TCP.
const FILES_SINCE: u32 = 3;
const TCP_SINCE: u32 = 4;

/// What this machine can do, or why it cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// The version of Landlock's interface.
    pub landlock_abi: Result<u32, String>,
    /// Whether vidbench can make a network namespace of its own.
    pub namespace: Result<(), String>,
    /// Whether bubblewrap can make one; not tried where vidbench can.
    pub bubblewrap: Option<Result<(), String>>,
    /// Whether the harness can read what a worker and its descendants use.
    pub watch: Result<(), String>,
}

impl Means {
    /// Tries everything on this process, which must serve no other purpose: it stays restricted afterwards.
    pub fn try_out() -> Self {
        let namespace = system::cut_off_network();
        let bubblewrap = namespace.is_err().then(try_bubblewrap);
        let watch = can_watch().map_err(|error| format!("/proc/PID/task/TID/children: {error}"));
        Self { landlock_abi: landlock::version(), namespace, bubblewrap, watch }
    }

    /// Has vidbench try everything out in a process of its own.
    pub fn of(vidbench: &Path) -> Self {
        let asked = output_within(Command::new(vidbench).args(["worker", "means"]), PATIENCE);
        let told = asked.map_err(|error| error.to_string());
        let means =
            told.and_then(|output| serde_json::from_slice(&output.stdout).map_err(|error| error.to_string()));
        means.unwrap_or_else(|why| {
            Self::unknown(&format!("{} cannot determine it: {why}", vidbench.display()))
        })
    }

    /// No means at all, for the reason `why`.
    pub fn unknown(why: &str) -> Self {
        let no = why.to_owned();
        let bubblewrap = Some(Err(no.clone()));
        Self { landlock_abi: Err(no.clone()), namespace: Err(no.clone()), bubblewrap, watch: Err(no) }
    }
}

impl Means {
    /// What cuts off the whole network, or why nothing does.
    ///
    /// # Errors
    /// Each thing that was tried, with its reason.
    pub fn network_cut(&self) -> Result<NetworkCut, String> {
        match (&self.namespace, &self.bubblewrap) {
            (Ok(()), _) => Ok(NetworkCut::Namespace),
            (Err(_), Some(Ok(()))) => Ok(NetworkCut::Bubblewrap),
            (Err(namespace), None) => Err(namespace.clone()),
            (Err(namespace), Some(Err(bubblewrap))) => Err(format!("{namespace}; {bubblewrap}")),
        }
    }

    /// What cuts off TCP at least.
    ///
    /// # Errors
    /// Why Landlock does not.
    pub fn tcp_cut(&self) -> Result<NetworkCut, String> {
        self.landlock_since(TCP_SINCE).map(|_| NetworkCut::LandlockTcp)
    }

    /// The version of Landlock's interface, if it confines files.
    ///
    /// # Errors
    /// Why it does not.
    pub fn files_abi(&self) -> Result<u32, String> {
        self.landlock_since(FILES_SINCE)
    }

    fn landlock_since(&self, since: u32) -> Result<u32, String> {
        match self.landlock_abi.clone().map_err(|why| format!("no Landlock: {why}"))? {
            abi if abi >= since => Ok(abi),
            abi => Err(format!("Landlock has ABI {abi}, but {since} is needed")),
        }
    }
}

fn try_bubblewrap() -> Result<(), String> {
    let mut wrapped = Command::new(BUBBLEWRAP);
    match output_within(wrapped.args(WITHOUT_NETWORK).args(["--", "true"]), PATIENCE / 2) {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("bwrap: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("bwrap cannot be started: {error}")),
    }
}

/// Where bubblewrap is, if it is on `PATH`.
pub fn bubblewrap() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(BUBBLEWRAP)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_works_is_taken_and_what_fails_is_told() {
        fn no<T>(why: &str) -> Result<T, String> {
            Err(why.to_owned())
        }
        let means =
            |abi, namespace, bubblewrap| Means { landlock_abi: abi, namespace, bubblewrap, watch: Ok(()) };
        let all = means(Ok(7), Ok(()), None);
        assert_eq!((all.network_cut(), all.files_abi()), (Ok(NetworkCut::Namespace), Ok(7)));
        let wrapped = means(Ok(3), no("not permitted"), Some(Ok(())));
        assert_eq!((wrapped.network_cut(), wrapped.files_abi()), (Ok(NetworkCut::Bubblewrap), Ok(3)));
        assert_eq!(wrapped.tcp_cut(), no("Landlock has ABI 3, but 4 is needed"));
        let none = means(Err("old".into()), no("not permitted"), Some(no("bwrap is not there")));
        assert_eq!(none.network_cut(), no("not permitted; bwrap is not there"));
        assert_eq!(none.files_abi(), no("no Landlock: old"));
    }
}
