//! Simulates policies on a trace: ours, least recently used, and W-TinyLFU as moka implements it, each with the same
//! number of bytes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vidbench_store::CacheKey;
use vidbench_store::cache::{Future, policy};

use super::trace::{Access, Trace};

/// The result of a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) hits: u64,
    pub(crate) saved_secs: f64,
    pub(crate) evictions: u64,
}

impl Outcome {
    fn hit(&mut self, access: &Access) {
        self.hits += 1;
        self.saved_secs += access.secs;
    }
}

/// Our policy, as the cache of a workspace uses it: each command knows its own plan.
pub(crate) fn ours(trace: &Trace, capacity: u64) -> Outcome {
    let mut cache = Ours::new(capacity);
    for command in &trace.commands {
        cache.begin_plan(command.iter().filter(|access| access.planned));
        command.iter().for_each(|access| cache.access(access));
    }
    cache.outcome
}

/// Our policy, if it knew what every later command will request.
pub(crate) fn ours_knowing_all(trace: &Trace, capacity: u64) -> Outcome {
    let mut cache = Ours::new(capacity);
    cache.begin_plan(trace.accesses());
    trace.accesses().for_each(|access| cache.access(access));
    cache.outcome
}

struct Ours {
    capacity: u64,
    bytes: u64,
    kept: HashMap<CacheKey, policy::Entry>,
    asked: HashMap<CacheKey, policy::Asked>,
    future: Future,
    uses: u64,
    plans: u64,
    outcome: Outcome,
}

impl Ours {
    fn new(capacity: u64) -> Self {
        let (kept, asked, future) = (HashMap::new(), HashMap::new(), Future::default());
        Self { capacity, bytes: 0, kept, asked, future, uses: 0, plans: 0, outcome: Outcome::default() }
    }

    fn begin_plan<'a>(&mut self, accesses: impl Iterator<Item = &'a Access>) {
        self.future = Future::new(accesses.map(|access| access.key));
        self.plans += 1;
    }

    fn access(&mut self, access: &Access) {
        self.uses += 1;
        self.future.asked(&access.key);
        self.asked.entry(access.key).or_insert(policy::Asked::new(self.plans)).by(self.plans);
        if let Some(kept) = self.kept.get_mut(&access.key) {
            self.outcome.hit(access);
            kept.used_at = self.uses;
            return;
        }
        if access.bytes > self.capacity {
            return;
        }
        let newcomer = policy::Entry {
            bytes: access.bytes,
            secs: access.secs,
            past: self.past(&access.key),
            next_use: self.future.next_use(&access.key),
            used_at: self.uses,
        };
        let needed = (self.bytes + access.bytes).saturating_sub(self.capacity);
        let (keys, seen): (Vec<CacheKey>, Vec<policy::Entry>) = match needed {
            0 => Default::default(),
            _ => self.kept.iter().map(|(key, kept)| (*key, self.seen(key, kept))).unzip(),
        };
        let Some(going) = policy::make_room(&seen, &newcomer, needed, self.future.left()) else { return };
        for at in going {
            self.kept.remove(&keys[at]);
            self.bytes -= seen[at].bytes;
            self.outcome.evictions += 1;
        }
        self.bytes += access.bytes;
        self.kept.insert(access.key, newcomer);
    }

    fn past(&self, key: &CacheKey) -> policy::Past {
        self.asked.get(key).map_or_else(policy::Past::default, |asked| asked.seen_from(self.plans))
    }

    fn seen(&self, key: &CacheKey, kept: &policy::Entry) -> policy::Entry {
        policy::Entry { past: self.past(key), next_use: self.future.next_use(key), ..*kept }
    }
}

/// Evicts the least recently used entry.
pub(crate) fn lru(trace: &Trace, capacity: u64) -> Outcome {
    let (mut kept, mut bytes, mut outcome) = (HashMap::<CacheKey, (u64, u64)>::new(), 0, Outcome::default());
    for (now, access) in (0_u64..).zip(trace.accesses()) {
        if let Some((used_at, _)) = kept.get_mut(&access.key) {
            *used_at = now;
            outcome.hit(access);
            continue;
        }
        if access.bytes > capacity {
            continue;
        }
        while bytes + access.bytes > capacity {
            let oldest = kept.iter().min_by_key(|(_, (used_at, _))| *used_at).map(|(key, _)| *key);
            let Some((_, freed)) = oldest.and_then(|key| kept.remove(&key)) else { break };
            bytes -= freed;
            outcome.evictions += 1;
        }
        bytes += access.bytes;
        kept.insert(access.key, (now, access.bytes));
    }
    outcome
}

/// moka's W-TinyLFU, with entries weighted by their bytes. It does its housekeeping after every access and hashes the
/// same way every time, so that results repeat.
pub(crate) fn tiny_lfu(trace: &Trace, capacity: u64) -> Outcome {
    let evictions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&evictions);
    let cache = moka::sync::Cache::builder()
        .max_capacity(capacity)
        .weigher(|_: &CacheKey, bytes: &u64| u32::try_from(*bytes).unwrap_or(u32::MAX))
        .eviction_listener(move |_, _, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build_with_hasher(BuildHasherDefault::<DefaultHasher>::default());
    let (mut outcome, mut made) = (Outcome::default(), 0);
    for access in trace.accesses() {
        match cache.get(&access.key) {
            Some(_) => outcome.hit(access),
            None => {
                cache.insert(access.key, access.bytes);
                made += 1;
            }
        }
        cache.run_pending_tasks();
    }
    // The listener hears of entries that were refused at once as well as of evicted ones; neither kind is in the cache.
    outcome.evictions = evictions.load(Ordering::Relaxed).min(made);
    outcome
}
