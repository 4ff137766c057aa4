//! What samples of a model usually take, so that the alert of latency knows which models are slow by nature.

use vidbench_core::ModelId;

use crate::run::Runner;

impl Runner<'_> {
    /// Expects what samples of a model usually take: as earlier runs took, else as its quickest warm-up took, because
    /// the first may contain compilation.
    pub(crate) fn expect_latency(&self, model: u32) {
        let resolved = &self.suite().models[model as usize];
        let earlier = |params| self.inputs.store.usual_service_secs(resolved, params).ok().flatten();
        let known: Vec<f64> = resolved.params.iter().filter_map(earlier).collect();
        let usual_secs = match known.len() {
            0 => self.quickest_warm_up(&resolved.id),
            count => Some(known.iter().sum::<f64>() / count as f64),
        };
        if let Some(usual_secs) = usual_secs {
            self.monitor.expects(&resolved.id, usual_secs);
        }
    }

    fn quickest_warm_up(&self, model: &ModelId) -> Option<f64> {
        let loaded = self.session.models.iter().filter(|loaded| loaded.model.id == *model);
        loaded.flat_map(|loaded| loaded.warmup_secs.iter().copied()).reduce(f64::min)
    }
}
