//! The worker side of the protocol: the loop that reads requests and answers them, and the workers that ship.
//!
//! A worker implements [`Handler`] and hands it to [`serve`]. The loop does everything that is the same for all workers:
//! versions, bounded lines, parameters, the order of requests, panics. It does not load models or compute anything.
#![warn(missing_docs)]

pub mod clock;
mod command;
pub mod embedded;
mod import;
mod memory;
mod reference;
mod rss;
mod scorer;
mod serve;
mod stored_nets;

pub use command::{CommandGenerator, adopt_orphans, end_with_client, end_with_program};
pub use import::{ImportGenerator, ImportedVideos};
pub use memory::keep_freed_memory;
pub use reference::{SHAPES_CLASSIFIER, reference_features, shapes_net};
pub use rss::peak_rss_bytes;
pub use scorer::{SCORER_NAME, Scorer};
pub use serve::{Exit, Handler, Notifier, WorkerInfo, serve};
pub use stored_nets::StoredNets;
