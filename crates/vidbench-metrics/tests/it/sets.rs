use vidbench_core::protocol::Features;
use vidbench_core::{ModelId, Score, SetScore};
use vidbench_metrics::{FeatureGroup, ReferenceSet, SetMetric, is_underpowered, set_scores};

use crate::numpy::RandomState;

const NET: &str = "shapes-classifier@0123456789ab";
const DIMS: usize = 8;

fn normals(seed: u32, n: usize, shift: f64) -> Vec<Vec<f32>> {
    RandomState::new(seed).normals(n, DIMS, 1.0, shift)
}

fn reference() -> ReferenceSet {
    ReferenceSet { net: NET.into(), set: "test-512@1".into(), features: normals(100, 512, 0.0) }
}

fn clips(rows: Vec<Vec<f32>>) -> Vec<Features> {
    rows.into_iter().map(|values| Features::of_clip(NET, values)).collect()
}

fn group(features: &[Features]) -> FeatureGroup<'_> {
    let model = ModelId::new("embedded/shapes").unwrap();
    FeatureGroup { model, params_index: 3, features: features.iter().collect() }
}

fn score(features: &[Features]) -> SetScore {
    set_scores(SetMetric::FrechetShapes, &[group(features)], &reference()).remove(0)
}

fn reason(score: &SetScore) -> &str {
    match &score.score {
        Score::NotAvailable { reason } => reason,
        Score::Value(value) => panic!("{value}"),
    }
}

#[test]
fn a_score_carries_its_group_its_numbers_and_the_floor() {
    let score = score(&clips(normals(1, 200, 0.5)));
    assert_eq!((score.metric.as_str(), score.model.as_str()), ("frechet_shapes@1", "embedded/shapes"));
    assert_eq!((score.params_index, score.n, score.dims, score.underpowered), (3, 200, 8, false));
    let (value, floor) = (score.score.value().unwrap(), score.floor.unwrap());
    // A shift of 0.5 in each of 8 dimensions is 2, beside the bias of 200 clips.
    assert!((2.0..3.0).contains(&value), "{value}");
    assert!((0.0..0.5).contains(&floor), "{floor}");
    let (low, high) = score.interval.unwrap();
    assert!(low < value && value < high && high - low < 2.0, "{low} {value} {high}");
}

#[test]
fn a_larger_shift_is_a_larger_distance() {
    let values =
        [0.0, 0.5, 1.0, 2.0].map(|shift| score(&clips(normals(1, 200, shift))).score.value().unwrap());
    assert!(values.is_sorted(), "{values:?}");
    let floor = score(&clips(normals(1, 512, 0.0))).floor.unwrap();
    assert!(values[0] < 3.0 * floor && values[1] > 3.0 * floor, "{values:?} {floor}");
}

#[test]
fn groups_are_scored_apart_and_in_their_order() {
    let (near, far) = (clips(normals(1, 50, 0.0)), clips(normals(2, 50, 3.0)));
    let both = set_scores(SetMetric::FrechetShapes, &[group(&far), group(&near)], &reference());
    assert_eq!(both, [score(&far), score(&near)]);
}

#[test]
fn the_same_clips_give_the_same_bits_on_any_thread() {
    let features = clips(normals(1, 100, 0.2));
    let here = score(&features);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| score(&features))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), here);
        }
    });
}

#[test]
fn no_clip_and_one_clip_have_no_distance() {
    let none = score(&[]);
    assert_eq!(reason(&none), "0 clips with features, but at least 2 are needed");
    assert_eq!((none.n, none.interval, none.underpowered), (0, None, true));
    assert!(none.floor.is_some());
    let one = score(&clips(normals(1, 1, 0.0)));
    assert_eq!(reason(&one), "1 clips with features, but at least 2 are needed");
}

#[test]
fn few_clips_have_a_distance_that_is_flagged() {
    let few = score(&clips(normals(1, 2, 0.0)));
    assert!(few.underpowered && few.score.value().is_some() && few.interval.is_some());
    assert!(is_underpowered(15, 8) && !is_underpowered(16, 8));
}

#[test]
fn features_of_another_net_never_mix() {
    let mut features = clips(normals(1, 20, 0.0));
    features[7].net = "shapes-classifier@ba9876543210".into();
    assert_eq!(
        reason(&score(&features)),
        "features of net shapes-classifier@ba9876543210 cannot be compared with those of shapes-classifier@0123456789ab"
    );
}

#[test]
fn broken_features_are_a_reason_for_their_group_alone() {
    let mut broken = clips(normals(1, 20, 0.0));
    broken[4].values[2] = f32::NAN;
    let short: Vec<Features> = clips(vec![vec![0.0; 3]; 4]);
    let sound = clips(normals(1, 20, 0.0));
    let groups = [group(&broken), group(&short), group(&sound)];
    let scores = set_scores(SetMetric::FrechetShapes, &groups, &reference());
    assert_eq!(reason(&scores[0]), "feature 2 of clip 4 is NaN");
    assert_eq!(reason(&scores[1]), "features of 3 dimensions cannot be compared with 8");
    assert!(scores[2].score.value().is_some());
}

#[test]
fn a_reference_that_cannot_be_used_is_a_reason_for_every_group() {
    let features = clips(normals(1, 20, 0.0));
    let empty = ReferenceSet { features: Vec::new(), ..reference() };
    let scores = set_scores(SetMetric::FrechetShapes, &[group(&features)], &empty);
    assert_eq!(
        reason(&scores[0]),
        "reference set test-512@1: 0 clips with features, but at least 2 are needed"
    );
    assert_eq!(scores[0].floor, None);
}

/// The interval is meant to hold the value that such a set of clips has on average. With 100 trials at 95 % fewer than 86
/// hits would be a chance of 1 in 3,000.
#[test]
fn the_interval_holds_the_mean_value_of_other_draws_about_as_often_as_it_says() {
    let scores: Vec<SetScore> = (0..100).map(|seed| score(&clips(normals(seed, 60, 0.3)))).collect();
    let mean = scores.iter().filter_map(|score| score.score.value()).sum::<f64>() / 100.0;
    let holds = |score: &SetScore| score.interval.is_some_and(|(low, high)| low <= mean && mean <= high);
    let hits = scores.iter().filter(|score| holds(score)).count();
    assert!((86..=100).contains(&hits), "{hits} of 100 hold {mean}");
}
