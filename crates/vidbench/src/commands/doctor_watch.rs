//! `vidbench doctor --watch`: the machine's health, reading after reading.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use vidbench::SystemClock;
use vidbench_core::{Clock, HealthSettings, HealthState, PartState, Reading, rfc3339};
use vidbench_runner::{Checkup, MachineHealth};
use vidbench_store::Store;

use crate::cli::DoctorArgs;
use crate::ui::{LiveView, Ui};
use crate::{FAILED, INTERRUPTED, OK};

pub(crate) fn watch(args: &DoctorArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let stopped = listen()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut checkup =
        Checkup::new(disk_of(workspace), &HealthSettings::default(), writable(workspace), Arc::clone(&clock));
    let interval = Duration::from_secs_f64(args.interval);
    let mut view = LiveView::new(ui, !args.json);
    let mut taken = 0;
    loop {
        let finding = checkup.look();
        let time = rfc3339(clock.unix_ms());
        match (args.json, view.is_live()) {
            (true, _) => view.line(&as_json(&time, &finding))?,
            (false, true) => view.replace(&block(&time, &finding))?,
            (false, false) => view.line(&line(&time, &finding))?,
        }
        taken += 1;
        if args.count.is_some_and(|count| taken >= count) {
            return Ok(if finding.state == HealthState::Unhealthy { FAILED } else { OK });
        }
        if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
            return Ok(INTERRUPTED);
        }
    }
}

/// The channel gets one message on Ctrl-C or SIGTERM.
fn listen() -> Result<Receiver<()>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
    let (tell, told) = mpsc::channel();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            // Sending fails when the program is already ending and nothing receives; that is harmless.
            let _ = tell.send(());
        }
    })?;
    Ok(told)
}

/// The workspace or, before it exists, the folder it would be created in.
fn disk_of(workspace: &Path) -> &Path {
    let there = workspace.ancestors().find(|folder| folder.exists());
    there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Tried only once, because a write for each reading would disturb a run. `None` where there is no workspace.
fn writable(workspace: &Path) -> Option<Result<(), String>> {
    workspace.exists().then(|| {
        let store = Store::open_existing(workspace).and_then(|store| store.check_writable());
        store.map_err(|error| error.to_string())
    })
}

fn as_json(time: &str, finding: &MachineHealth) -> String {
    let MachineHealth { reading, state, parts } = finding;
    json!({ "schema_version": 1, "time": time, "health": state, "parts": parts, "reading": reading })
        .to_string()
}

/// One line: the overall state, the readings, and every part that is not well.
fn line(time: &str, finding: &MachineHealth) -> String {
    let bad = finding.parts.iter().filter(|part| part.state != PartState::Healthy);
    let reasons: Vec<String> =
        bad.map(|part| format!("{} {}: {}", part.part.name(), part.state.name(), part.reason)).collect();
    let facts = facts(&finding.reading).join(", ");
    let reasons = if reasons.is_empty() { String::new() } else { format!("; {}", reasons.join("; ")) };
    format!("{time}  {:<9}  {facts}{reasons}", finding.state.name())
}

/// The same contents as a small table that replaces the previous one.
fn block(time: &str, finding: &MachineHealth) -> Vec<String> {
    let head = format!("{time}  {}", finding.state.name().to_uppercase());
    let part = |part: &vidbench_core::PartHealth| {
        format!("{:<10} {:<19} {}", part.state.name(), part.part.name(), part.reason)
    };
    let facts = facts(&finding.reading).join(", ");
    std::iter::once(head)
        .chain(finding.parts.iter().map(part))
        .chain([facts, "Ctrl-C to stop".into()])
        .collect()
}

fn facts(reading: &Reading) -> Vec<String> {
    let percent = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {value:.0} %"));
    let host = [
        percent("cpu", reading.cpu_percent),
        percent("memory", reading.memory_percent()),
        percent("disk", reading.disk_percent()),
    ];
    let device = |device: &vidbench_core::DeviceReading| {
        let parts = [
            device.busy_percent.map(|busy| format!("{busy} % busy")),
            percent("memory", device.memory_percent()),
            device.temperature_celsius.map(|celsius| format!("{celsius} °C")),
            device.power_watts.map(|watts| format!("{watts:.0} W")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("device {}: {}", device.index, parts.join(" "))
    };
    host.into_iter().flatten().chain(reading.devices.iter().map(device)).collect()
}

#[cfg(test)]
mod tests {
    use vidbench_core::{DeviceReading, HealthPart, PartHealth};

    use super::*;

    fn finding() -> MachineHealth {
        let gpu = DeviceReading {
            busy_percent: Some(97),
            temperature_celsius: Some(61),
            ..DeviceReading::default()
        };
        let reading = Reading {
            memory_used_bytes: Some(1),
            memory_total_bytes: Some(4),
            devices: vec![gpu],
            ..Reading::default()
        };
        let part = |part, state, reason: &str| PartHealth { part, state, reason: reason.into() };
        let parts = vec![
            part(HealthPart::Disk, PartState::Unknown, "the room on the disk cannot be read"),
            part(HealthPart::Memory, PartState::Healthy, "25.0 % of main memory is used"),
        ];
        MachineHealth { reading, state: HealthState::Degraded, parts }
    }

    #[test]
    fn a_line_says_the_whole_what_was_read_and_what_is_not_well() {
        assert_eq!(
            line("12:00", &finding()),
            "12:00  degraded   memory 25 %, device 0: 97 % busy 61 °C; disk unknown: the room on the disk cannot be read"
        );
        assert_eq!(block("12:00", &finding()).len(), 5);
    }

    #[test]
    fn the_disk_of_a_workspace_that_is_not_there_is_that_of_the_folder_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(disk_of(&folder.path().join("a/b")), folder.path());
        assert_eq!(disk_of(Path::new("no-such-workspace")), Path::new("."));
    }
}
