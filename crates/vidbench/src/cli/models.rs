//! `vidbench models`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List models of the catalogue.
    #[command(after_long_help = "\
Examples:
  vidbench models list --task i2v --status runnable
  vidbench models list --max-memory 24 --licence apache
  vidbench models list --kind endpoint --json")]
    List(ModelsListArgs),
    /// Show everything that is known of one model, with a suite to start from.
    Show(ModelsShowArgs),
    /// Find models by words: part of an id, family, class, task or licence.
    #[command(after_long_help = "\
Examples:
  vidbench models search wan2.2 i2v")]
    Search(ModelsSearchArgs),
    /// Run a model, or a pipeline class with tiny random networks, and say how far it came.
    #[command(after_long_help = "\
Examples:
  vidbench models check WanPipeline                       a class, tiny: no download
  vidbench models check Wan-AI/Wan2.1-T2V-1.3B-Diffusers  the first class of a model, tiny
  vidbench models check Wan-AI/Wan2.1-T2V-1.3B-Diffusers --weights random
  vidbench models check Wan-AI/Wan2.1-T2V-1.3B-Diffusers --weights real
  vidbench models check WanPipeline/lora                  the class, with a tiny LoRA put into it
  vidbench models check --all --evidence catalogue/evidence.toml

It loads the model, generates with one seed twice and with another one, and decodes the videos. What it found is kept in
$VIDBENCH_CATALOGUE/evidence.toml, or in vidbench/catalogue under $XDG_DATA_HOME or ~/.local/share, and tells in `models show`.

Exit codes: 0 every one came through; 1 some did not; 2 usage or environment.")]
    Check(ModelsCheckArgs),
    /// Add a model of yours to the catalogue of this machine.
    #[command(after_long_help = "\
Examples:
  vidbench models add me/my-wan --class WanPipeline --task t2v --size 832x480 --frames 81 --fps 16 --steps 50 --guidance 5
  vidbench models add me/my-lora --class WanPipeline --part lora --base Wan-AI/Wan2.1-T2V-1.3B-Diffusers

It is for looking up and for checks: models list, show, search and check know it. A suite says everything of it itself, so that
others can run the suite. The rules of a class (frames such as 4k+1) are taken from the models of that class that ship.")]
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
    /// Facts only.
    Declared,
    /// A class that loads it made videos with random weights, or more.
    Runnable,
    /// Its own weights were asked for.
    Resolved,
    /// Its own weights were loaded.
    Loaded,
    /// Its own weights made videos.
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
    /// Networks of the same structure with a few thousand random numbers.
    Tiny,
    /// The model's own configuration with random weights: its size without its download.
    Random,
    /// The model's own weights.
    Real,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsListArgs {
    /// Only models of this kind.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArg>,
    /// Only models that came at least so far.
    #[arg(long, value_enum)]
    pub(crate) status: Option<StatusArg>,
    /// Only models that do this, such as t2v, i2v or v2v.
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Only models whose family has this in its name.
    #[arg(long)]
    pub(crate) family: Option<String>,
    /// Only models whose licence has this in its name.
    #[arg(long)]
    pub(crate) licence: Option<String>,
    /// Only models whose authors name at most so much device memory.
    #[arg(long, value_name = "GB")]
    pub(crate) max_memory: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsShowArgs {
    /// Its id, or an older one.
    pub(crate) id: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsSearchArgs {
    /// Words that must all be there.
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsCheckArgs {
    /// Models or pipeline classes.
    #[arg(value_name = "MODEL", required_unless_present = "all")]
    pub(crate) models: Vec<String>,
    /// Every class that can be built tiny.
    #[arg(long, conflicts_with = "models")]
    pub(crate) all: bool,
    /// Which weights.
    #[arg(long, value_enum, default_value_t = WeightsArg::Tiny)]
    pub(crate) weights: WeightsArg,
    /// Environment of `vidbench env create` to run in.
    #[arg(long, default_value = vidbench::DEFAULT_ENV)]
    pub(crate) env: String,
    /// File of evidence to add the results to, in place of your own.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsAddArgs {
    /// Its id on the hub.
    pub(crate) id: String,
    /// Pipeline class of diffusers that loads it, or that loads the model it is put into.
    #[arg(long)]
    pub(crate) class: String,
    /// How it is put into another model, if it is no whole one.
    #[arg(long, value_enum, requires = "base")]
    pub(crate) part: Option<PartArg>,
    /// The model that it is put into.
    #[arg(long, requires = "part", value_name = "MODEL")]
    pub(crate) base: Option<String>,
    /// What it makes of what, such as t2v; more than once for several.
    #[arg(long = "task", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Width and height that it was made for.
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub(crate) size: Option<String>,
    /// Number of frames that it was made for.
    #[arg(long)]
    pub(crate) frames: Option<u32>,
    /// Frames a second.
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
    /// Commit, branch or tag of the hub.
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Its files are given only to those who agreed to terms.
    #[arg(long)]
    pub(crate) gated: bool,
}
