//! `vidbench models`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the models in the catalogue.
    #[command(after_long_help = "\
Examples:
  vidbench models list --task i2v --status runnable
  vidbench models list --max-memory 24 --licence apache
  vidbench models list --kind endpoint --json")]
    List(ModelsListArgs),
    /// Show everything known about a model, with a `[[models]]` table for a suite.
    Show(ModelsShowArgs),
    /// Find models by words: part of an id, family, class, task or licence.
    #[command(after_long_help = "\
Examples:
  vidbench models search wan2.2 i2v")]
    Search(ModelsSearchArgs),
    /// Run a model, or a pipeline class with tiny random networks, and report how far it gets.
    #[command(after_long_help = "\
Examples:
  vidbench models check WanPipeline                       a class, tiny: no download
  vidbench models check Wan-AI/Wan2.1-T2V-1.3B-Diffusers  the first class of a model, tiny
  vidbench models check Wan-AI/Wan2.1-T2V-1.3B-Diffusers --weights random
  vidbench models check Wan-AI/Wan2.1-T2V-1.3B-Diffusers --weights real
  vidbench models check WanPipeline/lora                  the class with a tiny LoRA loaded into it
  vidbench models check --all --evidence catalogue/evidence.toml

This loads the model, generates twice with one seed and once with another, and decodes the videos. Results are kept in
$VIDBENCH_CATALOGUE/evidence.toml, or in vidbench/catalogue under $XDG_DATA_HOME or ~/.local/share; `models show` prints them.

Exit codes: 0 every check passed; 1 some did not; 2 usage or environment.")]
    Check(ModelsCheckArgs),
    /// Add a model of your own to this machine's catalogue.
    #[command(after_long_help = "\
Examples:
  vidbench models add me/my-wan --class WanPipeline --task t2v --size 832x480 --frames 81 --fps 16 --steps 50 --guidance 5
  vidbench models add me/my-lora --class WanPipeline --part lora --base Wan-AI/Wan2.1-T2V-1.3B-Diffusers

`models list`, `show`, `search` and `check` then know the model. A run does not read what is added: the grid of a suite
must state every parameter of such a model, so that others can run it. The rules of a class (such as 4k+1 frames) come
from the built-in models of that class.")]
    Add(ModelsAddArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    Checkpoint,
    Adapter,
    Endpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusArg {
    /// Only its facts are recorded.
    Declared,
    /// A class that loads it generated videos with random weights, or better.
    Runnable,
    /// Its own weights were requested.
    Resolved,
    /// Its own weights were loaded.
    Loaded,
    /// Its own weights generated videos.
    Generated,
}

/// How weights are put into another model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum PartArg {
    Lora,
    MotionAdapter,
    Controlnet,
    File,
    Shards,
    Gguf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsArg {
    /// Networks of the same structure with a few thousand random parameters.
    Tiny,
    /// The model's own configuration with random weights: full size, no weights to download.
    Random,
    /// The model's own weights.
    Real,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsListArgs {
    /// Only models of this kind.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArg>,
    /// Only models with at least this status.
    #[arg(long, value_enum)]
    pub(crate) status: Option<StatusArg>,
    /// Only models with this task, such as t2v, i2v or v2v.
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Only models whose family name contains this.
    #[arg(long)]
    pub(crate) family: Option<String>,
    /// Only models whose licence name contains this.
    #[arg(long)]
    pub(crate) licence: Option<String>,
    /// Only models that need at most this much device memory, according to their authors.
    #[arg(long, value_name = "GB")]
    pub(crate) max_memory: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsShowArgs {
    /// Model id, current or former.
    pub(crate) id: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsSearchArgs {
    /// Words that must all match.
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsCheckArgs {
    /// Models or pipeline classes to check.
    #[arg(value_name = "MODEL", required_unless_present = "all")]
    pub(crate) models: Vec<String>,
    /// Check every class that has a tiny version.
    #[arg(long, conflicts_with = "models")]
    pub(crate) all: bool,
    /// Weights to run with.
    #[arg(long, value_enum, default_value_t = WeightsArg::Tiny)]
    pub(crate) weights: WeightsArg,
    /// Environment to run in, as created by `vidbench env create`.
    #[arg(long, default_value = vidbench::DEFAULT_ENV)]
    pub(crate) env: String,
    /// Evidence file to add the results to, instead of your own.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsAddArgs {
    /// Model id on the Hugging Face hub.
    pub(crate) id: String,
    /// Diffusers pipeline class that loads it, or that loads its base model.
    #[arg(long)]
    pub(crate) class: String,
    /// How it is loaded into a base model, if it is not a complete model.
    #[arg(long, value_enum, requires = "base")]
    pub(crate) part: Option<PartArg>,
    /// Base model that it is loaded into.
    #[arg(long, requires = "part", value_name = "MODEL")]
    pub(crate) base: Option<String>,
    /// Task, such as t2v; repeat for several.
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Native width and height.
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub(crate) size: Option<String>,
    /// Native number of frames.
    #[arg(long)]
    pub(crate) frames: Option<u32>,
    /// Frames per second.
    #[arg(long)]
    pub(crate) fps: Option<f64>,
    /// Denoising steps.
    #[arg(long)]
    pub(crate) steps: Option<u32>,
    /// Guidance scale.
    #[arg(long)]
    pub(crate) guidance: Option<f64>,
    /// Licence of the weights.
    #[arg(long)]
    pub(crate) licence: Option<String>,
    /// Commit, branch or tag on the hub.
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Its files require agreeing to terms first.
    #[arg(long)]
    pub(crate) gated: bool,
}
