//! Everything that is built into the program: models, suites, the classifier of the synthetic domain.

use std::sync::OnceLock;

use vidbench_core::Params;
use vidbench_worker::embedded::model_info;

use crate::{Known, ShippedModel};

/// The network whose features are used by `frechet_shapes`.
pub const CLASSIFIER: &[u8] = include_bytes!("../../../nets/embedded/classifier.onnx");

/// The suite that `vidbench demo` runs.
pub const DEMO_SUITE: &str = include_str!("../../../suites/demo.toml");

/// The suite that `vidbench init` writes.
pub const SUITE_TEMPLATE: &str = include_str!("init_template.toml");

/// Models that ship.
pub fn models() -> &'static [ShippedModel] {
    static MODELS: OnceLock<Vec<ShippedModel>> = OnceLock::new();
    MODELS.get_or_init(|| {
        let info = model_info();
        vec![ShippedModel {
            id: info.id,
            title: "latent video diffusion model of moving shapes, 16 frames of 64x64",
            revision: info.revision,
            weights: info.weights,
            domain: info.domain,
            defaults: info.defaults,
            license: info.licence,
        }]
    })
}

fn cannot(params: &Params) -> Option<String> {
    let refused = vidbench_worker::embedded::check_params(params).err()?;
    let hint = refused.data.hint.map_or(String::new(), |hint| format!("; {hint}"));
    Some(refused.message + &hint)
}

fn understands(prompt: &str) -> bool {
    vidbench_shapes::parse_prompt(prompt).is_ok()
}

/// Everything the names of a suite may refer to.
pub fn known() -> Known<'static> {
    Known { models: models(), cannot, understands }
}
