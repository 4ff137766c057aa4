//! Tests of the binary, as people and programs use it.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test that cannot go on ends here")]

mod backup;
mod browser;
mod cache;
mod cache_traces;
mod command_engine;
mod confinement;
mod diffusers_engine;
mod disk_faults;
mod errors;
mod faults;
mod features;
mod generated;
mod health;
mod help;
mod import_engine;
mod instead;
mod kill;
mod log;
mod main_job;
mod models;
mod nets;
#[cfg(feature = "otel")]
mod otel;
mod pool;
mod recovery;
mod score;
mod score_faults;
mod score_nets;
#[path = "../../../vidbench-nn/tests/it/server.rs"]
mod server;
mod telemetry;
mod time_limit;
mod vbench;
mod vmaf;
mod weights;
mod workspace;
