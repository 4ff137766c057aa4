//! Tiny architectures of the worker of diffusers, as far as a check needs them: what to ask of each pipeline class.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::python_env::package_file_texts;

/// A pipeline class with tiny networks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TinyPipeline {
    /// What it makes of what.
    pub tasks: Vec<String>,
    /// What a check asks for.
    pub shape: TinyShape,
    /// Files that it cannot do without.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Parts beside it with which it is checked too, such as `lora`.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Text that goes through all of its text encoders.
    #[serde(default = "boat")]
    pub prompt: String,
}

fn boat() -> String {
    "a boat on a lake".into()
}

/// See [`TinyPipeline::shape`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct TinyShape {
    /// Number of frames.
    pub frames: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Guidance scale.
    #[serde(default = "one")]
    pub guidance: f64,
    /// Denoising steps.
    #[serde(default = "two")]
    pub steps: u32,
    /// Frames a second.
    #[serde(default = "eight")]
    pub fps: f64,
}

fn one() -> f64 {
    1.0
}

fn two() -> u32 {
    2
}

fn eight() -> f64 {
    8.0
}

#[derive(Deserialize)]
struct ArchitectureFile {
    #[serde(default)]
    pipelines: BTreeMap<String, TinyPipeline>,
}

/// Every class that the worker can build tiny.
pub fn tiny_pipelines() -> &'static BTreeMap<String, TinyPipeline> {
    static PIPELINES: OnceLock<BTreeMap<String, TinyPipeline>> = OnceLock::new();
    PIPELINES.get_or_init(|| {
        package_file_texts("vidbench_diffusers/architectures/tiny")
            .into_iter()
            .flat_map(|text| {
                let file: ArchitectureFile =
                    toml::from_str(text).expect("invariant: a test reads every tiny architecture");
                file.pipelines
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_tiny_architecture_is_read() {
        assert!(super::tiny_pipelines().len() > 80);
    }
}
