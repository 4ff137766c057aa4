//! `vidbench nets random`.

use anyhow::Result;
use vidbench_nn::NetStore;

use super::{Done, Failure, chosen, report, stamp};
use crate::cli::NetsRandomArgs;
use crate::ui::Ui;

pub(super) fn random(args: &NetsRandomArgs, ui: Ui) -> Result<u8> {
    let nets = chosen(&args.nets)?;
    let store = NetStore::from_environment()?;
    let make = |name: &str| {
        let made = store.install_random(name, args.seed, &stamp(false));
        Done {
            net: name.to_owned(),
            state: "random",
            outcome: made.map_err(|error| Failure::of_store(&error)),
        }
    };
    let done: Vec<Done> = nets.iter().map(|net| make(&net.name)).collect();
    report(&done, &store.random(args.seed), args.json, ui)
}
