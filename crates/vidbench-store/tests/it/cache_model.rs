//! Random sequences of operations on the cache against a plain list that does what it should.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use vidbench_store::cache::policy::Asked;
use vidbench_store::cache::{Future, policy};
use vidbench_store::{Cache, CacheKey, CacheSize};

use crate::cache::{bytes_on_disk, files_below, key};
use crate::fixtures::fast_folder;

const BUDGET: u64 = 100;
const NAMES: usize = 9;

#[derive(Debug, Clone)]
enum Op {
    Get { name: usize },
    Put { name: usize },
    Damage { name: usize },
    Plan { names: Vec<usize> },
    Free { bytes: u64 },
    Reopen { size: u64 },
    Clear,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let name = 0..NAMES;
    let op = prop_oneof![
        8 => name.clone().prop_map(|name| Op::Get { name }),
        12 => name.clone().prop_map(|name| Op::Put { name }),
        2 => name.clone().prop_map(|name| Op::Damage { name }),
        3 => prop::collection::vec(name, 0..8).prop_map(|names| Op::Plan { names }),
        1 => (0_u64..150).prop_map(|bytes| Op::Free { bytes }),
        1 => prop_oneof![Just(BUDGET), 1..BUDGET].prop_map(|size| Op::Reopen { size }),
        1 => Just(Op::Clear),
    ];
    prop::collection::vec(op, 1..16)
}

/// Sizes and costs of every kind: equal ones, large and cheap, small and dear, and one that never fits.
fn content(name: usize) -> Vec<u8> {
    vec![name as u8; [20, 20, 20, 35, 50, 1, 7, 99, 101][name]]
}

fn secs(name: usize) -> f64 {
    [1.0, 1.0, 2.0, 0.5, 8.0, 0.01, 3.0, 10.0, 1e6][name]
}

#[derive(Debug, Clone)]
struct Entry {
    name: usize,
    used_at: u64,
    whole: bool,
}

/// What a cache should do, in a list.
#[derive(Debug, Default)]
struct Model {
    size: u64,
    entries: Vec<Entry>,
    asked: BTreeMap<usize, Asked>,
    future: Future,
    uses: u64,
    plans: u64,
    hits: u64,
    misses: u64,
}

impl Model {
    fn as_policy_sees(&self) -> Vec<policy::Entry> {
        let seen = |entry: &Entry| policy::Entry {
            bytes: content(entry.name).len() as u64,
            secs: secs(entry.name),
            past: self.asked[&entry.name].seen_from(self.plans),
            next_use: self.future.next_use(&name_key(entry.name)),
            used_at: entry.used_at,
        };
        self.entries.iter().map(seen).collect()
    }

    fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| content(entry.name).len() as u64).sum()
    }

    fn get(&mut self, name: usize) -> bool {
        self.future.asked(&name_key(name));
        self.asked.entry(name).or_insert(Asked::new(self.plans)).by(self.plans);
        let found = self.entries.iter().position(|entry| entry.name == name);
        let whole = found.is_some_and(|at| self.entries[at].whole);
        (self.hits, self.misses) = (self.hits + u64::from(whole), self.misses + u64::from(!whole));
        match found {
            Some(at) if whole => {
                self.uses += 1;
                self.entries[at].used_at = self.uses;
            }
            Some(at) => self.remove(&[at]),
            None => {}
        }
        whole
    }

    fn put(&mut self, name: usize) -> bool {
        let bytes = content(name).len() as u64;
        if bytes > self.size {
            return false;
        }
        if self.entries.iter().any(|entry| entry.name == name) {
            return true;
        }
        let needed = (self.bytes() + bytes).saturating_sub(self.size);
        let newcomer = policy::Entry {
            bytes,
            secs: secs(name),
            past: self.asked.get(&name).unwrap_or(&Asked::new(self.plans)).seen_from(self.plans),
            next_use: self.future.next_use(&name_key(name)),
            used_at: u64::MAX,
        };
        let Some(going) = policy::make_room(&self.as_policy_sees(), &newcomer, needed, self.future.left())
        else {
            return false;
        };
        self.remove(&going);
        self.uses += 1;
        self.asked.entry(name).or_insert(Asked::new(self.plans));
        self.entries.push(Entry { name, used_at: self.uses, whole: true });
        true
    }

    fn remove(&mut self, going: &[usize]) {
        let mut at = 0..;
        self.entries.retain(|_| at.next().is_some_and(|at| !going.contains(&at)));
    }

    fn free(&mut self, bytes: u64) {
        let mut freed = 0;
        let mut going = Vec::new();
        for at in policy::in_order(&self.as_policy_sees(), self.future.left()) {
            if freed >= bytes {
                break;
            }
            freed += content(self.entries[at].name).len() as u64;
            going.push(at);
        }
        self.remove(&going);
    }
}

fn name_key(name: usize) -> CacheKey {
    key(&name.to_string())
}

/// One folder for all sequences: a new list costs more than all that is done with it.
struct World {
    folder: TempDir,
    cache: Cache,
    model: Model,
}

impl World {
    fn new() -> Self {
        let folder = fast_folder();
        let cache = Cache::open(folder.path(), CacheSize(BUDGET)).unwrap();
        Self { folder, cache, model: Model { size: BUDGET, ..Model::default() } }
    }

    fn begin(&mut self) {
        self.reopen(BUDGET);
        self.cache.clear().unwrap();
        self.cache.begin_plan([]);
        let Model { plans, uses, .. } = self.model;
        self.model = Model { size: BUDGET, plans: plans + 1, uses, ..Model::default() };
    }

    fn reopen(&mut self, size: u64) {
        if size != self.model.size {
            self.cache = Cache::open(self.folder.path(), CacheSize(size)).unwrap();
            (self.model.size, self.model.future) = (size, Future::default());
            let over = self.model.bytes().saturating_sub(size);
            self.model.free(over);
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Get { name } => {
                let found = self.cache.get(&name_key(*name)).map(|kept| kept.content);
                assert_eq!(found, self.model.get(*name).then(|| content(*name)));
            }
            Op::Put { name } => {
                let kept = self.cache.put(&name_key(*name), &content(*name), secs(*name), "");
                assert_eq!(kept, self.model.put(*name));
            }
            Op::Damage { name } => self.damage(*name),
            Op::Plan { names } => {
                self.cache.begin_plan(names.iter().map(|name| name_key(*name)));
                self.model.future = Future::new(names.iter().map(|name| name_key(*name)));
                self.model.plans += 1;
            }
            Op::Free { bytes } => {
                self.cache.free(*bytes);
                self.model.free(*bytes);
            }
            Op::Reopen { size } => self.reopen(*size),
            Op::Clear => {
                self.cache.clear().unwrap();
                (self.model.entries, self.model.hits, self.model.misses) = (Vec::new(), 0, 0);
                self.model.asked.clear();
            }
        }
    }

    fn damage(&mut self, name: usize) {
        let files = files_below(&self.folder.path().join("cache/entries"));
        let holds = |bytes: Vec<u8>| bytes == content(name);
        let file = files.into_iter().find(|file| holds(std::fs::read(file).unwrap()));
        let entry = self.model.entries.iter_mut().find(|entry| entry.name == name && entry.whole);
        assert_eq!(file.is_some(), entry.is_some());
        if let (Some(file), Some(entry)) = (file, entry) {
            let mut bytes = content(name);
            bytes[0] ^= 0x80;
            std::fs::write(file, bytes).unwrap();
            entry.whole = false;
        }
    }

    fn check(&self) {
        let on_disk = bytes_on_disk(self.folder.path());
        assert!(on_disk <= self.model.size, "{on_disk} bytes of {}", self.model.size);
        assert_eq!(on_disk, self.model.bytes());
        let usage = self.cache.usage().unwrap();
        let sum = |of: fn(&vidbench_store::CacheUse) -> u64| usage.iter().map(of).sum::<u64>();
        assert_eq!(sum(|kind| kind.bytes), on_disk);
        assert_eq!((sum(|kind| kind.hits), sum(|kind| kind.misses)), (self.model.hits, self.model.misses));
        assert_eq!(self.cache.trouble(), None);
    }
}

fn check_sequences(count: u32) {
    let world = RefCell::new(World::new());
    let mut runner = TestRunner::new(Config { cases: count, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&ops(), |ops| {
        let mut world = world.borrow_mut();
        world.begin();
        for op in &ops {
            world.apply(op);
            world.check();
        }
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn sequences_do_what_a_plain_list_does() {
    check_sequences(1_000);
}

#[test]
#[ignore = "takes a minute; `make test-slow`"]
fn slow_ten_thousand_sequences_do_what_a_plain_list_does() {
    check_sequences(10_000);
}
