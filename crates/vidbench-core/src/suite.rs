//! The suite file: what to run, as a person writes it.
//!
//! The types here are the one source of the file's keys, types and bounds: [`json_schema`] is generated from them, and
//! [`parse`] checks a file against that schema so that every problem is reported at once, with its line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::prompt::policy::Policy;
use crate::toml_check::{self, Problem};
use crate::{
    AlertSettings, Breaker, Confinement, HealthSettings, ModelId, PoolSettings, Program, Retry,
    ScorerSettings, TelemetrySettings,
};

/// A suite: which models, prompts, parameters and seeds to run, in which scenario, and what to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Version of this file format.
    #[schemars(range(min = 1, max = 1))]
    pub schema_version: u32,
    /// Name of the suite, shown in reports.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What the suite is for.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
    /// Seeds for the initial noise; every prompt is generated once per seed.
    #[schemars(
        length(min = 1, max = 10_000),
        inner(range(min = 0, max = 9_007_199_254_740_991_i64)),
        extend("uniqueItems" = true)
    )]
    pub seeds: Vec<u64>,
    /// How often each sample is generated; more than 1 measures the spread of latency.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: u32,
    /// Metrics; `vidbench list metrics` shows them. A name without a version means the newest.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 80)), extend("uniqueItems" = true))]
    pub metrics: Vec<String>,
    /// Models to run, each in a `[[models]]` table.
    #[schemars(length(min = 1, max = 1000))]
    pub models: Vec<ModelEntry>,
    /// Which prompts to run.
    pub prompts: PromptSelection,
    /// Parameters; every combination is run.
    #[serde(default)]
    pub grid: Grid,
    /// How samples are scheduled.
    #[serde(default)]
    pub scenario: Scenario,
    /// Where to stop.
    #[serde(default)]
    pub limits: Limits,
    /// When a sample is retried.
    #[serde(default)]
    pub retry: Retry,
    /// When a failing model is paused.
    #[serde(default)]
    pub breaker: Breaker,
    /// How often sensors are read.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
    /// Which workers stay loaded, and how much is scored at a time.
    #[serde(default)]
    pub pool: PoolSettings,
    /// When a part of the machine or the session counts as unhealthy.
    #[serde(default)]
    pub health: HealthSettings,
    /// When alerts fire.
    #[serde(default)]
    pub alerts: AlertSettings,
    /// Limits on model workers.
    #[serde(default)]
    pub confinement: Confinement,
    /// Limits on the scorer.
    #[serde(default)]
    pub scorer: ScorerSettings,
    /// Reuse samples that earlier runs in the workspace generated with the same weights instead of generating them again: for
    /// suites that measure quality. Reused samples record the run they come from and have no latency.
    #[serde(default)]
    pub reuse_samples: bool,
}

/// One model of a suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// The model; `vidbench list models` shows the included ones. If `model` is set, only a name for tables.
    pub id: ModelId,
    /// How the model is run.
    pub engine: Engine,
    /// The model, if `id` is only its name here. Lets one model run with several settings.
    #[serde(default)]
    pub model: Option<ModelId>,
    /// An earlier model of this suite. This model only generates the samples for which that one ran out of memory; give it
    /// `settings` that need less, such as `offload = "model"`.
    #[serde(default)]
    pub instead_of: Option<ModelId>,
    /// For `worker`: the program that speaks the worker protocol, and its arguments. No shell is involved.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub command: Option<Vec<String>>,
    /// For `worker`: names of extra environment variables to pass on, such as HF_TOKEN. Their values are never
    /// recorded.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)), extend("uniqueItems" = true))]
    pub pass_env: Vec<String>,
    /// For `diffusers`: where it runs.
    #[serde(default)]
    pub place: Place,
    /// For `diffusers` and `worker`: how to load and call the model, in the worker's own terms, such as `dtype = "bfloat16"`.
    /// docs/diffusers.md lists the diffusers settings. Part of every sample's identity.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// For `command`: the program that generates a video.
    #[serde(default)]
    pub program: Option<Program>,
    /// For `import`: a folder of videos named after their prompts, or a manifest; relative to the suite file.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4096))]
    pub videos: Option<String>,
    /// Revision to request from the worker.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub revision: Option<String>,
    /// SHA-256 that the worker must report for its weights, in hexadecimal.
    #[serde(default)]
    #[schemars(length(min = 64, max = 64))]
    pub weights_sha256: Option<String>,
    /// Limits on its worker; replaces the suite's `confinement`.
    #[serde(default)]
    pub confinement: Option<Confinement>,
}

impl ModelEntry {
    /// The model, whatever it is called here.
    pub fn which(&self) -> &ModelId {
        self.model.as_ref().unwrap_or(&self.id)
    }
}

/// How a model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The model built into vidbench.
    Embedded,
    /// Any program that speaks the worker protocol.
    Worker,
    /// A diffusers model, in a Python environment created by `vidbench env create`.
    Diffusers,
    /// Any program that writes a video file.
    Command,
    /// Videos that exist already.
    Import,
}

impl Engine {
    /// The name used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Worker => "worker",
            Self::Diffusers => "diffusers",
            Self::Command => "command",
            Self::Import => "import",
        }
    }
}

/// Where a model's worker runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Environment created by `vidbench env create`; default `diffusers`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub env: Option<String>,
    /// Container image that contains the worker, instead of an environment.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    pub container: Option<String>,
}

/// Which prompts to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptSelection {
    /// An included prompt suite; `vidbench prompts list` shows them. Set this or `file`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub suite: Option<String>,
    /// A prompt suite file, relative to the suite file. Set this or `suite`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4096))]
    pub file: Option<String>,
    /// Only prompts in these categories.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub categories: Option<Vec<String>>,
    /// Shuffle the prompts with this seed before applying `limit`; if absent, they keep their order.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub order_seed: Option<u64>,
    /// Only the first `limit` prompts.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub limit: Option<u32>,
    /// What to do with prompts that contain script tokens in any disguise (`<script`, `javascript:`, `eval(`, ...), control characters or
    /// too much text: `reject`, `flag` or `off`. A prompt is never changed.
    #[serde(default)]
    pub policy: Policy,
}

/// Parameters: every combination is run. An absent key takes the model's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Denoising steps.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000), inner(range(min = 1, max = 1000)), extend("uniqueItems" = true))]
    pub steps: Option<Vec<u32>>,
    /// Classifier-free guidance scale; 1 means no guidance.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000), inner(range(min = 0.0, max = 100.0)), extend("uniqueItems" = true))]
    pub guidance: Option<Vec<f64>>,
    /// Number of frames.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000), inner(range(min = 1, max = 10_000)), extend("uniqueItems" = true))]
    pub frames: Option<Vec<u32>>,
    /// Width and height in pixels, such as `"832x480"`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000), inner(length(min = 3, max = 11)), extend("uniqueItems" = true))]
    pub size: Option<Vec<String>>,
    /// Frames per second.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000), inner(range(min = 0.1, max = 240.0)), extend("uniqueItems" = true))]
    pub fps: Option<Vec<f64>>,
}

/// How samples are scheduled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The kind of load.
    #[serde(default)]
    pub kind: ScenarioKind,
    /// Warm-up generations before the measured ones, for each parameter set and with its shape; reported separately.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub warmup: u32,
    /// Compute threads per worker; default all cores.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub threads: Option<u32>,
    /// Order in which models run.
    #[serde(default)]
    pub order: Order,
}

/// Order in which models run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// One model after the other, each until it is done: every model is loaded once.
    #[default]
    ByModel,
    /// Models take turns, each with all parameters of one prompt and seed, so that a machine that slows down during the run does
    /// not favour the first. Models that fit into memory together stay loaded (`[pool]`); the others run after them.
    Interleaved,
}

/// The kind of load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioKind {
    /// One sample at a time; the next is meant to start when the last is done. Measures latency.
    #[default]
    SingleStream,
    /// All samples are meant to start at once. Measures throughput; latency includes the wait.
    Offline,
}

impl ScenarioKind {
    /// The name used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::SingleStream => "single-stream",
            Self::Offline => "offline",
        }
    }
}

/// Where to stop. Values out of bounds are rejected, never clamped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Maximum number of planned samples; more is an error.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_samples: u64,
    /// Seconds after which a generation is aborted and its worker stopped.
    #[schemars(range(min = 1, max = 86_400))]
    pub sample_timeout_secs: u32,
    /// Maximum seconds for loading a model, counted from the last bytes of a download.
    #[schemars(range(min = 1, max = 86_400))]
    pub load_timeout_secs: u32,
    /// Maximum seconds for decoding and scoring one file.
    #[schemars(range(min = 1, max = 86_400))]
    pub score_timeout_secs: u32,
    /// Consecutive worker failures after which a model is paused, see `breaker`; samples left at the end stay planned, and `--resume` picks them up.
    #[schemars(range(min = 1, max = 1000))]
    pub max_consecutive_failures: u32,
    /// A generation that reports no step for this many times the usual duration of such a sample is aborted as stalled; 0 waits for `sample_timeout_secs`.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub stall_factor: f64,
    /// Disk space that must be free before and during the run, in MiB.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub min_free_disk_mib: u64,
    /// Seconds to wait for space when less is free: the run continues once a quarter more is free, else it stops.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub disk_wait_secs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_samples: 1_000_000,
            sample_timeout_secs: 600,
            load_timeout_secs: 1800,
            score_timeout_secs: 300,
            max_consecutive_failures: 5,
            stall_factor: 10.0,
            min_free_disk_mib: 256,
            disk_wait_secs: 60,
        }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self { kind: ScenarioKind::default(), warmup: one(), threads: None, order: Order::default() }
    }
}

fn one() -> u32 {
    1
}

/// The JSON Schema of the suite file.
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(Suite).to_value();
    schema["title"] = "vidbench suite".into();
    schema
}

/// Reads a suite file. On failure every problem of the file is listed, in the order of lines.
pub fn parse(text: &str) -> Result<Suite, Vec<Problem>> {
    let mut problems = toml_check::check(text, &json_schema());
    if problems.is_empty() {
        match toml::from_str::<Suite>(text) {
            Ok(suite) => {
                problems = inconsistencies(&suite, text);
                if problems.is_empty() {
                    return Ok(suite);
                }
            }
            // What the schema cannot say, such as the form of an id.
            Err(error) => problems.push(Problem::from_toml(&error, text)),
        }
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(problems)
}

/// Rules that connect keys, which a schema cannot hold.
fn inconsistencies(suite: &Suite, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |key: &str, message: String| problems.push(Problem::at_key(text, key, message));
    match (&suite.prompts.suite, &suite.prompts.file) {
        (None, None) => add("prompts", "set `suite` or `file`".into()),
        (Some(_), Some(_)) => add("prompts", "`suite` and `file` are mutually exclusive".into()),
        (Some(_), None) | (None, Some(_)) => {}
    }
    for (at, model) in suite.models.iter().enumerate() {
        let key = |key: &str| format!("models[{at}].{key}");
        keys_of_engine(model).into_iter().for_each(|message| add(&format!("models[{at}]"), message));
        let settings = Value::Object(model.settings.clone());
        if let Some(path) = unwritable(&settings, "settings") {
            add(
                &key("settings"),
                format!("model {}: `{path}` must be a string, true or false, or a finite number", model.id),
            );
        }
        for message in model.program.iter().flat_map(Program::problems) {
            add(&key("program"), format!("model {}: {message}", model.id));
        }
        if let Some(sha256) = &model.weights_sha256
            && !sha256.bytes().all(|b| b.is_ascii_hexdigit())
        {
            add(&key("weights_sha256"), format!("{sha256:?} is not 64 hexadecimal digits"));
        }
    }
    let Scenario { kind, order, .. } = &suite.scenario;
    if (*kind, *order) == (ScenarioKind::Offline, Order::Interleaved) {
        add("scenario.order", "order `interleaved` needs scenario `single-stream`: `offline` measures how long one model takes for all samples".into());
    }
    for key in suite.health.reversed() {
        add(&format!("health.{key}"), format!("`health.{key}`: `unhealthy` must not be below `degraded`"));
    }
    for (at, size) in suite.grid.size.iter().flatten().enumerate() {
        if let Err(message) = parse_size(size) {
            add(&format!("grid.size[{at}]"), message);
        }
    }
    let ids: Vec<&ModelId> = suite.models.iter().map(|model| &model.id).collect();
    // The list is written by hand and bounded by the schema.
    if let Some(at) = (1..ids.len()).find(|&at| ids[..at].contains(&ids[at])) {
        let hint = "to run one model with several settings, give each entry its own id and set `model`";
        problems.push(
            Problem::at_key(text, &format!("models[{at}].id"), format!("two models have the id {}", ids[at]))
                .with_hint(Some(hint.into())),
        );
    }
    for (at, model) in suite.models.iter().enumerate() {
        if let Some(first) = &model.instead_of
            && !ids[..at].contains(&first)
        {
            let message =
                format!("`instead_of` of model {} names {first}, which is not listed before it", model.id);
            problems.push(Problem::at_key(text, &format!("models[{at}].instead_of"), message));
        }
    }
    problems
}

/// The first value that JSON has no form for: numbers that are not finite, and dates.
fn unwritable(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Null => Some(path.to_owned()),
        Value::Object(map) => map.iter().find_map(|(key, value)| match key.starts_with("$__toml") {
            true => Some(path.to_owned()),
            false => unwritable(value, &format!("{path}.{key}")),
        }),
        Value::Array(items) => items.iter().find_map(|item| unwritable(item, path)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Keys that the engine of a model needs, and those that it does not take.
fn keys_of_engine(model: &ModelEntry) -> Vec<String> {
    use Engine::{Command, Diffusers, Import, Worker};

    let keys: [(&str, bool, &[Engine], &[Engine]); 7] = [
        ("command", model.command.is_some(), &[Worker], &[Worker]),
        ("program", model.program.is_some(), &[Command], &[Command]),
        ("videos", model.videos.is_some(), &[Import], &[Import]),
        ("place", model.place != Place::default(), &[Diffusers], &[]),
        ("settings", !model.settings.is_empty(), &[Worker, Diffusers], &[]),
        ("model", model.model.is_some(), &[Worker, Diffusers], &[]),
        ("instead_of", model.instead_of.is_some(), &[Worker, Diffusers, Command], &[]),
    ];
    let (id, engine) = (&model.id, model.engine.name());
    keys.into_iter()
        .filter_map(|(key, given, takes, needs)| match given {
            true if !takes.contains(&model.engine) => {
                Some(format!("model {id} has engine {engine}, which does not accept `{key}`"))
            }
            false if needs.contains(&model.engine) => {
                Some(format!("model {id} has engine {engine}, which needs `{key}`"))
            }
            true | false => None,
        })
        .collect()
}

/// Reads `"832x480"` as width and height, each 1 to 16,384.
pub fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let error =
        || format!("{text:?} is not a size: write WIDTHxHEIGHT, each 1 to 16384, such as \"832x480\"");
    let (width, height) = text.split_once('x').ok_or_else(error)?;
    // One spelling for each size, so that no size comes twice in another.
    let plain = |side: &str| !side.starts_with('0') && side.bytes().all(|byte| byte.is_ascii_digit());
    let side = |side: &str| {
        plain(side)
            .then(|| side.parse().ok())
            .flatten()
            .filter(|side| (1..=16_384).contains(side))
            .ok_or_else(error)
    };
    Ok((side(width)?, side(height)?))
}
