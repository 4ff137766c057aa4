//! The store from outside: files on a real disk, processes that are killed, hostile input.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod artifacts;
mod backup;
mod backup_damage;
mod backup_writers;
mod cache;
mod cache_kill;
mod cache_model;
mod exact;
mod fixtures;
mod kill;
mod lock;
mod model;
mod open;
mod record;
mod remove;
mod runs;
mod scale;
mod seal;
mod sets;
mod upgrade;
