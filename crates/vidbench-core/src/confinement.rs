//! Limits on workers: those that a suite asks for, and those that were in force.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the workers of models may use; docs/confinement.md says what holds each limit. A model's own `confinement` takes the place of the
/// suite's as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Confinement {
    /// Most main memory that a worker may hold with everything it has started, in MiB: what is written once and not backed by a file. More ends it,
    /// and the sample is `out_of_memory`. No limit when absent.
    #[schemars(range(min = 64, max = 1_000_000_000))]
    pub memory_mib: Option<u64>,
    /// Most processor seconds that one request may take, those of all threads and of everything the worker has started. More ends the worker,
    /// and the sample is `limit_exceeded`. No limit when absent.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub cpu_secs: Option<u64>,
    /// Most files that each process may have open.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub open_files: u64,
    /// Largest file that may be written, in MiB.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub file_size_mib: u64,
    /// Whether there is a network.
    pub network: Network,
    /// Which files can be reached.
    pub filesystem: Filesystem,
    /// Files and folders that can be read besides where `filesystem` is `confined`, relative to the suite file: weights above all.
    #[schemars(length(max = 100), inner(length(min = 1, max = 4096)))]
    pub readable: Vec<String>,
    /// Files and folders that can be read and written besides where `filesystem` is `confined`, relative to the suite file.
    #[schemars(length(max = 100), inner(length(min = 1, max = 4096)))]
    pub writable: Vec<String>,
}

impl Default for Confinement {
    /// What breaks nobody: larger than any file and any number of files that a model is known to need.
    fn default() -> Self {
        Self {
            memory_mib: None,
            cpu_secs: None,
            open_files: 65_536,
            file_size_mib: 65_536,
            network: Network::Allow,
            filesystem: Filesystem::Open,
            readable: Vec::new(),
            writable: Vec::new(),
        }
    }
}

/// Whether a worker has a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// As vidbench has it.
    #[default]
    Allow,
    /// None, not even to this machine; a machine that cannot cut it off runs nothing.
    Deny,
    /// No TCP, by Landlock alone; UDP, and with it names of hosts, goes on.
    DenyTcp,
}

/// Which files a worker can reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Filesystem {
    /// Those that the user can.
    #[default]
    Open,
    /// It reads the system's programs and libraries, its own program, files that its arguments name, and `readable`; it writes where the videos of the
    /// run are made, and `writable`. A machine that cannot confine it runs nothing.
    Confined,
}

/// What holds the worker that decodes and scores: it reads untrusted files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScorerSettings {
    /// Whether it has no network, reads only what it scores with and writes nothing.
    pub confine: Confine,
    /// Most main memory that it may hold, in MiB; three quarters of the machine's when absent.
    #[schemars(range(min = 64, max = 1_000_000_000))]
    pub memory_mib: Option<u64>,
}

/// How much a worker is to be confined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confine {
    /// As far as the machine can; what it cannot is told and recorded.
    #[default]
    IfPossible,
    /// Wholly, or nothing is run.
    Required,
    /// Not at all.
    No,
}

impl Confine {
    /// Its values, as they are written.
    pub const NAMES: [(&'static str, Self); 3] =
        [("if-possible", Self::IfPossible), ("required", Self::Required), ("no", Self::No)];
}

/// The limits that were in force for a worker in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldWorker {
    /// A model, or `scorer`.
    pub worker: String,
    /// Most main memory it could hold, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most processor seconds that a request could take.
    pub cpu_secs: Option<u64>,
    /// Most files that a process could have open.
    pub open_files: Option<u64>,
    /// Largest file it could write, in bytes.
    pub file_size_bytes: Option<u64>,
    /// What cut off its network; `None` where it has a network.
    pub network: Option<NetworkCut>,
    /// The version of the Landlock interface that confined its files; `None` where they were open.
    pub landlock_abi: Option<u32>,
    /// Limits that could not be enforced, and why.
    pub missing: Vec<String>,
}

/// What cuts off a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkCut {
    /// A network namespace of its own, with nothing in it.
    Namespace,
    /// A network namespace that bubblewrap made.
    Bubblewrap,
    /// Landlock: TCP only.
    LandlockTcp,
}

impl NetworkCut {
    /// The word used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Bubblewrap => "bubblewrap",
            Self::LandlockTcp => "landlock-tcp",
        }
    }

    /// For people.
    pub fn described(self) -> &'static str {
        match self {
            Self::Namespace => "no network (a namespace of its own)",
            Self::Bubblewrap => "no network (bubblewrap)",
            Self::LandlockTcp => "no TCP (Landlock; UDP goes on)",
        }
    }
}

impl fmt::Display for HeldWorker {
    /// In one line: `scorer: memory 18.0 GiB, no network (a namespace of its own), files confined (Landlock ABI 7)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1_u32 << 30));
        let parts = [
            self.memory_bytes.map(|bytes| format!("memory {}", gib(bytes))),
            self.cpu_secs.map(|secs| format!("{secs} processor seconds a request")),
            self.open_files.map(|files| format!("{files} open files")),
            self.file_size_bytes.map(|bytes| format!("files of {}", gib(bytes))),
            self.network.map(|cut| cut.described().to_owned()),
            self.landlock_abi.map(|abi| format!("files confined (Landlock ABI {abi})")),
        ];
        let missing = self.missing.iter().map(|what| format!("not held: {what}"));
        let parts: Vec<String> = parts.into_iter().flatten().chain(missing).collect();
        let parts = if parts.is_empty() { "held by nothing".to_owned() } else { parts.join(", ") };
        write!(f, "{}: {parts}", self.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_force_is_one_line() {
        let free = HeldWorker {
            worker: "m".into(),
            memory_bytes: None,
            cpu_secs: None,
            open_files: None,
            file_size_bytes: None,
            network: None,
            landlock_abi: None,
            missing: vec![],
        };
        assert_eq!(free.to_string(), "m: held by nothing");
        let held = HeldWorker {
            memory_bytes: Some(3 << 29),
            network: Some(NetworkCut::LandlockTcp),
            landlock_abi: Some(7),
            missing: vec!["UDP".into()],
            ..free
        };
        assert_eq!(
            held.to_string(),
            "m: memory 1.5 GiB, no TCP (Landlock; UDP goes on), files confined (Landlock ABI 7), not held: UDP"
        );
    }

    #[test]
    fn names_agree_with_serde() {
        for (name, confine) in Confine::NAMES {
            assert_eq!(serde_json::to_value(confine).unwrap(), name);
        }
        for cut in [NetworkCut::Namespace, NetworkCut::Bubblewrap, NetworkCut::LandlockTcp] {
            assert_eq!(serde_json::to_value(cut).unwrap(), cut.name());
        }
    }
}
