//! Writes JSON in the layout of Python's `json.dump(..., indent=4)`.

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The text, in ASCII: VBench's score script opens files in the system's encoding, which on Windows is not UTF-8.
pub(super) fn write(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut writer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    value.serialize(&mut writer).expect("invariant: a value has text keys only and memory takes every byte");
    let text = String::from_utf8(bytes).expect("invariant: JSON of text is UTF-8");
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            ascii.push(c);
        } else {
            // JSON is ASCII outside of strings, so any other character is within a string and can be escaped.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii += &format!("\\u{unit:04x}"));
        }
    }
    ascii
}
