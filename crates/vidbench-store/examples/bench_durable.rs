//! Prints how many outcomes a second the store takes, each durable before the next, and how much processor time it
//! costs to keep a sample, for `cargo xtask bench durable` and `sample-cost`.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use vidbench_core::protocol::{Stage, StageSpan};
use vidbench_core::suite::{Limits, Scenario};
use vidbench_core::{
    Environment, Generation, MetricId, MetricScore, ModelId, Outcome, Params, PromptSuiteRef,
    RECORD_SCHEMA_VERSION, ResolvedSuite, RunId, RunRecord, RunStatus, SampleId, Score, Timing, Verdict,
};
use vidbench_store::Store;

const OUTCOMES: u64 = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: bench_durable FOLDER")?;
    let store = Store::open(Path::new(&folder))?;
    let run = record()?;
    store.create_run(&run)?;
    // Locking also makes the folder for files that are being written.
    let _lock = store.lock_run(&run.id)?;
    let start = Instant::now();
    for ordinal in 0..OUTCOMES {
        store.record_verdict(&run.id, ordinal, &verdict(ordinal)?)?;
    }
    let per_sec = OUTCOMES as f64 / start.elapsed().as_secs_f64();
    let commit = commit_cpu_millis(&store, &run.id)?;
    writeln!(
        std::io::stdout(),
        "{{\"outcomes_per_sec\": {per_sec:.1}, \"commit_cpu_millis\": {commit:.3}}}"
    )?;
    Ok(())
}

/// Processor time of a sample's durable records: its file taken in, the generation, the verdict. Files are as large as the demo's.
fn commit_cpu_millis(store: &Store, run: &RunId) -> Result<f64, Box<dyn std::error::Error>> {
    const VIDEO_BYTES: usize = 6000;
    let (model, params) = (ModelId::new("bench")?, params()?);
    let mut spent = 0.0;
    for ordinal in OUTCOMES..2 * OUTCOMES {
        let temp = store.temp_path(run, "sample.mp4")?;
        let mut video = ordinal.to_le_bytes().to_vec();
        video.resize(VIDEO_BYTES, 7);
        std::fs::write(&temp, video)?;
        let begin = cpu_secs()?;
        let artifact = store.adopt_artifact(&temp)?;
        let generation = Generation {
            sample: sample(ordinal),
            artifact_sha256: artifact.sha256,
            artifact_bytes: artifact.bytes,
            timing: Some(timing(ordinal)),
            reused_from: None,
            peak_rss_bytes: Some(1 << 27),
            peak_device_bytes: None,
        };
        store.record_generation(run, ordinal, &model, &params, &generation)?;
        let ok = Verdict { outcome: Outcome::Ok, reason: None, score_secs: 0.01, ..verdict(ordinal)? };
        store.record_verdict(run, ordinal, &ok)?;
        spent += cpu_secs()? - begin;
    }
    Ok(spent / OUTCOMES as f64 * 1e3)
}

/// Processor time of this thread, which is the only one.
fn cpu_secs() -> Result<f64, nix::Error> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

fn params() -> Result<Params, serde_json::Error> {
    serde_json::from_str(
        r#"{"steps": 1, "guidance": 1.0, "frames": 16, "width": 64, "height": 64, "fps": 8.0}"#,
    )
}

fn timing(ordinal: u64) -> Timing {
    let at = |micros: u64| (ordinal * 20_000 + micros) * 1000;
    let span = |name, from, to| StageSpan { name, start_ns: at(from), end_ns: at(to) };
    Timing {
        intended_ns: at(0),
        sent_ns: at(10),
        start_ns: at(200),
        end_ns: at(9000),
        received_ns: at(9100),
        stages: vec![
            span(Stage::ClientWait, 0, 10),
            span(Stage::Submit, 10, 200),
            span(Stage::Denoise, 200, 7000),
            span(Stage::Encode, 7000, 9000),
        ],
        clock_error_ns: 20_000,
        wall_ms: 0,
        session: 0,
    }
}

fn sample(ordinal: u64) -> SampleId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&ordinal.to_le_bytes());
    SampleId(id)
}

/// A failed sample needs no artifact; with its score it is one transaction of the usual kind.
fn verdict(ordinal: u64) -> Result<Verdict, Box<dyn std::error::Error>> {
    Ok(Verdict {
        sample: sample(ordinal),
        outcome: Outcome::Timeout,
        reason: Some("no answer to generate within 600.0 s".into()),
        facts: None,
        scores: vec![MetricScore::new(MetricId::new("ssim@1")?, Score::not_available("no file"))],
        features: vec![],
        score_secs: 0.0,
    })
}

fn record() -> Result<RunRecord, Box<dyn std::error::Error>> {
    let suite = ResolvedSuite {
        name: "durable".into(),
        source: String::new(),
        models: vec![],
        prompt_suite: PromptSuiteRef { name: "none".into(), version: "1".into(), sha256: String::new() },
        prompts: vec![],
        seeds: vec![],
        repeats: 1,
        scenario: Scenario::default(),
        metrics: vec![],
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
    };
    let environment = Environment {
        tool_version: "bench".into(),
        os: String::new(),
        cpu: String::new(),
        cores: 1,
        memory_bytes: None,
        accelerators: vec![],
        libav: String::new(),
        libvmaf: None,
        nets: None,
        scorer: None,
        command: vec![],
    };
    Ok(RunRecord {
        schema_version: RECORD_SCHEMA_VERSION,
        id: RunId::new("bench")?,
        created_ms: 0,
        finished_ms: None,
        status: RunStatus::Running,
        suite,
        plan_hash: String::new(),
        planned: 2 * OUTCOMES,
        environment,
    })
}
