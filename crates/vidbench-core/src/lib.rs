//! The vocabulary of vidbench: ids, units, suites, plans, samples, outcomes, events, protocol messages.
//!
//! Pure values. No IO, no clock, no threads.
#![warn(missing_docs)]

mod frames;

pub use frames::{FramesShapeError, FramesU8};
