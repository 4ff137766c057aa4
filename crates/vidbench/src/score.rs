//! Carries out a scoring: chooses the metrics, determines the scores of each clip, and runs it from request to data.

use std::sync::Arc;
use std::time::Duration;

use vidbench_core::{
    Clock, Environment, Event, MetricId, Needs, NetOptions, NetsInUse, RECORD_SCHEMA_VERSION, RequestedClip,
    RunStatus, ScoredClip, ScoringRecord, ScoringRequest, sha256_hex,
};
use vidbench_engines::WorkerCommand;
use vidbench_metrics::extract::text_id;
use vidbench_metrics::{Metric, NetSetMetric, PairMetric, UnknownMetric, find};
use vidbench_runner::{Cancel, RunError, ScoreFinish, ScoreInputs, score_clips};
use vidbench_store::{FeatureSource, Store, StoreError, Wanted};

use crate::prepare::run_id;

/// A metric that cannot be used to score clips.
#[derive(Debug, thiserror::Error)]
pub enum MetricChoiceError {
    /// There is no such metric.
    #[error(transparent)]
    Unknown(#[from] UnknownMetric),
    /// The metric compares with references, and none were given.
    #[error("{metric} compares clips with references, and none were given")]
    NoReference {
        /// The metric.
        metric: MetricId,
    },
    /// The metric compares a set of clips with a reference set, and none was given.
    #[error("{metric} compares the clips with a reference set, and none was given")]
    NoReferenceSet {
        /// The metric.
        metric: MetricId,
    },
    /// The metric is not computed from clips.
    #[error("{metric} is computed from {from}, not from clips alone")]
    NotOfClips {
        /// The metric.
        metric: MetricId,
        /// What it is computed from.
        from: &'static str,
    },
}

impl MetricChoiceError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown(error) => error.hints(),
            Self::NoReference { .. } => vec!["add --reference VIDEOS".into()],
            Self::NoReferenceSet { .. } => {
                vec!["add --reference-set with videos or a file written by `vidbench reference make`".into()]
            }
            Self::NotOfClips { metric, .. } => {
                vec![format!(
                    "`vidbench metrics show {metric}` shows what it needs; `vidbench features` computes metrics from feature files"
                )]
            }
        }
    }
}

/// The metrics with these names, each once, in the order given. A name without a version means its newest version.
///
/// # Errors
///
/// The first name that cannot be used.
pub fn choose_metrics(
    names: &[String],
    references: bool,
    reference_set: bool,
) -> Result<Vec<MetricId>, MetricChoiceError> {
    let mut chosen: Vec<MetricId> = Vec::new();
    for name in names {
        let descriptor = find(name.trim())?;
        let metric = descriptor.metric_id();
        match descriptor.needs {
            Needs::ReferenceSet if !reference_set => {
                return Err(MetricChoiceError::NoReferenceSet { metric });
            }
            Needs::Pair if !references => return Err(MetricChoiceError::NoReference { metric }),
            Needs::Set | Needs::Features => {
                return Err(MetricChoiceError::NotOfClips { metric, from: "features of a set of clips" });
            }
            Needs::Clip
            | Needs::ClipAndPrompt
            | Needs::ClipAndImage
            | Needs::Pair
            | Needs::ReferenceSet
            | Needs::ClipSet => {}
        }
        if !chosen.contains(&metric) {
            chosen.push(metric);
        }
    }
    Ok(chosen)
}

/// Whether a metric compares clips with a reference set.
pub fn uses_reference_set(id: &MetricId) -> bool {
    let metric = Metric::from_id(id.as_str()).ok();
    metric.and_then(Metric::net_set).is_some_and(NetSetMetric::compares)
}

/// A new scoring.
pub fn new_scoring(request: ScoringRequest, environment: Environment, clock: &dyn Clock) -> ScoringRecord {
    let created_ms = clock.unix_ms();
    let digest =
        sha256_hex(request.clips.iter().map(|clip| clip.path.as_str()).collect::<String>().as_bytes());
    ScoringRecord {
        schema_version: RECORD_SCHEMA_VERSION,
        id: run_id(created_ms, &digest, std::process::id()),
        created_ms,
        finished_ms: None,
        status: RunStatus::Interrupted,
        request,
        environment,
    }
}

/// How clips are scored.
#[derive(Debug, Clone)]
pub struct ScoreSettings {
    /// Scorers that work in parallel, see [`crate::hold_scorers`].
    pub scorers: Vec<WorkerCommand>,
    /// Seconds one clip may take.
    pub timeout: Duration,
    /// Whether references were named.
    pub references: bool,
}

/// Scores whatever is not known yet, and stores in `record` how it ended. [`each_scored_clip`] gives the results.
///
/// # Errors
///
/// The store cannot be used, or no scorer starts; results recorded so far are kept.
pub fn score(
    store: &Store,
    record: &mut ScoringRecord,
    settings: &ScoreSettings,
    clock: &Arc<dyn Clock>,
    cancel: Cancel,
    events: &mut dyn FnMut(&Event),
) -> Result<ScoreFinish, RunError> {
    let request = &record.request;
    let _lock = store.lock_scoring(&record.id).map_err(RunError::Store)?;
    let finish = score_clips(ScoreInputs {
        store,
        record,
        wanted: &|clip| wanted(record, clip),
        references: settings.references,
        scorers: &settings.scorers,
        timeout: settings.timeout,
        clock: Arc::clone(clock),
        cancel,
        events,
    })?;
    if finish.done == request.clips.len() as u64 {
        let finished_ms = clock.unix_ms();
        store.finish_scoring(&record.id, finished_ms).map_err(RunError::Store)?;
        (record.status, record.finished_ms) = (RunStatus::Complete, Some(finished_ms));
    }
    Ok(finish)
}

/// Passes the result of each clip of a scoring to `visit`, one at a time, in the order of the request. The store is in
/// use until it returns.
///
/// # Errors
///
/// The first error of `visit`, or a store that cannot be read.
pub fn each_scored_clip<E: From<StoreError>>(
    store: &Store,
    record: &ScoringRecord,
    visit: impl FnMut(ScoredClip) -> Result<(), E>,
) -> Result<(), E> {
    store.each_scored_clip(record, |clip| wanted(record, clip), visit)
}

/// The scores that a clip should get. A metric unknown to this version gives none.
fn wanted(record: &ScoringRecord, clip: &RequestedClip) -> Vec<Wanted> {
    record.request.metrics.iter().filter_map(|id| wanted_metric(id, record, clip)).collect()
}

/// The request of a metric for a clip; `None` for a metric unknown to this version.
pub(crate) fn wanted_metric(id: &MetricId, record: &ScoringRecord, clip: &RequestedClip) -> Option<Wanted> {
    let metric = Metric::from_id(id.as_str()).ok()?;
    let of_pair = metric.descriptor().needs == Needs::Pair;
    let nets = record.environment.nets.as_ref();
    Some(Wanted {
        metric: id.clone(),
        of_pair,
        depends_on: depends_on(metric, record, clip),
        features: nets.and_then(|nets| clip_features(metric, nets)),
        text_features: nets.and_then(|nets| text_features(metric, nets)),
        of_sets: metric.net_set().is_some(),
    })
}

/// The requests of a suite's metrics, with the present nets of this machine. Scores of runs are not kept by content, so
/// their other dependencies are left out.
pub(crate) fn wanted_of_suite(metrics: &[MetricId]) -> Vec<Wanted> {
    let Some(nets) = crate::nets_in_use(metrics, NetOptions::default()) else { return Vec::new() };
    let wanted = |id: &MetricId| {
        let metric = Metric::from_id(id.as_str()).ok()?;
        let (features, text_features) = (clip_features(metric, &nets), text_features(metric, &nets));
        let of_sets = metric.net_set().is_some();
        Some(Wanted {
            metric: id.clone(),
            of_pair: false,
            depends_on: None,
            features,
            text_features,
            of_sets,
        })
    };
    metrics.iter().filter_map(wanted).collect()
}

/// The features that a metric is computed from, if they are the same for every clip with the same bytes. This is not so
/// where a net looks at another file too.
fn clip_features(metric: Metric, nets: &NetsInUse) -> Option<FeatureSource> {
    let extraction = match metric {
        Metric::NetSet(metric) => metric.extraction(),
        Metric::Net(metric) if metric.is_of_pair() || metric.extraction().looks_at_image() => return None,
        Metric::Net(metric) => metric.extraction(),
        Metric::Clip(_) | Metric::Pair(_) | Metric::Set(_) | Metric::Feature(_) => return None,
    };
    let identities: Vec<String> = extraction.nets().iter().map(|net| nets.identity(net)).collect();
    Some(FeatureSource { extraction: extraction.id().to_owned(), nets: identities.join("\n") })
}

/// The features of the prompt that a metric is computed from.
fn text_features(metric: Metric, nets: &NetsInUse) -> Option<FeatureSource> {
    let Metric::Net(metric) = metric else { return None };
    let net = metric.text_net()?;
    Some(FeatureSource { extraction: text_id(net), nets: nets.identity(net) })
}

/// Everything a score depends on apart from the files. A missing libvmaf counts as one of its versions, so that after
/// it is installed a new scoring computes what an earlier one could not.
fn depends_on(metric: Metric, record: &ScoringRecord, clip: &RequestedClip) -> Option<String> {
    let beside = match metric.descriptor().needs {
        Needs::ClipAndPrompt => clip.prompt.clone(),
        Needs::ClipAndImage => clip.image.as_ref().map(|image| image.sha256.clone()),
        Needs::Clip | Needs::Pair | Needs::Set | Needs::ReferenceSet | Needs::ClipSet | Needs::Features => {
            None
        }
    };
    match metric {
        Metric::Pair(PairMetric::Vmaf) => record.environment.libvmaf.clone(),
        Metric::Net(_) | Metric::NetSet(_) => {
            let nets = record.environment.nets.iter();
            let identities =
                nets.flat_map(|nets| metric.descriptor().nets.iter().map(|net| nets.identity(net)));
            Some(identities.chain(beside).collect::<Vec<_>>().join("\n"))
        }
        Metric::Clip(_) | Metric::Pair(_) | Metric::Set(_) | Metric::Feature(_) => beside,
    }
}
