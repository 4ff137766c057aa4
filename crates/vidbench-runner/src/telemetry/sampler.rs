//! One thread takes a reading at each interval, another judges the readings and writes them to the store.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use vidbench_core::{Reading, RunId};
use vidbench_store::{Store, StoreError};

use super::Probe;
use crate::health::Accelerators;
use crate::monitor::{Monitor, written};
use crate::side_by_side::Machine;

/// How many readings are written together, and so the most that a killed session loses.
const KEPT_TOGETHER: usize = 10;

/// How many readings wait while the store does not take them; later ones are dropped.
const MOST_WAITING: usize = 1000;

/// What a sampler needs.
pub(crate) struct Watch<'a> {
    /// What it reads with.
    pub(crate) probe: Probe,
    /// The first reading, which is taken already.
    pub(crate) first: Reading,
    /// Where readings go.
    pub(crate) store: &'a Store,
    /// Their run.
    pub(crate) run: &'a RunId,
    /// Their session.
    pub(crate) session: u32,
    /// Time between two readings.
    pub(crate) interval: Duration,
    /// Is told what each reading says of the machine.
    pub(crate) machine: &'a (dyn Fn(Machine) + Sync),
    /// The monitor that judges the readings.
    pub(crate) monitor: &'a Monitor<'a>,
}

/// A session's sampler; it ends when it is told to, or when this is dropped.
pub(crate) struct Sampler<'scope> {
    stop: Sender<()>,
    keeper: ScopedJoinHandle<'scope, Result<(), StoreError>>,
}

/// Judges and stores readings.
struct Keeper<'a> {
    store: &'a Store,
    run: &'a RunId,
    session: u32,
    machine: &'a (dyn Fn(Machine) + Sync),
    monitor: &'a Monitor<'a>,
    accelerators: Accelerators,
}

impl<'scope> Sampler<'scope> {
    /// Starts reading. A separate thread waits for the disk, because a late reading would leave a gap in which no
    /// energy is known.
    pub(crate) fn start<'env>(scope: &'scope Scope<'scope, 'env>, watch: Watch<'env>) -> Self {
        let Watch { probe, first, store, run, session, interval, machine, monitor } = watch;
        let accelerators = probe.accelerators().clone();
        let keeper = Keeper { store, run, session, machine, monitor, accelerators };
        let ((stop, stopped), (say, said)) = (mpsc::channel(), mpsc::channel());
        scope.spawn(move || read_until(probe, first, interval, &stopped, &say));
        Self { stop, keeper: scope.spawn(move || keeper.keep(&said)) }
    }

    /// Takes a last reading and stores everything.
    pub(crate) fn stop(self) -> Result<(), StoreError> {
        // The reader receives this, or has already ended.
        let _ = self.stop.send(());
        self.keeper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn read_until(
    mut probe: Probe,
    first: Reading,
    interval: Duration,
    stopped: &Receiver<()>,
    say: &Sender<Reading>,
) {
    let mut reading = first;
    // Stop when the receiver is gone.
    while say.send(reading).is_ok() {
        let over = stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout);
        reading = probe.read();
        if over {
            let _ = say.send(reading);
            return;
        }
    }
}

impl Keeper<'_> {
    /// Judges and stores readings until the reader has ended.
    fn keep(&self, said: &Receiver<Reading>) -> Result<(), StoreError> {
        let mut readings = Vec::new();
        for reading in said {
            (self.machine)(Probe::machine(&reading));
            self.monitor.read(&reading, &self.accelerators);
            readings.push(reading);
            if readings.len() % KEPT_TOGETHER == 0 {
                match self.record(&readings) {
                    Ok(()) => readings.clear(),
                    // A disk that is full now may have space the next time; missing readings are no reason to end a
                    // run.
                    Err(_) => readings.truncate(MOST_WAITING),
                }
            }
        }
        self.record(&readings)
    }

    fn record(&self, readings: &[Reading]) -> Result<(), StoreError> {
        let kept = self.store.record_readings(self.run, self.session, readings);
        self.monitor.board.wrote(written(kept.as_ref()));
        kept
    }
}
