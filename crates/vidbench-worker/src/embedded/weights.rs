//! The networks as they ship, and what identifies them.

use std::sync::OnceLock;

use vidbench_core::{Domain, ModelId, Params, WeightsOrigin, sha256_hex};
use vidbench_shapes::{FRAME_COUNT, FRAME_SIZE};

/// Network that estimates the clean latent from a noisy one.
pub(super) const DENOISER: &[u8] = include_bytes!("../../../../nets/embedded/denoiser.onnx");
/// Network that turns a latent into frames.
pub(super) const DECODER: &[u8] = include_bytes!("../../../../nets/embedded/decoder.onnx");

/// Name of the model in suites and records.
pub(super) const MODEL_ID: &str = "shapes-ldm";
/// Goes up with every new training.
const REVISION: &str = "1";
const LICENCE: &str = "Apache-2.0";

/// What identifies the embedded model, known without loading it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// The name to give in a suite.
    pub id: ModelId,
    /// The only revision there is.
    pub revision: String,
    /// Licence of the weights, as an SPDX expression.
    pub licence: String,
    /// SHA-256 of the lines that `sha256sum decoder.onnx denoiser.onnx` prints.
    pub weights: WeightsOrigin,
    /// Moving shapes only: never ranked beside open-domain models.
    pub domain: Domain,
    /// The parameters for a suite that sets none.
    pub defaults: Params,
}

/// What identifies the embedded model. The weights are hashed once in a process.
pub fn model_info() -> ModelInfo {
    static WEIGHTS: OnceLock<String> = OnceLock::new();
    let weights = WEIGHTS.get_or_init(weights_sha256).clone();
    ModelInfo {
        id: model_id(),
        revision: REVISION.to_owned(),
        licence: LICENCE.to_owned(),
        weights: WeightsOrigin::Sha256(weights),
        domain: Domain::SyntheticDomain,
        defaults: defaults(),
    }
}

fn model_id() -> ModelId {
    ModelId::new(MODEL_ID).expect("invariant: the name is a constant that a test parses")
}

fn weights_sha256() -> String {
    let line = |name: &str, bytes: &[u8]| format!("{}  {name}\n", sha256_hex(bytes));
    sha256_hex((line("decoder.onnx", DECODER) + &line("denoiser.onnx", DENOISER)).as_bytes())
}

/// 16 steps and guidance 2: more of either brings nothing that the analyser sees (nets/embedded/MODEL_CARD.md).
fn defaults() -> Params {
    let side = FRAME_SIZE as u32;
    Params { steps: 16, guidance: 2.0, frames: FRAME_COUNT as u32, width: side, height: side, fps: 8.0 }
}
