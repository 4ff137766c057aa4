//! The worker side of the protocol: the loop that reads requests and answers them, and the workers that ship.
//!
//! A worker implements [`Handler`] and hands it to [`serve`]. The loop does everything that is the same for all workers:
//! versions, bounded lines, parameters, the order of requests, panics. It does not load models or compute anything.
#![warn(missing_docs)]

pub mod clock;
pub mod embedded;
mod rss;
mod serve;

pub use rss::peak_rss_bytes;
pub use serve::{Exit, Handler, Notifier, WorkerInfo, serve};
