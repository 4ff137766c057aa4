//! `vidbench models`: the catalogue, and checks whether its entries really run.

mod check;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::{Value, json};
use vidbench::{
    Catalogue, CatalogueError, CatalogueModel, Defaults, Evidence, Kind, Status, add_model, tiny_pipelines,
};
use vidbench_core::suite::parse_size;
use vidbench_core::{ModelId, nearest};

use super::{UserError, columns, json as pretty};
use crate::OK;
use crate::cli::{
    KindArg, ModelsAddArgs, ModelsCommand, ModelsListArgs, ModelsSearchArgs, ModelsShowArgs, PartArg,
    StatusArg,
};
use crate::ui::Ui;

pub(crate) fn models(command: &ModelsCommand, ui: Ui) -> Result<u8> {
    let catalogue = read()?;
    match command {
        ModelsCommand::List(args) => print(&catalogue, &list(&catalogue, args)?, args.json, ui),
        ModelsCommand::Search(args) => search(&catalogue, args, ui),
        ModelsCommand::Show(args) => show(&catalogue, args, ui),
        ModelsCommand::Check(args) => check::check(&catalogue, args, ui),
        ModelsCommand::Add(args) => add(&catalogue, args, ui),
    }
}

fn search(catalogue: &Catalogue, args: &ModelsSearchArgs, ui: Ui) -> Result<u8> {
    let found: Vec<_> = catalogue.models().iter().filter(|model| model.matches(&args.words)).collect();
    if found.is_empty() {
        let near = args.words.iter().flat_map(|word| near_words(catalogue, word)).collect::<BTreeSet<_>>();
        let near: Vec<&str> = near.into_iter().collect();
        if !near.is_empty() {
            ui.say(&format!("did you mean {}?", near.join(", ")));
        }
    }
    print(catalogue, &found, args.json, ui)
}

/// Ids and words of families like a word that no model has; none for a word that some model has.
fn near_words<'a>(catalogue: &'a Catalogue, word: &str) -> Vec<&'a str> {
    if catalogue.models().iter().any(|model| model.matches(&[word.to_owned()])) {
        return Vec::new();
    }
    let families =
        catalogue.models().iter().flat_map(|model| model.family.split(|c: char| !c.is_alphanumeric()));
    let family = nearest(word, families);
    catalogue.similar(word).into_iter().chain(family).collect()
}

fn read() -> Result<Catalogue, UserError> {
    Catalogue::read().map_err(|error| own_problem(&error))
}

fn own_problem(error: &CatalogueError) -> UserError {
    let hint = match error {
        CatalogueError::NoFolder => "set VIDBENCH_CATALOGUE to a folder",
        CatalogueError::Twice { .. } => "give it another id, or remove the entry from your file",
        CatalogueError::Shipped { .. } => {
            "`vidbench models show` prints what is known about it; give yours another id"
        }
        CatalogueError::Form { .. } | CatalogueError::Io { .. } => {
            "fix the file or move it away: it holds your own models and evidence"
        }
    };
    UserError::new(error.to_string(), hint)
}

fn list<'a>(catalogue: &'a Catalogue, args: &ModelsListArgs) -> Result<Vec<&'a CatalogueModel>, UserError> {
    args.task.iter().try_for_each(|task| check_task(catalogue, task))?;
    let families = || catalogue.models().iter().map(|model| model.family.as_str());
    check_word("family", args.family.as_deref(), families())?;
    let licences = || catalogue.models().iter().filter_map(|model| model.licence.as_deref());
    check_word("licence", args.licence.as_deref(), licences())?;
    let has = |text: &str, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
    };
    let kind = |model: &CatalogueModel| {
        args.kind.is_none_or(|kind| {
            model.kind
                == match kind {
                    KindArg::Checkpoint => Kind::Checkpoint,
                    KindArg::Adapter => Kind::Adapter,
                    KindArg::Endpoint => Kind::Endpoint,
                }
        })
    };
    let status = |model: &CatalogueModel| match args.status.map(status_of) {
        None => true,
        Some(Status::Declared) => catalogue.status(model) == Status::Declared,
        Some(least) => catalogue.status(model) >= least,
    };
    let fits = |model: &CatalogueModel| {
        args.max_memory.is_none_or(|most| model.min_vram_gb.is_some_and(|memory| memory <= most))
    };
    let task = |model: &CatalogueModel| args.task.as_ref().is_none_or(|task| model.tasks.contains(task));
    Ok(catalogue
        .models()
        .iter()
        .filter(|model| kind(model) && status(model) && fits(model) && task(model))
        .filter(|model| has(&model.family, &args.family))
        .filter(|model| args.licence.is_none() || has(model.licence.as_deref().unwrap_or(""), &args.licence))
        .collect())
}

fn check_task(catalogue: &Catalogue, task: &str) -> Result<(), UserError> {
    let known = || catalogue.models().iter().flat_map(|model| model.tasks.iter().map(String::as_str));
    if known().any(|name| name == task) {
        return Ok(());
    }
    let hint =
        nearest(task, known()).map_or("such as t2v, i2v, v2v".into(), |near| format!("did you mean {near}?"));
    Err(UserError::new(format!("no model in the catalogue does {task}"), hint))
}

/// A word that no model has in its `field` is probably a typing error.
fn check_word<'a>(
    field: &str,
    word: Option<&str>,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), UserError> {
    let Some(word) = word else { return Ok(()) };
    let lower = word.to_lowercase();
    if known.clone().any(|name| name.to_lowercase().contains(&lower)) {
        return Ok(());
    }
    let hint = nearest(word, known).map_or_else(
        || format!("`vidbench models list --json` prints the {field} of each"),
        |near| format!("did you mean {near:?}?"),
    );
    Err(UserError::new(format!("no model in the catalogue has a {field} containing {word:?}"), hint))
}

fn status_of(status: StatusArg) -> Status {
    match status {
        StatusArg::Declared => Status::Declared,
        StatusArg::Runnable => Status::Runnable,
        StatusArg::Resolved => Status::Resolved,
        StatusArg::Loaded => Status::Loaded,
        StatusArg::Generated => Status::Generated,
    }
}

fn print(catalogue: &Catalogue, models: &[&CatalogueModel], as_json: bool, ui: Ui) -> Result<u8> {
    if as_json {
        let values: Vec<Value> = models.iter().map(|model| value(catalogue, model)).collect();
        ui.data(&pretty(&values)?)?;
        return Ok(OK);
    }
    let mut rows =
        vec![["model", "kind", "engine", "tasks", "licence", "status"].map(str::to_owned).to_vec()];
    rows.extend(models.iter().map(|model| {
        let licence = model.licence.clone().unwrap_or_else(|| "not read".into());
        let status = catalogue.status(model).name().to_owned();
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
    let runnable = models.iter().filter(|model| catalogue.status(model).is_runnable()).count();
    ui.say(&format!(
        "{} models, {runnable} of them runnable; `vidbench models show MODEL` shows details",
        models.len()
    ));
    Ok(OK)
}

fn value(catalogue: &Catalogue, model: &CatalogueModel) -> Value {
    let mut value = json!(model);
    value["status"] = json!(catalogue.status(model));
    value
}

fn unknown(catalogue: &Catalogue, id: &str) -> UserError {
    let near = catalogue.similar(id);
    let hint = if near.is_empty() {
        "`vidbench models search WORDS` finds ids".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    UserError::new(format!("the catalogue has no model {id}"), hint)
}

fn show(catalogue: &Catalogue, args: &ModelsShowArgs, ui: Ui) -> Result<u8> {
    let model = catalogue.find(&args.id).ok_or_else(|| unknown(catalogue, &args.id))?;
    if args.json {
        ui.data(&pretty(&value(catalogue, model))?)?;
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
    add("loaded as", part_text(model));
    add("needs", model.needs.clone().unwrap_or_default());
    add("run by", model.run_by.clone().unwrap_or_default());
    add("tasks", model.tasks.join(", "));
    add("parameters", number(model.params_b, " billion"));
    add("defaults", defaults_text(&model.defaults));
    add("rules", rules_text(model));
    add("revision", model.revision.clone().unwrap_or_default());
    add("access", model.gated.map_or(String::new(), access_text));
    add("licence", model.licence.clone().unwrap_or_else(|| "not read".into()));
    add("device memory", number(model.min_vram_gb, " GB, by its authors"));
    add("released", model.released.clone().unwrap_or_default());
    add("price", price_text(model));
    add("source", model.source.clone());
    add("status", status_text(catalogue, model));
    ui.data(&columns(&rows))?;
    if let Some(suite) = suite_text(model) {
        ui.data(&format!("\n# in a suite:\n{suite}"))?;
    }
    Ok(OK)
}

fn access_text(gated: bool) -> String {
    match gated {
        true => "gated: agree to the terms on the hub, then set HF_TOKEN".into(),
        false => "open".into(),
    }
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
    let least = rules.frames_min.map(|least| format!("at least {least} frames"));
    let most = rules.frames_max.map(|most| format!("at most {most} frames"));
    [size, frames, least, most].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn part_text(model: &CatalogueModel) -> String {
    let Some(part) = &model.part else { return String::new() };
    let base = model.base.as_ref().map_or(String::new(), |base| format!(", into {base}"));
    part.replace('_', " ") + &base
}

fn price_text(model: &CatalogueModel) -> String {
    model.price.as_ref().map_or(String::new(), |price| {
        let of = price.of.as_ref().map_or(String::new(), |of| format!(", {of}"));
        format!("${} for {} s of video{of} ({})", price.usd, price.seconds, price.source)
    })
}

fn status_text(catalogue: &Catalogue, model: &CatalogueModel) -> String {
    let status = catalogue.status(model).name();
    if let Some(own) = catalogue.own_evidence(model) {
        let why = own.reason.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let versions = if own.versions.is_empty() { String::new() } else { format!(" ({})", own.versions) };
        return format!(
            "{status}: its own weights got as far as {} on {}{versions}{why}",
            own.reached, own.date
        );
    }
    let words: Vec<String> = catalogue.evidence_of_classes(model).map(class_text).collect();
    match words.as_slice() {
        [] => format!("{status}: it has not been run"),
        words => format!("{status}: {}; its own weights were never loaded", words.join("; ")),
    }
}

fn class_text(found: &Evidence) -> String {
    match &found.reason {
        None => {
            format!(
                "{} generated videos with random weights on {} ({})",
                found.name(),
                found.date,
                found.versions
            )
        }
        Some(why) => format!("{} did not: {why}", found.name()),
    }
}

/// A table for a suite, if vidbench can run the model.
fn suite_text(model: &CatalogueModel) -> Option<String> {
    let class = model.classes.first()?;
    let id = model.base.as_deref().filter(|_| model.part.is_some()).unwrap_or(&model.id);
    ModelId::new(id).ok()?;
    let choice = if model.classes.len() > 1 { format!("class_name = \"{class}\", ") } else { String::new() };
    let place = &model.id;
    let part = match model.part.as_deref() {
        None if model.kind != Kind::Checkpoint => return None,
        None => String::new(),
        // Without a known base the part has nothing to be added to.
        Some(_) if model.base.is_none() => return None,
        Some("lora") => format!("loras = [{{ id = \"{place}\", base = \"{id}\" }}], "),
        Some("gguf") => format!("files = {{ transformer = \"{place}#FILE.gguf\" }}, "),
        Some("file" | "shards") => format!("files = {{ transformer = \"{place}\" }}, "),
        Some(other @ "motion_adapter") => {
            format!("{other} = {{ id = \"{place}\", base = \"{id}\" }}, ")
        }
        Some(other) => format!("{other} = \"{place}\", "),
    };
    // A suite has no place for the revision of an adapter.
    let revision = model.revision.as_ref().filter(|_| model.part.is_none());
    let revision = revision.map_or(String::new(), |revision| format!("revision = {}\n", json!(revision)));
    let precision: Vec<String> =
        model.precision().iter().map(|(name, value)| format!("{name} = {}", inline(value))).collect();
    Some(format!(
        "[[models]]\nid = \"{id}\"\n{revision}engine = \"diffusers\"\nsettings = {{ {choice}{part}{} }}\n",
        precision.join(", ")
    ))
}

/// A value as it is written inside a line of TOML.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(inner) => {
            let pairs: Vec<String> =
                inner.iter().map(|(name, value)| format!("{name} = {}", inline(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

fn add(catalogue: &Catalogue, args: &ModelsAddArgs, ui: Ui) -> Result<u8> {
    let model = new_model(catalogue, args)?;
    let Defaults { frames, width, height, .. } = model.defaults;
    if let Some(problem) = model.constraints.problem(frames, width.zip(height)) {
        return Err(UserError::new(
            format!("{}: {problem}", model.id),
            "choose values that its class supports",
        )
        .into());
    }
    let id = model.id.clone();
    let file = add_model(model).map_err(|error| own_problem(&error))?;
    ui.say(&format!(
        "{id} is in {}; `vidbench models check {id}` checks that its class runs here",
        file.display()
    ));
    Ok(OK)
}

fn new_model(catalogue: &Catalogue, args: &ModelsAddArgs) -> Result<CatalogueModel, UserError> {
    let id = ModelId::new(args.id.as_str())
        .map_err(|error| UserError::new(error.to_string(), "use its id on the hub"))?;
    let known = || tiny_pipelines().keys().map(String::as_str);
    if !tiny_pipelines().contains_key(&args.class) {
        let near = nearest(&args.class, known());
        let hint =
            near.map_or("docs/reference/models.md lists them".into(), |near| format!("did you mean {near}?"));
        return Err(UserError::new(format!("there is no pipeline class {}", args.class), hint));
    }
    args.tasks.iter().try_for_each(|task| check_task(catalogue, task))?;
    if let Some(base) = &args.base {
        ModelId::new(base.as_str())
            .map_err(|error| UserError::new(format!("--base: {error}"), "use its id on the hub"))?;
        if *base == args.id {
            return Err(UserError::new(
                format!("{base} cannot be its own base model"),
                "name another model with --base",
            ));
        }
    }
    let size = args.size.as_deref().map(parse_size).transpose();
    let (width, height) = size.map_err(|error| UserError::new(error, "such as --size 832x480"))?.unzip();
    let numbers = [
        ("--frames", args.frames.map(f64::from)),
        ("--steps", args.steps.map(f64::from)),
        ("--fps", args.fps),
    ];
    for (option, number) in numbers {
        if number.is_some_and(|number| !(number > 0.0 && number.is_finite())) {
            return Err(UserError::new(
                format!("{option} must be more than 0"),
                "leave it out if the value is unknown",
            ));
        }
    }
    if args.guidance.is_some_and(|guidance| !(guidance >= 0.0 && guidance.is_finite())) {
        return Err(UserError::new("--guidance must be 0 or more", "leave it out if the value is unknown"));
    }
    let part = args.part.map(part_name);
    let adds = matches!(args.part, Some(PartArg::Lora | PartArg::MotionAdapter | PartArg::Controlnet));
    Ok(CatalogueModel {
        id: id.to_string(),
        aliases: Vec::new(),
        revision: args.revision.clone(),
        gated: args.gated.then_some(true),
        kind: if adds { Kind::Adapter } else { Kind::Checkpoint },
        engine: "diffusers".into(),
        classes: vec![args.class.clone()],
        part: part.map(Into::into),
        base: args.base.clone(),
        needs: None,
        dtype: None,
        dtypes: BTreeMap::new(),
        run_by: None,
        tasks: args.tasks.clone(),
        params_b: None,
        defaults: Defaults {
            width,
            height,
            frames: args.frames,
            fps: args.fps,
            steps: args.steps,
            guidance: args.guidance,
        },
        constraints: catalogue.rules_of(&args.class),
        licence: args.licence.clone(),
        released: None,
        min_vram_gb: None,
        price: None,
        source: "vidbench models add".into(),
        family: "yours".into(),
    })
}

fn part_name(part: PartArg) -> &'static str {
    match part {
        PartArg::Lora => "lora",
        PartArg::MotionAdapter => "motion_adapter",
        PartArg::Controlnet => "controlnet",
        PartArg::File => "file",
        PartArg::Shards => "shards",
        PartArg::Gguf => "gguf",
    }
}
