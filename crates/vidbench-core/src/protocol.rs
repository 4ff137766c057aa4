//! The worker protocol: JSON-RPC 2.0, one message a line on stdin and stdout of a child process; stderr is log.
//!
//! Requests are `initialize`, `load`, `generate`, `score`, `unload`, `shutdown`, `ping`. While a worker serves a
//! request it may send the notifications `step`, `stage`, `rows`, `download` and `log`. Large data is passed in files
//! that the request names. Times are nanoseconds of the worker's monotonic clock. docs/worker-protocol.md shows a full
//! exchange.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ClipFacts, Domain, ErrorKind, MetricId, MetricScore, ModelId, Params, SampleId, WeightsOrigin};

/// The version this tool speaks; `initialize` fails on any other.
pub const PROTOCOL_VERSION: u32 = 1;

/// Longest line either side may send, in bytes, including the line feed.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// The methods a worker answers.
pub mod method {
    /// Exchange versions and clocks; the first request to a process.
    pub const INITIALIZE: &str = "initialize";
    /// Make a model ready.
    pub const LOAD: &str = "load";
    /// Make one video.
    pub const GENERATE: &str = "generate";
    /// Decode, check and score one video.
    pub const SCORE: &str = "score";
    /// Free a model.
    pub const UNLOAD: &str = "unload";
    /// Answer, then exit with status 0.
    pub const SHUTDOWN: &str = "shutdown";
    /// Check that the worker is alive.
    pub const PING: &str = "ping";
    /// Notification: a denoising step has ended.
    pub const STEP: &str = "step";
    /// Notification: a stage has ended.
    pub const STAGE: &str = "stage";
    /// Notification: a line for the log.
    pub const LOG: &str = "log";
    /// Notification: rows of features of the clip being scored.
    pub const ROWS: &str = "rows";
    /// Notification: another portion of a model's files has arrived.
    pub const DOWNLOAD: &str = "download";
}

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Always "2.0".
    pub jsonrpc: String,
    /// Chosen by the client, never used twice in one process.
    pub id: u64,
    /// One of the constants in [`method`].
    pub method: String,
    /// The method's parameters.
    #[serde(default)]
    pub params: Value,
}

/// What a worker writes: a response (`id` set) or a notification (`method` set).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Always "2.0".
    pub jsonrpc: String,
    /// Id of the request that is answered; absent in a notification. A request that could not be read is answered with
    /// a null id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// The notification's name; absent in a response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The notification's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// The answer; a response has exactly one of `result` and `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// The failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
}

/// Error codes: JSON-RPC's own, for malformed requests, and one for failures of the work.
pub mod code {
    /// The line is not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON is not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters do not fit the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The work failed; `data.kind` says how.
    pub const WORK_FAILED: i64 = -32000;
}

/// A failure as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// One of the constants in [`code`].
    pub code: i64,
    /// What failed, where and why.
    pub message: String,
    /// The kind of failure, and what to do about it.
    pub data: ErrorData,
}

/// The machine-readable part of an [`RpcError`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// One of the closed list of kinds.
    pub kind: ErrorKind,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl RpcError {
    /// A failure of the work itself.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { code: code::WORK_FAILED, message: message.into(), data: ErrorData { kind, hint: None } }
    }

    /// Adds a hint on what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.data.hint = Some(hint.into());
        self
    }
}

/// Parameters of `initialize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitializeParams {
    /// [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// Name and version of the client, for the worker's log.
    pub client: String,
}

/// Result of `initialize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InitializeResult {
    /// Must equal the client's.
    pub protocol_version: u32,
    /// The worker's name.
    pub name: String,
    /// The worker's version.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The worker's monotonic clock at the time of the answer.
    pub clock_ns: u64,
}

/// What a worker can do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capabilities {
    /// Models that `load` accepts; a worker that takes any model leaves the list empty and sets `any_model`.
    #[serde(default)]
    pub models: Vec<ModelId>,
    /// Whether `load` accepts models that are not listed.
    #[serde(default)]
    pub any_model: bool,
    /// Metrics that `score` computes.
    #[serde(default)]
    pub metrics: Vec<MetricId>,
    /// Keys that `load` accepts in `settings`, so that a misspelt key is found before anything is loaded; null when the
    /// worker does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Vec<String>>,
}

/// Parameters of `load`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadParams {
    /// The model.
    pub model: ModelId,
    /// The revision asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Threads the worker may use for computing.
    pub threads: u32,
    /// How the model is loaded and called, in the worker's own words: the suite's `[models.settings]`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
}

/// Result of `load`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadResult {
    /// What was loaded.
    pub model: LoadedModel,
    /// Seconds it took.
    pub load_secs: f64,
}

/// A worker's description of the model it has loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadedModel {
    /// The model.
    pub id: ModelId,
    /// The revision that is loaded, when the worker knows one.
    pub revision: Option<String>,
    /// Where the weights come from.
    pub weights: WeightsOrigin,
    /// Which models its numbers may be compared with.
    pub domain: Domain,
    /// The inference runtime and its version, such as `tract 0.23.9`.
    pub runtime: String,
    /// The device it computes on, such as `cpu` or `cuda:0`; null when the worker cannot tell. While a model computes
    /// on an accelerator, clips can be scored alongside.
    #[serde(default)]
    pub device: Option<String>,
    /// Whether the prompt reaches the model. If it does not, as in a model that only moves an image, metrics that read
    /// the prompt are not available.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub reads_prompt: bool,
}

/// The value assumed for a worker that does not say.
fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_true(flag: &bool) -> bool {
    *flag
}

/// Parameters of `generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateParams {
    /// The sample, for the log.
    pub sample: SampleId,
    /// A model that was loaded before.
    pub model: ModelId,
    /// The prompt, passed on unchanged.
    pub prompt: String,
    /// What the video should not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// Seed of the initial noise.
    pub seed: u64,
    /// Everything else.
    pub params: Params,
    /// File to write; its folder exists, the file does not.
    pub output: String,
    /// Files the video is made from, keyed by role: `image`, `last_image`, `video`, `control_video`, ...
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
}

/// Result of `generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GenerateResult {
    /// The file written; equals the request's `output`.
    pub output: String,
    /// First and last moment of the generation, from reading the prompt to the last decoded frame. Encoding is outside.
    pub start_ns: u64,
    /// See `start_ns`.
    pub end_ns: u64,
    /// Stages in order; they lie within the request and do not overlap.
    pub stages: Vec<StageSpan>,
    /// Largest resident set of the worker so far, in bytes; null when unknown.
    pub peak_rss_bytes: Option<u64>,
    /// Peak memory on the device during this generation; null when there is no device or its memory cannot be read.
    #[serde(default)]
    pub peak_device_bytes: Option<DeviceBytes>,
}

/// Memory of a device, as a caching allocator counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceBytes {
    /// Memory that tensors held.
    pub allocated: u64,
    /// Memory that the allocator took from the driver for them.
    pub reserved: u64,
}

/// One stage of a sample, on the worker's clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageSpan {
    /// Which stage.
    pub name: Stage,
    /// First moment.
    pub start_ns: u64,
    /// Last moment.
    pub end_ns: u64,
}

/// A part of a sample's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From the intended start until the client sent the request.
    ClientWait,
    /// Sending the request.
    Submit,
    /// Waiting inside the server or worker.
    Queue,
    /// Encoding the prompt for the network.
    TextEncode,
    /// All denoising steps.
    Denoise,
    /// Latents to frames.
    VaeDecode,
    /// Frames to a file; outside the timed window.
    Encode,
    /// Asking a server whether it is done.
    Poll,
    /// Fetching the file.
    Download,
    /// Time that no stage accounts for.
    Unattributed,
}

impl Stage {
    /// Every stage, in the order in which they occur.
    pub const ALL: [Self; 10] = [
        Self::ClientWait,
        Self::Submit,
        Self::Queue,
        Self::TextEncode,
        Self::Denoise,
        Self::VaeDecode,
        Self::Encode,
        Self::Poll,
        Self::Download,
        Self::Unattributed,
    ];

    /// The name used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientWait => "client_wait",
            Self::Submit => "submit",
            Self::Queue => "queue",
            Self::TextEncode => "text_encode",
            Self::Denoise => "denoise",
            Self::VaeDecode => "vae_decode",
            Self::Encode => "encode",
            Self::Poll => "poll",
            Self::Download => "download",
            Self::Unattributed => "unattributed",
        }
    }
}

/// Parameters of `score`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreParams {
    /// The video to decode. Bytes that are not UTF-8 are written as `\\xNN`, and a backslash is doubled.
    pub path: String,
    /// The video it is compared with, for metrics of pairs; written as `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The prompt it was made for, for metrics that need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The image it was made from, for metrics that need one; written as `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Metrics requested; each gets exactly one score, or features.
    pub metrics: Vec<MetricId>,
    /// How files are read and how much reading one may cost; left out when it is the default.
    #[serde(default, skip_serializing_if = "DecodeOptions::is_default")]
    pub options: DecodeOptions,
    /// Features that nets computed earlier from the clip or its prompt; no net computes these again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_features: Vec<Features>,
    /// Whether the answer should include features for metrics of the clip too, and not only for metrics of sets.
    #[serde(default, skip_serializing_if = "is_false")]
    pub return_features: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// How a scorer reads files, and how much one file may cost. Exceeding a limit is an error; values are never clamped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DecodeOptions {
    /// Most pixels of a side.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_side: u32,
    /// Most frames.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_frames: u64,
    /// Most seconds of video.
    #[schemars(range(min = 0.1, max = 1_000_000.0))]
    pub max_duration_secs: f64,
    /// Most bytes of a file, or of all images of a folder.
    #[schemars(range(min = 1))]
    pub max_file_bytes: u64,
    /// Most seconds of decoding one file.
    #[schemars(range(min = 0.1, max = 1_000_000.0))]
    pub max_decode_secs: f64,
    /// Threads that read one file: with 2 or more, the next frame is decoded while the current one is processed. Scores
    /// do not depend on it.
    #[schemars(range(min = 1, max = 64))]
    pub threads: u32,
    /// How stored samples become RGB.
    #[serde(skip_serializing_if = "Pixels::is_exact")]
    pub pixels: Pixels,
    /// Frames a second of a folder of images, which records no rate itself; 8 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_fps: Option<u32>,
    /// Width and height of `.yuv` files whose name does not state them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_size: Option<(u32, u32)>,
    /// Pixel format of `.yuv` files whose name does not state it, as FFmpeg spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_format: Option<String>,
    /// Frames a second of `.yuv` files whose name does not state it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_fps: Option<u32>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_side: 8192,
            max_frames: 72_000,
            max_duration_secs: 1200.0,
            max_file_bytes: 2 << 30,
            max_decode_secs: 900.0,
            threads: 1,
            pixels: Pixels::Exact,
            image_fps: None,
            raw_size: None,
            raw_format: None,
            raw_fps: None,
        }
    }
}

/// How stored samples become the pixels that metrics see (docs/decoding.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pixels {
    /// By the formulas of the standards, with chroma interpolated: the same bytes on every machine.
    #[default]
    Exact,
    /// As swscale converts when asked for speed. Decord, OpenCV and PyAV give these pixels to metrics, so use this for
    /// numbers to compare with programs built on them.
    Swscale,
}

impl Pixels {
    fn is_exact(&self) -> bool {
        *self == Self::Exact
    }

    /// Name and version of the conversion rules.
    fn name(self) -> &'static str {
        match self {
            Self::Exact => "pixels@1",
            Self::Swscale => "pixels.swscale@1",
        }
    }
}

impl DecodeOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Describes how files are read, as far as it changes what metrics see. It is part of the key under which scores
    /// are kept. Limits and threads are left out.
    pub fn reading(&self) -> String {
        let mut text = self.pixels.name().to_owned();
        let mut add = |name: &str, value: Option<String>| {
            text.extend(value.map(|value| format!(" {name}={value}")));
        };
        add("image_fps", self.image_fps.map(|fps| fps.to_string()));
        add("raw_size", self.raw_size.map(|(width, height)| format!("{width}x{height}")));
        add("raw_format", self.raw_format.clone());
        add("raw_fps", self.raw_fps.map(|fps| fps.to_string()));
        text
    }
}

/// Result of `score`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreResult {
    /// What the decoder saw, or why it saw no clip.
    pub decoded: Decoded,
    /// Whether the reference could be compared; absent when none was named or the clip itself cannot be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairing: Option<Pairing>,
    /// One per metric of clips and of pairs requested, in the order requested; also one "not available" per set metric
    /// whose features the clip cannot give. Empty when the file could not be decoded.
    pub scores: Vec<MetricScore>,
    /// One per net that a requested set metric needs.
    pub features: Vec<Features>,
    /// Seconds that each net of `features` took, where it was run for them: the cost of computing them again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub net_secs: BTreeMap<String, f64>,
    /// Seconds that decoding took. While nets run, decoding has a thread of its own, so decoding and scoring together
    /// may exceed the clip's total.
    pub decode_secs: f64,
    /// Seconds that the metrics took, including loading what they need.
    pub score_secs: f64,
}

/// The result of decoding a file. An invalid video is a result, not an error of the worker: the sample's outcome is
/// then `decode_failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decoded {
    /// Every frame was decoded.
    Facts(ClipFacts),
    /// The file cannot be decoded.
    Failed {
        /// Why, without the path.
        reason: String,
    },
}

/// Whether a clip could be compared with its reference, frame by frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Same size, same number of frames.
    Matched,
    /// The reference cannot be decoded.
    ReferenceFailed {
        /// Why, without the path.
        reason: String,
    },
    /// Both decode but differ in size or length.
    Mismatch {
        /// How they differ.
        reason: String,
    },
}

impl Pairing {
    /// Why the clips could not be compared.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Matched => None,
            Self::ReferenceFailed { reason } | Self::Mismatch { reason } => Some(reason),
        }
    }
}

impl Decoded {
    /// What the decoder saw, when the file could be decoded.
    pub fn facts(&self) -> Option<&ClipFacts> {
        match self {
            Self::Facts(facts) => Some(facts),
            Self::Failed { .. } => None,
        }
    }
}

/// The features that a net computed from a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Features {
    /// The net with its weights hash, `name@hash`, or the net with one way to feed it, `name.way@version`: features of
    /// different origin never mix.
    pub net: String,
    /// Number of vectors, all of equal length: one for a net that looks at the whole clip, one per frame for a net that
    /// looks at images.
    #[serde(default = "one_row", skip_serializing_if = "is_one_row")]
    pub rows: u32,
    /// The numbers, vector after vector. In an answer to `score`, features of several rows have no numbers here: `rows`
    /// notifications carried them.
    pub values: Vec<f32>,
}

impl Features {
    /// The features of a clip as a whole, as one vector.
    pub fn of_clip(net: impl Into<String>, values: Vec<f32>) -> Self {
        Self { net: net.into(), rows: 1, values }
    }
}

fn one_row() -> u32 {
    1
}

fn is_one_row(rows: &u32) -> bool {
    *rows == 1
}

/// Parameters of `unload`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnloadParams {
    /// A model that was loaded before.
    pub model: ModelId,
}

/// Parameters of `ping` and `shutdown`, result of `unload` and `shutdown`: an object without fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Result of `ping`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PingResult {
    /// The worker's monotonic clock.
    pub clock_ns: u64,
}

/// Parameters of the notification `step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepParams {
    /// Steps done, from 1.
    pub index: u32,
    /// Steps in all.
    pub total: u32,
    /// When the step ended.
    pub t_ns: u64,
}

/// Parameters of the notification `rows`: the next numbers, in order, of features with several rows. They are sent in
/// pieces because those of one clip may not fit on a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowsParams {
    /// As in [`Features`].
    pub net: String,
    /// The numbers, as many as fit.
    pub values: Vec<f32>,
}

/// Parameters of the notification `download`: a `load` is fetching the model's files. The time limit of the load counts
/// from the last of these notifications; the time from the first to the last is not part of the load time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadParams {
    /// Bytes that have arrived.
    pub done_bytes: u64,
    /// Bytes expected in all.
    pub total_bytes: u64,
}

/// Parameters of the notification `log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogParams {
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The line.
    pub message: String,
}
