//! Reads the TOML form of a prompt suite and lists everything that is wrong with it, by line.
//!
//! The text is read into spanned TOML values rather than through serde, because serde stops at the first problem.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{PromptSuiteError, PromptSuiteErrorKind as Kind, PromptSuiteErrors};
use super::names::{PromptId, UnknownName};
use super::suite::{Prompt, SuiteHeader, name_problem, text_problem};

/// The version of the file format.
pub(super) const SCHEMA_VERSION: i64 = 1;

const SUITE_KEYS: [&str; 7] =
    ["schema_version", "name", "version", "title", "description", "license", "prompts"];
const PROMPT_KEYS: [&str; 6] = ["id", "text", "category", "difficulty", "negative", "inputs"];

/// The parts of a suite, or every problem of the text.
pub(super) fn parse(text: &str, source_name: &str) -> Result<(SuiteHeader, Vec<Prompt>), PromptSuiteErrors> {
    let mut reader = Reader { text, problems: Vec::new() };
    let parts = reader.document();
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.line);
    match parts {
        Some(parts) if problems.is_empty() => Ok(parts),
        Some(_) | None => Err(PromptSuiteErrors { source_name: source_name.to_owned(), problems }),
    }
}

/// A value and the byte offset at which it starts.
struct At<T> {
    value: T,
    at: usize,
}

/// Where the keys of one table are looked up.
struct Table<'d> {
    keys: &'d DeTable<'d>,
    at: usize,
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<PromptSuiteError>,
}

impl Reader<'_> {
    fn document(&mut self) -> Option<(SuiteHeader, Vec<Prompt>)> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // The rest of a broken document would only report the same fault in other words.
            for error in &errors {
                let at = error.span().map_or(0, |span| span.start);
                self.problem::<()>(at, Kind::Syntax { message: error.message().to_owned() });
            }
            return None;
        }
        let root = Table { keys: root.get_ref(), at: 0 };
        self.unknown_keys(&root, &SUITE_KEYS);
        self.schema_version(&root);
        let header = self.header(&root);
        let prompts = self.prompts(&root);
        Some((header?, prompts?))
    }

    fn schema_version(&mut self, root: &Table<'_>) {
        let Some(entry) = self.required(root, "schema_version") else { return };
        let at = entry.span().start;
        match entry.get_ref() {
            DeValue::Integer(found) if found.to_string() == SCHEMA_VERSION.to_string() => {}
            DeValue::Integer(found) => {
                self.problem::<()>(at, Kind::SchemaVersion { found: found.to_string() });
            }
            other => self.wrong_type(at, "schema_version", "an integer", other),
        }
    }

    fn header(&mut self, root: &Table<'_>) -> Option<SuiteHeader> {
        let name = self.text_of(root, "name");
        if let Some(kind) = name.as_ref().and_then(|name| name_problem(&name.value)) {
            self.problem::<()>(name.as_ref().map_or(0, |name| name.at), kind);
        }
        let [version, title, description, license] =
            ["version", "title", "description", "license"].map(|key| self.filled_text(root, key));
        Some(SuiteHeader {
            name: name?.value,
            version: version?.value,
            title: title?.value,
            description: description?.value,
            license: license?.value,
        })
    }

    fn prompts(&mut self, root: &Table<'_>) -> Option<Vec<Prompt>> {
        let Some(entry) = root.keys.get("prompts") else {
            self.problem::<()>(0, Kind::NoPrompts);
            return None;
        };
        let Some(items) = entry.get_ref().as_array() else {
            self.wrong_type(entry.span().start, "prompts", "an array of tables", entry.get_ref());
            return None;
        };
        if items.is_empty() {
            self.problem::<()>(entry.span().start, Kind::NoPrompts);
        }
        let mut seen = BTreeMap::new();
        // Reads every prompt, even after one has failed.
        let prompts: Vec<_> = items.iter().map(|item| self.prompt(item, &mut seen)).collect();
        prompts.into_iter().collect()
    }

    fn prompt(
        &mut self,
        item: &Spanned<DeValue<'_>>,
        seen: &mut BTreeMap<PromptId, usize>,
    ) -> Option<Prompt> {
        let at = item.span().start;
        let Some(keys) = item.get_ref().as_table() else {
            self.wrong_type(at, "prompts", "an array of tables", item.get_ref());
            return None;
        };
        let table = Table { keys, at };
        self.unknown_keys(&table, &PROMPT_KEYS);
        let id = self.id(&table, seen);
        let text = self.prompt_text(&table, "text", true);
        let category = self.named(&table, "category");
        let difficulty = self.named(&table, "difficulty");
        let negative = self.prompt_text(&table, "negative", false);
        let inputs = self.inputs(&table);
        Some(Prompt { id: id?, text: text?, category: category?, difficulty: difficulty?, negative, inputs })
    }

    fn id(&mut self, table: &Table<'_>, seen: &mut BTreeMap<PromptId, usize>) -> Option<PromptId> {
        let At { value, at } = self.text_of(table, "id")?;
        let id = match PromptId::new(value) {
            Ok(id) => id,
            Err(error) => return self.problem(at, Kind::Id(error)),
        };
        if let Some(&first) = seen.get(&id) {
            let first_line = Some(self.line(first));
            return self.problem(at, Kind::DuplicateId { id, first_line });
        }
        seen.insert(id.clone(), at);
        Some(id)
    }

    fn prompt_text(&mut self, table: &Table<'_>, key: &'static str, required: bool) -> Option<String> {
        if !required && !table.keys.contains_key(key) {
            return None;
        }
        let At { value, at } = self.text_of(table, key)?;
        match text_problem(key, &value) {
            Some(kind) => self.problem(at, kind),
            None => Some(value),
        }
    }

    /// Files of inputs by name; a file that is not a text is a problem.
    fn inputs(&mut self, table: &Table<'_>) -> BTreeMap<String, String> {
        let Some(entry) = table.keys.get("inputs") else { return BTreeMap::new() };
        let Some(files) = entry.get_ref().as_table() else {
            self.wrong_type(entry.span().start, "inputs", "a table of file names", entry.get_ref());
            return BTreeMap::new();
        };
        let mut inputs = BTreeMap::new();
        for (name, file) in files {
            match file.get_ref() {
                DeValue::String(path) if !path.trim().is_empty() => {
                    inputs.insert(name.get_ref().to_string(), path.to_string());
                }
                other => self.wrong_type(file.span().start, "inputs", "a table of file names", other),
            }
        }
        inputs
    }

    /// A value of a closed list.
    fn named<T: FromStr<Err = UnknownName>>(&mut self, table: &Table<'_>, key: &'static str) -> Option<T> {
        let At { value, at } = self.text_of(table, key)?;
        match value.parse() {
            Ok(value) => Some(value),
            Err(error) => self.problem(at, Kind::UnknownName(error)),
        }
    }

    fn filled_text(&mut self, table: &Table<'_>, key: &'static str) -> Option<At<String>> {
        let found = self.text_of(table, key)?;
        if found.value.trim().is_empty() {
            return self.problem(found.at, Kind::Empty { key });
        }
        Some(found)
    }

    fn text_of(&mut self, table: &Table<'_>, key: &'static str) -> Option<At<String>> {
        let entry = self.required(table, key)?;
        let at = entry.span().start;
        match entry.get_ref() {
            DeValue::String(value) => Some(At { value: value.to_string(), at }),
            other => {
                self.wrong_type(at, key, "text", other);
                None
            }
        }
    }

    fn required<'d>(&mut self, table: &Table<'d>, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        let found = table.keys.get(key);
        if found.is_none() {
            return self.problem(table.at, Kind::MissingKey { key });
        }
        found
    }

    fn unknown_keys(&mut self, table: &Table<'_>, known: &[&str]) {
        for key in table.keys.keys() {
            let value = key.get_ref();
            if !known.contains(&value.as_ref()) {
                let known = known.iter().map(|&name| name.to_owned()).collect();
                let name = UnknownName { what: "key", value: value.to_string(), known };
                self.problem::<()>(key.span().start, Kind::UnknownKey(name));
            }
        }
    }

    fn wrong_type(&mut self, at: usize, key: &'static str, expected: &'static str, found: &DeValue<'_>) {
        let found = found.type_str();
        self.problem::<()>(at, Kind::WrongType { key, expected, found });
    }

    /// Records a problem and returns `None` for the value that it concerns.
    fn problem<T>(&mut self, at: usize, kind: Kind) -> Option<T> {
        let line = Some(self.line(at));
        self.problems.push(PromptSuiteError { line, kind });
        None
    }

    /// The 1-based line of a byte offset.
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count()
    }
}
