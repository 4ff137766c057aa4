//! Makes whole runs for tests: every planned sample gets a record, which a test then changes.

use vidbench_core::plan::ResolvedSuite;
use vidbench_core::protocol::{LoadedModel, Stage, StageSpan};
use vidbench_core::suite::{Engine, Limits, Scenario, ScenarioKind};
use vidbench_core::{
    Aggregate, ClipFacts, Direction, Domain, Environment, Generation, Ledger, MetricDescriptor, MetricId,
    MetricScore, ModelId, Needs, Outcome, Params, PlannedSample, PromptSuiteRef, RECORD_SCHEMA_VERSION,
    ResolvedModel, ResolvedPrompt, RunData, RunId, RunRecord, RunStatus, SampleRecord, Score, Session,
    SessionModel, SetScore, Timing, Verdict, WeightsOrigin, sha256_hex,
};

pub(crate) const DESCRIPTORS: [MetricDescriptor; 4] = [
    descriptor("shape_adherence@1", "Shape adherence", "", Direction::HigherIsBetter, Needs::ClipAndPrompt),
    descriptor("temporal_flickering@1", "Temporal flickering", "", Direction::HigherIsBetter, Needs::Clip),
    descriptor("motion_magnitude@1", "Motion magnitude", "px/frame", Direction::Descriptive, Needs::Clip),
    descriptor("frechet_shapes@1", "Fréchet distance, shapes", "", Direction::LowerIsBetter, Needs::Set),
];

const fn descriptor(
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    direction: Direction,
    needs: Needs,
) -> MetricDescriptor {
    let range = match direction {
        Direction::HigherIsBetter => (Some(0.0), Some(1.0)),
        Direction::LowerIsBetter | Direction::Descriptive => (Some(0.0), None),
    };
    let aggregate = if matches!(needs, Needs::Set) { Aggregate::OfSet } else { Aggregate::ClipMean };
    MetricDescriptor { id, title, unit, direction, range, needs, aggregate, nets: &[] }
}

/// What a run is made of.
pub(crate) struct Spec {
    pub(crate) models: Vec<&'static str>,
    pub(crate) steps: Vec<u32>,
    pub(crate) prompts: Vec<String>,
    pub(crate) seeds: Vec<u64>,
    pub(crate) repeats: u32,
    pub(crate) kind: ScenarioKind,
    pub(crate) domain: Domain,
    pub(crate) weights: WeightsOrigin,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            models: vec!["embedded/shapes"],
            steps: vec![4, 16],
            prompts: vec!["a red circle moving left".into(), "a blue square moving up".into()],
            seeds: vec![1, 2],
            repeats: 1,
            kind: ScenarioKind::SingleStream,
            domain: Domain::SyntheticDomain,
            weights: WeightsOrigin::Sha256("ab".repeat(32)),
        }
    }
}

/// A complete run in which everything went well.
pub(crate) fn run(spec: &Spec) -> RunData {
    let suite = suite(spec);
    let plan = suite.plan().unwrap();
    let samples = plan.samples.iter().map(|planned| record(&suite, planned)).collect();
    let session = Session {
        index: 0,
        started_ms: 1_767_225_600_000,
        models: suite.models.iter().map(|model| session_model(model, spec)).collect(),
        ledger: Some(Ledger {
            wall_secs: 100.0,
            load_secs: 2.0,
            warmup_secs: 3.0,
            generate_secs: 80.0,
            encode_secs: 4.0,
            score_secs: 10.0,
            scorer_secs: 12.0,
            wait_secs: 0.0,
            ..Ledger::default()
        }),
        ..Session::default()
    };
    let run = RunRecord {
        schema_version: RECORD_SCHEMA_VERSION,
        id: RunId::new("20260101-000000-demo").unwrap(),
        created_ms: 1_767_225_600_000,
        finished_ms: Some(1_767_225_700_000),
        status: RunStatus::Complete,
        plan_hash: plan.hash(),
        planned: plan.samples.len() as u64,
        suite,
        environment: environment(),
    };
    RunData { set_scores: set_scores(&run.suite), run, sessions: vec![session], samples, readings: vec![] }
}

fn suite(spec: &Spec) -> ResolvedSuite {
    let params =
        |steps: &u32| Params { steps: *steps, guidance: 3.0, frames: 16, width: 64, height: 64, fps: 8.0 };
    ResolvedSuite {
        name: "demo".into(),
        source: "schema_version = 1\nname = \"demo\"\n".into(),
        models: spec
            .models
            .iter()
            .map(|id| ResolvedModel {
                id: ModelId::new(*id).unwrap(),
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
                params: spec.steps.iter().map(params).collect(),
            })
            .collect(),
        prompt_suite: PromptSuiteRef { name: "shapes".into(), version: "1".into(), sha256: "cd".repeat(32) },
        prompts: spec
            .prompts
            .iter()
            .enumerate()
            .map(|(index, text)| ResolvedPrompt {
                id: format!("p-{index}"),
                text: text.clone(),
                negative: None,
                inputs: Default::default(),
                category: "shapes".into(),
                findings: Vec::new(),
                rejected: false,
            })
            .collect(),
        seeds: spec.seeds.clone(),
        repeats: spec.repeats,
        scenario: Scenario { kind: spec.kind, warmup: 1, threads: Some(2), ..Scenario::default() },
        metrics: DESCRIPTORS.iter().map(MetricDescriptor::metric_id).collect(),
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

/// Service time is 10 ms a step, and 1 % longer for each earlier sample; the wait is 1 ms.
fn record(suite: &ResolvedSuite, planned: &PlannedSample) -> SampleRecord {
    let steps = u64::from(suite.params_of(planned).steps);
    let service_ns = steps * 10_000_000 + steps * 100_000 * planned.ordinal;
    let sent_ns = planned.ordinal * 1_000_000_000;
    let start_ns = sent_ns + 1_000_000;
    let generation = Generation {
        sample: planned.id,
        artifact_sha256: sha256_hex(&planned.id.0),
        artifact_bytes: 4000 + planned.ordinal,
        timing: Some(timing(sent_ns, start_ns, service_ns)),
        reused_from: None,
        peak_rss_bytes: Some(100_000_000 + planned.ordinal),
        peak_device_bytes: None,
    };
    SampleRecord {
        ordinal: planned.ordinal,
        attempts: vec![],
        generation: Some(generation),
        telemetry: None,
        verdict: ok_verdict(suite, planned),
    }
}

fn timing(sent_ns: u64, start_ns: u64, service_ns: u64) -> Timing {
    let span = |name, start_ns, end_ns| StageSpan { name, start_ns, end_ns };
    let end_ns = start_ns + service_ns;
    Timing {
        intended_ns: sent_ns,
        sent_ns,
        start_ns,
        end_ns,
        received_ns: end_ns + 6_000_000,
        stages: vec![
            span(Stage::TextEncode, start_ns, start_ns + service_ns / 20),
            span(Stage::Denoise, start_ns + service_ns / 20, start_ns + service_ns / 20 * 17),
            span(Stage::VaeDecode, start_ns + service_ns / 20 * 17, start_ns + service_ns / 20 * 19),
            span(Stage::Encode, end_ns, end_ns + 5_000_000),
        ],
        clock_error_ns: 20_000,
        wall_ms: 1_767_225_600_000,
        session: 0,
    }
}

fn ok_verdict(suite: &ResolvedSuite, planned: &PlannedSample) -> Verdict {
    let steps = f64::from(suite.params_of(planned).steps);
    let wobble = (planned.ordinal * 37 % 11) as f64 / 100.0;
    let score = |metric: &str, value| MetricScore::new(MetricId::new(metric).unwrap(), Score::Value(value));
    Verdict {
        sample: planned.id,
        outcome: Outcome::Ok,
        reason: None,
        facts: Some(ClipFacts {
            container: "mov,mp4,m4a,3gp,3g2,mj2".into(),
            codec: "h264".into(),
            pixel_format: "yuv420p".into(),
            width: 64,
            height: 64,
            frames: 16,
            fps: 8.0,
            duration_secs: Some(2.0),
            black_frames: 0,
            duplicate_frames: 0,
            frozen: false,
        }),
        scores: vec![
            score("shape_adherence@1", 1.0 - 0.7 / steps - wobble / 4.0),
            score("temporal_flickering@1", 0.98 - 0.02 / steps - wobble / 50.0),
            score("motion_magnitude@1", 1.4 + wobble),
        ],
        features: Vec::new(),
        score_secs: 0.02,
    }
}

fn session_model(model: &ResolvedModel, spec: &Spec) -> SessionModel {
    SessionModel {
        model: LoadedModel {
            id: model.id.clone(),
            revision: Some("1".into()),
            weights: spec.weights.clone(),
            domain: spec.domain,
            runtime: "tract 0.23.9".into(),
            device: Some("cpu".into()),
            reads_prompt: true,
        },
        worker: "vidbench-worker 0.1.0".into(),
        load_secs: 0.2,
        warmup_secs: vec![0.5],
        footprint: None,
    }
}

fn set_scores(suite: &ResolvedSuite) -> Vec<SetScore> {
    let mut scores = Vec::new();
    for model in &suite.models {
        for (index, params) in model.params.iter().enumerate() {
            let value = 60.0 + 900.0 / f64::from(params.steps);
            scores.push(SetScore {
                metric: MetricId::new("frechet_shapes@1").unwrap(),
                model: model.id.clone(),
                params_index: index as u32,
                score: Score::Value(value),
                interval: Some((value * 0.9, value * 1.1)),
                n: 256,
                dims: 64,
                underpowered: false,
                floor: Some(61.0),
            });
        }
    }
    scores
}

fn environment() -> Environment {
    Environment {
        tool_version: "0.1.0".into(),
        os: "Linux 6.1".into(),
        cpu: "Test CPU".into(),
        cores: 2,
        memory_bytes: Some(8 << 30),
        accelerators: Vec::new(),
        libav: "libavcodec 61.3.100".into(),
        libvmaf: None,
        nets: None,
        scorer: None,
        command: ["vidbench", "run", "demo.toml"].map(str::to_owned).to_vec(),
    }
}

/// Turns a sample into a failure without a generation.
pub(crate) fn fail(record: &mut SampleRecord, outcome: Outcome, reason: &str) {
    record.generation = None;
    record.verdict.outcome = outcome;
    record.verdict.reason = Some(reason.into());
    record.verdict.facts = None;
    record.verdict.scores.clear();
}

/// Turns a sample into a file that is not what was asked for.
pub(crate) fn spoil(record: &mut SampleRecord, reason: &str) {
    record.verdict.outcome = Outcome::InvalidOutput;
    record.verdict.reason = Some(reason.into());
    record.verdict.scores.clear();
}
