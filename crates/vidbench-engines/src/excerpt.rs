//! Untrusted bytes, made safe to show.

/// Most characters of a line that an error shows.
const MAX_CHARS: usize = 200;

/// The first characters of `bytes`, with control characters and those that reorder text escaped.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    // Four bytes are the longest character; one more character tells whether something was left out.
    let head = bytes.get(..4 * (MAX_CHARS + 1)).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let shown = escape(&text.chars().take(MAX_CHARS).collect::<String>());
    if text.chars().count() > MAX_CHARS { format!("{shown}... ({} bytes)", bytes.len()) } else { shown }
}

/// `text`, followed by the end of a worker's log if that says anything.
pub(crate) fn with_log(text: String, tail: &str) -> String {
    match tail.trim() {
        "" => text,
        tail => format!("{text}; its log ends with: {tail}"),
    }
}

/// `text` with control characters and those that reorder text escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || reorders(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// Unicode's bidirectional controls and line separators: they can make a line read as another.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_and_reordering_are_escaped() {
        assert_eq!(excerpt(b"a\x1b[31m\r\t\0b"), r"a\u{1b}[31m\r\t\u{0}b");
        assert_eq!(excerpt("x\u{202e}y é".as_bytes()), r"x\u{202e}y é");
        assert_eq!(excerpt(b"\xff{"), "\u{fffd}{");
    }

    #[test]
    fn a_long_line_is_cut_and_says_its_length() {
        let long = "é".repeat(1000);
        assert_eq!(excerpt(long.as_bytes()), format!("{}... (2000 bytes)", "é".repeat(200)));
        assert_eq!(excerpt("é".repeat(200).as_bytes()), "é".repeat(200));
    }

    proptest! {
        #[test]
        fn an_excerpt_is_short_and_printable(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let shown = excerpt(&bytes);
            prop_assert!(shown.chars().count() <= 10 * MAX_CHARS + 30);
            prop_assert!(!shown.chars().any(|c| c.is_control() || reorders(c)));
        }
    }
}
