//! Runs a plan: loads models, issues samples at their intended times, has every file validated and scored, and records each
//! outcome the moment it is known. What is already recorded is never done again, which is all that resuming is.
//!
//! The wall clock, the paths and the worker programs are inputs, so that a run can be tested without any of the real ones.
//!
//! Invariant: nothing but the worker's own work happens between sending a timed request and reading its answer.
#![warn(missing_docs)]

mod breaker;
mod cancel;
mod content;
mod error;
mod generate;
mod judge;
mod ledger;
mod log;
mod pace;
mod retry;
mod run;
mod score_clips;
mod scoring;
mod telemetry;
mod turn;
mod turns;
mod workers;

pub use breaker::{Breaker, Call, Change, Permit};
pub use cancel::Cancel;
pub use error::RunError;
pub use judge::mismatch;
pub use run::{Finish, Inputs, execute};
pub use score_clips::{ScoreFinish, ScoreInputs, score_clips};
pub use telemetry::{Sensors, sensors};
pub use workers::Commands;
