//! The forbidden tokens, and the rules for what counts as a match.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::decode;
use super::fold::{Char, fold};

/// Nested escapes are undone up to this depth.
const MAX_ESCAPE_LAYERS: usize = 4;

/// A token that begins a script.
///
/// It is found in any case, in full width and the other compatibility forms of Unicode, with accents or Cyrillic and
/// Greek lookalikes, with invisible characters or blanks between its characters, and behind HTML, percent and backslash
/// escapes.
///
/// To leave ordinary English alone, a token that begins with a letter is not found when a letter precedes it, as in
/// `medieval (`, nor when two or more single letters lead up to it, as in `m e d i e v a l (`.
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

/// Every token in `chars`, the characters of a text, with the byte at which it begins.
pub(super) fn find(chars: &[Char]) -> BTreeSet<(usize, ForbiddenToken)> {
    let mut found = BTreeSet::new();
    let mut layer = fold(chars);
    // Every layer is searched, because undoing an escape may break a token next to it.
    for _ in 0..=MAX_ESCAPE_LAYERS {
        search(&glyphs(&layer), &mut found);
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
    /// Whether blanks precede it.
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

fn search(glyphs: &[Glyph], found: &mut BTreeSet<(usize, ForbiddenToken)>) {
    for start in 0..glyphs.len() {
        for token in ForbiddenToken::ALL {
            if is_at(token, glyphs, start) {
                found.insert((glyphs[start].at, token));
            }
        }
    }
}

fn is_at(token: ForbiddenToken, glyphs: &[Glyph], start: usize) -> bool {
    let text = token.as_str();
    let Some(matched) = glyphs.get(start..start + text.len()) else { return false };
    if !matched.iter().map(|glyph| glyph.ch).eq(text.chars()) {
        return false;
    }
    match token {
        ForbiddenToken::ScriptTag | ForbiddenToken::DunderImport => true,
        // A title such as "JavaScript: the movie" cannot be told from code, and is found as well.
        ForbiddenToken::EvalCall | ForbiddenToken::ExecCall | ForbiddenToken::JavascriptUrl => {
            begins_a_word(&glyphs[..start], matched)
        }
    }
}

/// Whether the match begins a word rather than ending a longer one; `before` is the text in front of it.
fn begins_a_word(before: &[Glyph], matched: &[Glyph]) -> bool {
    let Some(last) = before.last() else { return true };
    if !matched[0].spaced {
        return !last.ch.is_ascii_alphabetic();
    }
    // The last character is the bracket or the colon; blanks before it do not make the word spaced out.
    let spaced_out = matched[1..matched.len() - 1].iter().any(|glyph| glyph.spaced);
    !(spaced_out && ends_in_single_letters(before))
}

/// Whether the text ends in two single letters separated by blanks, as in `m e d`. A lone letter may be an article.
fn ends_in_single_letters(text: &[Glyph]) -> bool {
    let [.., second_last, last] = text else { return false };
    let previous = text.len().checked_sub(3).map(|at| &text[at]);
    let stands_alone = second_last.spaced || previous.is_none();
    stands_alone && last.spaced && [second_last, last].iter().all(|g| g.ch.is_ascii_alphabetic())
}
