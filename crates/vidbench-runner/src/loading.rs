//! Loading models and putting them away, within the pool's memory budget.

use std::time::Duration;

use vidbench_core::protocol::GenerateResult;
use vidbench_core::{Event, Footprint, Outcome, PlannedSample, SessionModel};
use vidbench_engines::WorkerProcess;

use crate::desk::{Desk, Task, Timed};
use crate::error::ModelError;
use crate::executor::Urgency;
use crate::pool::Room;
use crate::run::Runner;
use crate::workers::FollowBringUp;
use crate::{memory, workers};

/// A device that was lost this often in a session is no longer used: a driver that does not recover by itself needs a
/// person.
const MOST_LOSSES: u32 = 3;

impl Runner<'_> {
    /// Starts a worker, loads the model and warms it up. A warm-up that kills the worker does not end the model:
    /// another worker takes on the samples without a warm-up, so that they get their outcomes.
    pub(crate) fn bring_up(
        &mut self,
        model: u32,
        left: &[PlannedSample],
    ) -> Result<WorkerProcess, ModelError> {
        let worker = self.load(model)?;
        let warm = self.warm(worker, model, left)?;
        self.expect_latency(model);
        Ok(warm)
    }

    fn warm(
        &mut self,
        worker: WorkerProcess,
        model: u32,
        left: &[PlannedSample],
    ) -> Result<WorkerProcess, ModelError> {
        if self.trouble.cold.contains(&model) {
            return Ok(worker);
        }
        match self.warm_up(worker, left) {
            Err(error) if !workers::was_cancelled(&error) => {
                self.tell(&Event::Warning { message: format!("{error}; continuing without warm-up") });
                self.trouble.cold.push(model);
                self.load(model)
            }
            warmed => warmed,
        }
    }

    fn load(&mut self, model: u32) -> Result<WorkerProcess, ModelError> {
        // Any earlier worker of this model is gone.
        self.pool.lost(model);
        self.make_room(model)?;
        let begun_ns = self.inputs.clock.monotonic_ns();
        let loaded = self.load_worker(model);
        let secs = self.secs_since(begun_ns);
        self.account.loaded(secs);
        let Ok(worker) = &loaded else {
            self.pool.loaded(secs);
            self.pool.lost(model);
            return loaded;
        };
        self.pool.loaded(self.session.models.last().map_or(secs, |loaded| loaded.load_secs));
        self.learn(model, worker, None);
        match self.pool.known(model).filter(|need| !self.pool.allows(*need)) {
            // The worker is dropped here, which kills it.
            Some(need) => {
                self.pool.lost(model);
                Err(self.too_large(need))
            }
            None => loaded,
        }
    }

    fn load_worker(&mut self, model: u32) -> Result<WorkerProcess, ModelError> {
        let suite = &self.inputs.run.suite;
        let resolved = &suite.models[model as usize];
        self.log.at(resolved.id.as_str(), None);
        let begun_ns = self.inputs.clock.monotonic_ns();
        let mut worker = workers::start(
            &(self.inputs.commands.generator)(resolved),
            &self.inputs.clock,
            Some(self.log.of_worker(resolved.id.as_str())),
        )?;
        let timeout = Duration::from_secs(suite.limits.load_timeout_secs.into());
        let pulse = self.monitor.board.works(resolved.id.as_str(), Some(worker.pid()), timeout.as_secs_f64());
        let earlier = self.earlier.models.iter().find(|earlier| earlier.id == resolved.id).cloned();
        let mut follow = FollowBringUp {
            model: &resolved.id,
            cancel: &self.inputs.cancel,
            log: &self.log,
            pulse: &pulse,
            events: self.inputs.events,
            clock: self.inputs.clock.as_ref(),
            downloaded_ns: None,
        };
        let threads = self.inputs.commands.threads;
        let model = workers::load(&mut worker, resolved, threads, timeout, earlier.as_ref(), &mut follow)?;
        // Downloads are excluded, because the next load has none.
        let (first_ns, last_ns) = follow.downloaded_ns.unwrap_or_default();
        let begun_ns = begun_ns.saturating_add(last_ns.saturating_sub(first_ns));
        let name = worker.info().map_or(String::new(), |info| format!("{} {}", info.name, info.version));
        let loaded = SessionModel {
            model,
            worker: name,
            // By our own clock and from the start of the worker's process: a worker could claim anything about itself.
            load_secs: self.secs_since(begun_ns),
            warmup_secs: Vec::new(),
            footprint: None,
        };
        self.tell(&Event::ModelLoaded { model: resolved.id.clone(), load_secs: loaded.load_secs });
        self.earlier.models.push(loaded.model.clone());
        self.session.models.push(loaded);
        // Saved before the first sample: a killed session must still say which model its samples are of. This error is
        // only a warning, because a store that fails now also fails at the sample.
        if let Err(error) = self.inputs.store.save_session(&self.inputs.run.id, &self.session) {
            self.tell(&Event::Warning {
                message: format!("the loaded model could not be recorded: {error}"),
            });
        }
        Ok(worker)
    }

    /// Ends idle workers until there is room for `model`, which then counts as in use.
    fn make_room(&mut self, model: u32) -> Result<(), ModelError> {
        loop {
            match self.pool.room(model) {
                Room::Made => return Ok(()),
                Room::After { model: other, worker } => self.end(other, worker),
                Room::WhenEnded => {}
                Room::TooLarge(need) => return Err(self.too_large(need)),
            }
            // The memory is free only when the worker has ended.
            self.hear();
        }
    }

    /// Learns what a worker needs, as far as that is known, and ends idle workers that do not fit beside it.
    pub(crate) fn learn(&mut self, model: u32, worker: &WorkerProcess, result: Option<&GenerateResult>) {
        let reported = result.and_then(|result| result.peak_rss_bytes);
        let Some(host_bytes) = reported.or_else(|| memory::peak_bytes(worker.pid())) else { return };
        let reported = result.and_then(|result| result.peak_device_bytes).map(|peak| peak.reserved);
        // A worker knows the peak of its allocator, the driver everything that is held at a moment.
        let device_bytes = reported.max(self.monitor.board.take_device_peak(worker.pid()));
        let id = &self.suite().models[model as usize].id;
        let loaded = self.session.models.iter().rev().find(|loaded| loaded.model.id == *id);
        // Until it is known how much GPU memory a model takes, the reservation stays.
        let on_gpu = loaded
            .and_then(|loaded| loaded.model.device.as_deref())
            .is_some_and(|name| name.starts_with("cuda"));
        if device_bytes.is_none() && on_gpu {
            return;
        }
        let footprint = Footprint { host_bytes, device_bytes: device_bytes.unwrap_or(0) };
        for (other, idle) in self.pool.learn(model, footprint) {
            self.end(other, idle);
        }
        let known = self.pool.known(model);
        let id = &self.suite().models[model as usize].id;
        let loaded = self.session.models.iter_mut().rev().find(|loaded| loaded.model.id == *id);
        loaded.into_iter().for_each(|loaded| loaded.footprint = known);
    }

    /// Timed work of `model` goes on until the guard is dropped. The wait before it begins is not part of its time.
    pub(crate) fn timed<'d, 'w>(&self, desk: &'d Desk<'w>, model: u32) -> Timed<'d, 'w> {
        desk.timed(self.is_beside(model))
    }

    /// After a turn: a worker whose model has samples left stays loaded.
    pub(crate) fn put_away(&mut self, model: u32, worker: Option<WorkerProcess>, keep: bool) {
        match worker {
            Some(worker) if keep => self.pool.put_back(model, worker),
            Some(worker) => {
                self.pool.ending(model);
                self.end(model, worker);
            }
            None => self.pool.lost(model),
        }
    }

    /// Ends a worker in the background: with a model loaded, an interpreter takes a second to end.
    pub(crate) fn end(&mut self, model: u32, worker: WorkerProcess) {
        self.desk.untold += 1;
        // A task that frees memory always has a place.
        if let Err(Task::End { worker, .. }) =
            self.desk.shared.tasks.offer(Urgency::Free, 0, Task::End { model, worker })
        {
            self.desk.untold -= 1;
            workers::stop(worker);
            self.pool.ended(model);
        }
    }

    /// After an out-of-memory outcome, ends idle workers and waits for their end: they may hold the missing memory.
    /// Whether there were any.
    pub(crate) fn free_memory(&mut self, outcome: Outcome) -> bool {
        if outcome != Outcome::OutOfMemory {
            return false;
        }
        let freed = self.end_idle_workers();
        while self.pool.is_ending() {
            self.hear();
        }
        freed
    }

    /// Ends idle workers in the background; whether there were any.
    pub(crate) fn end_idle_workers(&mut self) -> bool {
        let mut any = false;
        while let Some((model, worker)) = self.pool.evict() {
            self.end(model, worker);
            any = true;
        }
        any
    }

    /// Counts a lost device. After too many losses, why it is no longer used, for all models on it.
    pub(crate) fn device_failed(&mut self, model: u32, outcome: Outcome) -> Option<ModelError> {
        if outcome != Outcome::DeviceLost {
            return None;
        }
        let device = self.device(model)?.to_owned();
        *self.trouble.devices_lost.entry(device.clone()).or_default() += 1;
        self.quarantined(&device)
    }

    /// Why a device is no longer used, if so.
    pub(crate) fn quarantined(&self, device: &str) -> Option<ModelError> {
        let times = self.trouble.devices_lost.get(device).copied().filter(|times| *times >= MOST_LOSSES)?;
        Some(ModelError::Quarantined { device: device.to_owned(), times })
    }

    fn too_large(&self, need: Footprint) -> ModelError {
        let pool = &self.suite().pool;
        let limit = |key: &str, mib: Option<u64>| {
            mib.map_or(format!("{key} is the whole machine"), |mib| format!("{key} = {mib}"))
        };
        ModelError::TooLarge {
            need: format!(
                "{} MiB of main memory and {} MiB of accelerator memory",
                need.host_bytes >> 20,
                need.device_bytes >> 20
            ),
            budget: format!(
                "{}, {}",
                limit("pool.host_mib", pool.host_mib),
                limit("pool.device_mib", pool.device_mib)
            ),
        }
    }
}
