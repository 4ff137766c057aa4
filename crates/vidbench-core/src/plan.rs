//! Turns a suite into the ordered list of its samples, each with its identity.
//!
//! A [`SampleId`] is the hash of everything that determines a sample: engine, model, revision, weights, parameters, prompt,
//! negative prompt, seed and repeat index. Each component is hashed once, so planning a million samples costs a million
//! hashes of about 80 bytes.
//!
//! Order: model, repeat, seed, prompt, parameters. Models are outermost, because loading is expensive. Parameters are
//! innermost, so that a slow drift of the machine affects all of them alike and comparisons between them are paired in
//! time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::suite::{Engine, Limits, Place, Scenario};
use crate::{
    AlertSettings, Breaker, Confinement, Domain, HealthSettings, MetricId, ModelId, Params, PoolSettings,
    Program, Retry, SampleId, ScorerSettings, TelemetrySettings, WeightsOrigin,
};

/// A suite with everything it names looked up: enough to run it without reading another file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedSuite {
    /// Name of the suite.
    pub name: String,
    /// The suite file as it was read.
    pub source: String,
    /// Models with their parameter sets.
    pub models: Vec<ResolvedModel>,
    /// The prompt suite the prompts come from.
    pub prompt_suite: PromptSuiteRef,
    /// Prompts in the order in which they run.
    pub prompts: Vec<ResolvedPrompt>,
    /// Seeds of the initial noise.
    pub seeds: Vec<u64>,
    /// Generations of each sample.
    pub repeats: u32,
    /// How samples are offered.
    pub scenario: Scenario,
    /// Metrics to compute.
    pub metrics: Vec<MetricId>,
    /// Where to stop.
    pub limits: Limits,
    /// When a sample is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// When a model is not called for a while.
    #[serde(default)]
    pub breaker: Breaker,
    /// How often sensors are read.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
    /// Which workers stay loaded, and how many clips are scored at a time.
    #[serde(default)]
    pub pool: PoolSettings,
    /// When a part of the machine or of a session is not well.
    #[serde(default)]
    pub health: HealthSettings,
    /// Which conditions raise an alert.
    #[serde(default)]
    pub alerts: AlertSettings,
    /// The limits of workers whose model sets none of its own.
    #[serde(default)]
    pub confinement: Confinement,
    /// The limits of the scorer.
    #[serde(default)]
    pub scorer: ScorerSettings,
    /// Take samples that earlier runs have made.
    #[serde(default)]
    pub reuse_samples: bool,
}

/// A model of a resolved suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedModel {
    /// Its name in this suite; also the model itself where `model` is absent.
    pub id: ModelId,
    /// How it is run.
    pub engine: Engine,
    /// The model, where `id` is only a name for it.
    #[serde(default)]
    pub model: Option<ModelId>,
    /// Index of the model that this one stands in for: it makes the samples over which that model ran out of memory.
    #[serde(default)]
    pub instead_of: Option<u32>,
    /// For engine `worker`: program and arguments.
    pub command: Option<Vec<String>>,
    /// For engine `worker`: environment variables it gets in addition to the usual ones.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// For engine `diffusers`: which environment or container it runs in.
    #[serde(default)]
    pub place: Place,
    /// How the worker loads and calls it.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// For engine `command`: the program.
    #[serde(default)]
    pub program: Option<Program>,
    /// For engine `import`: where its videos are, as an absolute path.
    #[serde(default)]
    pub videos: Option<String>,
    /// The limits of its worker, where they are not the suite's.
    #[serde(default)]
    pub confinement: Option<Confinement>,
    /// Revision asked for.
    pub revision: Option<String>,
    /// Weights asked for; `Unknown` when the suite does not pin them.
    pub weights: WeightsOrigin,
    /// Which models its numbers may be compared with, when that is known before it is loaded.
    pub domain: Option<Domain>,
    /// Every combination of the grid.
    pub params: Vec<Params>,
}

/// Which prompt suite, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptSuiteRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its content, before categories and limit were applied.
    pub sha256: String,
}

/// A prompt of a resolved suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPrompt {
    /// Its id within the prompt suite.
    pub id: String,
    /// Its text, unchanged.
    pub text: String,
    /// What the video should not show.
    pub negative: Option<String>,
    /// Files the video is made from, keyed by role.
    #[serde(default)]
    pub inputs: BTreeMap<String, InputFile>,
    /// Its category.
    pub category: String,
    /// What the prompt policy found.
    pub findings: Vec<String>,
    /// The policy rejected it, so its samples are not generated.
    pub rejected: bool,
}

/// A file that a video is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Where it is.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// One sample of a plan, as indices into the resolved suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedSample {
    /// Its identity.
    pub id: SampleId,
    /// Its place in the plan, from 0.
    pub ordinal: u64,
    /// Index into `models`.
    pub model: u32,
    /// Index into the model's `params`.
    pub params: u32,
    /// Index into `prompts`.
    pub prompt: u32,
    /// Which generation of the same sample, from 0.
    pub repeat: u32,
    /// Seed of the initial noise.
    pub seed: u64,
}

/// Every sample of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The samples.
    pub samples: Vec<PlannedSample>,
}

/// A suite plans more samples than allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the suite plans {planned} samples; limits.max_samples allows {allowed}")]
pub struct TooManySamples {
    /// Number of samples the suite would plan.
    pub planned: u128,
    /// Number of samples allowed.
    pub allowed: u64,
}

impl ResolvedSuite {
    /// How many samples the suite plans.
    pub fn sample_count(&self) -> u128 {
        let per_model: u128 = self.models.iter().map(|model| model.params.len() as u128).sum();
        per_model * self.prompts.len() as u128 * self.seeds.len() as u128 * u128::from(self.repeats)
    }

    /// Every sample with its identity, in order.
    pub fn plan(&self) -> Result<Plan, TooManySamples> {
        let planned = self.sample_count();
        if planned > u128::from(self.limits.max_samples) {
            return Err(TooManySamples { planned, allowed: self.limits.max_samples });
        }
        let prompt_digests: Vec<_> = self.prompts.iter().map(ResolvedPrompt::digest).collect();
        let mut samples = Vec::with_capacity(planned as usize);
        for (model_index, model) in self.models.iter().enumerate() {
            let model_hash = model.hasher();
            let configured: Vec<Sha256> =
                model.params.iter().map(|params| with_params(&model_hash, params)).collect();
            for repeat in 0..self.repeats {
                for &seed in &self.seeds {
                    for (prompt, prompt_digest) in prompt_digests.iter().enumerate() {
                        for (params, hash) in configured.iter().enumerate() {
                            samples.push(PlannedSample {
                                id: sample_id(hash.clone(), prompt_digest, seed, repeat),
                                ordinal: samples.len() as u64,
                                model: model_index as u32,
                                params: params as u32,
                                prompt: prompt as u32,
                                repeat,
                                seed,
                            });
                        }
                    }
                }
            }
        }
        Ok(Plan { samples })
    }

    /// The sample that `sample` stands in for: that of the other model with the same parameters, prompt, seed and
    /// repeat.
    pub fn instead_of(&self, sample: &PlannedSample) -> Option<u64> {
        let first = self.model_of(sample).instead_of?;
        let each = self.prompts.len() as u64 * self.seeds.len() as u64 * u64::from(self.repeats);
        let begin = |model: u32| -> u64 {
            self.models[..model as usize].iter().map(|model| model.params.len() as u64 * each).sum()
        };
        // Both models have the same parameters, so their samples are in the same order.
        Some(begin(first) + (sample.ordinal - begin(sample.model)))
    }

    /// The model a sample is made by.
    pub fn model_of(&self, sample: &PlannedSample) -> &ResolvedModel {
        &self.models[sample.model as usize]
    }

    /// The parameters a sample is made with.
    pub fn params_of(&self, sample: &PlannedSample) -> &Params {
        &self.model_of(sample).params[sample.params as usize]
    }

    /// The prompt a sample is made for.
    pub fn prompt_of(&self, sample: &PlannedSample) -> &ResolvedPrompt {
        &self.prompts[sample.prompt as usize]
    }
}

impl Plan {
    /// SHA-256 over all sample ids in order, in hexadecimal. Two plans with equal hashes contain the same samples.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for sample in &self.samples {
            hasher.update(sample.id.0);
        }
        hex(&hasher.finalize())
    }
}

impl ResolvedModel {
    /// The model, whatever it is called in the suite.
    pub fn which(&self) -> &ModelId {
        self.model.as_ref().unwrap_or(&self.id)
    }

    /// Whether both models make the same samples, whatever the models are called.
    pub fn makes_the_same(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }

    /// Hash of everything that determines its samples apart from parameters, prompts and seeds. Its name in the suite
    /// is not part of it.
    pub fn digest(&self) -> [u8; 32] {
        self.hasher().finalize().into()
    }

    fn hasher(&self) -> Sha256 {
        let weights = match &self.weights {
            WeightsOrigin::Sha256(hash) => hash.as_str(),
            WeightsOrigin::Random => "random",
            WeightsOrigin::Unknown => "unknown",
        };
        let mut hasher = Sha256::new();
        for part in [
            "vidbench sample 1",
            self.engine.name(),
            self.which().as_str(),
            self.revision.as_deref().unwrap_or(""),
            weights,
        ] {
            update_with_length(&mut hasher, part);
        }
        // A user's own program determines the sample too.
        for part in self.command.iter().flatten() {
            update_with_length(&mut hasher, part);
        }
        // Each value is hashed with its name, so that one cannot be mistaken for another. Absent values add nothing, so
        // that the identities of older runs stay the same.
        let mut add = |name: &str, value: Option<String>| {
            for part in value.iter().flat_map(|value| [name, value]) {
                update_with_length(&mut hasher, part);
            }
        };
        add("settings", (!self.settings.is_empty()).then(|| sorted(&Value::Object(self.settings.clone()))));
        add("program", self.program.as_ref().map(Program::digest_input));
        add("videos", self.videos.clone());
        hasher
    }
}

/// JSON with the keys of every object sorted: the order in which a person wrote them must not change an identity.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key:?}:{}", sorted(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

impl ResolvedPrompt {
    fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        update_with_length(&mut hasher, &self.text);
        update_with_length(&mut hasher, self.negative.as_deref().unwrap_or(""));
        for (name, file) in &self.inputs {
            [name, &file.sha256].into_iter().for_each(|part| update_with_length(&mut hasher, part));
        }
        hasher.finalize().into()
    }
}

fn with_params(model: &Sha256, params: &Params) -> Sha256 {
    let mut hasher = model.clone();
    update_with_length(&mut hasher, &params.digest_input());
    hasher
}

fn sample_id(mut configured: Sha256, prompt: &[u8; 32], seed: u64, repeat: u32) -> SampleId {
    configured.update(prompt);
    configured.update(seed.to_le_bytes());
    configured.update(repeat.to_le_bytes());
    let digest = configured.finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    SampleId(id)
}

/// The length prefix keeps ("ab", "c") and ("a", "bc") apart.
fn update_with_length(hasher: &mut Sha256, part: &str) {
    hasher.update((part.len() as u64).to_le_bytes());
    hasher.update(part.as_bytes());
}

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal, lower case.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
