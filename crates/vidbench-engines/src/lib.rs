//! Engines: the client side of the worker protocol and its conformance suite.
//!
//! [`WorkerProcess`] starts a worker, calls it and judges every line it writes; [`conformance::check`] tells whether a
//! worker in any language keeps the protocol. This crate knows nothing of models, formats or scores, and prints nothing.
#![warn(missing_docs)]

mod asking;
mod bounds;
mod client;
mod clock_sync;
mod command;
pub mod conformance;
mod error;
mod excerpt;
mod family;
mod judge;
mod limits;
mod mark;
mod wire;

pub use asking::output_within;
pub use bounds::{Bounds, BoundsError, Means, bubblewrap};
pub use client::{CallObserver, GenerateReply, Notification, TICK, WorkerProcess};
pub use clock_sync::ClockSync;
pub use command::{PASSED_ENV, WorkerCommand};
pub use error::{CallError, EngineError};
pub use family::{family, family_cpu_secs};
pub use limits::{Exceeded, Limits, ReachableFiles, Walls};
pub use wire::LogSink;
