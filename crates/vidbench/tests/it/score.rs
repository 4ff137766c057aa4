//! `vidbench score` on clips that the project's own renderer and encoder make.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use vidbench::{ScoreSettings, WorkerPrograms};
use vidbench_core::protocol::DecodeOptions;
use vidbench_core::{
    ClipOutcome, Clock, Confine, FramesU8, NetDevice, NetOptions, ScoredClip, ScorerSettings, ScoringRequest,
};
use vidbench_runner::{Cancel, ScoreFinish};
use vidbench_shapes::{parse_prompt, render};
use vidbench_store::{Store, StoreError};
use vidbench_video::{Fps, H264Options, encode_ffv1, encode_h264};

use crate::workspace::{Said, Workspace};

const PROMPTS: [&str; 4] = [
    "a large red circle moving left on a navy background",
    "a small blue square moving right on a gray background",
    "a large green triangle moving up on a black background",
    "a small yellow circle moving down on a navy background",
];

fn fps() -> Fps {
    Fps::new(8, 1).unwrap()
}

pub(crate) fn clip(at: usize) -> FramesU8 {
    render(&parse_prompt(PROMPTS[at % PROMPTS.len()]).unwrap(), at as u64)
}

pub(crate) fn first_frames(frames: &FramesU8, count: usize) -> FramesU8 {
    let data = frames.as_bytes()[..count * frames.frame_len()].to_vec();
    FramesU8::new(count, frames.height(), frames.width(), data).unwrap()
}

/// `full` holds lossless clips, `fast` the same clips after H.264.
pub(crate) fn folders(workspace: &Workspace, count: usize) {
    for (folder, lossless) in [("full", true), ("fast", false)] {
        std::fs::create_dir(workspace.path().join(folder)).unwrap();
        for at in 0..count {
            write(&workspace.path().join(folder), &format!("clip-{at}"), &clip(at), lossless);
        }
    }
}

pub(crate) fn write(folder: &Path, stem: &str, frames: &FramesU8, lossless: bool) {
    if lossless {
        encode_ffv1(folder.join(format!("{stem}.mkv")), frames, fps()).unwrap();
    } else {
        encode_h264(folder.join(format!("{stem}.mp4")), frames, &H264Options::new(fps())).unwrap();
    }
}

pub(crate) fn json(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}\n{}", said.stdout, said.stderr))
}

/// Everything about the clips except time and place.
fn clips(data: &Value) -> Vec<Value> {
    let mut clips = data["clips"].as_array().unwrap().clone();
    for clip in &mut clips {
        clip.as_object_mut().unwrap().remove("scoring");
    }
    clips
}

pub(crate) fn outcomes(data: &Value) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |clip: &Value| {
        let path = text(&clip["path"]);
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        (name, (text(&clip["outcome"]), text(&clip["reason"])))
    };
    data["clips"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_folder_is_scored_and_a_second_time_costs_no_decoding() {
    let workspace = Workspace::new();
    folders(&workspace, 4);
    let first = workspace.run(["score", "full", "fast", "--report", "report.html"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stdout.starts_with("SCORED  "), "{}", first.stdout);
    for words in ["full", "fast", "4/4", "n 4", "temporal flickering: worst 0."] {
        assert!(first.stdout.contains(words), "{words}: {}", first.stdout);
    }
    let page = std::fs::read_to_string(workspace.path().join("report.html")).unwrap();
    // Browsers do not play FFV1.
    assert_eq!((page.matches("<video").count(), page.matches("not included in this page").count()), (4, 4));
    assert!(page.matches("class=\"strip\"").count() >= 8);
    assert!(!page.contains("http://") && !page.contains("https://"));

    let again = workspace.run(["score", "full", "fast", "--json"]);
    assert!(again.stderr.contains("8 of 8 clips needed no decoding"), "{}", again.stderr);
    let more = workspace.run(["score", "fast", "--reference", "full", "--json"]);
    assert_eq!(more.code, 0, "{}", more.stderr);
    assert!(!more.stderr.contains("were known"), "a new metric is computed: {}", more.stderr);
    let pairs = workspace.run(["score", "fast", "--reference", "fast", "--report", "pairs.html"]);
    assert_eq!(pairs.code, 0, "{}", pairs.stderr);
    let page = std::fs::read_to_string(workspace.path().join("pairs.html")).unwrap();
    assert_eq!((page.matches("<video").count(), page.matches(">reference</p>").count()), (8, 4));
    let psnr = &json(&more)["analysis"]["groups"][0]["metrics"];
    let psnr = psnr.as_array().unwrap().iter().find(|summary| summary["metric"] == "psnr@1").unwrap();
    assert!(psnr["mean"].as_f64().unwrap() > 25.0, "{psnr}");
}

#[test]
fn scores_are_the_same_bits_for_one_two_and_eight_scorers_and_any_threads() {
    let results: Vec<Vec<Value>> = [("1", "1"), ("2", "1"), ("8", "3")]
        .map(|(workers, threads)| {
            let workspace = Workspace::new();
            folders(&workspace, 9);
            let said = workspace.run([
                "score",
                "fast",
                "--reference",
                "full",
                "--json",
                "--workers",
                workers,
                "--decode-threads",
                threads,
            ]);
            assert_eq!(said.code, 0, "{}", said.stderr);
            clips(&json(&said))
        })
        .into();
    assert_eq!(results[0].len(), 9);
    assert!(results[0].iter().all(|clip| clip["scores"].as_array().unwrap().len() >= 3));
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn bad_files_are_named_and_the_rest_is_scored() {
    let workspace = Workspace::new();
    folders(&workspace, 4);
    let fast = workspace.path().join("fast");
    std::fs::write(fast.join("zero.mp4"), "").unwrap();
    std::fs::write(fast.join("text.mp4"), "not a video at all\n").unwrap();
    let whole = std::fs::read(fast.join("clip-0.mp4")).unwrap();
    std::fs::write(fast.join("cut.mp4"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(fast.join("wrong.avi"), &whole).unwrap();
    std::fs::write(fast.join("new\nline.mp4"), &whole).unwrap();
    std::fs::write(fast.join(OsStr::from_bytes(b"\xff.mp4")), &whole).unwrap();
    write(&fast, "one", &first_frames(&clip(0), 1), false);
    std::os::unix::fs::symlink(".", fast.join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", fast.join("broken.mp4")).unwrap();
    let said = workspace.run(["score", "fast", "missing", "--json", "--metrics", "temporal_flickering"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let data = json(&said);
    let outcomes = outcomes(&data);
    let is = |name: &str, outcome: &str, reason: &str| {
        let (found, why) = outcomes.get(name).unwrap_or_else(|| panic!("{name} in {outcomes:?}"));
        assert!(found == outcome && why.contains(reason), "{name}: {found} {why}");
    };
    is("clip-0.mp4", "ok", "");
    is("wrong.avi", "ok", "");
    is("new\nline.mp4", "ok", "");
    is("\\xff.mp4", "ok", "");
    is("one.mp4", "ok", "");
    is("zero.mp4", "decode_failed", "file is empty");
    is("text.mp4", "decode_failed", "not a video");
    is("cut.mp4", "decode_failed", "cut off");
    is("broken.mp4", "unreadable", "no such file");
    is("missing", "unreadable", "no such file");
    assert_eq!(data["analysis"]["ok"], 8);
    assert_eq!(data["analysis"]["clips"], 13);
    assert!(said.stderr.contains("folders that were seen before"), "{}", said.stderr);
    let one = clips(&data).into_iter().find(|clip| clip["path"] == "fast/one.mp4").unwrap();
    assert_eq!(
        one["scores"][0]["score"]["not_available"]["reason"],
        "clip has 1 frame, the metric needs at least 2"
    );
}

fn scorer_script(workspace: &Workspace, script: &str) -> WorkerPrograms {
    let path = workspace.write("scorer.sh", script);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    WorkerPrograms { vidbench: path, workspace: None }
}

/// Scores the folder `fast` with these programs.
fn score_with(workspace: &Workspace, programs: &WorkerPrograms) -> (ScoreFinish, Vec<ScoredClip>) {
    let store = Store::open(&workspace.path().join("store")).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(vidbench::SystemClock::start());
    let request = ScoringRequest {
        name: "scripted".into(),
        metrics: vidbench::choose_metrics(&["temporal_flickering".into()], false, false).unwrap(),
        clips: vidbench::gather(&[workspace.path().join("fast")], None).unwrap().clips,
        options: DecodeOptions::default(),
        nets: NetOptions::default(),
    };
    let mut record = vidbench::new_scoring(request, vidbench::environment(Vec::new()), clock.as_ref());
    store.create_scoring(&record).unwrap();
    // The script runs programs that a confined scorer could not run.
    let free = ScorerSettings { confine: Confine::No, memory_mib: None };
    let scorers = vidbench::hold_scorers(programs, &record.request, &[NetDevice::Cpu; 2], &free).unwrap();
    let settings = ScoreSettings {
        scorers: scorers.into_iter().map(|scorer| scorer.command).collect(),
        timeout: Duration::from_secs(3),
        references: false,
    };
    let cancel = Cancel::new();
    let finish = vidbench::score(&store, &mut record, &settings, &clock, cancel, &mut |_| {}).unwrap();
    assert_eq!(record, store.scoring_data(&record.id).unwrap().record);
    let mut clips = Vec::new();
    vidbench::each_scored_clip(&store, &record, |clip| -> Result<(), StoreError> {
        clips.push(clip);
        Ok(())
    })
    .unwrap();
    (finish, clips)
}

/// A scorer that dies or hangs where libav would: a script that passes requests on to the real scorer, except for two
/// files.
#[test]
fn a_file_that_crashes_or_hangs_the_scorer_is_named_and_the_rest_is_scored() {
    let workspace = Workspace::new();
    folders(&workspace, 4);
    let script = format!(
        "#!/bin/sh\nwhile IFS= read -r line; do\n case \"$line\" in\n *clip-1.mp4*) exit 139;;\n *clip-2.mp4*) sleep 60;;\n esac\n \
         printf '%s\\n' \"$line\"\ndone | '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_vidbench")
    );
    let (finish, clips) = score_with(&workspace, &scorer_script(&workspace, &script));
    assert_eq!((finish.done, finish.ok), (4, 2));
    let of = |at: usize| (clips[at].outcome, clips[at].reason.clone().unwrap_or_default());
    assert_eq!([of(0).0, of(3).0], [ClipOutcome::Ok; 2]);
    let (crashed, hung) = (of(1), of(2));
    assert_eq!([crashed.0, hung.0], [ClipOutcome::DecodeFailed; 2]);
    assert!(crashed.1.starts_with("the scorer crashed on it twice: "), "{}", crashed.1);
    assert!(hung.1.contains("within 3.0 s"), "{}", hung.1);
}

/// 48x64 and 64x48 have the same number of samples.
#[test]
fn raw_samples_of_another_name_are_another_clip() {
    let workspace = Workspace::new();
    let samples: Vec<u8> = (0..3 * 64 * 48 * 3 / 2).map(|at| (at * 7 % 251) as u8).collect();
    let score = |name: &str| {
        workspace.write(name, &samples);
        let said = workspace.run(["score", name, "--metrics", "temporal_flickering", "--json"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        json(&said)["clips"][0].clone()
    };
    let (tall, wide) = (score("x_48x64_yuv420p_8fps.yuv"), score("x_64x48_yuv420p_24fps.yuv"));
    assert_eq!((&tall["facts"]["width"], &tall["facts"]["fps"]), (&Value::from(48), &Value::from(8.0)));
    assert_eq!((&wide["facts"]["width"], &wide["facts"]["fps"]), (&Value::from(64), &Value::from(24.0)));
    assert_ne!(tall["scores"], wide["scores"]);
}

#[test]
fn limits_hold_for_clips_that_are_known() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    assert_eq!(workspace.run(["score", "fast"]).code, 0);
    let said = workspace.run(["score", "fast", "--max-frames", "5", "--json"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let outcomes = outcomes(&json(&said));
    assert_eq!(outcomes["clip-0.mp4"].0, "decode_failed", "{outcomes:?}");
}

#[test]
fn a_file_that_changes_while_it_is_scored_is_unreadable_and_nothing_is_kept() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let clip = workspace.path().join("fast/clip-0.mp4");
    // The script writes the same bytes again before the real scorer answers.
    let script = format!(
        "#!/bin/sh\nwhile IFS= read -r line; do\n case \"$line\" in *clip-0.mp4*) cat '{0}' > '{0}.new'; cat '{0}.new' > '{0}'; rm '{0}.new';; esac\n \
         printf '%s\\n' \"$line\"\ndone | '{1}' \"$@\"\n",
        clip.display(),
        env!("CARGO_BIN_EXE_vidbench")
    );
    let programs = scorer_script(&workspace, &script);
    let (finish, clips) = score_with(&workspace, &programs);
    assert_eq!((finish.done, finish.ok), (1, 0));
    assert_eq!(clips[0].outcome, ClipOutcome::Unreadable);
    assert_eq!(
        clips[0].reason.as_deref(),
        Some("the file, its reference or its image changed while it was scored")
    );
    assert!(clips[0].scores.is_empty());
    let (again, _) = score_with(
        &workspace,
        &WorkerPrograms { vidbench: env!("CARGO_BIN_EXE_vidbench").into(), workspace: None },
    );
    assert_eq!((again.ok, again.known), (1, 0));
}

#[test]
fn pairs_that_do_not_fit_are_named() {
    let workspace = Workspace::new();
    folders(&workspace, 4);
    let (fast, full) = (workspace.path().join("fast"), workspace.path().join("full"));
    write(&fast, "clip-1", &first_frames(&clip(1), 15), false);
    let small = FramesU8::new(16, 32, 64, clip(2).as_bytes()[..16 * 32 * 64 * 3].to_vec()).unwrap();
    write(&full, "clip-2", &small, true);
    std::fs::write(full.join("clip-3.mkv"), "no video").unwrap();
    write(&fast, "lone", &clip(0), false);
    let said = workspace.run(["score", "fast", "--reference", "full", "--json"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let data = json(&said);
    let outcomes = outcomes(&data);
    let of = |name: &str| outcomes[name].clone();
    let pair = |outcome: &str, reason: &str| (outcome.to_owned(), reason.to_owned());
    assert_eq!(of("clip-0.mp4"), pair("ok", ""));
    assert_eq!(of("clip-1.mp4"), pair("pair_mismatch", "the reference has 16 frames, the sample 15"));
    assert_eq!(of("clip-2.mp4"), pair("pair_mismatch", "the reference is 64x32, the sample 64x64"));
    assert_eq!(of("clip-3.mp4").0, "reference_failed");
    assert_eq!(of("lone.mp4"), pair("reference_missing", "no reference has its name"));
    // Metrics that need no reference are computed anyway.
    let flickering = &data["analysis"]["groups"][0]["metrics"].as_array().unwrap().clone();
    let flickering = flickering.iter().find(|summary| summary["metric"] == "temporal_flickering@1").unwrap();
    assert_eq!(flickering["n"], 5);
    // The second time everything is known, and the result is the same.
    let again = workspace.run(["score", "fast", "--reference", "full", "--json"]);
    assert_eq!(clips(&json(&again)), clips(&data));
}

#[test]
fn a_manifest_names_clips_prompts_and_models() {
    let workspace = Workspace::new();
    folders(&workspace, 2);
    let sha256 = vidbench_core::sha256_hex(&std::fs::read(workspace.path().join("fast/clip-0.mp4")).unwrap());
    let line = |file: &str, prompt: &str, more: &str| {
        format!("{{\"file\": \"{file}\", \"prompt\": \"{prompt}\", \"seed\": 1{more}}}\n")
    };
    let manifest =
        line("fast/clip-0.mp4", PROMPTS[0], &format!(", \"model\": \"a\", \"sha256\": \"{sha256}\""))
            + &line("fast/clip-1.mp4", PROMPTS[1], &format!(", \"model\": \"b\", \"sha256\": \"{sha256}\""))
            + &line("fast/clip-2.mp4", PROMPTS[2], ", \"model\": \"b\"");
    workspace.write("clips.jsonl", manifest);
    let said = workspace.run([
        "score",
        "clips.jsonl",
        "--metrics",
        "shape_adherence,psnr",
        "--reference",
        "full",
        "--json",
    ]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let data = json(&said);
    let outcomes = outcomes(&data);
    assert!(outcomes["clip-1.mp4"].1.contains("but the manifest states"), "{outcomes:?}");
    assert_eq!(outcomes["clip-2.mp4"], ("unreadable".to_owned(), "no such file".to_owned()));
    let labels: Vec<&str> = data["analysis"]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["a", "b"]);
    assert_eq!(data["clips"][0]["scores"][0]["score"]["value"], 1.0, "the prompt reaches the metric");
}

#[test]
fn a_limit_holds_for_a_clip_that_is_known_already() {
    let workspace = Workspace::new();
    let frame = [&b"FRAME\n"[..], &[90; 160 * 96]].concat();
    let video = [&b"YUV4MPEG2 W160 H96 F8:1 Ip A1:1 Cmono\n"[..], &frame.repeat(80)].concat();
    workspace.write("large.y4m", video);
    let metrics = ["score", "large.y4m", "--metrics", "temporal_flickering"];
    assert_eq!(workspace.run(metrics).code, 0);
    let said = workspace.run([&metrics[..], &["--max-file-mib", "1"]].concat());
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.contains("failed: large.y4m: decode_failed: file size of"), "{}", said.stdout);
}

#[test]
fn every_form_of_the_result_comes_from_the_store() {
    let workspace = Workspace::new();
    folders(&workspace, 2);
    let scored = workspace.run(["score", "fast", "--reference", "full", "--format", "csv"]);
    assert_eq!(scored.code, 0, "{}", scored.stderr);
    let exported = workspace.run(["export", "latest", "--format", "csv"]);
    assert_eq!(scored.stdout, exported.stdout);
    assert_eq!(scored.stdout.lines().count(), 3);
    let markdown = workspace.run(["report", "latest", "--format", "markdown"]).stdout;
    assert!(markdown.contains("| fast | 2/2 |"), "{markdown}");
    let latex = workspace.run(["report", "latest", "--format", "latex"]).stdout;
    assert!(latex.contains("\\begin{tabular}") && latex.contains("fast & 2/2 & "), "{latex}");
    let listed = workspace.run(["runs", "list"]).stdout;
    assert!(listed.contains("scoring") && listed.contains("complete"), "{listed}");
    let shown = workspace.run(["runs", "show", "latest"]).stdout;
    assert!(shown.starts_with("SCORED"), "{shown}");
    let data: Value = serde_json::from_str(&workspace.run(["export", "latest"]).stdout).unwrap();
    let id = data["scoring"].as_str().unwrap();
    let removed = workspace.run(["runs", "rm", id]);
    assert_eq!(removed.code, 0, "{}", removed.stderr);
    assert_eq!(workspace.run(["report", "latest"]).code, 2);
    let again = workspace.run(["score", "fast", "--reference", "full"]);
    assert!(again.stderr.contains("2 of 2 clips needed no decoding"), "scores stay: {}", again.stderr);
}

#[test]
fn wrong_requests_end_before_the_work() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    for (args, words) in [
        (
            vec!["score", "fast", "--metrics", "psnr"],
            "error: psnr@1 compares clips with references, and none were given\nhint: add --reference VIDEOS",
        ),
        (vec!["score", "fast", "--metrics", "psn"], "error: unknown metric \"psn\""),
        (vec!["score", "fast", "--metrics", "frechet_shapes"], "computed from features of a set of clips"),
        (vec!["score", "fast", "--raw-format", "yuv421"], "--raw-format"),
        (vec!["score", "fast", "--report", "/nonexistent/r.html"], "cannot be written"),
        (vec!["score"], "VIDEOS"),
    ] {
        let said = Said::from(workspace.command(args).output().unwrap());
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
        assert!(!workspace.path().join(".vidbench").exists(), "nothing was begun");
    }
    workspace.write("manifest.jsonl", "{\"file\": 3}\nnonsense\n");
    let said = workspace.run(["score", "manifest.jsonl"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("line 1") && said.stderr.contains("line 2"), "{}", said.stderr);
}

#[test]
fn a_scoring_that_is_killed_keeps_what_is_done() {
    let workspace = Workspace::new();
    folders(&workspace, 40);
    let mut child = workspace
        .command(["score", "fast", "--reference", "full", "--workers", "1", "--progress", "json"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let events = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let done = events.map_while(Result::ok).filter(|line| line.contains("clip_scored")).take(5).count();
    assert_eq!(done, 5);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(workspace.run(["runs", "list"]).stdout.contains("interrupted"));
    let said = workspace.run(["score", "fast", "--reference", "full", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let known: usize = said
        .stderr
        .lines()
        .find_map(|line| line.split(" of 40 clips needed no decoding").next()?.parse().ok())
        .unwrap();
    assert!((5..40).contains(&known), "{}", said.stderr);
    assert_eq!(json(&said)["analysis"]["ok"], 40);
}

#[test]
fn a_scoring_without_a_report_writes_none_and_can_have_one_later() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let said = workspace.run(["score", "fast", "--metrics", "sharpness", "--no-report"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stderr.contains("report:"), "{}", said.stderr);
    let reports = || std::fs::read_dir(workspace.path().join(".vidbench/reports")).map_or(0, Iterator::count);
    assert_eq!(reports(), 0);
    assert_eq!(workspace.run(["report", "latest"]).code, 0);
    assert_eq!(reports(), 1);
}

#[test]
fn scores_of_swscales_pixels_are_kept_apart_from_the_others() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let score = |pixels: &str| {
        let args = ["score", "fast", "--metrics", "temporal_flickering", "--json", "--pixels", pixels];
        let said = workspace.run(args);
        assert_eq!(said.code, 0, "{}", said.stderr);
        (json(&said)["clips"][0]["scores"].clone(), said.stderr)
    };
    let (exact, _) = score("exact");
    let (quick, said) = score("swscale");
    assert_ne!(quick, exact);
    assert!(!said.contains("known from earlier"), "{said}");
    let (again, said) = score("swscale");
    assert_eq!(again, quick);
    let table = workspace.run(["score", "fast", "--metrics", "temporal_flickering", "--pixels", "swscale"]);
    assert!(table.stdout.contains("metrics used swscale pixels"), "{}", table.stdout);
    assert!(said.contains("1 of 1 clips needed no decoding"), "{said}");
    assert_eq!(score("exact").0, exact);
}

#[test]
fn clips_whose_names_differ_in_the_extension_have_a_row_each() {
    let workspace = Workspace::new();
    let folder = workspace.path().join("mixed");
    std::fs::create_dir(&folder).unwrap();
    write(&folder, "a", &clip(0), true);
    write(&folder, "a", &clip(1), false);
    write(&folder, "b", &clip(2), false);
    let said = workspace.run(["score", "mixed", "--metrics", "temporal_flickering", "--report", "page.html"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let page = std::fs::read_to_string(workspace.path().join("page.html")).unwrap();
    assert!(page.contains("The first 3 of 3 rows."), "{page}");
    for name in ["a.mkv", "a.mp4", "b.mp4"] {
        assert!(page.contains(&format!("<bdi class=\"prompt\">{name}</bdi>")), "{name}");
    }
}
