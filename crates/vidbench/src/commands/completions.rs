//! `vidbench completions`: made from the same definition as the flags.

use anyhow::Result;
use clap::CommandFactory as _;

use crate::OK;
use crate::cli::{Cli, CompletionsArgs};
use crate::ui::Ui;

pub(crate) fn completions(args: &CompletionsArgs, ui: Ui) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vidbench", &mut script);
    ui.data(&String::from_utf8_lossy(&script))?;
    Ok(OK)
}
