//! Makes text of unknown origin safe to show: prompts, reasons and messages of workers may contain anything.

use std::borrow::Cow;

/// Replaces characters that a terminal or a page would obey rather than show by their escapes, such as `\u{202e}`:
/// control characters other than line feed and tab, and marks that reorder text (Unicode 16, UAX 9) or are invisible.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escape(text, |c| c != '\n' && c != '\t' && is_unseen(c))
}

/// `text` with escapes in place of everything that a terminal or a page would obey or hide: control characters,
/// including line feed and tab, and characters that have no glyph or reorder text.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    escape(text, is_unseen)
}

fn escape(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Shortens a text to at most `max` characters, with an ellipsis in place of the rest.
pub(crate) fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(max.saturating_sub(1)).collect();
            Cow::Owned(kept.trim_end().to_owned() + "…")
        }
    }
}

/// Breaks a text between words into lines of at most `width` characters, and indents all but the first. A longer word
/// exceeds the width.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in text.split_inclusive(' ') {
        if used > indent && used + word.trim_end().chars().count() > width {
            out.truncate(out.trim_end().len());
            out += &format!("\n{:indent$}", "");
            used = indent;
        }
        out += word;
        used += word.chars().count();
    }
    out + "\n"
}

/// A word of a POSIX shell, quoted unless it consists only of harmless characters.
pub(crate) fn shell_word(word: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command line that can be pasted into a POSIX shell.
pub(crate) fn shell_command(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}
