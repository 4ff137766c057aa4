//! The nets of metrics, from the weights on this machine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use vidbench_metrics::MetricError;
use vidbench_metrics::extract::NetSource;
use vidbench_nn::nets::Net;
use vidbench_nn::{NetStore, SessionOptions};

use vidbench_core::with_causes;

/// Nets that are loaded when a metric first asks for them, and kept.
#[derive(Debug)]
pub struct StoredNets {
    /// The store, or why there is none.
    store: Result<NetStore, String>,
    options: SessionOptions,
    loaded: RefCell<BTreeMap<&'static str, Result<Arc<Net>, MetricError>>>,
}

impl StoredNets {
    /// The nets of the store that the environment names; with random weights of that seed, if any.
    pub fn new(random_seed: Option<u64>, options: SessionOptions) -> Self {
        let store = NetStore::from_environment().map_err(|error| reason(&error, error.hint()));
        let store = store.map(|store| match random_seed {
            Some(seed) => store.random(seed),
            None => store,
        });
        Self { store, options, loaded: RefCell::default() }
    }

    fn load(&self, name: &'static str) -> Result<Arc<Net>, MetricError> {
        let no_net = |reason: String| MetricError::NoNet { reason };
        let store = self.store.as_ref().map_err(|reason| no_net(reason.clone()))?;
        let ready = store.ready(name).map_err(|error| no_net(reason(&error, error.hint())))?;
        let net = Net::load(ready.skeleton, ready.weights, &self.options);
        net.map(Arc::new).map_err(|error| no_net(reason(&error, error.hint().map(str::to_owned))))
    }
}

impl NetSource for StoredNets {
    fn net(&self, name: &'static str) -> Result<Arc<Net>, MetricError> {
        if let Some(known) = self.loaded.borrow().get(name) {
            return known.clone();
        }
        let loaded = self.load(name);
        self.loaded.borrow_mut().insert(name, loaded.clone());
        loaded
    }
}

fn reason(error: &dyn Error, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{}; {hint}", with_causes(error)),
        None => with_causes(error),
    }
}
