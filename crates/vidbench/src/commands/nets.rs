//! `vidbench nets`: weights of the nets that metrics use.

mod fetch;
mod import;
mod licences;
mod list;
mod random;
mod verify;

use anyhow::Result;
use serde_json::{Value, json};
use vidbench::SystemClock;
use vidbench_core::{Clock as _, rfc3339};
use vidbench_nn::{NetEntry, NetStore, NetStoreError, Stamp, WeightsIdentity};

use super::{columns, json as pretty};
use crate::cli::NetsCommand;
use crate::ui::{Ui, print_error};
use crate::{FAILED, OK};

pub(crate) fn nets(command: &NetsCommand, ui: Ui) -> Result<u8> {
    match command {
        NetsCommand::List { json } => list::list(*json, ui),
        NetsCommand::Fetch(args) => fetch::fetch(args, ui),
        NetsCommand::Verify(args) => verify::verify(args, ui),
        NetsCommand::Import(args) => import::import(args, ui),
        NetsCommand::Licences { json } => licences::licences(*json, ui),
        NetsCommand::Random(args) => random::random(args, ui),
    }
}

/// The nets named directly or through bundles.
fn chosen(names: &[String]) -> Result<Vec<&'static NetEntry>> {
    Ok(vidbench::choose_nets(names)?)
}

fn stamp(accept_changed: bool) -> Stamp {
    Stamp { made_at: Some(rfc3339(SystemClock::start().unix_ms())), accept_changed }
}

/// The result for one net.
struct Done {
    net: String,
    state: &'static str,
    /// Its weights, or why there are none.
    outcome: Result<WeightsIdentity, Failure>,
}

struct Failure {
    message: String,
    hints: Vec<String>,
}

impl Failure {
    fn of_store(error: &NetStoreError) -> Self {
        Self { message: error.to_string(), hints: error.hint().into_iter().collect() }
    }
}

/// Prints a line or an object for each net, and the reason for each that failed; returns the exit code.
fn report(done: &[Done], store: &NetStore, as_json: bool, ui: Ui) -> Result<u8> {
    let text = if as_json {
        pretty(&json!({ "store": store.root(), "nets": values(done) }))?
    } else {
        columns(&rows(done))
    };
    ui.data(&text)?;
    let mut code = OK;
    for failure in done.iter().filter_map(|done| done.outcome.as_ref().err()) {
        print_error(&failure.message, &failure.hints, ui.stderr_color);
        code = FAILED;
    }
    Ok(code)
}

fn rows(done: &[Done]) -> Vec<Vec<String>> {
    let mut rows = vec![["net", "state", "weights' sha256"].map(str::to_owned).to_vec()];
    rows.extend(done.iter().map(|Done { net, state, outcome }| {
        let (state, hash) = match outcome {
            Ok(identity) if identity.pinned || identity.random.is_some() => (*state, &*identity.sha256),
            Ok(identity) => (&*format!("{state} (unpinned)"), &*identity.sha256),
            Err(_) => ("FAILED", "-"),
        };
        vec![net.clone(), state.to_owned(), hash.to_owned()]
    }));
    rows
}

fn values(done: &[Done]) -> Vec<Value> {
    let value = |Done { net, state, outcome }: &Done| match outcome {
        Ok(identity) => json!({ "net": net, "state": state, "weights": identity }),
        Err(failure) => {
            json!({ "net": net, "state": "failed", "reason": failure.message, "hints": failure.hints })
        }
    };
    done.iter().map(value).collect()
}
