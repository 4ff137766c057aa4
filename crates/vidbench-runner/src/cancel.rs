//! Requests to stop: from a person, shared with the signal handler, or from a time limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Asked to stop once, the runner finishes and records the current sample; asked twice, or when the time is over, it
/// abandons it.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    asked: Arc<AtomicU8>,
    end: Option<Instant>,
}

impl Cancel {
    /// Nobody has asked to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nobody has asked to stop yet; at `end`, if there is one, the time is over.
    pub fn until(end: Option<Instant>) -> Self {
        Self { end, ..Self::default() }
    }

    /// Time until the limit; `None` without a limit.
    pub fn left(&self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Whether a person has asked to stop.
    pub fn is_asked_by_a_person(&self) -> bool {
        self.asked.load(Ordering::Relaxed) >= 1
    }

    /// Ask (once more) to stop. Safe in a signal handler.
    pub fn ask(&self) {
        // Saturates: a third request means no more than the second.
        let _ = self
            .asked
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |asked| (asked < 2).then_some(asked + 1));
    }

    /// Whether to stop when the current sample is done.
    pub fn is_asked(&self) -> bool {
        self.is_asked_by_a_person() || self.is_over()
    }

    /// Whether to stop now.
    pub fn is_urgent(&self) -> bool {
        self.asked.load(Ordering::Relaxed) >= 2 || self.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_wish_is_urgent_and_clones_share_it() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        other.ask();
        assert!(cancel.is_asked() && !cancel.is_urgent());
        (0..300).for_each(|_| other.ask());
        assert!(cancel.is_urgent() && cancel.is_asked_by_a_person());
    }

    #[test]
    fn a_limit_is_urgent_when_it_is_reached_and_no_person() {
        let later = Cancel::until(Instant::now().checked_add(Duration::from_secs(3600)));
        assert!(!later.is_asked() && later.left().unwrap() > Duration::from_secs(3500));
        let over = Cancel::until(Some(Instant::now()));
        assert!(over.clone().is_asked() && over.is_urgent() && !over.is_asked_by_a_person());
        over.ask();
        assert!(over.is_asked_by_a_person());
        assert_eq!(Cancel::new().left(), None);
    }
}
