//! The tables, as numbered migrations. A migration that has been released is never edited; a change is a new one.

use rusqlite_migration::{M, Migrations};

/// Written into the file's header, so that another program's database is recognised: "vbnc" in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x7662_6e63;

/// Version of the tables that this tool writes: the number of migrations.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

const MIGRATIONS: &[&str] = &[V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, V13, V14];

pub(crate) fn migrations() -> Migrations<'static> {
    Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect())
}

/// A column of type REAL turns -0.0 into 0.0; one of type ANY keeps every number as it was given.
///
/// Ordinals, not sample ids, join the tables of a run: 1 to 4 bytes instead of 16, and in the order of the plan.
const V1: &str = "
PRAGMA application_id = 0x76626e63;

CREATE TABLE runs (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  schema_version INTEGER NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'interrupted', 'complete')),
  created_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  planned INTEGER NOT NULL CHECK (planned >= 0),
  plan_hash TEXT NOT NULL,
  suite TEXT NOT NULL,
  environment TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  session INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  models TEXT NOT NULL,
  ledger TEXT,
  PRIMARY KEY (run, session)
) STRICT, WITHOUT ROWID;

-- A model with one set of parameters; kept when its runs are removed.
CREATE TABLE configurations (
  key INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  params TEXT NOT NULL,
  UNIQUE (model, params)
) STRICT;

CREATE TABLE generations (
  key INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  sample BLOB NOT NULL CHECK (length(sample) = 16),
  configuration INTEGER NOT NULL REFERENCES configurations (key),
  artifact BLOB NOT NULL CHECK (length(artifact) = 32),
  artifact_bytes INTEGER NOT NULL CHECK (artifact_bytes >= 0),
  latency_secs REAL NOT NULL,
  service_secs REAL NOT NULL,
  timing TEXT NOT NULL,
  peak_rss_bytes INTEGER,
  UNIQUE (run, ordinal),
  UNIQUE (run, sample)
) STRICT;
CREATE INDEX generations_by_configuration ON generations (configuration);
CREATE INDEX generations_by_artifact ON generations (artifact);

CREATE TABLE verdicts (
  key INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  sample BLOB NOT NULL CHECK (length(sample) = 16),
  outcome TEXT NOT NULL,
  reason TEXT,
  facts TEXT,
  score_secs ANY NOT NULL CHECK (typeof(score_secs) = 'real'),
  UNIQUE (run, ordinal),
  UNIQUE (run, sample)
) STRICT;
-- Holds all that counting and resuming read, so neither touches the wide rows.
CREATE INDEX verdicts_by_outcome ON verdicts (run, outcome, sample);

CREATE TABLE scores (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  metric TEXT NOT NULL,
  position INTEGER NOT NULL,
  value ANY CHECK (typeof(value) IN ('real', 'null')),
  reason TEXT,
  CHECK ((value IS NULL) <> (reason IS NULL)),
  PRIMARY KEY (run, ordinal, metric),
  FOREIGN KEY (run, ordinal) REFERENCES verdicts (run, ordinal) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Vectors are 32-bit floats, least significant byte first.
CREATE TABLE features (
  key INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  net TEXT NOT NULL,
  position INTEGER NOT NULL,
  vector BLOB NOT NULL CHECK (length(vector) % 4 = 0),
  UNIQUE (run, ordinal, net),
  FOREIGN KEY (run, ordinal) REFERENCES verdicts (run, ordinal) ON DELETE CASCADE
) STRICT;

CREATE TABLE set_scores (
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  metric TEXT NOT NULL,
  model TEXT NOT NULL,
  params_index INTEGER NOT NULL,
  position INTEGER NOT NULL,
  value ANY CHECK (typeof(value) IN ('real', 'null')),
  reason TEXT,
  interval_low ANY CHECK (typeof(interval_low) IN ('real', 'null')),
  interval_high ANY CHECK (typeof(interval_high) IN ('real', 'null')),
  n INTEGER NOT NULL,
  dims INTEGER NOT NULL,
  underpowered INTEGER NOT NULL CHECK (underpowered IN (0, 1)),
  floor ANY CHECK (typeof(floor) IN ('real', 'null')),
  CHECK ((value IS NULL) <> (reason IS NULL)),
  CHECK ((interval_low IS NULL) = (interval_high IS NULL)),
  PRIMARY KEY (run, metric, model, params_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference_features (
  net TEXT NOT NULL,
  name TEXT NOT NULL,
  vectors INTEGER NOT NULL CHECK (vectors >= 0),
  dims INTEGER NOT NULL CHECK (dims >= 0),
  matrix BLOB NOT NULL CHECK (length(matrix) = 4 * vectors * dims),
  UNIQUE (net, name)
) STRICT;

-- Artifacts of removed runs whose files may still be there: a removal that was killed is finished by the next one.
CREATE TABLE condemned_artifacts (
  artifact BLOB PRIMARY KEY CHECK (length(artifact) = 32)
) STRICT, WITHOUT ROWID;
";

/// Why a session left samples of a model.
const V2: &str = "ALTER TABLE sessions ADD COLUMN given_up TEXT NOT NULL DEFAULT '[]';";

/// Scores frame by frame, and scoring clips that exist already. Results are kept by content; a scoring names the clips it was
/// about. An empty reference is none; an empty prompt is that of a metric that reads none.
const V3: &str = "
ALTER TABLE scores ADD COLUMN series BLOB;

CREATE TABLE scorings (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  schema_version INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'interrupted', 'complete')),
  created_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  clips INTEGER NOT NULL CHECK (clips >= 0),
  request TEXT NOT NULL,
  environment TEXT NOT NULL
) STRICT;

CREATE TABLE scored_clips (
  scoring INTEGER NOT NULL REFERENCES scorings (key) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  clip BLOB CHECK (length(clip) = 32),
  reference BLOB CHECK (length(reference) = 32),
  outcome TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (scoring, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE decoded_clips (
  clip BLOB NOT NULL CHECK (length(clip) = 32),
  reference BLOB NOT NULL CHECK (length(reference) IN (0, 32)),
  reading TEXT NOT NULL,
  facts TEXT NOT NULL,
  pairing TEXT,
  PRIMARY KEY (clip, reference, reading)
) STRICT, WITHOUT ROWID;

CREATE TABLE clip_scores (
  clip BLOB NOT NULL CHECK (length(clip) = 32),
  reference BLOB NOT NULL CHECK (length(reference) IN (0, 32)),
  reading TEXT NOT NULL,
  metric TEXT NOT NULL,
  prompt TEXT NOT NULL,
  value ANY CHECK (typeof(value) IN ('real', 'null')),
  reason TEXT,
  series BLOB,
  CHECK ((value IS NULL) <> (reason IS NULL)),
  PRIMARY KEY (clip, reference, reading, metric, prompt)
) STRICT, WITHOUT ROWID;
";

/// Features of clips, by content: vectors of 32-bit floats, least significant byte first. `nets` says which weights on which runtime.
const V4: &str = "
CREATE TABLE clip_features (
  key INTEGER PRIMARY KEY,
  clip BLOB NOT NULL CHECK (length(clip) = 32),
  reading TEXT NOT NULL,
  extraction TEXT NOT NULL,
  nets TEXT NOT NULL,
  vector BLOB NOT NULL CHECK (length(vector) % 4 = 0),
  UNIQUE (clip, reading, extraction, nets)
) STRICT;

ALTER TABLE scorings ADD COLUMN sets TEXT NOT NULL DEFAULT '[]';
";

/// Nets that look at images give one vector per frame: how many vectors a blob holds. Also notes of scores.
const V5: &str = "
ALTER TABLE scores ADD COLUMN note TEXT;
ALTER TABLE clip_scores ADD COLUMN note TEXT;
ALTER TABLE features ADD COLUMN rows INTEGER NOT NULL DEFAULT 1 CHECK (rows > 0);
ALTER TABLE clip_features ADD COLUMN rows INTEGER NOT NULL DEFAULT 1 CHECK (rows > 0);
";

/// Memory of the device, as JSON.
const V6: &str = "
ALTER TABLE generations ADD COLUMN peak_device_bytes TEXT;
";

/// Attempts that gave no file, and what breakers did.
const V7: &str = "
CREATE TABLE attempts (
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  session INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  secs REAL NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (run, ordinal, attempt)
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN breakers TEXT NOT NULL DEFAULT '[]';
";

/// What sensors said, some readings a row, as JSON.
const V8: &str = "
CREATE TABLE readings (
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  session INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  readings TEXT NOT NULL,
  UNIQUE (run, session, first_ns)
) STRICT;
";

/// What became of health and alerts, and when the machine was idle.
const V9: &str = "
ALTER TABLE sessions ADD COLUMN health TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sessions ADD COLUMN alerts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sessions ADD COLUMN idle TEXT NOT NULL DEFAULT '[]';
";

/// A hash over a complete run, see `seal.rs`.
const V10: &str = "ALTER TABLE runs ADD COLUMN seal TEXT;";

/// What workers were held to.
const V11: &str = "
ALTER TABLE sessions ADD COLUMN held TEXT NOT NULL DEFAULT '[]';
";

/// Samples that another run made have no times of their own. SQLite cannot loosen a column, so the table is made anew.
const V12: &str = "
CREATE TABLE generations_12 (
  key INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  sample BLOB NOT NULL CHECK (length(sample) = 16),
  configuration INTEGER NOT NULL REFERENCES configurations (key),
  artifact BLOB NOT NULL CHECK (length(artifact) = 32),
  artifact_bytes INTEGER NOT NULL CHECK (artifact_bytes >= 0),
  latency_secs REAL,
  service_secs REAL,
  timing TEXT,
  peak_rss_bytes INTEGER,
  peak_device_bytes TEXT,
  reused_from TEXT,
  CHECK ((timing IS NULL) = (reused_from IS NOT NULL)),
  CHECK ((timing IS NULL) = (latency_secs IS NULL) AND (timing IS NULL) = (service_secs IS NULL)),
  UNIQUE (run, ordinal),
  UNIQUE (run, sample)
) STRICT;
INSERT INTO generations_12 SELECT key, run, ordinal, sample, configuration, artifact, artifact_bytes, latency_secs, service_secs,
  timing, peak_rss_bytes, peak_device_bytes, NULL FROM generations;
DROP TABLE generations;
ALTER TABLE generations_12 RENAME TO generations;
CREATE INDEX generations_by_configuration ON generations (configuration);
CREATE INDEX generations_by_artifact ON generations (artifact);

ALTER TABLE sessions ADD COLUMN reused TEXT NOT NULL DEFAULT '[]';
";

/// A hash beside the columns of a row, see `row_seal.rs`.
const V13: &str = "
ALTER TABLE generations ADD COLUMN seal BLOB;
ALTER TABLE attempts ADD COLUMN seal BLOB;
ALTER TABLE verdicts ADD COLUMN seal BLOB;
ALTER TABLE scores ADD COLUMN seal BLOB;
ALTER TABLE features ADD COLUMN seal BLOB;
ALTER TABLE scored_clips ADD COLUMN seal BLOB;
ALTER TABLE decoded_clips ADD COLUMN seal BLOB;
ALTER TABLE clip_scores ADD COLUMN seal BLOB;
ALTER TABLE clip_features ADD COLUMN seal BLOB;
ALTER TABLE reference_features ADD COLUMN seal BLOB;
";

/// Which models the runs have, identified by what makes their samples: two programs of one name take different times.
/// Nothing is known of runs from before this migration. Also seals of more rows, see [`V13`].
const V14: &str = "
CREATE TABLE run_models (
  run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  name TEXT NOT NULL,
  PRIMARY KEY (run, digest, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_models_by_digest ON run_models (digest, name);

ALTER TABLE sessions ADD COLUMN seal BLOB;
ALTER TABLE readings ADD COLUMN seal BLOB;
";
