//! The vocabulary of vidbench: ids, units, suites, plans, samples, outcomes, events, protocol messages.
//!
//! Pure values. No IO, no clock, no threads.
#![warn(missing_docs)]

pub mod clip_name;
mod clock;
mod confinement;
mod error_text;
mod event;
mod feature_scoring;
mod frames;
mod health;
mod ids;
pub mod manifest;
mod metric;
mod net_device;
mod outcome;
mod params;
mod path_text;
pub mod plan;
mod pool;
pub mod program;
pub mod prompt;
pub mod protocol;
mod record;
mod reliability;
mod scoring;
pub mod suite;
mod telemetry;
mod toml_check;
pub mod vbench;

pub use clock::{Clock, rfc3339};
pub use confinement::{Confine, Confinement, Filesystem, HeldWorker, Network, NetworkCut, ScorerSettings};
pub use error_text::with_causes;
pub use event::{Event, Phase};
pub use feature_scoring::{FeatureFile, FeatureScore, FeatureScoring, FeatureSet, FeatureSource};
pub use frames::{DecodedFrame, FramesShapeError, FramesU8, Plane, Planes};
pub use health::{
    Alert, AlertChange, AlertSettings, AlertState, HealthChange, HealthPart, HealthSettings, HealthState,
    Levels, PartHealth, PartState,
};
pub use ids::{IdError, MetricId, ModelId, RunId, SampleId};
pub use metric::{Aggregate, Direction, MetricDescriptor, MetricScore, Needs, Score, Series};
pub use net_device::{NetDevice, UnknownNetDevice};
pub use outcome::{ErrorKind, Outcome};
pub use params::Params;
pub use path_text::{path_from_text, text_from_path};
pub use plan::{
    InputFile, Plan, PlannedSample, PromptSuiteRef, ResolvedModel, ResolvedPrompt, ResolvedSuite, hex,
    sha256_hex,
};
pub use pool::{Footprint, PoolSettings, PoolStats};
pub use program::Program;
pub use record::{
    ClipFacts, Domain, Environment, Generation, GivenUp, Ledger, NetsInUse, RECORD_SCHEMA_VERSION, RunData,
    RunRecord, RunStatus, SampleRecord, Session, SessionModel, SetScore, Timing, Verdict, WeightsInUse,
    WeightsOrigin,
};
pub use reliability::{Breaker, BreakerChange, BreakerState, FailedAttempt, Operation, Retry};
pub use scoring::{
    ClipOutcome, ConditioningImage, NetOptions, NetRuntime, RequestedClip, ScoredClip, ScoringData,
    ScoringRecord, ScoringRequest,
};
pub use suite::Suite;
pub use telemetry::{
    DeviceReading, IdleWhen, IdleWindow, NOT_SUPPORTED, ProcessMemory, Reading, SampleTelemetry,
    TelemetrySettings,
};
pub use toml_check::{Problem, nearest};
