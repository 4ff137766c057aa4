//! `vidbench cache`, and the cache that other commands use.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use vidbench::CacheChoice;
use vidbench_store::{Cache, CacheSize, CacheUse, Store};

use super::{UserError, bytes_text, columns, json as pretty};
use crate::OK;
use crate::cli::{CacheCommand, CacheShowArgs};
use crate::ui::{Ui, duration};

/// Names the file to which every request to the cache is appended.
const REQUESTS: &str = "VIDBENCH_CACHE_REQUESTS";

pub(crate) fn cache(command: &CacheCommand, workspace: &Path, ui: Ui) -> Result<u8> {
    let chosen = chosen()?;
    let store = Store::open_existing(workspace)?;
    match command {
        CacheCommand::Show(args) => show(args, &store, chosen, ui)?,
        CacheCommand::Clear => {
            let freed = open(&store, chosen)?.clear()?;
            ui.say(&format!("removed {} entries, {}", freed.entries, bytes_text(freed.bytes)));
        }
    }
    Ok(OK)
}

/// The environment's choice for the cache.
pub(crate) fn chosen() -> Result<CacheChoice, UserError> {
    vidbench::cache_choice()
        .map_err(|error| UserError { message: error.to_string(), hints: vec![error.hint()] })
}

/// Attaches the cache to a command. If the cache cannot be used, a message says so and the command runs without it.
pub(crate) fn attach(store: &Store, ui: Ui) -> Result<()> {
    if let Err(error) = store.use_cache(chosen()?.size) {
        let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
        ui.say(&format!("warning: continuing without the cache: {error}{cause}"));
    }
    if let (Some(cache), Some(file)) =
        (store.cache(), std::env::var_os(REQUESTS).filter(|file| !file.is_empty()))
    {
        cache.record_requests(Path::new(&file))?;
    }
    Ok(())
}

/// Opens the cache to show or clear it. If the cache is off, the size is unlimited, so that the existing entries stay.
fn open(store: &Store, chosen: CacheChoice) -> Result<Cache> {
    let size = if chosen.size.is_off() { CacheSize(i64::MAX as u64) } else { chosen.size };
    Ok(Cache::open(store.root(), size)?)
}

fn show(args: &CacheShowArgs, store: &Store, chosen: CacheChoice, ui: Ui) -> Result<()> {
    let kinds = open(store, chosen)?.usage()?;
    if args.json {
        let kinds: Vec<_> = kinds.iter().map(told).collect();
        return ui.data(&pretty(&json!({
            "size_bytes": chosen.size.0,
            "chosen_by": chosen.variable,
            "kinds": kinds,
        }))?);
    }
    let head = ["kind", "entries", "size", "hits", "misses", "evictions", "refusals", "damaged", "saved"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(kinds.iter().map(row));
    ui.data(&format!("{}{}\n", columns(&rows), limit(chosen)))
}

/// The size limit and where it was set, for people.
pub(crate) fn limit(chosen: CacheChoice) -> String {
    let by = chosen.variable.map_or("by default".to_owned(), |variable| format!("by {variable}"));
    if chosen.size.is_off() { format!("off, {by}") } else { format!("at most {}, {by}", chosen.size) }
}

fn row(kind: &CacheUse) -> Vec<String> {
    let numbers =
        [kind.hits, kind.misses, kind.evictions, kind.refusals, kind.damaged].map(|count| count.to_string());
    let first = [kind.kind.name().to_owned(), kind.entries.to_string(), bytes_text(kind.bytes)];
    first.into_iter().chain(numbers).chain([duration(kind.saved_secs)]).collect()
}

fn told(kind: &CacheUse) -> serde_json::Value {
    json!({
        "kind": kind.kind.name(),
        "entries": kind.entries,
        "bytes": kind.bytes,
        "hits": kind.hits,
        "misses": kind.misses,
        "evictions": kind.evictions,
        "refusals": kind.refusals,
        "damaged": kind.damaged,
        "saved_secs": kind.saved_secs,
    })
}
