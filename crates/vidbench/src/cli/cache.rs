//! `vidbench cache`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what the cache holds, how often it was of use and the seconds that it saved.
    #[command(after_long_help = "\
The cache holds what can be made again: what nets saw of clips and prompts, and videos of removed runs for suites with
`reuse_samples`. It lies in the workspace's folder `cache` and never holds more than $VIDBENCH_CACHE_SIZE, such as 10GB (the default)
or 512MiB; 0 uses none. $VID_DIFFUSION_BENCH_CACHE_SIZE is read where that is not set.")]
    Show(CacheShowArgs),
    /// Remove everything that it holds, and the counts. No result is lost.
    Clear,
}

#[derive(Debug, Args)]
pub(crate) struct CacheShowArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
