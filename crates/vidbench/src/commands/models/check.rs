//! `vidbench models check`: runs classes and models, and stores the results.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use vidbench::{
    Catalogue, CatalogueModel, Defaults, Evidence, ModelCheck, SystemClock, add_evidence, own_evidence_file,
    tiny_pipelines, worker_in_env,
};
use vidbench_core::{Clock, ModelId, Params, nearest};

use super::{UserError, own_problem, pretty, unknown};
use crate::cli::{ModelsCheckArgs, WeightsArg};
use crate::ui::Ui;
use crate::{FAILED, OK};

pub(super) fn check(catalogue: &Catalogue, args: &ModelsCheckArgs, ui: Ui) -> Result<u8> {
    let checks: Vec<ModelCheck> = match args.all {
        true => every_class()?,
        false => {
            args.models.iter().map(|name| planned(catalogue, name, args.weights)).collect::<Result<_>>()?
        }
    };
    let file = evidence_file(args.evidence.as_deref())?;
    // Real weights may be gated; loading them then needs a token.
    let command = worker_in_env(&args.env)?.pass_env(&["HF_TOKEN", "HF_TOKEN_PATH"]);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut found = Vec::new();
    for check in &checks {
        let scratch = tempfile::tempdir().context("cannot make a folder for the check's videos")?;
        let evidence = check.run(&command, scratch.path(), &clock);
        if !args.json {
            ui.data(&(line(&evidence) + "\n"))?;
        }
        // Each result is stored at once: a check of everything takes long, and results must survive an interruption.
        keep(&file, evidence.clone())?;
        found.push(evidence);
    }
    if args.json {
        ui.data(&pretty(&found)?)?;
    }
    Ok(if found.iter().all(Evidence::generated) { OK } else { FAILED })
}

fn line(found: &Evidence) -> String {
    match (&found.reason, found.shape) {
        (None, Some([frames, width, height])) => format!(
            "ok    {}: {frames} frames of {width}x{height}, {} steps, {} ({})",
            found.name(),
            found.steps.unwrap_or(0),
            found.stages.join(" "),
            found.versions
        ),
        (why, _) => {
            format!("FAIL  {}: {}: {}", found.name(), found.reached, why.as_deref().unwrap_or("no reason"))
        }
    }
}

/// The file that stores the results. It is read before the first check, so that a problem with it shows early.
fn evidence_file(chosen: Option<&Path>) -> Result<PathBuf, UserError> {
    let file = match chosen {
        Some(file) => file.to_owned(),
        None => own_evidence_file().map_err(|error| own_problem(&error))?,
    };
    with_evidence(&file, Vec::new()).map(|_| file)
}

/// The text of an evidence file with more evidence added.
fn with_evidence(file: &Path, new: Vec<Evidence>) -> Result<String, UserError> {
    let bad = |error: String| {
        UserError::new(
            format!("{}: {error}", file.display()),
            "name another file of evidence: --evidence FILE",
        )
    };
    let old = if file.exists() {
        fs::read_to_string(file).map_err(|error| bad(error.to_string()))?
    } else {
        String::new()
    };
    add_evidence(&old, new).map_err(|error| bad(error.to_string()))
}

fn keep(file: &Path, evidence: Evidence) -> Result<()> {
    let text = with_evidence(file, vec![evidence])?;
    let write = || {
        fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
        fs::write(file, text)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

/// Every class that can be built tiny, alone and with each part that it is checked with.
fn every_class() -> Result<Vec<ModelCheck>> {
    let parts =
        |parts: &'static [String]| std::iter::once(None).chain(parts.iter().map(|part| Some(part.as_str())));
    let all = tiny_pipelines()
        .iter()
        .flat_map(|(class, tiny)| parts(&tiny.parts).map(move |part| ModelCheck::tiny(class, part, tiny)));
    Ok(all.collect::<Result<_, _>>()?)
}

/// The check that a name stands for: a pipeline class, alone or with a part, or a model of the catalogue.
fn planned(catalogue: &Catalogue, name: &str, weights: WeightsArg) -> Result<ModelCheck> {
    let (class, part) = name.split_once('/').map_or((name, None), |(class, part)| (class, Some(part)));
    if let Some(tiny) = tiny_pipelines().get(class) {
        if weights != WeightsArg::Tiny {
            let hint = format!("name a model: `vidbench models search {class}` finds some");
            return Err(UserError::new(format!("the class {class} has no weights of its own"), hint).into());
        }
        return Ok(ModelCheck::tiny(class, part, tiny)?);
    }
    if !name.contains('/') && catalogue.find(name).is_none() {
        let near = nearest(name, tiny_pipelines().keys().map(String::as_str));
        let hint =
            near.map_or("docs/reference/models.md lists them".into(), |near| format!("did you mean {near}?"));
        let message = format!("there is neither a model nor a pipeline class {name}");
        return Err(UserError::new(message, hint).into());
    }
    let model = catalogue.find(name).ok_or_else(|| unknown(catalogue, name))?;
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
        WeightsArg::Tiny => Ok(ModelCheck::tiny(class, model.part.as_deref(), tiny)?),
        WeightsArg::Random => whole(model, class, &tiny.inputs, "random"),
        WeightsArg::Real => whole(model, class, &tiny.inputs, "real"),
    }
}

/// The check of a model at full size, with its own weights or random ones.
fn whole(
    model: &CatalogueModel,
    class: &str,
    inputs: &[String],
    weights: &'static str,
) -> Result<ModelCheck> {
    if let Some(part) = &model.part {
        let message = format!("{} is put into another model, as {part}", model.id);
        let hint = format!("write a suite for it: `vidbench models show {}` prints its table", model.id);
        return Err(UserError::new(message, hint).into());
    }
    let Defaults { width, height, frames, fps, steps, guidance } = model.defaults;
    let (Some(width), Some(height), Some(frames), Some(steps)) = (width, height, frames, steps) else {
        let message = format!("the catalogue does not know size, frames and steps of {}", model.id);
        return Err(UserError::new(
            message,
            "write a suite for it: `vidbench init` writes one to start from",
        )
        .into());
    };
    let mut settings = model.precision();
    settings.insert("class_name".to_owned(), json!(class));
    Ok(ModelCheck {
        model: ModelId::new(model.id.as_str())?,
        class: class.into(),
        part: None,
        settings,
        weights,
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
