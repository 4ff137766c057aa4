//! Statistics against published numbers, and the analysis of whole runs.
mod analysis;
mod bootstrap;
mod build;
mod notes;
mod pareto;
mod percentile;
mod ranking;
mod stats;
