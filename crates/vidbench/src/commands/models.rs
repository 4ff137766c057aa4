//! `vidbench models`: the catalogue, and whether what is in it really runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use vidbench::{
    CatalogueModel, ClassEvidence, Defaults, ModelCheck, Status, SystemClock, add_evidence, catalogue,
    class_evidence, find_model, similar_models, tiny_pipelines, worker_in_env,
};
use vidbench_core::{Clock, ModelId, Params, nearest};

use super::{UserError, columns, json as pretty};
use crate::cli::{
    KindArg, ModelsCheckArgs, ModelsCommand, ModelsListArgs, ModelsShowArgs, StatusArg, WeightsArg,
};
use crate::ui::Ui;
use crate::{FAILED, OK};

pub(crate) fn models(command: &ModelsCommand, ui: Ui) -> Result<u8> {
    match command {
        ModelsCommand::List(args) => print(&list(args), args.json, ui),
        ModelsCommand::Search(args) => {
            let found: Vec<_> = catalogue().iter().filter(|model| model.matches(&args.words)).collect();
            print(&found, args.json, ui)
        }
        ModelsCommand::Show(args) => show(args, ui),
        ModelsCommand::Check(args) => check(args, ui),
    }
}

fn list(args: &ModelsListArgs) -> Vec<&'static CatalogueModel> {
    let has = |text: &str, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
    };
    let kind = |model: &CatalogueModel| match args.kind {
        None => true,
        Some(KindArg::Checkpoint) => model.kind == vidbench::Kind::Checkpoint,
        Some(KindArg::Adapter) => model.kind == vidbench::Kind::Adapter,
        Some(KindArg::Endpoint) => model.kind == vidbench::Kind::Endpoint,
    };
    let status = |model: &CatalogueModel| match args.status {
        None => true,
        Some(StatusArg::Declared) => model.status() == Status::Declared,
        Some(StatusArg::Runnable) => model.status() == Status::Runnable,
    };
    let fits = |model: &CatalogueModel| {
        args.max_memory.is_none_or(|most| model.min_vram_gb.is_some_and(|memory| memory <= most))
    };
    let task = |model: &CatalogueModel| args.task.as_ref().is_none_or(|task| model.tasks.contains(task));
    catalogue()
        .iter()
        .filter(|model| kind(model) && status(model) && fits(model) && task(model))
        .filter(|model| has(&model.family, &args.family))
        .filter(|model| args.licence.is_none() || has(model.licence.as_deref().unwrap_or(""), &args.licence))
        .collect()
}

fn print(models: &[&CatalogueModel], as_json: bool, ui: Ui) -> Result<u8> {
    if as_json {
        let values: Vec<Value> = models.iter().map(|model| value(model)).collect();
        ui.data(&pretty(&values)?)?;
        return Ok(OK);
    }
    let mut rows =
        vec![["model", "kind", "engine", "tasks", "licence", "status"].map(str::to_owned).to_vec()];
    rows.extend(models.iter().map(|model| {
        let licence = model.licence.clone().unwrap_or_else(|| "not read".into());
        let status = model.status().name().to_owned();
        vec![
            model.id.clone(),
            model.kind.name().into(),
            model.engine.clone(),
            model.tasks.join("/"),
            licence,
            status,
        ]
    }));
    ui.data(&columns(&rows))?;
    let runnable = models.iter().filter(|model| model.status() == Status::Runnable).count();
    ui.say(&format!(
        "{} models, {runnable} of them runnable; vidbench models show MODEL tells more",
        models.len()
    ));
    Ok(OK)
}

fn value(model: &CatalogueModel) -> Value {
    let mut value = json!(model);
    value["status"] = json!(model.status());
    value
}

fn unknown(id: &str) -> UserError {
    let near = similar_models(id);
    let hint = if near.is_empty() {
        "vidbench models search WORDS finds ids".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    UserError::new(format!("the catalogue has no model {id}"), hint)
}

fn show(args: &ModelsShowArgs, ui: Ui) -> Result<u8> {
    let model = find_model(&args.id).ok_or_else(|| unknown(&args.id))?;
    if args.json {
        ui.data(&pretty(&value(model))?)?;
        return Ok(OK);
    }
    let mut rows = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            rows.push(vec![name.to_owned(), text]);
        }
    };
    let number =
        |value: Option<f64>, unit: &str| value.map_or(String::new(), |value| format!("{value}{unit}"));
    add("model", model.id.clone());
    add("also called", model.aliases.join(", "));
    add("kind", model.kind.name().into());
    add("family", model.family.clone());
    add("engine", model.engine.clone());
    add("classes", model.classes.join(", "));
    add("run by", model.run_by.clone().unwrap_or_default());
    add("tasks", model.tasks.join(", "));
    add("parameters", number(model.params_b, " billion"));
    add("defaults", defaults_text(&model.defaults));
    add("rules", rules_text(model));
    add("licence", model.licence.clone().unwrap_or_else(|| "not read".into()));
    add("device memory", number(model.min_vram_gb, " GB, by its authors"));
    add("released", model.released.clone().unwrap_or_default());
    add("source", model.source.clone());
    add("status", status_text(model));
    ui.data(&columns(&rows))?;
    if let Some(suite) = suite_text(model) {
        ui.data(&format!("\n# in a suite:\n{suite}"))?;
    }
    Ok(OK)
}

fn defaults_text(defaults: &Defaults) -> String {
    let size = defaults.width.zip(defaults.height).map(|(width, height)| format!("{width}x{height}"));
    let parts = [
        size,
        defaults.frames.map(|frames| format!("{frames} frames")),
        defaults.fps.map(|fps| format!("{fps} fps")),
        defaults.steps.map(|steps| format!("{steps} steps")),
        defaults.guidance.map(|guidance| format!("guidance {guidance}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn rules_text(model: &CatalogueModel) -> String {
    let rules = model.constraints;
    let size = rules.size_multiple.map(|multiple| format!("width and height are multiples of {multiple}"));
    let frames = rules.frames_step.map(|step| match rules.frames_offset.unwrap_or(0) {
        0 => format!("frames are {step}k"),
        offset => format!("frames are {step}k+{offset}"),
    });
    [size, frames].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn status_text(model: &CatalogueModel) -> String {
    let shown = class_evidence().iter().filter(|found| model.classes.contains(&found.class));
    let words: Vec<String> = shown
        .map(|found| match &found.reason {
            None => format!(
                "{} made videos with random weights on {} ({})",
                found.class, found.date, found.versions
            ),
            Some(why) => format!("{} did not: {why}", found.class),
        })
        .collect();
    match words.as_slice() {
        [] => format!("{}: nothing of it was run", model.status().name()),
        words => {
            format!("{}: {}; its own weights were never loaded", model.status().name(), words.join("; "))
        }
    }
}

/// A table for a suite, where vidbench can run the model.
fn suite_text(model: &CatalogueModel) -> Option<String> {
    let class = model.classes.first().filter(|_| model.kind == vidbench::Kind::Checkpoint)?;
    ModelId::new(model.id.as_str()).ok()?;
    let choice = if model.classes.len() > 1 { format!("class_name = \"{class}\", ") } else { String::new() };
    Some(format!(
        "[[models]]\nid = \"{}\"\nengine = \"diffusers\"\nsettings = {{ {choice}dtype = \"bfloat16\" }}\n",
        model.id
    ))
}

fn check(args: &ModelsCheckArgs, ui: Ui) -> Result<u8> {
    let checks: Vec<ModelCheck> = match args.all {
        true => tiny_pipelines()
            .iter()
            .map(|(class, tiny)| Ok(ModelCheck::tiny(class, tiny)?))
            .collect::<Result<_>>()?,
        false => args.models.iter().map(|name| planned(name, args.weights)).collect::<Result<_>>()?,
    };
    let command = worker_in_env(&args.env)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut found = Vec::new();
    for check in &checks {
        let scratch = tempfile::tempdir().context("cannot make a folder for the check's videos")?;
        let evidence = check.run(&command, scratch.path(), &clock);
        if !args.json {
            ui.data(&(line(&evidence) + "\n"))?;
        }
        // Each at once: a check of all takes long, and what is known is kept.
        if let Some(file) = &args.evidence {
            keep(file, evidence.clone())?;
        }
        found.push(evidence);
    }
    if args.json {
        ui.data(&pretty(&found)?)?;
    }
    Ok(if found.iter().all(ClassEvidence::generated) { OK } else { FAILED })
}

fn line(found: &ClassEvidence) -> String {
    match (&found.reason, found.shape) {
        (None, Some([frames, width, height])) => format!(
            "ok    {}: {frames} frames of {width}x{height}, {} steps, {} ({})",
            found.class,
            found.steps.unwrap_or(0),
            found.stages.join(" "),
            found.versions
        ),
        (why, _) => {
            format!("FAIL  {}: {}: {}", found.class, found.reached, why.as_deref().unwrap_or("no reason"))
        }
    }
}

fn keep(file: &Path, evidence: ClassEvidence) -> Result<()> {
    let old = if file.exists() { fs::read_to_string(file)? } else { String::new() };
    let text = add_evidence(&old, vec![evidence]).map_err(|error| {
        UserError::new(format!("{}: {error}", file.display()), "name another file of evidence")
    })?;
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// What is checked for a name: a pipeline class, or a model of the catalogue.
fn planned(name: &str, weights: WeightsArg) -> Result<ModelCheck> {
    if let (Some(tiny), WeightsArg::Tiny) = (tiny_pipelines().get(name), weights) {
        return Ok(ModelCheck::tiny(name, tiny)?);
    }
    if tiny_pipelines().contains_key(name) {
        let hint = format!("name a model: vidbench models search {name}");
        return Err(UserError::new(format!("the class {name} has no weights of its own"), hint).into());
    }
    if !name.contains('/') && find_model(name).is_none() {
        let near = nearest(name, tiny_pipelines().keys().map(String::as_str));
        let hint =
            near.map_or("docs/reference/models.md lists them".into(), |near| format!("did you mean {near}?"));
        let message = format!("there is neither a model nor a pipeline class {name}");
        return Err(UserError::new(message, hint).into());
    }
    let model = find_model(name).ok_or_else(|| unknown(name))?;
    let Some((class, tiny)) =
        model.classes.iter().find_map(|class| Some((class, tiny_pipelines().get(class)?)))
    else {
        let message = format!(
            "{} is run by {}, not by a pipeline class",
            model.id,
            model.run_by.as_deref().unwrap_or(&model.engine)
        );
        return Err(UserError::new(message, "name a program for it in a suite: engine = \"command\"").into());
    };
    match weights {
        WeightsArg::Tiny => Ok(ModelCheck::tiny(class, tiny)?),
        WeightsArg::Real => real(model, class, &tiny.inputs),
    }
}

fn real(model: &CatalogueModel, class: &str, inputs: &[String]) -> Result<ModelCheck> {
    let Defaults { width, height, frames, fps, steps, guidance } = model.defaults;
    let (Some(width), Some(height), Some(frames), Some(steps)) = (width, height, frames, steps) else {
        let message = format!("the catalogue does not know size, frames and steps of {}", model.id);
        return Err(UserError::new(message, "write a suite for it: vidbench init").into());
    };
    let mut settings = Map::new();
    settings.insert("class_name".into(), class.into());
    settings.insert("dtype".into(), "bfloat16".into());
    Ok(ModelCheck {
        model: ModelId::new(model.id.as_str())?,
        class: class.into(),
        settings,
        weights: "real",
        params: Params {
            steps,
            guidance: guidance.unwrap_or(1.0),
            frames,
            width,
            height,
            fps: fps.unwrap_or(8.0),
        },
        prompt: "a boat on a lake".into(),
        inputs: inputs.to_vec(),
        threads: std::thread::available_parallelism()
            .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1)),
        timeout: Duration::from_secs(24 * 3600),
    })
}
