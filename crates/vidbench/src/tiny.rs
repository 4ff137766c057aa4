//! The tiny architectures of the worker of diffusers, as far as a check needs them: the request for each pipeline
//! class.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::python_env::package_file_texts;

/// A pipeline class with tiny networks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TinyPipeline {
    /// What it makes from what.
    pub tasks: Vec<String>,
    /// The request that a check makes.
    pub shape: TinyShape,
    /// Input files that it requires.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Parts with which it is also checked, such as `lora`.
    #[serde(default)]
    pub parts: Vec<String>,
    /// A text that all of its text encoders accept.
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
