//! Metrics on features of nets with random weights. Their values mean nothing; the tests check what holds for any
//! weights.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use vidbench_core::{DecodedFrame, FramesU8};
use vidbench_metrics::extract::{Beginning, Extraction, NetSource, NoNets, Rows};
use vidbench_metrics::{ClipContext, MetricError, NetMetric, NetSetMetric};
use vidbench_nn::nets::{Net, Skeleton, WeightsFile, random_weights};
use vidbench_nn::{Runtime, SessionOptions};

#[derive(Debug)]
struct RandomNets {
    folder: tempfile::TempDir,
    asked: Cell<usize>,
    loaded: RefCell<BTreeMap<&'static str, Arc<Net>>>,
}

impl RandomNets {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), asked: Cell::new(0), loaded: RefCell::default() }
    }
}

impl NetSource for RandomNets {
    fn net(&self, name: &'static str) -> Result<Arc<Net>, MetricError> {
        self.asked.set(self.asked.get() + 1);
        if let Some(known) = self.loaded.borrow().get(name) {
            return Ok(Arc::clone(known));
        }
        let skeleton = Skeleton::of(name).unwrap();
        let path = self.folder.path().join(format!("{name}.safetensors"));
        let weights = WeightsFile::create(&path, &skeleton, |spec| Ok(random_weights(spec, 1))).unwrap();
        let options = SessionOptions::on_cpu(1, Runtime::Tract);
        let net = Arc::new(Net::load(skeleton, weights, &options).unwrap());
        self.loaded.borrow_mut().insert(name, Arc::clone(&net));
        Ok(net)
    }
}

/// A clip of noise that moves by a pixel a frame.
fn moving(frames: usize, width: usize, height: usize) -> FramesU8 {
    let pixel = |x: usize, y: usize| ((x * 7919 + y * 104_729) % 251) as u8;
    let frame = |at: usize| {
        (0..height).flat_map(move |y| (0..width).flat_map(move |x| [pixel(x + at, y), pixel(x, y + at), 90]))
    };
    FramesU8::new(frames, height, width, (0..frames).flat_map(frame).collect()).unwrap()
}

fn rows(
    extraction: Extraction,
    nets: &dyn NetSource,
    clip: &FramesU8,
    reference: Option<&FramesU8>,
) -> Result<Rows, MetricError> {
    let mut extractor = extraction.extractor(
        nets,
        Beginning { fps: Some(8.0), frames: Some(clip.count()), image: Err(&MetricError::NoImage) },
    )?;
    let lend = |frames: &FramesU8, index: usize| {
        let (width, height) = (frames.width(), frames.height());
        (index, width, height)
    };
    for index in 0..clip.count() {
        let frame = |frames| {
            let (index, width, height) = lend(frames, index);
            let rgb = frames.frame(index);
            DecodedFrame { index, timestamp_secs: 0.0, width, height, rgb, planes: None }
        };
        let beside = reference.map(frame);
        extractor.push(&frame(clip), beside.as_ref())?;
    }
    extractor.finish()
}

#[test]
fn a_clip_is_at_no_distance_from_itself_and_at_some_from_another() {
    let (nets, clip, other) = (RandomNets::new(), moving(2, 64, 48), moving(3, 64, 48));
    let of = |reference: &FramesU8| {
        let rows = rows(Extraction::LpipsSqueeze, &nets, &clip, Some(reference)).unwrap();
        let context = ClipContext { width: 64, height: 48, frames: 2, fps: None, prompt: None, nets: &nets };
        NetMetric::LpipsSqueeze.measure(&rows, context).unwrap()
    };
    assert_eq!(of(&clip).value, 0.0);
    let shifted = FramesU8::new(2, 48, 64, other.as_bytes()[48 * 64 * 3..].to_vec()).unwrap();
    let apart = of(&shifted);
    assert!(apart.value > 0.0);
    assert_eq!(apart.series.unwrap().values.len(), 2);
}

#[test]
fn what_a_net_cannot_look_at_is_told_before_it_runs() {
    let nets = RandomNets::new();
    let small = moving(3, 30, 40);
    let too_small = |needed| Err(MetricError::TooSmall { width: 30, height: 40, needed });
    assert_eq!(rows(Extraction::LpipsSqueeze, &nets, &small, Some(&small)), too_small(32));
    assert_eq!(rows(Extraction::AmtMiddles, &nets, &small, None), too_small(113));
}

#[test]
fn a_clip_with_too_few_frames_for_a_net_of_videos_says_so() {
    let nets = RandomNets::new();
    let short = moving(15, 32, 24);
    let found = rows(NetSetMetric::FvdVideogpt.extraction(), &nets, &short, None);
    assert_eq!(found, Err(MetricError::TooFewFrames { frames: 15, needed: 16 }));
}

#[test]
#[ignore = "puts a clip through I3D twice"]
fn slow_each_way_to_feed_the_i3d_of_styleganv_gives_other_logits() {
    let nets = RandomNets::new();
    let wide = moving(16, 48, 24);
    let of = |metric: NetSetMetric| rows(metric.extraction(), &nets, &wide, None).unwrap();
    let (squashed, cropped) = (of(NetSetMetric::FvdStyleganv), of(NetSetMetric::FvdCommonMetrics));
    assert_eq!((squashed.count(), squashed.dims), (1, 400));
    assert_ne!(squashed, cropped, "the sides of a wide clip are squashed in one and cut off in the other");
}

#[test]
fn inception_gives_a_row_a_frame_and_each_way_to_feed_it_another() {
    let nets = RandomNets::new();
    let clip = moving(2, 32, 24);
    let of = |metric: NetSetMetric| rows(metric.extraction(), &nets, &clip, None).unwrap();
    let clean = of(NetSetMetric::FidClean);
    assert_eq!((clean.count(), clean.dims), (2, 2048));
    assert_ne!(clean, of(NetSetMetric::FidPytorch));
    assert_ne!(clean, of(NetSetMetric::FidTensorflow));
}

#[test]
fn a_prompt_that_is_cut_off_is_told_with_the_score() {
    let nets = RandomNets::new();
    let rows = Rows::new(512, vec![0.5; 1024]);
    let score = |prompt: &str| {
        let context =
            ClipContext { width: 1, height: 1, frames: 1, fps: None, prompt: Some(prompt), nets: &nets };
        NetMetric::Clipsim.score(NetMetric::Clipsim.measure(&rows, context))
    };
    assert_eq!(score(&"cat ".repeat(75)).note, None);
    let cut = score(&"cat ".repeat(76));
    let note = "the prompt has more than the 77 tokens that clip-vit-b32-text takes; the rest was cut off";
    assert_eq!(cut.note.as_deref(), Some(note));
    assert_eq!(cut.score, score(&"cat ".repeat(75)).score);
}

#[test]
fn the_style_of_a_prompt_is_the_text_that_frames_are_compared_with() {
    let nets = RandomNets::new();
    let rows = Rows::new(512, (0..1024).map(|at| (at as f32).sin()).collect());
    let value = |metric: NetMetric, prompt: &str| {
        let context =
            ClipContext { width: 1, height: 1, frames: 1, fps: None, prompt: Some(prompt), nets: &nets };
        metric.measure(&rows, context).unwrap()
    };
    let style = value(NetMetric::VbenchAppearanceStyle, "The bund Shanghai, oil painting");
    assert_eq!(style, value(NetMetric::Clipsim, "oil painting"));
    assert_eq!(style.series.unwrap().values.len(), 2);
}

#[test]
fn the_image_of_a_clip_is_the_first_row_that_dino_gives() {
    let nets = RandomNets::new();
    let image = moving(1, 300, 256);
    let frame =
        |rgb| DecodedFrame { index: 0, timestamp_secs: 0.0, width: 300, height: 256, rgb, planes: None };
    let other = moving(2, 300, 256);
    let rows = |image| {
        let mut extractor =
            Extraction::DinoI2v.extractor(&nets, Beginning { fps: None, frames: None, image })?;
        extractor.push(&frame(other.frame(1)), None)?;
        extractor.push(&frame(other.frame(0)), None)?;
        extractor.finish()
    };
    let found = rows(Ok(frame(image.frame(0)))).unwrap();
    assert_eq!((found.count(), found.dims), (3, 768));
    // With 256 rows nothing is resized, so rounding changes nothing: frame 1 is the image.
    let of = |at: usize| found.iter().nth(at).unwrap().to_vec();
    assert!(of(0).iter().zip(of(2)).all(|(a, b)| (a - b).abs() < 1e-3));
    assert_eq!(rows(Err(&MetricError::NoImage)), Err(MetricError::NoImage));
}

#[test]
fn c3d_gives_the_probabilities_of_its_classes() {
    let nets = RandomNets::new();
    let extraction = NetSetMetric::InceptionScoreC3d.extraction();
    let found = rows(extraction, &nets, &moving(17, 32, 24), None).unwrap();
    assert_eq!((found.count(), found.dims), (1, 101));
    assert!((found.values.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    assert!(found.values.iter().all(|value| (0.0..=1.0).contains(value)));
    let short = rows(extraction, &nets, &moving(15, 32, 24), None);
    assert_eq!(short, Err(MetricError::TooFewFrames { frames: 15, needed: 16 }));
}

#[test]
fn a_net_that_is_not_there_says_what_is_missing() {
    let clip = moving(2, 64, 48);
    let error = rows(Extraction::DinoVbench, &NoNets, &clip, None).unwrap_err();
    assert_eq!(error.to_string(), "no nets are available here, including dino-vitb16");
}

#[test]
fn metrics_of_one_extraction_have_one_name_for_it() {
    assert_eq!(NetMetric::Clipsim.extraction(), NetMetric::ClipTemporalConsistency.extraction());
    assert_eq!(NetSetMetric::FvdCdfvd.extraction(), NetSetMetric::Kvd.extraction());
    assert_ne!(NetSetMetric::FvdCdfvd.extraction().id(), NetSetMetric::FvdVideogpt.extraction().id());
}

#[test]
fn frames_that_are_alike_are_alike_to_nets_and_batches_change_nothing() {
    let nets = RandomNets::new();
    let still = FramesU8::new(9, 48, 64, moving(1, 64, 48).as_bytes().repeat(9)).unwrap();
    let rows = rows(Extraction::MusiqVbench, &nets, &still, None).unwrap();
    // Eight frames went through together, the ninth alone.
    assert_eq!(rows.count(), 9);
    let first = rows.values[0];
    assert!(rows.values.iter().all(|value| (value - first).abs() <= 1e-5 * first.abs()), "{rows:?}");
    assert_eq!(nets.asked.get(), 1);
}
