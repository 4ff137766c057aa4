//! The command line of vidbench.

mod cli;
mod commands;
mod log_file;
#[cfg(feature = "otel")]
mod otel;
mod ui;

use std::process::ExitCode;

use anyhow::Error;
use clap::Parser as _;
use vidbench::{ExecuteError, FindCheckpointsError, GatherError, InputError, NetChoiceError, PythonEnvError};
use vidbench_core::with_causes;
use vidbench_engines::EngineError;
use vidbench_nn::NetStoreError;
use vidbench_runner::RunError;
use vidbench_store::StoreError;

use crate::cli::{Cli, Command};
use crate::commands::UserError;
use crate::ui::Ui;

/// Every sample is ok and every check passed.
pub(crate) const OK: u8 = 0;
/// A sample or a check failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or an unsuitable environment.
const USAGE: u8 = 2;
/// Some samples remain to be done.
pub(crate) const INCOMPLETE: u8 = 3;
/// A person stopped it.
pub(crate) const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(&cli.global);
    match dispatch(cli, ui) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ui::print_error(&with_causes(error.as_ref()), &hints(&error), ui.stderr_color);
            ExitCode::from(USAGE)
        }
    }
}

fn dispatch(cli: Cli, ui: Ui) -> Result<u8, Error> {
    let workspace = cli.global.workspace;
    match cli.command {
        Command::Demo(args) => commands::run::demo(&args, &workspace, ui),
        Command::Init(args) => commands::init::init(&args, ui),
        Command::Run(args) => commands::run::run(&args, &workspace, ui),
        Command::Score(args) => commands::score::score(&args, &workspace, ui),
        Command::Features(args) => commands::features::features(&args, ui),
        Command::Report(args) => commands::report::report(&args, &workspace, ui),
        Command::Runs(command) => commands::runs::runs(command, &workspace, ui),
        Command::Export(args) => commands::export::export(&args, &workspace, ui),
        Command::List(args) => commands::list::list(&args, ui),
        Command::Prompts(command) => commands::prompts::prompts(command, ui),
        Command::Nets(command) => commands::nets::nets(&command, ui),
        Command::Models(command) => commands::models::models(&command, ui),
        Command::Backup(command) => commands::backup::backup(&command, &workspace, ui),
        Command::Cache(command) => commands::cache::cache(&command, &workspace, ui),
        Command::Env(command) => commands::env::env(&command, ui),
        Command::Worker(command) => commands::worker::worker(command, ui),
        Command::Metrics(command) => commands::metrics::metrics(&command, ui),
        Command::Reference(command) => commands::reference::reference(&command, &workspace, ui),
        Command::Vbench(command) => commands::vbench::vbench(&command, &workspace, ui),
        Command::Doctor(args) if args.watch => commands::doctor_watch::watch(&args, &workspace, ui),
        Command::Doctor(args) => commands::doctor::doctor(&args, &workspace, ui),
        Command::Schema(args) => commands::schema::schema(&args, ui),
        Command::Completions(args) => commands::completions::completions(&args, ui),
    }
}

/// Advice, taken from the errors in the chain that have some.
fn hints(error: &Error) -> Vec<String> {
    let of = |cause: &(dyn std::error::Error + 'static)| -> Option<Vec<String>> {
        if let Some(error) = cause.downcast_ref::<UserError>() {
            return Some(error.hints.clone());
        }
        if let Some(error) = cause.downcast_ref::<InputError>() {
            return Some(error.hints());
        }
        if let Some(error) = cause.downcast_ref::<GatherError>() {
            return Some(error.hints());
        }
        if let Some(error) = cause.downcast_ref::<ExecuteError>() {
            return Some(error.hints());
        }
        if let Some(error) = cause.downcast_ref::<RunError>() {
            return Some(error.hints());
        }
        if let Some(error) = cause.downcast_ref::<NetChoiceError>() {
            return Some(error.hints());
        }
        if let Some(error) = cause.downcast_ref::<FindCheckpointsError>() {
            return Some(error.hints());
        }
        if let Some(error) = cause.downcast_ref::<PythonEnvError>() {
            return Some(error.hint().into_iter().collect());
        }
        if let Some(error) = cause.downcast_ref::<NetStoreError>() {
            return Some(error.hint().into_iter().collect());
        }
        if let Some(error) = cause.downcast_ref::<EngineError>() {
            return Some(error.hint().into_iter().collect());
        }
        cause.downcast_ref::<StoreError>().map(|error| error.hint().into_iter().collect())
    };
    error.chain().find_map(of).unwrap_or_default()
}
