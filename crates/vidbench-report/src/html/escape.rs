//! Escapes text for the page. All text enters the page through here.

use std::borrow::Cow;

use crate::text::visible;

/// Escapes text so that it stays text, in an element and in a quoted attribute alike. Characters that a browser would
/// obey rather than show (control characters, marks that reorder text) are shown as their escapes.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    if !shown.contains(['&', '<', '>', '"', '\'', '`']) {
        return shown;
    }
    let mut out = String::with_capacity(shown.len() + 16);
    for c in shown.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn marks_lose_their_meaning_and_plain_text_is_kept() {
        assert_eq!(
            escape("a \"b\" <c> & 'd' `e`"),
            "a &quot;b&quot; &lt;c&gt; &amp; &#39;d&#39; &#96;e&#96;"
        );
        assert_eq!(escape("plain – é"), "plain – é");
        assert_eq!(escape("a\u{202e}b\0"), "a\\u{202e}b\\u{0}");
    }
}
