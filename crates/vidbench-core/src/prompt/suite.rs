//! A prompt suite as a value: its contents, its hash, its TOML form.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::{PromptSuiteError, PromptSuiteErrorKind, PromptSuiteErrors};
use super::names::{Category, Difficulty, PromptId, is_kebab};
use super::parse::{self, SCHEMA_VERSION};
use crate::hex;

/// The maximum length of a prompt and of a negative prompt, in characters.
///
/// Text encoders in use cut at 77 to 512 tokens; a text of ten times that length is a mistake.
pub const MAX_TEXT_CHARS: usize = 2000;

/// One prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prompt {
    /// Unique in the suite.
    pub id: PromptId,
    /// What it tests.
    pub category: Category,
    /// How much it demands of a model.
    pub difficulty: Difficulty,
    /// The words given to the model, unchanged.
    pub text: String,
    /// What the clip should not show, for models that take a negative prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// Files the clip is made from, keyed by role (`image`, `last_image`, `video`, ...), relative to the suite's file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
}

/// A suite's description of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteHeader {
    /// Name in files and commands, lower-case words joined by hyphens.
    pub name: String,
    /// Changes whenever the prompts do.
    pub version: String,
    /// Name for people.
    pub title: String,
    /// One or two sentences.
    pub description: String,
    /// SPDX expression for the prompts.
    pub license: String,
}

/// A checked suite: it has prompts, their ids are unique, no text is empty or longer than [`MAX_TEXT_CHARS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptSuite {
    header: SuiteHeader,
    prompts: Vec<Prompt>,
}

/// The file form of a suite.
#[derive(Serialize)]
struct SuiteFile<'s> {
    schema_version: i64,
    #[serde(flatten)]
    header: &'s SuiteHeader,
    prompts: &'s [Prompt],
}

impl PromptSuite {
    /// Makes a suite from its parts and checks it. All problems are listed; none has a line number.
    pub fn new(header: SuiteHeader, prompts: Vec<Prompt>) -> Result<Self, PromptSuiteErrors> {
        let name = header.name.clone();
        let mut kinds: Vec<_> = name_problem(&header.name).into_iter().collect();
        if prompts.is_empty() {
            kinds.push(PromptSuiteErrorKind::NoPrompts);
        }
        let (mut seen, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for prompt in &prompts {
            let id = &prompt.id;
            match texts.entry((&prompt.text, &prompt.negative, &prompt.inputs)) {
                Entry::Vacant(entry) => drop(entry.insert(id)),
                Entry::Occupied(first) if *first.get() == id => (), // reported once, as a duplicate id
                Entry::Occupied(first) => {
                    let first = (*first.get()).clone();
                    kinds.push(PromptSuiteErrorKind::DuplicateText { id: id.clone(), first });
                }
            }
            if seen.insert(&prompt.id, ()).is_some() {
                let id = prompt.id.clone();
                kinds.push(PromptSuiteErrorKind::DuplicateId { id, first_line: None });
            }
            kinds.extend(text_problem("text", &prompt.text));
            kinds.extend(prompt.negative.as_ref().and_then(|text| text_problem("negative", text)));
        }
        if kinds.is_empty() {
            return Ok(Self { header, prompts });
        }
        let problems = kinds.into_iter().map(|kind| PromptSuiteError { line: None, kind }).collect();
        Err(PromptSuiteErrors { source_name: name, problems })
    }

    /// Reads the TOML form. `source_name` is the name of the text in messages.
    pub fn parse(toml_text: &str, source_name: &str) -> Result<Self, PromptSuiteErrors> {
        let (header, prompts) = parse::parse(toml_text, source_name)?;
        Self::new(header, prompts)
    }

    /// The suite's description of itself.
    pub fn header(&self) -> &SuiteHeader {
        &self.header
    }

    /// The name of the suite.
    pub fn name(&self) -> &str {
        &self.header.name
    }

    /// The prompts in the order of the file.
    pub fn prompts(&self) -> &[Prompt] {
        &self.prompts
    }

    /// The prompt with that id.
    pub fn get(&self, id: &PromptId) -> Option<&Prompt> {
        self.prompts.iter().find(|prompt| prompt.id == *id)
    }

    /// Hash of everything that decides what a model is given, as 64 lower-case hexadecimal digits.
    ///
    /// SHA-256 of a sequence of netstrings (the length in bytes as a decimal number, `:`, the bytes, `,`):
    /// `vidbench-prompt-suite-1`, the name and the version of the suite; then for each prompt in order its id,
    /// category, difficulty and text; `-` where it has no negative prompt, or else `+` and the negative prompt; then,
    /// for each input in the order of names, `<`, its name and its file. Title, description, licence, comments and the
    /// layout of the file are not part of the hash.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let mut field = |value: &str| {
            hasher.update(format!("{}:{value},", value.len()));
        };
        field("vidbench-prompt-suite-1");
        field(&self.header.name);
        field(&self.header.version);
        for prompt in &self.prompts {
            field(prompt.id.as_str());
            field(prompt.category.as_str());
            field(prompt.difficulty.as_str());
            field(&prompt.text);
            field(&prompt.negative.as_ref().map_or("-".into(), |text| format!("+{text}")));
            for (name, file) in &prompt.inputs {
                ["<", name, file].into_iter().for_each(&mut field);
            }
        }
        hex(&hasher.finalize())
    }

    /// The TOML form. [`PromptSuite::parse`] reads it back to an equal suite.
    pub fn to_toml(&self) -> String {
        let file = SuiteFile { schema_version: SCHEMA_VERSION, header: &self.header, prompts: &self.prompts };
        toml::to_string(&file).expect("invariant: text and integers have a TOML form")
    }
}

/// The problem with a suite name, if it has one.
pub(super) fn name_problem(name: &str) -> Option<PromptSuiteErrorKind> {
    (!is_kebab(name)).then(|| PromptSuiteErrorKind::Name { name: name.to_owned() })
}

/// The problem with the text under `key`, if it has one.
pub(super) fn text_problem(key: &'static str, text: &str) -> Option<PromptSuiteErrorKind> {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        Some(PromptSuiteErrorKind::Empty { key })
    } else if chars > MAX_TEXT_CHARS {
        Some(PromptSuiteErrorKind::TooLong { key, chars })
    } else {
        None
    }
}
