//! `vidbench nets verify`.

use anyhow::Result;
use vidbench_nn::{Manifest, NetEntry, NetState, NetStore};

use super::{Done, Failure, chosen, report};
use crate::cli::NetsVerifyArgs;
use crate::ui::Ui;

pub(super) fn verify(args: &NetsVerifyArgs, ui: Ui) -> Result<u8> {
    let store = NetStore::from_environment()?;
    let nets = if args.nets.is_empty() { present(&store)? } else { chosen(&args.nets)? };
    if nets.is_empty() {
        ui.say(&format!(
            "{} has no weights; `vidbench nets list` shows what can be fetched",
            store.root().display()
        ));
    }
    let verified = |net: &&NetEntry| {
        let outcome = store.verify(&net.name).map_err(|error| Failure::of_store(&error));
        Done { net: net.name.clone(), state: "sound", outcome }
    };
    report(&nets.iter().map(verified).collect::<Vec<_>>(), &store, args.json, ui)
}

fn present(store: &NetStore) -> Result<Vec<&'static NetEntry>> {
    let mut nets = Vec::new();
    for net in Manifest::shipped().nets() {
        if store.state(&net.name)? != NetState::Absent {
            nets.push(net);
        }
    }
    Ok(nets)
}
