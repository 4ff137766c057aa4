//! How many scorers work in parallel, and which device computes their nets.

use vidbench_core::{MetricId, NetDevice, NetsInUse};

use super::UserError;
use crate::cli::NetArgs;
use crate::ui::Ui;

/// Memory that a scorer takes apart from its nets: frames, decoder, runtime.
const WITHOUT_NETS_BYTES: u64 = 256 << 20;

/// A net in use takes more memory than its weights: ViT-L/14 takes 1.8 GB for 1.2 GB of weights (ONNX Runtime 1.32). A
/// factor of two leaves room.
const OF_WEIGHTS: u64 = 2;

/// The named devices, each once.
///
/// # Errors
///
/// When they are of several kinds: a clip's numbers would depend on which device happens to compute them.
pub(crate) fn devices(nets: &NetArgs) -> Result<Vec<NetDevice>, UserError> {
    let mut devices: Vec<NetDevice> = Vec::new();
    for device in &nets.net_device {
        if !devices.contains(device) {
            devices.push(*device);
        }
    }
    let first = devices.first().copied().unwrap_or_default();
    match devices.iter().find(|device| device.kind() != first.kind()) {
        None => Ok(devices),
        Some(other) => Err(UserError::new(
            format!("--net-device names {first} and {other}, which are different kinds of devices"),
            "name devices of one kind: other kinds compute different values for the same clip",
        )),
    }
}

/// Warns, before the work, of metrics that will have no value for want of weights.
pub(crate) fn warn_of_absent_weights(nets: Option<&NetsInUse>, ui: Ui) {
    for net in nets.iter().flat_map(|nets| &nets.weights).filter(|net| net.sha256.is_none()) {
        let why = vidbench::why_no_weights(&net.net, net.random_seed);
        ui.say(&format!("warning: metrics that use the net {} are not available: {why}", net.net));
    }
}

/// The device of each scorer. Unless a number is given, there is one scorer for each device that is not the processor;
/// otherwise one for each core, as far as memory has room for the nets of `metrics` in each of them.
pub(crate) fn scorers(
    workers: Option<u16>,
    devices: &[NetDevice],
    metrics: &[MetricId],
    ui: Ui,
) -> Vec<NetDevice> {
    let of_cores = devices.iter().all(NetDevice::is_cpu);
    let by_default = || if of_cores { by_memory(metrics, ui) } else { devices.len() };
    devices.iter().copied().cycle().take(workers.map_or_else(by_default, usize::from)).collect()
}

fn by_memory(metrics: &[MetricId], ui: Ui) -> usize {
    let weights = vidbench::weights_bytes(metrics);
    let available = vidbench_runner::available_memory_bytes();
    let (cores, each) = (cores(), WITHOUT_NETS_BYTES + OF_WEIGHTS * weights);
    let fit = available.filter(|_| weights > 0).map_or(cores, |bytes| fitting(cores, each, bytes));
    if fit < cores {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        ui.say(&format!(
            "note: {} instead of {cores}: each may need {:.1} GiB for its nets, and {:.1} GiB are free; override with --workers N",
            if fit == 1 { "one scorer".into() } else { format!("{fit} scorers") },
            gib(each),
            gib(available.unwrap_or(0))
        ));
    }
    fit
}

/// How many scorers of `each` bytes fit into memory; a fifth of it stays free.
fn fitting(cores: usize, each: u64, available: u64) -> usize {
    usize::try_from(available / 5 * 4 / each).unwrap_or(usize::MAX).clamp(1, cores)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_memory_has_room_for_and_always_one() {
        const GIB: u64 = 1 << 30;
        assert_eq!(fitting(64, 4 * GIB, 100 * GIB), 20);
        assert_eq!(fitting(8, 4 * GIB, 100 * GIB), 8);
        assert_eq!(fitting(8, 4 * GIB, GIB), 1);
        assert_eq!(fitting(1, u64::MAX, 0), 1);
    }
}
