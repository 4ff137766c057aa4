//! `vidbench cache`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what the cache holds, how often it was used and how many seconds it saved.
    #[command(after_long_help = "\
The cache holds what can be recomputed: net outputs for clips and prompts, and videos of removed runs for suites with
`reuse_samples`. It is the workspace's `cache` folder and never exceeds $VIDBENCH_CACHE_SIZE, such as 10GB (the default)
or 512MiB; 0 turns it off. If that is not set, $VID_DIFFUSION_BENCH_CACHE_SIZE is read.")]
    Show(CacheShowArgs),
    /// Remove everything in the cache, and its counts. No result is lost.
    Clear,
}

#[derive(Debug, Args)]
pub(crate) struct CacheShowArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
