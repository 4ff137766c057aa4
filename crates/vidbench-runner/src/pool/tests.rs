//! The pool beside a plain model of it, over random sequences of operations.

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

fn host(mib: u64) -> Footprint {
    Footprint { host_bytes: mib * MIB, device_bytes: 0 }
}

fn pool(models: usize, host_mib: u64) -> Pool<u32> {
    Pool::new(
        models,
        Budget {
            host_bytes: Some(host_mib * MIB),
            device_bytes: None,
            strict_host: true,
            strict_device: true,
        },
    )
}

/// Loads `model`, which needs so much, and leaves it idle.
fn warm(pool: &mut Pool<u32>, model: u32, mib: u64) {
    pool.learn(model, host(mib));
    assert_eq!(pool.room(model), Room::Made);
    pool.put_back(model, model);
}

#[test]
fn the_one_not_used_for_longest_goes_first_and_is_loaded_again_later() {
    let mut pool = pool(4, 100);
    (0..3).for_each(|model| warm(&mut pool, model, 30));
    assert_eq!(pool.take(0), Some(0));
    pool.put_back(0, 0);
    pool.learn(3, host(40));
    assert_eq!(pool.room(3), Room::After { model: 1, worker: 1 });
    pool.ended(1);
    assert_eq!(pool.room(3), Room::Made);
    assert!(pool.is_warm(0) && pool.is_warm(2) && !pool.is_warm(1) && !pool.has_room(1));
    let PoolStats { hits, loads, evictions, .. } = pool.stats();
    assert_eq!((hits, loads, evictions), (1, 4, 1));
}

#[test]
fn one_in_use_never_goes_and_memory_is_free_only_when_its_worker_has_ended() {
    let mut pool = pool(2, 100);
    warm(&mut pool, 0, 60);
    pool.learn(1, host(60));
    assert_eq!(pool.take(0), Some(0));
    assert_eq!(pool.room(1), Room::TooLarge(host(60)));
    pool.ending(0);
    assert_eq!(pool.room(1), Room::WhenEnded);
    pool.ended(0);
    assert_eq!(pool.room(1), Room::Made);
}

#[test]
fn half_is_kept_free_for_one_that_was_never_measured() {
    let mut pool = pool(3, 100);
    assert_eq!(pool.room(0), Room::Made);
    assert!(pool.learn(0, host(10)).is_empty());
    pool.put_back(0, 0);
    assert_eq!(pool.room(1), Room::Made);
    // The model needs more than was reserved, so the idle worker must end.
    assert_eq!(pool.learn(1, host(95)), [(0, 0)]);
}

#[test]
fn one_that_needs_more_than_all_is_refused() {
    let mut pool = pool(1, 100);
    pool.learn(0, host(101));
    assert_eq!(pool.room(0), Room::TooLarge(host(101)));
    let mut device =
        Pool::<u32>::new(1, Budget { device_bytes: Some(80), strict_device: true, ..Budget::default() });
    let need = Footprint { host_bytes: u64::MAX, device_bytes: 81 };
    device.learn(0, need);
    assert_eq!(device.room(0), Room::TooLarge(need));
}

#[test]
fn of_a_budget_that_nobody_asked_for_one_may_take_more_than_all() {
    let mut pool = Pool::new(2, Budget { host_bytes: Some(100 * MIB), ..Budget::default() });
    warm(&mut pool, 0, 10);
    pool.learn(1, host(101));
    assert_eq!(pool.room(1), Room::After { model: 0, worker: 0 });
    assert_eq!(pool.room(1), Room::WhenEnded);
    pool.ended(0);
    assert_eq!(pool.room(1), Room::Made);
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Want(u32),
    PutBack(u32),
    End(u32),
    Ended(u32),
    Lose(u32),
}

fn op() -> impl Strategy<Value = Op> {
    (0..5_u32, 0..6_u32).prop_map(|(model, kind)| match kind {
        0 | 1 => Op::Want(model),
        2 => Op::PutBack(model),
        3 => Op::End(model),
        4 => Op::Ended(model),
        _ => Op::Lose(model),
    })
}

/// The same rules, implemented plainly: which model was used last, and which are idle, in use or ending.
#[derive(Default)]
struct Plain {
    order: Vec<u32>,
    idle: Vec<u32>,
    in_use: Vec<u32>,
    ending: Vec<u32>,
}

impl Plain {
    fn used(&self, needs: &[u64]) -> u64 {
        self.idle.iter().chain(&self.in_use).chain(&self.ending).map(|model| needs[*model as usize]).sum()
    }

    fn uses(&mut self, model: u32) {
        self.order.retain(|other| *other != model);
        self.order.push(model);
        self.in_use.push(model);
    }

    fn want(&mut self, pool: &mut Pool<u32>, model: u32, needs: &[u64], budget: u64) {
        if self.in_use.contains(&model) {
            return;
        }
        let warm = self.idle.iter().position(|idle| *idle == model);
        assert_eq!(pool.take(model), warm.map(|_| model));
        if let Some(at) = warm {
            self.idle.remove(at);
            return self.uses(model);
        }
        let need = needs[model as usize];
        let fits = self.used(needs) + need <= budget;
        assert_eq!(pool.has_room(model), fits);
        match pool.room(model) {
            Room::Made => {
                assert!(fits, "made although the budget does not hold it");
                self.uses(model);
            }
            Room::After { model: gone, worker } => {
                assert!(!fits && gone == worker);
                let oldest = self.order.iter().find(|model| self.idle.contains(model));
                assert_eq!(oldest, Some(&gone), "the one not used for longest goes");
                self.idle.retain(|model| *model != gone);
                self.ending.push(gone);
            }
            Room::WhenEnded => assert!(!fits && self.idle.is_empty() && !self.ending.is_empty()),
            Room::TooLarge(_) => {
                assert!(need > budget || (!fits && self.idle.is_empty() && self.ending.is_empty()));
            }
        }
    }

    fn apply(&mut self, pool: &mut Pool<u32>, op: Op, needs: &[u64], budget: u64) {
        let take =
            |from: &mut Vec<u32>, model| from.iter().position(|m| *m == model).map(|at| from.remove(at));
        match op {
            Op::Want(model) => self.want(pool, model, needs, budget),
            Op::PutBack(model) => {
                pool.put_back(model, model);
                self.idle.extend(take(&mut self.in_use, model));
            }
            Op::End(model) => {
                pool.ending(model);
                self.ending.extend(take(&mut self.in_use, model));
            }
            Op::Ended(model) => {
                pool.ended(model);
                take(&mut self.ending, model);
            }
            Op::Lose(model) => {
                pool.lost(model);
                take(&mut self.in_use, model);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn ten_thousand_operations_are_as_in_the_plain_model(
        needs in proptest::collection::vec(1..60_u64, 5),
        ops in proptest::collection::vec(op(), 1..60),
    ) {
        let budget = 100;
        let mut pool = pool(5, budget);
        needs.iter().zip(0..).for_each(|(need, model)| drop(pool.learn(model, host(*need))));
        let mut plain = Plain::default();
        for op in ops {
            plain.apply(&mut pool, op, &needs, budget);
            prop_assert!(pool.used().host_bytes <= budget * MIB);
            prop_assert_eq!(pool.used().host_bytes, plain.used(&needs) * MIB);
            for model in 0..5 {
                prop_assert_eq!(pool.is_warm(model), plain.idle.contains(&model));
            }
        }
    }
}

#[test]
fn a_budget_of_main_memory_refuses_nobody_for_its_device() {
    let budget =
        Budget { host_bytes: Some(100), device_bytes: Some(80), strict_host: true, strict_device: false };
    let pool = Pool::<u32>::new(1, budget);
    assert!(pool.allows(Footprint { host_bytes: 100, device_bytes: 90 }));
    assert!(!pool.allows(Footprint { host_bytes: 101, device_bytes: 0 }));
}
