//! Landlock: which files a process can reach, whether it may use TCP, and that it cannot interfere with processes
//! outside.
//!
//! A process that Landlock holds can trace none of those outside, and so read no environment of theirs unless it is root's; from ABI 6 on it can
//! signal none of them and use none of their abstract sockets either.

use std::fs;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use vidbench_core::NetworkCut;

use crate::{ReachableFiles, Walls};

/// Where programs and libraries lie, and what they read in order to run. No personal folder, and no secrets of `/etc`.
const SYSTEM: [&str; 29] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/sys",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/OpenCL",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/vulkan",
];

/// Devices that hold no user's data.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/kfd",
    "/dev/dri",
    "/dev/nvidia-caps",
];

/// Files are confined from this version on: earlier versions let a process empty a file that it may not write.
const FILES_SINCE: ABI = ABI::V3;

/// Restricts this process for good.
pub(super) fn restrict(walls: &Walls) -> Result<(), RulesetError> {
    let mut rules = Ruleset::default();
    if walls.files.is_some() {
        rules = rules
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(FILES_SINCE))?;
        rules = rules.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::IoctlDev)?;
    }
    if walls.network == Some(NetworkCut::LandlockTcp) {
        rules = rules
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessNet::from_all(ABI::V4))?;
    }
    if has_scopes() {
        rules = rules.set_compatibility(CompatLevel::HardRequirement).scope(Scope::from_all(ABI::V6))?;
    } else if walls.files.is_none() && walls.network != Some(NetworkCut::LandlockTcp) {
        // Only a network namespace is asked for, and Landlock has nothing to add to it.
        return Ok(());
    }
    let mut rules = rules.set_compatibility(CompatLevel::BestEffort).create()?;
    if let Some(ReachableFiles { readable, writable }) = &walls.files {
        let read = AccessFs::from_read(FILES_SINCE);
        let device = AccessFs::ReadFile
            | AccessFs::ReadDir
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::IoctlDev;
        rules = rules
            .add_rules(path_beneath_rules(SYSTEM, read))?
            .add_rules(path_beneath_rules(readable, read))?
            .add_rules(path_beneath_rules(writable, AccessFs::from_all(FILES_SINCE)))?
            .add_rules(path_beneath_rules(devices(), device))?;
    }
    rules.restrict_self().map(drop)
}

fn has_scopes() -> bool {
    let asked =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).scope(Scope::from_all(ABI::V6));
    asked.is_ok()
}

/// [`DEVICES`], and NVIDIA's devices, whose names are numbered.
fn devices() -> Vec<PathBuf> {
    let numbered = fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let nvidia = numbered.filter(|name| name.to_string_lossy().starts_with("nvidia"));
    DEVICES.iter().map(PathBuf::from).chain(nvidia.map(|name| PathBuf::from("/dev").join(name))).collect()
}

/// The version of Landlock's interface that this kernel and vidbench share. To find it out, this process is given a
/// restriction that forbids nothing.
pub(super) fn version() -> Result<u32, String> {
    let everything: BitFlags<AccessFs> = AccessFs::Execute.into();
    let restricted = Ruleset::default()
        .handle_access(everything)
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(["/"], everything)))
        .and_then(|rules| rules.restrict_self())
        .map_err(|error| error.to_string())?;
    match restricted.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as u32),
        LandlockStatus::NotEnabled => Err("the kernel was started without it (lsm=)".into()),
        LandlockStatus::NotImplemented => {
            Err("the kernel does not support it (Linux 5.13 and newer do)".into())
        }
    }
}
