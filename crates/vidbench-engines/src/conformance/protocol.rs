//! R1 to R11 and R20: what any worker does, without loading anything. Each rule has a process of its own.

use serde_json::{Value, json};
use vidbench_core::protocol::{Capabilities, InitializeResult, PROTOCOL_VERSION, code, method};

use super::raw::RawClient;
use super::{Bench, RuleVerdict, generate, not_applicable, verdict};
use crate::{EngineError, judge};

/// Pings that R7 compares.
const PINGS: usize = 20;
/// A version that no release speaks.
const FOREIGN_VERSION: u32 = 4_000_000_000;

/// R1, and what the worker says it can do.
pub(super) fn initialize(bench: &Bench<'_>) -> Result<(RuleVerdict, Capabilities), EngineError> {
    let mut client = bench.start()?;
    let info = client.initialize().and_then(|info| {
        let info: InitializeResult =
            judge::typed(info).map_err(|fault| format!("the result does not fit: {fault}"))?;
        if info.protocol_version != PROTOCOL_VERSION {
            return Err(format!("it answers with version {}", info.protocol_version));
        }
        if info.name.is_empty() || info.version.is_empty() {
            return Err("name or version is empty".into());
        }
        Ok(info)
    });
    Ok(match info {
        Ok(info) => (RuleVerdict::Pass, info.capabilities),
        Err(why) => (RuleVerdict::Fail { why }, Capabilities::default()),
    })
}

/// R2 to R11.
pub(super) fn verdicts(bench: &Bench<'_>, can: &Capabilities) -> Result<Vec<RuleVerdict>, EngineError> {
    let rule = |rule: fn(&mut RawClient) -> Result<(), String>| {
        bench.start().map(|mut client| verdict(rule(&mut client)))
    };
    Ok(vec![
        rule(wrong_version)?,
        rule(before_initialize)?,
        rule(unknown_method)?,
        rule(not_json)?,
        unknown_field(bench, can)?,
        rule(monotonic_clock)?,
        unknown_model(bench, can)?,
        generate_before_load(bench, can)?,
        rule(shutdown)?,
        rule(end_of_input)?,
    ])
}

fn wrong_version(client: &mut RawClient) -> Result<(), String> {
    let params = json!({"protocol_version": FOREIGN_VERSION, "client": "vidbench worker check"});
    client.request(method::INITIALIZE, &params)?.refusal().map(drop)
}

fn before_initialize(client: &mut RawClient) -> Result<(), String> {
    client.request(method::PING, &json!({}))?.refused_as_invalid()
}

fn unknown_method(client: &mut RawClient) -> Result<(), String> {
    client.initialize()?;
    client.request("vidbench_unknown_method", &json!({}))?.refused_with_code(code::METHOD_NOT_FOUND)?;
    client.goes_on()
}

fn not_json(client: &mut RawClient) -> Result<(), String> {
    client.initialize()?;
    client.send_rubbish("this is not JSON {")?.refused_with_code(code::PARSE_ERROR)?;
    client.goes_on()
}

fn unknown_field(bench: &Bench<'_>, can: &Capabilities) -> Result<RuleVerdict, EngineError> {
    let (method, mut params) = match bench.model(can) {
        Ok(model) => (method::LOAD, json!({"model": model, "threads": 1})),
        Err(_) if can.metrics.is_empty() => (method::PING, json!({})),
        Err(_) => (method::SCORE, json!({"path": bench.options.scratch, "metrics": can.metrics})),
    };
    params["vidbench_unknown_field"] = Value::from(1);
    let mut client = bench.start()?;
    let checked = client.initialize().and_then(|_| {
        client.request(method, &params)?.refused_with_code(code::INVALID_PARAMS)?;
        client.goes_on()
    });
    Ok(verdict(checked))
}

fn monotonic_clock(client: &mut RawClient) -> Result<(), String> {
    let info = client.initialize()?;
    let mut last = info.get("clock_ns").and_then(Value::as_u64).unwrap_or_default();
    for _ in 0..PINGS {
        let clock_ns = client.ping()?;
        if clock_ns < last {
            return Err(format!("{clock_ns} ns came after {last} ns"));
        }
        last = clock_ns;
    }
    Ok(())
}

fn unknown_model(bench: &Bench<'_>, can: &Capabilities) -> Result<RuleVerdict, EngineError> {
    if can.any_model {
        return Ok(not_applicable("the worker accepts any model"));
    }
    let mut client = bench.start()?;
    let checked = client.initialize().and_then(|_| {
        let params = json!({"model": "vidbench/unknown-model", "threads": 1});
        client.request(method::LOAD, &params)?.refusal()?;
        client.goes_on()
    });
    Ok(verdict(checked))
}

fn generate_before_load(bench: &Bench<'_>, can: &Capabilities) -> Result<RuleVerdict, EngineError> {
    let model = match bench.model(can) {
        Ok(model) => model,
        Err(verdict) => return Ok(verdict),
    };
    let mut client = bench.start()?;
    let checked = client.initialize().and_then(|_| {
        let output = bench.options.scratch.join("never-written.mp4");
        let params = generate::params(bench.options, &model, 1, &output);
        client.request(method::GENERATE, &params)?.refused_as_invalid()
    });
    Ok(verdict(checked))
}

fn shutdown(client: &mut RawClient) -> Result<(), String> {
    client.initialize()?;
    client.request(method::SHUTDOWN, &json!({}))?.success()?;
    let status = client.exit_status()?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

fn end_of_input(client: &mut RawClient) -> Result<(), String> {
    client.initialize()?;
    client.close_stdin();
    client.exit_status().map(drop)
}

/// R20.
pub(super) fn score_missing(bench: &Bench<'_>, can: &Capabilities) -> Result<RuleVerdict, EngineError> {
    if can.metrics.is_empty() {
        return Ok(not_applicable("the worker lists no metrics"));
    }
    let mut client = bench.start()?;
    let checked = client.initialize().and_then(|_| {
        let path = bench.options.scratch.join("vidbench-no-such-file.mp4");
        let reply = client.request(method::SCORE, &json!({"path": path, "metrics": can.metrics}))?;
        if reply.result.as_ref().is_ok_and(|result| result.pointer("/decoded/failed").is_none()) {
            return reply.refusal().map(drop);
        }
        client.goes_on()
    });
    Ok(verdict(checked))
}
