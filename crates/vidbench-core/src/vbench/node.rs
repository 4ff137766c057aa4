//! JSON, keeping what an ordinary parsed value loses: keys that occur twice, and Python's `NaN` and infinities.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::{VbenchErrors, VbenchProblem, VbenchProblemKind as Kind};
use super::{MAX_FILE_BYTES, MAX_LISTED_PROBLEMS};

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// Keys in the order of the file, including any that occur twice.
    Object(Vec<(String, Node)>),
    /// A token such as `NaN`.
    NotFinite(String),
}

/// Prefix of the string that replaces a token JSON does not have. No file has a reason to contain it; a file that does
/// is refused as if it contained the token.
const MARK: &str = "\u{1}token ";
/// The mark as it is written in JSON.
const WRITTEN_MARK: &str = "\\u0001token ";

/// What Python's `json.dump` writes for numbers that are not finite.
const TOKENS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

impl Node {
    /// Reads a file. Nesting is bounded by serde_json, at 128 levels.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Kind> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Kind::TooLarge { bytes: bytes.len() });
        }
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| Kind::Encoding { at: error.valid_up_to() })?;
        serde_json::from_str(&with_marks(text)).map_err(|error| Kind::Syntax { message: error.to_string() })
    }

    /// What it is, for messages.
    pub(super) fn found(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::NotFinite(token) => token.clone(),
            Self::Text(_) => "text".into(),
            Self::List(_) => "a list".into(),
            Self::Object(_) => "an object".into(),
        }
    }

    /// The plain value. Problems of the node must have been reported before.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null | Self::NotFinite(_) => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(value) => Value::Number(value),
            Self::Text(value) => Value::String(value),
            Self::List(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Object(pairs) => Value::Object(into_map(pairs)),
        }
    }
}

/// The pairs as a map. Of a key that occurs twice, which has been reported before, the last value is kept.
pub(super) fn into_map(pairs: Vec<(String, Node)>) -> Map<String, Value> {
    pairs.into_iter().map(|(key, node)| (key, node.into_value())).collect()
}

/// Replaces every token that is not JSON by a marked string. The content of strings stays unchanged.
fn with_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(c) = rest.chars().next() {
        let mut used = c.len_utf8();
        match c {
            '"' => in_string = !in_string,
            '\\' if in_string => used += rest[used..].chars().next().map_or(0, char::len_utf8),
            '-' | 'I' | 'N' if !in_string => {
                if let Some(token) = TOKENS.into_iter().find(|token| rest.starts_with(token)) {
                    out += &format!("\"{WRITTEN_MARK}{token}\"");
                    rest = &rest[token.len()..];
                    continue;
                }
            }
            _ => {}
        }
        out += &rest[..used];
        rest = &rest[used..];
    }
    out
}

/// Collects problems, up to a bound.
#[derive(Default)]
pub(super) struct Problems {
    problems: Vec<VbenchProblem>,
    unlisted: usize,
}

impl Problems {
    pub(super) fn add(&mut self, at: &str, kind: Kind) {
        if self.problems.len() < MAX_LISTED_PROBLEMS {
            self.problems.push(VbenchProblem { at: at.to_owned(), kind });
        } else {
            self.unlisted += 1;
        }
    }

    pub(super) fn wrong_type(&mut self, at: &str, expected: &'static str, node: &Node) {
        // A number that is not finite has already been reported as such.
        if !matches!(node, Node::NotFinite(_)) {
            self.add(at, Kind::WrongType { expected, found: node.found() });
        }
    }

    /// Reports keys that occur twice and numbers that are not finite, at any depth.
    pub(super) fn walk(&mut self, at: &str, node: &Node) {
        match node {
            Node::NotFinite(token) => self.add(at, Kind::NotFinite { token: token.clone() }),
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk_into(|| format!("{at}[{index}]"), item);
                }
            }
            Node::Object(pairs) => {
                let mut seen = std::collections::BTreeSet::new();
                for (key, value) in pairs {
                    if !seen.insert(key) {
                        self.add(at, Kind::DuplicateKey { key: key.clone() });
                    }
                    self.walk_into(|| join(at, key), value);
                }
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
        }
    }

    /// Walks into a node that may have problems. Most values are plain numbers and texts, for which the place need not
    /// be built.
    fn walk_into(&mut self, at: impl FnOnce() -> String, node: &Node) {
        if matches!(node, Node::NotFinite(_) | Node::List(_) | Node::Object(_)) {
            self.walk(&at(), node);
        }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, VbenchErrors> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        Err(VbenchErrors { problems: self.problems, unlisted: self.unlisted })
    }
}

/// The place of a key: `a.b`.
pub(super) fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

/// A file that could not be read as JSON at all.
pub(super) fn whole_file(kind: Kind) -> VbenchErrors {
    VbenchErrors { problems: vec![VbenchProblem { at: String::new(), kind }], unlisted: 0 }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or_else(|| Node::NotFinite(value.to_string()), Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(match value.strip_prefix(MARK) {
            Some(token) => Node::NotFinite(token.to_owned()),
            None => Node::Text(value.to_owned()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Node::Object(pairs))
    }
}
