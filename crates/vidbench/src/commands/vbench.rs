//! `vidbench vbench`: totals, checks and exports in VBench's own terms.

mod check;
mod export;
mod total;

use std::path::Path;

use anyhow::Result;
use vidbench::VbenchFileError;

use super::UserError;
use crate::cli::VbenchCommand;
use crate::ui::Ui;

pub(crate) fn vbench(command: &VbenchCommand, workspace: &Path, ui: Ui) -> Result<u8> {
    match command {
        VbenchCommand::Total(args) => total::total(args, ui),
        VbenchCommand::Check(args) => check::check(args, workspace, ui),
        VbenchCommand::Export(args) => export::export(args, workspace, ui),
    }
}

fn unusable(error: &VbenchFileError) -> UserError {
    UserError { message: error.to_string(), hints: error.hints() }
}
