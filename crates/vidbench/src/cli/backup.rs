//! Arguments of `vidbench backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a backup of the workspace; runs may go on meanwhile.
    #[command(after_long_help = "\
Examples:
  vidbench backup create                                into backups/ in the workspace
  vidbench backup create --to /mnt/other --keep 7       on another disk, with the six before it
  vidbench backup create --if-older-than 6              only if the newest is older than six hours

For cron: 17 * * * *  vidbench backup create --workspace /data/vidbench --to /mnt/other --if-older-than 6 --keep 28 --quiet

Videos get a second name where the disk is the same, which takes no room; a disk that loses a block
loses it for both. Another disk, or --copy, makes bytes of their own.")]
    Create(BackupCreateArgs),
    /// List backups.
    List(BackupListArgs),
    /// Hash everything in a backup, ask its database whether it is whole, and restore it into a folder that is removed again.
    #[command(after_long_help = "Exit codes: 0 whole; 1 damaged; 2 usage or environment.")]
    Verify(BackupVerifyArgs),
    /// Make a workspace of a backup. A damaged one is refused before anything is written.
    #[command(after_long_help = "\
Examples:
  vidbench backup restore latest --into restored
  vidbench --workspace restored runs list")]
    Restore(BackupRestoreArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BackupCreateArgs {
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Videos as bytes of their own.
    #[arg(long)]
    pub(crate) copy: bool,
    /// Remove all but the newest so many backups afterwards, this one included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Do nothing when the newest backup is younger.
    #[arg(long, value_name = "HOURS")]
    pub(crate) if_older_than: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupListArgs {
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupVerifyArgs {
    /// Its name, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) backup: String,
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupRestoreArgs {
    /// Its name, or `latest`.
    pub(crate) backup: String,
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// The workspace to make; it must not be there, or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
}
