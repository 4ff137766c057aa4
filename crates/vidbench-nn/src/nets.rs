//! The nets that metrics use: a graph that ships with vidbench, weights that do not, and the runtime that runs both.

mod error;
mod golden;
mod net;
mod prepared;
mod random;
mod shipped;
mod skeleton;
mod weights_file;

pub use error::NetError;
pub use golden::{GOLDEN_TOLERANCE, Golden};
pub use net::Net;
pub(crate) use prepared::damaged_prepared;
pub use random::{random_uniform, random_weights};
pub use skeleton::{Skeleton, TensorSpec};
pub use weights_file::WeightsFile;
