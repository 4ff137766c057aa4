//! Which entries are removed when there is no room: values in, values out.
//!
//! An entry is worth the seconds that it will save, per byte and per use of the cache that goes by until then. For a
//! use that the plan knows, that time is certain. Of any other use the plan says nothing: it comes after the plan at
//! the earliest, and the past says how likely it is: as likely as the share of plans, since the first one that asked
//! for the entry, that asked for it again, whether it was kept or not.
//!
//! With equal sizes and costs and a known plan this is Belady's rule: the entry that is used furthest in the future
//! goes.

/// What is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Its size.
    pub bytes: u64,
    /// Seconds it took to make.
    pub secs: f64,
    /// Which plans asked for it.
    pub past: Past,
    /// Uses of the cache until the plan asks for it, 1 for the very next; `None` when the plan does not ask for it.
    pub next_use: Option<u64>,
    /// When it was made or asked for last, on any clock that never goes back.
    pub used_at: u64,
}

/// Which plans, by number, asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The first plan that asked.
    pub first: u64,
    /// The last plan that asked.
    pub last: u64,
    /// How many plans asked after the first.
    pub again: u64,
}

/// What [`Asked`] says during a later plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// Plans begun since the first that asked.
    pub since_first: u64,
    /// Plans begun since the last that asked.
    pub since_last: u64,
    /// How many plans asked after the first.
    pub again: u64,
}

impl Asked {
    /// Asked for, or made, in that plan and in none before.
    pub fn new(plan: u64) -> Self {
        Self { first: plan, last: plan, again: 0 }
    }

    /// Records that a plan asked for it; asking once or often is the same.
    pub fn by(&mut self, plan: u64) {
        self.again += u64::from(plan > self.last);
        self.last = self.last.max(plan);
    }

    /// What it says during `plan`.
    pub fn seen_from(&self, plan: u64) -> Past {
        let since = |asked: u64| plan.saturating_sub(asked);
        Past { since_first: since(self.first), since_last: since(self.last), again: self.again }
    }
}

impl Past {
    /// How likely a later plan is to ask: the share of plans that did (a third before there was any later plan), and a
    /// tenth less for each plan that has gone by without asking. The third and the tenth are the values that save most
    /// on the traces of `cargo xtask bench cache`.
    fn likely(self) -> f64 {
        let share = (self.again as f64 + 1.0) / (self.since_first as f64 + 3.0);
        share * 0.9_f64.powi(i32::try_from(self.since_last).unwrap_or(i32::MAX))
    }
}

impl Entry {
    /// The seconds that it is expected to save, per use of the cache until then; the plan has `left` uses left.
    pub fn worth(&self, left: u64) -> f64 {
        let (likely, uses_until) = match self.next_use {
            Some(next) => (1.0, next.max(1)),
            None => (self.past.likely(), left.saturating_mul(2).saturating_add(1)),
        };
        self.secs.max(0.0) * likely / uses_until as f64
    }

    fn density(&self, left: u64) -> f64 {
        self.worth(left) / self.bytes.max(1) as f64
    }
}

/// The entries to remove to make room for `newcomer`, as places in `kept`. `None` when the bytes that it needs are
/// worth as much with their present entries: then it is better not kept. `needed` is the number of missing bytes.
pub fn make_room(kept: &[Entry], newcomer: &Entry, needed: u64, left: u64) -> Option<Vec<usize>> {
    if needed == 0 {
        return Some(Vec::new());
    }
    let going = least_worth(kept, needed, left);
    let freed: u64 = going.iter().map(|&at| kept[at].bytes).sum();
    let worth: f64 = going.iter().map(|&at| kept[at].worth(left)).sum();
    // What is freed beyond the need serves the next newcomers. Without this, many small newcomers that together are
    // worth more than a large entry would never displace it.
    let lost = worth * needed as f64 / freed.max(1) as f64;
    // On a tie the old entry stays: otherwise scanning more than fits would evict everything before it is used again.
    (freed >= needed && lost < newcomer.worth(left)).then_some(going)
}

/// The entries of the least worth for their size that together free this many bytes, as places in `kept`; all entries
/// when they are too few.
pub fn least_worth(kept: &[Entry], needed: u64, left: u64) -> Vec<usize> {
    let mut freed = 0_u64;
    let mut going = Vec::new();
    for at in in_order(kept, left) {
        if freed >= needed {
            break;
        }
        freed += kept[at].bytes;
        going.push(at);
    }
    // The last entry may be so large that some before it could have stayed: those of the most worth stay.
    let mut spare = freed.saturating_sub(needed);
    for place in (0..going.len()).rev() {
        let bytes = kept[going[place]].bytes;
        if bytes <= spare {
            spare -= bytes;
            going.remove(place);
        }
    }
    going
}

/// Places in `kept`, those of the least worth for their size first; among equals, the least recently used first.
pub fn in_order(kept: &[Entry], left: u64) -> Vec<usize> {
    let mut order: Vec<(f64, usize)> =
        kept.iter().enumerate().map(|(at, entry)| (entry.density(left), at)).collect();
    order.sort_unstable_by(|(a, at_a), (b, at_b)| {
        a.total_cmp(b).then(kept[*at_a].used_at.cmp(&kept[*at_b].used_at)).then(at_a.cmp(at_b))
    });
    order.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(bytes: u64, secs: f64, next_use: Option<u64>) -> Entry {
        Entry { bytes, secs, past: Past::default(), next_use, used_at: 0 }
    }

    #[test]
    fn of_equals_the_one_that_is_used_last_goes() {
        let kept = [entry(10, 1.0, Some(3)), entry(10, 1.0, Some(9)), entry(10, 1.0, Some(5))];
        assert_eq!(make_room(&kept, &entry(10, 1.0, Some(4)), 10, 20), Some(vec![1]));
        assert_eq!(
            make_room(&kept, &entry(10, 1.0, Some(10)), 10, 20),
            None,
            "it is used later than all of them"
        );
        assert_eq!(make_room(&kept, &entry(10, 1.0, None), 10, 20), None, "the plan does not use it again");
    }

    #[test]
    fn what_is_dear_to_make_and_small_stays() {
        let kept = [entry(10, 100.0, None), entry(10, 1.0, None), entry(1_000, 110.0, None)];
        assert_eq!(least_worth(&kept, 1, 0), [1]);
        assert_eq!(make_room(&kept, &entry(10, 2.0, None), 10, 0), Some(vec![1]));
        assert_eq!(make_room(&kept, &entry(10, 1.0, None), 10, 0), None, "equals stay");
    }

    #[test]
    fn old_favourites_give_way() {
        let favourite = |since_last| {
            let past = Past { since_first: 1_000, since_last, again: 999 };
            Entry { past, ..entry(10, 1.0, None) }
        };
        assert_eq!(make_room(&[favourite(0)], &entry(10, 1.0, None), 10, 0), None);
        assert_eq!(make_room(&[favourite(9)], &entry(10, 1.0, None), 10, 0), None);
        assert_eq!(make_room(&[favourite(11)], &entry(10, 1.0, None), 10, 0), Some(vec![0]));
    }

    #[test]
    fn what_many_plans_asked_for_comes_back_before_what_one_did() {
        let mut often = Asked::new(1);
        (2..6).for_each(|plan| often.by(plan));
        often.by(5);
        assert_eq!(often, Asked { first: 1, last: 5, again: 4 });
        let [often, once] =
            [often, Asked::new(4)].map(|asked| Entry { past: asked.seen_from(5), ..entry(10, 1.0, None) });
        assert_eq!(make_room(&[once], &often, 10, 0), Some(vec![0]), "though it is not there now");
        assert_eq!(make_room(&[often], &once, 10, 0), None);
    }

    #[test]
    fn small_ones_that_are_worth_more_together_displace_a_large_one() {
        let large = [entry(100, 10.0, None)];
        assert_eq!(make_room(&large, &entry(10, 1.5, None), 10, 0), Some(vec![0]));
        assert_eq!(make_room(&large, &entry(10, 0.9, None), 10, 0), None);
    }

    #[test]
    fn nothing_goes_in_vain() {
        // The large entry is enough by itself, though the small one is worth less.
        let kept = [entry(1, 0.001, None), entry(100, 1.0, None)];
        assert_eq!(least_worth(&kept, 100, 0), [1]);
        assert_eq!(least_worth(&kept, 200, 0), [0, 1], "all, and too few");
        assert_eq!(make_room(&kept, &entry(200, 9.0, None), 200, 0), None);
        assert_eq!(make_room(&kept, &entry(5, 0.0, None), 0, 0), Some(vec![]), "there is room");
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let one = (1_u64..50, 0.0..10.0_f64, 0_u64..5, 0_u64..4, prop::option::of(1_u64..30), 0_u64..9)
            .prop_map(|(bytes, secs, again, since_last, next_use, used_at)| {
                let past = Past { since_first: again + since_last, since_last, again };
                Entry { bytes, secs, past, next_use, used_at }
            });
        prop::collection::vec(one, 0..30)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn enough_goes_and_never_more_than_needed(kept in entries(), needed in 0_u64..600, left in 0_u64..40) {
            let going = least_worth(&kept, needed, left);
            let bytes = |places: &[usize]| places.iter().map(|&at| kept[at].bytes).sum::<u64>();
            prop_assert!(bytes(&going) >= needed || going.len() == kept.len());
            for skipped in 0..going.len() {
                let rest = bytes(&going) - kept[going[skipped]].bytes;
                prop_assert!(rest < needed, "{} could have stayed", going[skipped]);
            }
            let mut distinct = going.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), going.len());
        }

        #[test]
        fn with_equal_sizes_and_costs_it_is_beladys_rule(
            places in prop::collection::hash_set(1_u64..100, 2..20),
        ) {
            let (newcomer, kept) = places.iter().copied().collect::<Vec<_>>().split_first().map(|(a, b)| (*a, b.to_vec())).unwrap();
            let kept: Vec<Entry> = kept.into_iter().map(|next| entry(7, 3.0, Some(next))).collect();
            let furthest = kept.iter().map(|entry| entry.next_use).max().flatten().unwrap();
            match make_room(&kept, &entry(7, 3.0, Some(newcomer)), 7, 100) {
                Some(going) => {
                    prop_assert_eq!(going.len(), 1);
                    prop_assert_eq!(kept[going[0]].next_use, Some(furthest));
                }
                None => prop_assert!(newcomer > furthest),
            }
        }
    }
}
