//! Runs a plan: loads models, issues samples at their intended times, has every file validated and scored, and records each
//! outcome the moment it is known. What is already recorded is never done again, which is all that resuming is.
//!
//! The wall clock, the paths and the worker programs are inputs, so that a run can be tested without any of the real ones.
//!
//! Invariant: nothing but the worker's own work happens between sending a timed request and reading its answer.
#![warn(missing_docs)]

mod alerts;
mod board;
mod breaker;
mod cached_features;
mod cancel;
mod checkup;
mod content;
mod desk;
mod error;
mod executor;
mod generate;
mod health;
mod idle;
mod instead;
mod judge;
mod latch;
mod ledger;
mod loading;
mod log;
mod memory;
mod monitor;
mod pace;
mod past;
mod pool;
mod retry;
mod reuse;
mod run;
mod schedule;
mod score_clips;
mod scorer;
mod scoring;
mod side_by_side;
mod telemetry;
mod time_limit;
mod turn;
mod turns;
mod usual_latency;
mod wall_clock;
mod workers;

/// The locks that threads share. `schedules` compiles the same sources with other locks, which try different thread
/// schedules.
mod sync {
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
}
#[cfg(test)]
#[path = "breaker/tests.rs"]
mod breaker_tests;
#[cfg(test)]
#[path = "executor/tests.rs"]
mod executor_tests;
#[cfg(test)]
mod schedules;

pub use alerts::{Alerts, LATENCY_SECS};
pub use breaker::{Breaker, Call, Change, Permit};
pub use cancel::Cancel;
pub use checkup::{Checkup, MachineHealth};
pub use error::RunError;
pub use health::{Accelerators, Health, Silence, Vitals};
pub use judge::mismatch;
pub use memory::available_bytes as available_memory_bytes;
pub use run::{Finish, Inputs, execute};
pub use score_clips::{ScoreFinish, ScoreInputs, score_clips};
pub use telemetry::{Sensors, sensors};
pub use workers::Commands;
