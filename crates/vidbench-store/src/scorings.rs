//! Scorings, and the scores of clips by content: a file that has been scored is not scored again, whatever its name.
//!
//! Only what follows from the bytes is kept by content. That a file could not be decoded within the limits of one scoring, or
//! that a scorer died, stays with that scoring, and the next one tries again.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use vidbench_core::protocol::{Features, Pairing};
use vidbench_core::{
    ClipFacts, ClipOutcome, FeatureScoring, MetricId, MetricScore, RequestedClip, RunId, RunStatus,
    ScoredClip, ScoringData, ScoringRecord,
};

use crate::codec::{
    Sha256Hash, from_i64, from_json, score, score_columns, series_from_bytes, series_to_bytes, to_i64,
    to_json,
};
use crate::row_seal::{OF_CLIPS, SCORED_CLIPS};
use crate::rows::metric_column;
use crate::runs::{parse_id, parse_status};
use crate::{Result, Store, StoreError, folders};

/// One line of the list of scorings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoringSummary {
    /// The scoring.
    pub id: RunId,
    /// What it was called.
    pub name: String,
    /// How far it has come.
    pub status: RunStatus,
    /// Unix time of creation, in milliseconds.
    pub created_ms: i64,
    /// Clips asked for.
    pub clips: u64,
    /// Clips with an outcome.
    pub done: u64,
    /// Of these, ok.
    pub ok: u64,
}

/// A clip as its scores are kept: by what it holds and by how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipKey {
    /// SHA-256 of the file, in hexadecimal.
    pub clip: String,
    /// SHA-256 of the reference it is compared with.
    pub reference: Option<String>,
    /// How the file is read, where that changes its pixels.
    pub reading: String,
}

/// A metric whose score is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The metric.
    pub metric: MetricId,
    /// Whether it compares with the reference.
    pub of_pair: bool,
    /// What the score depends on beside the files: the prompt, or the version of the library that computes it. Held by the
    /// column `prompt`.
    pub depends_on: Option<String>,
    /// The features of the clip from which the score is computed; `None` where they are not kept.
    pub features: Option<FeatureSource>,
    /// The features of the clip's prompt from which the score is computed too; `None` where they are not kept.
    pub text_features: Option<FeatureSource>,
    /// Whether this is a metric of sets: then the features are wanted, and not a score.
    pub of_sets: bool,
}

/// What computes features of clips or texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureSource {
    /// The net and how it is fed, with a version.
    pub extraction: String,
    /// The nets with the hashes of their weights, and what runs them.
    pub nets: String,
}

/// What is known of a clip.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// What the decoder saw.
    pub facts: Option<ClipFacts>,
    /// How it compared with its reference.
    pub pairing: Option<Pairing>,
    /// Scores there are, in the order wanted.
    pub scores: Vec<MetricScore>,
    /// Features there are, in the order wanted, each once.
    pub features: Vec<Features>,
}

impl Known {
    /// Whether nothing more has to be computed for `wanted`.
    pub fn has(&self, wanted: &Wanted) -> bool {
        let of_sets = wanted.features.as_ref().filter(|_| wanted.of_sets);
        of_sets.is_some_and(|source| self.features.iter().any(|known| known.net == source.extraction))
            || self.scores.iter().any(|score| score.metric == wanted.metric)
    }
}

impl Store {
    /// Records a new scoring. It counts as interrupted until [`Store::finish_scoring`], because a process that is killed
    /// cannot say so.
    pub fn create_scoring(&self, record: &ScoringRecord) -> Result<()> {
        let clips = to_i64("clips", record.request.clips.len() as u64)?;
        let (request, environment) =
            (to_json("request", &record.request)?, to_json("environment", &record.environment)?);
        self.write("recording a scoring", |tx| {
            tx.prepare_cached(
                "INSERT INTO scorings (id, schema_version, status, created_ms, clips, request, environment)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                record.id.as_str(),
                record.schema_version,
                RunStatus::Interrupted.name(),
                record.created_ms,
                clips,
                request,
                environment,
            ])?;
            Ok(())
        })
    }

    /// Says that every clip of a scoring has its outcome.
    pub fn finish_scoring(&self, id: &RunId, finished_ms: i64) -> Result<()> {
        self.write("recording the end of a scoring", |tx| {
            let key = scoring_key(tx, id)?;
            tx.prepare_cached("UPDATE scorings SET status = ?2, finished_ms = ?3 WHERE key = ?1")?
                .execute(params![key, RunStatus::Complete.name(), finished_ms])?;
            Ok(())
        })
    }

    /// Records what came of sets of clips, in place of what was there.
    pub fn record_scoring_sets(&self, id: &RunId, sets: &Vec<FeatureScoring>) -> Result<()> {
        let sets = to_json("sets", sets)?;
        self.write("recording sets of clips", |tx| {
            let key = scoring_key(tx, id)?;
            tx.execute("UPDATE scorings SET sets = ?2 WHERE key = ?1", params![key, sets])?;
            Ok(())
        })
    }

    /// What the store knows of a clip. Damaged records count as unknown and are computed again.
    pub fn known_scores(&self, key: &ClipKey, wanted: &[Wanted]) -> Result<Known> {
        let columns = Columns::of(key)?;
        let found = self.read("looking for scores", |tx| known(tx, &columns, wanted));
        unknown_if_damaged(found)
    }

    /// Known features of a clip, as far as `wanted` is computed from them, each once. Damaged records count as
    /// unknown.
    pub fn known_features(&self, key: &ClipKey, wanted: &[&Wanted]) -> Result<Vec<Features>> {
        let columns = Columns::of(key)?;
        let found = self.read("looking for net features", |tx| {
            columns.require_sound(tx)?;
            features_of_all(tx, &columns, wanted.iter().copied())
        });
        unknown_if_damaged(found)
    }

    /// Records, in one durable transaction, what came of a clip in a scoring, and the part of it that holds for every
    /// file of the same content. `wanted` are the metrics that were asked for, including those that were known before.
    pub fn record_scored_clip(
        &self,
        scoring: &RunId,
        clip: &ScoredClip,
        content: Option<(&ClipKey, Option<&Pairing>)>,
        features: &[Features],
        wanted: &[Wanted],
    ) -> Result<()> {
        self.write("recording the scores of a clip", |tx| {
            insert_outcome(tx, scoring_key(tx, scoring)?, clip)?;
            let (Some((key, pairing)), Some(facts)) = (content, &clip.facts) else { return Ok(()) };
            let columns = Columns::of(key)?;
            for rows in OF_CLIPS {
                rows.remove_broken(tx, "clip = ?1", [columns.clip])?;
            }
            insert_facts(tx, &columns, facts, pairing)?;
            insert_scores(tx, &columns, &clip.scores, wanted)?;
            insert_features(tx, &columns, features, wanted)?;
            OF_CLIPS.into_iter().try_for_each(|rows| rows.seal(tx, "clip = ?1", [columns.clip]))
        })
    }

    /// The features that one extraction gave of each clip of a scoring, with the clip's ordinal, in order.
    pub fn scoring_features(
        &self,
        record: &ScoringRecord,
        wanted: impl Fn(&RequestedClip) -> Option<Wanted>,
    ) -> Result<Vec<(u64, Features)>> {
        let mut found = Vec::new();
        self.read("reading features of a scoring", |tx| {
            each_outcome(tx, scoring_key(tx, &record.id)?, |clip| {
                let Some((key, asked)) = content(record, &clip) else { return Ok(true) };
                // Features belong to the clip, whatever it is compared with.
                let key = ClipKey { reference: None, ..key };
                let columns = Columns::of(&key)?;
                columns.require_sound(tx)?;
                let features = wanted(asked).map(|wanted| features_of(tx, &columns, &wanted)).transpose()?;
                found.extend(features.flatten().map(|features| (clip.ordinal, features)));
                Ok(true)
            })
        })?;
        Ok(found)
    }

    /// A scoring without its clips; [`Store::each_scored_clip`] has them.
    pub fn scoring_data(&self, id: &RunId) -> Result<ScoringData> {
        let status = |recorded| self.scoring_status(id, recorded);
        self.read("reading a scoring", |tx| {
            let record = scoring_record(tx, id)?;
            let record = ScoringRecord { status: status(record.status), ..record };
            let key = scoring_key(tx, id)?;
            let sets: String =
                tx.query_row("SELECT sets FROM scorings WHERE key = ?1", [key], |row| row.get(0))?;
            Ok(ScoringData { record, sets: from_json("sets", &sets)? })
        })
    }

    /// Passes each clip that has an outcome to `visit`, with everything that is known of it, in the order of the
    /// request, and keeps none in memory. The store is in use in the meantime: `visit` must not call it.
    ///
    /// # Errors
    ///
    /// The first error of `visit`, which ends the reading, or that the store cannot be read.
    pub fn each_scored_clip<E: From<StoreError>>(
        &self,
        record: &ScoringRecord,
        wanted: impl Fn(&RequestedClip) -> Vec<Wanted>,
        mut visit: impl FnMut(ScoredClip) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut stopped = None;
        self.read("reading the clips of a scoring", |tx| {
            each_outcome(tx, scoring_key(tx, &record.id)?, |mut clip| {
                // Scores of a clip that failed here may be known from another scoring; they do not belong to this one.
                if let Some((key, asked)) = content(record, &clip) {
                    let known = known(tx, &Columns::of(&key)?, &wanted(asked))?;
                    (clip.facts, clip.scores) = (known.facts, known.scores);
                }
                stopped = visit(clip).err();
                Ok(stopped.is_none())
            })
        })?;
        stopped.map_or(Ok(()), Err)
    }

    /// All scorings, newest first.
    pub fn scorings(&self) -> Result<Vec<ScoringSummary>> {
        let scorings: Vec<ScoringSummary> = self.read("listing scorings", |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT id, request ->> 'name', status, created_ms, clips,
                 (SELECT count(*) FROM scored_clips WHERE scoring = scorings.key),
                 (SELECT count(*) FROM scored_clips WHERE scoring = scorings.key AND outcome = 'ok')
                 FROM scorings ORDER BY created_ms DESC, key DESC",
            )?;
            statement.query_and_then([], summary)?.collect()
        })?;
        let status = |scoring: &ScoringSummary| self.scoring_status(&scoring.id, scoring.status);
        Ok(scorings
            .into_iter()
            .map(|scoring| ScoringSummary { status: status(&scoring), ..scoring })
            .collect())
    }

    /// Removes a scoring. Scores stay, because they belong to the content of the files. Fails while it is in use.
    pub fn remove_scoring(&self, id: &RunId) -> Result<()> {
        let lock = self.lock_scoring(id)?;
        self.write("removing a scoring", |tx| {
            let key = scoring_key(tx, id)?;
            tx.execute("DELETE FROM scorings WHERE key = ?1", [key])?;
            Ok(())
        })?;
        folders::remove_file(&self.lock_path(id))?;
        drop(lock);
        Ok(())
    }

    pub(crate) fn require_scoring(&self, id: &RunId) -> Result<()> {
        self.read("looking for a scoring", |tx| scoring_key(tx, id)).map(drop)
    }

    /// Only the lock shows that a scoring is still going on: see [`Store::create_scoring`].
    fn scoring_status(&self, id: &RunId, recorded: RunStatus) -> RunStatus {
        match recorded {
            RunStatus::Interrupted if self.is_locked(id) => RunStatus::Running,
            RunStatus::Running | RunStatus::Interrupted | RunStatus::Complete => recorded,
        }
    }
}

/// The key of a clip's scores, with what was asked; `None` for a clip that has no scores in this scoring.
fn content<'r>(record: &'r ScoringRecord, clip: &ScoredClip) -> Option<(ClipKey, &'r RequestedClip)> {
    let asked = record.request.clip(clip.ordinal).filter(|_| holds_scores(clip.outcome))?;
    let (clip, reference) = (clip.sha256.clone()?, clip.reference_sha256.clone());
    Some((ClipKey { clip, reference, reading: record.request.reading(asked) }, asked))
}

/// Whether a clip with this outcome was decoded, so that its metrics have scores or reasons.
fn holds_scores(outcome: ClipOutcome) -> bool {
    match outcome {
        ClipOutcome::Ok
        | ClipOutcome::PairMismatch
        | ClipOutcome::ReferenceFailed
        | ClipOutcome::ReferenceMissing => true,
        ClipOutcome::Unreadable | ClipOutcome::DecodeFailed => false,
    }
}

/// A [`ClipKey`] as the tables hold it; an absent reference is an empty one.
struct Columns<'a> {
    clip: [u8; 32],
    reference: Vec<u8>,
    reading: &'a str,
}

impl<'a> Columns<'a> {
    fn of(key: &'a ClipKey) -> Result<Self> {
        let reference = match &key.reference {
            Some(reference) => Sha256Hash::parse(reference)?.0.to_vec(),
            None => Vec::new(),
        };
        Ok(Self { clip: Sha256Hash::parse(&key.clip)?.0, reference, reading: &key.reading })
    }

    /// Checks that what is recorded of the clip is what was written.
    fn require_sound(&self, connection: &Connection) -> Result<()> {
        for rows in OF_CLIPS {
            if rows.any_broken(connection, "clip = ?1", [self.clip])? {
                let what = format!("the clip with SHA-256 {}", Sha256Hash(self.clip).hex());
                return Err(StoreError::ChangedScores { what });
            }
        }
        Ok(())
    }

    fn reference_of(&self, wanted: &Wanted) -> &[u8] {
        if wanted.of_pair { &self.reference } else { &[] }
    }
}

fn unknown_if_damaged<T: Default>(found: Result<T>) -> Result<T> {
    match found {
        Err(StoreError::ChangedScores { .. }) => Ok(T::default()),
        found => found,
    }
}

fn known(connection: &Connection, columns: &Columns<'_>, wanted: &[Wanted]) -> Result<Known> {
    columns.require_sound(connection)?;
    let found = connection
        .prepare_cached(
            "SELECT facts, pairing FROM decoded_clips WHERE clip = ?1 AND reference = ?2 AND reading = ?3",
        )?
        .query_row(params![columns.clip, columns.reference, columns.reading], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
        })
        .optional()?;
    let Some((facts, pairing)) = found else { return Ok(Known::default()) };
    let pairing = pairing.map(|pairing| from_json("pairing", &pairing)).transpose()?;
    let scores = wanted.iter().filter_map(|wanted| score_of(connection, columns, wanted).transpose());
    Ok(Known {
        features: features_of_all(connection, columns, wanted.iter().filter(|wanted| wanted.of_sets))?,
        facts: Some(from_json("clip facts", &facts)?),
        pairing,
        scores: scores.collect::<Result<_>>()?,
    })
}

fn score_of(connection: &Connection, columns: &Columns<'_>, wanted: &Wanted) -> Result<Option<MetricScore>> {
    let mut statement = connection.prepare_cached(
        "SELECT metric, value, reason, series, note FROM clip_scores
         WHERE clip = ?1 AND reference = ?2 AND reading = ?3 AND metric = ?4 AND prompt = ?5",
    )?;
    let mut rows = statement.query(params![
        columns.clip,
        columns.reference_of(wanted),
        columns.reading,
        wanted.metric.as_str(),
        wanted.depends_on.as_deref().unwrap_or_default(),
    ])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let series = row.get::<_, Option<Vec<u8>>>(3)?;
    Ok(Some(MetricScore {
        metric: metric_column(row, 0)?,
        score: score(row.get(1)?, row.get(2)?)?,
        series: series_from_bytes(series.as_deref())?,
        note: row.get(4)?,
    }))
}

fn features_of_all<'w>(
    connection: &Connection,
    columns: &Columns<'_>,
    wanted: impl Iterator<Item = &'w Wanted>,
) -> Result<Vec<Features>> {
    let mut features: Vec<Features> = Vec::new();
    for wanted in wanted {
        let is_new = |source: &FeatureSource| !features.iter().any(|known| known.net == source.extraction);
        if wanted.features.as_ref().is_some_and(is_new)
            && let Some(found) = features_of(connection, columns, wanted)?
        {
            features.push(found);
        }
    }
    Ok(features)
}

fn features_of(connection: &Connection, columns: &Columns<'_>, wanted: &Wanted) -> Result<Option<Features>> {
    let Some(FeatureSource { extraction, nets }) = &wanted.features else { return Ok(None) };
    let found: Option<(Vec<u8>, u32)> = connection
        .prepare_cached(
            "SELECT vector, rows FROM clip_features
             WHERE clip = ?1 AND reading = ?2 AND extraction = ?3 AND nets = ?4",
        )?
        .query_row(params![columns.clip, columns.reading, extraction, nets], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let values =
        |vector: Vec<u8>| vector.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok(found.map(|(vector, rows)| Features { net: extraction.clone(), rows, values: values(vector) }))
}

fn insert_features(
    tx: &Transaction<'_>,
    columns: &Columns<'_>,
    features: &[Features],
    wanted: &[Wanted],
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO clip_features (clip, reading, extraction, nets, vector, rows)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for features in features {
        let mut sources = wanted.iter().filter_map(|wanted| wanted.features.as_ref());
        let Some(source) = sources.find(|source| source.extraction == features.net) else {
            return Err(StoreError::unstorable("features", &format!("{} was not requested", features.net)));
        };
        let vector: Vec<u8> = features.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        statement.execute(params![
            columns.clip,
            columns.reading,
            source.extraction,
            source.nets,
            vector,
            features.rows
        ])?;
    }
    Ok(())
}

fn insert_outcome(tx: &Transaction<'_>, scoring: i64, clip: &ScoredClip) -> Result<()> {
    let hash = |text: &Option<String>| {
        text.as_deref().map(|text| Sha256Hash::parse(text).map(|hash| hash.0)).transpose()
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO scored_clips (scoring, ordinal, clip, reference, outcome, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        scoring,
        to_i64("ordinal", clip.ordinal)?,
        hash(&clip.sha256)?,
        hash(&clip.reference_sha256)?,
        clip.outcome.name(),
        clip.reason,
    ])?;
    let place = params![scoring, to_i64("ordinal", clip.ordinal)?];
    SCORED_CLIPS.seal(tx, "scoring = ?1 AND ordinal = ?2", place)
}

fn insert_facts(
    tx: &Transaction<'_>,
    columns: &Columns<'_>,
    facts: &ClipFacts,
    pairing: Option<&Pairing>,
) -> Result<()> {
    let pairing = pairing.map(|pairing| to_json("pairing", pairing)).transpose()?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO decoded_clips (clip, reference, reading, facts, pairing)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        columns.clip,
        columns.reference,
        columns.reading,
        to_json("clip facts", facts)?,
        pairing
    ])?;
    Ok(())
}

fn insert_scores(
    tx: &Transaction<'_>,
    columns: &Columns<'_>,
    scores: &[MetricScore],
    wanted: &[Wanted],
) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO clip_scores (clip, reference, reading, metric, prompt, value, reason, series, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for score in scores {
        let Some(wanted) = wanted.iter().find(|wanted| wanted.metric == score.metric) else {
            return Err(StoreError::unstorable("scores", &format!("{} was not requested", score.metric)));
        };
        let (value, reason) = score_columns(&score.metric, &score.score)?;
        statement.execute(params![
            columns.clip,
            columns.reference_of(wanted),
            columns.reading,
            score.metric.as_str(),
            wanted.depends_on.as_deref().unwrap_or_default(),
            value,
            reason,
            series_to_bytes(&score.metric, score.series.as_ref())?,
            score.note,
        ])?;
    }
    Ok(())
}

fn scoring_key(connection: &Connection, id: &RunId) -> Result<i64> {
    connection
        .prepare_cached("SELECT key FROM scorings WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::UnknownScoring { wanted: id.to_string() })
}

fn scoring_record(connection: &Connection, id: &RunId) -> Result<ScoringRecord> {
    scoring_key(connection, id)?;
    let mut statement = connection.prepare_cached(
        "SELECT schema_version, status, created_ms, finished_ms, request, environment FROM scorings WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let row = rows.next()?.ok_or_else(|| StoreError::corrupt("scoring", "it has no row"))?;
    Ok(ScoringRecord {
        schema_version: row.get(0)?,
        id: id.clone(),
        status: parse_status(&row.get::<_, String>(1)?)?,
        created_ms: row.get(2)?,
        finished_ms: row.get(3)?,
        request: from_json("request", &row.get::<_, String>(4)?)?,
        environment: from_json("environment", &row.get::<_, String>(5)?)?,
    })
}

/// Passes the outcomes of a scoring in order to `visit`, without facts and scores, until it says no.
fn each_outcome(
    connection: &Connection,
    scoring: i64,
    mut visit: impl FnMut(ScoredClip) -> Result<bool>,
) -> Result<()> {
    if SCORED_CLIPS.any_broken(connection, "scoring = ?1", [scoring])? {
        return Err(StoreError::ChangedScores { what: "a scoring".into() });
    }
    let mut statement = connection.prepare_cached(
        "SELECT ordinal, clip, reference, outcome, reason FROM scored_clips WHERE scoring = ?1 ORDER BY ordinal",
    )?;
    let mut rows = statement.query([scoring])?;
    while let Some(row) = rows.next()? {
        if !visit(outcome(row)?)? {
            break;
        }
    }
    Ok(())
}

fn outcome(row: &Row<'_>) -> Result<ScoredClip> {
    let hash = |column: usize| -> Result<Option<String>> {
        let bytes: Option<Vec<u8>> = row.get(column)?;
        bytes.map(|bytes| Sha256Hash::from_column(&bytes).map(|hash| hash.hex())).transpose()
    };
    let name: String = row.get(3)?;
    Ok(ScoredClip {
        ordinal: from_i64("ordinal", row.get(0)?)?,
        sha256: hash(1)?,
        reference_sha256: hash(2)?,
        outcome: ClipOutcome::from_name(&name).ok_or_else(|| StoreError::corrupt("outcome", &name))?,
        reason: row.get(4)?,
        facts: None,
        scores: Vec::new(),
    })
}

fn summary(row: &Row<'_>) -> Result<ScoringSummary> {
    Ok(ScoringSummary {
        id: parse_id(&row.get::<_, String>(0)?)?,
        name: row.get(1)?,
        status: parse_status(&row.get::<_, String>(2)?)?,
        created_ms: row.get(3)?,
        clips: from_i64("clips", row.get(4)?)?,
        done: from_i64("count of clips", row.get(5)?)?,
        ok: from_i64("count of clips", row.get(6)?)?,
    })
}
