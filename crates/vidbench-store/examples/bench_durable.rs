//! Prints how many outcomes a second the store takes, each durable before the next, for `cargo xtask bench durable`.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use vidbench_core::suite::{Limits, Scenario};
use vidbench_core::{
    Environment, MetricId, MetricScore, Outcome, PromptSuiteRef, RECORD_SCHEMA_VERSION, ResolvedSuite, RunId,
    RunRecord, RunStatus, SampleId, Score, Verdict,
};
use vidbench_store::Store;

const OUTCOMES: u64 = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: bench_durable FOLDER")?;
    let store = Store::open(Path::new(&folder))?;
    let run = record()?;
    store.create_run(&run)?;
    let start = Instant::now();
    for ordinal in 0..OUTCOMES {
        store.record_verdict(&run.id, ordinal, &verdict(ordinal)?)?;
    }
    let per_sec = OUTCOMES as f64 / start.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{{\"outcomes_per_sec\": {per_sec:.1}}}")?;
    Ok(())
}

/// A failed sample needs no artifact; with its score it is one transaction of the usual kind.
fn verdict(ordinal: u64) -> Result<Verdict, Box<dyn std::error::Error>> {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&ordinal.to_le_bytes());
    Ok(Verdict {
        sample: SampleId(id),
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
        planned: OUTCOMES,
        environment,
    })
}
