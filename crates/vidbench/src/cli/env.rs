//! `vidbench env`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Create an environment with uv, from the bundled lock file.
    #[command(after_long_help = "\
Examples:
  vidbench env create                                   the environment that suites use by default
  vidbench env create next --with diffusers==0.43.0     a second one; to use it in a suite: place = { env = \"next\" }

Environments are kept in $VIDBENCH_ENVS, or in vidbench/envs under $XDG_DATA_HOME or ~/.local/share. PyTorch alone takes several GB.

Exit codes: 0 ok; 2 usage or environment.")]
    Create(EnvCreateArgs),
    /// List environments and their package versions.
    List(EnvListArgs),
    /// Remove an environment.
    Rm(EnvRmArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EnvCreateArgs {
    /// Environment name.
    #[arg(default_value = vidbench::DEFAULT_ENV)]
    pub(crate) name: String,
    /// Python version, 3.11 to 3.13; by default the first one that fits.
    #[arg(long, value_name = "VERSION")]
    pub(crate) python: Option<String>,
    /// Package to add to those in the lock file, or to replace one of them.
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
    /// Environment name.
    pub(crate) name: String,
}
