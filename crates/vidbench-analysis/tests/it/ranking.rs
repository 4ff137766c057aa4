use vidbench_analysis::{TimeBasis, analyse};
use vidbench_core::suite::ScenarioKind;
use vidbench_core::{Direction, Domain, RunData, WeightsOrigin};

use crate::build::{DESCRIPTORS, Spec, run};

fn two_models() -> RunData {
    run(&Spec { models: vec!["shapes", "real"], steps: vec![4, 16], ..Spec::default() })
}

#[test]
fn domains_are_never_ranked_together() {
    let mut data = two_models();
    data.sessions[0].models[1].model.domain = Domain::Open;
    let analysis = analyse(&data, &DESCRIPTORS);
    for ranking in &analysis.rankings {
        for entry in &ranking.entries {
            assert_eq!(analysis.groups[entry.group].domain, Some(ranking.domain));
        }
    }
    for front in &analysis.pareto {
        assert!(front.points.iter().all(|point| analysis.groups[point.group].domain == Some(front.domain)));
    }
    // Two directed clip metrics and the set metric, in two domains.
    assert_eq!((analysis.rankings.len(), analysis.pareto.len()), (6, 6));
}

#[test]
fn random_and_unknown_weights_are_left_out_with_the_reason() {
    for (weights, words) in [(WeightsOrigin::Random, "random weights"), (WeightsOrigin::Unknown, "unknown")] {
        let mut data = two_models();
        data.sessions[0].models[0].model.weights = weights;
        let analysis = analyse(&data, &DESCRIPTORS);
        let ranked: Vec<usize> =
            analysis.rankings.iter().flat_map(|r| r.entries.iter().map(|e| e.group)).collect();
        assert!(ranked.iter().all(|group| *group >= 2), "{ranked:?}");
        assert!(analysis.unranked.iter().all(|left| left.group < 2 && left.reason.contains(words)));
        assert_eq!(analysis.unranked.len(), 6);
    }
}

#[test]
fn a_model_that_was_never_loaded_is_not_ranked() {
    let mut data = two_models();
    data.sessions[0].models.clear();
    let analysis = analyse(&data, &DESCRIPTORS);
    assert!(analysis.rankings.is_empty() && analysis.pareto.is_empty());
    assert_eq!(analysis.unranked.len(), 4 * 3);
}

#[test]
fn better_comes_first_whichever_way_better_is() {
    let analysis = analyse(&run(&Spec::default()), &DESCRIPTORS);
    for ranking in &analysis.rankings {
        assert_eq!(ranking.entries[0].group, 1, "{}", ranking.metric);
        assert_ne!(ranking.direction, Direction::Descriptive);
    }
}

#[test]
fn overlapping_intervals_share_a_place() {
    let mut data = run(&Spec { steps: vec![4, 8, 16], ..Spec::default() });
    for (score, (low, high)) in
        data.set_scores.iter_mut().zip([(300.0, 310.0), (100.0, 200.0), (90.0, 110.0)])
    {
        score.score = vidbench_core::Score::Value((low + high) / 2.0);
        score.interval = Some((low, high));
    }
    let analysis = analyse(&data, &DESCRIPTORS);
    let ranking = analysis.rankings.iter().find(|r| r.metric.as_str() == "frechet_shapes@1").unwrap();
    let places: Vec<_> = ranking.entries.iter().map(|entry| (entry.group, entry.place)).collect();
    assert_eq!(places, [(2, 1), (1, 1), (0, 3)]);
}

#[test]
fn an_underpowered_set_metric_is_not_ranked() {
    let mut data = run(&Spec::default());
    data.set_scores[0].underpowered = true;
    data.set_scores[1].interval = None;
    let analysis = analyse(&data, &DESCRIPTORS);
    let reasons: Vec<&str> = analysis.unranked.iter().map(|left| left.reason.as_str()).collect();
    assert_eq!(reasons, ["underpowered: 256 clips for 64 dimensions", "the value has no interval"]);
}

#[test]
fn one_clip_is_not_ranked() {
    let spec = Spec { seeds: vec![1], prompts: vec!["a".into()], ..Spec::default() };
    let analysis = analyse(&run(&spec), &DESCRIPTORS);
    assert!(analysis.unranked.iter().any(|left| left.reason == "n is 1, too few for an interval"));
    assert_eq!(analysis.groups[0].metrics[0].n, 1);
}

#[test]
fn a_slower_and_worse_group_is_off_the_front() {
    let mut data = run(&Spec { steps: vec![4, 8, 16], ..Spec::default() });
    for record in data.samples.iter_mut().filter(|record| record.ordinal % 3 == 1) {
        record.verdict.scores[0].score = vidbench_core::Score::Value(0.1);
    }
    let analysis = analyse(&data, &DESCRIPTORS);
    let front = &analysis.pareto[0];
    assert_eq!(front.time, TimeBasis::Latency);
    let flags: Vec<_> = front.points.iter().map(|point| (point.group, point.on_front)).collect();
    assert_eq!(flags, [(0, true), (1, false), (2, true)]);
}

#[test]
fn offline_fronts_use_service_time() {
    let spec = Spec { kind: ScenarioKind::Offline, ..Spec::default() };
    assert_eq!(analyse(&run(&spec), &DESCRIPTORS).pareto[0].time, TimeBasis::Service);
}

#[test]
fn a_metric_without_a_descriptor_is_described_but_not_ranked() {
    let analysis = analyse(&run(&Spec::default()), &DESCRIPTORS[..1]);
    assert_eq!(analysis.rankings.len(), 1);
    assert_eq!(analysis.groups[0].metrics[1].direction, Direction::Descriptive);
    assert_eq!(analysis.groups[0].metrics[1].title, "temporal_flickering@1");
}
