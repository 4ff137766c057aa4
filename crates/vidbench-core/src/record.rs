//! What a run leaves behind: the records of the store, of exports and of reports.
//!
//! Every record carries `schema_version`; fields are added with defaults and never change their meaning.

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
    /// Trained weights with the SHA-256 of their file or files.
    Sha256(String),
    /// Random weights: speed and memory only.
    Random,
    /// The worker does not say.
    Unknown,
}

/// What a model's numbers may be compared with.
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

/// What the decoder saw in a file.
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

/// One generation that produced a file, before the file has been judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The sample.
    pub sample: SampleId,
    /// SHA-256 of the artifact, in hexadecimal.
    pub artifact_sha256: String,
    /// Size of the artifact.
    pub artifact_bytes: u64,
    /// When and how long; none of a sample that was reused, because its time is none of this run.
    pub timing: Option<Timing>,
    /// Which run made it, where it was not this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<RunId>,
    /// Largest resident set of the worker so far, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Most memory of the device during this generation.
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
    /// When the answer had been read, file included.
    pub received_ns: u64,
    /// Stages on the harness's clock.
    pub stages: Vec<StageSpan>,
    /// Half of the round trip of the clock exchange: how wrong the translation of the worker's clock may be.
    pub clock_error_ns: u64,
    /// Unix time of the intended start, in milliseconds.
    pub wall_ms: i64,
    /// Which execution of the run this belongs to; a resumed run begins a new one.
    pub session: u32,
}

impl Timing {
    /// Seconds from the intended start to the last decoded frame: what a user waits. Encoding is outside.
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

/// The final word on a sample.
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
    /// Attempts that gave no file, before it or instead of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<FailedAttempt>,
    /// The generation, when there was one.
    pub generation: Option<Generation>,
    /// What sensors said during the generation, where they were read.
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
    /// Clips that entered.
    pub n: u32,
    /// Length of the feature vectors.
    pub dims: u32,
    /// Fewer than two clips a dimension: the value is biased upwards.
    pub underpowered: bool,
    /// The value of one half of the reference set against the other: the lowest that can be expected.
    pub floor: Option<f64>,
}

/// Where and by what a run was made.
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
    /// Host memory, in bytes; none when the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Accelerators; empty when none was found.
    pub accelerators: Vec<String>,
    /// Versions of the libav libraries.
    pub libav: String,
    /// Version of libvmaf; none where it is not found.
    #[serde(default)]
    pub libvmaf: Option<String>,
    /// The nets that metrics look through; none where no metric does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nets: Option<NetsInUse>,
    /// What the scorer was held to; of a run, its sessions say it.
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

/// The nets that metrics look through, and what runs them.
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
    /// SHA-256 of its weights, in hexadecimal; none where they are not on this machine.
    pub sha256: Option<String>,
    /// Whether the authors' file was known by its hash before it was used.
    pub pinned: bool,
    /// The seed, where the weights are random and the scores mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_seed: Option<u64>,
}

impl NetsInUse {
    /// What a reader of the scores must know of the nets, a line each.
    pub fn warnings(&self) -> Vec<String> {
        let seed = self.weights.iter().find_map(|weights| weights.random_seed);
        let random = seed.map(|seed| {
            format!("every net has random weights (seed {seed}): scores of nets say nothing of the clips")
        });
        let unpinned = |weights: &&WeightsInUse| {
            weights.sha256.is_some() && !weights.pinned && weights.random_seed.is_none()
        };
        let unpinned: Vec<&str> =
            self.weights.iter().filter(unpinned).map(|weights| weights.net.as_str()).collect();
        let unpinned = (!unpinned.is_empty()).then(|| {
            format!(
                "weights of {} are unpinned: no hash of their file was known beforehand",
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

    /// Net, weights and runtime in one text: what a score depends on.
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
    /// Being executed, or its process was killed.
    Running,
    /// Stopped before the end; `--resume` goes on.
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
    /// The suite with everything it names resolved: a run never reads the suite file again.
    pub suite: ResolvedSuite,
    /// Hash of all sample ids in order.
    pub plan_hash: String,
    /// Samples planned.
    pub planned: u64,
    /// Where and by what.
    pub environment: Environment,
}

/// One execution of a run: from start to completion, interruption or kill.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// 0 for the first.
    pub index: u32,
    /// Unix time of its start, in milliseconds.
    pub started_ms: i64,
    /// What was loaded.
    pub models: Vec<SessionModel>,
    /// Models whose other samples it left, and why.
    pub given_up: Vec<GivenUp>,
    /// What made the samples that were taken from earlier runs, as those runs recorded it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reused: Vec<LoadedModel>,
    /// What breakers did, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerChange>,
    /// Parts of the machine and of the session that became better or worse, in order. They were well before the first change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthChange>,
    /// Alerts that began and ended, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertChange>,
    /// Times in which it did nothing, to measure the power of the idle machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idle: Vec<IdleWindow>,
    /// What each worker was held to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldWorker>,
    /// Where its time went; absent when it was killed.
    pub ledger: Option<Ledger>,
}

/// A model that a session gave up; its other samples stay planned.
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
    /// What the worker said of it.
    pub model: LoadedModel,
    /// Worker name and version.
    pub worker: String,
    /// Seconds from the start of its process until it had loaded, by the harness's clock.
    pub load_secs: f64,
    /// Seconds of each warm-up generation; never counted among the samples.
    pub warmup_secs: Vec<f64>,
    /// Memory it took, loading included; null where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
}

/// Where a session's wall time went, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// All of it.
    pub wall_secs: f64,
    /// Starting workers, loading models, and ending both.
    pub load_secs: f64,
    /// Warm-up generations.
    pub warmup_secs: f64,
    /// Inside the timed windows, and waiting for generations that failed.
    pub generate_secs: f64,
    /// Workers encoding files.
    pub encode_secs: f64,
    /// Waiting for clips to be decoded and scored.
    pub score_secs: f64,
    /// Decoding and scoring, of all scorers together. What is more than `score_secs` went on side by side or beside other work.
    #[serde(default)]
    pub scorer_secs: f64,
    /// Before second attempts, for breakers, for space on the disk and for the power of the idle machine.
    #[serde(default)]
    pub wait_secs: f64,
    /// What became of loaded workers.
    #[serde(default)]
    pub pool: PoolStats,
}

impl Ledger {
    /// Seconds in which the session waited for scorers that worked: what it waited for besides, such as a durable commit of what they said, is
    /// the harness's own.
    pub fn scoring_secs(&self) -> f64 {
        self.score_secs.min(self.scorer_secs)
    }

    /// Seconds that went to none of the work: the harness's own share.
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
    /// What sensors said, by session and time.
    pub readings: Vec<(u32, Vec<Reading>)>,
}
