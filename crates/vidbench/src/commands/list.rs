//! `vidbench list`: lists what ships.

use anyhow::Result;
use serde_json::json;
use vidbench_core::WeightsOrigin;

use super::{columns, json as pretty};
use crate::OK;
use crate::cli::{ListArgs, Listing};
use crate::ui::Ui;

pub(crate) fn list(args: &ListArgs, ui: Ui) -> Result<u8> {
    let (value, rows) = match args.what {
        Listing::Models => models(),
        Listing::Metrics => return super::metrics::list(args.json, ui),
        Listing::Suites => suites(),
    };
    let text = if args.json { pretty(&value)? } else { columns(&rows) };
    ui.data(&text)?;
    Ok(OK)
}

fn header<const N: usize>(names: [&str; N]) -> Vec<Vec<String>> {
    vec![names.map(str::to_owned).to_vec()]
}

fn models() -> (serde_json::Value, Vec<Vec<String>>) {
    let mut rows = header(["model", "engine", "domain", "default", "licence", "what"]);
    let mut values = Vec::new();
    for model in vidbench::models() {
        let weights = match &model.weights {
            WeightsOrigin::Sha256(hash) => hash.as_str(),
            WeightsOrigin::Random => "random",
            WeightsOrigin::Unknown => "unknown",
        };
        let (id, domain) = (model.id.to_string(), model.domain.name());
        values.push(json!({
            "id": id, "engine": "embedded", "domain": domain, "revision": model.revision, "weights_sha256": weights,
            "defaults": model.defaults, "license": model.license, "title": model.title,
        }));
        let defaults = model.defaults.describe();
        rows.push(vec![
            id,
            "embedded".into(),
            domain.into(),
            defaults,
            model.license.clone(),
            model.title.into(),
        ]);
    }
    (json!(values), rows)
}

fn suites() -> (serde_json::Value, Vec<Vec<String>>) {
    let mut rows = header(["suite", "how to run it"]);
    rows.push(["demo", "vidbench demo"].map(str::to_owned).to_vec());
    (json!([{ "name": "demo", "source": vidbench::DEMO_SUITE }]), rows)
}
