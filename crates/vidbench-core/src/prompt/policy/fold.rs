//! Folds text to the form in which tokens are searched for, and keeps the original position of each character.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::confusables::unmasked;

/// A character, and the byte of the raw prompt at which it, or the escape it was decoded from, begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Char {
    pub(super) ch: char,
    pub(super) at: usize,
}

/// The characters of `raw`, skipping bytes that are not UTF-8.
pub(super) fn chars_from_bytes(raw: &[u8]) -> Vec<Char> {
    let mut chars = Vec::with_capacity(raw.len());
    let mut start = 0;
    for chunk in raw.utf8_chunks() {
        let valid = chunk.valid();
        chars.extend(valid.char_indices().map(|(at, ch)| Char { ch, at: start + at }));
        start += valid.len() + chunk.invalid().len();
    }
    chars
}

/// Folds text: compatibility decomposition, marks and invisible characters removed, lower case, lookalikes as ASCII,
/// every kind of blank as a space.
///
/// NFKD without marks finds all that NFKC finds, and also `é` for `e`. It works character by character, so positions
/// are kept.
pub(super) fn fold(chars: &[Char]) -> Vec<Char> {
    let mut folded = Vec::with_capacity(chars.len());
    for &Char { ch, at } in chars {
        decompose_compatible(ch, |part| {
            for lower in part.to_lowercase() {
                folded.extend(fold_one(lower).map(|ch| Char { ch, at }));
            }
        });
    }
    folded
}

fn fold_one(ch: char) -> Option<char> {
    if ch.is_whitespace() {
        return Some(' ');
    }
    // Lookalikes are mapped first: one that Unicode counts as a mark would otherwise be dropped.
    let plain = unmasked(ch);
    let dropped = plain.is_control() || is_combining_mark(plain) || is_invisible(plain);
    (!dropped).then_some(plain)
}

/// Whether a character has no glyph: category Cf, the property Default_Ignorable_Code_Point (Unicode 16,
/// DerivedCoreProperties.txt), and the Braille blank.
fn is_invisible(ch: char) -> bool {
    matches!(ch,
        '\u{00ad}' | '\u{034f}' | '\u{0600}'..='\u{0605}' | '\u{061c}' | '\u{06dd}' | '\u{070f}'
        | '\u{0890}'..='\u{0891}' | '\u{08e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        fold(&chars_from_bytes(text.as_bytes())).iter().map(|c| c.ch).collect()
    }

    #[test]
    fn disguises_fold_to_ascii() {
        assert_eq!(folded("ＥＶＡＬ（"), "eval(");
        assert_eq!(folded("𝓮𝔳𝕒𝖑"), "eval");
        assert_eq!(folded("е\u{0301}ѵаⅼ"), "eval");
        assert_eq!(folded("ΕΧΕС"), "exec");
        assert_eq!(folded("e\u{200d}v\u{00ad}a\u{fe0f}\u{0000}l\u{e0041}"), "eval");
        assert_eq!(folded("a\u{00a0}\n\u{3000}b"), "a   b");
    }

    #[test]
    fn places_are_those_of_the_raw_text() {
        let chars = fold(&chars_from_bytes("é\u{200b}（x".as_bytes()));
        assert_eq!(chars.iter().map(|c| (c.ch, c.at)).collect::<Vec<_>>(), [('e', 0), ('(', 5), ('x', 8)]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_left_out() {
        let chars = chars_from_bytes(b"a\xff\xfeb");
        assert_eq!(chars.iter().map(|c| (c.ch, c.at)).collect::<Vec<_>>(), [('a', 0), ('b', 3)]);
    }
}
