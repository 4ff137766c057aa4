//! Arguments of `vidbench nets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ProgressArg;

#[derive(Debug, Subcommand)]
pub(crate) enum NetsCommand {
    /// List the nets: what needs them, their size and licence, and whether their weights are installed.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Download weights from their authors, check them and install them.
    Fetch(NetsFetchArgs),
    /// Read the installed weights and compare them with what was recorded.
    Verify(NetsVerifyArgs),
    /// Import weights from local files; needs no network.
    Import(NetsImportArgs),
    /// List the licence of each net's weights and what to cite.
    Licences {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create random weights to measure speed or test without a download; scores with them mean nothing.
    Random(NetsRandomArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets fetch fvd                    the nets of a bundle
  vidbench nets fetch raft lpips-alex        individual nets
  vidbench nets fetch clip --offline         only from the hub cache

Weights are kept in $VIDBENCH_NETS, or in vidbench/nets under $XDG_CACHE_HOME or ~/.cache. Repeat the command to continue an interrupted
download. HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE work as in the hub's own client.

Exit codes: 0 all are installed; 1 some are not, each with its reason; 2 usage or environment.")]
pub(crate) struct NetsFetchArgs {
    /// Nets or bundles; `vidbench nets list` lists them.
    #[arg(required = true, value_name = "NET")]
    pub(crate) nets: Vec<String>,
    /// Do not use the network; take only what the hub cache has.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fetch nets again that are already installed.
    #[arg(long)]
    pub(crate) again: bool,
    /// Accept a file that differs from the one at first use, for files without a published hash.
    #[arg(long)]
    pub(crate) accept_changed: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) progress: ProgressArg,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets verify
  vidbench nets verify i3d-400 --json

Exit codes: 0 all installed weights are intact; 1 some are not; 2 usage or environment.")]
pub(crate) struct NetsVerifyArgs {
    /// Nets or bundles; by default all that are installed.
    #[arg(value_name = "NET")]
    pub(crate) nets: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  vidbench nets import ~/.cache/vbench                 what VBench has downloaded
  vidbench nets import ~/.cache/torch/hub/checkpoints  what torchvision has downloaded
  vidbench nets import ViT-B-32.pt                     every net found in a file
  vidbench nets import weights.bin --net dino-vitb16   a file with another name

Files are recognised by name, or by hash if one is published; the content of every file is checked. Nothing in a file is
executed, and the files are not changed.

Exit codes: 0 every net that was found is installed; 1 some are not, each with its reason; 2 nothing was found, or usage.")]
pub(crate) struct NetsImportArgs {
    /// Files, or folders to search recursively.
    #[arg(required = true, value_name = "FOLDER|FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// Net that the files belong to; by default every net that can be found.
    #[arg(long, value_name = "NAME")]
    pub(crate) net: Option<String>,
    /// Accept a file that differs from the one at first use, for files without a published hash.
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

Random weights are kept apart from real ones and never mistaken for them; the same seed gives the same weights everywhere.")]
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
