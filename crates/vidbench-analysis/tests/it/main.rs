//! Statistics against published numbers, and the analysis of whole runs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by its panic")]
mod analysis;
mod bootstrap;
mod build;
mod notes;
mod pareto;
mod percentile;
mod ranking;
mod stats;
mod vbench_total;
