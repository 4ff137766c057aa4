#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clip_metrics;
mod features;
mod frames;
mod frechet;
mod numpy;
mod registry;
mod sets;
mod structure;
