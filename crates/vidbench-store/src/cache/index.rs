//! The list of entries: a small database of its own beside them, so that a backup of the workspace leaves it out, and
//! losing it costs nothing but time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::policy::Asked;
use super::{CacheKey, CacheKind, CacheUse};
use crate::codec::{Sha256Hash, finite, from_i64, to_i64};
use crate::{Result, StoreError};

/// Version of the list. If the file has another one, the cache is started anew.
const FORM: i64 = 2;
/// How long a change waits for another process's change; each takes less than a millisecond.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Files whose content is remembered, some 200 bytes each.
const CONTENTS_KEPT: i64 = 100_000;

/// How many names are remembered although nothing is kept under them, some 60 bytes each.
const NAMES_KEPT: i64 = 100_000;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS entries (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
  content BLOB NOT NULL CHECK (length(content) = 32),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  secs REAL NOT NULL,
  note TEXT NOT NULL,
  -- Its file is whole. Bytes of one that is being written count, too.
  whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
  used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (kind, bytes);
-- The plans that asked for a name, whether something is kept under it or not.
CREATE TABLE IF NOT EXISTS asked (
  name BLOB PRIMARY KEY CHECK (length(name) = 32),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  again INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (
  kind TEXT PRIMARY KEY,
  hits INTEGER NOT NULL DEFAULT 0,
  misses INTEGER NOT NULL DEFAULT 0,
  evictions INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0,
  damaged INTEGER NOT NULL DEFAULT 0,
  saved_secs REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
-- What files held when they were read: so a plan knows what it will ask for before it has read them again.
CREATE TABLE IF NOT EXISTS contents (
  at INTEGER PRIMARY KEY,
  mark TEXT NOT NULL UNIQUE,
  content TEXT NOT NULL
) STRICT;
-- Uses and plans so far.
CREATE TABLE IF NOT EXISTS now (one INTEGER PRIMARY KEY CHECK (one = 1), uses INTEGER NOT NULL, plans INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO now VALUES (1, 0, 0);
";

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Misses,
    Evictions,
    Refusals,
    Damaged,
}

impl Count {
    fn column(self) -> &'static str {
        match self {
            Self::Misses => "misses",
            Self::Evictions => "evictions",
            Self::Refusals => "refusals",
            Self::Damaged => "damaged",
        }
    }
}

/// An entry as it is listed.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: i64,
    pub(super) key: CacheKey,
    pub(super) content: Sha256Hash,
    pub(super) bytes: u64,
    pub(super) secs: f64,
    pub(super) note: String,
    pub(super) used_at: u64,
    pub(super) asked: Asked,
}

#[derive(Debug)]
pub(super) struct Index {
    connection: Connection,
    path: PathBuf,
}

impl Index {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = || -> Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if found != 0 && found != FORM {
                return Err(StoreError::corrupt("cache", &format!("its index has format {found}")));
            }
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            // After a loss of power the last changes may be missing. The files are compared with the list when it is opened.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection
                .execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {FORM}; COMMIT;"))?;
            Ok(connection)
        };
        let connection = open().map_err(|error| error.in_database("opening the cache index", path))?;
        Ok(Self { connection, path: path.into() })
    }

    fn change<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let Self { connection, path } = self;
        let run = || {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&tx)?;
            tx.commit()?;
            Ok(value)
        };
        // The closure is called once; it borrows what `work` consumes.
        run().map_err(|error: StoreError| error.in_database("updating the cache index", path))
    }

    /// Bytes of all entries, including those that are being written.
    pub(super) fn bytes(&mut self) -> Result<u64> {
        self.change(|tx| {
            let bytes = tx.query_row("SELECT coalesce(sum(bytes), 0) FROM entries", [], |row| row.get(0))?;
            from_i64("bytes of the cache", bytes)
        })
    }

    /// Records that the current plan asks for this key.
    pub(super) fn asked(&mut self, key: &CacheKey) -> Result<()> {
        let sql = "INSERT INTO asked SELECT ?1, plans, plans, 0 FROM now WHERE true
                   ON CONFLICT (name) DO UPDATE SET again = again + 1, last = excluded.last WHERE last < excluded.last";
        self.change(|tx| Ok(tx.prepare_cached(sql)?.execute([key.name]).map(drop)?))
    }

    /// The plans that asked for this key; `None` before the first.
    pub(super) fn past(&mut self, key: &CacheKey) -> Result<Option<Asked>> {
        self.change(|tx| {
            let mut statement = tx.prepare_cached("SELECT first, last, again FROM asked WHERE name = ?1")?;
            let mut rows = statement.query([key.name])?;
            rows.next()?.map(|row| asked(row, 0)).transpose()
        })
    }

    pub(super) fn find(&mut self, key: &CacheKey) -> Result<Option<Listed>> {
        self.change(|tx| {
            let mut statement = tx.prepare_cached(&format!("{LISTED} WHERE whole = 1 AND name = ?1"))?;
            let mut rows = statement.query([key.name])?;
            Ok(rows.next()?.map(listed).transpose()?.flatten())
        })
    }

    /// Every entry whose file is whole, in the order in which they came.
    pub(super) fn entries(&mut self) -> Result<Vec<Listed>> {
        self.change(|tx| list(tx, true))
    }

    /// Entries that processes were writing when they died. Only the process that may write may ask: an entry that is
    /// being written would be among them.
    pub(super) fn unfinished(&mut self) -> Result<Vec<Listed>> {
        self.change(|tx| list(tx, false))
    }

    /// Lists an entry whose file is still to be written; returns its id.
    pub(super) fn reserve(
        &mut self,
        key: &CacheKey,
        content: Sha256Hash,
        bytes: u64,
        secs: f64,
        note: &str,
    ) -> Result<i64> {
        let (bytes, secs) = (to_i64("bytes of an entry", bytes)?, finite("seconds of an entry", secs)?);
        self.change(|tx| {
            let uses = tick(tx)?;
            tx.prepare_cached(
                "INSERT INTO entries (kind, name, content, bytes, secs, note, whole, used_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
            )?
            .execute(params![key.kind.name(), key.name, content.0, bytes, secs, note, uses])?;
            let id = tx.last_insert_rowid();
            // The past of an entry that is made without being asked for begins now.
            tx.prepare_cached("INSERT OR IGNORE INTO asked SELECT ?1, plans, plans, 0 FROM now")?
                .execute([key.name])?;
            Ok(id)
        })
    }

    pub(super) fn is_whole(&mut self, id: i64) -> Result<()> {
        self.change(|tx| {
            Ok(tx.prepare_cached("UPDATE entries SET whole = 1 WHERE id = ?1")?.execute([id]).map(drop)?)
        })
    }

    pub(super) fn forget(&mut self, id: i64) -> Result<()> {
        self.change(|tx| {
            Ok(tx.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([id]).map(drop)?)
        })
    }

    /// Records that an entry was of use.
    pub(super) fn hit(&mut self, entry: &Listed) -> Result<()> {
        self.change(|tx| {
            let uses = tick(tx)?;
            tx.prepare_cached("UPDATE entries SET used_at = ?2 WHERE id = ?1")?
                .execute(params![entry.id, uses])?;
            tx.prepare_cached(
                "INSERT INTO counts (kind, hits, saved_secs) VALUES (?1, 1, ?2)
                 ON CONFLICT (kind) DO UPDATE SET hits = hits + 1, saved_secs = saved_secs + ?2",
            )?
            .execute(params![entry.key.kind.name(), entry.secs])?;
            Ok(())
        })
    }

    pub(super) fn count(&mut self, kind: CacheKind, what: Count) -> Result<()> {
        let column = what.column();
        let sql = format!(
            "INSERT INTO counts (kind, {column}) VALUES (?1, 1) ON CONFLICT (kind) DO UPDATE SET {column} = {column} + 1"
        );
        self.change(|tx| Ok(tx.prepare_cached(&sql)?.execute([kind.name()]).map(drop)?))
    }

    /// Remembers what a file with such a mark holds.
    pub(super) fn note_content(&mut self, mark: &str, content: &str) -> Result<()> {
        self.change(|tx| {
            let known = tx
                .prepare_cached("SELECT 1 FROM contents WHERE mark = ?1 AND content = ?2")?
                .exists([mark, content])?;
            if !known {
                tx.prepare_cached("INSERT OR REPLACE INTO contents (mark, content) VALUES (?1, ?2)")?
                    .execute([mark, content])?;
            }
            Ok(())
        })
    }

    pub(super) fn content(&mut self, mark: &str) -> Result<Option<String>> {
        self.change(|tx| {
            let mut statement = tx.prepare_cached("SELECT content FROM contents WHERE mark = ?1")?;
            Ok(statement.query_row([mark], |row| row.get(0)).optional()?)
        })
    }

    /// Forgets the oldest of too many files.
    pub(super) fn forget_old_contents(&mut self) -> Result<()> {
        self.change(|tx| {
            let sql = "DELETE FROM contents WHERE at <= (SELECT max(at) FROM contents) - ?1";
            Ok(tx.execute(sql, [CONTENTS_KEPT]).map(drop)?)
        })
    }

    /// Forgets names under which nothing is kept, beginning with those asked for longest ago.
    pub(super) fn forget_old_names(&mut self) -> Result<()> {
        self.change(|tx| {
            let sql = "DELETE FROM asked WHERE name IN (SELECT name FROM asked WHERE name NOT IN (SELECT name FROM entries)
                       ORDER BY last DESC LIMIT -1 OFFSET ?1)";
            Ok(tx.execute(sql, [NAMES_KEPT]).map(drop)?)
        })
    }

    pub(super) fn begin_plan(&mut self) -> Result<()> {
        self.change(|tx| Ok(tx.execute("UPDATE now SET plans = plans + 1", []).map(drop)?))
    }

    /// Plans begun so far.
    pub(super) fn plans(&mut self) -> Result<u64> {
        self.change(|tx| from_i64("plans", tx.query_row("SELECT plans FROM now", [], |row| row.get(0))?))
    }

    pub(super) fn forget_past(&mut self) -> Result<()> {
        let sql = "DELETE FROM counts; DELETE FROM asked WHERE name NOT IN (SELECT name FROM entries);";
        self.change(|tx| Ok(tx.execute_batch(sql)?))
    }

    pub(super) fn usage(&mut self, kind: CacheKind) -> Result<CacheUse> {
        self.change(|tx| {
            let (entries, bytes) = tx.query_row(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM entries WHERE kind = ?1",
                [kind.name()],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
            )?;
            let (entries, bytes) = (from_i64("entries", entries)?, from_i64("bytes", bytes)?);
            let counts = tx
                .prepare_cached(
                    "SELECT hits, misses, evictions, refusals, damaged, saved_secs FROM counts WHERE kind = ?1",
                )?
                .query_row([kind.name()], |row| counts(row, kind, entries, bytes))
                .optional()?;
            Ok(counts.unwrap_or(CacheUse { kind, entries, bytes, ..CacheUse::none(kind) }))
        })
    }
}

const LISTED: &str = "SELECT id, kind, name, content, bytes, secs, note, used_at, first, last, again FROM entries JOIN asked USING (name)";

fn list(tx: &Transaction<'_>, whole: bool) -> Result<Vec<Listed>> {
    let mut statement = tx.prepare_cached(&format!("{LISTED} WHERE whole = ?1 ORDER BY id"))?;
    let mut rows = statement.query([whole])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.extend(listed(row)?);
    }
    Ok(entries)
}

/// `None` for a kind that this version does not know.
fn listed(row: &Row<'_>) -> Result<Option<Listed>> {
    let kind_name: String = row.get(1)?;
    let Some(kind) = CacheKind::ALL.into_iter().find(|kind| kind.name() == kind_name) else {
        return Ok(None);
    };
    let name: Vec<u8> = row.get(2)?;
    let name = name.try_into().map_err(|_| StoreError::corrupt("cache", "a name that is not a hash"))?;
    Ok(Some(Listed {
        id: row.get(0)?,
        key: CacheKey { kind, name },
        content: Sha256Hash::from_column(&row.get::<_, Vec<u8>>(3)?)?,
        bytes: from_i64("bytes of an entry", row.get(4)?)?,
        secs: row.get(5)?,
        note: row.get(6)?,
        used_at: from_i64("last use", row.get(7)?)?,
        asked: asked(row, 8)?,
    }))
}

/// Reads an [`Asked`] from the three columns from `at` on.
fn asked(row: &Row<'_>, at: usize) -> Result<Asked> {
    let plan = |column: usize| from_i64("plan of a request", row.get(at + column)?);
    Ok(Asked { first: plan(0)?, last: plan(1)?, again: from_i64("requests", row.get(at + 2)?)? })
}

/// Counts a use; returns the number of uses, this one included.
fn tick(tx: &Transaction<'_>) -> Result<i64> {
    let sql = "UPDATE now SET uses = uses + 1 RETURNING uses";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn counts(row: &Row<'_>, kind: CacheKind, entries: u64, bytes: u64) -> rusqlite::Result<CacheUse> {
    let number = |column| row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0));
    Ok(CacheUse {
        kind,
        entries,
        bytes,
        hits: number(0)?,
        misses: number(1)?,
        evictions: number(2)?,
        refusals: number(3)?,
        damaged: number(4)?,
        saved_secs: row.get(5)?,
    })
}
