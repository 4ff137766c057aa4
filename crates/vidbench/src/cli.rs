//! The command line: verbs, flags, help. The only place that names them.

mod backup;
mod cache;
mod confined;
mod env;
mod metrics;
mod models;
mod nets;
mod reference;
mod span;
mod vbench;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vidbench_core::protocol::Pixels;
use vidbench_core::{Confine, ScorerSettings};

pub(crate) use backup::{
    BackupCommand, BackupCreateArgs, BackupEvery, BackupListArgs, BackupVerifyArgs, RunBackups,
};
pub(crate) use cache::{CacheCommand, CacheShowArgs};
pub(crate) use confined::ConfinedArgs;
pub(crate) use env::EnvCommand;
pub(crate) use metrics::{MetricsCommand, MetricsSelftestArgs, NetArgs};
pub(crate) use models::{
    KindArg, ModelsAddArgs, ModelsCheckArgs, ModelsCommand, ModelsListArgs, ModelsSearchArgs, ModelsShowArgs,
    PartArg, StatusArg, WeightsArg,
};
pub(crate) use nets::{NetsCommand, NetsFetchArgs, NetsImportArgs, NetsRandomArgs, NetsVerifyArgs};
pub(crate) use reference::{ReferenceCommand, ReferenceMakeArgs};
use span::span;
pub(crate) use vbench::{
    VbenchCheckArgs, VbenchCommand, VbenchExportArgs, VbenchFormat, VbenchSuiteName, VbenchTotalArgs,
};

/// Benchmark video diffusion models: quality, speed and memory in one run.
#[derive(Debug, Parser)]
#[command(
    name = "vidbench",
    version,
    about = "Benchmark video diffusion models: quality, speed and memory in one run.",
    after_help = "Start with `vidbench demo`. `vidbench help <command>` has examples.",
    after_long_help = "\
Examples:
  vidbench demo                      measure the embedded model and write a report
  vidbench init                      write a commented suite file
  vidbench run suite.toml --dry-run  show the plan and its estimate, run nothing
  vidbench run suite.toml            run it
  vidbench run --resume latest       continue a run that stopped
  vidbench report latest             rewrite the report

Exit codes: 0 ok; 1 a sample failed; 2 usage or environment; 3 incomplete; 130 interrupted.",
    disable_help_subcommand = false,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Folder of runs and videos.
    #[arg(long, global = true, env = "VIDBENCH_WORKSPACE", default_value = ".vidbench", value_name = "DIR")]
    pub(crate) workspace: PathBuf,
    /// When to use colours; auto follows the terminal and NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Print only data and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure the embedded model and write a report; needs no GPU and no download.
    Demo(DemoArgs),
    /// Write a commented suite file to start from.
    Init(InitArgs),
    /// Run a suite, or continue a run that stopped.
    Run(RunArgs),
    /// Score existing videos, alone or against references.
    Score(ScoreArgs),
    /// Compare sets of clips by their feature files: distances, precision, recall.
    Features(FeaturesArgs),
    /// List or explain metrics, or test the nets behind them on this machine.
    #[command(subcommand)]
    Metrics(MetricsCommand),
    /// Create a reference set that others can compare with: video features in one file.
    #[command(subcommand)]
    Reference(ReferenceCommand),
    /// Work with VBench: total its results, check a folder, export scores as its files.
    #[command(subcommand)]
    Vbench(VbenchCommand),
    /// Write the HTML report of a run or scoring.
    Report(ReportArgs),
    /// List, show or remove runs and scorings.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Export the data of a run or scoring as JSON, JSON Lines or CSV.
    Export(ExportArgs),
    /// List models, metrics or suites.
    List(ListArgs),
    /// List, show or create prompt suites, or check a prompt against the policy.
    #[command(subcommand)]
    Prompts(PromptsCommand),
    /// List, fetch, import or verify the weights of the nets that metrics need.
    #[command(subcommand)]
    Nets(NetsCommand),
    /// Browse the model catalogue, add to it, or check that a model really runs.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Create, list, verify or restore backups of the workspace.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Show or clear the cache of reusable results.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Create, list or remove Python environments for diffusers models.
    #[command(subcommand)]
    Env(EnvCommand),
    /// Run one of vidbench's own workers, or check a worker of yours.
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Show what this machine has and lacks, and how to fix it.
    Doctor(DoctorArgs),
    /// Print the JSON Schema of suite files, or a reference page.
    Schema(SchemaArgs),
    /// Print shell completions.
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench demo
  vidbench demo --workspace /tmp/demo --progress plain

At one or two steps the model sometimes draws nothing; vidbench finds those clips black and counts them as failed.
The exit code is still 0 when every sample has its verdict.")]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) output: RunOutput,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench init                 write suite.toml
  vidbench init nightly.toml    write another file
  vidbench init --stdout        print it")]
pub(crate) struct InitArgs {
    /// File to write; an existing file is never overwritten.
    #[arg(default_value = "suite.toml", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print the suite instead of writing it.
    #[arg(long)]
    pub(crate) stdout: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench run suite.toml --dry-run         show the plan and its estimate; run nothing
  vidbench run suite.toml                   run it and write the report
  vidbench run suite.toml --json | jq .     print the result as JSON
  vidbench run --resume latest              continue the newest run
  vidbench run suite.toml --time-limit 8h   stop within the time limit of a Slurm job

Ctrl-C once finishes the current sample, records it and exits with 130; twice stops immediately.
Either way `--resume` continues, with the result that an uninterrupted run would have had.

Exit codes: 0 every sample is ok; 1 the run is complete and some samples failed; 2 usage or environment;
3 samples are left to do; 130 interrupted.")]
pub(crate) struct RunArgs {
    /// Suite file.
    #[arg(value_name = "SUITE", required_unless_present = "resume")]
    pub(crate) suite: Option<PathBuf>,
    /// Continue a run: its id, an id prefix, or `latest`. A suite given as well must be the same.
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// Show the plan and its estimate, then stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Stop within this time (45m, 8h, 2d), as for a batch job: a sample that is unlikely to finish in time is not started, and one that is
    /// still running at the end is abandoned. The report is written afterwards; --resume continues the run.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) time_limit: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: RunOutput,
    #[command(flatten)]
    pub(crate) backups: RunBackups,
}

#[derive(Debug, Args)]
pub(crate) struct RunOutput {
    /// Print the result as JSON on stdout instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

/// Where the progress, the log and the report of long work go.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    #[command(flatten)]
    pub(crate) progress: ProgressArg,
    /// HTML report file; by default in the workspace.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Format of the log in the workspace's `logs` folder; one file per day, the last 30 are kept.
    #[arg(long, value_enum, default_value_t = LogFormat::Json, value_name = "FORMAT", env = "VIDBENCH_LOG")]
    pub(crate) log: LogFormat,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ProgressArg {
    /// How to show progress on stderr; auto is a bar on a terminal and lines elsewhere.
    #[arg(id = "progress", long = "progress", value_enum, default_value_t = Progress::Auto, value_name = "KIND", env = "VIDBENCH_PROGRESS")]
    pub(crate) kind: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Human-readable.
    Text,
    /// No log.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    Auto,
    Bar,
    Plain,
    Json,
    None,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench score videos/                               metrics that need only the videos
  vidbench score fp8/ --reference bf16/                compare with references of the same names
  vidbench score videos/ --metrics psnr,ssim --reference full/
  vidbench score a/ b/ --format csv > scores.csv       two folders, one row each
  vidbench score videos/manifest.jsonl                 clips, prompts and seeds from a manifest
  vidbench score videos/ --prompts VBench_full_info.json   prompts from the file names

A folder of images is one clip. Scores are stored by the content of each clip's file: repeating the command computes only
what is missing, even after a kill.

Exit codes: 0 every clip is ok; 1 some clips are not, or a metric named by --metrics has no value for any clip or for some set;
2 usage or environment; 130 interrupted.")]
pub(crate) struct ScoreArgs {
    /// Folders, video files or manifests (.jsonl).
    #[arg(required = true, value_name = "VIDEOS")]
    pub(crate) videos: Vec<PathBuf>,
    /// Folder, file or manifest of reference clips, each matched to its clip by manifest or by name.
    #[arg(long, value_name = "VIDEOS")]
    pub(crate) reference: Option<PathBuf>,
    /// Reference set to compare all clips with, for set metrics such as fvd.cdfvd-i3d: a folder, file or manifest of videos, or a
    /// .safetensors file written by `vidbench reference make`.
    #[arg(long, value_name = "VIDEOS")]
    pub(crate) reference_set: Option<PathBuf>,
    /// Bootstrap resamples for each interval of a set metric; 0 for no intervals, much faster with thousands of frames.
    #[arg(long, default_value_t = 200, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) resamples: u32,
    /// Prompts to recognise at the start of file names, as in "a red fox-3.mp4": a VBench full_info.json, a prompt suite (name or
    /// .toml file), or a .txt file with one prompt per line. Without this option, file names provide no prompts.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,
    /// Folder with the images that clips were generated from, each named by its prompt as in "a red fox.jpg", for metrics that compare a clip
    /// with its image. A manifest can name the images itself.
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Metrics to compute, separated by commas, such as ssim or ssim@1; `vidbench list metrics` lists them and marks the defaults.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) metrics: Vec<String>,
    /// Only metrics whose nets' licences allow commercial use; those left out are listed.
    #[arg(long)]
    pub(crate) commercial_safe: bool,
    /// What to print on stdout.
    #[arg(long, value_enum, default_value_t = ScoreFormat::Table)]
    pub(crate) format: ScoreFormat,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// Name shown in the report; by default the first of VIDEOS.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Write no HTML report; `vidbench report` writes it later.
    #[arg(long, conflicts_with = "report")]
    pub(crate) no_report: bool,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    /// Scorers to run in parallel; by default one per core, or fewer if memory is short. Does not change scores.
    #[arg(long, value_name = "N", env = "VIDBENCH_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) nets: NetArgs,
    #[command(flatten)]
    pub(crate) limits: ScoreLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PixelsName {
    /// By the standards' formulas with interpolated chroma; the same bytes everywhere.
    Exact,
    /// As decord, OpenCV and PyAV decode frames for VBench, cd-fvd and others: to compare with their numbers.
    Swscale,
}

impl From<PixelsName> for Pixels {
    fn from(name: PixelsName) -> Self {
        match name {
            PixelsName::Exact => Self::Exact,
            PixelsName::Swscale => Self::Swscale,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading and limits per file")]
pub(crate) struct ScoreLimits {
    /// Time limit per clip in seconds; a scorer that exceeds it is killed.
    #[arg(long, default_value_t = 1800, value_name = "SECS", env = "VIDBENCH_CLIP_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Maximum width or height in pixels.
    #[arg(long, default_value_t = 8192, value_name = "N", env = "VIDBENCH_MAX_SIDE", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) max_side: u32,
    /// Maximum number of frames.
    #[arg(long, default_value_t = 72_000, value_name = "N", env = "VIDBENCH_MAX_FRAMES", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) max_frames: u64,
    /// Maximum duration of a video in seconds.
    #[arg(long, default_value_t = 1200, value_name = "SECS", env = "VIDBENCH_MAX_DURATION", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_duration: u32,
    /// Maximum size in MiB of a file, or of all images in a folder.
    #[arg(long, default_value_t = 2048, value_name = "MIB", env = "VIDBENCH_MAX_FILE_MIB", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub(crate) max_file_mib: u64,
    /// Threads per file; with 2 or more, the next frame is decoded while the current one is scored.
    #[arg(long, default_value_t = 1, value_name = "N", env = "VIDBENCH_DECODE_THREADS", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) decode_threads: u32,
    /// How to convert stored pixels to the RGB that metrics see; scores are kept separately for each.
    #[arg(long, value_enum, default_value_t = PixelsName::Exact, value_name = "HOW", env = "VIDBENCH_PIXELS")]
    pub(crate) pixels: PixelsName,
    /// Frames per second of image folders, which record none.
    #[arg(long, value_name = "FPS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) image_fps: Option<u32>,
    /// Size of .yuv files whose names do not state it, such as 832x480.
    #[arg(long, value_name = "SIZE", value_parser = vidbench_core::suite::parse_size)]
    pub(crate) raw_size: Option<(u32, u32)>,
    /// Pixel format of .yuv files whose names do not state it, such as yuv420p10le.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) raw_format: Option<String>,
    /// Frames per second of .yuv files whose names do not state it.
    #[arg(long, value_name = "FPS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) raw_fps: Option<u32>,
    /// Confine scorers (no network, no writing, reading only what they score with): if-possible, required or no.
    #[arg(long, default_value = "if-possible", value_name = "WHEN", env = "VIDBENCH_CONFINE_SCORER", value_parser = confine)]
    pub(crate) confine_scorer: Confine,
    /// Memory limit of a scorer in MiB; by default three quarters of the machine's memory.
    #[arg(long, value_name = "MIB", env = "VIDBENCH_SCORER_MEMORY_MIB", value_parser = clap::value_parser!(u64).range(64..=1_000_000_000))]
    pub(crate) scorer_memory_mib: Option<u64>,
}

impl ScoreLimits {
    /// What scorers are held to.
    pub(crate) fn scorer(&self) -> ScorerSettings {
        ScorerSettings { confine: self.confine_scorer, memory_mib: self.scorer_memory_mib }
    }
}

fn confine(text: &str) -> Result<Confine, String> {
    let found = Confine::NAMES.into_iter().find(|(name, _)| *name == text);
    found.map(|(_, confine)| confine).ok_or_else(|| "must be if-possible, required or no".into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreFormat {
    /// Human-readable.
    Table,
    /// Everything: clips, scores, analysis.
    Json,
    /// One clip per line.
    Jsonl,
    /// One clip per line, one column per metric.
    Csv,
    /// A table for a README or a pull request.
    Markdown,
    /// A table for a paper.
    Latex,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench features wan.npy --reference real.npy            every metric that compares two sets
  vidbench features a.npz b.npz --reference real.npz        one row each
  vidbench features part-*.npy --join --reference real.npy  shards of one set
  vidbench features wan.safetensors --reference real.safetensors --metrics frechet_distance.biased
  vidbench features probabilities.npy --metrics inception_score

A file holds one row of features per clip, all from the same net: .npy, .npz or .safetensors with 16-, 32- or 64-bit floats.
A distance depends on the number of clips: compare only equal N. Nothing is stored; --json prints everything with its origin.

Exit codes: 0 every value was computed; 1 a set or a metric has none; 2 usage or environment.")]
pub(crate) struct FeaturesArgs {
    /// Feature files of generated clips.
    #[arg(required = true, value_name = "GENERATED")]
    pub(crate) generated: Vec<PathBuf>,
    /// Feature file of the reference; several are shards of one set.
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Vec<PathBuf>,
    /// Treat the GENERATED files as shards of one set, in the given order.
    #[arg(long)]
    pub(crate) join: bool,
    /// Metrics to compute, separated by commas, such as frechet_distance or frechet_distance@1; by default all that compare two sets.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) metrics: Vec<String>,
    /// Array to read from GENERATED files that hold several.
    #[arg(long, value_name = "NAME")]
    pub(crate) array: Option<String>,
    /// Array to read from reference files that hold several; by default that of --array.
    #[arg(long, value_name = "NAME")]
    pub(crate) reference_array: Option<String>,
    /// Bootstrap resamples for each interval; 0 for no intervals, much faster with thousands of dimensions.
    #[arg(long, default_value_t = 200, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) resamples: u32,
    /// Bootstrap seed.
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    pub(crate) bootstrap_seed: u64,
    /// Metrics to compute in parallel; by default one per core. Does not change scores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// What to print on stdout.
    #[arg(long, value_enum, default_value_t = FeatureFormat::Table)]
    pub(crate) format: FeatureFormat,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeatureFormat {
    /// Human-readable.
    Table,
    /// Everything, with file hashes.
    Json,
    /// One value per line.
    Csv,
    /// A table for a README or a pull request.
    Markdown,
    /// A table for a paper.
    Latex,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench report latest
  vidbench report 20260131 --output report.html
  vidbench report latest --format table
  vidbench report latest --format markdown >> notes.md")]
pub(crate) struct ReportArgs {
    /// Id of a run or scoring, an id prefix, or `latest`.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// File to write; `-` is stdout. By default the report in the workspace for html, stdout otherwise.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
    /// Maximum number of videos to embed in the HTML file; the page states how many were left out.
    #[arg(long, default_value_t = 400, value_name = "N")]
    pub(crate) max_clips: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Html,
    Table,
    Markdown,
    Latex,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the runs and scorings in the workspace, newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the result table of a run or scoring.
    Show {
        /// Run id, an id prefix, or `latest`.
        run: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove runs, along with videos that no other run uses, and scorings.
    Rm {
        /// Run ids or id prefixes; never `latest`.
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench export latest --format jsonl > samples.jsonl
  vidbench export latest --format csv --output samples.csv
  vidbench export latest | jq .analysis")]
pub(crate) struct ExportArgs {
    /// Id of a run or scoring, an id prefix, or `latest`.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Output format; json holds everything, jsonl and csv hold one sample per line.
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    pub(crate) format: ExportFormat,
    /// File to write; `-` is stdout.
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Jsonl,
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to list.
    #[arg(value_enum)]
    pub(crate) what: Listing,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    Models,
    Metrics,
    Suites,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromptsCommand {
    /// List the built-in prompt suites.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the prompts of a built-in suite or of a file.
    Show {
        /// Name of a prompt suite, or a prompt suite file.
        suite: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Only this category.
        #[arg(long)]
        category: Option<String>,
    },
    /// Create a prompt suite; the same arguments produce the same prompts.
    #[command(after_long_help = "\
Examples:
  vidbench prompts make --category camera-motion --count 40 --seed 1 > camera.toml
  vidbench prompts make --category human-action --count 20 --difficulty hard")]
    Make {
        /// Category of all prompts.
        #[arg(long)]
        category: String,
        /// Number of prompts.
        #[arg(long)]
        count: usize,
        /// Difficulty: easy, medium or hard.
        #[arg(long, default_value = "medium")]
        difficulty: String,
        /// Seed that selects the prompts.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Show what the prompt policy finds in a text.
    Check {
        /// The prompt; `-` reads stdin.
        text: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Serve the embedded model on stdin and stdout.
    Embedded,
    /// Serve decoding and metrics on stdin and stdout.
    Scorer(NetArgs),
    /// Write files that make nets fast to load for scorers, which may not write them; vidbench starts this first.
    #[command(hide = true)]
    PrepareNets {
        #[command(flatten)]
        nets: NetArgs,
        /// Nets to prepare.
        #[arg(value_name = "NET")]
        names: Vec<String>,
    },
    /// Serve a program that writes videos, described by a suite's `program` as JSON, on stdin and stdout.
    Command {
        /// Description of the program.
        #[arg(long, value_name = "JSON")]
        program: String,
    },
    /// Serve existing videos, found by prompt and seed, on stdin and stdout.
    Import {
        /// Folder of videos, or a manifest.
        #[arg(long, value_name = "PATH")]
        videos: PathBuf,
    },
    /// Set limits on this process, then run a program in its place; vidbench starts workers this way.
    #[command(hide = true)]
    Confined(ConfinedArgs),
    /// Print, as JSON, which limits this machine can enforce on a worker.
    #[command(hide = true)]
    Means,
    /// Check that a worker follows the protocol, rule by rule.
    #[command(after_long_help = "\
Examples:
  vidbench worker check -- vidbench worker embedded
  vidbench worker check --model my-model -- python my_worker.py")]
    Check(WorkerCheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WorkerCheckArgs {
    /// Model to load; by default the first that the worker lists.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Prompt to generate.
    #[arg(long, default_value = "a large red circle moving left on a navy background")]
    pub(crate) prompt: String,
    /// Denoising steps.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) steps: u32,
    /// Number of frames.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) frames: u32,
    /// Width and height.
    #[arg(long, default_value = "64x64")]
    pub(crate) size: String,
    /// Frames per second.
    #[arg(long, default_value_t = 8.0, value_parser = fps)]
    pub(crate) fps: f64,
    /// Time limit per request in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The worker and its arguments.
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

fn fps(text: &str) -> Result<f64, String> {
    let fps: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=240.0).contains(&fps) { Ok(fps) } else { Err("must be 0.1 to 240".into()) }
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench doctor
  vidbench doctor --watch
  vidbench doctor --watch --interval 0.5 --count 10 --json

With --watch, each reading prints one line: whether the machine is healthy, degraded or unhealthy, and every part that is not healthy. What
cannot be read is unknown and makes the machine degraded. The exit code is 130 after Ctrl-C; after --count readings it is 1 if the machine is unhealthy.")]
pub(crate) struct DoctorArgs {
    /// Print JSON; with --watch, one line per reading.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep reading sensors and showing the machine's health.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Seconds between two readings.
    #[arg(long, value_name = "SECS", default_value_t = 2.0, requires = "watch", value_parser = seconds)]
    pub(crate) interval: f64,
    /// Stop after N readings.
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

/// Seconds between two looks, 0.05 to 3600.
fn seconds(text: &str) -> Result<f64, String> {
    let secs: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    (0.05..=3600.0)
        .contains(&secs)
        .then_some(secs)
        .ok_or_else(|| format!("{text} is not within 0.05 to 3600"))
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// What to print.
    #[arg(value_enum)]
    pub(crate) what: SchemaPage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaPage {
    /// JSON Schema of suite files.
    Suite,
    /// Every command and flag, as Markdown.
    Cli,
    /// Every metric, as Markdown.
    Metrics,
    /// Every prompt suite, as Markdown.
    Prompts,
    /// Every net with its licence, as Markdown.
    Nets,
    /// The catalogue and the pipeline classes that were checked to run, as Markdown.
    Models,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench completions bash > ~/.local/share/bash-completion/completions/vidbench
  vidbench completions zsh > ~/.zfunc/_vidbench")]
pub(crate) struct CompletionsArgs {
    /// Shell to complete for.
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
