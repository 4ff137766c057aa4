//! Developer tasks: `cargo xtask <task>`.

mod bench;
mod check_deps;
mod faults;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask <task>

  check-deps    fail if a crate breaks the dependency rules in ARCHITECTURE.md
  faults [COUNT] [SEED]
                kill, stop, damage, fill; count faults and report losses (default: 200 faults per kind, seed 1)
  bench [NAME]  print our figure, the peer's or the limit, and the ratio";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["check-deps"] => check_deps::run(),
        ["faults"] => faults::run(None, None),
        ["faults", count] => faults::run(Some(count), None),
        ["faults", count, seed] => faults::run(Some(count), Some(seed)),
        ["bench"] => bench::run(None),
        ["bench", name] => bench::run(Some(name)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Cargo with the environment of a direct call: `cargo run` sets variables that name the package it runs. Build scripts
/// that look at these, such as ring's, would rebuild their crate and everything that depends on it at every other call.
fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_package) {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
