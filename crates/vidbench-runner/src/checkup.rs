//! The health of this machine, reading by reading, without a run.

use std::path::Path;
use std::sync::Arc;

use vidbench_core::{Clock, HealthPart, HealthSettings, HealthState, PartHealth, Reading};

use crate::health::{Health, Vitals};
use crate::telemetry::Probe;

/// Reads sensors and judges what they say.
#[expect(missing_debug_implementations, reason = "a loaded library has no debug form")]
pub struct Checkup {
    probe: Probe,
    health: Health,
    store: Option<Result<(), String>>,
}

/// How the machine was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineHealth {
    /// What sensors said.
    pub reading: Reading,
    /// The health of the machine as a whole.
    pub state: HealthState,
    /// The health of each part that the machine has.
    pub parts: Vec<PartHealth>,
}

impl Checkup {
    /// `disk` is a folder on the disk to look at; `store` says how writing to a workspace went, where there is one. Times of readings count from now.
    pub fn new(
        disk: &Path,
        settings: &HealthSettings,
        store: Option<Result<(), String>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let started_ns = clock.monotonic_ns();
        Self { probe: Probe::new(disk, clock, started_ns, true), health: Health::new(settings), store }
    }

    /// Takes a reading and judges it.
    pub fn look(&mut self) -> MachineHealth {
        let reading = self.probe.read();
        let vitals = Vitals {
            reading: &reading,
            accelerators: self.probe.accelerators(),
            workers: &[],
            queue: None,
            store: self.store.clone(),
        };
        self.health.see(reading.t_ns as f64 / 1e9, &vitals);
        let (state, mut parts) = (self.health.state(), self.health.parts());
        // Without a run there are no workers and no queue.
        parts.retain(|part| !matches!(part.part, HealthPart::Workers | HealthPart::Queue));
        MachineHealth { reading, state, parts }
    }
}
