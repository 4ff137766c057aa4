//! Texts as the nets of images and videos see them.

use vidbench_nn::Tensor;
use vidbench_nn::tokens::clip_tokens;

use super::{NetSource, run_rows};
use crate::MetricError;

/// Tokens that CLIP's text net takes.
const CLIP_CONTEXT: usize = 77;

/// A text in the space of CLIP ViT-B/32. What does not fit in 77 tokens is cut off.
pub(crate) fn clip_text_embedding(nets: &dyn NetSource, text: &str) -> Result<Vec<f32>, MetricError> {
    let net = nets.net("clip-vit-b32-text")?;
    let tokens = clip_tokens(text, CLIP_CONTEXT).ids;
    let tokens = Tensor::i64([1, CLIP_CONTEXT], tokens).expect("invariant: as many tokens as the context");
    Ok(run_rows(&net, &[("tokens", tokens)])?.0)
}
