//! The bars of the embedded model and its classifier (nets/embedded/MODEL_CARD.md), on combinations of attributes that
//! were kept out of the training.

use vidbench_core::protocol::Features;
use vidbench_core::{FramesU8, ModelId, SetScore};
use vidbench_metrics::frechet_shapes::ShapesClassifier;
use vidbench_metrics::{FeatureGroup, SetMetric, set_scores};
use vidbench_nn::{DType, InputSpec, Runtime, Session, SessionOptions, Tensor};
use vidbench_shapes::{Attributes, FRAME_COUNT, FRAME_SIZE, analyse, render};
use vidbench_worker::embedded::{ShapesModel, model_info};
use vidbench_worker::{SHAPES_CLASSIFIER, reference_features};

const STEPS: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// A stride without common factor spreads a small share over all values.
fn held_out(index: usize) -> Attributes {
    let all: Vec<Attributes> = Attributes::all().filter(Attributes::is_held_out).collect();
    all[index * 7 % all.len()]
}

fn load() -> ShapesModel {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    ShapesModel::load(&SessionOptions::on_cpu(threads, Runtime::Auto)).unwrap()
}

/// What the model makes of `count` prompts with a seed of their own each, beside what was asked.
fn samples(model: &ShapesModel, count: usize, steps: u32) -> Vec<(Attributes, FramesU8)> {
    let guidance = model_info().defaults.guidance;
    let sample = |index| {
        let asked = held_out(index);
        (asked, model.sample(&asked, 1_000_000 + index as u64, steps, guidance).unwrap())
    };
    (0..count).map(sample).collect()
}

/// Share of samples that show each attribute, by the analyser, which learns nothing.
fn accuracy(samples: &[(Attributes, FramesU8)]) -> [f64; 5] {
    let mut right = [0_usize; 5];
    for (asked, clip) in samples {
        let verdicts = analyse(clip).adherence(asked).as_array();
        right.iter_mut().zip(verdicts).for_each(|(n, ok)| *n += usize::from(ok));
    }
    right.map(|n| n as f64 / samples.len() as f64)
}

fn mean(shares: &[f64; 5]) -> f64 {
    shares.iter().sum::<f64>() / 5.0
}

#[test]
fn a_share_of_the_held_out_prompts_is_followed_at_sixteen_steps() {
    let shares = accuracy(&samples(&load(), 24, 16));
    assert!(mean(&shares) >= 0.90, "{:?}: {shares:?}", Attributes::NAMES);
}

#[test]
#[ignore = "slow: minutes; `make test-slow` runs it"]
fn slow_bars_hold_on_256_held_out_prompts_and_more_steps_are_never_worse() {
    let model = load();
    let made: Vec<_> = STEPS.iter().map(|steps| samples(&model, 256, *steps)).collect();
    let shares: Vec<[f64; 5]> = made.iter().map(|samples| accuracy(samples)).collect();
    let distances = distances(&made);
    for ((steps, shares), distance) in STEPS.iter().zip(&shares).zip(&distances) {
        eprintln!(
            "{steps} steps: {shares:.3?}, mean {:.3}, {:?} {:?}",
            mean(shares),
            distance.score,
            distance.interval
        );
    }
    let at_16 = &shares[4];
    assert!(mean(at_16) >= 0.95 && at_16.iter().all(|share| *share >= 0.90), "{at_16:?}");
    for (fewer, more) in shares.iter().zip(&shares[1..]) {
        assert!(mean(more) + half_width(mean(more)) >= mean(fewer) - half_width(mean(fewer)), "{shares:?}");
    }
    for (fewer, more) in distances.iter().zip(&distances[1..]) {
        assert!(more.interval.unwrap().0 <= fewer.interval.unwrap().1, "{distances:?}");
    }
}

/// Half width for a share of 256 by normal approximation. The attributes of one clip fail together, so they count as
/// one.
fn half_width(share: f64) -> f64 {
    1.96 * (share * (1.0 - share) / 256.0).sqrt()
}

fn distances(made: &[Vec<(Attributes, FramesU8)>]) -> Vec<SetScore> {
    let classifier = ShapesClassifier::load(SHAPES_CLASSIFIER).unwrap();
    let features = |clip| Features::of_clip(classifier.net(), classifier.features(clip).unwrap());
    let features: Vec<Vec<Features>> =
        made.iter().map(|samples| samples.iter().map(|(_, clip)| features(clip)).collect()).collect();
    let groups: Vec<FeatureGroup<'_>> = (0..)
        .zip(&features)
        .map(|(params_index, features)| FeatureGroup {
            model: ModelId::new("shapes-ldm").unwrap(),
            params_index,
            features: features.iter().collect(),
        })
        .collect();
    set_scores(SetMetric::FrechetShapes, &groups, &reference_features(SHAPES_CLASSIFIER, 2).unwrap())
}

/// Outputs after the features are the logits of the attributes, in the order of `Attributes::indices`.
#[test]
fn the_classifier_knows_every_attribute_of_rendered_clips() {
    const CLIPS: usize = 580;
    let shape = [1, FRAME_COUNT, FramesU8::CHANNELS, FRAME_SIZE, FRAME_SIZE];
    let inputs = [InputSpec::new("clip", DType::F32, shape)];
    let options = SessionOptions::on_cpu(1, Runtime::Tract);
    let classifier = Session::load(SHAPES_CLASSIFIER, &inputs, &options).unwrap();
    let mut right = [0_usize; 5];
    for index in 0..CLIPS {
        let asked = held_out(index);
        let clip = render(&asked, 2_000_000 + index as u64);
        let planes = clip.iter().flat_map(|frame| (0..3).map(move |channel| (frame, channel)));
        let values = planes.flat_map(|(frame, channel)| frame.iter().skip(channel).step_by(3));
        let input =
            Tensor::f32(shape, values.map(|value| f32::from(*value) / 255.0).collect::<Vec<_>>()).unwrap();
        let outputs = classifier.run(&[input]).unwrap();
        for ((n, logits), wanted) in right.iter_mut().zip(&outputs[1..]).zip(asked.indices()) {
            *n += usize::from(largest(logits.as_f32().unwrap()) == wanted);
        }
    }
    let shares = right.map(|n| n as f64 / CLIPS as f64);
    assert!(shares.iter().all(|share| *share >= 0.97), "{:?}: {shares:?}", Attributes::NAMES);
}

fn largest(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap()
}
