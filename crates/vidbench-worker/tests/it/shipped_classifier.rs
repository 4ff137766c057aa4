//! The classifier that ships: in its features the distance means what it should.

use vidbench_core::protocol::Features;
use vidbench_core::{FramesU8, ModelId};
use vidbench_metrics::frechet_shapes::{DIMS, REFERENCE_COUNT, ShapesClassifier};
use vidbench_metrics::{FeatureGroup, SetMetric, set_scores};
use vidbench_shapes::{Attributes, Color, render};
use vidbench_worker::{SHAPES_CLASSIFIER, reference_features, shapes_net};

fn features(classifier: &ShapesClassifier, clip: &FramesU8) -> Features {
    Features::of_clip(classifier.net(), classifier.features(clip).unwrap())
}

fn group<'a>(name: &str, features: impl Iterator<Item = &'a Features>) -> FeatureGroup<'a> {
    FeatureGroup { model: ModelId::new(name).unwrap(), params_index: 0, features: features.collect() }
}

fn still(clip: &FramesU8) -> FramesU8 {
    FramesU8::new(clip.count(), clip.height(), clip.width(), clip.frame(8).repeat(clip.count())).unwrap()
}

/// Other clips of the same distribution are as far from the reference as its halves are from each other; clips that lack a
/// colour, or stand still, are much further.
#[test]
fn rendered_clips_are_at_the_floor_and_one_sided_or_frozen_ones_are_not() {
    let reference = reference_features(SHAPES_CLASSIFIER, 2).unwrap();
    assert_eq!(reference.net, shapes_net(SHAPES_CLASSIFIER).unwrap());
    assert_eq!(reference.features.len(), REFERENCE_COUNT);
    assert!(reference.features.iter().all(|row| row.len() == DIMS));
    let classifier = ShapesClassifier::load(SHAPES_CLASSIFIER).unwrap();
    let all: Vec<Attributes> = Attributes::all().collect();
    let clips: Vec<FramesU8> = (0..).zip(&all).map(|(seed, attributes)| render(attributes, seed)).collect();
    let fresh: Vec<Features> = clips.iter().map(|clip| features(&classifier, clip)).collect();
    let not_red = fresh.iter().zip(&all).filter(|(_, attributes)| attributes.color != Color::Red);
    let frozen: Vec<Features> =
        clips.iter().step_by(3).map(|clip| features(&classifier, &still(clip))).collect();
    let groups = [
        group("fresh", fresh.iter()),
        group("not-red", not_red.map(|(features, _)| features)),
        group("frozen", frozen.iter()),
    ];
    let scores = set_scores(SetMetric::FrechetShapes, &groups, &reference);
    let floor = scores[0].floor.unwrap();
    let [fresh, not_red, frozen] = [0, 1, 2].map(|index| scores[index].score.value().unwrap());
    assert!(fresh < 1.5 * floor, "{fresh} at a floor of {floor}");
    assert!(not_red > 3.0 * floor && frozen > not_red, "{not_red}, {frozen} at a floor of {floor}");
}
