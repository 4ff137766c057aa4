//! When the plan asks for an entry next.

use std::collections::{HashMap, VecDeque};

use super::CacheKey;

/// The uses of the cache that are still to come, as far as they are known.
#[derive(Debug, Default)]
pub struct Future {
    /// Places in the plan at which a key is asked for, in order.
    places: HashMap<CacheKey, VecDeque<u64>>,
    now: u64,
    end: u64,
}

impl Future {
    /// The keys in the order in which they are asked for.
    pub fn new(keys: impl IntoIterator<Item = CacheKey>) -> Self {
        let mut future = Self::default();
        for key in keys {
            future.places.entry(key).or_default().push_back(future.end);
            future.end += 1;
        }
        future
    }

    /// Records that a key is asked for now. With callers side by side, others may have gone ahead.
    pub fn asked(&mut self, key: &CacheKey) {
        let Some(places) = self.places.get_mut(key) else { return };
        if let Some(place) = places.pop_front() {
            self.now = self.now.max(place + 1);
        }
        if places.is_empty() {
            self.places.remove(key);
        }
    }

    /// Uses of the cache until this key is asked for, 1 for the very next. A place in the plan that was passed without
    /// being asked for does not count.
    pub fn next_use(&self, key: &CacheKey) -> Option<u64> {
        let mut places = self.places.get(key)?.iter();
        places.find(|place| **place >= self.now).map(|place| place - self.now + 1)
    }

    /// Uses of the plan that are left.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::CacheKind;

    #[test]
    fn uses_are_counted_from_where_the_plan_is() {
        let key = |name: &str| CacheKey::new(CacheKind::Features, &[name]);
        let [a, b, c] = ["a", "b", "c"].map(key);
        let mut future = Future::new([a, b, a, c]);
        assert_eq!(
            (future.next_use(&a), future.next_use(&b), future.next_use(&c)),
            (Some(1), Some(2), Some(4))
        );
        future.asked(&a);
        assert_eq!((future.next_use(&a), future.next_use(&b), future.left()), (Some(2), Some(1), 3));
        // The second key is skipped.
        future.asked(&a);
        assert_eq!((future.next_use(&a), future.next_use(&b), future.next_use(&c)), (None, None, Some(1)));
        future.asked(&key("not planned"));
        future.asked(&c);
        assert_eq!((future.next_use(&c), future.left()), (None, 0));
    }
}
