//! Numbers survive to the last bit.

use proptest::prelude::*;
use tempfile::TempDir;
use vidbench_core::protocol::Features;
use vidbench_core::{ClipFacts, MetricScore, Params, RunRecord, Score, Timing};
use vidbench_store::Store;

use crate::fixtures::{fast_folder, generation, metric, model, ok, params, resolved, sample, store};

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(-0.0),
        Just(f64::MIN_POSITIVE / 3.0),
        Just(f64::MAX),
        any::<f64>().prop_filter("finite", |x| x.is_finite())
    ]
}

fn finite_f32() -> impl Strategy<Value = f32> {
    prop_oneof![Just(-0.0), any::<f32>().prop_filter("finite", |x| x.is_finite())]
}

fn fast_store() -> (TempDir, Store, RunRecord) {
    let folder = fast_folder();
    let store = Store::open(folder.path()).unwrap();
    let run = crate::fixtures::run("r1", 1);
    store.create_run(&run).unwrap();
    (folder, store, run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn scores_features_and_facts_round_trip_bit_for_bit(
        values in prop::collection::vec(finite(), 1..20),
        vector in prop::collection::vec(finite_f32(), 0..40),
        reason in any::<String>(),
    ) {
        let (_folder, store, run) = fast_store();
        let mut verdict = ok(sample(&run, 0));
        verdict.reason = Some(reason);
        verdict.score_secs = values[0];
        verdict.facts = Some(ClipFacts { fps: values[0], duration_secs: values.last().copied(), ..verdict.facts.unwrap() });
        verdict.scores = values.iter().enumerate()
            .map(|(at, value)| MetricScore::new(metric(&format!("m{at}@1")), Score::Value(*value)))
            .collect();
        verdict.features = vec![Features::of_clip("net@1", vector)];
        let made = generation(&store, verdict.sample, 1);
        store.record_generation(&run.id, 0, &model(), &params(), &made).unwrap();
        store.record_verdict(&run.id, 0, &verdict).unwrap();
        let read = &store.run_data(&run.id).unwrap().samples[0].verdict;
        // Debug text, unlike equality, tells -0.0 from 0.0.
        prop_assert_eq!(format!("{read:?}"), format!("{verdict:?}"));
    }

    #[test]
    fn timings_and_parameters_round_trip(
        times in any::<[u64; 6]>(), wall_ms in any::<i64>(), session in any::<u32>(), guidance in finite(), fps in finite(),
    ) {
        let [intended_ns, sent_ns, start_ns, end_ns, received_ns, clock_error_ns] = times;
        let timing = Timing {
            intended_ns, sent_ns, start_ns, end_ns, received_ns, clock_error_ns, wall_ms, session, stages: Vec::new(),
        };
        let (_folder, store, run) = fast_store();
        let made = vidbench_core::Generation { timing: Some(timing), ..generation(&store, sample(&run, 0), 1) };
        let params = Params { guidance, fps, ..params() };
        store.record_generation(&run.id, 0, &model(), &params, &made).unwrap();
        prop_assert_eq!(&store.progress(&run.id).unwrap().generated_only, &[(0, made.clone())]);
        store.record_verdict(&run.id, 0, &ok(made.sample)).unwrap();
        let usual = store.usual_service_secs(&resolved(), &params).unwrap().unwrap();
        prop_assert_eq!(usual.to_bits(), made.timing.unwrap().service_secs().to_bits());
    }

    // From two bytes on: to SQLite a file of one byte is an empty database.
    #[test]
    fn rubbish_in_place_of_the_database_never_panics(bytes in prop::collection::vec(any::<u8>(), 2..4096)) {
        let folder = fast_folder();
        std::fs::write(folder.path().join("vidbench.db"), bytes).unwrap();
        prop_assert!(Store::open(folder.path()).is_err());
    }
}

#[test]
fn sessions_keep_their_seconds() {
    let (_folder, store) = store();
    let run = crate::fixtures::run("r1", 1);
    store.create_run(&run).unwrap();
    let index = store.begin_session(&run.id, i64::MIN).unwrap();
    let ledger = vidbench_core::Ledger { wall_secs: 1e-310, load_secs: 0.1 + 0.7, ..Default::default() };
    let session =
        vidbench_core::Session { index, started_ms: i64::MIN, ledger: Some(ledger), ..Default::default() };
    store.save_session(&run.id, &session).unwrap();
    assert_eq!(store.sessions(&run.id).unwrap(), [session]);
}
