//! Turns a suite file into a resolved suite: looks up every name it uses, and lists every unknown one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use vidbench_core::prompt::policy::{Judgement, PolicyLimits, judge};
use vidbench_core::prompt::{self, Category, Prompt, PromptSuite};
use vidbench_core::suite::{Engine, Grid, ModelEntry, PromptSelection, parse_size};
use vidbench_core::{
    Confinement, Domain, InputFile, MetricId, ModelId, Needs, Params, Problem, PromptSuiteRef, ResolvedModel,
    ResolvedPrompt, ResolvedSuite, Suite, WeightsOrigin, nearest,
};
use vidbench_shapes::GRAMMAR;

use crate::{Catalogue, Defaults, tiny_pipelines};

/// A model that ships, as far as a suite needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShippedModel {
    /// The model.
    pub id: ModelId,
    /// One line for people.
    pub title: &'static str,
    /// The revision that ships.
    pub revision: String,
    /// Its weights.
    pub weights: WeightsOrigin,
    /// Which models its numbers may be compared with.
    pub domain: Domain,
    /// Its parameters where a suite does not set them.
    pub defaults: Params,
    /// Licence of the weights.
    pub license: String,
}

/// The names that a suite may refer to.
#[derive(Debug)]
pub struct Known<'a> {
    /// Models that ship.
    pub models: &'a [ShippedModel],
    /// The reason why the models that ship cannot work with some parameters, if they cannot.
    pub cannot: fn(&Params) -> Option<String>,
    /// Whether the models that ship understand a prompt.
    pub understands: fn(&str) -> bool,
}

/// Looks up every name of `suite`. `source` is the text it was read from; `folder` is where prompt files are looked for.
pub fn resolve(
    suite: &Suite,
    source: &str,
    folder: &Path,
    known: &Known<'_>,
) -> Result<ResolvedSuite, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut metrics = gather(
        &mut problems,
        suite.metrics.iter().enumerate().map(|(at, name)| metric(name, &format!("metrics[{at}]"), source)),
    );
    // The same metric may be named twice, by its name and by the id of its newest version.
    let mut seen = BTreeSet::new();
    metrics.retain(|metric| seen.insert(metric.clone()));
    let models = gather(
        &mut problems,
        suite.models.iter().enumerate().map(|(at, entry)| {
            let written = Written { source, at };
            model(entry, &suite.grid, written, folder, known)
        }),
    );
    let models = if problems.is_empty() {
        instead_of(models, suite, source).unwrap_or_else(|found| {
            problems.extend(found);
            Vec::new()
        })
    } else {
        models
    };
    let prompts = prompts(&suite.prompts, source, folder).unwrap_or_else(|found| {
        problems.extend(found);
        Default::default()
    });
    let Some((prompt_suite, prompts)) = prompts else {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(problems);
    };
    let resolved = ResolvedSuite {
        name: suite.name.clone(),
        source: source.into(),
        models,
        prompt_suite,
        prompts,
        seeds: suite.seeds.clone(),
        repeats: suite.repeats,
        scenario: suite.scenario.clone(),
        metrics,
        limits: suite.limits.clone(),
        retry: suite.retry,
        breaker: suite.breaker,
        telemetry: suite.telemetry,
        pool: suite.pool,
        health: suite.health,
        alerts: suite.alerts,
        confinement: placed(&suite.confinement, folder),
        scorer: suite.scorer,
        reuse_samples: suite.reuse_samples,
    };
    for model in resolved.models.iter().filter(|model| model.engine == Engine::Embedded) {
        problems.extend(refused_by(model, &resolved, &suite.prompts, source, known));
    }
    if let (true, Some(too_many)) = (problems.is_empty(), too_many(&resolved, source)) {
        problems.push(too_many);
    }
    if problems.is_empty() { Ok(resolved) } else { Err(problems) }
}

/// The metric with that name, if a run can compute it.
fn metric(name: &str, path: &str, source: &str) -> Result<MetricId, Vec<Problem>> {
    let refused = |message: String, hint: String| {
        Err(vec![Problem::at_key(source, path, message).with_hint(Some(hint))])
    };
    let descriptor = match vidbench_metrics::find(name) {
        Ok(descriptor) => descriptor,
        Err(error) => return refused(error.to_string(), error.hints().join("; ")),
    };
    let (why, instead) = match descriptor.needs {
        Needs::Clip | Needs::ClipAndPrompt | Needs::Set => return Ok(descriptor.metric_id()),
        Needs::Features => {
            ("is computed from feature files, which a run does not have", "features FILE --reference FILE")
        }
        Needs::Pair => {
            ("compares clips with references, and a suite has none", "score VIDEOS --reference VIDEOS")
        }
        Needs::ReferenceSet => (
            "compares clips with a reference set, and a suite has none",
            "score VIDEOS --reference-set VIDEOS",
        ),
        Needs::ClipAndImage => (
            "compares clips with the images they were generated from, and a suite has none",
            "score VIDEOS --images DIR",
        ),
        Needs::ClipSet => ("is computed from a set of clips, which a run does not do", "score VIDEOS"),
    };
    refused(format!("{} {why}", descriptor.id), format!("compute it afterwards: `vidbench {instead}`"))
}

/// An entry of `[[models]]` with its place, so that messages can point at it.
#[derive(Clone, Copy)]
struct Written<'a> {
    source: &'a str,
    at: usize,
}

impl Written<'_> {
    fn problem(self, key: &str, message: String) -> Problem {
        Problem::at_key(self.source, &format!("models[{}].{key}", self.at), message)
    }
}

/// Reports requests that a model that ships is known to refuse, before a run is spent on them. If it understands only
/// some of the prompts the suite is run, and the others get their outcome.
fn refused_by(
    model: &ResolvedModel,
    resolved: &ResolvedSuite,
    selection: &PromptSelection,
    source: &str,
    known: &Known<'_>,
) -> Vec<Problem> {
    let refused = model.params.iter().filter_map(|params| (known.cannot)(params));
    let mut problems: Vec<Problem> =
        BTreeSet::from_iter(refused).into_iter().map(|why| Problem::at_key(source, "grid", why)).collect();
    if !resolved.prompts.iter().any(|prompt| (known.understands)(&prompt.text)) {
        let key = if selection.file.is_some() { "prompts.file" } else { "prompts.suite" };
        let message = format!("{} accepts no prompts of {}", model.id, resolved.prompt_suite.name);
        let hint = format!("its grammar, whose sentences are suite = \"shapes\":\n{GRAMMAR}");
        problems.push(Problem::at_key(source, key, message).with_hint(Some(hint)));
    }
    problems
}

/// Checked here, so that planning never starts with an unintended number of samples.
fn too_many(resolved: &ResolvedSuite, source: &str) -> Option<Problem> {
    let (planned, allowed) = (resolved.sample_count(), resolved.limits.max_samples);
    (planned > u128::from(allowed)).then(|| {
        let message = format!("the suite plans {planned} samples; limits.max_samples allows {allowed}");
        let hint = "reduce prompts.limit, seeds or grid, or raise limits.max_samples (at most 10000000)";
        Problem::at_key(source, "limits.max_samples", message).with_hint(Some(hint.into()))
    })
}

fn gather<T>(problems: &mut Vec<Problem>, results: impl Iterator<Item = Result<T, Vec<Problem>>>) -> Vec<T> {
    let mut good = Vec::new();
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(found) => problems.extend(found),
        }
    }
    good
}

fn unknown<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    problem: impl FnOnce(String) -> Problem,
) -> Problem {
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    };
    problem(format!("{name:?}")).with_hint(Some(hint))
}

fn model(
    entry: &ModelEntry,
    grid: &Grid,
    written: Written<'_>,
    folder: &Path,
    known: &Known<'_>,
) -> Result<ResolvedModel, Vec<Problem>> {
    let pinned = entry.weights_sha256.clone().map(|hash| WeightsOrigin::Sha256(hash.to_lowercase()));
    let (defaults, revision, weights, domain) = match entry.engine {
        Engine::Worker | Engine::Command | Engine::Import => {
            (None, entry.revision.clone(), pinned.unwrap_or(WeightsOrigin::Unknown), None)
        }
        Engine::Diffusers => {
            if let Some(class) = entry.which().as_str().strip_prefix("tiny/")
                && !tiny_pipelines().contains_key(class)
            {
                let known = tiny_pipelines().keys().map(String::as_str);
                let problem = |name| written.problem("id", format!("unknown tiny pipeline {name}"));
                return Err(vec![unknown(class, known, problem)]);
            }
            let random =
                entry.settings.get("weights").is_some_and(|weights| weights == "random") || is_tiny(entry);
            let unpinned = if random { WeightsOrigin::Random } else { WeightsOrigin::Unknown };
            let defaults = own_defaults(entry);
            let params = combinations(entry, grid, defaults.as_ref(), written.source)?;
            let broken = broken_rules(entry, &params, written.source);
            if !broken.is_empty() {
                return Err(broken);
            }
            (defaults, entry.revision.clone(), pinned.unwrap_or(unpinned), Some(Domain::Open))
        }
        Engine::Embedded => {
            let shipped = known.models.iter().find(|model| model.id == *entry.which()).ok_or_else(|| {
                let names = known.models.iter().map(|model| model.id.as_str());
                let problem = |name| written.problem("id", format!("unknown embedded model {name}"));
                vec![unknown(entry.id.as_str(), names, problem)]
            })?;
            disagreements(entry, shipped, pinned.as_ref(), written)?;
            let revision = Some(shipped.revision.clone());
            (Some(shipped.defaults.clone()), revision, shipped.weights.clone(), Some(shipped.domain))
        }
    };
    Ok(ResolvedModel {
        id: entry.id.clone(),
        engine: entry.engine,
        model: entry.model.clone().filter(|model| *model != entry.id),
        instead_of: None,
        command: entry.command.clone(),
        pass_env: entry.pass_env.clone(),
        place: entry.place.clone(),
        settings: entry.settings.clone(),
        program: entry.program.clone(),
        videos: entry.videos.as_ref().map(|videos| absolute(folder, videos)),
        confinement: entry.confinement.as_ref().map(|confinement| placed(confinement, folder)),
        revision,
        weights,
        domain,
        params: combinations(entry, grid, defaults.as_ref(), written.source)?,
    })
}

/// Links models to those they stand in for, and refuses two entries that are the same model, because their samples
/// could not be told apart.
fn instead_of(
    mut models: Vec<ResolvedModel>,
    suite: &Suite,
    source: &str,
) -> Result<Vec<ResolvedModel>, Vec<Problem>> {
    let mut problems = Vec::new();
    for at in 1..models.len() {
        if let Some(same) = models[..at].iter().find(|before| before.makes_the_same(&models[at])) {
            let message =
                format!("models {} and {} are the same model with the same settings", same.id, models[at].id);
            problems.push(Problem::at_key(source, &format!("models[{at}]"), message));
        }
    }
    for (at, entry) in suite.models.iter().enumerate() {
        let Some(first) = &entry.instead_of else { continue };
        let Some(first) = models[..at].iter().position(|model| model.id == *first) else { continue };
        if models[first].params != models[at].params {
            let message = format!(
                "model {} and its fallback {} must have the same parameters",
                models[first].id, entry.id
            );
            let hint = "a fallback generates the same videos: remove the parameters in which they differ";
            let key = format!("models[{at}].instead_of");
            problems.push(Problem::at_key(source, &key, message).with_hint(Some(hint.into())));
        }
        models[at].instead_of = Some(first as u32);
    }
    if problems.is_empty() { Ok(models) } else { Err(problems) }
}

/// Whether a model is tiny. Networks of a few thousand numbers do not follow the rules of the model they are named
/// after.
fn is_tiny(entry: &ModelEntry) -> bool {
    entry.which().as_str().starts_with("tiny/")
        || entry.settings.get("scale").is_some_and(|scale| scale == "tiny")
}

/// The catalogue's values for a model's own parameters, if it has all of them. Without guidance it is 1.
fn own_defaults(entry: &ModelEntry) -> Option<Params> {
    let Defaults { width, height, frames, fps, steps, guidance } =
        Catalogue::shipped().find(entry.which().as_str())?.defaults;
    let (width, height, frames, fps) = (width?, height?, frames?, fps?);
    (!is_tiny(entry)).then_some(Params {
        steps: steps?,
        guidance: guidance.unwrap_or(1.0),
        frames,
        width,
        height,
        fps,
    })
}

fn broken_rules(entry: &ModelEntry, params: &[Params], source: &str) -> Vec<Problem> {
    let Some(model) = Catalogue::shipped().find(entry.which().as_str()).filter(|_| !is_tiny(entry)) else {
        return Vec::new();
    };
    let broken =
        |params: &Params| model.constraints.problem(Some(params.frames), Some((params.width, params.height)));
    let messages: BTreeSet<String> = params.iter().filter_map(broken).collect();
    messages
        .into_iter()
        .map(|message| Problem::at_key(source, "grid", format!("model {}: {message}", entry.id)))
        .collect()
}

/// The same confinement with absolute paths.
fn placed(confinement: &Confinement, folder: &Path) -> Confinement {
    let all = |paths: &[String]| paths.iter().map(|path| absolute(folder, path)).collect();
    let (readable, writable) = (all(&confinement.readable), all(&confinement.writable));
    Confinement { readable, writable, ..confinement.clone() }
}

/// A path of the suite file as an absolute path.
fn absolute(folder: &Path, path: &str) -> String {
    let path = folder.join(path);
    std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned()
}

fn disagreements(
    entry: &ModelEntry,
    shipped: &ShippedModel,
    pinned: Option<&WeightsOrigin>,
    written: Written<'_>,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    if entry.revision.as_ref().is_some_and(|revision| *revision != shipped.revision) {
        let message = format!("this vidbench contains revision {} of {}", shipped.revision, entry.id);
        problems.push(written.problem("revision", message));
    }
    if pinned.is_some_and(|pinned| *pinned != shipped.weights) {
        let message = format!("the built-in weights of {} have another hash", entry.id);
        problems.push(written.problem("weights_sha256", message));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Most combinations of a grid. Each becomes a row of every table; a suite of a million samples needs far fewer.
const MAX_COMBINATIONS: u128 = 100_000;

/// Every combination of the grid. Values that the grid leaves out come from the model; it is an error if the model has
/// no default.
fn combinations(
    entry: &ModelEntry,
    grid: &Grid,
    defaults: Option<&Params>,
    source: &str,
) -> Result<Vec<Params>, Vec<Problem>> {
    let mut missing = Vec::new();
    let steps = axis(&grid.steps, defaults.map(|params| params.steps), "steps", &mut missing);
    let guidance = axis(&grid.guidance, defaults.map(|params| params.guidance), "guidance", &mut missing);
    let frames = axis(&grid.frames, defaults.map(|params| params.frames), "frames", &mut missing);
    let fps = axis(&grid.fps, defaults.map(|params| params.fps), "fps", &mut missing);
    let written =
        grid.size.as_ref().map(|sizes| sizes.iter().filter_map(|size| parse_size(size).ok()).collect());
    let sizes: Vec<(u32, u32)> =
        axis(&written, defaults.map(|params| (params.width, params.height)), "size", &mut missing);
    if !missing.is_empty() {
        let message = format!("model {} has no default for {}", entry.id, missing.join(", "));
        let near = match entry.engine {
            Engine::Diffusers => {
                let similar = Catalogue::shipped().similar(entry.which().as_str());
                similar.into_iter().next().filter(|near| *near != entry.which().as_str())
            }
            Engine::Embedded | Engine::Worker | Engine::Command | Engine::Import => None,
        };
        let near = near.map_or(String::new(), |near| format!("; or did you mean {near}?"));
        let keys: Vec<String> = missing.iter().map(|key| format!("{key} = [..]")).collect();
        let hint = format!("add to [grid]: {}{near}", keys.join(", "));
        return Err(vec![Problem::at_key(source, "grid", message).with_hint(Some(hint))]);
    }
    let count = [steps.len(), guidance.len(), frames.len(), fps.len(), sizes.len()]
        .iter()
        .fold(1_u128, |count, len| count.saturating_mul(*len as u128));
    if count > MAX_COMBINATIONS {
        let message = format!("the grid has {count} combinations; at most {MAX_COMBINATIONS} are allowed");
        let hint = "write fewer values in [grid]".to_owned();
        return Err(vec![Problem::at_key(source, "grid", message).with_hint(Some(hint))]);
    }
    let mut all = Vec::new();
    for &(width, height) in &sizes {
        for &frames in &frames {
            for &fps in &fps {
                for &guidance in &guidance {
                    for &steps in &steps {
                        all.push(Params { steps, guidance, frames, width, height, fps });
                    }
                }
            }
        }
    }
    Ok(all)
}

fn axis<T: Clone>(
    written: &Option<Vec<T>>,
    default: Option<T>,
    key: &'static str,
    missing: &mut Vec<&'static str>,
) -> Vec<T> {
    match (written, default) {
        (Some(values), _) => values.clone(),
        (None, Some(value)) => vec![value],
        (None, None) => {
            missing.push(key);
            Vec::new()
        }
    }
}

type Prompts = Option<(PromptSuiteRef, Vec<ResolvedPrompt>)>;

fn prompts(selection: &PromptSelection, source: &str, folder: &Path) -> Result<Prompts, Vec<Problem>> {
    let suite = find_prompt_suite(selection, source, folder)?;
    let reference = PromptSuiteRef {
        name: suite.name().into(),
        version: suite.header().version.clone(),
        sha256: suite.hash(),
    };
    let mut chosen = of_categories(selection, source, &suite)?;
    if let Some(seed) = selection.order_seed {
        shuffle(&mut chosen, seed);
    }
    chosen.truncate(selection.limit.map_or(usize::MAX, |limit| limit as usize));
    let beside = selection.file.as_ref().and_then(|file| Some(folder.join(file).parent()?.to_owned()));
    let inputs_at = beside.as_deref().unwrap_or(folder);
    let mut problems = Vec::new();
    let resolved = gather(
        &mut problems,
        chosen.into_iter().map(|prompt| resolve_prompt(prompt, selection, inputs_at, source)),
    );
    if problems.is_empty() { Ok(Some((reference, resolved))) } else { Err(problems) }
}

fn find_prompt_suite(
    selection: &PromptSelection,
    source: &str,
    folder: &Path,
) -> Result<PromptSuite, Vec<Problem>> {
    if let Some(file) = &selection.file {
        let path = folder.join(file);
        return read_prompt_suite(&path).map_err(|messages| {
            messages.into_iter().map(|message| Problem::at_key(source, "prompts.file", message)).collect()
        });
    }
    let name = selection.suite.as_deref().unwrap_or_default();
    shipped_prompt_suite(name).ok_or_else(|| {
        let names = prompt_suite_names();
        let problem = |name| Problem::at_key(source, "prompts.suite", format!("unknown prompt suite {name}"));
        vec![unknown(name, names.iter().map(String::as_str), problem)]
    })
}

/// Reads a prompt suite file; on failure returns all its problems as text.
pub fn read_prompt_suite(path: &Path) -> Result<PromptSuite, Vec<String>> {
    let name = path.display().to_string();
    let text = crate::prepare::read_text(path)
        .map_err(|error| vec![format!("cannot read prompt suite {name}: {error}")])?;
    PromptSuite::parse(&text, &name)
        .map_err(|errors| errors.problems.iter().map(|problem| format!("{name}: {problem}")).collect())
}

/// The prompt suite with that name, if one ships: a file of `suites/prompts`, or `shapes`, which comes from the
/// grammar.
pub fn shipped_prompt_suite(name: &str) -> Option<PromptSuite> {
    if name == SHAPES { Some(shapes()) } else { prompt::shipped_suite(name).ok().cloned() }
}

/// Names of all prompt suites that ship.
pub fn prompt_suite_names() -> Vec<String> {
    let mut names: Vec<String> = prompt::shipped().iter().map(|suite| suite.name().to_owned()).collect();
    names.push(SHAPES.into());
    names.sort();
    names
}

const SHAPES: &str = "shapes";

/// Every sentence of the shapes grammar.
fn shapes() -> PromptSuite {
    let header = prompt::SuiteHeader {
        name: SHAPES.into(),
        version: "1".into(),
        title: "Moving shapes".into(),
        description: "Every sentence of the grammar that the embedded model understands.".into(),
        license: "Apache-2.0".into(),
    };
    let prompts = vidbench_shapes::Attributes::all().enumerate().map(|(index, attributes)| Prompt {
        id: prompt::PromptId::new(format!("shapes-{index:03}"))
            .expect("invariant: a word and digits form an id"),
        category: Category::Shapes,
        difficulty: prompt::Difficulty::Easy,
        text: attributes.prompt(),
        negative: None,
        inputs: BTreeMap::new(),
    });
    PromptSuite::new(header, prompts.collect())
        .expect("invariant: the grammar's sentences are distinct and not empty")
}

fn of_categories(
    selection: &PromptSelection,
    source: &str,
    suite: &PromptSuite,
) -> Result<Vec<Prompt>, Vec<Problem>> {
    let Some(wanted) = &selection.categories else { return Ok(suite.prompts().to_vec()) };
    let mut problems = Vec::new();
    let mut categories = Vec::new();
    for (at, name) in wanted.iter().enumerate() {
        match name.parse::<Category>() {
            Ok(category) => categories.push(category),
            Err(_) => {
                let names = Category::ALL.iter().map(|category| category.as_str());
                let key = format!("prompts.categories[{at}]");
                let problem = |name| Problem::at_key(source, &key, format!("unknown category {name}"));
                problems.push(unknown(name, names, problem));
            }
        }
    }
    let chosen: Vec<_> =
        suite.prompts().iter().filter(|prompt| categories.contains(&prompt.category)).cloned().collect();
    if problems.is_empty() && chosen.is_empty() {
        let message = format!("prompt suite {} has no prompts in these categories", suite.name());
        problems.push(Problem::at_key(source, "prompts.categories", message));
    }
    if problems.is_empty() { Ok(chosen) } else { Err(problems) }
}

/// Fisher-Yates with ChaCha8 keyed by `prompt_order_seed`; the modulo bias is below 2^-43 for a million prompts.
fn shuffle<T>(items: &mut [T], prompt_order_seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(prompt_order_seed);
    for last in (1..items.len()).rev() {
        let at = (rng.next_u64() % (last as u64 + 1)) as usize;
        items.swap(at, last);
    }
}

/// Reads the files that a prompt names, to get their hashes.
fn input_files(
    prompt: &Prompt,
    folder: &Path,
    source: &str,
) -> Result<BTreeMap<String, InputFile>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut files = BTreeMap::new();
    for (name, file) in &prompt.inputs {
        let path = absolute(folder, file);
        match read_input(Path::new(&path)) {
            Ok(bytes) => {
                let sha256 = vidbench_core::sha256_hex(&bytes);
                files.insert(name.clone(), InputFile { path, sha256 });
            }
            Err(error) => {
                let message = format!("prompt {}: {name} {path} cannot be read: {error}", prompt.id);
                problems.push(Problem::at_key(source, "prompts", message));
            }
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// Most bytes of a file that a video is made from.
const MAX_INPUT_BYTES: u64 = 512 << 20;

/// Reads a regular file of at most [`MAX_INPUT_BYTES`]; a device would never end.
pub(crate) fn read_input(path: &Path) -> std::io::Result<Vec<u8>> {
    let facts = std::fs::metadata(path)?;
    if !facts.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if facts.len() > MAX_INPUT_BYTES {
        let text = format!("it has {} bytes; at most {MAX_INPUT_BYTES} are allowed", facts.len());
        return Err(std::io::Error::other(text));
    }
    std::fs::read(path)
}

fn resolve_prompt(
    prompt: Prompt,
    selection: &PromptSelection,
    folder: &Path,
    source: &str,
) -> Result<ResolvedPrompt, Vec<Problem>> {
    let inputs = input_files(&prompt, folder, source)?;
    let limits = PolicyLimits::default();
    let judgements = [Some(&prompt.text), prompt.negative.as_ref()]
        .into_iter()
        .flatten()
        .map(|text| judge(selection.policy, &limits, text));
    let (mut findings, mut rejected) = (Vec::new(), false);
    for judgement in judgements {
        findings.extend(judgement.findings().iter().map(ToString::to_string));
        rejected |= matches!(judgement, Judgement::Rejected { .. });
    }
    Ok(ResolvedPrompt {
        id: prompt.id.as_str().into(),
        inputs,
        category: prompt.category.as_str().into(),
        text: prompt.text,
        negative: prompt.negative,
        findings,
        rejected,
    })
}
