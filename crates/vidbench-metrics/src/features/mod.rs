//! Features of many clips as one matrix, files of them, and shards of them.

mod decode;
mod file;
mod matrix;
mod npy;
mod npz;
mod safetensors;
mod shards;

pub use file::{FeatureFileError, FeatureFormat, MAX_ARRAY_BYTES, read_features};
pub use matrix::{FeatureError, FeatureMatrix, MAX_DIMS, Precision};
pub use shards::{DuplicateRow, FeatureShard};
