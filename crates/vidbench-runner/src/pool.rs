//! Workers that are kept with their models loaded, within a budget of memory.
//!
//! The pool only counts: it says which workers must end, and the caller ends them before it loads another. It never
//! names a worker at work, and names the least recently used worker first.

use vidbench_core::{Footprint, PoolStats};

/// Memory that all workers together may have. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) host_bytes: Option<u64>,
    pub(crate) device_bytes: Option<u64>,
    /// If set, a model that alone needs more main memory is refused. Otherwise it is loaded once all others have ended:
    /// the machine will show whether it can hold it.
    pub(crate) strict_host: bool,
    /// The same for memory of the device.
    pub(crate) strict_device: bool,
}

impl Budget {
    fn holds(self, need: Footprint) -> bool {
        self.holds_host(need) && self.holds_device(need)
    }

    fn allows(self, need: Footprint) -> bool {
        (!self.strict_host || self.holds_host(need)) && (!self.strict_device || self.holds_device(need))
    }

    fn holds_host(self, need: Footprint) -> bool {
        self.host_bytes.is_none_or(|budget| need.host_bytes <= budget)
    }

    fn holds_device(self, need: Footprint) -> bool {
        self.device_bytes.is_none_or(|budget| need.device_bytes <= budget)
    }
}

/// The workers of a session. A model has at most one, and beside it one that is still ending.
#[derive(Debug)]
pub(crate) struct Pool<W> {
    budget: Budget,
    members: Vec<Member<W>>,
    /// The largest need of each model so far.
    known: Vec<Option<Footprint>>,
    uses: u64,
    stats: PoolStats,
}

#[derive(Debug)]
struct Member<W> {
    model: u32,
    place: Place<W>,
    footprint: Footprint,
    used: u64,
}

#[derive(Debug)]
enum Place<W> {
    /// Loaded and not in use.
    Idle(W),
    /// Loading or at work.
    InUse,
    /// Told to end; its memory is not free yet.
    Ending,
}

/// Whether there is room for a model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room<W> {
    /// It may be loaded, and counts as in use from now on.
    Made,
    /// Only after this worker has ended.
    After { model: u32, worker: W },
    /// Only after a worker that is ending has ended.
    WhenEnded,
    /// Never: the model needs more than there is.
    TooLarge(Footprint),
}

impl<W> Pool<W> {
    /// Whether a model that needs this much may be loaded at all.
    pub(crate) fn allows(&self, need: Footprint) -> bool {
        self.budget.allows(need)
    }

    /// A pool for this many models, whose needs are unknown.
    pub(crate) fn new(models: usize, budget: Budget) -> Self {
        Self { budget, members: Vec::new(), known: vec![None; models], uses: 0, stats: PoolStats::default() }
    }

    /// Records that `model` needs at least this. Returns the workers that must end because that is more than was
    /// assumed; they count as ending from now on.
    pub(crate) fn learn(&mut self, model: u32, footprint: Footprint) -> Vec<(u32, W)> {
        if let Some(known) = self.known.get_mut(model as usize) {
            *known = Some(known.unwrap_or_default().max(footprint));
        }
        // The reservation may have been too large.
        let known = self.known(model).unwrap_or(footprint);
        self.in_use(model).into_iter().for_each(|member| member.footprint = known);
        std::iter::from_fn(|| if self.budget.holds(self.used()) { None } else { self.evict() }).collect()
    }

    /// What `model` is known to need.
    pub(crate) fn known(&self, model: u32) -> Option<Footprint> {
        self.known.get(model as usize).copied().flatten()
    }

    /// Takes the idle worker of `model`, which is in use from now on.
    pub(crate) fn take(&mut self, model: u32) -> Option<W> {
        self.uses += 1;
        let idle = |member: &&mut Member<W>| member.model == model && matches!(member.place, Place::Idle(_));
        let member = self.members.iter_mut().find(idle)?;
        let Place::Idle(worker) = std::mem::replace(&mut member.place, Place::InUse) else { return None };
        member.used = self.uses;
        self.stats.hits += 1;
        Some(worker)
    }

    /// Makes room for `model`, whose worker is about to be loaded.
    pub(crate) fn room(&mut self, model: u32) -> Room<W> {
        let need = self.need(model);
        let alone = self.members.is_empty();
        if (alone && self.allows(need)) || self.budget.holds(self.used().plus(need)) {
            self.uses += 1;
            self.stats.loads += 1;
            self.members.push(Member { model, place: Place::InUse, footprint: need, used: self.uses });
            return Room::Made;
        }
        if !self.allows(need) {
            return Room::TooLarge(need);
        }
        if let Some((model, worker)) = self.evict() {
            return Room::After { model, worker };
        }
        match self.is_ending() {
            true => Room::WhenEnded,
            false => Room::TooLarge(need),
        }
    }

    /// Takes the least recently used idle worker, which is ending from now on.
    pub(crate) fn evict(&mut self) -> Option<(u32, W)> {
        let idle = self.members.iter_mut().filter(|member| matches!(member.place, Place::Idle(_)));
        let oldest = idle.min_by_key(|member| member.used)?;
        let Place::Idle(worker) = std::mem::replace(&mut oldest.place, Place::Ending) else { return None };
        self.stats.evictions += 1;
        Some((oldest.model, worker))
    }

    /// Puts back a worker in use, which is idle from now on.
    pub(crate) fn put_back(&mut self, model: u32, worker: W) {
        if let Some(member) = self.in_use(model) {
            member.place = Place::Idle(worker);
        }
    }

    /// A worker in use was told to end.
    pub(crate) fn ending(&mut self, model: u32) {
        self.in_use(model).into_iter().for_each(|member| member.place = Place::Ending);
    }

    /// A worker in use is gone.
    pub(crate) fn lost(&mut self, model: u32) {
        self.members.retain(|member| member.model != model || !matches!(member.place, Place::InUse));
    }

    /// A worker that was told to end has ended: its memory is free.
    pub(crate) fn ended(&mut self, model: u32) {
        let ending = |member: &Member<W>| member.model == model && matches!(member.place, Place::Ending);
        self.members.iter().position(ending).into_iter().for_each(|at| drop(self.members.remove(at)));
    }

    /// Whether the worker of `model` is idle.
    pub(crate) fn is_warm(&self, model: u32) -> bool {
        self.members.iter().any(|member| member.model == model && matches!(member.place, Place::Idle(_)))
    }

    /// Whether the memory of a worker that was told to end is not free yet.
    pub(crate) fn is_ending(&self) -> bool {
        self.members.iter().any(|member| matches!(member.place, Place::Ending))
    }

    /// Whether `model` could be loaded beside all workers that are there.
    pub(crate) fn has_room(&self, model: u32) -> bool {
        self.budget.holds(self.used().plus(self.need(model)))
    }

    /// Adds seconds that went into a load.
    pub(crate) fn loaded(&mut self, secs: f64) {
        self.stats.load_secs += secs;
    }

    /// The counts so far.
    pub(crate) fn stats(&self) -> PoolStats {
        self.stats
    }

    fn used(&self) -> Footprint {
        self.members.iter().fold(Footprint::default(), |sum, member| sum.plus(member.footprint))
    }

    /// Half of the budget for a model that was never measured: less would often be too little, and with more no two
    /// models would ever be loaded together.
    fn need(&self, model: u32) -> Footprint {
        self.known(model).unwrap_or(Footprint {
            host_bytes: self.budget.host_bytes.unwrap_or(0) / 2,
            device_bytes: self.budget.device_bytes.unwrap_or(0) / 2,
        })
    }

    fn in_use(&mut self, model: u32) -> Option<&mut Member<W>> {
        self.members.iter_mut().find(|member| member.model == model && matches!(member.place, Place::InUse))
    }
}

#[cfg(test)]
mod tests;
