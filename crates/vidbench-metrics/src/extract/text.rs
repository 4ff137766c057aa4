//! Embeddings of texts, in the spaces of the image and video nets.

use vidbench_nn::Tensor;
use vidbench_nn::tokens::{ClipTokens, clip_tokens};

use super::{NetSource, run_rows};
use crate::MetricError;

/// The id of a text's features from that net: the net and how it is fed, with a version.
pub fn text_id(net: &str) -> String {
    format!("{net}.prompt@1")
}

/// How many tokens CLIP's text net takes.
const CLIP_CONTEXT: usize = 77;
/// How many tokens ViCLIP's text net takes.
const VICLIP_CONTEXT: usize = 32;

/// The embedding of a text by a text net.
#[derive(Debug)]
pub(crate) struct TextEmbedding {
    pub(crate) values: Vec<f32>,
    /// Says that words were cut off, if they were.
    pub(crate) note: Option<String>,
}

/// The embedding of a text in the space of CLIP ViT-B/32. What does not fit in 77 tokens is cut off.
pub(crate) fn clip_text_embedding(nets: &dyn NetSource, text: &str) -> Result<TextEmbedding, MetricError> {
    embedding(nets, "clip-vit-b32-text", text, CLIP_CONTEXT)
}

/// The embedding of a text in the space of ViCLIP. What does not fit in 32 tokens is cut off.
pub(crate) fn viclip_text_embedding(nets: &dyn NetSource, text: &str) -> Result<TextEmbedding, MetricError> {
    embedding(nets, "viclip-l-text", text, VICLIP_CONTEXT)
}

fn embedding(
    nets: &dyn NetSource,
    net: &'static str,
    text: &str,
    context: usize,
) -> Result<TextEmbedding, MetricError> {
    let ClipTokens { ids, truncated } = clip_tokens(text, context);
    let values = nets.text(net, text, &|| {
        let tokens =
            Tensor::i64([1, context], ids.clone()).expect("invariant: as many tokens as the context");
        Ok(run_rows(nets.net(net)?.as_ref(), &[("tokens", tokens)])?.0)
    })?;
    let note = truncated.then(|| {
        format!("the prompt has more than the {context} tokens that {net} takes; the rest was cut off")
    });
    Ok(TextEmbedding { values, note })
}
