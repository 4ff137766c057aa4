//! Texts as numbers.

use std::sync::LazyLock;

use instant_clip_tokenizer::{Token, Tokenizer};

/// A text in the tokens of CLIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipTokens {
    /// Start, words, end, then zeros up to the context.
    pub ids: Vec<i64>,
    /// Whether words were cut off.
    pub truncated: bool,
}

/// OpenAI's byte pairs, which CLIP and ViCLIP share. Text that does not fit in `context` tokens is cut off before the
/// end token, as OpenAI's `tokenize(truncate=True)` does.
///
/// OpenAI's program first repairs wrongly encoded text (`ftfy`) and resolves HTML entities; here texts are taken as
/// they are.
pub fn clip_tokens(text: &str, context: usize) -> ClipTokens {
    static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(Tokenizer::new);
    let mut words: Vec<Token> = Vec::new();
    TOKENIZER.encode(text, &mut words);
    let room = context.saturating_sub(2);
    let truncated = words.len() > room;
    words.truncate(room);
    let (start, end) = (TOKENIZER.start_of_text(), TOKENIZER.end_of_text());
    let tokens = std::iter::once(start).chain(words).chain([end]);
    let mut ids: Vec<i64> = tokens.map(|token| i64::from(token.to_u16())).collect();
    ids.resize(context, 0);
    ClipTokens { ids, truncated }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected numbers come from open_clip's and OpenAI's tokenizers.
    #[test]
    fn the_tokens_are_those_of_openai() {
        let tokens = clip_tokens("a photo of a cat", 8);
        assert_eq!(tokens.ids, [49406, 320, 1125, 539, 320, 2368, 49407, 0]);
        assert!(!tokens.truncated);
    }

    #[test]
    fn a_text_that_is_too_long_keeps_its_end_token() {
        let tokens = clip_tokens(&"cat ".repeat(100), 77);
        assert!(tokens.truncated);
        assert_eq!((tokens.ids.len(), tokens.ids[75], tokens.ids[76]), (77, 2368, 49407));
    }
}
