//! A time limit, such as batch systems set: nothing begins that is unlikely to end before it.

use std::time::Duration;

use vidbench_core::{Event, PlannedSample};

use crate::run::Runner;

impl Runner<'_> {
    /// Whether too little time is left for the sample, as far as can be told beforehand; its model then waits for
    /// another session.
    pub(crate) fn lacks_time(&mut self, sample: &PlannedSample, loaded: bool) -> bool {
        let Some(left) = self.inputs.cancel.left() else { return false };
        let earlier_runs = || self.usual_service_secs(sample);
        let generate_secs = self.expected_secs(sample).or_else(earlier_runs).unwrap_or(0.0);
        let load_secs = if loaded { 0.0 } else { self.quickest_load_secs(sample.model) };
        let needed_secs = load_secs + generate_secs;
        if left.as_secs_f64() > needed_secs {
            return false;
        }
        let model = &self.suite().model_of(sample).id;
        let what =
            if load_secs > 0.0 { "the start, warm-up and next sample of" } else { "the next sample of" };
        let verb = if load_secs > 0.0 { "are" } else { "is" };
        self.is_out_of_time(format!(
            "the time limit leaves {:.1} s, and {what} {model} {verb} likely to take {needed_secs:.1} s",
            left.as_secs_f64()
        ));
        true
    }

    /// Whether a wait of this length leaves nothing that could begin before the limit.
    pub(crate) fn lacks_time_to_wait(&mut self, wait: Duration) -> bool {
        let Some(left) = self.inputs.cancel.left().filter(|left| *left <= wait) else { return false };
        let (left, wait) = (left.as_secs_f64(), wait.as_secs_f64());
        self.is_out_of_time(format!(
            "the time limit leaves {left:.1} s, and nothing can start for {wait:.1} s"
        ));
        true
    }

    fn is_out_of_time(&mut self, message: String) {
        self.tell(&Event::Warning { message: message.clone() });
        self.trouble.out_of_time = Some(message);
    }

    /// An error of the store is ignored here: the store reports it when it is to keep something.
    fn usual_service_secs(&self, sample: &PlannedSample) -> Option<f64> {
        let (suite, store) = (self.suite(), self.inputs.store);
        store.usual_service_secs(suite.model_of(sample), suite.params_of(sample)).ok().flatten()
    }

    /// The shortest time in seconds that starting a model and its warm-up took in this run; 0 when it was never
    /// started. The first start may contain a download, which must not keep all later sessions from beginning.
    fn quickest_load_secs(&self, model: u32) -> f64 {
        let id = &self.suite().models[model as usize].id;
        let all =
            || self.earlier.loads.iter().chain(&self.session.models).filter(|loaded| loaded.model.id == *id);
        let least = |secs: &mut dyn Iterator<Item = f64>| secs.reduce(f64::min).unwrap_or(0.0);
        let warmed = || all().filter(|loaded| !loaded.warmup_secs.is_empty());
        least(&mut all().map(|loaded| loaded.load_secs))
            + least(&mut warmed().map(|loaded| loaded.warmup_secs.iter().sum()))
    }

    /// Why samples are left for lack of time, if they are.
    pub(crate) fn out_of_time(&self) -> Option<String> {
        let over = || self.inputs.cancel.left().is_some_and(|left| left.is_zero());
        let stopped =
            || over().then(|| "the time limit is reached; the work in progress is stopped".to_owned());
        self.trouble.out_of_time.clone().or_else(stopped)
    }
}
