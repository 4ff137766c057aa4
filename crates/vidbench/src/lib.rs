//! vidbench as a library: resolves the names in a suite, and carries out a run from suite file to report.
//!
//! The binary of the same name is the only place that parses arguments, prints or exits.

mod anchors;
mod by_default;
mod cache_choice;
mod catalogue;
mod checkpoints;
mod clock;
mod confinement;
mod environment;
mod execute;
mod features;
mod gather;
mod known_prompts;
mod metric_pages;
mod model_check;
mod net_choice;
mod nets_in_use;
mod preflight;
mod prepare;
mod python_env;
mod reference_set;
mod resolve;
mod run_data;
mod score;
mod sets;
mod shipped;
mod tiny;
mod vbench;

pub use anchors::{ANCHORS, Anchor, Anchored, FORMULAS};
pub use by_default::{ByDefault, default_metrics};
pub use cache_choice::{CacheChoice, CacheChoiceError, cache_choice};
pub use catalogue::{
    Catalogue, CatalogueError, CatalogueModel, Constraints, Defaults, Evidence, Kind, Price, Status,
    add_evidence, add_model, counts_sentence, evidence_page, own_evidence_file,
};
pub use checkpoints::{FindCheckpointsError, FoundCheckpoints, find_checkpoints};
pub use clock::SystemClock;
pub use confinement::{HeldCommand, hold_scorers};
pub use environment::environment;
pub use execute::{ExecuteError, Execution, Hooks, NOT_PREPARED, WorkerPrograms, execute};
pub use features::{
    FeatureInputError, FeatureMetricChoiceError, FeatureRequest, choose_feature_metrics, score_features,
};
pub use gather::{GatherError, Gathered, MANIFEST, add_images, gather, gather_pairs, place};
pub use known_prompts::{KnownPromptsError, read_known_prompts};
pub use metric_pages::{commercial_use, metric_page, page_named};
pub use model_check::ModelCheck;
pub use net_choice::{NetChoiceError, choose_nets};
pub use nets_in_use::{
    nets_in_use, prepare_nets, prepare_nets_here, session_options, stored_nets, unprepared_nets,
    weights_bytes, why_no_weights,
};
pub use preflight::{lacking_videos, preflight};
pub use prepare::{Estimate, InputError, Prepared, estimate, new_run, prepare, read_suite, reopen};
pub(crate) use python_env::worker_of_env;
pub use python_env::{
    DEFAULT_ENV, PythonEnv, PythonEnvError, create_env, envs_root, find_env, has_uv, list_envs, remove_env,
    worker_in_container, worker_in_env,
};
pub use reference_set::{
    ReferenceFeatures, ReferenceSetError, SetFeatures, check_reference_set, features_of_scoring, is_of_sets,
    read_reference_set, set_scorings, write_reference_set,
};
pub use resolve::{
    Known, ShippedModel, prompt_suite_names, read_prompt_suite, resolve, shipped_prompt_suite,
};
pub use run_data::run_data;
pub use score::{
    MetricChoiceError, ScoreSettings, choose_metrics, each_scored_clip, new_scoring, score,
    uses_reference_set,
};
pub use sets::{SetError, compute_set_metrics};
pub use shipped::{CLASSIFIER, DEMO_SUITE, SUITE_TEMPLATE, known, models};
pub use tiny::{TinyPipeline, TinyShape, tiny_pipelines};
pub use vbench::{
    Exported, JoinError, Joined, VbenchExportError, VbenchFileError, check_request, empty_clips,
    export_scoring, join_results, list_entries, read_eval_results, read_full_info,
};
