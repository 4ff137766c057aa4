//! A person's wish to stop, shared with the signal handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Asked once, the current sample is finished and recorded; asked twice, it is abandoned.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicU8>);

impl Cancel {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ask (once more) to stop. Safe in a signal handler.
    pub fn ask(&self) {
        // Saturates: a third wish means no more than the second.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |asked| (asked < 2).then_some(asked + 1));
    }

    /// Stop when the current sample is done.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 1
    }

    /// Stop now.
    pub fn is_urgent(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 2
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
        assert!(cancel.is_urgent());
    }
}
