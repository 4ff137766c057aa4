//! Characters that look like the ASCII characters of the forbidden tokens.
//!
//! Picked from the confusables of Unicode Technical Standard 39, for the characters `a c e i j l m o p r s t v x` and
//! `< ( : _` only. Lower case only: folding lowers case first, so a capital Cyrillic or Greek lookalike arrives here as
//! its small form, which is why letters such as `μ` (capital `Μ`) are in the table. ASCII characters that look like one
//! another (`1` and `l`) are left alone, and so are the quotes `«` and `〈`.

/// Lookalike and what it passes for, sorted by lookalike.
const CONFUSABLES: &[(char, char)] = &[
    ('\u{00d7}', 'x'), // × multiplication sign
    ('\u{0131}', 'i'), // ı Latin dotless i
    ('\u{0237}', 'j'), // ȷ Latin dotless j
    ('\u{0251}', 'a'), // ɑ Latin alpha
    ('\u{0269}', 'i'), // ɩ Latin iota
    ('\u{0280}', 'r'), // ʀ Latin small capital r
    ('\u{02c2}', '<'), // ˂ modifier left arrowhead
    ('\u{02cd}', '_'), // ˍ modifier low macron
    ('\u{02d0}', ':'), // ː modifier triangular colon
    ('\u{02f8}', ':'), // ˸ modifier raised colon
    ('\u{03b1}', 'a'), // α Greek alpha
    ('\u{03b5}', 'e'), // ε Greek epsilon
    ('\u{03b9}', 'i'), // ι Greek iota
    ('\u{03bc}', 'm'), // μ Greek mu
    ('\u{03bd}', 'v'), // ν Greek nu
    ('\u{03bf}', 'o'), // ο Greek omicron
    ('\u{03c1}', 'p'), // ρ Greek rho
    ('\u{03c2}', 'c'), // ς Greek final sigma, also what lunate sigma folds to
    ('\u{03c3}', 'o'), // σ Greek sigma
    ('\u{03c4}', 't'), // τ Greek tau
    ('\u{03c7}', 'x'), // χ Greek chi
    ('\u{03f3}', 'j'), // ϳ Greek yot
    ('\u{0430}', 'a'), // а Cyrillic a
    ('\u{0433}', 'r'), // г Cyrillic ghe
    ('\u{0435}', 'e'), // е Cyrillic ie
    ('\u{043c}', 'm'), // м Cyrillic em
    ('\u{043e}', 'o'), // о Cyrillic o
    ('\u{0440}', 'p'), // р Cyrillic er
    ('\u{0441}', 'c'), // с Cyrillic es
    ('\u{0442}', 't'), // т Cyrillic te
    ('\u{0445}', 'x'), // х Cyrillic ha
    ('\u{0454}', 'e'), // є Cyrillic Ukrainian ie
    ('\u{0455}', 's'), // ѕ Cyrillic dze
    ('\u{0456}', 'i'), // і Cyrillic Ukrainian i
    ('\u{0458}', 'j'), // ј Cyrillic je
    ('\u{0475}', 'v'), // ѵ Cyrillic izhitsa
    ('\u{04bd}', 'e'), // ҽ Cyrillic Abkhasian che
    ('\u{04cf}', 'l'), // ӏ Cyrillic palochka
    ('\u{0585}', 'o'), // օ Armenian oh
    ('\u{0589}', ':'), // ։ Armenian full stop
    ('\u{05c3}', ':'), // ׃ Hebrew sof pasuq
    ('\u{1438}', '<'), // ᐸ Canadian syllabics pa
    ('\u{16b2}', '<'), // ᚲ runic kauna
    ('\u{1d00}', 'a'), // ᴀ Latin small capital a
    ('\u{1d04}', 'c'), // ᴄ Latin small capital c
    ('\u{1d07}', 'e'), // ᴇ Latin small capital e
    ('\u{1d0a}', 'j'), // ᴊ Latin small capital j
    ('\u{1d0d}', 'm'), // ᴍ Latin small capital m
    ('\u{1d0f}', 'o'), // ᴏ Latin small capital o
    ('\u{1d18}', 'p'), // ᴘ Latin small capital p
    ('\u{1d1b}', 't'), // ᴛ Latin small capital t
    ('\u{1d20}', 'v'), // ᴠ Latin small capital v
    ('\u{1d26}', 'r'), // ᴦ Greek small capital gamma
    ('\u{2039}', '<'), // ‹ single left-pointing quotation mark
    ('\u{203f}', '_'), // ‿ undertie
    ('\u{212e}', 'e'), // ℮ estimated sign
    ('\u{2228}', 'v'), // ∨ logical or
    ('\u{2236}', ':'), // ∶ ratio
    ('\u{2768}', '('), // ❨ parenthesis ornament
    ('\u{276a}', '('), // ❪ flattened parenthesis ornament
    ('\u{276e}', '<'), // ❮ angle quotation mark ornament
    ('\u{2772}', '('), // ❲ tortoise shell bracket ornament
    ('\u{27ee}', '('), // ⟮ flattened parenthesis
    ('\u{2985}', '('), // ⦅ white parenthesis
    ('\u{3014}', '('), // 〔 tortoise shell bracket
    ('\u{a731}', 's'), // ꜱ Latin small capital s
    ('\u{a789}', ':'), // ꞉ modifier letter colon
    ('\u{fd3e}', '('), // ﴾ ornate parenthesis
];

/// The ASCII character that `ch` passes for, or `ch` itself.
pub(super) fn unmasked(ch: char) -> char {
    if ch.is_ascii() {
        return ch;
    }
    match CONFUSABLES.binary_search_by_key(&ch, |&(lookalike, _)| lookalike) {
        Ok(found) => CONFUSABLES[found].1,
        Err(_) => ch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(CONFUSABLES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
