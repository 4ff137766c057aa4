//! Checks a TOML file against a JSON Schema and lists every problem with its line.
//!
//! It supports the part of JSON Schema that schemars writes for our types: `$ref`, `type`, `enum`, `const`, `anyOf`,
//! `oneOf`, `properties`, `required`, `additionalProperties`, `items`, and the bounds of numbers, texts and lists.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn at_offset(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn from_toml(error: &toml::de::Error, text: &str) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        Self::at_offset(text, offset, error.message().trim().replace('\n', "; "))
    }

    /// A problem with a key that has the right form, such as `models[1].revision`. It points at the key or, where the
    /// key is not written, at the innermost of its tables that is.
    pub fn at_key(text: &str, path: &str, message: String) -> Self {
        let offset = DeTable::parse(text).map_or(0, |table| offset_of(table.get_ref(), path));
        Self::at_offset(text, offset, message)
    }

    /// Adds a hint on what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, " (hint: {hint})"))
    }
}

/// The candidate nearest to `word`, when one is near enough to be a typing error.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            let (word, known) = (word.to_lowercase(), candidate.to_lowercase());
            let alike = word.chars().zip(known.chars()).take_while(|(a, b)| a == b).count();
            // Ties are broken by the longest common prefix.
            (strsim::damerau_levenshtein(&word, &known), std::cmp::Reverse(alike), candidate)
        })
        .filter(|(distance, _, candidate)| *distance <= 1 + candidate.chars().count() / 3)
        .min()
        .map(|(.., candidate)| candidate)
}

/// All problems of `text` against `schema`, in the order of lines. Text that is not TOML has a single problem: where
/// the parser stopped.
pub(crate) fn check(text: &str, schema: &Value) -> Vec<Problem> {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => return vec![Problem::from_toml(&error, text)],
    };
    let mut check = Check { text, root: schema, problems: Vec::new() };
    check.table("", table.get_ref(), table.span(), schema);
    check.problems.sort_by_key(|problem| (problem.line, problem.column));
    check.problems
}

/// Byte offset at which a key is written; 0 when not even its first table is written.
fn offset_of(mut table: &DeTable<'_>, path: &str) -> usize {
    let mut offset = 0;
    for part in path.split('.') {
        let (name, index) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((name, index)) => (name, index.parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
        offset = key.span().start;
        let mut value = value.get_ref();
        if let (DeValue::Array(items), Some(index)) = (value, index) {
            let Some(item) = items.get(index) else { break };
            offset = item.span().start;
            value = item.get_ref();
        }
        let DeValue::Table(inner) = value else { break };
        table = inner;
    }
    offset
}

struct Check<'a> {
    text: &'a str,
    root: &'a Value,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn add(&mut self, span: &Range<usize>, message: String, hint: Option<String>) {
        self.problems.push(Problem::at_offset(self.text, span.start, message).with_hint(hint));
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>, span: Range<usize>, schema: &'a Value) {
        let schema = self.resolve(schema);
        let known: Vec<&str> = schema["properties"]
            .as_object()
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match schema["properties"].get(name) {
                Some(property) => self.value(&join(path, name), value, property),
                None if schema["additionalProperties"] == true => {}
                None if schema["additionalProperties"].is_object() => {
                    self.value(&join(path, name), value, &schema["additionalProperties"]);
                }
                None => {
                    let hint = match nearest(name, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known keys: {}", known.join(", ")),
                    };
                    self.add(&key.span(), format!("unknown key `{}`", join(path, name)), Some(hint));
                }
            }
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !table.iter().any(|(key, _)| key.get_ref() == required) {
                let hint = schema["properties"][required]["description"]
                    .as_str()
                    .map(|about| format!("`{required}`: {about}"));
                self.add(&span, format!("missing key `{}`", join(path, required)), hint);
            }
        }
    }

    fn value(&mut self, path: &str, value: &Spanned<DeValue<'_>>, schema: &'a Value) {
        let schema = self.resolve(schema);
        let span = value.span();
        let found = type_name(value.get_ref());
        if let Some(allowed) = choices(schema) {
            return self.choice(path, value, &allowed);
        }
        let types = types(schema);
        let fits = types.contains(&found) || (found == "integer" && types.contains(&"number"));
        if !types.is_empty() && !fits {
            let wanted = types.iter().map(|name| with_article(name)).collect::<Vec<_>>().join(" or ");
            return self.add(&span, format!("`{path}` must be {wanted}, not {}", with_article(found)), None);
        }
        match value.get_ref() {
            DeValue::Table(table) => self.table(path, table, span, schema),
            DeValue::Array(items) => {
                self.length(path, &span, items.len(), "entries", (&schema["minItems"], &schema["maxItems"]));
                if schema["uniqueItems"] == true {
                    self.unique(path, items);
                }
                for (index, item) in items.iter().enumerate() {
                    self.value(&format!("{path}[{index}]"), item, &schema["items"]);
                }
            }
            DeValue::String(text) => {
                let bounds = (&schema["minLength"], &schema["maxLength"]);
                self.length(path, &span, text.chars().count(), "characters", bounds);
            }
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                match i64::from_str_radix(&digits, number.radix()) {
                    Ok(number) => self.number(path, &span, number as f64, &digits, schema),
                    Err(_) => {
                        self.add(
                            &span,
                            format!("`{path}` is {digits}, which does not fit into 64 bits"),
                            None,
                        );
                    }
                }
            }
            DeValue::Float(number) => match number.as_str().replace('_', "").parse::<f64>() {
                Ok(value) if value.is_finite() => self.number(path, &span, value, number.as_str(), schema),
                Ok(_) | Err(_) => self.add(&span, format!("`{path}` must be a finite number"), None),
            },
            DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    fn choice(&mut self, path: &str, value: &Spanned<DeValue<'_>>, allowed: &[&str]) {
        let DeValue::String(text) = value.get_ref() else {
            let message = format!("`{path}` must be one of {}", list(allowed.iter().copied()));
            return self.add(&value.span(), message, None);
        };
        if !allowed.contains(&text.as_ref()) {
            let hint = nearest(text, allowed.iter().copied()).map(|near| format!("did you mean {near:?}?"));
            let message =
                format!("`{path}` is {text:?}; it must be one of {}", list(allowed.iter().copied()));
            self.add(&value.span(), message, hint);
        }
    }

    /// Reports the first entry that occurs twice, because it would mean doing the same work twice.
    fn unique(&mut self, path: &str, items: &[Spanned<DeValue<'_>>]) {
        let mut seen = HashSet::new();
        let mut scalars = items.iter().filter_map(|item| Some((scalar(item.get_ref())?, item.span())));
        if let Some((value, span)) = scalars.find(|(value, _)| !seen.insert(value.clone())) {
            self.add(&span, format!("`{path}` lists {value} twice"), None);
        }
    }

    fn length(&mut self, path: &str, span: &Range<usize>, len: usize, what: &str, bounds: (&Value, &Value)) {
        let (min, max) = (bounds.0.as_u64(), bounds.1.as_u64());
        let len = len as u64;
        if min.is_some_and(|min| len < min) || max.is_some_and(|max| len > max) {
            let bounds = describe_bounds(min, max);
            self.add(span, format!("`{path}` has {len} {what}; it must have {bounds}"), None);
        }
    }

    fn number(&mut self, path: &str, span: &Range<usize>, number: f64, written: &str, schema: &Value) {
        let (min, max) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
            let bounds = describe_bounds(min, max);
            self.add(span, format!("`{path}` is {written}; it must be {bounds}"), None);
        }
    }

    /// Follows `$ref`, and picks the branch of an optional value that is not null.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(schema, |target| self.resolve(target));
        }
        let branches = schema["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        match branches.iter().find(|branch| branch["type"] != "null") {
            Some(branch) => self.resolve(branch),
            None => schema,
        }
    }
}

/// A canonical spelling for each number or text, so that 8 and 0x8, or 1 and 1.0, are equal; `None` for tables, lists
/// and dates.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("{text:?}")),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()?;
            Some(number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().replace('_', "").parse::<f64>().ok()?.to_string()),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.into() } else { format!("{path}.{key}") }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn describe_bounds<T: fmt::Display + PartialEq>(min: Option<T>, max: Option<T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) if min == max => min.to_string(),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "anything".into(),
    }
}

fn with_article(type_name: &str) -> String {
    match type_name {
        "array" => "a list".into(),
        "integer" => "an integer".into(),
        "object" => "a table".into(),
        "string" => "a quoted string".into(),
        "boolean" => "true or false".into(),
        other => format!("a {other}"),
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

/// The types a schema allows, without null, which TOML does not have.
fn types(schema: &Value) -> Vec<&str> {
    let named = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    named.into_iter().filter(|name| *name != "null").collect()
}

/// The texts a schema allows, when it lists them.
fn choices(schema: &Value) -> Option<Vec<&str>> {
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    let branches = schema["oneOf"].as_array()?;
    let mut texts = Vec::new();
    for branch in branches {
        texts.extend(branch["const"].as_str());
        texts.extend(branch["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
    }
    Some(texts)
}
