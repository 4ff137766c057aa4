//! Opening a workspace: folders, database, version, migrations.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::folders::{self, Folders};
use crate::{Cache, CacheSize, Result, StoreError, list_backups, row_seal, schema};

/// How long a write waits for a write of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// No SQLite database is smaller than this, in bytes.
const SMALLEST_PAGE: u64 = 512;
/// More than the distinct statements of this crate, so that each is compiled once.
const CACHED_STATEMENTS: usize = 96;
/// A write-ahead log that grew beyond this size, in bytes, is cut back: on a full disk it would be in the way.
const WAL_KEPT_BYTES: i64 = 64 << 20;

/// Page cache, in bytes: more than one transaction changes. Other pages come from the system's own cache, in a few
/// microseconds each, against the milliseconds of a durable commit. So the memory of a program does not grow with its
/// store.
const PAGE_CACHE_BYTES: i64 = 2 << 20;

/// One workspace folder. May be shared between threads; writes follow one another.
#[derive(Debug)]
pub struct Store {
    pub(crate) folders: Folders,
    pub(crate) prefixes_prepared: Mutex<bool>,
    connection: Mutex<Connection>,
    cache: OnceLock<Cache>,
}

impl Store {
    /// Opens the workspace in `root`, creates it when there is none, and brings its tables up to date.
    ///
    /// Fails when the folder cannot be written, when `vidbench.db` is not a store, or when a newer vidbench wrote it.
    pub fn open(root: &Path) -> Result<Self> {
        let folders = Folders::create(root)?;
        let path = folders.database();
        let connection = {
            let _alone = migration_lock(&folders)?;
            require_content(&folders)?;
            let mut connection = connect(&path).map_err(|error| recognise(error, &path))?;
            migrate(&mut connection, &path)?;
            connection
        };
        folders::sync_folder(&folders.root)?;
        Ok(Self {
            folders,
            prefixes_prepared: Mutex::default(),
            connection: Mutex::new(connection),
            cache: OnceLock::new(),
        })
    }

    /// Opens the workspace in `root`; fails when there is none.
    pub fn open_existing(root: &Path) -> Result<Self> {
        if root.join(folders::DATABASE).exists() {
            Self::open(root)
        } else {
            Err(StoreError::NoWorkspace { root: root.into() })
        }
    }

    /// The workspace folder, absolute.
    pub fn root(&self) -> &Path {
        &self.folders.root
    }

    /// Makes the users of this store keep what can be made again, within `size`. Does nothing where `size` is 0 or a
    /// cache is in use already.
    ///
    /// # Errors
    ///
    /// When the cache cannot be used. The store works without it.
    pub fn use_cache(&self, size: CacheSize) -> Result<()> {
        if !size.is_off() && self.cache.get().is_none() {
            let cache = Cache::open(&self.folders.root, size)?;
            self.cache.get_or_init(|| cache);
        }
        Ok(())
    }

    /// The cache, if one is used.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.get()
    }

    /// Bytes an ordinary user may still write to the disk of the workspace.
    pub fn free_disk_bytes(&self) -> Result<u64> {
        Ok(folders::disk_space(&self.folders.root)?.free_bytes)
    }

    /// Writes and removes a small file where videos are written, and takes the database's write lock once.
    pub fn check_writable(&self) -> Result<()> {
        let path = self.folders.tmp().join(format!(".writable-{}", std::process::id()));
        let write = || {
            File::create(&path)
                .and_then(|mut file| file.write_all(b"vidbench").and_then(|()| file.sync_all()))
        };
        let written = write().map_err(StoreError::io("write", &path));
        let removed = fs::remove_file(&path).map_err(StoreError::io("remove", &path));
        written.and(removed)?;
        self.write("taking the write lock", |_| Ok(()))
    }

    /// One durable transaction: all of `work`, or nothing.
    pub(crate) fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.transact(doing, TransactionBehavior::Immediate, work)
    }

    /// One consistent view, whatever other processes write in the meantime.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.transact(doing, TransactionBehavior::Deferred, work)
    }

    fn transact<T>(
        &self,
        doing: &'static str,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.connection();
        let run = || {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|error: StoreError| error.in_database(doing, &self.folders.database()))
    }

    /// A poisoned lock is safe to use: a thread that panicked has rolled its transaction back.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses a database that is empty or missing although there are backups of it: its content was lost and must not be
/// taken for none.
fn require_content(folders: &Folders) -> Result<()> {
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |facts| facts.len());
    let path = folders.database();
    let log = PathBuf::from(format!("{}-wal", path.display()));
    if bytes(&path) >= SMALLEST_PAGE || bytes(&log) > 0 {
        return Ok(());
    }
    let backups = list_backups(&folders.root.join("backups"));
    match backups.is_ok_and(|backups| !backups.is_empty()) {
        true => Err(StoreError::NotADatabase { path }),
        false => Ok(()),
    }
}

/// Locks migrations: two processes that open a new workspace at once would both create its tables.
pub(crate) fn migration_lock(folders: &Folders) -> Result<File> {
    let path = lock_path(folders);
    let file = folders::open_lock(&path)?;
    file.lock().map_err(StoreError::io("lock", &path))?;
    Ok(file)
}

pub(crate) fn lock_path(folders: &Folders) -> PathBuf {
    folders.locks().join("open.lock")
}

/// Opens the database; writes nothing before the file has been recognised.
fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_ours(&connection, path)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let detail = format!("its file system offers journal mode {mode}, not WAL");
        return Err(StoreError::unstorable(path.display().to_string(), &detail));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A negative number is KiB, a positive one would be pages.
    connection.pragma_update(None, "cache_size", -PAGE_CACHE_BYTES / 1024)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    row_seal::add_function(&connection)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

fn check_ours(connection: &Connection, path: &Path) -> Result<()> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application_id = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    if tables > 0 && application_id != schema::APPLICATION_ID {
        return Err(StoreError::NotAStore { path: path.into(), application_id });
    }
    if version > i64::from(schema::VERSION) {
        return Err(StoreError::Newer { path: path.into(), found: version, supported: schema::VERSION });
    }
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    schema::migrations()
        .to_latest(connection)
        .map_err(|source| StoreError::Migration { path: path.into(), source: Box::new(source) })
}

fn recognise(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Database { source, .. }
            if source.sqlite_error_code() == Some(ErrorCode::NotADatabase) =>
        {
            StoreError::NotADatabase { path: path.into() }
        }
        other => other.in_database("opening the store", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_loses_nothing_that_was_recorded_and_work_goes_on_when_there_is_space() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        // SQLite answers as on a full disk when its file may not grow.
        let limit = |pages: u32| store.connection().pragma_update(None, "max_page_count", pages).unwrap();
        limit(200);
        let vector = |at: u32| vec![vec![at as f32; 4096]];
        let put = |at: u32| store.put_reference_features("net@1", &format!("set@{at}"), &vector(at));
        let (full_at, error) = (0..1000).find_map(|at| put(at).err().map(|error| (at, error))).unwrap();
        assert!(error.is_disk_full(), "{error}");
        assert!(error.hint().unwrap().contains("free some disk space"));
        assert!(full_at > 10, "{full_at}");
        limit(100_000);
        put(full_at).unwrap();
        for at in 0..=full_at {
            assert_eq!(store.reference_features("net@1", &format!("set@{at}")).unwrap(), Some(vector(at)));
        }
    }

    #[test]
    fn every_commit_is_synced_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let pragma = |name: &str| {
            store.connection().query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        };
        // 2 is FULL: the log is synced at every commit, not only at checkpoints.
        assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (Ok(2), Ok(1)));
    }

    #[test]
    fn a_panic_inside_a_transaction_leaves_nothing_and_breaks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let work = std::panic::AssertUnwindSafe(|| {
            store.write("panicking", |tx| -> Result<()> {
                tx.execute("INSERT INTO configurations (model, params) VALUES ('m', '{}')", [])?;
                panic!("on purpose");
            })
        });
        assert!(std::panic::catch_unwind(work).is_err());
        let count = |tx: &Transaction<'_>| {
            Ok(tx.query_row("SELECT count(*) FROM configurations", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(store.read("counting", count).unwrap(), 0);
        store.check_writable().unwrap();
    }
}
