//! Watches a session: readings and events go to the judges of health and alerts; what they report is told, logged and
//! stored.

use std::sync::{Arc, Mutex, PoisonError};

use vidbench_core::{
    AlertChange, Clock, Event, HealthChange, ModelId, Outcome, Reading, ResolvedSuite, RunId,
};
use vidbench_store::Store;

use crate::alerts::Alerts;
use crate::board::Board;
use crate::health::{Accelerators, Health, Vitals};
use crate::log::Log;

/// The monitor of a session, for use from any thread.
pub(crate) struct Monitor<'a> {
    pub(crate) board: Arc<Board>,
    store: &'a Store,
    run: &'a RunId,
    session: u32,
    clock: Arc<dyn Clock>,
    started_ns: u64,
    log: Log,
    events: &'a (dyn Fn(&Event) + Sync),
    judges: Mutex<Judges>,
}

struct Judges {
    health: Health,
    alerts: Alerts,
    health_changes: Vec<HealthChange>,
    alert_changes: Vec<AlertChange>,
}

/// What a monitor belongs to.
pub(crate) struct Watched<'a> {
    pub(crate) store: &'a Store,
    pub(crate) run: &'a RunId,
    pub(crate) session: u32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started_ns: u64,
    pub(crate) log: Log,
    pub(crate) events: &'a (dyn Fn(&Event) + Sync),
}

impl<'a> Monitor<'a> {
    pub(crate) fn new(watched: Watched<'a>, suite: &ResolvedSuite) -> Self {
        let Watched { store, run, session, clock, started_ns, log, events } = watched;
        let judges = Judges {
            health: Health::new(&suite.health),
            alerts: Alerts::new(&suite.health, &suite.alerts),
            health_changes: Vec::new(),
            alert_changes: Vec::new(),
        };
        let board = Board::new(Arc::clone(&clock));
        Self { board, store, run, session, clock, started_ns, log, events, judges: Mutex::new(judges) }
    }

    /// Takes a reading of the sensors.
    pub(crate) fn read(&self, reading: &Reading, accelerators: &Accelerators) {
        self.board.sees(&reading.devices);
        let at_secs = reading.t_ns as f64 / 1e9;
        let workers = self.board.workers();
        let (queue, store) = (self.board.queued(), self.board.last_write());
        let vitals = Vitals { reading, accelerators, workers: &workers, queue, store };
        let health = self.judges(|judges| {
            let changes = judges.health.see(at_secs, &vitals);
            judges.health_changes.extend(changes.iter().cloned());
            changes
        });
        for change in health {
            self.tell(&Event::Health(change.clone()));
            // Saved at once for a session that is killed; the whole list is saved when the session ends.
            self.board.wrote(written(self.store.add_health_change(self.run, self.session, &change)));
        }
        self.alert(|alerts| alerts.reading(at_secs, reading));
    }

    /// Takes an event that was told already.
    pub(crate) fn hears(&self, event: &Event) {
        if let Event::Judged { outcome, .. } = event
            && *outcome != Outcome::PromptRejected
        {
            let (at_secs, failed) = (self.at_secs(), outcome.is_failure());
            self.alert(|alerts| alerts.judged(at_secs, failed));
        }
        if let Event::Breaker(change) = event {
            self.alert(|alerts| alerts.breaker(change));
        }
    }

    /// Takes how long a sample of a model usually takes.
    pub(crate) fn expects(&self, model: &ModelId, usual_secs: f64) {
        let at_secs = self.at_secs();
        self.alert(|alerts| alerts.expects(at_secs, model, usual_secs));
    }

    /// Takes how long a sample of a model took.
    pub(crate) fn took(&self, model: &ModelId, secs: f64) {
        let at_secs = self.at_secs();
        self.alert(|alerts| alerts.took(at_secs, model, secs));
    }

    /// All changes so far, in order.
    pub(crate) fn changes(&self) -> (Vec<HealthChange>, Vec<AlertChange>) {
        self.judges(|judges| (judges.health_changes.clone(), judges.alert_changes.clone()))
    }

    fn alert<I: IntoIterator<Item = AlertChange>>(&self, judge: impl FnOnce(&mut Alerts) -> I) {
        let changes: Vec<AlertChange> = self.judges(|judges| {
            let changes: Vec<AlertChange> = judge(&mut judges.alerts).into_iter().collect();
            judges.alert_changes.extend(changes.iter().cloned());
            changes
        });
        for change in changes {
            self.tell(&Event::Alert(change.clone()));
            self.board.wrote(written(self.store.add_alert_change(self.run, self.session, &change)));
        }
    }

    fn tell(&self, event: &Event) {
        self.log.event(event);
        (self.events)(event);
    }

    fn judges<T>(&self, of: impl FnOnce(&mut Judges) -> T) -> T {
        of(&mut self.judges.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn at_secs(&self) -> f64 {
        self.clock.monotonic_ns().saturating_sub(self.started_ns) as f64 / 1e9
    }
}

/// How a write went, in words.
pub(crate) fn written<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.to_string())
}
