//! `vidbench nets list`.

use anyhow::Result;
use serde_json::{Value, json};
use vidbench_metrics::DESCRIPTORS;
use vidbench_nn::nets::Skeleton;
use vidbench_nn::{Manifest, NetEntry, NetState, NetStore};

use super::super::{bytes_text, columns, json as pretty};
use crate::OK;
use crate::ui::Ui;

/// A net as a line of the list.
struct Line {
    net: &'static NetEntry,
    needed_by: Vec<&'static str>,
    /// Size of the weights as stored.
    size_bytes: u64,
    state: NetState,
}

pub(super) fn list(as_json: bool, ui: Ui) -> Result<u8> {
    let store = NetStore::from_environment()?;
    let lines = Manifest::shipped().nets().map(|net| line(net, &store)).collect::<Result<Vec<_>>>()?;
    let bundles: Vec<_> = Manifest::shipped().bundles().collect();
    if as_json {
        let bundles: Vec<Value> = bundles
            .iter()
            .map(|bundle| json!({ "name": bundle.name, "title": bundle.title, "nets": bundle.nets }))
            .collect();
        let nets: Vec<Value> = lines.iter().map(value).collect();
        ui.data(&pretty(&json!({ "store": store.root(), "nets": nets, "bundles": bundles }))?)?;
        return Ok(OK);
    }
    let mut rows =
        vec![["net", "needed by", "size", "licence", "commercial", "state"].map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(row));
    let mut bundle_rows = vec![["bundle", "nets"].map(str::to_owned).to_vec()];
    bundle_rows.extend(bundles.iter().map(|bundle| vec![bundle.name.clone(), bundle.nets.join(", ")]));
    ui.data(&format!("{}\n{}", columns(&rows), columns(&bundle_rows)))?;
    ui.say(&format!(
        "weights are kept in {}; `vidbench nets fetch NAME` fetches a net or a bundle",
        store.root().display()
    ));
    Ok(OK)
}

fn line(net: &'static NetEntry, store: &NetStore) -> Result<Line> {
    let needed_by = DESCRIPTORS.iter().filter(|metric| metric.nets.contains(&net.name.as_str()));
    let elements: usize = Skeleton::of(&net.name)?.tensors().iter().map(|tensor| tensor.elements()).sum();
    Ok(Line {
        net,
        needed_by: needed_by.map(|metric| metric.id).collect(),
        size_bytes: (elements * size_of::<f32>()) as u64,
        state: store.state(&net.name)?,
    })
}

fn state(state: &NetState) -> &'static str {
    match state {
        NetState::Ready(identity) if identity.pinned => "ready",
        NetState::Ready(_) => "ready (unpinned)",
        NetState::Absent => "absent",
        NetState::Damaged(_) => "damaged",
    }
}

fn row(line: &Line) -> Vec<String> {
    let needed_by = if line.needed_by.is_empty() { "-".into() } else { line.needed_by.join(", ") };
    vec![
        line.net.name.clone(),
        needed_by,
        bytes_text(line.size_bytes),
        line.net.licence.clone(),
        line.net.commercial.text().into(),
        state(&line.state).into(),
    ]
}

fn value(line: &Line) -> Value {
    let net = line.net;
    let (weights, reason) = match &line.state {
        NetState::Ready(identity) => (Some(identity), None),
        NetState::Absent => (None, None),
        NetState::Damaged(reason) => (None, Some(reason)),
    };
    json!({
        "net": net.name, "title": net.title, "needed_by": line.needed_by, "size_bytes": line.size_bytes, "licence": net.licence,
        "commercial": net.commercial, "citation": net.citation, "names_verified": net.names_verified, "files": net.files,
        "state": state(&line.state), "weights": weights, "reason": reason,
    })
}
