//! Files written and read back, and files that are not what they say. Needs no ffmpeg program.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test that calls them")]

mod codecs;
mod colour;
mod determinism;
mod fixtures;
mod fuzz;
mod hostile;
mod limits;
mod memory;
mod reader;
mod round_trip;
mod timing;
