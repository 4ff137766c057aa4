//! One thread, one reading each interval, judged and kept in the store as they come.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use vidbench_core::{Reading, RunId};
use vidbench_store::{Store, StoreError};

use super::Probe;
use crate::monitor::{Monitor, written};
use crate::side_by_side::Machine;

/// Readings are written together: so many of them are the most that a killed session loses.
const KEPT_TOGETHER: usize = 10;

/// Readings that wait for a store that does not take them; those that come then are dropped.
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
    /// Between two readings.
    pub(crate) interval: Duration,
    /// Told what each reading says of the machine.
    pub(crate) machine: &'a (dyn Fn(Machine) + Sync),
    /// Who judges them.
    pub(crate) monitor: &'a Monitor<'a>,
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
        let Self { mut probe, first, store, run, session, interval, machine, monitor } = self;
        monitor.read(&first, probe.accelerators());
        let mut readings = vec![first];
        loop {
            let over = stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout);
            let reading = probe.read();
            machine(Probe::machine(&reading));
            monitor.read(&reading, probe.accelerators());
            readings.push(reading);
            if !over && readings.len() % KEPT_TOGETHER != 0 {
                continue;
            }
            let kept = store.record_readings(run, session, &readings);
            monitor.board.wrote(written(kept.as_ref()));
            match kept {
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
