//! The embedded model: what a seed means, what it makes, what it refuses.
//!
//! Everything runs on tract, which is always there.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use vidbench_core::protocol::{GenerateResult, Stage};
use vidbench_core::{Domain, FramesU8, WeightsOrigin, sha256_hex};
use vidbench_nn::{Runtime, SessionOptions, onnx_runtime_version};
use vidbench_shapes::{Attributes, GRAMMAR, parse_prompt};
use vidbench_video::{Limits, decode};
use vidbench_worker::embedded::{
    EmbeddedGenerator, MAX_STEPS, SampleError, ShapesModel, gaussian_noise, model_info,
};
use vidbench_worker::{Exit, serve};

const PROMPT: &str = "a large red circle moving left on a navy background";

fn load(runtime: Runtime, threads: usize) -> ShapesModel {
    ShapesModel::load(&SessionOptions::on_cpu(threads, runtime)).unwrap()
}

/// One model for all tests: loading optimises three graphs.
fn model() -> &'static ShapesModel {
    static MODEL: OnceLock<ShapesModel> = OnceLock::new();
    MODEL.get_or_init(|| load(Runtime::Tract, 1))
}

fn prompt() -> Attributes {
    parse_prompt(PROMPT).unwrap()
}

/// Golden values of an implementation in Python, written from the description alone.
#[test]
fn noise_of_a_seed_never_changes() {
    for (seed, golden) in [
        (0, [-0.4045616_f32, -0.43861607, 1.2628899, 1.1504623]),
        (1, [-0.3867113, 1.3333412, 0.5802851, -0.33752847]),
        (0xdead_beef_cafe_f00d, [0.53423417, -0.8147674, 0.510222, 0.59233075]),
    ] {
        let noise = gaussian_noise(seed, 4);
        // The last bit depends on the mathematical library.
        assert!(noise.iter().zip(golden).all(|(a, b)| (a - b).abs() <= 1e-6), "{seed}: {noise:?}");
    }
}

#[test]
fn noise_has_mean_zero_and_variance_one() {
    let noise = gaussian_noise(5, 100_000);
    let mean = noise.iter().map(|x| f64::from(*x)).sum::<f64>() / 1e5;
    let moment = |power| noise.iter().map(|x| (f64::from(*x) - mean).powi(power)).sum::<f64>() / 1e5;
    // Five standard errors: 1, sqrt(2) and sqrt(96) over sqrt(100,000).
    assert!(mean.abs() < 0.016, "{mean}");
    assert!((moment(2) - 1.0).abs() < 0.023, "{}", moment(2));
    assert!((moment(4) - 3.0).abs() < 0.16, "{}", moment(4));
}

proptest! {
    #[test]
    fn longer_noise_begins_with_the_shorter(seed: u64, len in 0_usize..40) {
        let noise = gaussian_noise(seed, 40);
        prop_assert!(noise.iter().all(|x| x.is_finite()));
        prop_assert_eq!(&gaussian_noise(seed, len), &noise[..len]);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_clip() {
    let sample = |seed| model().sample(&prompt(), seed, 2, 3.0).unwrap();
    let first = sample(1);
    assert_eq!((first.count(), first.height(), first.width()), (16, 64, 64));
    assert!(first == sample(1));
    assert!(first != sample(2));
    assert!(first == load(Runtime::Tract, 1).sample(&prompt(), 1, 2, 3.0).unwrap(), "loaded again");
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let two = load(Runtime::Tract, 2);
    for guidance in [1.0, 3.0] {
        let one = model().sample(&prompt(), 7, 2, guidance).unwrap();
        assert!(one == two.sample(&prompt(), 7, 2, guidance).unwrap(), "guidance {guidance}");
    }
}

#[test]
fn prompt_steps_and_guidance_change_the_clip() {
    let other = parse_prompt("a small white square moving up on a brown background").unwrap();
    let base = model().sample(&prompt(), 1, 2, 3.0).unwrap();
    for (attributes, steps, guidance) in [(other, 2, 3.0), (prompt(), 1, 3.0), (prompt(), 2, 1.0)] {
        assert!(base != model().sample(&attributes, 1, steps, guidance).unwrap());
    }
}

/// At batch 1 the prompt's estimate is used as it is; at batch 2, a guidance close to 1 must lead to nearly the same.
#[test]
fn one_forward_without_guidance_agrees_with_two_of_nearly_none() {
    let latent = |guidance| {
        let go_on = &mut |_| ControlFlow::Continue(());
        model().denoise(&prompt(), 3, 2, guidance, go_on).unwrap().as_f32().unwrap().to_vec()
    };
    let worst = latent(1.0).iter().zip(latent(1.0 + 1e-6)).fold(0.0_f32, |w, (a, b)| w.max((a - b).abs()));
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn every_step_is_told_once_and_a_break_ends_the_work() {
    let mut told = Vec::new();
    let mut on_step = |index| {
        told.push(index);
        if index == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = model().denoise(&prompt(), 1, 5, 1.0, &mut on_step).unwrap_err();
    assert!(matches!(error, SampleError::Stopped { steps: 3 }), "{error}");
    assert_eq!(told, [1, 2, 3]);
}

#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_makes_nearly_the_clip_that_tract_makes() {
    onnx_runtime_version().unwrap();
    let latent = |model: &ShapesModel| {
        let go_on = &mut |_| ControlFlow::Continue(());
        model.denoise(&prompt(), 3, 4, 3.0, go_on).unwrap().as_f32().unwrap().to_vec()
    };
    let (ours, theirs) = (latent(model()), latent(&load(Runtime::OnnxRuntime, 1)));
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let worst = ours.iter().zip(&theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
    // 1e-4 for one forward; four guided steps multiply it.
    assert!(worst <= 1e-3 * largest, "{worst} of {largest}");
}

#[test]
fn the_info_names_and_hashes_what_ships() {
    let info = model_info();
    assert_eq!(info.id.as_str(), "shapes-ldm");
    assert_eq!(info.domain, Domain::SyntheticDomain);
    assert_eq!(info.defaults.describe(), "16 steps, guidance 2, 16 frames of 64x64 at 8 fps");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nets/embedded");
    let line = |name: &str| format!("{}  {name}\n", sha256_hex(&std::fs::read(folder.join(name)).unwrap()));
    let expected = sha256_hex((line("decoder.onnx") + &line("denoiser.onnx")).as_bytes());
    assert_eq!(info.weights, WeightsOrigin::Sha256(expected));
}

fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
}

fn load_line(model: &str, revision: Option<&str>) -> String {
    let mut params = json!({"model": model, "threads": 1});
    if let Some(revision) = revision {
        params["revision"] = revision.into();
    }
    request(1, "load", &params)
}

fn generate_params(output: &Path) -> Value {
    json!({
        "sample": "0".repeat(32),
        "model": "shapes-ldm",
        "prompt": PROMPT,
        "seed": 1,
        "params": {"steps": 2, "guidance": 3.0, "frames": 16, "width": 64, "height": 64, "fps": 8.0},
        "output": output,
    })
}

/// Starts a worker in a thread, sends it the lines over a pipe, and reads what it says over another.
fn talk(lines: &[String]) -> Vec<Value> {
    let (worker_input, mut to_worker) = std::io::pipe().unwrap();
    let (from_worker, worker_output) = std::io::pipe().unwrap();
    let worker = std::thread::spawn(move || {
        let mut generator = EmbeddedGenerator::with_runtime(Runtime::Tract);
        serve(BufReader::new(worker_input), worker_output, &mut generator).unwrap()
    });
    let hello = request(0, "initialize", &json!({"protocol_version": 1, "client": "test"}));
    for line in [hello].iter().chain(lines) {
        to_worker.write_all(line.as_bytes()).unwrap();
    }
    drop(to_worker);
    let said = BufReader::new(from_worker).lines();
    let said = said.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(worker.join().unwrap(), Exit::EndOfInput);
    said
}

fn answer(said: &[Value], id: u64) -> &Value {
    said.iter().find(|message| message["id"] == id).unwrap()
}

#[test]
fn a_generation_writes_a_clip_that_decodes_and_tells_its_steps_and_stages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let said = talk(&[load_line("shapes-ldm", Some("1")), request(2, "generate", &generate_params(&path))]);

    let loaded = &answer(&said, 1)["result"]["model"];
    assert_eq!(loaded["id"], "shapes-ldm");
    assert_eq!(loaded["domain"], "synthetic-domain");
    assert!(loaded["runtime"].as_str().unwrap().starts_with("tract "));

    let result: GenerateResult = serde_json::from_value(answer(&said, 2)["result"].clone()).unwrap();
    let names: Vec<Stage> = result.stages.iter().map(|span| span.name).collect();
    assert_eq!(names, [Stage::TextEncode, Stage::Denoise, Stage::VaeDecode, Stage::Encode]);
    assert!(result.stages.iter().all(|span| span.start_ns <= span.end_ns));
    assert!(result.stages.windows(2).all(|pair| pair[0].end_ns <= pair[1].start_ns));
    assert_eq!((result.start_ns, result.end_ns), (result.stages[0].start_ns, result.stages[2].end_ns));
    assert!(result.peak_rss_bytes.is_some_and(|bytes| bytes > 1 << 20));

    let steps: Vec<_> = said.iter().filter(|m| m["method"] == "step").map(|m| &m["params"]).collect();
    assert_eq!(steps.iter().map(|p| [&p["index"], &p["total"]]).collect::<Vec<_>>(), [[1, 2], [2, 2]]);
    assert_eq!(said.iter().filter(|m| m["method"] == "stage").count(), 4);

    let clip = decode(&path, &Limits::default()).unwrap();
    assert_eq!((clip.frames.count(), clip.frames.height(), clip.frames.width()), (16, 64, 64));
    assert_eq!(clip.probe.codec, "h264");
    assert!((clip.timestamps_secs[1] - 0.125).abs() < 1e-3);
    let made = model().sample(&prompt(), 1, 2, 3.0).unwrap();
    assert!(mean_difference(&clip.frames, &made) < 8.0, "the file shows what was sampled");
}

fn mean_difference(a: &FramesU8, b: &FramesU8) -> f64 {
    let sum: u64 = a.as_bytes().iter().zip(b.as_bytes()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_bytes().len() as f64
}

#[test]
fn a_worker_writes_the_same_file_twice() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.mp4", "b.mp4"].map(|name| folder.path().join(name));
    let lines: Vec<String> =
        (2..).zip(&paths).map(|(id, p)| request(id, "generate", &generate_params(p))).collect();
    talk(&[&[load_line("shapes-ldm", None)], lines.as_slice()].concat());
    assert!(std::fs::read(&paths[0]).unwrap() == std::fs::read(&paths[1]).unwrap());
}

/// Kind, message and hint of the answers to `generate` requests with one field replaced in each.
fn refusals(cases: &[(&str, Value)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let lines = (2..).zip(cases).map(|(id, (pointer, value))| {
        let mut params = generate_params(&path);
        match params.pointer_mut(pointer) {
            Some(field) => *field = value.clone(),
            None => params[pointer.trim_start_matches('/')] = value.clone(),
        }
        request(id, "generate", &params)
    });
    let said = talk(&std::iter::once(load_line("shapes-ldm", None)).chain(lines).collect::<Vec<_>>());
    assert!(!path.exists());
    assert!(!said.iter().any(|message| message["method"] == "step"), "refused before any work");
    (2..).zip(cases).map(|(id, _)| error_text(answer(&said, id))).collect()
}

fn error_text(answer: &Value) -> String {
    let error = &answer["error"];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    [&error["data"]["kind"], &error["message"], &error["data"]["hint"]].map(text).join("\n")
}

fn check(found: &str, expected: &Expect) {
    expected.assert_eq(found);
}

#[test]
fn a_prompt_outside_the_grammar_is_refused_with_the_grammar() {
    let prompt = json!("a large red circel moving left on a navy background");
    let text = &refusals(&[("/prompt", prompt)])[0];
    check(
        text.strip_suffix(GRAMMAR).unwrap(),
        &expect![[r#"
            invalid_request
            prompt is outside the grammar of shapes-ldm: shape not understood: "circel"
            did you mean "circle"?
            the grammar is:
        "#]],
    );
}

#[test]
fn what_the_model_cannot_do_is_refused_and_never_bent() {
    let cases = [
        ("/params/frames", json!(17), "17 frames", "ask for 16 frames"),
        ("/params/width", json!(128), "128x64 pixels", "ask for 64x64 pixels"),
        ("/params/height", json!(32), "64x32 pixels", "ask for 64x64 pixels"),
        ("/params/steps", json!(MAX_STEPS + 1), "257 steps", "ask for 1 to 256 steps"),
        ("/params/guidance", json!(100.5), "guidance 100.5", "ask for guidance from 0 to 100"),
        (
            "/params/fps",
            json!(0.5),
            "0.5 frames per second",
            "ask for 1 to 60, with at most 3 decimal places",
        ),
        (
            "/params/fps",
            json!(61.0),
            "61 frames per second",
            "ask for 1 to 60, with at most 3 decimal places",
        ),
        (
            "/params/fps",
            json!(7.0001),
            "7.0001 frames per second",
            "ask for 1 to 60, with at most 3 decimal places",
        ),
        ("/negative", json!("blurry"), "a negative prompt", "omit the negative prompt"),
    ];
    let found = refusals(&cases.each_ref().map(|(pointer, value, ..)| (*pointer, value.clone())));
    let wanted = cases.map(|(.., what, hint)| format!("unsupported\nshapes-ldm cannot do {what}\n{hint}"));
    assert_eq!(found, wanted);
}

#[test]
fn another_model_or_revision_is_refused() {
    let text = |line| error_text(answer(&talk(&[line]), 1));
    check(
        &text(load_line("wan2.2", None)),
        &expect![[r#"
            invalid_request
            unknown model wan2.2: this worker has shapes-ldm
            ask for model shapes-ldm"#]],
    );
    check(
        &text(load_line("shapes-ldm", Some("9"))),
        &expect![[r#"
            weights_mismatch
            revision 9 of shapes-ldm is not available: this worker has 1
            omit the revision, or use the release that contains it"#]],
    );
}

#[test]
fn too_many_threads_are_refused() {
    let line = request(1, "load", &json!({"model": "shapes-ldm", "threads": 1000}));
    assert_eq!(
        error_text(answer(&talk(&[line]), 1)),
        "invalid_request\nthreads must be in 1..=256, got 1000\n-"
    );
}

#[test]
fn a_model_that_was_unloaded_generates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = talk(&[
        load_line("shapes-ldm", None),
        request(2, "unload", &json!({"model": "shapes-ldm"})),
        request(3, "generate", &generate_params(&folder.path().join("clip.mp4"))),
    ]);
    assert_eq!(
        error_text(answer(&said, 3)),
        "invalid_request\nmodel shapes-ldm is not loaded\nsend load first"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_the_worker_lives() {
    let folder = tempfile::tempdir().unwrap();
    let name = "n".repeat(300);
    let said = talk(&[
        load_line("shapes-ldm", None),
        request(2, "generate", &generate_params(&folder.path().join(name))),
        request(3, "ping", &json!({})),
    ]);
    let text = error_text(answer(&said, 2));
    assert!(text.starts_with("internal\n") && text.contains("cannot access the file"), "{text}");
    assert!(answer(&said, 3)["result"].is_object());
}

#[test]
fn the_worker_says_which_model_it_has() {
    let said = talk(&[]);
    assert_eq!(answer(&said, 0)["result"]["capabilities"]["models"], json!(["shapes-ldm"]));
    let ids: BTreeSet<String> = said.iter().map(|message| message["id"].to_string()).collect();
    assert_eq!(ids.len(), said.len(), "one answer each");
}
