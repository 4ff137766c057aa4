//! `vidbench vbench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Progress, ScoreLimits};

#[derive(Debug, Subcommand)]
pub(crate) enum VbenchCommand {
    /// Normalise VBench's scores and compute quality, semantic (or I2V) and total.
    Total(VbenchTotalArgs),
    /// Say what a folder lacks before VBench, or anything else, spends hours on it.
    Check(VbenchCheckArgs),
    /// Write a scoring as VBench's full_info.json and eval_results.json.
    Export(VbenchExportArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench vbench total results/*_eval_results.json
  vidbench vbench total lavie.json --format latex
  vidbench vbench total lavie_color.json lavie_scene.json --allow-incomplete
  vidbench vbench total wan_i2v.json --suite i2v --json | jq .total

A dimension that was not measured makes the total incomplete; VBench's own script counts it as 0, which after normalisation is
below 0. Several files are the results of one model.

Exit codes: 0 complete, or asked for with --allow-incomplete; 2 usage, or a file with problems; 3 incomplete.")]
pub(crate) struct VbenchTotalArgs {
    /// Files that VBench wrote, *_eval_results.json.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Which benchmark the results are of: text to video or image to video.
    #[arg(long, value_enum, default_value_t = VbenchSuiteName::T2v, value_name = "SUITE")]
    pub(crate) suite: VbenchSuiteName,
    /// Also print what VBench would for dimensions that are missing, marked as such.
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// What to print on stdout.
    #[arg(long, value_enum, default_value_t = VbenchFormat::Table)]
    pub(crate) format: VbenchFormat,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VbenchSuiteName {
    /// VBench, 16 dimensions.
    T2v,
    /// VBench-I2V, 9 dimensions.
    I2v,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VbenchFormat {
    /// For people.
    Table,
    /// Everything.
    Json,
    /// One dimension a line, then the means.
    Csv,
    /// The table for a README or a pull request.
    Markdown,
    /// The table for a paper.
    Latex,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench vbench check videos/ --full-info VBench_full_info.json
  vidbench vbench check videos/ --full-info VBench_full_info.json --dimension color,scene --no-decode
  vidbench vbench check videos/ --full-info VBench_full_info.json --min-frames 16 --json

VBench_full_info.json lies in the folder of the vbench package: python -c \"import vbench; print(vbench.__path__[0])\". The folder
is flat, or has a subfolder for each group, named as VBench names them (scene, overall_consistency, ...). What was decoded once is
not decoded again.

Exit codes: 0 everything is there and sound; 1 something is wrong; 2 usage or environment; 130 interrupted.")]
pub(crate) struct VbenchCheckArgs {
    /// Folder of videos named PROMPT-NUMBER.mp4.
    #[arg(value_name = "DIR")]
    pub(crate) videos: PathBuf,
    /// The suite: VBench_full_info.json, or another file of its form.
    #[arg(long, value_name = "FILE")]
    pub(crate) full_info: PathBuf,
    /// Only the prompts of these dimensions; by default all of the suite.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) dimension: Vec<String>,
    /// Clips of each prompt, numbered from 0.
    #[arg(long, default_value_t = vidbench_core::vbench::CLIPS_PER_PROMPT, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) clips_per_prompt: u32,
    /// Decode every clip that is found; the default.
    #[arg(long, overrides_with = "no_decode")]
    pub(crate) decode: bool,
    /// Look at names and sizes of files alone.
    #[arg(long)]
    pub(crate) no_decode: bool,
    /// Fewest frames of a clip.
    #[arg(long, value_name = "N", conflicts_with = "no_decode", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_frames: Option<u64>,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// How progress is shown on stderr; auto is a bar on a terminal and lines elsewhere.
    #[arg(long, value_enum, default_value_t = Progress::Auto, value_name = "KIND", env = "VIDBENCH_PROGRESS")]
    pub(crate) progress: Progress,
    /// Decoders side by side, by default one per core.
    #[arg(long, value_name = "N", env = "VIDBENCH_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) limits: ScoreLimits,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench score videos/ --prompts VBench_full_info.json --metrics temporal_flickering
  vidbench vbench export latest --output results/ --full-info VBench_full_info.json
  vidbench vbench export latest --output results/ --name lavie

Written is every dimension whose formula is computed here (temporal_flickering and vbench.*); what differs is in docs/vbench.md. With --full-info only the
clips count that VBench would look for; without it, every clip with a prompt.

Exit codes: 0 every clip is in the files; 1 some are not, each named; 2 usage, or nothing to write.")]
pub(crate) struct VbenchExportArgs {
    /// Id of a scoring, the beginning of it, or `latest`.
    #[arg(value_name = "SCORING")]
    pub(crate) scoring: String,
    /// Folder to write NAME_full_info.json and NAME_eval_results.json to.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// What the names of the files begin with; by default the id of the scoring.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The suite, VBench_full_info.json: says which prompts each dimension is measured over.
    #[arg(long, value_name = "FILE")]
    pub(crate) full_info: Option<PathBuf>,
}
