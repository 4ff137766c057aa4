//! Which model's turn is next: as few loads as possible, and no model starved.

use vidbench_core::suite::Order;

/// A model that has samples left and may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Its worker is loaded, or can be loaded beside those that are.
    pub(crate) costs_nobody: bool,
    /// Turns it had.
    pub(crate) turns: u64,
}

/// The index of the model whose turn is next.
///
/// By model, the first one works until it is done. Interleaved, the models that are loaded together take turns, the one
/// with the fewest turns first. A model that would displace a loaded one waits until the loaded ones are done, so that
/// each is loaded once.
pub(crate) fn next(order: Order, waiting: &[Option<Waiting>]) -> Option<usize> {
    let ready = waiting.iter().enumerate().filter_map(|(at, waiting)| Some((at, (*waiting)?)));
    match order {
        Order::ByModel => ready.map(|(at, _)| at).min(),
        Order::Interleaved => {
            ready.min_by_key(|(at, waiting)| (!waiting.costs_nobody, waiting.turns, *at)).map(|(at, _)| at)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waiting(costs_nobody: bool, turns: u64) -> Option<Waiting> {
        Some(Waiting { costs_nobody, turns })
    }

    #[test]
    fn by_model_the_first_is_next_whatever_is_warm() {
        let all = [None, waiting(false, 7), waiting(true, 0)];
        assert_eq!(next(Order::ByModel, &all), Some(1));
        assert_eq!(next(Order::ByModel, &[None, None]), None);
    }

    #[test]
    fn interleaved_the_fewest_turns_go_first_among_those_that_cost_nobody() {
        let all = [waiting(true, 2), waiting(true, 1), waiting(false, 0), waiting(true, 1)];
        assert_eq!(next(Order::Interleaved, &all), Some(1));
        assert_eq!(next(Order::Interleaved, &all[2..3]), Some(0));
    }

    proptest! {
        /// A small world: `room` models fit, and each needs some turns. A chosen model that is not loaded is loaded, in
        /// the place of one that is done if there is one.
        #[test]
        fn each_model_is_loaded_once_and_turns_differ_by_one_among_the_warm(
            rounds in proptest::collection::vec(1_u64..20, 1..12), room in 1_usize..6,
        ) {
            let mut left = rounds.clone();
            let mut turns = vec![0_u64; left.len()];
            let (mut warm, mut loads) = (Vec::<usize>::new(), 0);
            loop {
                warm.retain(|model| left[*model] > 0);
                let state = |model: usize| (left[model] > 0).then(|| Waiting {
                    costs_nobody: warm.contains(&model) || warm.len() < room,
                    turns: turns[model],
                });
                let all: Vec<_> = (0..left.len()).map(state).collect();
                let Some(chosen) = next(Order::Interleaved, &all) else { break };
                if !warm.contains(&chosen) {
                    prop_assert!(warm.len() < room, "a warm model with work left would have to go");
                    warm.push(chosen);
                    loads += 1;
                }
                left[chosen] -= 1;
                turns[chosen] += 1;
            }
            prop_assert_eq!(loads, rounds.len());
            prop_assert_eq!(turns, rounds);
        }
    }
}
