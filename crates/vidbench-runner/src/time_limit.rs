//! A limit of time, as batch systems set one: nothing begins that is not likely to end before it.

use vidbench_core::{Event, PlannedSample};

use crate::run::Runner;

impl Runner<'_> {
    /// Whether too little time is left for the sample, as far as one can tell beforehand; the session stops then.
    pub(crate) fn lacks_time(&mut self, sample: &PlannedSample, loaded: bool) -> bool {
        let Some(left) = self.inputs.cancel.left() else { return false };
        let earlier_runs = || self.usual_service_secs(sample);
        let generate_secs = self.expected_secs(sample).or_else(earlier_runs).unwrap_or(0.0);
        let load_secs = if loaded { 0.0 } else { self.usual_load_secs(sample.model) };
        let needed_secs = load_secs + generate_secs;
        if left.as_secs_f64() > needed_secs {
            return false;
        }
        let model = &self.suite().model_of(sample).id;
        let what = if load_secs > 0.0 { "loading it and making the next sample" } else { "its next sample" };
        let message = format!(
            "the time limit leaves {:.1} s; {what} is likely to take model {model} {needed_secs:.1} s",
            left.as_secs_f64()
        );
        self.tell(&Event::Warning { message: format!("{message}; stopping") });
        self.out_of_time = Some(message);
        true
    }

    /// A store that cannot tell says so when it is to keep something.
    fn usual_service_secs(&self, sample: &PlannedSample) -> Option<f64> {
        let (suite, store) = (self.suite(), self.inputs.store);
        store.usual_service_secs(&suite.model_of(sample).id, suite.params_of(sample)).ok().flatten()
    }

    /// Seconds of loading a model and of its warm-up, as they were the last time in this run; 0 when it never was.
    fn usual_load_secs(&self, model: u32) -> f64 {
        let id = &self.suite().models[model as usize].id;
        let all = self.earlier_loads.iter().chain(&self.session.models);
        let last = all.rev().find(|loaded| loaded.model.id == *id);
        last.map_or(0.0, |loaded| loaded.load_secs + loaded.warmup_secs.iter().sum::<f64>())
    }

    /// Why the session ends for lack of time, if it does.
    pub(crate) fn out_of_time(&self) -> Option<String> {
        let over = || self.inputs.cancel.left().is_some_and(|left| left.is_zero());
        let stopped = || over().then(|| "the time limit is reached; what was going on is stopped".to_owned());
        self.out_of_time.clone().or_else(stopped)
    }
}
