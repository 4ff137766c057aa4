//! What the runner is doing at any moment, for the thread that reads sensors: busy workers with their last sign of
//! life, the queue, the last write. And what that thread saw of the workers' memory on accelerators.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vidbench_core::{Clock, DeviceReading};
use vidbench_engines::family;

use crate::health::Silence;

/// Shared by all threads of a session.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    posted: Mutex<Posted>,
}

#[derive(Default)]
struct Posted {
    next: u64,
    at_work: BTreeMap<u64, Arc<AtWork>>,
    queue: Option<Queue>,
    store: Option<Result<(), String>>,
    /// Largest memory on one accelerator by worker process, since it was last taken.
    device_peaks: BTreeMap<u32, u64>,
}

/// Something that is waited for.
#[derive(Debug)]
struct AtWork {
    who: String,
    /// Its process, if what it holds on accelerators is to be noted.
    pid: Option<u32>,
    patience_secs: f64,
    sign_ns: AtomicU64,
}

/// Files that wait to be scored, and when one of them was done.
#[derive(Debug, Clone, Copy)]
struct Queue {
    waiting: u64,
    patience_secs: f64,
    moved_ns: u64,
}

/// A worker at work, until this is dropped.
pub(crate) struct Pulse {
    board: Arc<Board>,
    key: u64,
    at_work: Arc<AtWork>,
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, posted: Mutex::default() })
    }

    /// A worker is at work from now on; it is given up when it sends nothing for `patience_secs`.
    pub(crate) fn works(self: &Arc<Self>, worker: &str, pid: Option<u32>, patience_secs: f64) -> Pulse {
        let sign_ns = AtomicU64::new(self.clock.monotonic_ns());
        let at_work = Arc::new(AtWork { who: format!("worker {worker}"), pid, patience_secs, sign_ns });
        let mut posted = self.posted();
        posted.next += 1;
        let key = posted.next;
        posted.at_work.insert(key, Arc::clone(&at_work));
        Pulse { board: Arc::clone(self), key, at_work }
    }

    /// One more file waits to be scored; the next of the waiting files should be done within `patience_secs`.
    pub(crate) fn waits(&self, patience_secs: f64) {
        let now_ns = self.clock.monotonic_ns();
        let mut posted = self.posted();
        let queue = posted.queue.get_or_insert(Queue { waiting: 0, patience_secs, moved_ns: now_ns });
        queue.waiting += 1;
    }

    /// One file no longer waits.
    pub(crate) fn taken(&self) {
        let now_ns = self.clock.monotonic_ns();
        let mut posted = self.posted();
        let left = posted.queue.map(|queue| Queue {
            waiting: queue.waiting.saturating_sub(1),
            moved_ns: now_ns,
            ..queue
        });
        posted.queue = left.filter(|queue| queue.waiting > 0);
    }

    /// How a write to the workspace went.
    pub(crate) fn wrote(&self, written: Result<(), String>) {
        self.posted().store = Some(written);
    }

    /// Notes what workers at work hold on accelerators, with all their descendants.
    pub(crate) fn sees(&self, devices: &[DeviceReading]) {
        if devices.iter().all(|device| device.processes.is_empty()) {
            return;
        }
        let pids: Vec<u32> = self.posted().at_work.values().filter_map(|at_work| at_work.pid).collect();
        // Without the lock, for which a sample that begins would wait.
        let held = pids.into_iter().map(|pid| {
            let family = family(pid);
            (pid, devices.iter().map(|device| held_bytes(device, &family)).max().unwrap_or(0))
        });
        let held: Vec<(u32, u64)> = held.filter(|(_, bytes)| *bytes > 0).collect();
        let mut posted = self.posted();
        for (pid, bytes) in held {
            let peak = posted.device_peaks.entry(pid).or_default();
            *peak = bytes.max(*peak);
        }
    }

    /// The largest memory on one accelerator that the worker was seen to hold since this was last asked; `None` if it
    /// was never seen on one.
    pub(crate) fn take_device_peak(&self, pid: u32) -> Option<u64> {
        self.posted().device_peaks.remove(&pid)
    }

    /// Workers at work.
    pub(crate) fn workers(&self) -> Vec<Silence> {
        let now_ns = self.clock.monotonic_ns();
        self.posted().at_work.values().map(|at_work| at_work.silence(now_ns)).collect()
    }

    /// The queue, unless it is empty.
    pub(crate) fn queued(&self) -> Option<Silence> {
        let now_ns = self.clock.monotonic_ns();
        self.posted().queue.map(|queue| {
            let files = if queue.waiting == 1 {
                "1 file waiting".into()
            } else {
                format!("{} files waiting", queue.waiting)
            };
            silence(format!("{files} to be scored"), now_ns, queue.moved_ns, queue.patience_secs)
        })
    }

    /// The last write.
    pub(crate) fn last_write(&self) -> Option<Result<(), String>> {
        self.posted().store.clone()
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        // A poisoned lock is safe to use: every change is made as a whole.
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork {
    fn silence(&self, now_ns: u64) -> Silence {
        silence(self.who.clone(), now_ns, self.sign_ns.load(Ordering::Relaxed), self.patience_secs)
    }
}

fn held_bytes(device: &DeviceReading, family: &[u32]) -> u64 {
    let of_family = device.processes.iter().filter(|process| family.contains(&process.pid));
    of_family.filter_map(|process| process.bytes).sum()
}

fn silence(who: String, now_ns: u64, sign_ns: u64, patience_secs: f64) -> Silence {
    Silence { who, silent_secs: now_ns.saturating_sub(sign_ns) as f64 / 1e9, patience_secs }
}

impl Pulse {
    /// The worker has sent something. Takes no lock: this is called while a timed request is under way.
    pub(crate) fn sign(&self) {
        self.at_work.sign_ns.store(self.board.clock.monotonic_ns(), Ordering::Relaxed);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.board.posted().at_work.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use vidbench_core::ProcessMemory;

    use super::*;

    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn monotonic_ns(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn unix_ms(&self) -> i64 {
            0
        }
    }

    #[test]
    fn silence_counts_from_the_last_sign_and_ends_with_the_work() {
        let hand = Arc::new(Hand(AtomicU64::new(0)));
        let board = Board::new(Arc::clone(&hand) as Arc<dyn Clock>);
        let silent =
            |board: &Board| -> Vec<f64> { board.workers().iter().map(|worker| worker.silent_secs).collect() };
        let first = board.works("a", None, 60.0);
        hand.0.store(5_000_000_000, Ordering::Relaxed);
        let second = board.works("b", None, 60.0);
        hand.0.store(7_000_000_000, Ordering::Relaxed);
        assert_eq!(silent(&board), [7.0, 2.0]);
        first.sign();
        assert_eq!(silent(&board), [0.0, 2.0]);
        drop(second);
        assert_eq!(board.workers().len(), 1);
        (0..2).for_each(|_| board.waits(10.0));
        hand.0.store(9_000_000_000, Ordering::Relaxed);
        board.waits(10.0);
        let queued = |board: &Board| board.queued().map(|queue| (queue.who, queue.silent_secs));
        assert_eq!(
            queued(&board),
            Some(("3 files waiting to be scored".into(), 2.0)),
            "one that comes is no sign of work"
        );
        board.taken();
        assert_eq!(queued(&board), Some(("2 files waiting to be scored".into(), 0.0)));
        (0..3).for_each(|_| board.taken());
        assert_eq!((board.queued(), board.last_write()), (None, None));
    }

    #[test]
    fn memory_on_an_accelerator_belongs_to_the_worker_whose_family_holds_it() {
        let board = Board::new(Arc::new(Hand(AtomicU64::new(0))));
        let own = std::process::id();
        let process = |pid, gib: u64| ProcessMemory { pid, bytes: Some(gib << 30), own: None };
        let device = |index, processes| DeviceReading { index, processes, ..DeviceReading::default() };
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        board.sees(&[device(0, vec![process(own, 9)])]);
        let pulse = board.works("a", Some(own), 60.0);
        board.sees(&[
            device(0, vec![process(own, 2), process(child.id(), 3), process(1, 70)]),
            device(1, vec![process(own, 4)]),
        ]);
        board.sees(&[device(0, vec![process(own, 1)])]);
        drop(pulse);
        board.sees(&[device(0, vec![process(own, 9)])]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(board.take_device_peak(own), Some(5 << 30));
        assert_eq!((board.take_device_peak(own), board.take_device_peak(1)), (None, None));
    }
}
