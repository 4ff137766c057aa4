#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clip_metrics;
mod feature_files;
mod feature_metrics;
mod features;
mod frames;
mod frechet;
mod fuzz;
mod net_metrics;
mod numpy;
mod registry;
mod sets;
mod structure;
mod vmaf;
mod warping_error;
