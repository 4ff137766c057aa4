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
  vidbench demo                      measure the model that ships inside and write a report
  vidbench init                      write a commented suite file
  vidbench run suite.toml --dry-run  show the plan and its estimate, do nothing
  vidbench run suite.toml            run it
  vidbench run --resume latest       go on where a run stopped
  vidbench report latest             write the report again

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
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Folder of runs and videos.
    #[arg(long, global = true, env = "VIDBENCH_WORKSPACE", default_value = ".vidbench", value_name = "DIR")]
    pub(crate) workspace: PathBuf,
    /// Colours: auto follows the terminal and NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Say nothing but data and errors.
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
    /// Measure the model that ships inside and write a report; needs no GPU and no download.
    Demo(DemoArgs),
    /// Write a commented suite file to start from.
    Init(InitArgs),
    /// Run a suite, or go on with a run that stopped.
    Run(RunArgs),
    /// Score videos that exist already, alone or against references.
    Score(ScoreArgs),
    /// Compare sets of clips by files of their features: distances, precision, recall.
    Features(FeaturesArgs),
    /// List or explain metrics, or test the nets behind them on this machine.
    #[command(subcommand)]
    Metrics(MetricsCommand),
    /// Make a reference set that others can compare with: features of videos in one file.
    #[command(subcommand)]
    Reference(ReferenceCommand),
    /// Work beside VBench: totals of its results, a check of a folder, scores as its files.
    #[command(subcommand)]
    Vbench(VbenchCommand),
    /// Write the HTML report of a run or a scoring.
    Report(ReportArgs),
    /// List, show or remove runs and scorings.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Write the data of a run or a scoring as JSON, JSON lines or CSV.
    Export(ExportArgs),
    /// List models, metrics or suites.
    List(ListArgs),
    /// List, show or make prompt suites, or check a prompt against the policy.
    #[command(subcommand)]
    Prompts(PromptsCommand),
    /// Weights of the nets that metrics need: list, fetch, import, verify, their licences.
    #[command(subcommand)]
    Nets(NetsCommand),
    /// The catalogue of models: list, show, search, and check that one really runs.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Backups of the workspace: create, list, verify, restore.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// What need not be made again: show it, clear it.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Python environments for models of diffusers: make, list, remove.
    #[command(subcommand)]
    Env(EnvCommand),
    /// Run a worker of vidbench, or check a worker of yours.
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Say what this machine has and lacks, and how to mend it.
    Doctor(DoctorArgs),
    /// Print the JSON Schema of suite files, or a reference page.
    Schema(SchemaArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench demo
  vidbench demo --workspace /tmp/demo --progress plain

At one and two steps the model now and then draws nothing at all; vidbench finds those clips black and counts them as failed.
The exit code is 0 all the same when every sample has its verdict.")]
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
  vidbench run suite.toml --dry-run         the plan and its estimate; no work
  vidbench run suite.toml                   run it and write the report
  vidbench run suite.toml --json | jq .     the result as data
  vidbench run --resume latest              go on where the newest run stopped
  vidbench run suite.toml --time-limit 8h   stop in time for the limit of a job of Slurm

Ctrl-C once finishes the current sample, records it and exits with 130; twice stops at once.
Either way `--resume` goes on, and gives what an uninterrupted run would have given.

Exit codes: 0 every sample is ok; 1 the run is complete and some samples failed; 2 usage or environment;
3 samples are left to do; 130 interrupted.")]
pub(crate) struct RunArgs {
    /// Suite file.
    #[arg(value_name = "SUITE", required_unless_present = "resume")]
    pub(crate) suite: Option<PathBuf>,
    /// Go on with a run: its id, the beginning of it, or `latest`. A suite given beside it must be the same.
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// Show the plan and its estimate, and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Stop in time, as for a job of a batch system: no sample begins that is unlikely to end within this time, and one that is still running
    /// then is given up. The report is written afterwards; --resume continues. 45m, 8h, 2d.
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
    /// How progress is shown on stderr; auto is a bar on a terminal and lines elsewhere.
    #[arg(long, value_enum, default_value_t = Progress::Auto, value_name = "KIND", env = "VIDBENCH_PROGRESS")]
    pub(crate) progress: Progress,
    /// File of the HTML report; by default in the workspace.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// How the log in the workspace's folder `logs` is written; a file a day, thirty are kept.
    #[arg(long, value_enum, default_value_t = LogFormat::Json, value_name = "FORMAT", env = "VIDBENCH_LOG")]
    pub(crate) log: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A JSON object a line.
    Json,
    /// For people.
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
  vidbench score videos/                               the metrics that need nothing but the videos
  vidbench score fp8/ --reference bf16/                compare with full renders of the same names
  vidbench score videos/ --metrics psnr,ssim --reference full/
  vidbench score a/ b/ --format csv > scores.csv       two folders, one row each
  vidbench score videos/manifest.jsonl                 clips, prompts and seeds by a manifest
  vidbench score videos/ --prompts VBench_full_info.json   prompts by the names of the files

A folder of images is one clip. Each clip's scores are kept by the content of its file: the same command again computes only
what is missing, also after a kill.

Exit codes: 0 every clip is ok; 1 some clips are not, or a metric that --metrics names gave no clip, or not every set, a number; 2 usage or environment; 130 interrupted.")]
pub(crate) struct ScoreArgs {
    /// Folders, video files or manifests (.jsonl).
    #[arg(required = true, value_name = "VIDEOS")]
    pub(crate) videos: Vec<PathBuf>,
    /// Folder, file or manifest with the clip that each clip is compared with, found by manifest or by name.
    #[arg(long, value_name = "VIDEOS")]
    pub(crate) reference: Option<PathBuf>,
    /// Clips that the set of clips is compared with, for metrics of sets such as fvd.cdfvd-i3d: folder, file or manifest of videos, or a
    /// .safetensors file of `vidbench reference make`.
    #[arg(long, value_name = "VIDEOS")]
    pub(crate) reference_set: Option<PathBuf>,
    /// Resamples of each interval of a metric of sets; 0 for none, which is much quicker for thousands of frames.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) resamples: u32,
    /// Prompts that file names begin with, as in "a red fox-3.mp4": a VBench full_info.json, a prompt suite (its name or its
    /// .toml file), or a .txt file with one prompt a line. Without it names give no prompt.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,
    /// Folder with the images that clips were made from, each named by its prompt as in "a red fox.jpg", for metrics of clip and image. A
    /// manifest can name them itself.
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Metrics, such as ssim or ssim@1; `vidbench list metrics` shows them and which are computed by default.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) metrics: Vec<String>,
    /// Only metrics whose nets' licences allow commercial use; what that leaves out is said.
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
    /// File of the HTML report; by default in the workspace.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write no HTML report; `vidbench report` writes it later.
    #[arg(long, conflicts_with = "report")]
    pub(crate) no_report: bool,
    /// How progress is shown on stderr; auto is a bar on a terminal and lines elsewhere.
    #[arg(long, value_enum, default_value_t = Progress::Auto, value_name = "KIND", env = "VIDBENCH_PROGRESS")]
    pub(crate) progress: Progress,
    /// How the log in the workspace's folder `logs` is written; a file a day, thirty are kept.
    #[arg(long, value_enum, default_value_t = LogFormat::Json, value_name = "FORMAT", env = "VIDBENCH_LOG")]
    pub(crate) log: LogFormat,
    /// Scorers side by side, by default one per core, fewer where memory has no room for the nets of so many; scores do not depend on it.
    #[arg(long, value_name = "N", env = "VIDBENCH_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) nets: NetArgs,
    #[command(flatten)]
    pub(crate) limits: ScoreLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PixelsName {
    /// By the standards' formulas, chroma interpolated, the same bytes everywhere.
    Exact,
    /// As decord, OpenCV and PyAV give frames to VBench, cd-fvd and others: to compare with their numbers.
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
#[command(next_help_heading = "Reading and limits of one file")]
pub(crate) struct ScoreLimits {
    /// Seconds one clip may take; a scorer that hangs is ended.
    #[arg(long, default_value_t = 1800, value_name = "SECS", env = "VIDBENCH_CLIP_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Most pixels of a side.
    #[arg(long, default_value_t = 8192, value_name = "N", env = "VIDBENCH_MAX_SIDE", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) max_side: u32,
    /// Most frames.
    #[arg(long, default_value_t = 72_000, value_name = "N", env = "VIDBENCH_MAX_FRAMES", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) max_frames: u64,
    /// Most seconds of video.
    #[arg(long, default_value_t = 1200, value_name = "SECS", env = "VIDBENCH_MAX_DURATION", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_duration: u32,
    /// Most MiB of a file, or of all images of a folder.
    #[arg(long, default_value_t = 2048, value_name = "MIB", env = "VIDBENCH_MAX_FILE_MIB", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub(crate) max_file_mib: u64,
    /// Threads that read one file: with 2 or more, the next frame is decoded while one is looked at.
    #[arg(long, default_value_t = 1, value_name = "N", env = "VIDBENCH_DECODE_THREADS", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) decode_threads: u32,
    /// How stored samples become the RGB that metrics see; scores of one are kept apart from those of the other.
    #[arg(long, value_enum, default_value_t = PixelsName::Exact, value_name = "HOW", env = "VIDBENCH_PIXELS")]
    pub(crate) pixels: PixelsName,
    /// Frames a second of folders of images, which record none.
    #[arg(long, value_name = "FPS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) image_fps: Option<u32>,
    /// Size of .yuv files whose name does not say it, as 832x480.
    #[arg(long, value_name = "SIZE", value_parser = vidbench_core::suite::parse_size)]
    pub(crate) raw_size: Option<(u32, u32)>,
    /// Pixel format of .yuv files whose name does not say it, as yuv420p10le.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) raw_format: Option<String>,
    /// Frames a second of .yuv files whose name does not say it.
    #[arg(long, value_name = "FPS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) raw_fps: Option<u32>,
    /// Whether scorers have no network, read only what they score with and write nothing: if-possible, required or no.
    #[arg(long, default_value = "if-possible", value_name = "WHEN", env = "VIDBENCH_CONFINE_SCORER", value_parser = confine)]
    pub(crate) confine_scorer: Confine,
    /// Most MiB of memory that a scorer may hold; by default three quarters of the machine's.
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
    found.map(|(_, confine)| confine).ok_or_else(|| "it is if-possible, required or no".into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreFormat {
    /// For people.
    Table,
    /// Everything: clips, scores, analysis.
    Json,
    /// One clip a line.
    Jsonl,
    /// One clip a line, one column a metric.
    Csv,
    /// The table for a README or a pull request.
    Markdown,
    /// The table for a paper.
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

A file holds one row of features a clip, all from the same net: .npy, .npz or .safetensors with floats of 16, 32 or 64 bits.
A distance depends on the number of clips: compare equal N only. Nothing is stored; --json has everything with its origin.

Exit codes: 0 every number is there; 1 a set or a metric has none; 2 usage or environment.")]
pub(crate) struct FeaturesArgs {
    /// Files with the features of generated clips.
    #[arg(required = true, value_name = "GENERATED")]
    pub(crate) generated: Vec<PathBuf>,
    /// File with the features of the reference; said several times, they are shards of one set.
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Vec<PathBuf>,
    /// Take the files of GENERATED as shards of one set, in their order.
    #[arg(long)]
    pub(crate) join: bool,
    /// Metrics, such as frechet_distance or frechet_distance@1. By default all that compare two sets.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) metrics: Vec<String>,
    /// Array to take from files of GENERATED that hold several.
    #[arg(long, value_name = "NAME")]
    pub(crate) array: Option<String>,
    /// Array to take from files of the reference that hold several; by default that of --array.
    #[arg(long, value_name = "NAME")]
    pub(crate) reference_array: Option<String>,
    /// Resamples of each interval; 0 for none, which is much quicker for thousands of dimensions.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) resamples: u32,
    /// Seed of the resamples.
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    pub(crate) bootstrap_seed: u64,
    /// Metrics computed side by side, by default one per core; scores do not depend on it.
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
    /// For people.
    Table,
    /// Everything, with hashes of the files.
    Json,
    /// One number a line.
    Csv,
    /// The table for a README or a pull request.
    Markdown,
    /// The table for a paper.
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
    /// Id of a run or a scoring, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// File to write; `-` is stdout. By default the report of the workspace for html, stdout otherwise.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What to write.
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
    /// Most videos to embed in the HTML file; the rest is counted, not hidden.
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
    /// List the runs and scorings of the workspace, newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the result table of a run or a scoring.
    Show {
        /// Run id, the beginning of it, or `latest`.
        run: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove runs, with the videos that no other run uses, and scorings.
    Rm {
        /// Run ids or the beginnings of them; never `latest`.
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
    /// Id of a run or a scoring, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// json holds everything; jsonl and csv hold one sample a line.
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
    /// List the prompt suites that ship.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the prompts of a suite that ships, or of a file.
    Show {
        /// Name of a suite, or a prompt suite file.
        suite: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Only this category.
        #[arg(long)]
        category: Option<String>,
    },
    /// Make a prompt suite; the same arguments give the same prompts.
    #[command(after_long_help = "\
Examples:
  vidbench prompts make --category camera-motion --count 40 --seed 1 > camera.toml
  vidbench prompts make --category human-action --count 20 --difficulty hard")]
    Make {
        /// Category of all prompts.
        #[arg(long)]
        category: String,
        /// How many.
        #[arg(long)]
        count: usize,
        /// easy, medium or hard.
        #[arg(long, default_value = "medium")]
        difficulty: String,
        /// Seed of the choice.
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
    /// Write what makes nets quick to load for scorers, which may not write it; the harness starts this before them.
    #[command(hide = true)]
    PrepareNets {
        #[command(flatten)]
        nets: NetArgs,
        /// The nets.
        #[arg(value_name = "NET")]
        names: Vec<String>,
    },
    /// Serve a program that writes videos, as JSON of a suite's `program` describes it, on stdin and stdout.
    Command {
        /// The program.
        #[arg(long, value_name = "JSON")]
        program: String,
    },
    /// Serve videos that exist already, found by prompt and seed, on stdin and stdout.
    Import {
        /// A folder of videos, or a manifest.
        #[arg(long, value_name = "PATH")]
        videos: PathBuf,
    },
    /// Set bounds to this process and become a program; the harness starts workers so.
    #[command(hide = true)]
    Confined(ConfinedArgs),
    /// Find out what this machine can hold a worker with, and print it as JSON.
    #[command(hide = true)]
    Means,
    /// Check that a worker keeps the protocol, rule by rule.
    #[command(after_long_help = "\
Examples:
  vidbench worker check -- vidbench worker embedded
  vidbench worker check --model my-model -- python my_worker.py")]
    Check(WorkerCheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WorkerCheckArgs {
    /// Model to load; by default the first the worker names.
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
    /// Width x height.
    #[arg(long, default_value = "64x64")]
    pub(crate) size: String,
    /// Frames a second.
    #[arg(long, default_value_t = 8.0, value_parser = fps)]
    pub(crate) fps: f64,
    /// Seconds a request may take.
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
    if (0.1..=240.0).contains(&fps) { Ok(fps) } else { Err("it must be 0.1 to 240".into()) }
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench doctor
  vidbench doctor --watch
  vidbench doctor --watch --interval 0.5 --count 10 --json

With --watch a line a reading tells how the machine is: healthy, degraded or unhealthy, and every part that is not well. What cannot
be read is unknown, and makes the whole degraded. The exit code is 130 after Ctrl-C; after --count readings it is 1 when the machine is unhealthy.")]
pub(crate) struct DoctorArgs {
    /// Print JSON; with --watch a line for each reading.
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on reading sensors and say how the machine is.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Seconds between two readings.
    #[arg(long, value_name = "SECS", default_value_t = 2.0, requires = "watch", value_parser = seconds)]
    pub(crate) interval: f64,
    /// End after so many readings.
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

/// Seconds between two looks, 0.05 to 3600.
fn seconds(text: &str) -> Result<f64, String> {
    let secs: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    (0.05..=3600.0).contains(&secs).then_some(secs).ok_or_else(|| format!("{text} is not 0.05 to 3600"))
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
    /// The catalogue and the pipeline classes that were shown to run, as Markdown.
    Models,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench completions bash > ~/.local/share/bash-completion/completions/vidbench
  vidbench completions zsh > ~/.zfunc/_vidbench")]
pub(crate) struct CompletionsArgs {
    /// The shell.
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
