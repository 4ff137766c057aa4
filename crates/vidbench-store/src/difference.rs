//! The first place where two records differ, for people.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::{Result, StoreError};

/// Characters of a value that a message shows.
const SHOWN_CHARS: usize = 80;

/// Where two records differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path of the field, such as `timing.end_ns`.
    pub field: String,
    /// What the store has.
    pub recorded: String,
    /// What was offered.
    pub offered: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, recorded, offered } = self;
        write!(f, "{field} is {recorded}, got {offered}")
    }
}

/// The first field in which two records differ; `None` when they are equal.
pub(crate) fn between<T: Serialize>(recorded: &T, offered: &T) -> Result<Option<Difference>> {
    let value =
        |record: &T| serde_json::to_value(record).map_err(|error| StoreError::unstorable("record", &error));
    Ok(of_values("", &value(recorded)?, &value(offered)?))
}

fn of_values(path: &str, recorded: &Value, offered: &Value) -> Option<Difference> {
    let inner = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (recorded, offered) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => a
            .iter()
            .find_map(|(key, value)| of_values(&inner(key), value, b.get(key).unwrap_or(&Value::Null))),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| of_values(&inner(&at.to_string()), a, b))
        }
        (a, b) if a == b => None,
        (a, b) => Some(Difference { field: path.into(), recorded: shown(a), offered: shown(b) }),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_differing_field_is_named_with_both_values() {
        let (a, b) = (json!({"x": {"y": [1, 2]}}), json!({"x": {"y": [1, 3]}}));
        assert_eq!(between(&a, &b).unwrap().unwrap().to_string(), "x.y.1 is 2, got 3");
        assert_eq!(between(&a, &a).unwrap(), None);
    }

    #[test]
    fn another_length_is_a_difference_and_long_values_are_cut() {
        let (a, b) = (json!({"x": [1]}), json!({"x": ["é".repeat(500)]}));
        let shown = between(&a, &b).unwrap().unwrap();
        assert!(shown.offered.chars().count() <= SHOWN_CHARS + 3, "{shown}");
        assert!(between(&json!([1]), &json!([1, 2])).unwrap().is_some());
        assert!(between(&json!({"a": 1}), &json!({"b": 1})).unwrap().is_some());
    }
}
