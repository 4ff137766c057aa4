//! Writes the files of the repository that are generated from code, or checks that they are up to date.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Generated files and the arguments of `vidbench` that print them.
const GENERATED: &[(&str, &[&str])] = &[
    ("docs/reference/suite.schema.json", &["schema", "suite"]),
    ("docs/reference/cli.md", &["schema", "cli"]),
    ("docs/reference/metrics.md", &["schema", "metrics"]),
    ("docs/reference/prompts.md", &["schema", "prompts"]),
    ("suites/example.toml", &["init", "--stdout"]),
];

pub(crate) fn run(check: bool) -> Result<()> {
    let binary = build()?;
    let mut stale = Vec::new();
    for (file, args) in GENERATED {
        let path = super::root().join(file);
        let wanted = print(&binary, args)?;
        if std::fs::read(&path).unwrap_or_default() == wanted {
            continue;
        }
        if check {
            stale.push(*file);
        } else {
            let folder = path.parent().context("a generated file has a folder")?;
            std::fs::create_dir_all(folder)?;
            std::fs::write(&path, wanted).with_context(|| format!("cannot write {file}"))?;
            eprintln!("gen: wrote {file}");
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("out of date: {} (run `cargo xtask gen`)", stale.join(", "))
}

fn build() -> Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "vidbench"])
        .current_dir(super::root())
        .status()?;
    if !status.success() {
        bail!("vidbench does not build");
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| super::root().join("target"), PathBuf::from);
    Ok(target.join("debug/vidbench"))
}

fn print(binary: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(binary).args(args).output()?;
    if !output.status.success() {
        bail!("vidbench {} failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
