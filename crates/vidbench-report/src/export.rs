//! Whole runs for other programs: JSON and JSON lines.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use vidbench_analysis::{RunAnalysis, SampleView, join};
use vidbench_core::{FailedAttempt, Generation, Params, RunData, SampleTelemetry, Verdict};

/// Version of the shape of every export. It is bumped when a field changes its meaning.
pub const EXPORT_SCHEMA_VERSION: u32 = 1;

/// The run with everything the store has about it, and its analysis.
///
/// # Errors
/// A record that cannot be written as JSON. The records' types rule this out, except for a number that is not finite in
/// a file made by another program.
pub fn export_json(data: &RunData, analysis: &RunAnalysis) -> Result<Value, serde_json::Error> {
    Ok(json!({
        "schema_version": EXPORT_SCHEMA_VERSION,
        "run": serde_json::to_value(&data.run)?,
        "sessions": serde_json::to_value(&data.sessions)?,
        "samples": samples(data)?,
        "set_scores": serde_json::to_value(&data.set_scores)?,
        "analysis": serde_json::to_value(analysis)?,
    }))
}

/// Every record joined with its entry in the plan; a record that is not in the plan stays as it is.
fn samples(data: &RunData) -> Result<Vec<Value>, serde_json::Error> {
    let joined = join(data);
    let planned: BTreeMap<u64, &SampleView<'_>> =
        joined.samples.iter().map(|sample| (sample.record.ordinal, sample)).collect();
    data.samples
        .iter()
        .map(|record| match planned.get(&record.ordinal) {
            Some(sample) => serde_json::to_value(sample_line(data, sample)),
            None => serde_json::to_value(record),
        })
        .collect()
}

/// Everything known about a sample: one line of [`export_jsonl`], one of the samples of [`export_json`].
#[derive(Debug, Serialize)]
struct SampleLine<'d> {
    schema_version: u32,
    run: &'d str,
    ordinal: u64,
    sample: String,
    model: &'d str,
    engine: &'static str,
    params_index: u32,
    params: &'d Params,
    prompt_id: &'d str,
    prompt: &'d str,
    negative: Option<&'d str>,
    category: &'d str,
    seed: u64,
    repeat: u32,
    outcome: &'static str,
    reason: Option<&'d str>,
    latency_secs: Option<f64>,
    service_secs: Option<f64>,
    response_secs: Option<f64>,
    #[serde(skip_serializing_if = "is_empty")]
    attempts: &'d [FailedAttempt],
    generation: Option<&'d Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<&'d SampleTelemetry>,
    verdict: &'d Verdict,
}

/// One line per finished sample, joined with its prompt, parameters and model, in the order of the plan.
///
/// # Errors
/// See [`export_json`].
pub fn export_jsonl(data: &RunData) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    for sample in &join(data).samples {
        out += &serde_json::to_string(&sample_line(data, sample))?;
        out.push('\n');
    }
    Ok(out)
}

fn sample_line<'d>(data: &'d RunData, sample: &SampleView<'d>) -> SampleLine<'d> {
    let verdict = &sample.record.verdict;
    let timing = sample.timing();
    SampleLine {
        schema_version: EXPORT_SCHEMA_VERSION,
        run: data.run.id.as_str(),
        ordinal: sample.record.ordinal,
        sample: sample.planned.id.to_string(),
        model: sample.model.id.as_str(),
        engine: sample.model.engine.name(),
        params_index: sample.planned.params,
        params: sample.params,
        prompt_id: &sample.prompt.id,
        prompt: &sample.prompt.text,
        negative: sample.prompt.negative.as_deref(),
        category: &sample.prompt.category,
        seed: sample.planned.seed,
        repeat: sample.planned.repeat,
        outcome: verdict.outcome.name(),
        reason: verdict.reason.as_deref(),
        latency_secs: timing.map(|timing| timing.latency_secs()),
        service_secs: timing.map(|timing| timing.service_secs()),
        response_secs: timing.map(|timing| timing.response_secs()),
        attempts: &sample.record.attempts,
        generation: sample.record.generation.as_ref(),
        telemetry: sample.record.telemetry.as_ref(),
        verdict,
    }
}

fn is_empty(attempts: &&[FailedAttempt]) -> bool {
    attempts.is_empty()
}
