//! The model that ships inside: `shapes-ldm`, a latent video diffusion model of moving shapes.
//!
//! [`EmbeddedGenerator`] is its worker. [`ShapesModel`] is the model itself, without protocol, files or clock. The
//! weights are part of the program ([`model_info`] names and hashes them), so nothing is downloaded and nothing can be
//! missing. It makes 16 frames of 64x64 pixels from the prompts of the shapes grammar and refuses everything else.

mod generator;
mod model;
mod noise;
mod request;
mod sampler;
mod weights;

pub use generator::EmbeddedGenerator;
pub use model::{SampleError, ShapesModel};
pub use noise::gaussian_noise;
pub use request::{MAX_STEPS, check_params};
pub use weights::{ModelInfo, model_info};
