//! Arguments of `vidbench backup`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::span::span;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a backup of the workspace; runs may go on meanwhile.
    #[command(after_long_help = "\
Examples:
  vidbench backup create                                into backups/ in the workspace
  vidbench backup create --to /mnt/other --keep 7       on another disk, with the six before it
  vidbench backup create --if-older-than 6h             only if the newest whole one is older than six hours
  vidbench backup create --copy                         videos as bytes of their own on the same disk

For cron:
  17 * * * *  vidbench backup create --workspace /data/vidbench --to /mnt/other --if-older-than 6h --keep 28 --quiet

Videos get a second name (hard link) where the disk is the same, which takes no room. vidbench never
changes a video, so the second name stays what it was; but both names have the same bytes, and a disk
that loses a block or flips a bit of it does so for both. Another disk, or --copy, makes bytes of their
own, and every one is hashed while it is copied.

Exit codes: 0 made, or young enough; 2 usage or environment.")]
    Create(BackupCreateArgs),
    /// List backups, and what a quick look at each finds.
    #[command(after_long_help = "\
The quick look reads the manifest and the sizes of files; `vidbench backup verify` reads everything.")]
    List(BackupListArgs),
    /// Hash everything in a backup, ask its database whether it is whole, and restore it into a folder that is removed again.
    #[command(after_long_help = "Exit codes: 0 whole; 1 damaged; 2 usage or environment.")]
    Verify(BackupVerifyArgs),
    /// Make a workspace of a backup. A damaged one is refused before anything is written.
    #[command(after_long_help = "\
Examples:
  vidbench backup restore latest --into restored
  vidbench --workspace restored runs list

Exit codes: 0 restored; 2 damaged, usage or environment.")]
    Restore(BackupRestoreArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BackupCreateArgs {
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Videos as bytes of their own, also on the same disk.
    #[arg(long)]
    pub(crate) copy: bool,
    /// Remove all whole backups but the newest so many afterwards, this one included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Do nothing when the newest whole backup is younger: 45m, 6h, 2d.
    #[arg(long, value_name = "AGE", value_parser = span)]
    pub(crate) if_older_than: Option<Duration>,
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
    /// Its name, or `latest`: the newest, whole or not.
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
    /// Its name, or `latest`: the newest, whole or not.
    pub(crate) backup: String,
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// The workspace to make; it must not be there, or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
}

/// When to make backups of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupEvery {
    /// Make none.
    Never,
    /// When the newest is older.
    Age(Duration),
}

fn backup_every(text: &str) -> Result<BackupEvery, String> {
    match text {
        "never" => Ok(BackupEvery::Never),
        age => span(age).map(BackupEvery::Age).map_err(|why| format!("{why}; or never")),
    }
}

/// Backups while a run goes on.
#[derive(Debug, Args)]
pub(crate) struct RunBackups {
    /// Make a backup when the newest is older, between two samples and at the end: 45m, 6h, 2d; or never. By default every 6 h of a run that takes
    /// longer.
    #[arg(long, value_name = "AGE", value_parser = backup_every, env = "VIDBENCH_BACKUP_EVERY")]
    pub(crate) backup_every: Option<BackupEvery>,
    /// Folder of backups; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) backup_to: Option<PathBuf>,
    /// Keep the newest so many.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) backup_keep: u32,
}
