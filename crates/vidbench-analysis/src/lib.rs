//! Statistics, comparison and Pareto fronts: records in, numbers out.
//!
//! Pure: no clock, files, threads or global random numbers. Sums are taken in a fixed order and every result is sorted,
//! so that the same run gives the same analysis, to the last bit. The only text for people written here is the reasons
//! and notes that travel with the numbers.
//!
//! ```
//! use vidbench_analysis::percentile::{Percentile, percentile};
//!
//! let sorted = [1.0, 2.0, 3.0];
//! assert_eq!(percentile(&sorted, 0.5), Some(Percentile::TooFew { n: 3, needed: 11, max: 3.0 }));
//! ```
#![warn(missing_docs)]

pub mod aggregate;
mod analysis;
pub mod bootstrap;
mod extremes;
mod group;
mod health_notes;
mod join;
mod labels;
mod metric_summary;
mod model_facts;
mod notes;
mod overhead;
pub mod pareto;
pub mod percentile;
mod ranking;
mod scoring;
mod sensor_series;
mod special;
mod stage_times;
pub mod stats;
mod summary;
mod telemetry;
mod throughput;
pub mod vbench_total;
mod verdict;

pub use analysis::{RunAnalysis, analyse};
pub use extremes::{ClipValue, Extremes};
pub use group::{FailureCount, Group};
pub use join::{Joined, SampleView, join};
pub use metric_summary::{MetricSummary, UnavailableCount};
pub use notes::{Note, NoteKind};
pub use overhead::HarnessOverhead;
pub use percentile::Percentile;
pub use ranking::{ParetoFront, ParetoPoint, RankEntry, Ranking, TimeBasis, Unranked};
pub use scoring::{FailedClip, OutcomeCount, ScoredGroup, ScoringAnalyser, ScoringAnalysis};
pub use sensor_series::{Bin, SensorPanel, SensorSeries, sensor_panels};
pub use stage_times::StageMean;
pub use stats::Interval;
pub use summary::Summary;
pub use telemetry::{IdlePower, sample_telemetry};
pub use throughput::{Throughput, ThroughputBasis};
pub use verdict::RunVerdict;
