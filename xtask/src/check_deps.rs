//! Enforces the boundaries between the crates: which crate may depend on which, and which crate alone may use a
//! library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Every crate with the workspace crates it may depend on. An arrow that is missing here is a change of design: add it
/// in ARCHITECTURE.md and here, in a separate commit.
const ARROWS: &[(&str, &[&str])] = &[
    ("vidbench-core", &[]),
    ("vidbench-shapes", &["vidbench-core"]),
    ("vidbench-video", &["vidbench-core"]),
    ("vidbench-nn", &["vidbench-core"]),
    ("vidbench-metrics", &["vidbench-core", "vidbench-shapes", "vidbench-video", "vidbench-nn"]),
    (
        "vidbench-worker",
        &["vidbench-core", "vidbench-shapes", "vidbench-video", "vidbench-nn", "vidbench-metrics"],
    ),
    ("vidbench-engines", &["vidbench-core"]),
    ("vidbench-store", &["vidbench-core"]),
    ("vidbench-runner", &["vidbench-core", "vidbench-engines", "vidbench-store"]),
    ("vidbench-analysis", &["vidbench-core"]),
    ("vidbench-report", &["vidbench-core", "vidbench-analysis"]),
    (
        "vidbench",
        &[
            "vidbench-core",
            "vidbench-shapes",
            "vidbench-video",
            "vidbench-nn",
            "vidbench-metrics",
            "vidbench-worker",
            "vidbench-engines",
            "vidbench-store",
            "vidbench-runner",
            "vidbench-analysis",
            "vidbench-report",
        ],
    ),
    ("xtask", &[]),
];

/// Libraries that only one crate may link.
const OWNERS: &[(&str, &str)] = &[
    ("ffmpeg-next", "vidbench-video"),
    ("ffmpeg-sys-next", "vidbench-video"),
    ("libloading", "vidbench-video"),
    ("tract-onnx", "vidbench-nn"),
    ("ort", "vidbench-nn"),
    ("ureq", "vidbench-nn"),
    ("landlock", "vidbench-engines"),
    ("rustls", "vidbench-nn"),
    ("pytorch-reader", "vidbench-nn"),
    ("rusqlite", "vidbench-store"),
    ("clap", "vidbench"),
    ("indicatif", "vidbench"),
    ("anyhow", "vidbench"),
];

/// Pure crates, whose functions map values to values, and the paths of `std` that would break this.
const PURE: &[&str] =
    &["vidbench-core", "vidbench-shapes", "vidbench-metrics", "vidbench-analysis", "vidbench-report"];
const IMPURE_PATHS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "SystemTime",
    "Instant::now",
    "rand::rng",
    "OsRng",
];
const IMPURE_CRATES: &[&str] =
    &["tokio", "ureq", "reqwest", "rusqlite", "nix", "libc", "getrandom", "sysinfo"];

pub(crate) fn run() -> Result<()> {
    let mut broken = Vec::new();
    for (name, dependencies) in dependencies_of_members()? {
        broken.extend(broken_arrows(&name, &dependencies));
    }
    for name in PURE {
        broken.extend(impure_lines(name)?);
    }
    if broken.is_empty() {
        eprintln!("check-deps: {} crates follow the dependency rules", ARROWS.len());
        return Ok(());
    }
    bail!("{} broken dependency rules (see ARCHITECTURE.md):\n  {}", broken.len(), broken.join("\n  "))
}

/// Normal dependencies by crate; tests and build scripts may use what they need.
fn dependencies_of_members() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let output = super::cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata returned no JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    Ok(packages.iter().map(|package| (text(&package["name"]), normal_dependencies(package))).collect())
}

fn normal_dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| text(&dependency["name"]))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn broken_arrows(name: &str, dependencies: &BTreeSet<String>) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} is not in xtask/src/check_deps.rs: list its allowed dependencies there"
        )];
    };
    let mut broken = Vec::new();
    for dependency in dependencies {
        if ARROWS.iter().any(|(known, _)| known == dependency) && !allowed.contains(&dependency.as_str()) {
            broken.push(format!("{name} -> {dependency}: this dependency is not allowed"));
        }
        if let Some((_, owner)) = OWNERS.iter().find(|(library, _)| library == dependency)
            && *owner != name
            && name != "xtask"
        {
            broken.push(format!("{name} -> {dependency}: only {owner} may depend on it"));
        }
        if PURE.contains(&name) && IMPURE_CRATES.contains(&dependency.as_str()) {
            broken.push(format!("{name} -> {dependency}: {name} is pure"));
        }
    }
    broken
}

/// Lines of a source with their indices, except items that only tests have. rustfmt ends an item that takes several
/// lines with a brace at the indentation it began with.
fn without_tests(source: &str) -> Vec<(usize, &str)> {
    let mut lines = source.lines().enumerate();
    let mut kept = Vec::new();
    while let Some((index, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push((index, line));
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let mut item = lines.by_ref().skip_while(|(_, line)| line.trim_start().starts_with("#["));
        let is_long = item.next().is_some_and(|(_, first)| !first.ends_with([';', '}']));
        if is_long {
            item.find(|(_, line)| *line == end);
        }
    }
    kept
}

/// Lines of a pure crate's source with side effects. Test modules and binaries may have them.
fn impure_lines(name: &str) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for file in rust_files(&super::root().join("crates").join(name).join("src"))? {
        let source = std::fs::read_to_string(&file)?;
        for (index, line) in without_tests(&source) {
            let line = line.split("//").next().unwrap_or_default();
            if let Some(path) = IMPURE_PATHS.iter().find(|path| line.contains(*path)) {
                let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                broken.push(format!("{name}/{file}:{}: {path} in a pure crate", index + 1));
            }
        }
    }
    Ok(broken)
}

fn rust_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            // A binary of a pure crate is a program of its own.
            if path.file_name().is_some_and(|name| name != "bin") {
                files.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deps(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_items_of_tests_are_left_out() {
        let source = "#[cfg(test)]\nuse a;\nuse b;\nmod m {\n    #[cfg(test)]\n    fn f() {\n        1;\n    }\n    fn g() {}\n}\n\
                      #[cfg(test)]\n#[cfg(unix)]\nmod tests {\n    fn t() {}\n}\nfn last() {}\n";
        let kept: Vec<&str> = without_tests(source).into_iter().map(|(_, line)| line).collect();
        assert_eq!(kept, ["use b;", "mod m {", "    fn g() {}", "}", "fn last() {}"]);
    }

    #[test]
    fn a_forbidden_arrow_is_named() {
        assert_eq!(
            broken_arrows("vidbench-store", &deps(&["vidbench-core", "vidbench-runner"])),
            ["vidbench-store -> vidbench-runner: this dependency is not allowed"]
        );
    }

    #[test]
    fn a_library_with_an_owner_is_linked_by_no_other() {
        assert_eq!(
            broken_arrows("vidbench-metrics", &deps(&["ort"])),
            ["vidbench-metrics -> ort: only vidbench-nn may depend on it"]
        );
    }

    #[test]
    fn a_pure_crate_takes_no_runtime() {
        assert_eq!(
            broken_arrows("vidbench-core", &deps(&["tokio"])),
            ["vidbench-core -> tokio: vidbench-core is pure"]
        );
    }

    #[test]
    fn a_new_crate_must_be_placed() {
        assert_eq!(broken_arrows("vidbench-new", &deps(&[])).len(), 1);
    }

    #[test]
    fn arrows_point_down() {
        for (at, (name, allowed)) in ARROWS.iter().enumerate() {
            for target in *allowed {
                let below = ARROWS[..at].iter().any(|(known, _)| known == target);
                assert!(below, "{name} -> {target} points up");
            }
        }
    }
}
