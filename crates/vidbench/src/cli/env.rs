//! `vidbench env`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Make an environment with uv, from the lock file that ships.
    #[command(after_long_help = "\
Examples:
  vidbench env create                                   the environment that suites use when they name none
  vidbench env create next --with diffusers==0.43.0     another one beside it; a suite names it: place = { env = \"next\" }

Environments lie in $VIDBENCH_ENVS, or in vidbench/envs under $XDG_DATA_HOME or ~/.local/share. PyTorch alone is some GB.

Exit codes: 0 ok; 2 usage or environment.")]
    Create(EnvCreateArgs),
    /// List environments and what is in them.
    List(EnvListArgs),
    /// Remove an environment.
    Rm(EnvRmArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EnvCreateArgs {
    /// Its name.
    #[arg(default_value = vidbench::DEFAULT_ENV)]
    pub(crate) name: String,
    /// Version of Python, 3.11 to 3.13; by default the first that fits.
    #[arg(long, value_name = "VERSION")]
    pub(crate) python: Option<String>,
    /// A package besides the lock file's, or in place of it.
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) with: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EnvListArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EnvRmArgs {
    /// Its name.
    pub(crate) name: String,
}
