//! Arguments of `vidbench nets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Progress;

#[derive(Debug, Subcommand)]
pub(crate) enum NetsCommand {
    /// List the nets: what needs them, their size, their licence, and whether their weights are here.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Fetch weights from their authors, check them and keep them.
    Fetch(NetsFetchArgs),
    /// Read the weights that are here and compare them with what was written.
    Verify(NetsVerifyArgs),
    /// Take weights from files that are here already; needs no network.
    Import(NetsImportArgs),
    /// List the licence of each net's weights and what to cite.
    Licences {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make random weights, to measure speed or to test without a download; scores with them mean nothing.
    Random(NetsRandomArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets fetch fvd                    the nets of a bundle
  vidbench nets fetch raft lpips-alex        some nets
  vidbench nets fetch clip --offline         only what the hub's cache has

Weights lie in $VIDBENCH_NETS, or in vidbench/nets under $XDG_CACHE_HOME or ~/.cache. A download that stopped goes on with the
same command. HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE are read as the hub's own client reads them.

Exit codes: 0 all are here; 1 some are not, each with its reason; 2 usage or environment.")]
pub(crate) struct NetsFetchArgs {
    /// Nets or bundles; `vidbench nets list` shows them.
    #[arg(required = true, value_name = "NET")]
    pub(crate) nets: Vec<String>,
    /// Open no socket: take what the hub's cache has.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fetch nets that are here once more.
    #[arg(long)]
    pub(crate) again: bool,
    /// Take a file that is not the one it was at its first use, where nobody published its hash.
    #[arg(long)]
    pub(crate) accept_changed: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// How progress is shown on stderr; auto is a bar on a terminal and lines elsewhere.
    #[arg(long, value_enum, default_value_t = Progress::Auto, value_name = "KIND", env = "VIDBENCH_PROGRESS")]
    pub(crate) progress: Progress,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets verify
  vidbench nets verify i3d-400 --json

Exit codes: 0 all that are here are sound; 1 some are not; 2 usage or environment.")]
pub(crate) struct NetsVerifyArgs {
    /// Nets or bundles; by default all that are here.
    #[arg(value_name = "NET")]
    pub(crate) nets: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets import ~/.cache/vbench                 what VBench has fetched
  vidbench nets import ~/.cache/torch/hub/checkpoints  what torchvision has fetched
  vidbench nets import ViT-B-32.pt                     every net that is in a file
  vidbench nets import weights.bin --net dino-vitb16   a file of another name

Files are found by their names, or by their hash where one is published; the content of every file is checked. Nothing in a file
is executed, and the files stay as they are.

Exit codes: 0 every net that was found is here; 1 some are not, each with its reason; 2 nothing was found, or usage.")]
pub(crate) struct NetsImportArgs {
    /// Folders, with all that is in them, or files.
    #[arg(required = true, value_name = "FOLDER|FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// The net that the files are of; without it every net that can be found.
    #[arg(long, value_name = "NAME")]
    pub(crate) net: Option<String>,
    /// Take a file that is not the one it was at its first use, where nobody published its hash.
    #[arg(long)]
    pub(crate) accept_changed: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets random raft
  vidbench nets random vbench --seed 7

They lie apart from real ones and are never taken for them; the same seed gives the same weights everywhere.")]
pub(crate) struct NetsRandomArgs {
    /// Nets or bundles.
    #[arg(required = true, value_name = "NET")]
    pub(crate) nets: Vec<String>,
    /// Seed of the weights.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
