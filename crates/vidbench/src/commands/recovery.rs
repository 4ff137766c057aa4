//! Recovers a run whose workspace turns out to be damaged: it continues from the newest intact backup, once.

use std::path::Path;

use anyhow::{Error, Result};
use vidbench::{ExecuteError, SystemClock};
use vidbench_core::{Clock as _, rfc3339};
use vidbench_runner::RunError;
use vidbench_store::{BackupError, StoreError, recover_workspace};

use super::UserError;
use crate::ui::Ui;

/// Whether the database is damaged, or is missing although there are backups of it.
pub(super) fn is_damage(error: &Error, backups: &Path) -> bool {
    let of_store = |cause: &(dyn std::error::Error + 'static)| {
        if let Some(ExecuteError::Run(RunError::Store(error)) | ExecuteError::Store(error)) =
            cause.downcast_ref()
        {
            return error.is_damage();
        }
        match cause.downcast_ref() {
            Some(StoreError::NoWorkspace { .. }) => backups.is_dir(),
            Some(error) => error.is_damage(),
            None => false,
        }
    };
    error.chain().any(of_store)
}

/// Restores the workspace, or says why that is impossible. This process must not have it open.
pub(super) fn recover(error: Error, workspace: &Path, backups: &Path, ui: Ui) -> Result<()> {
    match recover_workspace(workspace, backups, SystemClock::start().unix_ms()) {
        Ok(recovered) => {
            ui.say(&format!(
                "warning: {error}: the workspace was restored from backup {} of {}; anything newer is generated again, and the \
                 damaged database is kept in {}",
                recovered.backup.display(),
                rfc3339(recovered.manifest.created_ms),
                recovered.damaged.display(),
            ));
            Ok(())
        }
        // The database is sound, so the original error has another cause.
        Err(BackupError::NotDamaged { .. }) => Err(error),
        Err(why) => {
            let message = format!("{error}, and it cannot be restored from a backup: {why}");
            let hint = "see `vidbench backup list --from DIR`, then `vidbench backup restore` into another folder; runs create backups with --backup-every";
            Err(UserError::new(message, hint).into())
        }
    }
}
