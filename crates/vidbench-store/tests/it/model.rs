//! Random sequences of operations against a plain map that does what the store should.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;
use vidbench_core::{Generation, Outcome, RunRecord, SampleId, Verdict};
use vidbench_store::{Store, StoreError};

use crate::fixtures::{failed, fast_folder, generation, model, ok, params, run, sample};

const RUNS: [&str; 2] = ["r0", "r1"];
const SAMPLES: u64 = 3;

#[derive(Debug, Clone, Copy)]
enum Op {
    Create { run: usize },
    Generate { run: usize, ordinal: u64, seed: u64 },
    JudgeOk { run: usize, ordinal: u64 },
    JudgeFailed { run: usize, ordinal: u64 },
    Remove { run: usize },
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let run = 0..RUNS.len();
    let ordinal = 0..SAMPLES + 1;
    prop_oneof![
        2 => run.clone().prop_map(|run| Op::Create { run }),
        // Two seeds, so that equal and different repetitions both happen, and runs share artifacts.
        6 => (run.clone(), ordinal.clone(), 0..2_u64).prop_map(|(run, ordinal, seed)| Op::Generate { run, ordinal, seed }),
        4 => (run.clone(), ordinal.clone()).prop_map(|(run, ordinal)| Op::JudgeOk { run, ordinal }),
        2 => (run.clone(), ordinal).prop_map(|(run, ordinal)| Op::JudgeFailed { run, ordinal }),
        1 => run.prop_map(|run| Op::Remove { run }),
        1 => Just(Op::Reopen),
    ]
}

#[derive(Debug, Default, Clone)]
struct RunModel {
    generations: BTreeMap<u64, Generation>,
    verdicts: BTreeMap<u64, Verdict>,
}

struct World {
    folder: TempDir,
    store: Store,
    records: Vec<RunRecord>,
    model: BTreeMap<usize, RunModel>,
}

impl World {
    fn new() -> Self {
        let folder = fast_folder();
        let store = Store::open(folder.path()).unwrap();
        let records = RUNS.map(|name| run(name, SAMPLES as u32)).into();
        Self { folder, store, records, model: BTreeMap::new() }
    }

    fn sample(&self, ordinal: u64) -> SampleId {
        if ordinal < SAMPLES { sample(&self.records[0], ordinal) } else { SampleId([0; 16]) }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Create { run } => {
                self.store.create_run(&self.records[run]).unwrap();
                self.model.entry(run).or_default();
            }
            Op::Generate { run, ordinal, seed } => self.generate(run, ordinal, seed),
            Op::JudgeOk { run, ordinal } => self.judge(run, ordinal, &ok(self.sample(ordinal))),
            Op::JudgeFailed { run, ordinal } => self.judge(run, ordinal, &failed(self.sample(ordinal))),
            Op::Remove { run } => {
                let existed = self.model.remove(&run).is_some();
                assert_eq!(self.store.remove_run(&self.records[run].id).is_ok(), existed);
            }
            Op::Reopen => self.store = Store::open_existing(self.folder.path()).unwrap(),
        }
    }

    fn generate(&mut self, run: usize, ordinal: u64, seed: u64) {
        let made = generation(&self.store, self.sample(ordinal), seed);
        let result = self.store.record_generation(&self.records[run].id, ordinal, &model(), &params(), &made);
        let Some(expected) = self.expect_place(run, ordinal, &result) else { return };
        match expected.generations.get(&ordinal) {
            Some(recorded) if *recorded == made => result.unwrap(),
            Some(_) => assert!(matches!(result, Err(StoreError::Conflict { .. }))),
            None => {
                result.unwrap();
                expected.generations.insert(ordinal, made);
            }
        }
    }

    fn judge(&mut self, run: usize, ordinal: u64, verdict: &Verdict) {
        let result = self.store.record_verdict(&self.records[run].id, ordinal, verdict);
        let Some(expected) = self.expect_place(run, ordinal, &result) else { return };
        let generated = expected.generations.contains_key(&ordinal);
        match expected.verdicts.get(&ordinal) {
            Some(recorded) if recorded == verdict => result.unwrap(),
            Some(_) => assert!(matches!(result, Err(StoreError::Conflict { .. }))),
            None if verdict.outcome == Outcome::Ok && !generated => {
                assert!(matches!(result, Err(StoreError::OkWithoutGeneration { .. })));
            }
            None => {
                result.unwrap();
                expected.verdicts.insert(ordinal, verdict.clone());
            }
        }
    }

    /// The modelled run, when run and place exist; else the result must say which does not.
    fn expect_place(
        &mut self,
        run: usize,
        ordinal: u64,
        result: &Result<(), StoreError>,
    ) -> Option<&mut RunModel> {
        let expected = self.model.get_mut(&run);
        if expected.is_none() {
            assert!(matches!(result, Err(StoreError::UnknownRun { .. })), "{result:?}");
        } else if ordinal >= SAMPLES {
            assert!(matches!(result, Err(StoreError::OrdinalOutOfPlan { .. })), "{result:?}");
            return None;
        }
        expected
    }

    fn check(&self) {
        assert_eq!(self.store.runs().unwrap().len(), self.model.len());
        for (run, expected) in &self.model {
            let id = &self.records[*run].id;
            let data = self.store.run_data(id).unwrap();
            let verdicts =
                data.samples.iter().map(|sample| (sample.ordinal, sample.verdict.clone())).collect();
            assert_eq!(expected.verdicts, verdicts);
            for sample in &data.samples {
                assert_eq!(sample.generation.as_ref(), expected.generations.get(&sample.ordinal));
            }
            let progress = self.store.progress(id).unwrap();
            let judged =
                expected.verdicts.values().map(|verdict| (verdict.sample, verdict.outcome)).collect();
            assert_eq!(progress.judged, judged);
            let open =
                expected.generations.iter().filter(|(ordinal, _)| !expected.verdicts.contains_key(ordinal));
            let open: Vec<_> = open.map(|(ordinal, made)| (*ordinal, made.clone())).collect();
            assert_eq!(progress.generated_only, open);
            for generation in expected.generations.values() {
                self.store.verify_artifact(&generation.artifact_sha256).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_store_does_what_a_plain_map_does(ops in prop::collection::vec(op(), 1..40)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        world.check();
        world.apply(Op::Reopen);
        world.check();
    }
}
