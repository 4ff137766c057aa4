//! `vidbench nets import`: takes weights from local files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use vidbench::{FoundCheckpoints, find_checkpoints};
use vidbench_core::text_from_path;
use vidbench_nn::{Manifest, NetEntry, NetStore, SourceOnDisk};

use super::{Done, Failure, chosen, report, stamp};
use crate::cli::NetsImportArgs;
use crate::commands::UserError;
use crate::ui::Ui;

pub(super) fn import(args: &NetsImportArgs, ui: Ui) -> Result<u8> {
    let store = NetStore::from_environment()?;
    let nets = match &args.net {
        Some(name) => chosen(std::slice::from_ref(name))?,
        None => Manifest::shipped().nets().collect(),
    };
    let FoundCheckpoints { mut files, others } = find_checkpoints(&args.paths)?;
    let mut left = others;
    if let (Some(_), [net], [file], true) = (&args.net, &nets[..], &left[..], files.is_empty())
        && let [name] = &net.files[..]
    {
        // When there is one file and the net needs one file, its name does not matter.
        files.insert(name.clone(), file.clone());
        left.clear();
    }
    let found: Vec<&&NetEntry> =
        nets.iter().filter(|net| net.files.iter().any(|name| files.contains_key(name))).collect();
    if found.is_empty() {
        return Err(nothing_found(args, &nets).into());
    }
    let done: Vec<Done> =
        found.into_iter().map(|net| take(net, &files, &store, args.accept_changed)).collect();
    let code = report(&done, &store, args.json, ui)?;
    if let Some(first) = left.first() {
        let first = first.display();
        ui.say(&format!("left alone: {} files that no net is taken from, such as {first}", left.len()));
    }
    Ok(code)
}

fn take(net: &NetEntry, files: &BTreeMap<String, PathBuf>, store: &NetStore, accept_changed: bool) -> Done {
    let manifest = Manifest::shipped();
    let source = |name: &String| {
        let path = files.get(name)?.clone();
        Some(SourceOnDisk { file: manifest.file(name)?, from: text_from_path(&path), path })
    };
    let sources: Vec<_> = net.files.iter().filter_map(source).collect();
    let outcome = if sources.len() < net.files.len() {
        Err(incomplete(net, files))
    } else {
        store.install(&net.name, &sources, &stamp(accept_changed)).map_err(|error| Failure::of_store(&error))
    };
    Done { net: net.name.clone(), state: "imported", outcome }
}

fn incomplete(net: &NetEntry, files: &BTreeMap<String, PathBuf>) -> Failure {
    let missing: Vec<&str> =
        net.files.iter().filter(|name| !files.contains_key(*name)).map(String::as_str).collect();
    Failure {
        message: format!("{} needs {} too", net.name, missing.join(" and ")),
        hints: vec![format!(
            "name its folder or file in the same command, or `vidbench nets fetch {}`",
            net.name
        )],
    }
}

fn nothing_found(args: &NetsImportArgs, nets: &[&NetEntry]) -> UserError {
    let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
    let message = format!("no file of a known name or hash in {}", paths.join(", "));
    let names: Vec<&str> = nets.iter().flat_map(|net| &net.files).map(String::as_str).collect();
    let mut hints = vec![format!("files of these names are looked for: {}", names.join(", "))];
    if args.net.is_none() {
        hints.push("--net NAME says which net a file of another name is of".into());
    }
    UserError { message, hints }
}
