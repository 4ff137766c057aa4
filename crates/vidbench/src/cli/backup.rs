//! Arguments of `vidbench backup`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::span::span;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Create a backup of the workspace; runs may continue meanwhile.
    #[command(after_long_help = "\
Examples:
  vidbench backup create                                into backups/ in the workspace
  vidbench backup create --to /mnt/other --keep 7       on another disk; keep the newest seven
  vidbench backup create --if-older-than 6h             only if the newest intact one is older than six hours
  vidbench backup create --copy                         copy videos even on the same disk

For cron:
  17 * * * *  vidbench backup create --workspace /data/vidbench --to /mnt/other --if-older-than 6h --keep 28 --quiet

On the same disk, videos get a second name (a hard link), which takes no space. vidbench never changes
a video, so the second name stays as it was; but both names share the same bytes, and a disk that
loses a block or flips a bit damages both. Backing up to another disk, or with --copy, copies every
video and hashes it while copying.

Exit codes: 0 created, or the newest is recent enough; 2 usage or environment.")]
    Create(BackupCreateArgs),
    /// List backups, with the result of a quick check of each.
    #[command(after_long_help = "\
The quick check reads the manifest and the file sizes; `vidbench backup verify` reads everything.")]
    List(BackupListArgs),
    /// Verify a backup: hash every file, check the database, and restore it into a temporary folder.
    #[command(after_long_help = "Exit codes: 0 intact; 1 damaged; 2 usage or environment.")]
    Verify(BackupVerifyArgs),
    /// Restore a backup into a new workspace. A damaged backup is refused before anything is written.
    #[command(after_long_help = "\
Examples:
  vidbench backup restore latest --into restored
  vidbench --workspace restored runs list

Exit codes: 0 restored; 2 damaged, usage or environment.")]
    Restore(BackupRestoreArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BackupCreateArgs {
    /// Backup folder; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Copy videos instead of hard-linking them, even on the same disk.
    #[arg(long)]
    pub(crate) copy: bool,
    /// Afterwards, remove intact backups beyond the newest N, counting this one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Do nothing if the newest intact backup is younger than this: 45m, 6h, 2d.
    #[arg(long, value_name = "AGE", value_parser = span)]
    pub(crate) if_older_than: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupListArgs {
    /// Backup folder; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupVerifyArgs {
    /// Backup name, or `latest` for the newest, intact or not.
    #[arg(default_value = "latest")]
    pub(crate) backup: String,
    /// Backup folder; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupRestoreArgs {
    /// Backup name, or `latest` for the newest, intact or not.
    pub(crate) backup: String,
    /// Backup folder; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Workspace folder to create; it must not exist, or must be empty.
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
    /// Between samples and at the end, create a backup if the newest is older than this: 45m, 6h, 2d; or never. By default every 6 h in runs that
    /// take longer.
    #[arg(long, value_name = "AGE", value_parser = backup_every, env = "VIDBENCH_BACKUP_EVERY")]
    pub(crate) backup_every: Option<BackupEvery>,
    /// Backup folder; by default `backups` in the workspace.
    #[arg(long, value_name = "DIR")]
    pub(crate) backup_to: Option<PathBuf>,
    /// Keep the newest N backups.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) backup_keep: u32,
}
