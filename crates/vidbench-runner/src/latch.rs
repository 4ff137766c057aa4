//! Says whether a value is too high, without flapping: it must stay above the threshold for some readings, and fall
//! well below it for some.

use vidbench_core::HealthSettings;

/// One threshold with its hysteresis. Values come in order; a missing value is not passed in.
#[derive(Debug, Clone)]
pub(crate) struct Latch {
    fire: f64,
    resolve: f64,
    over: u32,
    under: u32,
    high: bool,
    /// How many values in a row contradict the current state.
    streak: u32,
}

impl Latch {
    /// High after `over` values in a row above `fire`; no longer high after `under` in a row at `resolve` or below.
    pub(crate) fn new(fire: f64, resolve: f64, over: u32, under: u32) -> Self {
        Self { fire, resolve, over, under, high: false, streak: 0 }
    }

    /// With the settings of a suite. The margin is at most half of the threshold, so that a small threshold can be left
    /// again.
    pub(crate) fn with(settings: &HealthSettings, fire: f64) -> Self {
        Self::new(fire, resolve(fire, settings.margin), settings.readings_over, settings.readings_under)
    }

    /// For values that are never misread: one value is enough.
    pub(crate) fn at_once(fire: f64, resolve: f64) -> Self {
        Self::new(fire, resolve, 1, 1)
    }

    /// The new state, if this value has changed it.
    pub(crate) fn see(&mut self, value: f64) -> Option<bool> {
        let otherwise = if self.high { value <= self.resolve } else { value > self.fire };
        self.streak = if otherwise { self.streak + 1 } else { 0 };
        let needed = if self.high { self.under } else { self.over };
        if self.streak < needed {
            return None;
        }
        (self.high, self.streak) = (!self.high, 0);
        Some(self.high)
    }

    /// Makes it high without a value, for a state that is known from the beginning.
    pub(crate) fn raise(&mut self) {
        self.high = true;
    }

    /// Whether the value is too high.
    pub(crate) fn is_high(&self) -> bool {
        self.high
    }

    /// The threshold.
    pub(crate) fn fire(&self) -> f64 {
        self.fire
    }
}

/// The level at which a value that was above `fire` counts as well again.
pub(crate) fn resolve(fire: f64, margin: f64) -> f64 {
    (fire - margin).max(fire / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes(latch: &mut Latch, values: impl IntoIterator<Item = f64>) -> Vec<(usize, bool)> {
        values.into_iter().enumerate().filter_map(|(at, value)| Some((at, latch.see(value)?))).collect()
    }

    #[test]
    fn it_fires_at_the_second_reading_and_resolves_at_the_fifth_well_below() {
        let mut latch = Latch::with(&HealthSettings::default(), 90.0);
        let values = [90.0, 90.1, 90.2, 87.5, 87.0, 86.0, 87.1, 80.0, 80.0, 80.0, 80.0, 80.0, 95.0];
        assert_eq!(changes(&mut latch, values), [(2, true), (11, false)]);
    }

    #[test]
    fn small_thresholds_can_be_left_again() {
        assert_eq!(resolve(5.0, 3.0), 2.5);
        assert_eq!(resolve(0.001, 3.0), 0.0005);
        let mut latch = Latch::at_once(0.5, 0.5);
        assert_eq!(changes(&mut latch, [0.0, 1.0, 1.0, 0.0]), [(1, true), (3, false)]);
    }

    proptest! {
        /// An hour at one reading a second, with noise of up to the margin on both sides of the threshold.
        #[test]
        fn an_hour_of_noise_at_the_threshold_is_told_at_most_once(
            noise in prop::collection::vec(-2.99_f64..3.0, 3600), fire in 10.0_f64..100.0,
        ) {
            let mut latch = Latch::with(&HealthSettings::default(), fire);
            let told = changes(&mut latch, noise.iter().map(|noise| fire + noise));
            prop_assert!(told.len() <= 1, "{told:?}");
        }

        /// Whatever the values: it fires only after `over` above, resolves only after `under` at or below, and never twice in a row the same way.
        #[test]
        fn it_is_what_a_plain_count_says(
            values in prop::collection::vec(0.0_f64..10.0, 0..300), over in 1_u32..5, under in 1_u32..7,
        ) {
            let mut latch = Latch::new(6.0, 4.0, over, under);
            let mut high = false;
            for (at, value) in values.iter().enumerate() {
                let changed = latch.see(*value);
                let needed = if high { under } else { over } as usize;
                let says_otherwise = |value: &f64| if high { *value <= 4.0 } else { *value > 6.0 };
                let row = values[..=at].iter().rev().take_while(|value| says_otherwise(value)).count();
                if let Some(now) = changed {
                    prop_assert!(row >= needed && now != high);
                    high = now;
                } else {
                    prop_assert!(row < needed, "{row} of {needed} at {at}");
                }
                prop_assert_eq!(latch.is_high(), high);
            }
        }
    }
}
