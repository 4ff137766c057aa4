//! `vidbench reference`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{NetArgs, ProgressArg, ScoreLimits};

#[derive(Debug, Subcommand)]
pub(crate) enum ReferenceCommand {
    /// Compute the features of videos with nets and write them to a file.
    #[command(after_long_help = "\
Examples:
  vidbench reference make real/ --output real.safetensors
  vidbench reference make real/ --metrics fvd.cdfvd-i3d,fvd.videogpt --output real.safetensors
  vidbench score videos/ --metrics fvd.cdfvd-i3d --reference-set real.safetensors

The file holds the features of each clip, their mean and covariance, and the weights, runtime and preprocessing that produced them. Clips
that were processed before are not processed again.

Exit codes: 0 every clip is in the file; 1 some are not; 2 usage or environment; 130 interrupted.")]
    Make(ReferenceMakeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReferenceMakeArgs {
    /// Folders, video files or manifests (.jsonl).
    #[arg(required = true, value_name = "VIDEOS")]
    pub(crate) videos: Vec<PathBuf>,
    /// Output file, .safetensors.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Metrics to use the set with, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES", default_value = "fvd.cdfvd-i3d")]
    pub(crate) metrics: Vec<String>,
    /// Write only mean and covariance, enough for Fréchet distances: a small file without the features of clips.
    #[arg(long)]
    pub(crate) no_features: bool,
    #[command(flatten)]
    pub(crate) progress: ProgressArg,
    /// Scorers to run in parallel; by default one per core, or fewer if memory is short. Does not change features.
    #[arg(long, value_name = "N", env = "VIDBENCH_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) nets: NetArgs,
    #[command(flatten)]
    pub(crate) limits: ScoreLimits,
}
