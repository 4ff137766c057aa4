//! Remembers the features of texts: a known text is not computed again, and then its net need not even be loaded.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use vidbench_core::protocol::Features;
use vidbench_metrics::MetricError;
use vidbench_metrics::extract::{NetSource, text_id};
use vidbench_nn::nets::Net;

/// The nets, with what is known of how they see the prompt of a clip.
#[derive(Debug)]
pub(super) struct KnownTexts<'a> {
    nets: &'a dyn NetSource,
    prompt: Option<&'a str>,
    /// What was seen before.
    before: &'a [Features],
    /// What is seen now, with the seconds it took.
    now: RefCell<BTreeMap<&'static str, (Vec<f32>, f64)>>,
}

impl<'a> KnownTexts<'a> {
    pub(super) fn new(nets: &'a dyn NetSource, prompt: Option<&'a str>, before: &'a [Features]) -> Self {
        Self { nets, prompt, before, now: RefCell::default() }
    }

    /// What was computed, each with the seconds it took.
    pub(super) fn into_computed(self) -> impl Iterator<Item = (Features, f64)> {
        let features = |(net, (values, secs))| (Features::of_clip(text_id(net), values), secs);
        self.now.into_inner().into_iter().map(features)
    }
}

impl NetSource for KnownTexts<'_> {
    fn net(&self, name: &'static str) -> Result<Arc<Net>, MetricError> {
        self.nets.net(name)
    }

    fn text(
        &self,
        net: &'static str,
        text: &str,
        compute: &dyn Fn() -> Result<Vec<f32>, MetricError>,
    ) -> Result<Vec<f32>, MetricError> {
        if self.prompt != Some(text) {
            return compute();
        }
        let id = text_id(net);
        if let Some(known) = self.before.iter().find(|features| features.net == id) {
            return Ok(known.values.clone());
        }
        if let Some((values, _)) = self.now.borrow().get(net) {
            return Ok(values.clone());
        }
        // Loading the net is not part of what a text costs.
        self.nets.net(net)?;
        let start = Instant::now();
        let values = compute()?;
        self.now.borrow_mut().insert(net, (values.clone(), start.elapsed().as_secs_f64()));
        Ok(values)
    }
}
