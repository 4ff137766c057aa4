//! `vidbench nets licences`.

use anyhow::Result;
use serde_json::{Value, json};
use vidbench_nn::Manifest;

use super::super::{columns, json as pretty};
use crate::OK;
use crate::ui::Ui;

pub(super) fn licences(as_json: bool, ui: Ui) -> Result<u8> {
    let nets = Manifest::shipped().nets();
    if as_json {
        let values: Vec<Value> = nets
            .map(|net| {
                json!({ "net": net.name, "licence": net.licence, "commercial": net.commercial, "citation": net.citation })
            })
            .collect();
        ui.data(&pretty(&values)?)?;
        return Ok(OK);
    }
    let mut rows = vec![["net", "licence", "commercial", "cite"].map(str::to_owned).to_vec()];
    rows.extend(nets.map(|net| {
        vec![net.name.clone(), net.licence.clone(), net.commercial.text().into(), net.citation.clone()]
    }));
    ui.data(&columns(&rows))?;
    ui.say("the terms of the data that a net was trained on are another question; the texts are with the authors' files");
    Ok(OK)
}
