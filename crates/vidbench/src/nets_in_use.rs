//! The nets of metrics on this machine: their weights, and the runtime that computes them.

use std::process::{Command, Stdio};

use vidbench_core::{MetricId, NetDevice, NetOptions, NetRuntime, NetsInUse, WeightsInUse, with_causes};
use vidbench_metrics::Metric;
use vidbench_nn::nets::{Net, Skeleton};
use vidbench_nn::{NetState, NetStore, NetStoreError, ReadyNet, Runtime, SessionOptions};
use vidbench_worker::StoredNets;

use crate::WorkerPrograms;

/// The nets for a scorer.
pub fn stored_nets(nets: NetOptions) -> StoredNets {
    StoredNets::new(nets.random_seed, session_options(nets))
}

/// How a net is run: on one thread, because there are many clips and scorers work in parallel.
pub fn session_options(nets: NetOptions) -> SessionOptions {
    let runtime = match nets.runtime {
        NetRuntime::Auto => Runtime::Auto,
        NetRuntime::OnnxRuntime => Runtime::OnnxRuntime,
        NetRuntime::Tract => Runtime::Tract,
    };
    SessionOptions { threads: 1, runtime, device: nets.device }
}

fn names(metrics: &[MetricId]) -> Vec<&'static str> {
    let of_metric = |id: &MetricId| match Metric::from_id(id.as_str()) {
        Ok(metric @ (Metric::Net(_) | Metric::NetSet(_))) => metric.descriptor().nets,
        Ok(_) | Err(_) => &[],
    };
    let mut names: Vec<&str> = metrics.iter().flat_map(of_metric).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Bytes of the weights of the nets that the metrics use, at the 32 bits per number used for computing.
pub fn weights_bytes(metrics: &[MetricId]) -> u64 {
    let bytes = |net: Skeleton| net.tensors().iter().map(|tensor| 4 * tensor.elements() as u64).sum::<u64>();
    names(metrics).into_iter().filter_map(|net| Skeleton::of(net).ok()).map(bytes).sum()
}

/// The nets of these metrics that have weights and are still to be prepared ([`Net::prepare`]).
pub fn unprepared_nets(metrics: &[MetricId], nets: NetOptions) -> Vec<&'static str> {
    let Ok(store) = store_of(nets) else { return Vec::new() };
    let is_left = |name: &&'static str| {
        // A net without usable weights is reported by the metrics that need it.
        store.ready(name).is_ok_and(|ready| {
            Net::is_prepared(&ready.skeleton, &ready.weights, &session_options(nets)).is_ok_and(|done| !done)
        })
    };
    names(metrics).into_iter().filter(is_left).collect()
}

/// Prepares nets so that they load quickly, in a separate process. Scorers cannot do this, because they read untrusted
/// videos and may not write where nets are stored; that process reads no videos.
///
/// # Errors
///
/// The message of that process. Nothing is lost: scorers still load the nets, but need more time and memory for it.
pub fn prepare_nets(programs: &WorkerPrograms, names: &[&str], nets: NetOptions) -> Result<(), String> {
    if names.is_empty() {
        return Ok(());
    }
    let command = programs.net_preparer(nets, names);
    let output = Command::new(&command.program).args(&command.args).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default();
    Err(format!("{} ({})", first.trim_start_matches("error: "), output.status))
}

/// Prepares the nets that have weights, in this process.
///
/// # Errors
///
/// The first net that cannot be prepared, with the reason; the others are still prepared.
pub fn prepare_nets_here(names: &[String], nets: NetOptions) -> Result<(), String> {
    let store = store_of(nets).map_err(|error| error.to_string())?;
    let ready = names.iter().filter_map(|name| Some((name, store.ready(name).ok()?)));
    let prepare = |(name, ready): (&String, ReadyNet)| {
        Net::prepare(&ready.skeleton, &ready.weights, &session_options(nets))
            .map_err(|error| format!("{name}: {error}"))
    };
    let tried: Vec<_> = ready.map(prepare).collect();
    tried.into_iter().collect()
}

/// The nets that the metrics use; `None` if none of them uses a net.
pub fn nets_in_use(metrics: &[MetricId], nets: NetOptions) -> Option<NetsInUse> {
    let names = names(metrics);
    let store = NetStore::from_environment().ok();
    let weights = names.iter().map(|net| weights(store.as_ref(), net, nets.random_seed));
    (!names.is_empty()).then(|| NetsInUse { runtime: runtime(nets), weights: weights.collect() })
}

/// The store of this person, or the same nets with random weights.
fn store_of(nets: NetOptions) -> Result<NetStore, NetStoreError> {
    let store = NetStore::from_environment()?;
    Ok(match nets.random_seed {
        Some(seed) => store.random(seed),
        None => store,
    })
}

/// Why a net cannot be used, and what to do.
pub fn why_no_weights(net: &str, random_seed: Option<u64>) -> String {
    match store_of(NetOptions { random_seed, ..NetOptions::default() }).and_then(|store| store.ready(net)) {
        Ok(_) => "its weights have since been installed; score again".to_owned(),
        Err(error) => match error.hint() {
            Some(hint) => format!("{}; {hint}", with_causes(&error)),
            None => with_causes(&error),
        },
    }
}

fn weights(store: Option<&NetStore>, net: &str, random_seed: Option<u64>) -> WeightsInUse {
    let absent = WeightsInUse { net: net.to_owned(), sha256: None, pinned: false, random_seed };
    let Some(store) = store else { return absent };
    // Random weights are made here, once, before several scorers need them at the same time.
    let identity = match random_seed {
        Some(seed) => store.random(seed).ready(net).ok().map(|ready| ready.identity),
        None => match store.state(net) {
            Ok(NetState::Ready(identity)) => Some(identity),
            Ok(NetState::Absent | NetState::Damaged(_)) | Err(_) => None,
        },
    };
    match identity {
        Some(identity) => WeightsInUse { sha256: Some(identity.sha256), pinned: identity.pinned, ..absent },
        None => absent,
    }
}

/// Runtime and version, and the kind of device unless it is the processor: results depend on all three.
fn runtime(nets: NetOptions) -> String {
    let runtime = match (nets.runtime, vidbench_nn::onnx_runtime_version()) {
        (NetRuntime::Tract, _) | (NetRuntime::Auto, Err(_)) => vidbench_nn::tract_version(),
        (NetRuntime::Auto | NetRuntime::OnnxRuntime, Ok(version)) => version,
        (NetRuntime::OnnxRuntime, Err(_)) => "onnxruntime, which is not there",
    };
    match nets.device {
        NetDevice::Cpu => runtime.to_owned(),
        device @ (NetDevice::Cuda(_) | NetDevice::TensorRt(_)) => format!("{runtime} on {}", device.kind()),
    }
}
