//! R12 to R19 and R24: what a worker does with a model. One process, so that the model is loaded once; the rules read its transcript.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vidbench_core::ModelId;
use vidbench_core::protocol::{Capabilities, GenerateParams, GenerateResult, LoadParams, LoadResult, method};

use super::raw::{RawClient, Reply};
use super::{Bench, CheckOptions, RuleVerdict, not_applicable, verdict};
use crate::judge::{self, Progress};
use crate::{EngineError, Notification};

const RULES_HERE: usize = 8;

/// Parameters of `generate`, as the wire carries them.
pub(super) fn params(options: &CheckOptions, model: &ModelId, seed: u64, output: &Path) -> Value {
    json!({
        "sample": format!("{seed:032x}"), "model": model, "prompt": options.prompt, "seed": seed,
        "params": options.params, "output": output,
    })
}

/// One `generate` with everything around it that can be seen.
struct Clip {
    params: Value,
    folder: PathBuf,
    reply: Result<Reply, String>,
    /// The worker's clock just before and just after the generation.
    window: Result<(u64, u64), String>,
}

/// What became of the rules about a model.
pub(super) struct Verdicts {
    /// R12 to R19.
    pub(super) rules: Vec<RuleVerdict>,
    /// R24.
    pub(super) video: RuleVerdict,
}

impl Verdicts {
    /// The verdicts `first`, then `others` for every remaining rule.
    fn filled(first: Vec<RuleVerdict>, others: RuleVerdict) -> Self {
        let mut rules = first;
        rules.resize(RULES_HERE, others.clone());
        Self { rules, video: others }
    }
}

/// R12 to R19 and R24.
pub(super) fn verdicts(bench: &Bench<'_>, can: &Capabilities) -> Result<Verdicts, EngineError> {
    let model = match bench.model(can) {
        Ok(model) => model,
        Err(verdict) => return Ok(Verdicts::filled(vec![], verdict)),
    };
    let mut client = bench.start()?;
    let load = json!({"model": model, "threads": 1});
    let loaded = client.initialize().and_then(|_| client.request(method::LOAD, &load));
    if let Err(why) = loaded.and_then(|reply| check_load(&load, &reply)) {
        let others = not_applicable("the worker breaks R12, on which this rule depends");
        return Ok(Verdicts::filled(vec![RuleVerdict::Fail { why }], others));
    }
    let first = make_clip(bench, &mut client, &model, 1, "first")?;
    if let Err(why) = first.answer() {
        let others = not_applicable("the worker breaks R13, on which this rule depends");
        return Ok(Verdicts::filled(vec![RuleVerdict::Pass, RuleVerdict::Fail { why }], others));
    }
    let again = make_clip(bench, &mut client, &model, 1, "again")?;
    let other = make_clip(bench, &mut client, &model, 2, "other")?;
    let rules = vec![
        RuleVerdict::Pass,
        verdict(check_file(&first)),
        check_steps(&first),
        verdict(check_stages(&first)),
        verdict(compare(&first, &again, true)),
        verdict(compare(&first, &other, false)),
        verdict(zero_frames(bench, &mut client, &model)),
        verdict(after_unload(bench, &mut client, &model)),
    ];
    let video = match bench.options.inspect {
        Some(inspect) => verdict(inspect(&first.folder.join("clip.mp4"), &bench.options.params)),
        None => not_applicable("no video decoder is available"),
    };
    Ok(Verdicts { rules, video })
}

fn check_load(params: &Value, reply: &Reply) -> Result<(), String> {
    let result: LoadResult = judge::typed(reply.success()?.clone())?;
    let params: LoadParams = judge::typed(params.clone())?;
    judge::load_result(&params, &result)
}

fn make_clip(
    bench: &Bench<'_>,
    client: &mut RawClient,
    model: &ModelId,
    seed: u64,
    name: &str,
) -> Result<Clip, EngineError> {
    let folder = bench.options.scratch.join(name);
    fs::create_dir(&folder).map_err(|source| EngineError::Scratch { path: folder.clone(), source })?;
    let params = params(bench.options, model, seed, &folder.join("clip.mp4"));
    let before = client.ping();
    let reply = client.request(method::GENERATE, &params);
    let after = client.ping();
    let window = before.and_then(|before| Ok((before, after?)));
    Ok(Clip { params, folder, reply, window })
}

impl Clip {
    /// The success the worker answered with.
    fn answer(&self) -> Result<&Value, String> {
        self.reply.as_ref().map_err(Clone::clone)?.success()
    }

    fn result(&self) -> Result<(GenerateParams, GenerateResult), String> {
        Ok((judge::typed(self.params.clone())?, judge::typed(self.answer()?.clone())?))
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        self.result()?;
        fs::read(self.folder.join("clip.mp4")).map_err(|error| format!("the file cannot be read: {error}"))
    }
}

/// R13.
fn check_file(clip: &Clip) -> Result<(), String> {
    let (params, result) = clip.result()?;
    if result.output != params.output {
        return Err(format!("it reports writing {:?} instead of {:?}", result.output, params.output));
    }
    let entries = fs::read_dir(&clip.folder).map_err(|error| error.to_string())?;
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    if names != ["clip.mp4"] {
        return Err(format!("the folder contains {names:?} instead of only clip.mp4"));
    }
    if clip.bytes()?.is_empty() { Err("the file is empty".into()) } else { Ok(()) }
}

/// R14.
fn check_steps(clip: &Clip) -> RuleVerdict {
    let reply = match &clip.reply {
        Ok(reply) => reply,
        Err(why) => return RuleVerdict::Fail { why: why.clone() },
    };
    let steps: Vec<&Value> = notified(reply, method::STEP).collect();
    if steps.is_empty() && reply.result.is_ok() {
        return not_applicable("the worker does not report steps");
    }
    let mut progress = Progress::default();
    let judged = steps.into_iter().try_for_each(|step| {
        let step = judge::typed(step.clone()).map(Notification::Step)?;
        progress.take(method::GENERATE, &step)
    });
    verdict(judged.and_then(|()| progress.finish()).and_then(|()| clip.result().map(drop)))
}

/// R15.
fn check_stages(clip: &Clip) -> Result<(), String> {
    let reply = clip.reply.as_ref().map_err(Clone::clone)?;
    let mut progress = Progress::default();
    for stage in notified(reply, method::STAGE) {
        let stage = judge::typed(stage.clone()).map(Notification::Stage)?;
        progress.take(method::GENERATE, &stage)?;
    }
    let (mut params, result) = clip.result()?;
    // R13 judges which file was written.
    params.output.clone_from(&result.output);
    judge::generate_result(&params, &result)?;
    let (before, after) = clip.window.clone()?;
    let last = result.stages.last().map_or(result.end_ns, |span| span.end_ns.max(result.end_ns));
    if result.start_ns < before || last > after {
        let (start, window) = (result.start_ns, format!("{before} to {after} ns"));
        return Err(format!(
            "it reports working from {start} to {last} ns, but the request lasted from {window}"
        ));
    }
    Ok(())
}

fn notified<'a>(reply: &'a Reply, name: &'a str) -> impl Iterator<Item = &'a Value> {
    reply.notifications.iter().filter(move |(method, _)| method == name).map(|(_, params)| params)
}

/// R16 and R17.
fn compare(first: &Clip, second: &Clip, equal: bool) -> Result<(), String> {
    let (first, second) = (first.bytes()?, second.bytes()?);
    match (first == second, equal) {
        (false, true) => Err(format!("two files of {} and {} bytes differ", first.len(), second.len())),
        (true, false) => Err(format!("seeds 1 and 2 produced the same {} bytes", first.len())),
        (true, true) | (false, false) => Ok(()),
    }
}

/// R18.
fn zero_frames(bench: &Bench<'_>, client: &mut RawClient, model: &ModelId) -> Result<(), String> {
    let mut params = params(bench.options, model, 3, &bench.options.scratch.join("zero.mp4"));
    params["params"]["frames"] = Value::from(0);
    client.request(method::GENERATE, &params)?.refused_as_invalid()?;
    client.goes_on()
}

/// R19.
fn after_unload(bench: &Bench<'_>, client: &mut RawClient, model: &ModelId) -> Result<(), String> {
    client
        .request(method::UNLOAD, &json!({"model": model}))?
        .success()
        .map_err(|why| format!("unload: {why}"))?;
    let params = params(bench.options, model, 4, &bench.options.scratch.join("unloaded.mp4"));
    client.request(method::GENERATE, &params)?.refused_as_invalid()
}
