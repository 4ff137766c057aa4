//! Undoes one layer of escapes in folded text: HTML character references, percent-encoding, backslash escapes.

use super::fold::Char;

/// HTML names of characters that matter to the tokens. Where one name begins with another, the longer one comes first.
///
/// The flag says that HTML also reads the name without its semicolon (HTML standard, 13.5).
const NAMED: &[(&str, char, bool)] = &[
    ("newline", '\n', false),
    ("colon", ':', false),
    ("lowbar", '_', false),
    ("underbar", '_', false),
    ("lpar", '(', false),
    ("percnt", '%', false),
    ("bsol", '\\', false),
    ("semi", ';', false),
    ("nbsp", ' ', true),
    ("tab", '\t', false),
    ("amp", '&', true),
    ("num", '#', false),
    ("shy", '\u{00ad}', true),
    ("zwj", '\u{200d}', false),
    ("zwnj", '\u{200c}', false),
    ("lt", '<', true),
];

/// Undoes one layer of escapes; `None` where there were none.
pub(super) fn decode(chars: &[Char]) -> Option<Vec<Char>> {
    let mut decoded = Vec::with_capacity(chars.len());
    let mut rest = chars;
    while let Some((first, after)) = rest.split_first() {
        match escape(rest) {
            Some((text, used)) => {
                decoded.extend(text.chars().map(|ch| Char { ch, at: first.at }));
                rest = &rest[used..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    // Every escape is longer than its meaning, so the text gets shorter when any was undone.
    (decoded.len() < chars.len()).then_some(decoded)
}

/// The meaning of the escape at the beginning of `chars`, and the length of the escape.
fn escape(chars: &[Char]) -> Option<(String, usize)> {
    match chars.first()?.ch {
        '&' => reference(chars).map(|(ch, used)| (ch.into(), used)),
        '%' => percent(chars),
        '\\' => backslash(chars).map(|(ch, used)| (ch.into(), used)),
        _ => None,
    }
}

fn reference(chars: &[Char]) -> Option<(char, usize)> {
    if chars.get(1)?.ch == '#' {
        return numeric_reference(chars);
    }
    NAMED.iter().find_map(|&(name, ch, bare)| {
        let after = 1 + name.len();
        let found = chars.get(1..after)?.iter().map(|c| c.ch).eq(name.chars());
        let closed = chars.get(after).is_some_and(|c| c.ch == ';');
        (found && (closed || bare)).then_some((ch, after + usize::from(closed)))
    })
}

/// `&#60;` or `&#x3c;`, with or without the semicolon.
fn numeric_reference(chars: &[Char]) -> Option<(char, usize)> {
    let (radix, digits_at) = if chars.get(2)?.ch == 'x' { (16, 3) } else { (10, 2) };
    let digits = chars[digits_at..].iter().map_while(|c| c.ch.to_digit(radix));
    let (code, n_digits) =
        digits.fold((0u32, 0), |(code, n), digit| (code.saturating_mul(radix).saturating_add(digit), n + 1));
    let ch = char::from_u32(code).filter(|_| n_digits > 0)?;
    let end = digits_at + n_digits;
    let closed = chars.get(end).is_some_and(|c| c.ch == ';');
    Some((ch, end + usize::from(closed)))
}

/// A run of `%3c`, read as UTF-8, or one `%u003c`.
fn percent(chars: &[Char]) -> Option<(String, usize)> {
    if chars.get(1)?.ch == 'u' {
        return hex_char(chars, 2, 4).map(|ch| (ch.into(), 6));
    }
    let bytes: Vec<u8> = chars.chunks_exact(3).map_while(percent_byte).collect();
    if bytes.is_empty() {
        return None;
    }
    Some((String::from_utf8_lossy(&bytes).into_owned(), 3 * bytes.len()))
}

fn percent_byte(chars: &[Char]) -> Option<u8> {
    let code = hex(chars, 1, 2).filter(|_| chars[0].ch == '%')?;
    u8::try_from(code).ok()
}

/// `\x3c`, `\u003c` or `\u{3c}`.
fn backslash(chars: &[Char]) -> Option<(char, usize)> {
    match (chars.get(1)?.ch, chars.get(2)?.ch) {
        ('x', _) => hex_char(chars, 2, 2).map(|ch| (ch, 4)),
        ('u', '{') => {
            let n_digits = chars[3..].iter().take(7).take_while(|c| c.ch.is_ascii_hexdigit()).count();
            chars.get(3 + n_digits).filter(|c| c.ch == '}')?;
            hex_char(chars, 3, n_digits).map(|ch| (ch, 4 + n_digits))
        }
        ('u', _) => hex_char(chars, 2, 4).map(|ch| (ch, 6)),
        _ => None,
    }
}

fn hex_char(chars: &[Char], from: usize, n_digits: usize) -> Option<char> {
    char::from_u32(hex(chars, from, n_digits)?)
}

/// Reads `n_digits` hexadecimal digits, at most seven, so that the value fits.
fn hex(chars: &[Char], from: usize, n_digits: usize) -> Option<u32> {
    let digits = chars.get(from..from + n_digits).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0, |code, c| Some(code * 16 + c.ch.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::super::fold::chars_from_bytes;
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        decode(&chars_from_bytes(text.as_bytes())).map(|chars| chars.iter().map(|c| c.ch).collect())
    }

    #[test]
    fn each_kind_of_escape_is_read() {
        for text in [
            "&lt;",
            "&lt",
            "&#60;",
            "&#060",
            "&#x3c;",
            "%3c",
            "%u003c",
            "\\x3c",
            "\\u003c",
            "\\u{3c}",
            "\\u{00003c}",
        ] {
            assert_eq!(decoded(text).as_deref(), Some("<"), "{text}");
        }
        assert_eq!(decoded("a%ef%bc%9cb").as_deref(), Some("a＜b"));
        assert_eq!(decoded("java&tab;script&colon;").as_deref(), Some("java\tscript:"));
    }

    #[test]
    fn what_is_no_escape_is_left_alone() {
        for text in [
            "",
            "&",
            "&&",
            "&#",
            "&#x",
            "&#x;",
            "&#99999999999;",
            "%",
            "%3",
            "100% of",
            "\\",
            "\\u",
            "\\u{}",
            "\\u{3c",
            "&colony;",
            "salt & lime",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn only_one_layer_is_undone() {
        assert_eq!(decoded("%253c").as_deref(), Some("%3c"));
        assert_eq!(decoded("&amp;lt;").as_deref(), Some("&lt;"));
    }
}
