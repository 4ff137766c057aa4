//! The records that a run leaves behind, in the store, in exports and in reports.
//!
//! Every record carries `schema_version`; new fields have defaults, and no field changes its meaning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::{DeviceBytes, Features, LoadedModel, StageSpan};
use crate::{
    AlertChange, BreakerChange, FailedAttempt, Footprint, HealthChange, HeldWorker, IdleWindow, MetricId,
    MetricScore, ModelId, Outcome, PoolStats, Reading, ResolvedSuite, RunId, SampleId, SampleTelemetry,
    Score,
};

/// Version of the records' shape.
pub const RECORD_SCHEMA_VERSION: u32 = 1;

/// Where a model's weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeightsOrigin {
    /// Trained weights, with the SHA-256 of their file or files.
    Sha256(String),
    /// Random weights: only speed and memory mean anything.
    Random,
    /// The worker does not say.
    Unknown,
}

/// Which models a model's numbers may be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// Open-domain video.
    Open,
    /// A toy world such as moving shapes; never ranked beside open-domain models.
    SyntheticDomain,
}

impl Domain {
    /// The label shown beside every number of such a model.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SyntheticDomain => "synthetic-domain",
        }
    }
}

/// The decoder's findings about a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClipFacts {
    /// Container, as libav names it.
    pub container: String,
    /// Codec, as libav names it.
    pub codec: String,
    /// Pixel format, as libav names it.
    pub pixel_format: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames decoded.
    pub frames: u32,
    /// Average frame rate.
    pub fps: f64,
    /// Seconds the file says it lasts; null when it does not say.
    pub duration_secs: Option<f64>,
    /// Frames that are black.
    pub black_frames: u32,
    /// Frames equal to the frame before them.
    pub duplicate_frames: u32,
    /// Every frame equals the first.
    pub frozen: bool,
}

/// One generation that produced a file, before the file is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The sample.
    pub sample: SampleId,
    /// SHA-256 of the artifact, in hexadecimal.
    pub artifact_sha256: String,
    /// Size of the artifact.
    pub artifact_bytes: u64,
    /// When it ran and how long it took; `None` for a reused sample, because its time does not belong to this run.
    pub timing: Option<Timing>,
    /// The run that made it, where it was not this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<RunId>,
    /// Largest resident set of the worker so far, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Peak memory on the device during this generation.
    #[serde(default)]
    pub peak_device_bytes: Option<DeviceBytes>,
}

/// Times of one generation on the harness's monotonic clock, as nanoseconds since the run's timed phase began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// When the scenario meant the sample to start.
    pub intended_ns: u64,
    /// When the request was sent.
    pub sent_ns: u64,
    /// When the worker began, on the harness's clock.
    pub start_ns: u64,
    /// When the last frame was decoded, on the harness's clock.
    pub end_ns: u64,
    /// When the answer and its file had been read.
    pub received_ns: u64,
    /// Stages on the harness's clock.
    pub stages: Vec<StageSpan>,
    /// Half of the round trip of the clock exchange: the largest error in translating the worker's clock.
    pub clock_error_ns: u64,
    /// Unix time of the intended start, in milliseconds.
    pub wall_ms: i64,
    /// The session it belongs to; resuming a run begins a new session.
    pub session: u32,
}

impl Timing {
    /// Seconds from the intended start to the last decoded frame: the wait a user would see. Encoding is not included.
    pub fn latency_secs(&self) -> f64 {
        secs(self.end_ns.saturating_sub(self.intended_ns))
    }

    /// Seconds of the generation itself.
    pub fn service_secs(&self) -> f64 {
        secs(self.end_ns.saturating_sub(self.start_ns))
    }

    /// Seconds from sending the request to having read the answer.
    pub fn response_secs(&self) -> f64 {
        secs(self.received_ns.saturating_sub(self.sent_ns))
    }
}

fn secs(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// The final result of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The sample.
    pub sample: SampleId,
    /// Ok, or one named failure.
    pub outcome: Outcome,
    /// Why, for failures.
    pub reason: Option<String>,
    /// What the decoder saw, when the file could be decoded.
    pub facts: Option<ClipFacts>,
    /// One per clip metric of the suite.
    pub scores: Vec<MetricScore>,
    /// One per net of a set metric of the suite.
    pub features: Vec<Features>,
    /// Seconds of decoding and scoring.
    pub score_secs: f64,
}

/// Everything known of one finished sample, as exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Its place in the plan.
    pub ordinal: u64,
    /// Attempts that gave no file, before the generation or instead of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<FailedAttempt>,
    /// The generation, when there was one.
    pub generation: Option<Generation>,
    /// Sensor data of the generation, where sensors were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<SampleTelemetry>,
    /// The verdict.
    pub verdict: Verdict,
}

/// A number about all clips of one model and set of parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetScore {
    /// The metric.
    pub metric: MetricId,
    /// The model.
    pub model: ModelId,
    /// Index into the suite's parameter sets.
    pub params_index: u32,
    /// Its result.
    pub score: Score,
    /// 95 % bootstrap interval over clips.
    pub interval: Option<(f64, f64)>,
    /// Clips included.
    pub n: u32,
    /// Length of the feature vectors.
    pub dims: u32,
    /// There are fewer than two clips per dimension, so the value is biased upwards.
    pub underpowered: bool,
    /// The value of one half of the reference set against the other: the lowest value that can be expected.
    pub floor: Option<f64>,
}

/// The machine and the software that made a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of vidbench.
    pub tool_version: String,
    /// Operating system and kernel.
    pub os: String,
    /// Processor model.
    pub cpu: String,
    /// Logical cores the process may use.
    pub cores: u32,
    /// Host memory, in bytes; `None` when the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Accelerators; empty when none was found.
    pub accelerators: Vec<String>,
    /// Versions of the libav libraries.
    pub libav: String,
    /// Version of libvmaf; `None` where it is not found.
    #[serde(default)]
    pub libvmaf: Option<String>,
    /// The nets that metrics use; `None` where no metric uses any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nets: Option<NetsInUse>,
    /// The limits of the scorer. In a run, its sessions record them instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<HeldWorker>,
    /// The command line.
    pub command: Vec<String>,
}

impl Environment {
    /// The libraries that read and compare videos, with their versions.
    pub fn video_libraries(&self) -> String {
        match &self.libvmaf {
            Some(version) => format!("{}, libvmaf {version}", self.libav),
            None => self.libav.clone(),
        }
    }
}

/// The nets that metrics use, and the runtime that computes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetsInUse {
    /// Runtime and version, such as `onnxruntime 1.22.0`.
    pub runtime: String,
    /// The weights of each net, sorted by net.
    pub weights: Vec<WeightsInUse>,
}

/// The weights of a net.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeightsInUse {
    /// The net.
    pub net: String,
    /// SHA-256 of its weights, in hexadecimal; `None` where they are not on this machine.
    pub sha256: Option<String>,
    /// Whether the authors' file was verified against a known hash before it was used.
    pub pinned: bool,
    /// The seed, when the weights are random and the scores therefore mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_seed: Option<u64>,
}

impl NetsInUse {
    /// Warnings about the nets that a reader of the scores must know, one per line.
    pub fn warnings(&self) -> Vec<String> {
        let seed = self.weights.iter().find_map(|weights| weights.random_seed);
        let random = seed.map(|seed| {
            format!(
                "every net has random weights (seed {seed}): scores that use nets say nothing about the clips"
            )
        });
        let unpinned = |weights: &&WeightsInUse| {
            weights.sha256.is_some() && !weights.pinned && weights.random_seed.is_none()
        };
        let unpinned: Vec<&str> =
            self.weights.iter().filter(unpinned).map(|weights| weights.net.as_str()).collect();
        let unpinned = (!unpinned.is_empty()).then(|| {
            format!(
                "weights of {} are unpinned: no hash of the file was known beforehand",
                unpinned.join(", ")
            )
        });
        random.into_iter().chain(unpinned).collect()
    }

    /// Runtime, nets and weights in one line.
    pub fn described(&self) -> String {
        let weights = self.weights.iter().map(|weights| {
            let hash = weights.sha256.as_deref().map_or("absent", |hash| hash.get(..12).unwrap_or(hash));
            let origin = match (weights.random_seed, weights.pinned) {
                (Some(seed), _) => format!(", random, seed {seed}"),
                (None, false) if weights.sha256.is_some() => ", unpinned".to_owned(),
                (None, _) => String::new(),
            };
            format!("{} ({hash}{origin})", weights.net)
        });
        format!("{}: {}", self.runtime, weights.collect::<Vec<_>>().join(", "))
    }

    /// Net, weights and runtime in one text: everything about the nets that a score depends on.
    pub fn identity(&self, net: &str) -> String {
        let weights = self.weights.iter().find(|weights| weights.net == net);
        let sha256 = weights.and_then(|weights| weights.sha256.as_deref()).unwrap_or("absent");
        format!("{net}@{sha256} {}", self.runtime)
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Running, or its process was killed.
    Running,
    /// Stopped before the end; `--resume` continues it.
    Interrupted,
    /// Every planned sample has its verdict.
    Complete,
}

impl RunStatus {
    /// The name used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Complete => "complete",
        }
    }
}

/// One run as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Shape of this record.
    pub schema_version: u32,
    /// The run.
    pub id: RunId,
    /// Unix time of creation, in milliseconds.
    pub created_ms: i64,
    /// Unix time of the last verdict of a complete run.
    pub finished_ms: Option<i64>,
    /// How far it has come.
    pub status: RunStatus,
    /// The suite with every name resolved: a run never reads the suite file again.
    pub suite: ResolvedSuite,
    /// Hash of all sample ids in order.
    pub plan_hash: String,
    /// Samples planned.
    pub planned: u64,
    /// The machine and the software that made it.
    pub environment: Environment,
}

/// One execution of a run, from its start until it completes, is interrupted or is killed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// 0 for the first.
    pub index: u32,
    /// Unix time of its start, in milliseconds.
    pub started_ms: i64,
    /// The models that were loaded.
    pub models: Vec<SessionModel>,
    /// Models it gave up, leaving their other samples undone, with the reasons.
    pub given_up: Vec<GivenUp>,
    /// The models that made the reused samples, as the earlier runs recorded them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reused: Vec<LoadedModel>,
    /// What breakers did, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerChange>,
    /// Changes in the health of parts of the machine and of the session, in order. Every part was well before its first
    /// change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthChange>,
    /// Alerts that began and ended, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertChange>,
    /// Periods in which it did nothing, to measure the power of the idle machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idle: Vec<IdleWindow>,
    /// The limits that were in force for each worker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldWorker>,
    /// Where its time went; absent when the session was killed.
    pub ledger: Option<Ledger>,
}

/// A model that a session gave up; its unfinished samples stay planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GivenUp {
    /// The model.
    pub model: ModelId,
    /// Why.
    pub reason: String,
}

/// A model as one session had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionModel {
    /// The worker's description of it.
    pub model: LoadedModel,
    /// Worker name and version.
    pub worker: String,
    /// Seconds from the start of its process until the model was loaded, by the harness's clock.
    pub load_secs: f64,
    /// Seconds of each warm-up generation; never counted among the samples.
    pub warmup_secs: Vec<f64>,
    /// Memory it took, including loading; null where it cannot be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
}

/// Where a session's wall time went, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// All of it.
    pub wall_secs: f64,
    /// Starting and ending workers, loading and unloading models.
    pub load_secs: f64,
    /// Warm-up generations.
    pub warmup_secs: f64,
    /// Inside the timed windows, and waiting for generations that failed.
    pub generate_secs: f64,
    /// Workers encoding files.
    pub encode_secs: f64,
    /// Waiting for clips to be decoded and scored.
    pub score_secs: f64,
    /// Decoding and scoring, summed over all scorers. Any excess over `score_secs` ran in parallel with other scorers
    /// or other work.
    #[serde(default)]
    pub scorer_secs: f64,
    /// Waiting before second attempts, for breakers, for disk space and to measure the power of the idle machine.
    #[serde(default)]
    pub wait_secs: f64,
    /// What the pool did with loaded workers.
    #[serde(default)]
    pub pool: PoolStats,
}

impl Ledger {
    /// Seconds in which the session waited for scorers that were working. Any other waiting, such as for a durable
    /// commit of their results, counts as the harness's own time.
    pub fn scoring_secs(&self) -> f64 {
        self.score_secs.min(self.scorer_secs)
    }

    /// Seconds spent on none of the work: the harness's own share.
    pub fn harness_secs(&self) -> f64 {
        let work =
            self.load_secs + self.warmup_secs + self.generate_secs + self.encode_secs + self.scoring_secs();
        (self.wall_secs - work - self.wait_secs).max(0.0)
    }
}

/// A whole run, as analysis and reports read it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunData {
    /// The run.
    pub run: RunRecord,
    /// Its executions, in order.
    pub sessions: Vec<Session>,
    /// Finished samples in the order of the plan.
    pub samples: Vec<SampleRecord>,
    /// Set metrics.
    pub set_scores: Vec<SetScore>,
    /// Sensor readings, by session and time.
    pub readings: Vec<(u32, Vec<Reading>)>,
}
