//! Statistics against published numbers, and the analysis of whole runs.
#![expect(missing_docs, reason = "tests say what they do in their names")]

mod analysis;
mod bootstrap;
mod build;
mod notes;
mod pareto;
mod percentile;
mod ranking;
mod stats;
