//! The scorer on real files, directly and through the protocol.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use vidbench_core::protocol::{Decoded, Features, InitializeResult, RpcError, ScoreParams, ScoreResult};
use vidbench_core::{ErrorKind, FramesU8, MetricId, Needs, Score};
use vidbench_metrics::extract::NoNets;
use vidbench_metrics::{ClipMetric, score_clip};
use vidbench_shapes::{Attributes, parse_prompt, render};
use vidbench_video::{Fps, H264Options, encode_ffv1, encode_h264};
use vidbench_worker::{Exit, Handler as _, SCORER_NAME, Scorer, serve};

use crate::mean_net;

const PROMPT: &str = "a large red circle moving left on a navy background";
const ALL: [&str; 4] =
    ["temporal_flickering@1", "motion_magnitude@1", "shape_adherence@1", "frechet_shapes@1"];

fn fps() -> Fps {
    Fps::new(8, 1).unwrap()
}

fn rendered() -> FramesU8 {
    render(&parse_prompt(PROMPT).unwrap(), 5)
}

fn scorer() -> Scorer {
    Scorer::new(mean_net::graph(), NoNets)
}

fn params(path: &Path, metrics: &[&str]) -> ScoreParams {
    let metrics = metrics.iter().map(|id| MetricId::new(*id).unwrap()).collect();
    ScoreParams {
        path: path.to_str().unwrap().into(),
        reference: None,
        prompt: Some(PROMPT.into()),
        image: None,
        metrics,
        options: Default::default(),
        known_features: Vec::new(),
        return_features: false,
    }
}

fn score(path: &Path, metrics: &[&str]) -> Result<ScoreResult, RpcError> {
    scorer().score(&params(path, metrics))
}

/// A folder with the clip as FFV1, which keeps every byte.
fn lossless(frames: &FramesU8) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.mkv");
    encode_ffv1(&path, frames, fps()).unwrap();
    (dir, path)
}

/// A folder with the clip as H.264 with the default options.
fn viewable(frames: &FramesU8) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.mp4");
    encode_h264(&path, frames, &H264Options::new(fps())).unwrap();
    (dir, path)
}

fn values(result: &ScoreResult) -> Vec<(&str, Option<f64>)> {
    result.scores.iter().map(|score| (score.metric.as_str(), score.score.value())).collect()
}

fn failure(result: &ScoreResult) -> &str {
    match &result.decoded {
        Decoded::Failed { reason } => reason,
        Decoded::Facts(facts) => panic!("{facts:?}"),
    }
}

/// Two frames of 16x16 whose samples have the given range.
fn y4m(dir: &TempDir, range: &str) -> PathBuf {
    let frame: Vec<u8> = (0..16 * 16 * 3 / 2).map(|at| 60 + (at % 90) as u8).collect();
    let mut bytes = format!("YUV4MPEG2 W16 H16 F8:1 C420 XCOLORRANGE={range}\n").into_bytes();
    for _ in 0..2 {
        bytes.extend(b"FRAME\n");
        bytes.extend(&frame);
    }
    let path = dir.path().join(format!("{range}.y4m"));
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn luma_of_another_range_is_not_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (full, limited) = (y4m(&dir, "FULL"), y4m(&dir, "LIMITED"));
    let score = |reference: &Path| {
        let reference = Some(reference.to_str().unwrap().to_owned());
        scorer().score(&ScoreParams { reference, ..params(&full, &["psnr@1", "psnr_y@1"]) }).unwrap()
    };
    let same = score(&full);
    assert_eq!(values(&same), [("psnr@1", Some(60.0)), ("psnr_y@1", Some(60.0))]);
    let other = score(&limited);
    assert!(other.scores[0].score.value().unwrap() < 40.0, "{:?}", other.scores);
    assert_eq!(
        other.scores[1].score,
        Score::not_available(
            "the reference stores luma as limited range, the sample as full range; compare R, G and B instead"
        )
    );
}

#[test]
fn pairs_that_are_not_shown_equally_fast_are_scored_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let sample = y4m(&dir, "FULL");
    let slower = dir.path().join("slower.y4m");
    let bytes = std::fs::read(&sample).unwrap();
    std::fs::write(&slower, [b"YUV4MPEG2 W16 H16 F5", &bytes["YUV4MPEG2 W16 H16 F8".len()..]].concat())
        .unwrap();
    let score = |reference: &Path| {
        let reference = Some(reference.to_str().unwrap().to_owned());
        let metrics = ["psnr@1", "temporal_flickering@1"];
        scorer().score(&ScoreParams { reference, ..params(&sample, &metrics) }).unwrap().scores
    };
    assert!(score(&sample).iter().all(|score| score.note.is_none()));
    let [psnr, flickering] = score(&slower).try_into().unwrap();
    let note = psnr.note.unwrap();
    assert!(note.starts_with("the reference has 5.000 frames per second, the sample 8.000"), "{note}");
    assert_eq!((psnr.score.value(), flickering.note), (Some(60.0), None));
}

#[test]
fn a_lossless_file_scores_as_its_frames_do() {
    let frames = rendered();
    let (_dir, path) = lossless(&frames);
    let result = score(&path, &ALL).unwrap();
    let direct = |metric| score_clip(metric, &frames, Some(PROMPT)).value();
    let expected = [
        ("temporal_flickering@1", direct(ClipMetric::TemporalFlickering)),
        ("motion_magnitude@1", direct(ClipMetric::MotionMagnitude)),
        ("shape_adherence@1", Some(1.0)),
    ];
    assert_eq!(values(&result), expected);
    assert!(expected.iter().all(|(_, value)| value.is_some()));
    let [Features { net, rows: 1, values }] = &result.features[..] else { panic!("{:?}", result.features) };
    assert!(net.starts_with("shapes-classifier@") && net.len() == "shapes-classifier@".len() + 12, "{net}");
    let near = |(found, expected): (&f32, f64)| (f64::from(*found) - expected).abs() < 1e-4;
    assert_eq!(values.len(), 64);
    assert!(values.iter().zip(mean_net::features(&frames)).all(near));
}

#[test]
fn facts_are_those_of_the_file() {
    let (_dir, path) = viewable(&rendered());
    let result = score(&path, &[]).unwrap();
    let facts = result.decoded.facts().unwrap();
    assert_eq!((facts.codec.as_str(), facts.pixel_format.as_str()), ("h264", "yuv420p"));
    assert_eq!((facts.width, facts.height, facts.frames), (64, 64, 16));
    assert_eq!((facts.fps, facts.duration_secs), (8.0, Some(2.0)));
    assert_eq!((facts.black_frames, facts.duplicate_frames, facts.frozen), (0, 0, false));
    assert!(facts.container.contains("mp4"), "{}", facts.container);
    assert!(result.scores.is_empty() && result.features.is_empty());
    assert!(result.decode_secs > 0.0 && result.score_secs >= 0.0);
}

#[test]
fn adherence_survives_the_encoding_for_viewing() {
    for (seed, attributes) in (0..).zip(Attributes::all().step_by(37)) {
        let (_dir, path) = viewable(&render(&attributes, seed));
        let mut params = params(&path, &["shape_adherence@1"]);
        params.prompt = Some(attributes.prompt());
        let result = scorer().score(&params).unwrap();
        assert_eq!(values(&result), [("shape_adherence@1", Some(1.0))], "{}", attributes.prompt());
    }
}

#[test]
fn a_clip_that_stands_still_has_no_motion_after_encoding_too() {
    let frames = FramesU8::new(16, 64, 64, rendered().frame(3).repeat(16)).unwrap();
    let (_dir, path) = viewable(&frames);
    let result = score(&path, &["motion_magnitude@1"]).unwrap();
    assert_eq!(values(&result), [("motion_magnitude@1", Some(0.0))]);
}

#[test]
fn scores_come_in_the_order_asked() {
    let (_dir, path) = lossless(&rendered());
    let asked = ["shape_adherence@1", "temporal_flickering@1", "motion_magnitude@1"];
    let result = score(&path, &asked).unwrap();
    assert_eq!(values(&result).into_iter().map(|(metric, _)| metric).collect::<Vec<_>>(), asked);
}

#[test]
fn a_clip_of_another_shape_has_no_features_and_says_why() {
    let (_dir, path) = lossless(&FramesU8::new(3, 32, 48, vec![7; 3 * 32 * 48 * 3]).unwrap());
    let result = score(&path, &ALL).unwrap();
    assert!(result.features.is_empty());
    let last = result.scores.last().unwrap();
    assert_eq!(last.metric.as_str(), "frechet_shapes@1");
    let reason = "clip has 3 frames of 48x32, but net shapes-classifier takes 16 frames of 64x64";
    assert_eq!(last.score, Score::not_available(reason));
}

#[test]
fn one_frame_has_facts_and_no_score_of_change() {
    let (_dir, path) = lossless(&FramesU8::new(1, 64, 64, rendered().frame(0).to_vec()).unwrap());
    let result = score(&path, &ALL[..2]).unwrap();
    assert_eq!(result.decoded.facts().unwrap().frames, 1);
    assert_eq!(values(&result), [("temporal_flickering@1", None), ("motion_magnitude@1", None)]);
}

#[test]
fn a_file_that_is_no_sound_video_is_a_result_without_scores_and_without_its_path() {
    let (dir, path) = viewable(&rendered());
    let whole = std::fs::read(&path).unwrap();
    let files: [(&str, &[u8]); 3] =
        [("text", b"no video at all, only words"), ("empty", b""), ("cut", &whole[..whole.len() / 2])];
    for (name, bytes) in files {
        let path = dir.path().join(name).with_extension("mp4");
        std::fs::write(&path, bytes).unwrap();
        let result = score(&path, &ALL).unwrap();
        assert!(result.scores.is_empty() && result.features.is_empty(), "{name}");
        let reason = failure(&result);
        assert!(!reason.is_empty() && !reason.contains(dir.path().to_str().unwrap()), "{name}: {reason}");
    }
    let empty = score(&dir.path().join("empty.mp4"), &[]).unwrap();
    assert_eq!(failure(&empty), "file is empty (0 bytes)");
}

#[test]
fn a_clip_over_a_limit_is_not_cut_to_fit() {
    let (_dir, path) = lossless(&rendered());
    let mut params = params(&path, &ALL);
    params.options.max_frames = 15;
    let result = scorer().score(&params).unwrap();
    assert_eq!(failure(&result), "16 frames is over the limit of 15");
    assert!(result.scores.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_an_invalid_request() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().join("absent.mp4"), dir.path().to_path_buf()] {
        let error = score(&path, &ALL).unwrap_err();
        assert_eq!(error.data.kind, ErrorKind::InvalidRequest);
        assert!(error.message.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn an_unknown_metric_is_refused_with_the_nearest_before_the_file_is_opened() {
    let error = score(Path::new("/absent.mp4"), &["shape_adherence@1", "motion_magnitud@1"]).unwrap_err();
    assert_eq!(error.data.kind, ErrorKind::InvalidRequest);
    assert_eq!(error.message, "unknown metric \"motion_magnitud@1\"");
    assert!(error.data.hint.unwrap().starts_with("did you mean \"motion_magnitude@1\"?"));
}

#[test]
fn a_metric_of_files_of_features_is_refused_and_not_offered() {
    let error = score(Path::new("/absent.mp4"), &["frechet_distance@1"]).unwrap_err();
    assert_eq!(error.data.kind, ErrorKind::InvalidRequest);
    assert_eq!(error.message, "frechet_distance@1 is computed from feature files, not from clips");
    let offered = Scorer::new(Vec::new(), NoNets).initialize().capabilities.metrics;
    assert_eq!(offered.iter().map(MetricId::as_str).collect::<Vec<_>>(), of_clips());
}

/// Every metric except those of files of features.
fn of_clips() -> Vec<&'static str> {
    let known = vidbench_metrics::DESCRIPTORS.iter();
    known.filter(|known| known.needs != Needs::Features).map(|known| known.id).collect()
}

#[test]
fn a_classifier_that_does_not_load_costs_only_the_set_metric() {
    let (_dir, path) = lossless(&rendered());
    let mut scorer = Scorer::new(b"not a graph".to_vec(), NoNets);
    assert!(scorer.score(&params(&path, &ALL[..3])).is_ok());
    let error = scorer.score(&params(&path, &ALL)).unwrap_err();
    assert_eq!(error.data.kind, ErrorKind::Internal);
    assert!(error.message.starts_with("the shapes classifier does not load: "), "{error}");
}

#[test]
fn the_same_file_scores_the_same_in_every_scorer_on_every_thread() {
    let (_dir, path) = viewable(&rendered());
    let strip = |result: ScoreResult| (result.decoded, result.scores, result.features);
    let first = strip(score(&path, &ALL).unwrap());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| strip(score(&path, &ALL).unwrap()))).collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), first));
    });
    let mut scorer = scorer();
    for _ in 0..2 {
        assert_eq!(strip(scorer.score(&params(&path, &ALL)).unwrap()), first);
    }
}

#[test]
fn it_speaks_the_protocol() {
    let (_dir, path) = viewable(&rendered());
    let request = |id: u64, method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
    };
    let input = [
        request(0, "initialize", json!({"protocol_version": 1, "client": "test"})),
        request(1, "score", serde_json::to_value(params(&path, &ALL)).unwrap()),
        request(2, "score", json!({"path": path, "metrics": ["fvd@1"]})),
        request(3, "generate", json!({})),
        request(4, "shutdown", Value::Null),
    ];
    let mut output = Vec::new();
    let exit = serve(input.concat().as_bytes(), &mut output, &mut scorer()).unwrap();
    assert_eq!(exit, Exit::Shutdown);
    let answers: Vec<Value> =
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        answers.iter().map(|answer| answer["id"].as_u64()).collect::<Vec<_>>(),
        (0..5).map(Some).collect::<Vec<_>>()
    );
    let hello: InitializeResult = serde_json::from_value(answers[0]["result"].clone()).unwrap();
    assert_eq!(hello.name, SCORER_NAME);
    assert_eq!(hello.capabilities.metrics.len(), of_clips().len());
    let result: ScoreResult = serde_json::from_value(answers[1]["result"].clone()).unwrap();
    let direct = score(&path, &ALL).unwrap();
    assert_eq!(
        (result.decoded, result.scores, result.features),
        (direct.decoded, direct.scores, direct.features)
    );
    assert_eq!(answers[2]["error"]["data"]["kind"], "invalid_request");
    assert!(answers[3]["error"].is_object() && answers[4]["error"].is_null());
}

/// There are no nets here: a metric can have a value only from known features.
#[test]
fn known_features_are_not_computed_again() {
    let (_dir, path) = lossless(&rendered());
    let features = |net: &str| Features { net: net.into(), rows: 2, values: vec![3.0, 0.0, 1.0, 1.0] };
    let known_features = vec![features("clip-vit-b32.clip@1"), features("musiq-spaq.vbench@1")];
    let metrics = ["clip_temporal_consistency@1", "vbench.subject_consistency@1"];
    let params = ScoreParams { known_features, return_features: true, ..params(&path, &metrics) };
    let result = scorer().score(&params).unwrap();
    let value = result.scores[0].score.value().unwrap();
    assert!((value - 0.5_f64.sqrt()).abs() < 1e-12, "{value}");
    assert!(matches!(&result.scores[1].score, Score::NotAvailable { reason } if reason.contains("no nets")));
    // It is in the store already.
    assert_eq!(result.features, []);
}
