use vidbench_analysis::{Percentile, RunVerdict, ThroughputBasis, analyse, join};
use vidbench_core::protocol::Stage;
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{MetricId, Outcome, Score};

use crate::build::{DESCRIPTORS, Spec, fail, run, spoil};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * (1.0 + b.abs())
}

#[test]
fn a_run_in_which_all_went_well_is_valid() {
    let analysis = analyse(&run(&Spec::default()), &DESCRIPTORS);
    assert_eq!(analysis.verdict, RunVerdict::Valid);
    assert_eq!((analysis.planned, analysis.judged, analysis.ok), (8, 8, 8));
    let labels: Vec<&str> = analysis.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["4 steps", "16 steps"]);
}

#[test]
fn times_are_those_of_the_records() {
    let group = &analyse(&run(&Spec::default()), &DESCRIPTORS).groups[0];
    // Ordinals 0, 2, 4, 6 have 40 ms + 0.4 ms each; latency adds the wait of 1 ms.
    let service = group.service.as_ref().unwrap();
    assert!(close(service.mean, 0.0412), "{service:?}");
    assert!(close(group.latency.as_ref().unwrap().mean, 0.0422));
    assert!(close(group.wait_mean_secs.unwrap(), 0.001));
    assert_eq!(service.p50, Percentile::TooFew { n: 4, needed: 11, max: 0.0424 });
    assert_eq!(group.peak_rss_bytes, Some(100_000_006));
}

#[test]
fn stages_inside_the_window_add_up_to_the_service_time() {
    for group in &analyse(&run(&Spec::default()), &DESCRIPTORS).groups {
        let total: f64 = group.stages.iter().map(|stage| stage.inside_secs).sum();
        assert!(close(total, group.service.as_ref().unwrap().mean));
        let of = |name| group.stages.iter().find(|stage| stage.stage == name).unwrap();
        assert!(of(Stage::Unattributed).inside_secs > 0.0);
        assert_eq!(of(Stage::Encode).inside_secs, 0.0);
        assert!(close(of(Stage::Encode).outside_secs, 0.005));
    }
}

#[test]
fn a_failure_is_counted_and_enters_no_mean() {
    let clean = analyse(&run(&Spec::default()), &DESCRIPTORS);
    let mut data = run(&Spec::default());
    fail(&mut data.samples[0], Outcome::Timeout, "no answer in 600 s");
    spoil(&mut data.samples[2], "15 frames instead of 16");
    let analysis = analyse(&data, &DESCRIPTORS);
    assert_eq!(analysis.verdict, RunVerdict::ValidWithFailures { failed: 2 });
    let group = &analysis.groups[0];
    let counts: Vec<_> = group.failures.iter().map(|failure| (failure.outcome, failure.count)).collect();
    assert_eq!(counts, [(Outcome::Timeout, 1), (Outcome::InvalidOutput, 1)]);
    assert_eq!((group.judged, group.ok, group.failed()), (4, 2, 2));
    assert_eq!(group.metrics[0].n, 2);
    assert_eq!(group.latency.as_ref().unwrap().n, 2);
    assert_eq!(analysis.groups[1], clean.groups[1]);
}

#[test]
fn the_time_of_a_spoiled_sample_is_still_time_spent() {
    let clean = analyse(&run(&Spec::default()), &DESCRIPTORS);
    let mut data = run(&Spec::default());
    spoil(&mut data.samples[0], "black");
    let (before, after) =
        (clean.groups[0].throughput.unwrap(), analyse(&data, &DESCRIPTORS).groups[0].throughput.unwrap());
    assert_eq!(before.span_secs, after.span_secs);
    assert!(close(after.samples_per_sec, before.samples_per_sec * 3.0 / 4.0));
    assert!(close(before.frames_per_sec, before.samples_per_sec * 16.0));
    assert!(close(before.video_secs_per_sec, before.samples_per_sec * 2.0));
}

#[test]
fn offline_throughput_is_of_the_makespan_when_the_group_ran_alone() {
    let alone = Spec { kind: ScenarioKind::Offline, steps: vec![4], ..Spec::default() };
    let found = analyse(&run(&alone), &DESCRIPTORS).groups[0].throughput.unwrap();
    assert_eq!(found.basis, ThroughputBasis::Makespan);
    // Sent at 0; the fourth sent at 3 s, started 1 ms later, with a service time of 41.2 ms.
    assert!(close(found.span_secs, 3.0422), "{found:?}");
    let shared = Spec { kind: ScenarioKind::Offline, ..Spec::default() };
    assert_eq!(
        analyse(&run(&shared), &DESCRIPTORS).groups[0].throughput.unwrap().basis,
        ThroughputBasis::ServiceTime
    );
}

#[test]
fn the_makespan_of_a_resumed_run_leaves_the_pause_out() {
    let spec = Spec { kind: ScenarioKind::Offline, steps: vec![4], ..Spec::default() };
    let mut data = run(&spec);
    for record in &mut data.samples[2..] {
        let timing = record.generation.as_mut().unwrap().timing.as_mut().unwrap();
        timing.session = 1;
    }
    let found = analyse(&data, &DESCRIPTORS).groups[0].throughput.unwrap();
    assert!(close(found.span_secs, 1.0414 + 1.0422), "{found:?}");
}

#[test]
fn an_unfinished_run_is_invalid() {
    let mut data = run(&Spec::default());
    data.samples.truncate(5);
    let RunVerdict::Invalid { reasons } = analyse(&data, &DESCRIPTORS).verdict else { panic!("valid") };
    assert_eq!(reasons, ["3 of 8 planned samples have no verdict yet"]);
}

#[test]
fn a_model_without_an_ok_sample_makes_the_run_invalid() {
    let mut data = run(&Spec { models: vec!["a", "b"], ..Spec::default() });
    for record in &mut data.samples[8..] {
        fail(record, Outcome::WorkerCrashed, "exit status 139");
    }
    let analysis = analyse(&data, &DESCRIPTORS);
    assert_eq!(
        analysis.verdict,
        RunVerdict::Invalid { reasons: vec!["model b produced no ok sample in 8".into()] }
    );
    assert_eq!(analysis.groups[2].latency, None);
    assert_eq!(analysis.groups[2].throughput, None);
    assert_eq!(analysis.groups[2].metrics[0].mean, None);
}

#[test]
fn records_that_do_not_belong_to_the_plan_are_left_out_and_named() {
    let mut data = run(&Spec::default());
    let twice = data.samples[3].clone();
    data.samples.push(twice);
    data.samples[0].ordinal = 7777;
    let joined = join(&data);
    assert_eq!((joined.samples.len(), joined.problems.len()), (7, 2));
    assert!(!analyse(&data, &DESCRIPTORS).verdict.is_valid());
}

#[test]
fn a_changed_suite_does_not_pass_for_the_run() {
    let mut data = run(&Spec::default());
    data.run.suite.prompts[0].text.push('!');
    let RunVerdict::Invalid { reasons } = analyse(&data, &DESCRIPTORS).verdict else { panic!("valid") };
    assert!(reasons.iter().any(|reason| reason.contains("not the one the run recorded")), "{reasons:?}");
}

#[test]
fn weights_that_change_between_sessions_make_the_run_invalid() {
    let mut data = run(&Spec::default());
    let mut second = data.sessions[0].clone();
    second.models[0].model.weights = vidbench_core::WeightsOrigin::Sha256("ef".repeat(32));
    data.sessions.push(second);
    let RunVerdict::Invalid { reasons } = analyse(&data, &DESCRIPTORS).verdict else { panic!("valid") };
    assert_eq!(reasons, ["the weights of embedded/shapes changed between sessions of the run"]);
}

#[test]
fn repeats_do_not_make_quality_surer() {
    let once = analyse(&run(&Spec::default()), &DESCRIPTORS);
    let mut data = run(&Spec { repeats: 3, ..Spec::default() });
    let scores: Vec<_> = data.samples[..8].iter().map(|record| record.verdict.scores.clone()).collect();
    for (index, record) in data.samples.iter_mut().enumerate() {
        record.verdict.scores = scores[index % 8].clone();
    }
    let thrice = analyse(&data, &DESCRIPTORS);
    let (a, b) = (&once.groups[0].metrics[0], &thrice.groups[0].metrics[0]);
    assert_eq!((a.n, a.clips, b.n, b.clips), (4, 4, 4, 12));
    assert!(close(a.interval.unwrap().low, b.interval.unwrap().low));
    assert_eq!(thrice.groups[0].latency.as_ref().unwrap().n, 12);
}

#[test]
fn a_score_that_is_not_available_is_counted_with_its_reason() {
    let mut data = run(&Spec::default());
    data.samples[0].verdict.scores[0].score = Score::not_available("no object found");
    data.samples[2].verdict.scores.remove(0);
    let summary = &analyse(&data, &DESCRIPTORS).groups[0].metrics[0];
    let reasons: Vec<_> =
        summary.not_available.iter().map(|entry| (entry.reason.as_str(), entry.count)).collect();
    assert_eq!(reasons, [("no object found", 1), ("no score was recorded", 1)]);
    assert_eq!((summary.n, summary.missing()), (2, 2));
}

#[test]
fn set_metrics_are_passed_through_and_are_no_clip_metrics() {
    let group = &analyse(&run(&Spec::default()), &DESCRIPTORS).groups[1];
    assert_eq!(group.metrics.len(), 3);
    assert_eq!(group.set_scores.len(), 1);
    assert_eq!(group.set_scores[0].metric, MetricId::new("frechet_shapes@1").unwrap());
}

#[test]
fn the_order_of_the_records_does_not_matter() {
    let data = run(&Spec { repeats: 2, ..Spec::default() });
    let mut shuffled = data.clone();
    shuffled.samples.reverse();
    shuffled.set_scores.reverse();
    assert_eq!(analyse(&data, &DESCRIPTORS), analyse(&shuffled, &DESCRIPTORS));
}

#[test]
fn the_harness_share_is_what_the_work_does_not_explain() {
    let overhead = analyse(&run(&Spec::default()), &DESCRIPTORS).overhead.unwrap();
    assert!(close(overhead.harness_secs, 1.0) && close(overhead.share_of_wall, 0.01));
    assert!(close(overhead.share_of_work.unwrap(), 1.0 / 99.0));
    // Waiting for a scorer that is not working is not work.
    let mut data = run(&Spec::default());
    data.sessions[0].ledger.as_mut().unwrap().scorer_secs = 4.0;
    let overhead = analyse(&data, &DESCRIPTORS).overhead.unwrap();
    assert!(close(overhead.harness_secs, 7.0) && close(overhead.score_secs, 4.0));
    data.sessions[0].ledger = None;
    assert_eq!(analyse(&data, &DESCRIPTORS).overhead, None);
}

#[test]
fn an_analysis_is_json_without_nan() {
    let mut data = run(&Spec::default());
    data.samples[0].verdict.scores[0].score = Score::from_value(f64::NAN);
    let json = serde_json::to_value(analyse(&data, &DESCRIPTORS)).unwrap();
    let group = &json["groups"][0];
    assert_eq!(group["latency"]["p50"]["too_few"]["needed"], 11);
    // Serde writes NaN as null, so no null may stand where a number is promised.
    assert!(group["metrics"][0]["mean"].is_f64() && group["metrics"][0]["n"] == 3);
    assert_eq!(json["verdict"]["verdict"], "valid");
}

/// Student's t is unbounded: for 1, 1, 1, 0 its interval runs from -0.05 to 1.55.
#[test]
fn an_interval_ends_where_the_range_of_its_metric_ends() {
    let mut data = run(&Spec::default());
    for sample in &mut data.samples {
        sample.verdict.scores[0].score = Score::Value(if sample.ordinal == 0 { 0.0 } else { 1.0 });
    }
    let analysis = analyse(&data, &DESCRIPTORS);
    let summary = &analysis.groups[0].metrics[0];
    assert_eq!((summary.n, summary.mean), (4, Some(0.75)));
    let interval = summary.interval.unwrap();
    assert_eq!((interval.low, interval.high), (0.0, 1.0));
}
