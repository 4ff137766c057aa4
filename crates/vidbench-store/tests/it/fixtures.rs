//! Records to record.

use std::fs;

use tempfile::TempDir;
use vidbench_core::protocol::{Features, Stage, StageSpan};
use vidbench_core::suite::{Engine, Limits, Scenario};
use vidbench_core::{
    ClipFacts, Environment, Generation, MetricId, MetricScore, ModelId, Outcome, Params, PromptSuiteRef,
    RECORD_SCHEMA_VERSION, ResolvedModel, ResolvedPrompt, ResolvedSuite, RunId, RunRecord, RunStatus,
    SampleId, Score, Timing, Verdict, WeightsOrigin,
};
use vidbench_store::Store;

pub(crate) fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// In memory where the system has such a folder: syncing, which property tests do thousands of times, is free there.
pub(crate) fn fast_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A store with one run, `r1`, of `prompts` samples.
pub(crate) fn store_with_run(prompts: u32) -> (TempDir, Store, RunRecord) {
    let (folder, store) = store();
    let run = run("r1", prompts);
    store.create_run(&run).unwrap();
    (folder, store, run)
}

pub(crate) fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

pub(crate) fn model() -> ModelId {
    ModelId::new("shapes/tiny").unwrap()
}

/// The model as the suite of [`run`] has it.
pub(crate) fn resolved() -> ResolvedModel {
    suite(1).models.remove(0)
}

pub(crate) fn params() -> Params {
    Params { steps: 4, guidance: 0.1 + 0.2, frames: 16, width: 64, height: 64, fps: 8.0 }
}

pub(crate) fn run(name: &str, prompts: u32) -> RunRecord {
    let suite = suite(prompts);
    let plan = suite.plan().unwrap();
    RunRecord {
        schema_version: RECORD_SCHEMA_VERSION,
        id: id(name),
        created_ms: 1_700_000_000_000,
        finished_ms: None,
        status: RunStatus::Running,
        plan_hash: plan.hash(),
        planned: u64::from(prompts),
        suite,
        environment: environment(),
    }
}

fn suite(prompts: u32) -> ResolvedSuite {
    let prompt = |at| ResolvedPrompt {
        id: format!("p{at}"),
        text: format!("shape {at}, it's \"quoted\"\u{0}"),
        negative: None,
        inputs: Default::default(),
        category: "shapes".into(),
        findings: Vec::new(),
        rejected: false,
    };
    ResolvedSuite {
        name: "demo".into(),
        source: "schema_version = 1".into(),
        models: vec![ResolvedModel {
            id: model(),
            engine: Engine::Embedded,
            model: None,
            instead_of: None,
            command: None,
            pass_env: vec![],
            place: Default::default(),
            settings: Default::default(),
            program: None,
            videos: None,
            confinement: None,
            revision: None,
            weights: WeightsOrigin::Unknown,
            domain: None,
            params: vec![params()],
        }],
        prompt_suite: PromptSuiteRef { name: "s".into(), version: "1".into(), sha256: "0".repeat(64) },
        prompts: (0..prompts).map(prompt).collect(),
        seeds: vec![7],
        repeats: 1,
        scenario: Scenario::default(),
        metrics: vec![metric("flicker@1")],
        limits: Limits::default(),
        retry: Default::default(),
        breaker: Default::default(),
        telemetry: Default::default(),
        pool: Default::default(),
        health: Default::default(),
        alerts: Default::default(),
        confinement: Default::default(),
        scorer: Default::default(),
        reuse_samples: false,
    }
}

fn environment() -> Environment {
    Environment {
        tool_version: "0.1.0".into(),
        os: "Linux".into(),
        cpu: "cpu".into(),
        cores: 2,
        memory_bytes: Some(1 << 34),
        accelerators: Vec::new(),
        libav: "61".into(),
        libvmaf: None,
        nets: None,
        scorer: None,
        command: vec!["vidbench".into(), "run".into()],
    }
}

pub(crate) fn metric(text: &str) -> MetricId {
    MetricId::new(text).unwrap()
}

pub(crate) fn sample(run: &RunRecord, ordinal: u64) -> SampleId {
    run.suite.plan().unwrap().samples[ordinal as usize].id
}

/// Writes `content` and gives it to the store.
pub(crate) fn adopt(store: &Store, content: &[u8]) -> vidbench_store::Artifact {
    // Writers of several threads do not meet.
    let name = format!("test-{:?}-{}.mp4", std::thread::current().id(), content.len());
    let temp = store.root().join("tmp").join(name);
    fs::write(&temp, content).unwrap();
    store.adopt_artifact(&temp).unwrap()
}

/// A generation whose artifact is in the store.
pub(crate) fn generation(store: &Store, sample: SampleId, seed: u64) -> Generation {
    let artifact = adopt(store, format!("video {seed}").as_bytes());
    Generation {
        sample,
        artifact_sha256: artifact.sha256,
        artifact_bytes: artifact.bytes,
        timing: Some(timing(seed)),
        reused_from: None,
        peak_rss_bytes: Some(seed),
        peak_device_bytes: None,
    }
}

pub(crate) fn timing(seed: u64) -> Timing {
    let start_ns = 1_000_000 * seed;
    Timing {
        intended_ns: start_ns,
        sent_ns: start_ns + 1,
        start_ns: start_ns + 2,
        end_ns: start_ns + 2 + 1_000_000_000 * (seed + 1),
        received_ns: u64::MAX,
        stages: vec![StageSpan { name: Stage::Denoise, start_ns: start_ns + 2, end_ns: start_ns + 3 }],
        clock_error_ns: 5,
        wall_ms: -1,
        session: 0,
    }
}

pub(crate) fn ok(sample: SampleId) -> Verdict {
    Verdict {
        sample,
        outcome: Outcome::Ok,
        reason: None,
        facts: Some(facts()),
        scores: vec![
            MetricScore::new(metric("zebra@1"), Score::Value(0.1 + 0.2)),
            MetricScore::new(metric("flicker@1"), Score::not_available("one frame")),
        ],
        features: vec![Features::of_clip("net@abc", vec![0.1, -0.0, f32::MIN_POSITIVE])],
        score_secs: 0.1,
    }
}

pub(crate) fn failed(sample: SampleId) -> Verdict {
    Verdict {
        outcome: Outcome::Timeout,
        reason: Some("no answer".into()),
        facts: None,
        scores: Vec::new(),
        features: Vec::new(),
        ..ok(sample)
    }
}

fn facts() -> ClipFacts {
    ClipFacts {
        container: "mov".into(),
        codec: "h264".into(),
        pixel_format: "yuv420p".into(),
        width: 64,
        height: 64,
        frames: 16,
        fps: 24000.0 / 1001.0,
        duration_secs: Some(2.0 / 3.0),
        black_frames: 0,
        duplicate_frames: 1,
        frozen: false,
    }
}

/// Records generation and ok verdict of a place.
pub(crate) fn finish(store: &Store, run: &RunRecord, ordinal: u64) {
    let sample = sample(run, ordinal);
    let generation = generation(store, sample, ordinal);
    store.record_generation(&run.id, ordinal, &model(), &params(), &generation).unwrap();
    store.record_verdict(&run.id, ordinal, &ok(sample)).unwrap();
}
