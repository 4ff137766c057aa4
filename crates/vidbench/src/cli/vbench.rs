//! `vidbench vbench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ProgressArg, ScoreLimits};

#[derive(Debug, Subcommand)]
pub(crate) enum VbenchCommand {
    /// Normalise VBench's scores and compute quality, semantic (or I2V) and total.
    Total(VbenchTotalArgs),
    /// Check a folder for missing or broken clips before VBench, or anything else, spends hours on it.
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

A dimension that was not measured makes the total incomplete; VBench's own script counts it as 0, which is below 0 after
normalisation. Several files are treated as results of one model.

Exit codes: 0 complete, or --allow-incomplete was given; 2 usage, or a file with problems; 3 incomplete.")]
pub(crate) struct VbenchTotalArgs {
    /// Result files written by VBench, *_eval_results.json.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Benchmark that the results belong to: text to video or image to video.
    #[arg(long, value_enum, default_value_t = VbenchSuiteName::T2v, value_name = "SUITE")]
    pub(crate) suite: VbenchSuiteName,
    /// Also print the totals that VBench would print with missing dimensions, marked as such.
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
    /// Human-readable.
    Table,
    /// Everything.
    Json,
    /// One dimension per line, then the means.
    Csv,
    /// A table for a README or a pull request.
    Markdown,
    /// A table for a paper.
    Latex,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench vbench check videos/ --full-info VBench_full_info.json
  vidbench vbench check videos/ --full-info VBench_full_info.json --dimension color,scene --no-decode
  vidbench vbench check videos/ --full-info VBench_full_info.json --min-frames 16 --json

VBench_full_info.json is in the folder of the vbench package: python -c \"import vbench; print(vbench.__path__[0])\". The folder
is flat, or has one subfolder per group, named as in VBench (scene, overall_consistency, ...). Clips that were decoded once are
not decoded again.

Exit codes: 0 everything is present and intact; 1 something is wrong; 2 usage or environment; 130 interrupted.")]
pub(crate) struct VbenchCheckArgs {
    /// Folder of videos named PROMPT-NUMBER.mp4.
    #[arg(value_name = "DIR")]
    pub(crate) videos: PathBuf,
    /// The suite: VBench_full_info.json, or another file in the same format.
    #[arg(long, value_name = "FILE")]
    pub(crate) full_info: PathBuf,
    /// Only the prompts of these dimensions, separated by commas; by default all dimensions of the suite.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) dimension: Vec<String>,
    /// Clips per prompt, numbered from 0.
    #[arg(long, default_value_t = vidbench_core::vbench::CLIPS_PER_PROMPT, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) clips_per_prompt: u32,
    /// Decode every clip that is found (the default).
    #[arg(long, overrides_with = "no_decode")]
    pub(crate) decode: bool,
    /// Check only file names and sizes.
    #[arg(long)]
    pub(crate) no_decode: bool,
    /// Minimum number of frames per clip.
    #[arg(long, value_name = "N", conflicts_with = "no_decode", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_frames: Option<u64>,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) progress: ProgressArg,
    /// Decoders to run in parallel; by default one per core.
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

Writes every dimension whose formula vidbench computes (temporal_flickering and vbench.*); docs/vbench.md lists the differences. With --full-info, only
clips with a prompt and a number that VBench would look for count, whatever their file names; without it, every clip with a prompt.

Exit codes: 0 every clip is in the files; 1 some are not, each named; 2 usage, or nothing to write.")]
pub(crate) struct VbenchExportArgs {
    /// Id of a scoring, an id prefix, or `latest`.
    #[arg(value_name = "SCORING")]
    pub(crate) scoring: String,
    /// Folder for NAME_full_info.json and NAME_eval_results.json.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Prefix of the file names; by default the id of the scoring.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The suite, VBench_full_info.json: defines which prompts each dimension is measured on.
    #[arg(long, value_name = "FILE")]
    pub(crate) full_info: Option<PathBuf>,
}
