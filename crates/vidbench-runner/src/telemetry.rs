//! Reads the machine's sensors while a session goes on: one thread, one reading each interval, kept in the store as they come.

mod host;
mod nvml;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use vidbench_core::{Clock, Reading, RunId};
use vidbench_store::{Store, StoreError};

use crate::side_by_side::Machine;
use host::Host;
use nvml::Devices;

/// Readings are written together: so many of them are the most that a killed session loses.
const KEPT_TOGETHER: usize = 10;

/// Readings that wait for a store that does not take them; those that come then are dropped.
const MOST_WAITING: usize = 1000;

/// Reads everything there is to read.
struct Probe<'a> {
    store: &'a Store,
    clock: Arc<dyn Clock>,
    started_ns: u64,
    host: Host,
    devices: Result<Devices, String>,
}

/// What can be read of a machine: names, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensors {
    /// Accelerators.
    pub devices: Result<Vec<String>, String>,
    /// Energy counters of the processors.
    pub cpu_energy: Result<Vec<String>, String>,
}

/// What can be read of this machine.
pub fn sensors() -> Sensors {
    Sensors {
        devices: Devices::open(true).and_then(|devices| devices.names()),
        cpu_energy: Host::new().energy_counters(),
    }
}

impl Probe<'_> {
    fn read(&mut self) -> Reading {
        Reading {
            t_ns: self.clock.monotonic_ns().saturating_sub(self.started_ns),
            cpu_percent: self.host.cpu_percent(),
            memory_used_bytes: self.host.memory_used_bytes(),
            disk_free_bytes: self.store.free_disk_bytes().ok(),
            cpu_joules: self.host.joules(),
            devices: self.devices.as_mut().map_or_else(|_| Vec::new(), Devices::read),
        }
    }

    fn machine(&self, reading: Option<&Reading>) -> Machine {
        let available =
            |reading: &Reading| Some(self.host.memory_total_bytes()? - reading.memory_used_bytes?);
        Machine {
            cpu_percent: reading.and_then(|reading| reading.cpu_percent),
            available_bytes: reading.and_then(available),
        }
    }
}

/// Memory of the smallest accelerator, in bytes; `None` when there is none or its driver does not tell.
pub(crate) fn smallest_device_bytes() -> Option<u64> {
    let devices = Devices::open(true).ok()?.read();
    devices.iter().filter_map(|device| device.memory_total_bytes).min()
}

/// What a sampler needs.
pub(crate) struct Watch<'a> {
    /// Where readings go.
    pub(crate) store: &'a Store,
    /// Their run.
    pub(crate) run: &'a RunId,
    /// Their session.
    pub(crate) session: u32,
    /// The clock of the session's samples.
    pub(crate) clock: Arc<dyn Clock>,
    /// When the session began on it.
    pub(crate) started_ns: u64,
    /// Between two readings.
    pub(crate) interval: Duration,
    /// Told what each reading says of the machine.
    pub(crate) machine: &'a (dyn Fn(Machine) + Sync),
    /// Workers are descendants of this process. One in a container is not, and would look like somebody else's.
    pub(crate) workers_are_children: bool,
}

/// A session's sampler; it ends when it is told to, or with what would tell it.
pub(crate) struct Sampler<'scope> {
    stop: Sender<()>,
    thread: ScopedJoinHandle<'scope, Result<(), StoreError>>,
}

impl<'scope> Sampler<'scope> {
    /// Starts reading.
    pub(crate) fn start<'env>(scope: &'scope Scope<'scope, 'env>, watch: Watch<'env>) -> Self {
        let (stop, stopped) = mpsc::channel();
        Self { stop, thread: scope.spawn(move || watch.read_until(&stopped)) }
    }

    /// Takes a last reading and keeps all.
    pub(crate) fn stop(self) -> Result<(), StoreError> {
        // It has ended by itself when the store failed, which its result says.
        let _ = self.stop.send(());
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Watch<'_> {
    fn read_until(self, stopped: &Receiver<()>) -> Result<(), StoreError> {
        let Self { store, run, session, clock, started_ns, interval, machine, workers_are_children } = self;
        let mut probe = Probe {
            store,
            clock,
            started_ns,
            host: Host::new(),
            devices: Devices::open(workers_are_children),
        };
        let mut readings = vec![probe.read()];
        loop {
            let over = stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout);
            readings.push(probe.read());
            machine(probe.machine(readings.last()));
            if !over && readings.len() % KEPT_TOGETHER != 0 {
                continue;
            }
            match store.record_readings(run, session, &readings) {
                Ok(()) => readings.clear(),
                Err(error) if over => return Err(error),
                // A disk that is full now may have space the next time; a run does not end for its readings.
                Err(_) => readings.truncate(MOST_WAITING),
            }
            if over {
                return Ok(());
            }
        }
    }
}
