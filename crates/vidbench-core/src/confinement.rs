//! Limits on workers: those that a suite asks for, and those that were in force.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits on model workers; docs/confinement.md explains how each is enforced. A model's own `confinement` replaces the
/// suite's entirely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Confinement {
    /// Maximum main memory of a worker and everything it starts, in MiB: memory that was written and is not backed by a file. Above it, the worker
    /// is stopped and the sample is `out_of_memory`. Default no limit.
    #[schemars(range(min = 64, max = 1_000_000_000))]
    pub memory_mib: Option<u64>,
    /// Maximum processor seconds of one request, over all threads and everything the worker starts. Above it, the worker is stopped
    /// and the sample is `limit_exceeded`. Default no limit.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub cpu_secs: Option<u64>,
    /// Maximum number of open files per process.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub open_files: u64,
    /// Maximum size of a written file, in MiB.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub file_size_mib: u64,
    /// Network access.
    pub network: Network,
    /// File access.
    pub filesystem: Filesystem,
    /// Additional readable files and folders when `filesystem` is `confined`, relative to the suite file; mainly weights.
    #[schemars(length(max = 100), inner(length(min = 1, max = 4096)))]
    pub readable: Vec<String>,
    /// Additional readable and writable files and folders when `filesystem` is `confined`, relative to the suite file.
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

/// Network access of a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// The same as vidbench.
    #[default]
    Allow,
    /// None, not even to this machine. If the machine cannot enforce it, nothing runs.
    Deny,
    /// No TCP, using Landlock alone; UDP, and with it host name lookup, still works.
    DenyTcp,
}

/// File access of a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Filesystem {
    /// The same files as the user.
    #[default]
    Open,
    /// It reads system programs and libraries, its own program, files named in its arguments, and `readable`; it writes to the folder for the run's
    /// videos, and `writable`. If the machine cannot enforce it, nothing runs.
    Confined,
}

/// Limits on the worker that decodes and scores, because it reads untrusted files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScorerSettings {
    /// Whether to cut off its network, limit its reads to what scoring needs and forbid it to write.
    pub confine: Confine,
    /// Maximum main memory, in MiB; default three quarters of the machine's.
    #[schemars(range(min = 64, max = 1_000_000_000))]
    pub memory_mib: Option<u64>,
}

/// How far to confine a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confine {
    /// As far as the machine can; what it cannot enforce is reported and recorded.
    #[default]
    IfPossible,
    /// Fully, or nothing runs.
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
            Self::Namespace => "no network (own namespace)",
            Self::Bubblewrap => "no network (bubblewrap)",
            Self::LandlockTcp => "no TCP (Landlock; UDP still works)",
        }
    }
}

impl fmt::Display for HeldWorker {
    /// In one line: `scorer: memory 18.0 GiB, no network (own namespace), files confined (Landlock ABI 7)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1_u32 << 30));
        let parts = [
            self.memory_bytes.map(|bytes| format!("memory {}", gib(bytes))),
            self.cpu_secs.map(|secs| format!("{secs} processor seconds per request")),
            self.open_files.map(|files| format!("{files} open files")),
            self.file_size_bytes.map(|bytes| format!("files up to {}", gib(bytes))),
            self.network.map(|cut| cut.described().to_owned()),
            self.landlock_abi.map(|abi| format!("files confined (Landlock ABI {abi})")),
        ];
        let missing = self.missing.iter().map(|what| format!("not enforced: {what}"));
        let parts: Vec<String> = parts.into_iter().flatten().chain(missing).collect();
        let parts = if parts.is_empty() { "no limits".to_owned() } else { parts.join(", ") };
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
        assert_eq!(free.to_string(), "m: no limits");
        let held = HeldWorker {
            memory_bytes: Some(3 << 29),
            network: Some(NetworkCut::LandlockTcp),
            landlock_abi: Some(7),
            missing: vec!["UDP".into()],
            ..free
        };
        assert_eq!(
            held.to_string(),
            "m: memory 1.5 GiB, no TCP (Landlock; UDP still works), files confined (Landlock ABI 7), not enforced: UDP"
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
