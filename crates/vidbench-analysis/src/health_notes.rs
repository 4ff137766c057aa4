//! Notes on the machine's health: alerts, parts that were not well, and the power of the idle machine.

use std::collections::BTreeMap;

use vidbench_core::{AlertState, PartState, RunData, Score};

use crate::notes::{Note, NoteKind, add, count};
use crate::telemetry::IdlePower;

/// One line for each alert and subject: how often it fired, the reason of the last time, and whether it was over at the
/// end of its session.
pub(crate) fn alerts(data: &RunData, notes: &mut Vec<Note>) {
    let mut told: BTreeMap<_, (u32, &str, AlertState)> = BTreeMap::new();
    for change in data.sessions.iter().flat_map(|session| &session.alerts) {
        let subject = change.subject.as_deref().unwrap_or_default();
        let (times, reason, state) =
            told.entry((change.alert, subject)).or_insert((0, &change.reason, change.state));
        *state = change.state;
        if change.state == AlertState::Fired {
            (*times, *reason) = (*times + 1, &change.reason);
        }
    }
    for ((alert, subject), (times, reason, state)) in told {
        let of = if subject.is_empty() { String::new() } else { format!(" for {subject}") };
        let name = alert.name();
        let text = match (times, state) {
            (0, _) => format!("alert {name}{of} was off: {reason}"),
            (_, AlertState::Resolved) => format!(
                "alert {name}{of} fired {}, most recently: {reason}; it is resolved",
                count(times, "time")
            ),
            (_, AlertState::Fired | AlertState::Off) => {
                format!(
                    "alert {name}{of} fired {}, most recently: {reason}; it was still active at the end",
                    count(times, "time")
                )
            }
        };
        add(notes, NoteKind::Alert, text, None);
    }
}

/// One line for each part: its worst state, and its state at the end.
pub(crate) fn health(data: &RunData, notes: &mut Vec<Note>) {
    let mut worst: BTreeMap<_, (PartState, &str, PartState)> = BTreeMap::new();
    for change in data.sessions.iter().flat_map(|session| &session.health) {
        let (state, reason, last) =
            worst.entry(change.part).or_insert((change.state, &change.reason, change.state));
        if change.state > *state {
            (*state, *reason) = (change.state, &change.reason);
        }
        *last = change.state;
    }
    for (part, (state, reason, last)) in worst {
        let end = if last == PartState::Healthy { "; it recovered" } else { "" };
        let text = format!("{} was {}: {reason}{end}", part.name(), state.name());
        let hint = match state {
            PartState::Unknown => {
                "a part that cannot be read does not count as healthy; `vidbench doctor --watch` shows every part"
            }
            PartState::Healthy | PartState::Degraded | PartState::Unhealthy => {
                "[health] in the suite sets the thresholds; `vidbench doctor --watch` shows every part"
            }
        };
        add(notes, NoteKind::Health, text, Some(hint));
    }
}

/// The idle power, told beside the energy of samples because that energy contains it.
pub(crate) fn idle_power(idle: &[IdlePower], notes: &mut Vec<Note>) {
    let watts = |name: &str, of: fn(&IdlePower) -> &Score| {
        let one = |idle: &IdlePower| Some(format!("{:.1} W {}", of(idle).value()?, idle.when.name()));
        let values: Vec<String> = idle.iter().filter_map(one).collect();
        (!values.is_empty()).then(|| format!("{name} {}", values.join(", ")))
    };
    let parts =
        [watts("accelerators", |idle| &idle.device_watts), watts("processors", |idle| &idle.cpu_watts)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        let text = format!("idle power: {}; the energy of samples includes it", parts.join("; "));
        add(notes, NoteKind::IdlePower, text, None);
    }
}
