//! `vidbench prompts`: prompt suites that ship, generated ones, and the prompt policy.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;
use vidbench::{prompt_suite_names, read_prompt_suite, shipped_prompt_suite};
use vidbench_core::nearest;
use vidbench_core::prompt::policy::{PolicyLimits, check};
use vidbench_core::prompt::{Category, Difficulty, Prompt, PromptSuite, UnknownName, make};

use super::{UserError, columns, json as pretty};
use crate::cli::PromptsCommand;
use crate::ui::Ui;
use crate::{FAILED, OK};

pub(crate) fn prompts(command: PromptsCommand, ui: Ui) -> Result<u8> {
    match command {
        PromptsCommand::List { json } => list(json, ui),
        PromptsCommand::Show { suite, json, category } => show(&suite, category.as_deref(), json, ui),
        PromptsCommand::Make { category, count, difficulty, seed } => {
            let suite = make::make(
                named(category.parse::<Category>())?,
                count,
                named(difficulty.parse::<Difficulty>())?,
                seed,
            )
            .map_err(|error| UserError::new(error.to_string(), error.hint()))?;
            ui.data(&suite.to_toml())?;
            Ok(OK)
        }
        PromptsCommand::Check { text } => check_text(&text, ui),
    }
}

fn named<T>(parsed: Result<T, UnknownName>) -> Result<T, UserError> {
    parsed.map_err(|error| UserError::new(error.to_string(), error.hint()))
}

fn list(as_json: bool, ui: Ui) -> Result<u8> {
    let suites: Vec<PromptSuite> =
        prompt_suite_names().iter().filter_map(|name| shipped_prompt_suite(name)).collect();
    if as_json {
        let values: Vec<_> = suites
            .iter()
            .map(|suite| json!({ "header": suite.header(), "prompts": suite.prompts().len(), "sha256": suite.hash() }))
            .collect();
        ui.data(&pretty(&values)?)?;
        return Ok(OK);
    }
    let mut rows = vec![["suite", "version", "prompts", "sha256", "what"].map(str::to_owned).to_vec()];
    rows.extend(suites.iter().map(|suite| {
        let header = suite.header();
        let (count, hash) = (suite.prompts().len().to_string(), suite.hash()[..12].to_owned());
        vec![header.name.clone(), header.version.clone(), count, hash, header.title.clone()]
    }));
    ui.data(&columns(&rows))?;
    Ok(OK)
}

fn show(name: &str, category: Option<&str>, as_json: bool, ui: Ui) -> Result<u8> {
    let suite = find(name)?;
    let category = category.map(|name| named(name.parse::<Category>())).transpose()?;
    let wanted = |prompt: &&Prompt| category.is_none_or(|category| prompt.category == category);
    let prompts: Vec<&Prompt> = suite.prompts().iter().filter(wanted).collect();
    if as_json {
        ui.data(&pretty(&json!({ "header": suite.header(), "sha256": suite.hash(), "prompts": prompts }))?)?;
        return Ok(OK);
    }
    let rows: Vec<Vec<String>> = prompts
        .iter()
        .map(|prompt| {
            let (category, difficulty) = (prompt.category.as_str(), prompt.difficulty.as_str());
            vec![prompt.id.to_string(), category.into(), difficulty.into(), prompt.text.clone()]
        })
        .collect();
    ui.data(&columns(&rows))?;
    Ok(OK)
}

fn find(name: &str) -> Result<PromptSuite, UserError> {
    if let Some(suite) = shipped_prompt_suite(name) {
        return Ok(suite);
    }
    let path = Path::new(name);
    if path.exists() {
        return read_prompt_suite(path)
            .map_err(|problems| UserError { message: problems.join("\n  "), hints: vec![] });
    }
    let names = prompt_suite_names();
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("known: {}; or name a file", names.join(", ")),
    };
    Err(UserError::new(format!("there is no prompt suite or file {name:?}"), hint))
}

fn check_text(text: &str, ui: Ui) -> Result<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if text == "-" {
        bytes.clear();
        // Far more than any prompt may have, so a text that is cut off here is still too long.
        std::io::stdin().lock().take(1 << 20).read_to_end(&mut bytes).context("cannot read stdin")?;
    }
    let findings = check(&PolicyLimits::default(), &bytes);
    for finding in &findings {
        ui.data(&format!("{finding}\n"))?;
    }
    ui.say(if findings.is_empty() {
        "nothing found"
    } else {
        "policy `flag` runs the prompt and records this; `reject` does not run it"
    });
    Ok(if findings.is_empty() { OK } else { FAILED })
}
