//! One line of a manifest: JSON to a clip and back.
//!
//! Keys are read by hand rather than by a derived reader, which stops at the first problem of a line and cannot propose
//! the key that was meant.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::error::ManifestProblemKind as Kind;
use super::{MAX_LINE_BYTES, ManifestClip};
use crate::ids::ModelId;
use crate::prompt::MAX_TEXT_CHARS;
use crate::toml_check::nearest;

const KEYS: [&str; 8] = ["file", "sha256", "prompt", "image", "seed", "index", "model", "params"];

/// The clip of a line, or every problem of the line.
pub(super) fn read(line: &[u8]) -> Result<ManifestClip, Vec<Kind>> {
    if line.len() > MAX_LINE_BYTES {
        return Err(vec![Kind::LineTooLong { bytes: line.len() }]);
    }
    let text = std::str::from_utf8(line).map_err(|error| vec![Kind::Encoding { at: error.valid_up_to() }])?;
    let Pairs(pairs) = serde_json::from_str(text).map_err(|error| vec![syntax(&error)])?;
    let mut fields = Fields::default();
    for (key, value) in pairs {
        fields.put(&key, value);
    }
    fields.finish()
}

/// The rules on values that the types do not hold.
pub(super) fn check(mut clip: ManifestClip) -> Result<ManifestClip, Vec<Kind>> {
    let mut problems = Vec::new();
    problems.extend(file_problem(&clip.file).map(|problem| Kind::File { problem }));
    problems.extend(clip.image.as_deref().and_then(file_problem).map(|problem| Kind::Image { problem }));
    problems.extend(clip.prompt.as_deref().and_then(prompt_problem));
    if let Some(hash) = &mut clip.sha256 {
        hash.make_ascii_lowercase();
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let value = hash.chars().take(80).collect();
            problems.push(Kind::Sha256 { value });
        }
    }
    let bytes = write(&clip).len();
    if problems.is_empty() && bytes > MAX_LINE_BYTES {
        problems.push(Kind::LineTooLong { bytes });
    }
    if problems.is_empty() { Ok(clip) } else { Err(problems) }
}

/// The clip as one line, without its end.
pub(super) fn write(clip: &ManifestClip) -> String {
    serde_json::to_string(clip).expect("invariant: a clip has text keys only, so it is always JSON")
}

fn file_problem(file: &str) -> Option<&'static str> {
    Some(if file.is_empty() {
        "is empty"
    } else if file.contains('\0') {
        "contains a NUL character"
    } else if file.ends_with('/') || matches!(file.rsplit('/').next(), Some("." | "..")) {
        "names a folder"
    } else {
        return None;
    })
}

fn prompt_problem(prompt: &str) -> Option<Kind> {
    let chars = prompt.chars().count();
    if prompt.trim().is_empty() {
        Some(Kind::EmptyPrompt)
    } else {
        (chars > MAX_TEXT_CHARS).then_some(Kind::PromptTooLong { chars })
    }
}

/// The message without "at line 1 column …": a line of the file is a document of its own.
fn syntax(error: &serde_json::Error) -> Kind {
    let whole = error.to_string();
    let message = whole.split(" at line ").next().unwrap_or(&whole);
    Kind::Syntax { message: format!("{message}, column {}", error.column()) }
}

/// What has been read of a line so far.
#[derive(Default)]
struct Fields {
    seen: Vec<String>,
    file: Option<String>,
    sha256: Option<String>,
    prompt: Option<String>,
    image: Option<String>,
    seed: Option<u64>,
    index: Option<u32>,
    model: Option<ModelId>,
    params: Option<Map<String, Value>>,
    problems: Vec<Kind>,
}

impl Fields {
    fn put(&mut self, key: &str, value: Value) {
        if self.seen.iter().any(|seen| seen == key) {
            self.problems.push(Kind::DuplicateKey { key: key.to_owned() });
            return;
        }
        self.seen.push(key.to_owned());
        if value.is_null() && key != "file" && KEYS.contains(&key) {
            return; // Many programs write what is absent so.
        }
        match key {
            "file" => self.file = self.text("file", value),
            "sha256" => self.sha256 = self.text("sha256", value),
            "prompt" => self.prompt = self.text("prompt", value),
            "image" => self.image = self.text("image", value),
            "seed" => self.seed = self.number("seed", "a whole number from 0 to 2^64-1", &value),
            "index" => {
                let expected = "a whole number from 0 to 2^32-1";
                let wide = self.number("index", expected, &value);
                self.index = wide.and_then(|wide| {
                    u32::try_from(wide).map_err(|_| self.wrong_type("index", expected, &value)).ok()
                });
            }
            "model" => {
                let model = self.text("model", value).map(ModelId::new);
                self.model = model
                    .and_then(|model| model.map_err(|error| self.problems.push(Kind::Model(error))).ok());
            }
            "params" => match value {
                Value::Object(params) => self.params = Some(params),
                other => self.wrong_type("params", "an object", &other),
            },
            unknown => {
                let nearest = nearest(unknown, KEYS).map(str::to_owned);
                self.problems.push(Kind::UnknownKey { key: unknown.to_owned(), nearest });
            }
        }
    }

    fn text(&mut self, key: &'static str, value: Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            other => {
                self.wrong_type(key, "text", &other);
                None
            }
        }
    }

    fn number(&mut self, key: &'static str, expected: &'static str, value: &Value) -> Option<u64> {
        let number = value.as_u64();
        if number.is_none() {
            self.wrong_type(key, expected, value);
        }
        number
    }

    fn wrong_type(&mut self, key: &'static str, expected: &'static str, value: &Value) {
        self.problems.push(Kind::WrongType { key, expected, found: found(value) });
    }

    fn finish(mut self) -> Result<ManifestClip, Vec<Kind>> {
        if !self.seen.iter().any(|key| key == "file") {
            self.problems.push(Kind::MissingFile);
        }
        let Self { sha256, prompt, image, seed, index, model, params, mut problems, .. } = self;
        // Stands in for a file of the wrong type, whose problem is already listed.
        let file = self.file.unwrap_or_else(|| "-".into());
        match check(ManifestClip { file, sha256, prompt, image, seed, index, model, params }) {
            Ok(clip) if problems.is_empty() => Ok(clip),
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// An object as it was written: in order, with keys that are there twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
