//! The power of the idle machine: a while without work before the first model and after the last, read by the sensors like any other time.

use std::time::Duration;

use vidbench_core::{Event, IdleWhen, IdleWindow};

use crate::run::Runner;

/// How many intervals an idle window must span, so that some readings lie within it.
const INTERVALS: u32 = 2;

impl Runner<'_> {
    /// Does nothing for a while. No model is loaded: the first one is not loaded yet, or the last one has ended.
    pub(crate) fn rest(&mut self, when: IdleWhen, interval: Duration) {
        let idle = Duration::from_secs_f64(self.suite().telemetry.idle_secs);
        let fits = self.inputs.cancel.left().is_none_or(|left| left > idle);
        if idle.is_zero() || idle < INTERVALS * interval || !fits || self.should_stop() {
            return;
        }
        self.tell(&Event::Resting { when, secs: idle.as_secs_f64() });
        let start_ns = self.session_ns();
        if self.wait(idle) {
            let window = IdleWindow { when, start_ns, end_ns: self.session_ns() };
            self.session.idle.push(window);
        }
    }

    fn session_ns(&self) -> u64 {
        self.inputs.clock.monotonic_ns().saturating_sub(self.started_ns)
    }
}
