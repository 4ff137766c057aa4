//! Keeps, within a budget of bytes, what would otherwise have to be made again: videos of removed runs, features of
//! clips and texts.
//!
//! It lies in the folder `cache` of the workspace and holds no result: it may be removed at any time, also while it is used.
//! A file is written aside, synced and moved; its hash is compared whenever it is read, and a damaged one is a miss and is
//! removed. One process at a time adds or removes entries, under a lock that dies with it. The bytes of an entry are counted
//! before its file is begun and until it is gone, so the budget holds at every moment, also after `kill -9` and with two
//! processes. The list beside the files, some 300 bytes an entry, is not counted.
//!
//! A cache that fails acts like an empty one: no call returns an error, and [`Cache::trouble`] says what was wrong.
//!
//! [`policy`] decides what is kept, and says how.

mod disk;
mod future;
mod index;
mod key;
pub mod policy;
mod requests;
mod size;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use sha2::{Digest as _, Sha256};

use self::disk::{Disk, Source};
pub use self::future::Future;
use self::index::{Count, Index, Listed};
pub use self::key::{CacheKey, CacheKind};
use self::requests::Requests;
pub use self::size::{CacheSize, NotASize};
use crate::Result;
use crate::codec::Sha256Hash;

/// A cache of one workspace. May be shared between threads and used by several processes.
#[derive(Debug)]
pub struct Cache {
    disk: Disk,
    size: CacheSize,
    index: Mutex<Index>,
    future: Mutex<Future>,
    trouble: Mutex<Option<String>>,
    requests: OnceLock<Requests>,
}

/// An entry that was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<T> {
    /// What it holds.
    pub content: T,
    /// What was noted with it.
    pub note: String,
}

/// What the cache holds of one kind, and how it was used since it was cleared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheUse {
    /// The kind.
    pub kind: CacheKind,
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How often an entry was asked for and was there.
    pub hits: u64,
    /// How often an entry was asked for and was not there.
    pub misses: u64,
    /// Entries that were removed to make room for others.
    pub evictions: u64,
    /// Entries that were not kept: larger than the budget, or worth less than what is there.
    pub refusals: u64,
    /// Entries that were not what had been written.
    pub damaged: u64,
    /// Seconds that making the hits had taken.
    pub saved_secs: f64,
}

impl CacheUse {
    fn none(kind: CacheKind) -> Self {
        Self {
            kind,
            entries: 0,
            bytes: 0,
            hits: 0,
            misses: 0,
            evictions: 0,
            refusals: 0,
            damaged: 0,
            saved_secs: 0.0,
        }
    }
}

/// What has been freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// Entries that were removed.
    pub entries: u64,
    /// Bytes that they took of the budget.
    pub bytes: u64,
    /// Bytes of these that were freed on the disk: a video of a run that still exists has another name and stays.
    pub disk_bytes: u64,
}

impl Cache {
    /// Opens the cache of the workspace in `root` and brings it within `size`. A missing cache is created; one whose
    /// list is damaged is started anew.
    ///
    /// # Errors
    ///
    /// When its folder cannot be written, or another process keeps it for seconds.
    pub fn open(root: &Path, size: CacheSize) -> Result<Self> {
        let disk = Disk::create(root)?;
        let alone = disk.lock()?;
        let cache = match Self::begin(disk.clone(), size) {
            Err(error) if error.is_damage() => {
                disk.wipe()?;
                Self::begin(disk, size)
            }
            begun => begun,
        };
        drop(alone);
        cache
    }

    fn begin(disk: Disk, size: CacheSize) -> Result<Self> {
        let index = Mutex::new(Index::open(&disk.index())?);
        let (future, trouble, requests) = (Mutex::default(), Mutex::default(), OnceLock::new());
        let cache = Self { disk, size, index, future, trouble, requests };
        cache.sweep()?;
        let over = cache.index().bytes()?.saturating_sub(size.0);
        cache.evict(over, |freed| freed.bytes)?;
        Ok(cache)
    }

    /// The most bytes that it may hold.
    pub fn size(&self) -> CacheSize {
        self.size
    }

    /// Announces what will be asked for from now on, in that order: entries that are used sooner stay.
    pub fn begin_plan(&self, keys: impl IntoIterator<Item = CacheKey>) {
        let keys: Vec<CacheKey> = keys.into_iter().collect();
        self.note(|requests| requests.plan(&keys));
        *self.future() = Future::new(keys);
        let begun = self.index().begin_plan();
        self.told(begun);
    }

    /// Adds everything that is asked for from now on to the end of a file, for `cargo xtask bench cache FILE`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn record_requests(&self, path: &Path) -> Result<()> {
        let requests = Requests::begin(path).map_err(crate::StoreError::io("write", path))?;
        self.requests.get_or_init(|| requests);
        Ok(())
    }

    /// What is kept under a key, if it is there and undamaged.
    pub fn get(&self, key: &CacheKey) -> Option<Kept<Vec<u8>>> {
        let read = |entry: &Listed| self.disk.read(&entry.key, entry.content);
        self.look_up(key, read)
    }

    /// Gives a kept file a second name on the same disk, `to`, which must be free; returns what was noted with it.
    pub fn get_file(&self, key: &CacheKey, to: &Path) -> Option<String> {
        let link = |entry: &Listed| self.disk.link_to(&entry.key, entry.content, to);
        self.look_up(key, link).map(|kept| kept.note)
    }

    /// Keeps `content`, which took `secs` to make, if the budget and [`policy`] allow it; whether it is kept.
    pub fn put(&self, key: &CacheKey, content: &[u8], secs: f64, note: &str) -> bool {
        self.note(|requests| requests.make(key, content.len() as u64, secs));
        let hash = Sha256Hash::of(Sha256::new_with_prefix(content));
        self.told(self.keep(key, hash, &Source::Bytes(content), secs, note)).unwrap_or(false)
    }

    /// Keeps a file of the same disk under a second name, which costs no copy; `sha256` is what it holds, in hexadecimal.
    pub fn put_file(&self, key: &CacheKey, file: &Path, sha256: &str, secs: f64, note: &str) -> bool {
        let keep = || {
            let bytes = std::fs::metadata(file).map_err(crate::StoreError::io("read", file))?.len();
            self.note(|requests| requests.make(key, bytes, secs));
            self.keep(key, Sha256Hash::parse(sha256)?, &Source::File { file, bytes }, secs, note)
        };
        self.told(keep()).unwrap_or(false)
    }

    /// Remembers what a file holds, by a mark that changes whenever the file does: a hint for the plan, never a proof.
    pub fn note_content(&self, mark: &str, sha256: &str) {
        let noted = self.index().note_content(mark, sha256);
        self.told(noted);
    }

    /// What a file with such a mark held when it was read last.
    pub fn noted_content(&self, mark: &str) -> Option<String> {
        let noted = self.index().content(mark);
        self.told(noted).flatten()
    }

    /// Frees this many bytes of the disk, or all that it can: the least valuable entries go first.
    pub fn free(&self, bytes: u64) -> Freed {
        let free = || {
            let _alone = self.disk.lock()?;
            self.evict(bytes, |freed| freed.disk_bytes)
        };
        self.told(free()).unwrap_or_default()
    }

    /// Removes every entry that nobody is reading, and the counts.
    ///
    /// # Errors
    ///
    /// When files cannot be removed, or another process keeps the cache for seconds.
    pub fn clear(&self) -> Result<Freed> {
        let _alone = self.disk.lock()?;
        let freed = self.evict(u64::MAX, |freed| freed.bytes)?;
        self.index().forget_past()?;
        Ok(freed)
    }

    /// What it holds of each kind, and how it was used.
    ///
    /// # Errors
    ///
    /// When its list cannot be read.
    pub fn usage(&self) -> Result<Vec<CacheUse>> {
        CacheKind::ALL.into_iter().map(|kind| self.index().usage(kind)).collect()
    }

    /// The first thing that went wrong since the last call.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A request that cannot be recorded is reported as trouble and costs no result.
    fn note(&self, add: impl FnOnce(&Requests) -> std::io::Result<()>) {
        if let Some(Err(error)) = self.requests.get().map(add) {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("requests cannot be recorded: {error}"));
        }
    }

    fn look_up<T>(&self, key: &CacheKey, read: impl Fn(&Listed) -> Result<Option<T>>) -> Option<Kept<T>> {
        self.note(|requests| requests.ask(key));
        self.future().asked(key);
        let noted = self.index().asked(key);
        self.told(noted);
        let found = self.find(key, read);
        self.told(found).flatten()
    }

    fn find<T>(
        &self,
        key: &CacheKey,
        read: impl Fn(&Listed) -> Result<Option<T>>,
    ) -> Result<Option<Kept<T>>> {
        let entry = self.index().find(key)?;
        let Some(entry) = entry else {
            self.index().count(key.kind, Count::Misses)?;
            return Ok(None);
        };
        if let Some(content) = read(&entry)? {
            self.index().hit(&entry)?;
            return Ok(Some(Kept { content, note: entry.note }));
        }
        self.index().count(key.kind, Count::Misses)?;
        self.remove_damaged(&entry)?;
        Ok(None)
    }

    /// Removes an entry that is still damaged when checked again under the lock, where nobody can be removing or
    /// replacing it.
    fn remove_damaged(&self, entry: &Listed) -> Result<()> {
        let _alone = self.disk.lock()?;
        let Some(entry) = self.index().find(&entry.key)?.filter(|now| now.id == entry.id) else {
            return Ok(());
        };
        if self.disk.read(&entry.key, entry.content)?.is_none() {
            self.disk.remove(&entry.key)?;
            let mut index = self.index();
            index.forget(entry.id)?;
            index.count(entry.key.kind, Count::Damaged)?;
        }
        Ok(())
    }

    fn keep(
        &self,
        key: &CacheKey,
        content: Sha256Hash,
        source: &Source<'_>,
        secs: f64,
        note: &str,
    ) -> Result<bool> {
        let bytes = source.bytes();
        if bytes > self.size.0 {
            self.index().count(key.kind, Count::Refusals)?;
            return Ok(false);
        }
        let _alone = self.disk.lock()?;
        self.remove_unfinished()?;
        if self.index().find(key)?.is_some() {
            return Ok(true);
        }
        if !self.make_room(key, bytes, secs)? {
            self.index().count(key.kind, Count::Refusals)?;
            return Ok(false);
        }
        let id = self.index().reserve(key, content, bytes, secs, note)?;
        if let Err(error) = self.disk.write(key, source) {
            self.remove_unfinished()?;
            return Err(error);
        }
        self.index().is_whole(id)?;
        Ok(true)
    }

    /// Removes what processes were writing when they died. The caller holds the lock, so nobody is writing.
    fn remove_unfinished(&self) -> Result<()> {
        let unfinished = self.index().unfinished()?;
        for entry in unfinished {
            self.disk.remove_incoming()?;
            self.disk.remove(&entry.key)?;
            self.index().forget(entry.id)?;
        }
        Ok(())
    }

    /// Makes room, if possible; whether there is room for this many bytes now. Entries that are being read stay.
    fn make_room(&self, key: &CacheKey, bytes: u64, secs: f64) -> Result<bool> {
        let needed = self.index().bytes()?.saturating_add(bytes).saturating_sub(self.size.0);
        if needed == 0 {
            return Ok(true);
        }
        let mut entries = self.index().entries()?;
        loop {
            let plans = self.index().plans()?;
            let past = self.index().past(key)?.unwrap_or(policy::Asked::new(plans)).seen_from(plans);
            let (known, newcomer, left) = self.as_policy_sees(&entries, key, (bytes, secs, past), plans);
            let Some(going) = policy::make_room(&known, &newcomer, needed, left) else { return Ok(false) };
            let held: Vec<_> = going
                .iter()
                .map(|&at| self.disk.take(&entries[at].key).map(|taken| taken.map(|file| (at, file))))
                .collect::<Result<_>>()?;
            if let Some(place) = held.iter().position(Option::is_none) {
                // Somebody is reading it.
                entries.remove(going[place]);
                continue;
            }
            for (at, _taken) in held.into_iter().flatten() {
                self.remove(&entries[at])?;
            }
            return Ok(true);
        }
    }

    fn as_policy_sees(
        &self,
        entries: &[Listed],
        key: &CacheKey,
        (bytes, secs, past): (u64, f64, policy::Past),
        plans: u64,
    ) -> (Vec<policy::Entry>, policy::Entry, u64) {
        let future = self.future();
        let newcomer = policy::Entry { bytes, secs, past, next_use: future.next_use(key), used_at: u64::MAX };
        let known = entries.iter().map(|entry| seen_by_policy(entry, &future, plans)).collect();
        (known, newcomer, future.left())
    }

    /// Removes entries, the least valuable first, until `reached` is `wanted`. The caller holds the lock.
    fn evict(&self, wanted: u64, reached: impl Fn(&Freed) -> u64) -> Result<Freed> {
        let mut freed = Freed::default();
        if wanted == 0 {
            return Ok(freed);
        }
        let entries = self.index().entries()?;
        let plans = self.index().plans()?;
        let (known, left) = {
            let future = self.future();
            let known: Vec<_> = entries.iter().map(|entry| seen_by_policy(entry, &future, plans)).collect();
            (known, future.left())
        };
        for at in policy::in_order(&known, left) {
            if reached(&freed) >= wanted {
                break;
            }
            let entry = &entries[at];
            if let Some(taken) = self.disk.take(&entry.key)? {
                let disk_bytes = self.remove(entry)?;
                drop(taken);
                freed.entries += 1;
                freed.bytes += entry.bytes;
                freed.disk_bytes += disk_bytes;
            }
        }
        Ok(freed)
    }

    /// Removes an entry that nobody is reading; returns how many bytes of the disk this freed.
    fn remove(&self, entry: &Listed) -> Result<u64> {
        let disk_bytes = self.disk.remove(&entry.key)?;
        let mut index = self.index();
        index.forget(entry.id)?;
        index.count(entry.key.kind, Count::Evictions)?;
        Ok(disk_bytes)
    }

    /// Reconciles files and list after a loss of power: what only one of them has is removed.
    fn sweep(&self) -> Result<()> {
        self.remove_unfinished()?;
        self.disk.remove_incoming()?;
        let entries = self.index().entries()?;
        let missing = self.disk.keep_only(entries.iter().map(|entry| &entry.key))?;
        for entry in entries.iter().filter(|entry| missing.contains(&entry.key)) {
            self.index().forget(entry.id)?;
        }
        self.index().forget_old_contents()?;
        self.index().forget_old_names()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn future(&self) -> MutexGuard<'_, Future> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an error for whoever asks.
    fn told<T>(&self, result: Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                let cause =
                    std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
                let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                trouble.get_or_insert_with(|| format!("{error}{cause}"));
            })
            .ok()
    }
}

fn seen_by_policy(entry: &Listed, future: &Future, plans: u64) -> policy::Entry {
    policy::Entry {
        bytes: entry.bytes,
        secs: entry.secs,
        past: entry.asked.seen_from(plans),
        next_use: future.next_use(&entry.key),
        used_at: entry.used_at,
    }
}
