//! Recording generations and verdicts.

use vidbench_core::protocol::Features;
use vidbench_core::{
    Generation, MetricScore, ModelId, Outcome, Params, ResolvedModel, SampleId, SampleRecord, Score, Verdict,
};
use vidbench_store::{Store, StoreError};

use crate::fixtures::{
    failed, finish, generation, id, metric, model, ok, params, resolved, run, sample, store, store_with_run,
};

#[test]
fn a_finished_sample_is_read_back_as_it_was_recorded() {
    let (folder, store, run) = store_with_run(1);
    let made = generation(&store, sample(&run, 0), 3);
    let verdict = ok(made.sample);
    store.record_generation(&run.id, 0, &model(), &params(), &made).unwrap();
    store.record_verdict(&run.id, 0, &verdict).unwrap();
    drop(store);
    let store = Store::open_existing(folder.path()).unwrap();
    let expected =
        SampleRecord { ordinal: 0, attempts: vec![], generation: Some(made), telemetry: None, verdict };
    assert_eq!(store.run_data(&run.id).unwrap().samples, [expected]);
}

#[test]
fn samples_come_in_the_order_of_the_plan() {
    let (_folder, store, run) = store_with_run(5);
    for ordinal in [4, 0, 2] {
        finish(&store, &run, ordinal);
    }
    store.record_verdict(&run.id, 1, &failed(sample(&run, 1))).unwrap();
    let made = generation(&store, sample(&run, 3), 3);
    store.record_generation(&run.id, 3, &model(), &params(), &made).unwrap();
    let data = store.run_data(&run.id).unwrap();
    let seen: Vec<_> = data
        .samples
        .iter()
        .map(|sample| (sample.ordinal, sample.generation.is_some(), sample.verdict.scores.len()))
        .collect();
    assert_eq!(seen, [(0, true, 2), (1, false, 0), (2, true, 2), (4, true, 2)]);
    assert!(data.samples.iter().all(|record| record.verdict.sample == sample(&run, record.ordinal)));
}

#[test]
fn progress_tells_what_is_judged_and_what_waits_for_its_verdict() {
    let (_folder, store, run) = store_with_run(4);
    finish(&store, &run, 2);
    store.record_verdict(&run.id, 3, &failed(sample(&run, 3))).unwrap();
    let waiting: Vec<_> =
        [1, 0].map(|ordinal| (ordinal, generation(&store, sample(&run, ordinal), ordinal))).into();
    for (ordinal, made) in &waiting {
        store.record_generation(&run.id, *ordinal, &model(), &params(), made).unwrap();
    }
    let progress = store.progress(&run.id).unwrap();
    let expected = [(sample(&run, 2), Outcome::Ok), (sample(&run, 3), Outcome::Timeout)];
    assert_eq!(progress.judged, expected.into());
    assert_eq!(progress.generated_only, [waiting[1].clone(), waiting[0].clone()]);
}

#[test]
fn the_same_record_twice_is_one_record() {
    let (_folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    let before = store.run_data(&run.id).unwrap();
    finish(&store, &run, 0);
    assert_eq!(store.run_data(&run.id).unwrap(), before);
}

#[test]
fn another_generation_of_a_recorded_sample_is_refused_naming_both() {
    let (_folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    let mut other = generation(&store, sample(&run, 0), 0);
    other.timing.as_mut().unwrap().end_ns = 9;
    let error = store.record_generation(&run.id, 0, &model(), &params(), &other).unwrap_err();
    let text = "sample 0 of run r1 already has a different generation: generation.timing.end_ns is 1000000002, got 9";
    assert_eq!(error.to_string(), text);
    let steps = Params { steps: 5, ..params() };
    let error =
        store.record_generation(&run.id, 0, &model(), &steps, &generation(&store, sample(&run, 0), 0));
    assert!(error.unwrap_err().to_string().ends_with("params.steps is 4, got 5"));
}

#[test]
fn another_verdict_of_a_judged_sample_is_refused_naming_both() {
    let (_folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    let before = store.run_data(&run.id).unwrap();
    let mut other = ok(sample(&run, 0));
    other.scores[0].score = Score::Value(0.3);
    let error = store.record_verdict(&run.id, 0, &other).unwrap_err();
    let text = "sample 0 of run r1 already has a different verdict: scores.0.score.value is 0.30000000000000004, got 0.3";
    assert_eq!(error.to_string(), text);
    assert_eq!(store.run_data(&run.id).unwrap(), before);
}

#[test]
fn one_sample_has_one_place_and_one_place_one_sample() {
    let (_folder, store, run) = store_with_run(2);
    finish(&store, &run, 0);
    let moved = generation(&store, sample(&run, 0), 0);
    let error = store.record_generation(&run.id, 1, &model(), &params(), &moved).unwrap_err();
    assert!(matches!(error, StoreError::Conflict { ordinal: 1, what: "identity", .. }), "{error}");
    let error = store.record_verdict(&run.id, 1, &failed(sample(&run, 0))).unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    let made = generation(&store, sample(&run, 1), 1);
    store.record_generation(&run.id, 1, &model(), &params(), &made).unwrap();
    let error = store.record_verdict(&run.id, 1, &failed(SampleId([9; 16]))).unwrap_err();
    assert!(error.to_string().contains("already has a different identity: sample is"), "{error}");
}

#[test]
fn the_same_sample_in_two_runs_is_recorded_twice() {
    let (_folder, store, first) = store_with_run(1);
    let second = run("r2", 1);
    store.create_run(&second).unwrap();
    finish(&store, &first, 0);
    finish(&store, &second, 0);
    assert_eq!(store.run_data(&first.id).unwrap().samples, store.run_data(&second.id).unwrap().samples);
}

#[test]
fn a_place_beyond_the_plan_is_refused() {
    let (_folder, store, run) = store_with_run(2);
    for ordinal in [2, u64::MAX] {
        let error = store.record_verdict(&run.id, ordinal, &failed(SampleId([1; 16]))).unwrap_err();
        assert!(error.to_string().contains("beyond the 2 planned samples"), "{error}");
    }
}

#[test]
fn ok_needs_a_generation_and_a_generation_needs_its_artifact() {
    let (_folder, store, run) = store_with_run(1);
    let error = store.record_verdict(&run.id, 0, &ok(sample(&run, 0))).unwrap_err();
    assert!(matches!(error, StoreError::OkWithoutGeneration { .. }), "{error}");
    let made = generation(&store, sample(&run, 0), 0);
    let path = store.artifact_path(&made.artifact_sha256).unwrap();
    std::fs::write(&path, "torn").unwrap();
    let torn = store.record_generation(&run.id, 0, &model(), &params(), &made).unwrap_err();
    assert!(matches!(torn, StoreError::ArtifactDamaged { .. }), "{torn}");
    std::fs::remove_file(&path).unwrap();
    let gone = store.record_generation(&run.id, 0, &model(), &params(), &made).unwrap_err();
    assert!(matches!(gone, StoreError::ArtifactMissing { .. }), "{gone}");
    assert_eq!(store.progress(&run.id).unwrap(), vidbench_store::Progress::default());
}

fn check_unstorable(change: impl FnOnce(&mut Verdict)) {
    let (_folder, store, run) = store_with_run(1);
    let made = generation(&store, sample(&run, 0), 0);
    store.record_generation(&run.id, 0, &model(), &params(), &made).unwrap();
    let mut verdict = ok(made.sample);
    change(&mut verdict);
    let error = store.record_verdict(&run.id, 0, &verdict).unwrap_err();
    assert!(matches!(error, StoreError::Unstorable { .. }), "{error}");
    let progress = store.progress(&run.id).unwrap();
    assert!(
        progress.judged.is_empty() && progress.generated_only.len() == 1,
        "nothing of the verdict may remain"
    );
}

#[test]
fn what_cannot_be_kept_exactly_is_not_kept_at_all() {
    check_unstorable(|verdict| verdict.scores[0].score = Score::Value(f64::NAN));
    check_unstorable(|verdict| verdict.score_secs = f64::INFINITY);
    check_unstorable(|verdict| verdict.features[0].values[1] = f32::NAN);
    check_unstorable(|verdict| verdict.facts.as_mut().unwrap().fps = f64::NAN);
    check_unstorable(|verdict| verdict.scores.push(verdict.scores[0].clone()));
    check_unstorable(|verdict| verdict.features.push(verdict.features[0].clone()));
}

#[test]
fn a_size_beyond_the_database_is_refused() {
    let (_folder, store, run) = store_with_run(1);
    let mut made = generation(&store, sample(&run, 0), 0);
    made.peak_rss_bytes = Some(u64::MAX);
    let error = store.record_generation(&run.id, 0, &model(), &params(), &made).unwrap_err();
    assert!(matches!(error, StoreError::Unstorable { .. }), "{error}");
}

#[test]
fn scores_can_be_queried_by_their_columns() {
    let (folder, store, run) = store_with_run(1);
    finish(&store, &run, 0);
    let database = rusqlite::Connection::open(folder.path().join("vidbench.db")).unwrap();
    let sql = "SELECT value IS NULL, reason IS NULL FROM scores ORDER BY position";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let rows: Vec<(bool, bool)> =
        database.prepare(sql).unwrap().query_map([], read).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows, [(false, true), (true, false)]);
    for broken in ["UPDATE scores SET reason = 'x'", "UPDATE scores SET value = NULL, reason = NULL"] {
        assert!(database.execute(broken, []).is_err(), "{broken}");
    }
    let sql = "SELECT latency_secs, service_secs FROM generations";
    let times = database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(times, (1.000_000_002, 1.0));
}

#[test]
fn usual_times_and_sizes_are_medians_of_ok_samples_only() {
    let (_folder, store, run) = store_with_run(5);
    let usual = |params: &Params| store.usual_service_secs(&resolved(), params).unwrap();
    assert_eq!(usual(&params()), None);
    assert_eq!(store.usual_artifact_bytes(&resolved(), &params()).unwrap(), None);
    for ordinal in [0, 1] {
        finish(&store, &run, ordinal);
    }
    assert_eq!(usual(&params()), Some(1.5), "seconds 1 and 2");
    finish(&store, &run, 3);
    assert_eq!(usual(&params()), Some(2.0), "seconds 1, 2 and 4");
    let made = generation(&store, sample(&run, 4), 100);
    store.record_generation(&run.id, 4, &model(), &params(), &made).unwrap();
    store.record_verdict(&run.id, 4, &failed(made.sample)).unwrap();
    assert_eq!(usual(&params()), Some(2.0), "a failure tells nothing");
    assert_eq!(store.usual_artifact_bytes(&resolved(), &params()).unwrap(), Some(7));
    assert_eq!(usual(&Params { guidance: 0.3, ..params() }), None);
    let other = |change: fn(&mut ResolvedModel)| {
        let mut model = resolved();
        change(&mut model);
        store.usual_service_secs(&model, &params()).unwrap()
    };
    assert_eq!(other(|model| model.id = ModelId::new("other").unwrap()), None);
    let program = |model: &mut ResolvedModel| model.command = Some(vec!["another-program".into()]);
    assert_eq!(other(program), None, "another program of this name");
    assert_eq!(other(|model| drop(model.settings.insert("dtype".into(), "bfloat16".into()))), None);
}

#[test]
fn a_changed_row_of_an_earlier_version_is_an_error_and_not_a_number() {
    for broken in [
        "UPDATE verdicts SET seal = NULL, outcome = 'fine'",
        "UPDATE verdicts SET seal = NULL, facts = '{'",
        "UPDATE scores SET seal = NULL, metric = 'x' WHERE position = 0",
    ] {
        let (folder, store, run) = store_with_run(1);
        finish(&store, &run, 0);
        let database = rusqlite::Connection::open(folder.path().join("vidbench.db")).unwrap();
        assert!(database.execute(broken, []).unwrap() > 0);
        let error = store.run_data(&run.id).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{broken}: {error}");
    }
}

#[test]
fn two_threads_may_record_at_once() {
    let (_folder, store, run) = store_with_run(40);
    std::thread::scope(|scope| {
        for part in 0..2 {
            let (store, run) = (&store, &run);
            scope.spawn(move || {
                for ordinal in (part..40).step_by(2) {
                    store.record_verdict(&run.id, ordinal, &failed(sample(run, ordinal))).unwrap();
                }
            });
        }
    });
    assert_eq!(store.progress(&run.id).unwrap().judged.len(), 40);
}

#[test]
fn verdicts_without_scores_or_with_empty_vectors_are_kept() {
    let (_folder, store) = store();
    let run = run("r1", 1);
    store.create_run(&run).unwrap();
    let mut verdict = failed(sample(&run, 0));
    let frames = Features { net: "frames@1".into(), rows: 3, values: vec![0.5; 6] };
    verdict.features = vec![Features::of_clip("", Vec::new()), frames];
    verdict.scores = vec![MetricScore::new(metric("a@1"), Score::not_available(""))];
    store.record_verdict(&id("r1"), 0, &verdict).unwrap();
    assert_eq!(store.run_data(&run.id).unwrap().samples[0].verdict, verdict);
}

#[test]
fn attempts_are_kept_once_each_and_come_with_their_sample() {
    let (_folder, store, run) = store_with_run(2);
    let attempted = |attempt| vidbench_core::FailedAttempt {
        attempt,
        session: 0,
        started_ms: 7,
        secs: 1.5,
        outcome: Outcome::WorkerCrashed,
        reason: "signal 9".into(),
    };
    for attempt in [1, 2, 2] {
        store.record_attempt(&run.id, 1, &attempted(attempt)).unwrap();
    }
    let other = vidbench_core::FailedAttempt { reason: "signal 11".into(), ..attempted(2) };
    assert!(matches!(store.record_attempt(&run.id, 1, &other), Err(StoreError::Conflict { .. })));
    assert!(matches!(
        store.record_attempt(&run.id, 2, &attempted(1)),
        Err(StoreError::OrdinalOutOfPlan { .. })
    ));
    let progress = store.progress(&run.id).unwrap();
    assert_eq!(progress.failed_attempts, [(1, vec![attempted(1), attempted(2)])].into());
    let verdict = failed(sample(&run, 1));
    store.record_verdict(&run.id, 1, &verdict).unwrap();
    assert_eq!(store.run_data(&run.id).unwrap().samples[0].attempts, [attempted(1), attempted(2)]);
}

#[test]
fn a_generation_has_its_times_or_says_which_run_made_it() {
    let (_folder, store, record) = store_with_run(2);
    let timed = generation(&store, sample(&record, 0), 1);
    let neither = Generation { timing: None, ..timed.clone() };
    let both = Generation { reused_from: Some(id("r0")), ..timed.clone() };
    let put = |made: &Generation| store.record_generation(&record.id, 0, &model(), &params(), made);
    for wrong in [&neither, &both] {
        assert!(matches!(put(wrong), Err(StoreError::Unstorable { .. })), "{wrong:?}");
    }
    let reused = Generation { timing: None, reused_from: Some(id("r0")), ..timed };
    put(&reused).unwrap();
    store.record_verdict(&record.id, 0, &ok(reused.sample)).unwrap();
    let data = store.run_data(&record.id).unwrap();
    assert_eq!(data.samples[0].generation, Some(reused));
    let params = &record.suite.models[0].params[0];
    assert_eq!(store.usual_service_secs(&resolved(), params).unwrap(), None, "its time is no estimate");
}
