//! The forbidden tokens and where they count as found.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::decode;
use super::fold::{Char, fold};

/// Escapes of escapes are undone up to this depth.
const MAX_ESCAPE_LAYERS: usize = 4;

/// A token that begins a script.
///
/// It is found in any case, in full width and the other compatibility forms of Unicode, with accents or Cyrillic and
/// Greek lookalikes, with invisible characters or blanks between its characters, and behind HTML, percent and backslash
/// escapes. To leave ordinary English alone:
///
/// - a token that begins with a letter must not follow one: not `medieval (`, and not `m e d i e v a l (`, where two or
///   more single letters lead up to it;
/// - the name of the language, written `JavaScript` or `Javascript`, a colon, a blank and a word of prose is a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum ForbiddenToken {
    /// `<script`
    #[serde(rename = "<script")]
    ScriptTag,
    /// `javascript:`
    #[serde(rename = "javascript:")]
    JavascriptUrl,
    /// `eval(`
    #[serde(rename = "eval(")]
    EvalCall,
    /// `exec(`
    #[serde(rename = "exec(")]
    ExecCall,
    /// `__import__`
    #[serde(rename = "__import__")]
    DunderImport,
}

impl ForbiddenToken {
    /// All tokens.
    pub const ALL: [Self; 5] =
        [Self::ScriptTag, Self::JavascriptUrl, Self::EvalCall, Self::ExecCall, Self::DunderImport];

    /// The token without disguise.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScriptTag => "<script",
            Self::JavascriptUrl => "javascript:",
            Self::EvalCall => "eval(",
            Self::ExecCall => "exec(",
            Self::DunderImport => "__import__",
        }
    }
}

impl fmt::Display for ForbiddenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Every token in `chars`, the characters of `raw`, with the byte at which it begins.
pub(super) fn find(raw: &[u8], chars: &[Char]) -> BTreeSet<(usize, ForbiddenToken)> {
    let mut found = BTreeSet::new();
    let mut layer = fold(chars);
    // Each layer is searched, because undoing an escape may break a token that stood beside it.
    for _ in 0..=MAX_ESCAPE_LAYERS {
        search(raw, &glyphs(&layer), &mut found);
        match decode(&layer) {
            Some(decoded) => layer = fold(&decoded),
            None => break,
        }
    }
    found
}

/// A visible character of folded text.
struct Glyph {
    ch: char,
    at: usize,
    /// Whether a blank stands before it.
    spaced: bool,
}

fn glyphs(chars: &[Char]) -> Vec<Glyph> {
    let mut spaced = false;
    let mut glyphs = Vec::with_capacity(chars.len());
    for &Char { ch, at } in chars {
        if ch == ' ' {
            spaced = true;
        } else {
            glyphs.push(Glyph { ch, at, spaced });
            spaced = false;
        }
    }
    glyphs
}

fn search(raw: &[u8], glyphs: &[Glyph], found: &mut BTreeSet<(usize, ForbiddenToken)>) {
    for start in 0..glyphs.len() {
        for token in ForbiddenToken::ALL {
            if is_at(token, raw, glyphs, start) {
                found.insert((glyphs[start].at, token));
            }
        }
    }
}

fn is_at(token: ForbiddenToken, raw: &[u8], glyphs: &[Glyph], start: usize) -> bool {
    let text = token.as_str();
    let Some(matched) = glyphs.get(start..start + text.len()) else { return false };
    if !matched.iter().map(|glyph| glyph.ch).eq(text.chars()) {
        return false;
    }
    let (before, after) = (&glyphs[..start], &glyphs[start + text.len()..]);
    match token {
        ForbiddenToken::ScriptTag | ForbiddenToken::DunderImport => true,
        ForbiddenToken::EvalCall | ForbiddenToken::ExecCall => begins_a_word(before, matched),
        ForbiddenToken::JavascriptUrl => begins_a_word(before, matched) && !is_title(raw, matched, after),
    }
}

/// Whether the match is a word of its own rather than the end of a longer one, `before` being all that leads up to it.
fn begins_a_word(before: &[Glyph], matched: &[Glyph]) -> bool {
    let Some(last) = before.last() else { return true };
    if !matched[0].spaced {
        return !last.ch.is_ascii_alphabetic();
    }
    // Blanks after the second-last character only stand before the bracket or the colon.
    let spaced_out = matched[1..matched.len() - 1].iter().any(|glyph| glyph.spaced);
    !(spaced_out && ends_in_single_letters(before))
}

/// Whether the text ends in two letters with blanks around them, as in `m e d`. One alone may be an article.
fn ends_in_single_letters(text: &[Glyph]) -> bool {
    let [.., second_last, last] = text else { return false };
    let previous = text.len().checked_sub(3).map(|at| &text[at]);
    let stands_alone = second_last.spaced || previous.is_none();
    stands_alone && last.spaced && [second_last, last].iter().all(|g| g.ch.is_ascii_alphabetic())
}

/// Whether the match is the name of the language at the head of a title, as in "JavaScript: the movie".
fn is_title(raw: &[u8], matched: &[Glyph], after: &[Glyph]) -> bool {
    let raw = &raw[matched[0].at..];
    let is_name = raw.starts_with(b"JavaScript:") || raw.starts_with(b"Javascript:");
    is_name && after.first().is_some_and(|glyph| glyph.spaced) && begins_with_prose(after)
}

/// Whether the text begins with a word that is neither called, indexed, assigned nor asked for a member.
fn begins_with_prose(text: &[Glyph]) -> bool {
    let in_word = |at: usize, glyph: &Glyph| glyph.ch.is_alphabetic() && (at == 0 || !glyph.spaced);
    let n_letters = text.iter().enumerate().take_while(|&(at, glyph)| in_word(at, glyph)).count();
    let is_code = match text.get(n_letters..) {
        Some([dot, next, ..]) if dot.ch == '.' => !next.spaced,
        Some([next, ..]) => "([{=:`".contains(next.ch),
        Some([]) | None => false,
    };
    n_letters > 0 && !is_code
}
