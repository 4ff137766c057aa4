//! Scores sets of clips from files of their features: reads the files, computes the metrics in parallel, returns the
//! record.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use vidbench_core::{
    FeatureFile, FeatureScore, FeatureScoring, FeatureSet, FeatureSource, MetricId, RECORD_SCHEMA_VERSION,
    sha256_hex, text_from_path,
};
use vidbench_metrics::{
    FeatureError, FeatureFileError, FeatureFormat, FeatureMatrix, FeatureMetric, Metric, SetMeasurement,
    SetOptions, UnknownMetric, feature_metric, find, read_features,
};

/// Largest file that is read; an archive may hold several arrays of the largest size.
const MAX_FILE_BYTES: u64 = 1 << 33;

/// What to score and how.
#[derive(Debug, Clone, Copy)]
pub struct FeatureRequest<'a> {
    /// Files of generated clips.
    pub generated: &'a [PathBuf],
    /// Whether the files are shards of one set; otherwise each is a set of its own.
    pub join: bool,
    /// Files of the reference, shards of one set; empty for metrics that look at a set alone.
    pub reference: &'a [PathBuf],
    /// Array to read from files of generated clips that have several.
    pub array: Option<&'a str>,
    /// Array to read from files of the reference that have several. Without it, `array` applies, except to a file whose
    /// arrays have no names.
    pub reference_array: Option<&'a str>,
    /// Metrics, each once.
    pub metrics: &'a [FeatureMetric],
    /// How they are measured.
    pub options: SetOptions,
    /// How many metrics are computed in parallel; scores do not depend on it.
    pub threads: usize,
}

/// A file of features cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FeatureInputError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its extension is not that of a known format.
    #[error("{} is not a feature file: it does not end in .npy, .npz or .safetensors", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file exceeds the largest size that is read.
    #[error("{} has {bytes} bytes; at most {MAX_FILE_BYTES} are allowed", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The content of the file cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: FeatureFileError,
    },
    /// Shards that do not fit each other.
    #[error("the files are not shards of one set: {source}")]
    Shards {
        /// What does not fit.
        source: FeatureError,
    },
    /// Two shards have identical content.
    #[error("shard {} is given twice: it holds the same bytes as {first}", path.display())]
    ShardTwice {
        /// The second.
        path: PathBuf,
        /// The first, written as in a record.
        first: String,
    },
}

impl FeatureInputError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::File {
                source: FeatureFileError::SeveralMatrices { .. } | FeatureFileError::NoSuchArray { .. },
                ..
            } => vec!["name one with --array or --reference-array".into()],
            Self::File { source, .. } => source.hints().into_iter().map(str::to_owned).collect(),
            Self::Format { .. } => {
                vec!["save the features with numpy.save, numpy.savez or safetensors".into()]
            }
            Self::ShardTwice { .. } => vec!["give each shard once".into()],
            Self::Unreadable { .. } | Self::TooLarge { .. } | Self::Shards { .. } => Vec::new(),
        }
    }
}

/// A metric that cannot be used to score features.
#[derive(Debug, thiserror::Error)]
pub enum FeatureMetricChoiceError {
    /// There is no such metric.
    #[error(transparent)]
    Unknown(#[from] UnknownMetric),
    /// The metric is computed from clips.
    #[error("{metric} is computed from clips, not from feature files")]
    NotOfFeatures {
        /// The metric.
        metric: MetricId,
    },
    /// The metric compares with a reference, and none was given.
    #[error("{metric} compares two sets, and no reference was given")]
    NoReference {
        /// The metric.
        metric: MetricId,
    },
}

impl FeatureMetricChoiceError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown(error) => error.hints(),
            Self::NotOfFeatures { .. } => vec!["use `vidbench score VIDEOS` for clip metrics".into()],
            Self::NoReference { .. } => {
                vec!["add --reference FILE with the reference features".into()]
            }
        }
    }
}

/// The metrics with these names, each once, in the order given; without names, all metrics that compare sets. Scores of
/// class probabilities are computed only on request, because few files of features contain any.
///
/// # Errors
///
/// The first name that cannot be used.
pub fn choose_feature_metrics(
    names: &[String],
    reference: bool,
) -> Result<Vec<FeatureMetric>, FeatureMetricChoiceError> {
    if names.is_empty() {
        return match FeatureMetric::ALL.into_iter().find(|metric| metric.compares()) {
            Some(first) if !reference => Err(no_reference(first)),
            _ => Ok(FeatureMetric::ALL.into_iter().filter(|metric| metric.compares()).collect()),
        };
    }
    let mut chosen = Vec::new();
    for name in names {
        let descriptor = find(name)?;
        let Metric::Feature(metric) = Metric::from_id(descriptor.id)? else {
            return Err(FeatureMetricChoiceError::NotOfFeatures { metric: descriptor.metric_id() });
        };
        if metric.compares() && !reference {
            return Err(no_reference(metric));
        }
        if !chosen.contains(&metric) {
            chosen.push(metric);
        }
    }
    Ok(chosen)
}

fn no_reference(metric: FeatureMetric) -> FeatureMetricChoiceError {
    FeatureMetricChoiceError::NoReference { metric: metric.descriptor().metric_id() }
}

/// Reads the files and computes every metric on every set. A set that cannot be read is reported in its place, and the
/// others are scored.
///
/// # Errors
///
/// A reference that cannot be used, or shards that do not form a set.
pub fn score_features(request: &FeatureRequest<'_>) -> Result<FeatureScoring, FeatureInputError> {
    let reference = match request.reference {
        [] => None,
        files => Some(read_shards(files, |path| reference_array(path, request))?),
    };
    let sets: Vec<(String, Result<Loaded, FeatureInputError>)> = if request.join {
        let first = request.generated.first().map(|path| text_from_path(path)).unwrap_or_default();
        let label = match request.generated.len() {
            0 | 1 => first,
            files => format!("{first} + {} more", files - 1),
        };
        vec![(label, Ok(read_shards(request.generated, |_| request.array)?))]
    } else {
        let read = |path: &PathBuf| read_shards(std::slice::from_ref(path), |_| request.array);
        request.generated.iter().map(|path| (text_from_path(path), read(path))).collect()
    };
    let readable: Vec<&Loaded> = sets.iter().filter_map(|(_, set)| set.as_ref().ok()).collect();
    let mut scores = measure(&readable, reference.as_ref(), request).into_iter();
    let of_set = |(label, set): (String, Result<Loaded, FeatureInputError>)| match set {
        Ok(set) => FeatureSet {
            label,
            source: Some(set.source),
            problem: None,
            scores: scores.by_ref().take(request.metrics.len()).collect(),
        },
        Err(error) => FeatureSet { label, source: None, problem: Some(problem(&error)), scores: Vec::new() },
    };
    Ok(FeatureScoring {
        schema_version: RECORD_SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        metrics: request.metrics.iter().map(|metric| metric.descriptor().metric_id()).collect(),
        resamples: u32::try_from(request.options.resamples).unwrap_or(u32::MAX),
        bootstrap_seed: request.options.bootstrap_seed,
        sets: sets.into_iter().map(of_set).collect(),
        reference: reference.map(|reference| reference.source),
    })
}

/// The problem and the advice, in one line.
fn problem(error: &FeatureInputError) -> String {
    match error.hints().as_slice() {
        [] => error.to_string(),
        hints => format!("{error} (hint: {})", hints.join("; ")),
    }
}

/// Features with their origin.
struct Loaded {
    source: FeatureSource,
    matrix: FeatureMatrix,
}

/// The array to read from a file of the reference.
fn reference_array<'a>(path: &Path, request: &FeatureRequest<'a>) -> Option<&'a str> {
    let has_names = format(path).is_none_or(FeatureFormat::has_names);
    request.reference_array.or_else(|| request.array.filter(|_| has_names))
}

/// The set whose shards the files are. A repeated shard is refused, because its clips would count twice.
fn read_shards<'a>(
    paths: &[PathBuf],
    array: impl Fn(&Path) -> Option<&'a str>,
) -> Result<Loaded, FeatureInputError> {
    let mut files: Vec<FeatureFile> = Vec::new();
    let mut parts = Vec::new();
    for path in paths {
        let (file, part) = read_file(path, array(path))?;
        if let Some(first) = files.iter().find(|first| first.sha256 == file.sha256) {
            return Err(FeatureInputError::ShardTwice { path: path.clone(), first: first.path.clone() });
        }
        files.push(file);
        parts.push(part);
    }
    let matrix = FeatureMatrix::concat(&parts).map_err(|source| FeatureInputError::Shards { source })?;
    Ok(Loaded { source: feature_source(files, &matrix), matrix })
}

/// Describes the contents of a matrix and the files it was read from.
pub(crate) fn feature_source(files: Vec<FeatureFile>, matrix: &FeatureMatrix) -> FeatureSource {
    let frames = matrix.rows_of_clips().map(|_| matrix.count() as u64);
    FeatureSource { files, clips: matrix.clips() as u64, frames, dims: matrix.dims() as u64 }
}

fn read_file(path: &Path, array: Option<&str>) -> Result<(FeatureFile, FeatureMatrix), FeatureInputError> {
    let format = format(path).ok_or_else(|| FeatureInputError::Format { path: path.to_owned() })?;
    let bytes = read_bytes(path)?;
    let matrix = read_features(format, &bytes, array)
        .map_err(|source| FeatureInputError::File { path: path.to_owned(), source })?;
    let file = FeatureFile {
        path: text_from_path(path),
        array: array.map(str::to_owned),
        sha256: sha256_hex(&bytes),
        clips: matrix.count() as u64,
    };
    Ok((file, matrix))
}

fn format(path: &Path) -> Option<FeatureFormat> {
    path.extension().and_then(|extension| FeatureFormat::from_extension(extension.to_str()?))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, FeatureInputError> {
    let unreadable = |source| FeatureInputError::Unreadable { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "is not a file")));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(FeatureInputError::TooLarge { path: path.to_owned(), bytes: metadata.len() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// A score for each metric of each set, set after set. Each thread takes the next open task, and each score has a fixed
/// place.
fn measure(sets: &[&Loaded], reference: Option<&Loaded>, request: &FeatureRequest<'_>) -> Vec<FeatureScore> {
    let jobs: Vec<_> =
        sets.iter().flat_map(|set| request.metrics.iter().map(move |metric| (*set, *metric))).collect();
    let mut scores: Vec<Option<FeatureScore>> = vec![None; jobs.len()];
    let next = Mutex::new(jobs.iter().zip(scores.iter_mut()));
    thread::scope(|scope| {
        for _ in 0..request.threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let taken = next.lock().ok().and_then(|mut next| next.next());
                    let Some(((set, metric), place)) = taken else { break };
                    let reference = reference.map(|reference| &reference.matrix);
                    *place = Some(feature_score(feature_metric(
                        *metric,
                        &set.matrix,
                        reference,
                        &request.options,
                    )));
                }
            });
        }
    });
    scores.into_iter().flatten().collect()
}

pub(crate) fn feature_score(measured: SetMeasurement) -> FeatureScore {
    FeatureScore {
        metric: measured.metric.descriptor().metric_id(),
        score: measured.score,
        interval: measured.interval,
        underpowered: measured.underpowered,
        extra: measured.extra.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
