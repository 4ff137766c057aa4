//! Features of sets of clips, alone or against a reference set: reads features from the store or from a file, and
//! computes the numbers of each set.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use vidbench_core::protocol::{Features, Pixels};
use vidbench_core::{
    FeatureFile, FeatureScore, FeatureScoring, FeatureSet, FeatureSource, MetricId, RECORD_SCHEMA_VERSION,
    ScoringRecord, sha256_hex, text_from_path,
};
use vidbench_metrics::{
    FeatureError, FeatureFileError, FeatureFormat, FeatureMatrix, Metric, NetSetMetric, Reference,
    SetMoments, SetOptions, feature_metric_against, read_features,
};
use vidbench_store::{Store, StoreError};

use crate::features::{feature_score, feature_source};
use crate::score::wanted_metric;

/// Metadata key that holds the format of a reference file.
const FORMAT_KEY: &str = "vidbench.reference";
const FORMAT: &str = "1";
/// Metadata key, appended to the name of an extraction, that holds its nets.
const NETS_KEY: &str = "vidbench.nets";
/// Tensor, appended to the name of an extraction, with the number of rows of each clip.
const ROWS_OF_CLIPS: &str = "rows_of_clips";
/// Tensor, appended to the name of an extraction, with the number of rows and of clips.
const COUNTS: &str = "counts";

/// Features of a reference set, with their origin.
#[derive(Debug, Clone, Default)]
pub struct ReferenceFeatures {
    /// The files they were read from; empty where the features were computed in this run.
    pub files: Vec<FeatureFile>,
    /// For each extraction, the identity of its nets and the features they gave.
    pub of: BTreeMap<String, (String, SetFeatures)>,
}

/// Features of a reference set, or their moments.
#[derive(Debug, Clone)]
pub enum SetFeatures {
    /// Every row.
    Features(FeatureMatrix),
    /// Only mean and covariance, from a file without features.
    Moments(SetMoments),
}

impl SetFeatures {
    fn reference(&self) -> Reference<'_> {
        match self {
            Self::Features(matrix) => Reference::Features(matrix),
            Self::Moments(moments) => Reference::Moments(moments),
        }
    }

    /// Clips of the set.
    pub fn clips(&self) -> usize {
        match self {
            Self::Features(matrix) => matrix.clips(),
            Self::Moments(moments) => moments.clips(),
        }
    }

    /// Number of rows of the set, unless there is one for each clip.
    pub fn frames(&self) -> Option<usize> {
        let rows = match self {
            Self::Features(matrix) => matrix.count(),
            Self::Moments(moments) => moments.count(),
        };
        (rows != self.clips()).then_some(rows)
    }

    /// Length of a row.
    pub fn dims(&self) -> usize {
        match self {
            Self::Features(matrix) => matrix.dims(),
            Self::Moments(moments) => moments.dims(),
        }
    }

    fn source(&self, files: Vec<FeatureFile>) -> FeatureSource {
        let frames = self.frames().map(|frames| frames as u64);
        FeatureSource { files, clips: self.clips() as u64, frames, dims: self.dims() as u64 }
    }
}

/// A reference set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceSetError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file was not made by `vidbench reference make`.
    #[error("{} is not a reference set: {reason}", path.display())]
    NoReferenceSet {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Its tensors cannot be used.
    #[error("{}: {source}", path.display())]
    Features {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: FeatureFileError,
    },
    /// Fewer than two clips have features.
    #[error("{clips} of the clips in {name} have {extraction} features, but at least two are needed")]
    TooFew {
        /// Clips with features.
        clips: usize,
        /// The set.
        name: String,
        /// The extraction that gives the features.
        extraction: String,
    },
    /// Clips whose features differ in length.
    #[error("the {extraction} features do not form a matrix: {source}")]
    Matrix {
        /// The extraction that gave them.
        extraction: String,
        /// What is wrong.
        source: FeatureError,
    },
    /// The reference set and the clips were processed by different nets.
    #[error("the clips cannot be compared with the reference set: {reason}")]
    Incomparable {
        /// Why.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReferenceSetError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoReferenceSet { .. } | Self::Features { .. } => {
                vec!["`vidbench reference make VIDEOS --output FILE` creates one".into()]
            }
            Self::Incomparable { .. } => {
                vec!["create the set again with `vidbench reference make` and these nets, or score with the nets it was created with".into()]
            }
            Self::TooFew { .. } => vec!["the notes above explain why the others have none".into()],
            Self::Io { .. } | Self::Matrix { .. } => Vec::new(),
            Self::Store(error) => error.hint().into_iter().collect(),
        }
    }
}

/// Whether a metric compares or measures sets of clips by features from nets.
pub fn is_of_sets(metric: &MetricId) -> bool {
    Metric::from_id(metric.as_str()).is_ok_and(|metric| metric.net_set().is_some())
}

/// The metrics of sets among the metrics of a scoring.
fn net_sets(metrics: &[MetricId]) -> Vec<NetSetMetric> {
    let of = |id: &MetricId| Metric::from_id(id.as_str()).ok().and_then(Metric::net_set);
    metrics.iter().filter_map(of).collect()
}

/// The features of all clips of a scoring.
///
/// # Errors
///
/// The store cannot be read, or the rows do not form a matrix.
pub fn features_of_scoring(
    store: &Store,
    record: &ScoringRecord,
) -> Result<ReferenceFeatures, ReferenceSetError> {
    let mut found = ReferenceFeatures::default();
    for metric in net_sets(&record.request.metrics).into_iter().filter(|metric| metric.compares()) {
        let extraction = metric.extraction().id();
        if !found.of.contains_key(extraction) {
            let clips = clips(store, record, metric)?;
            if clips.len() < 2 {
                let (name, extraction) = (record.request.name.clone(), extraction.to_owned());
                return Err(ReferenceSetError::TooFew { clips: clips.len(), name, extraction });
            }
            let matrix = matrix(extraction, clips.into_iter().map(|(_, features)| features))?;
            let seen = SetFeatures::Features(matrix);
            found.of.insert(extraction.to_owned(), (identity(record, metric), seen));
        }
    }
    Ok(found)
}

/// Identifies the weights and the runtime that gave the features, and the kind of pixels where it is not the usual one.
fn identity(record: &ScoringRecord, metric: NetSetMetric) -> String {
    let clip = record.request.clips.first();
    let wanted = clip.and_then(|clip| wanted_metric(&metric.descriptor().metric_id(), record, clip));
    let nets = wanted.and_then(|wanted| wanted.depends_on).unwrap_or_default();
    match record.request.options.pixels {
        Pixels::Exact => nets,
        Pixels::Swscale => nets + " with pixels of swscale",
    }
}

fn clips(
    store: &Store,
    record: &ScoringRecord,
    metric: NetSetMetric,
) -> Result<Vec<(u64, Features)>, StoreError> {
    let id = metric.descriptor().metric_id();
    store.scoring_features(record, |clip| wanted_metric(&id, record, clip))
}

/// The rows of all clips, concatenated. Clips are taken one by one, so that at most one clip's rows are in memory
/// twice.
fn matrix(
    extraction: &str,
    clips: impl Iterator<Item = Features>,
) -> Result<FeatureMatrix, ReferenceSetError> {
    let failed = |source| ReferenceSetError::Matrix { extraction: extraction.to_owned(), source };
    let (mut dims, mut values, mut rows_of_clips) = (0, Vec::new(), Vec::new());
    for features in clips {
        let rows = (features.rows as usize).max(1);
        let found = features.values.len() / rows;
        if rows_of_clips.is_empty() {
            dims = found;
        }
        if found != dims {
            let clip = rows_of_clips.len();
            return Err(failed(FeatureError::Unequal { clip, found, wanted: dims }));
        }
        values.extend(features.values);
        rows_of_clips.push(rows);
    }
    let matrix = FeatureMatrix::f32(rows_of_clips.iter().sum(), dims, values);
    matrix.and_then(|matrix| matrix.of_clips(rows_of_clips)).map_err(failed)
}

/// The numbers of each group of clips, alone or against the reference set; one record for each way of looking at clips.
///
/// # Errors
///
/// The store cannot be read. A set that cannot be compared gives the reason in its place.
pub fn set_scorings(
    store: &Store,
    record: &ScoringRecord,
    reference: Option<&ReferenceFeatures>,
    options: SetOptions,
) -> Result<Vec<FeatureScoring>, ReferenceSetError> {
    let metrics = net_sets(&record.request.metrics);
    let mut extractions: Vec<NetSetMetric> = Vec::new();
    for metric in &metrics {
        if !extractions.iter().any(|known| known.extraction() == metric.extraction()) {
            extractions.push(*metric);
        }
    }
    let mut scorings = Vec::new();
    for first in extractions {
        let extraction = first.extraction().id();
        let of_it: Vec<NetSetMetric> =
            metrics.iter().copied().filter(|metric| metric.extraction() == first.extraction()).collect();
        // Either all metrics of one extraction compare with a reference, or none does.
        let compared = first.compares().then(|| comparable(reference, extraction, &identity(record, first)));
        let mut clips = clips(store, record, first)?;
        let sets = groups(record).into_iter().map(|group| {
            let of_group = |(ordinal, _): &mut (u64, Features)| {
                record.request.clip(*ordinal).is_some_and(|clip| clip.group == group)
            };
            let clips = clips.extract_if(.., of_group).map(|(_, features)| features).collect();
            let reference = compared.as_ref().map(Result::as_ref).transpose();
            feature_set(group, extraction, clips, reference, &of_it, options)
        });
        scorings.push(FeatureScoring {
            schema_version: RECORD_SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            metrics: of_it.iter().map(|metric| metric.descriptor().metric_id()).collect(),
            resamples: u32::try_from(options.resamples).unwrap_or(u32::MAX),
            bootstrap_seed: options.bootstrap_seed,
            sets: sets.collect(),
            reference: reference
                .zip(compared.as_ref().and_then(|compared| compared.as_ref().ok()))
                .map(|(reference, seen)| seen.source(reference.files.clone())),
        });
    }
    Ok(scorings)
}

/// Checks whether the clips of a scoring can be compared with a reference set, before any of them is processed.
///
/// # Errors
///
/// [`ReferenceSetError::Incomparable`], for the first metric that cannot.
pub fn check_reference_set(
    record: &ScoringRecord,
    reference: &ReferenceFeatures,
) -> Result<(), ReferenceSetError> {
    let mut compared = net_sets(&record.request.metrics).into_iter().filter(|metric| metric.compares());
    compared.try_for_each(|metric| {
        let nets = identity(record, metric);
        let comparable = comparable(Some(reference), metric.extraction().id(), &nets).map(drop);
        comparable.map_err(|reason| ReferenceSetError::Incomparable { reason })
    })
}

/// The groups of a scoring, in the order of its clips.
fn groups(record: &ScoringRecord) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for clip in &record.request.clips {
        if !groups.contains(&clip.group.as_str()) {
            groups.push(&clip.group);
        }
    }
    groups
}

/// The features of the reference, if the same nets gave them in the same way.
fn comparable<'a>(
    reference: Option<&'a ReferenceFeatures>,
    extraction: &str,
    nets: &str,
) -> Result<&'a SetFeatures, String> {
    let reference = reference.ok_or("there is no reference set")?;
    let Some((found, seen)) = reference.of.get(extraction) else {
        let known: Vec<&str> = reference.of.keys().map(String::as_str).collect();
        return Err(format!(
            "the reference set has features of {} but not of {extraction}",
            known.join(", ")
        ));
    };
    if found != nets {
        return Err(format!("the reference set was processed by {found}, the clips by {nets}"));
    }
    Ok(seen)
}

fn feature_set(
    group: &str,
    extraction: &str,
    clips: Vec<Features>,
    reference: Result<Option<&&SetFeatures>, &String>,
    metrics: &[NetSetMetric],
    options: SetOptions,
) -> FeatureSet {
    let nothing = |problem: String| FeatureSet {
        label: group.to_owned(),
        source: None,
        problem: Some(problem),
        scores: Vec::new(),
    };
    let reference = match reference {
        Ok(reference) => reference,
        Err(reason) => return nothing(reason.clone()),
    };
    if clips.is_empty() {
        return nothing("no clip has features; the notes of the clips explain why".into());
    }
    let matrix = match matrix(extraction, clips.into_iter()) {
        Ok(matrix) => matrix,
        Err(error) => return nothing(error.to_string()),
    };
    let score = |metric: &NetSetMetric| {
        let reference = reference.map(|seen| seen.reference());
        let measured = feature_metric_against(metric.of_features(), &matrix, reference, &options);
        FeatureScore { metric: metric.descriptor().metric_id(), ..feature_score(measured) }
    };
    FeatureSet {
        label: group.to_owned(),
        source: Some(feature_source(Vec::new(), &matrix)),
        problem: None,
        scores: metrics.iter().map(score).collect(),
    }
}

/// Writes features as one safetensors file. For each extraction it contains mean and covariance (divided by N - 1);
/// with `rows` also every row, and how many rows each clip has unless it is one. The metadata holds the counts and the
/// origin.
///
/// # Errors
///
/// [`ReferenceSetError::Io`].
pub fn write_reference_set(
    path: &Path,
    features: &ReferenceFeatures,
    record: &ScoringRecord,
    rows: bool,
) -> Result<(), ReferenceSetError> {
    let io_error = |source| ReferenceSetError::Io { path: path.to_owned(), source };
    let mut tensors: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
    let mut metadata = std::collections::HashMap::from([
        (FORMAT_KEY.to_owned(), FORMAT.to_owned()),
        ("vidbench.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("vidbench.environment".to_owned(), json(&record.environment)),
        ("vidbench.clips".to_owned(), json(&record.request.clips)),
        ("vidbench.options".to_owned(), json(&record.request.options)),
    ]);
    for (extraction, (nets, seen)) in &features.of {
        metadata.insert(format!("{NETS_KEY}.{extraction}"), nets.clone());
        let moments = match seen {
            SetFeatures::Features(matrix) => SetMoments::of(matrix),
            SetFeatures::Moments(moments) => moments.clone(),
        };
        if let SetFeatures::Features(matrix) = seen
            && rows
        {
            tensors.extend(row_tensors(extraction, matrix));
        }
        let counts = [moments.count(), moments.clips()].map(|count| (count as u64).to_le_bytes()).concat();
        let wide = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let d = moments.dims();
        tensors.push((format!("{extraction}/{COUNTS}"), vec![2], Dtype::U64, counts));
        tensors.push((format!("{extraction}/mean"), vec![d], Dtype::F64, wide(moments.mean())));
        tensors.push((
            format!("{extraction}/covariance"),
            vec![d, d],
            Dtype::F64,
            wide(moments.covariance()),
        ));
    }
    let views = tensors.iter().map(|(name, shape, dtype, bytes)| {
        let view =
            TensorView::new(*dtype, shape.clone(), bytes).expect("invariant: the bytes fill the shape");
        (name.as_str(), view)
    });
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|error| io_error(io::Error::other(error.to_string())))?;
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    });
    if written.is_err() {
        // The incomplete file is useless, so it is removed; a failure to do so does not matter.
        let _ = std::fs::remove_file(&partial);
    }
    written.map_err(io_error)
}

/// The rows, which were 32-bit floats originally, and how many each clip has unless it is one.
fn row_tensors(extraction: &str, matrix: &FeatureMatrix) -> Vec<(String, Vec<usize>, Dtype, Vec<u8>)> {
    let rows = matrix.to_f64().iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    let shape = vec![matrix.count(), matrix.dims()];
    let mut tensors = vec![(format!("{extraction}/features"), shape, Dtype::F32, rows)];
    if let Some(rows) = matrix.rows_of_clips() {
        let counts = rows.iter().flat_map(|rows| (*rows as u64).to_le_bytes()).collect();
        tensors.push((format!("{extraction}/{ROWS_OF_CLIPS}"), vec![rows.len()], Dtype::U64, counts));
    }
    tensors
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("invariant: records are JSON")
}

/// Reads a file made by [`write_reference_set`].
///
/// # Errors
///
/// [`ReferenceSetError`] for a file that is not a reference set or cannot be read.
pub fn read_reference_set(path: &Path) -> Result<ReferenceFeatures, ReferenceSetError> {
    let bytes =
        std::fs::read(path).map_err(|source| ReferenceSetError::Io { path: path.to_owned(), source })?;
    let none = |reason: String| ReferenceSetError::NoReferenceSet { path: path.to_owned(), reason };
    let (_, header) =
        safetensors::SafeTensors::read_metadata(&bytes).map_err(|error| none(error.to_string()))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    if metadata.get(FORMAT_KEY).map(String::as_str) != Some(FORMAT) {
        return Err(none("it is not marked as created by vidbench in this version of the format".into()));
    }
    let mut found = ReferenceFeatures::default();
    let sha256 = sha256_hex(&bytes);
    for (key, nets) in metadata.iter().collect::<BTreeMap<_, _>>() {
        let Some(extraction) = key.strip_prefix(NETS_KEY).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        let seen = match has_features(&bytes, extraction).map_err(&none)? {
            true => SetFeatures::Features(features(path, &bytes, extraction)?),
            false => SetFeatures::Moments(moments(&bytes, extraction).map_err(&none)?),
        };
        // A clip that one net could not process may still be in the features of the others, so the largest count is
        // taken.
        let clips = found.files.first().map_or(0, |file: &FeatureFile| file.clips).max(seen.clips() as u64);
        found.of.insert(extraction.to_owned(), (nets.clone(), seen));
        found.files =
            vec![FeatureFile { path: text_from_path(path), array: None, sha256: sha256.clone(), clips }];
    }
    Ok(found)
}

fn has_features(bytes: &[u8], extraction: &str) -> Result<bool, String> {
    let tensors = safetensors::SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    Ok(tensors.tensor(&format!("{extraction}/features")).is_ok())
}

fn features(path: &Path, bytes: &[u8], extraction: &str) -> Result<FeatureMatrix, ReferenceSetError> {
    let name = format!("{extraction}/features");
    let matrix = read_features(FeatureFormat::Safetensors, bytes, Some(&name))
        .map_err(|source| ReferenceSetError::Features { path: path.to_owned(), source })?;
    let none = |reason| ReferenceSetError::NoReferenceSet { path: path.to_owned(), reason };
    match rows_of_clips(bytes, extraction).map_err(none)? {
        Some(rows) => matrix.of_clips(rows).map_err(|error| none(error.to_string())),
        None => Ok(matrix),
    }
}

/// Mean and covariance from a file without features.
fn moments(bytes: &[u8], extraction: &str) -> Result<SetMoments, String> {
    let tensors = safetensors::SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let numbers = |name: &str, dtype: Dtype| {
        let name = format!("{extraction}/{name}");
        let tensor = tensors.tensor(&name).map_err(|_| format!("it has neither features nor {name}"))?;
        match tensor.dtype() == dtype {
            true => Ok(tensor.data().as_chunks::<8>().0.to_vec()),
            false => Err(format!("{name} has type {:?}, not {dtype:?}", tensor.dtype())),
        }
    };
    let floats = |name| -> Result<Vec<f64>, String> {
        Ok(numbers(name, Dtype::F64)?.into_iter().map(f64::from_le_bytes).collect())
    };
    let counts = numbers(COUNTS, Dtype::U64)?;
    let counts = counts.into_iter().map(|bytes| usize::try_from(u64::from_le_bytes(bytes)));
    let counts = counts.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let [rows, clips] = counts[..] else { return Err(format!("{extraction}/{COUNTS} are not two numbers")) };
    SetMoments::new(rows, clips, floats("mean")?, floats("covariance")?).map_err(|error| error.to_string())
}

/// How many rows each clip has, where the file says so.
fn rows_of_clips(bytes: &[u8], extraction: &str) -> Result<Option<Vec<usize>>, String> {
    let tensors = safetensors::SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let name = format!("{extraction}/{ROWS_OF_CLIPS}");
    let Ok(tensor) = tensors.tensor(&name) else { return Ok(None) };
    if tensor.dtype() != Dtype::U64 {
        return Err(format!("{name} has type {:?}, not U64", tensor.dtype()));
    }
    let counts = tensor.data().as_chunks().0.iter().map(|bytes| usize::try_from(u64::from_le_bytes(*bytes)));
    counts.collect::<Result<Vec<_>, _>>().map(Some).map_err(|error| format!("{name}: {error}"))
}
