//! `vidbench nets fetch`: weights from their authors.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;

use anyhow::Result;
use vidbench_nn::{
    Commercial, FetchError, Fetcher, Hub, Manifest, NetEntry, NetState, NetStore, NetStoreError, Patience,
    SourceFile, SourceOnDisk, WeightsIdentity,
};

use super::{Done, Failure, chosen, report, stamp};
use crate::cli::NetsFetchArgs;
use crate::ui::{DownloadView, Ui};

/// The download of several nets; a file that several of them need is fetched once.
struct Fetching<'a> {
    args: &'a NetsFetchArgs,
    store: NetStore,
    fetcher: Fetcher,
    view: DownloadView,
    here: BTreeMap<&'static str, SourceOnDisk<'static>>,
}

pub(super) fn fetch(args: &NetsFetchArgs, ui: Ui) -> Result<u8> {
    let nets = chosen(&args.nets)?;
    let store = NetStore::from_environment()?;
    let _alone =
        alone(&store, ui).map_err(|source| NetStoreError::Io { path: store.root().to_owned(), source })?;
    let mut hub = Hub::from_environment();
    hub.offline |= args.offline;
    let fetcher = Fetcher::new(hub, store.root().join("downloads"), Patience::default());
    let view = DownloadView::new(args.progress.kind, ui.is_quiet());
    let mut fetching = Fetching { args, store, fetcher, view, here: BTreeMap::new() };
    let done: Vec<Done> = nets.into_iter().map(|net| fetching.net(net, ui)).collect();
    fetching.tidy(ui);
    report(&done, &fetching.store, args.json, ui)
}

/// Allows only one fetch at a time: a second one would fetch the same files again and find its downloads deleted by the
/// first.
fn alone(store: &NetStore, ui: Ui) -> io::Result<File> {
    fs::create_dir_all(store.root())?;
    let file = File::create(store.root().join(".fetch.lock"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            ui.say("another vidbench is fetching nets; waiting for it");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

impl Fetching<'_> {
    fn net(&mut self, net: &'static NetEntry, ui: Ui) -> Done {
        let done = |state, outcome| Done { net: net.name.clone(), state, outcome };
        if let Ok(NetState::Ready(identity)) = self.store.state(&net.name)
            && !self.args.again
        {
            return done("ready", Ok(identity));
        }
        if net.commercial != Commercial::Yes {
            let use_text = if net.commercial == Commercial::No { "is not allowed" } else { "is unclear" };
            ui.say(&format!("note: commercial use of {} {use_text}: {}", net.name, net.licence));
        }
        if !net.names_verified {
            ui.say(&format!("note: the tensor names in the file of {} have not been verified", net.name));
        }
        done("fetched", self.fetched(net))
    }

    fn fetched(&mut self, net: &'static NetEntry) -> Result<WeightsIdentity, Failure> {
        let mut sources = Vec::new();
        for file in Manifest::shipped().files_of(net) {
            sources.push(self.file(file).map_err(|error| failure(&error))?);
        }
        let installed = self.store.install(&net.name, &sources, &stamp(self.args.accept_changed));
        installed.map_err(|error| {
            // A file with a changed hash is kept, since `--accept-changed` may take it; a file that does not fit is
            // deleted.
            if matches!(error, NetStoreError::Changed { .. }) {
                sources.iter().for_each(|source| drop(self.here.remove(source.file.name.as_str())));
            }
            Failure::of_store(&error)
        })
    }

    fn file(&mut self, file: &'static SourceFile) -> Result<SourceOnDisk<'static>, FetchError> {
        if let Some(source) = self.here.get(file.name.as_str()) {
            return Ok(source.clone());
        }
        let view = &mut self.view;
        let fetched = self.fetcher.fetch(file, &mut |event| view.show(&file.name, &event));
        self.view.finish();
        let source = fetched?;
        self.here.insert(&file.name, source.clone());
        Ok(source)
    }

    /// Removes downloaded files, because their weights are now stored in vidbench's own form.
    fn tidy(&self, ui: Ui) {
        for source in self.here.values() {
            if let Err(error) = self.fetcher.discard(source) {
                ui.say(&format!("note: {} cannot be removed: {error}", source.path.display()));
            }
        }
    }
}

fn failure(error: &FetchError) -> Failure {
    Failure { message: error.to_string(), hints: vec![error.hint()] }
}
