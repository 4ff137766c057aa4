//! `vidbench score` and `vidbench reference` with metrics that use nets. The weights are random, so the tests cover
//! only what holds for any weights.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::score::{clip, first_frames, folders, json, write};
use crate::workspace::{Said, Workspace};

fn command(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = workspace.command(args);
    command.env("VIDBENCH_NETS", workspace.path().join("nets")).env("VIDBENCH_NET_RUNTIME", "tract");
    command.env_remove("ORT_DYLIB_PATH");
    command
}

fn run(workspace: &Workspace, args: &[&str]) -> Said {
    Said::from(command(workspace, args).output().unwrap())
}

const PAIRS: [&str; 8] =
    ["score", "fast", "--reference", "full", "--metrics", "lpips.squeeze", "--format", "json"];

#[test]
fn without_weights_a_metric_is_not_available_and_the_hint_says_how_to_get_them() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let said = run(&workspace, &PAIRS);
    assert_eq!(said.code, 1, "who asks for one metric and gets no number must see that: {}", said.stderr);
    assert!(said.stderr.contains("error: no clip has a value for lpips.squeeze@1"), "{}", said.stderr);
    let warning = "warning: metrics that use the net lpips-squeeze are not available: ";
    assert!(said.stderr.starts_with(warning), "before anything is decoded: {}", said.stderr);
    assert!(said.stderr.contains("`vidbench nets fetch lpips-squeeze` fetches them"), "{}", said.stderr);
    let damaged = workspace.path().join("nets/lpips-squeeze");
    fs::create_dir_all(&damaged).unwrap();
    fs::write(damaged.join("source.json"), "{}").unwrap();
    let told = run(&workspace, &PAIRS).stderr;
    assert!(
        told.contains(warning) && told.contains("writes them again"),
        "not as if they were absent: {told}"
    );
    fs::remove_dir_all(damaged).unwrap();
    let reason = &json(&said)["clips"][0]["scores"][0]["score"]["not_available"]["reason"];
    let reason = reason.as_str().unwrap();
    assert!(reason.contains("has no weights of lpips-squeeze"), "{reason}");
    assert!(reason.contains("`vidbench nets fetch lpips-squeeze` fetches them"), "{reason}");

    // Scores that were unavailable because weights were missing are computed once the weights are there.
    let found = json(&run(&workspace, &[&PAIRS[..], &["--random-nets", "1"]].concat()));
    assert!(found["clips"][0]["scores"][0]["score"]["value"].as_f64().unwrap() > 0.0, "{found}");
}

#[test]
fn a_device_that_is_not_there_is_named_and_nothing_is_computed_on_another() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let said = run(&workspace, &[&PAIRS[..], &["--random-nets", "1", "--net-device", "cuda:1"]].concat());
    let found = json(&said);
    let reason = &found["clips"][0]["scores"][0]["score"]["not_available"]["reason"];
    let wanted = "cuda:1 is not available: the built-in runtime only computes on the processor";
    assert!(reason.as_str().unwrap().contains(wanted), "{reason}");
    assert!(reason.as_str().unwrap().contains("or omit --net-device"), "{reason}");
    assert!(found["environment"]["nets"]["runtime"].as_str().unwrap().ends_with(" on cuda"), "{found}");

    for (devices, words) in [
        ("cpu,cuda:0", "names cpu and cuda:0, which are different kinds of devices"),
        ("gpu", "\"gpu\" is not a device"),
    ] {
        let said = run(&workspace, &[&PAIRS[..], &["--net-device", devices]].concat());
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
}

#[test]
fn random_weights_are_said_in_every_form_and_kept_apart_by_their_seed() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let seeded = |seed: &'static str, format: &'static str| {
        let args = ["score", "fast", "--reference", "full", "--metrics", "lpips.squeeze"];
        run(&workspace, &[&args[..], &["--random-nets", seed, "--format", format]].concat())
    };
    let first = json(&seeded("1", "json"));
    let nets = &first["environment"]["nets"];
    assert_eq!(
        (&nets["weights"][0]["net"], &nets["weights"][0]["random_seed"]),
        (&"lpips-squeeze".into(), &1.into())
    );
    assert!(nets["runtime"].as_str().unwrap().starts_with("tract "), "{nets}");
    let again = seeded("1", "json");
    assert!(again.stderr.contains("1 of 1 clips needed no decoding"), "{}", again.stderr);
    assert_eq!(json(&again)["clips"][0]["scores"], first["clips"][0]["scores"]);
    let other = json(&seeded("2", "json"));
    assert_ne!(other["clips"][0]["scores"], first["clips"][0]["scores"]);
    let warning = "every net has random weights (seed 1): scores that use nets say nothing about the clips";
    for format in ["table", "markdown"] {
        let said = seeded("1", format);
        assert!(said.stdout.contains(warning), "{format}: {}", said.stdout);
    }
    let reports = std::fs::read_dir(workspace.path().join(".vidbench/reports")).unwrap();
    let pages = reports.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    assert!(pages.filter(|page| page.contains(warning)).count() >= 2);
}

#[test]
fn scores_of_nets_do_not_depend_on_how_many_scorers_look() {
    let workspace = Workspace::new();
    folders(&workspace, 3);
    let scores = |workers: &str| {
        let pairs = ["score", "fast", "--reference", "full", "--format", "jsonl", "--random-nets", "1"];
        let metrics = ["--metrics", "lpips.squeeze", "--workers", workers];
        let alone = ["--workspace", workers];
        let said = run(&workspace, &[&pairs[..], &metrics, &alone].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let clips = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        clips.map(|clip| clip["scores"].clone()).collect::<Vec<_>>()
    };
    let one = scores("1");
    assert!(one[2][0]["score"]["value"].as_f64().is_some() && one[1] != one[2], "{one:?}");
    assert_eq!(scores("2"), one);
    assert_eq!(scores("8"), one);
}

/// Each frame goes through the net and gets a number.
#[test]
#[ignore = "takes minutes"]
fn slow_a_clip_of_10_000_frames_is_looked_at_to_its_end() {
    let workspace = Workspace::new();
    let whole = clip(0);
    let frames = 10_000;
    let data = whole.as_bytes().iter().copied().cycle().take(frames * whole.frame_len()).collect();
    let long = vidbench_core::FramesU8::new(frames, whole.height(), whole.width(), data).unwrap();
    for (folder, lossless) in [("full", true), ("fast", false)] {
        std::fs::create_dir(workspace.path().join(folder)).unwrap();
        write(&workspace.path().join(folder), "long", &long, lossless);
    }
    let args = ["--random-nets", "1", "--max-duration", "2000"];
    let said = run(&workspace, &[&PAIRS[..], &args].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    let score = json(&said)["clips"][0]["scores"][0].clone();
    assert!(score["score"]["value"].as_f64().unwrap() > 0.0, "{score}");
    assert_eq!(json(&said)["clips"][0]["facts"]["frames"], frames);
}

/// Clips of 16 frames, two folders of them.
fn sets(workspace: &Workspace) {
    for (folder, seeds) in [("real", 0..2), ("made", 2..4)] {
        std::fs::create_dir(workspace.path().join(folder)).unwrap();
        for at in seeds {
            write(&workspace.path().join(folder), &format!("clip-{at}"), &clip(at), true);
        }
    }
}

const SCORE: [&str; 6] = ["score", "made", "--metrics", "fvd.videogpt", "--random-nets", "1"];

#[test]
fn a_set_is_compared_with_a_folder_or_with_the_file_made_of_it_and_gets_the_same_number() {
    let workspace = Workspace::new();
    sets(&workspace);
    let none = run(&workspace, &SCORE);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("hint: add --reference-set with videos"), "{}", none.stderr);

    let folder = run(&workspace, &[&SCORE[..], &["--reference-set", "real", "--json"]].concat());
    assert_eq!(folder.code, 0, "{}", folder.stderr);
    let set = |said: &Said| json(said)["sets"][0]["sets"][0].clone();
    let found: Value = set(&folder);
    assert_eq!((&found["source"]["clips"], &found["source"]["dims"]), (&2.into(), &400.into()));
    assert!(found["scores"][0]["score"]["value"].as_f64().unwrap() > 0.0, "{found}");
    assert_eq!(found["scores"][0]["underpowered"], true);

    let make = ["reference", "make", "real", "--output", "real.safetensors", "--metrics", "fvd.videogpt"];
    let made = run(&workspace, &[&make[..], &["--random-nets", "1"]].concat());
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (0, "real.safetensors: i3d-400.videogpt@1, 2 clips, 400 dimensions\n")
    );
    let file = run(&workspace, &[&SCORE[..], &["--reference-set", "real.safetensors", "--json"]].concat());
    assert_eq!(set(&file)["scores"], found["scores"]);
    // Everything was known: no net looked at a clip again.
    assert!(file.stderr.contains("2 of 2 clips needed no decoding"), "{}", file.stderr);

    let table = run(&workspace, &[&SCORE[..], &["--reference-set", "real.safetensors"]].concat());
    assert!(table.stdout.contains("fvd videogpt"), "{}", table.stdout);
}

#[test]
fn mean_and_covariance_of_a_reference_are_enough_for_a_frechet_distance_and_not_for_a_kernel() {
    let workspace = Workspace::new();
    sets(&workspace);
    let make = ["reference", "make", "real", "--output", "small.safetensors", "--no-features"];
    let made = run(&workspace, &[&make[..], &["--metrics", "fvd.cdfvd-i3d", "--random-nets", "1"]].concat());
    let said = "small.safetensors: i3d-400.cdfvd@1, 2 clips, 400 dimensions\n";
    assert_eq!((made.code, made.stdout.as_str()), (0, said));
    let metrics = "fvd.cdfvd-i3d,kvd.cdfvd-i3d";
    let score = ["score", "made", "--metrics", metrics, "--random-nets", "1", "--json", "--reference-set"];
    let set = |reference| {
        let said = run(&workspace, &[&score[..], &[reference]].concat());
        json(&said)["sets"][0]["sets"][0]["scores"].clone()
    };
    let (small, whole) = (set("small.safetensors"), set("real"));
    let value = |scores: &Value, at: usize| scores[at]["score"]["value"].as_f64();
    let apart = value(&small, 0).unwrap() / value(&whole, 0).unwrap() - 1.0;
    assert!(apart.abs() < 1e-5, "{small} {whole}");
    let reason = small[1]["score"]["not_available"]["reason"].as_str().unwrap();
    assert!(reason.contains("without features") && value(&whole, 1).is_some(), "{reason} {whole}");
}

#[test]
fn sets_that_were_looked_at_in_other_ways_are_not_compared() {
    let workspace = Workspace::new();
    sets(&workspace);
    let make = ["reference", "make", "real", "--output", "real.safetensors", "--metrics", "fvd.videogpt"];
    assert_eq!(run(&workspace, &[&make[..], &["--random-nets", "2"]].concat()).code, 0);
    let said = run(&workspace, &[&SCORE[..], &["--reference-set", "real.safetensors", "--json"]].concat());
    // The error comes before any clip is processed.
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.stderr);
    let problem =
        "the clips cannot be compared with the reference set: the reference set was processed by i3d-400@";
    assert!(said.stderr.contains(problem), "{}", said.stderr);
    assert!(!said.stderr.contains("score 0/"), "{}", said.stderr);

    let usual = [&make[..], &["--random-nets", "1"]].concat();
    assert_eq!(run(&workspace, &usual).code, 0);
    let other = ["--reference-set", "real.safetensors", "--pixels", "swscale"];
    let said = run(&workspace, &[&SCORE[..], &other].concat());
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("with pixels of swscale"), "{}", said.stderr);

    workspace.write("text.safetensors", "no tensors");
    let said = run(&workspace, &[&SCORE[..], &["--reference-set", "text.safetensors"]].concat());
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("text.safetensors is not a reference set"), "{}", said.stderr);
}

#[test]
fn frames_are_rows_and_clips_are_counted_beside_them() {
    let workspace = Workspace::new();
    for (folder, clips) in [("real", [(0, 2), (1, 3)]), ("made", [(2, 2), (3, 1)])] {
        std::fs::create_dir(workspace.path().join(folder)).unwrap();
        for (at, frames) in clips {
            let frames = first_frames(&clip(at), frames);
            write(&workspace.path().join(folder), &format!("clip-{at}"), &frames, true);
        }
    }
    let nets = ["--random-nets", "1", "--resamples", "5"];
    let score = ["score", "made", "--metrics", "fid.pytorch", "--json", "--reference-set"];
    let folder = run(&workspace, &[&score[..], &["real"], &nets].concat());
    assert_eq!(folder.code, 0, "{}", folder.stderr);
    let found = json(&folder)["sets"][0].clone();
    let source = |of: &Value| (of["clips"].as_u64(), of["frames"].as_u64(), of["dims"].as_u64());
    assert_eq!(source(&found["sets"][0]["source"]), (Some(2), Some(3), Some(2048)));
    assert_eq!(source(&found["reference"]), (Some(2), Some(5), Some(2048)));
    let scored = &found["sets"][0]["scores"][0];
    assert!(scored["score"]["value"].as_f64().unwrap() > 0.0, "{found}");
    assert_eq!((scored["underpowered"].as_bool(), scored["interval"].is_array()), (Some(true), true));

    let make = ["reference", "make", "real", "--output", "real.safetensors", "--metrics", "fid.pytorch"];
    let made = run(&workspace, &[&make[..], &nets[..2]].concat());
    let said = "real.safetensors: inception-fid.pytorch@1, 2 clips, 5 frames, 2048 dimensions\n";
    assert_eq!((made.code, made.stdout.as_str()), (0, said), "{}", made.stderr);
    let file =
        json(&run(&workspace, &[&score[..], &["real.safetensors"], &nets].concat()))["sets"][0].clone();
    assert_eq!(file["sets"], found["sets"]);
    assert_eq!(source(&file["reference"]), (Some(2), Some(5), Some(2048)));

    let table = ["score", "made", "--metrics", "fid.pytorch", "--reference-set", "real"];
    let table = run(&workspace, &[&table[..], &nets].concat()).stdout;
    assert!(table.contains("2 (3 frames) x 2048"), "{table}");
    assert!(table.contains("against 2 clips with 5 frames of 2048 dimensions"), "{table}");
    assert!(table.contains("frames of a clip are similar"), "{table}");
}

#[test]
fn a_reference_set_that_nothing_can_be_seen_of_says_why_once() {
    let workspace = Workspace::new();
    sets(&workspace);
    for args in [
        &["score", "made", "--metrics", "fvd.videogpt", "--reference-set", "real"][..],
        &["reference", "make", "real", "--output", "real.safetensors", "--metrics", "fvd.videogpt"],
    ] {
        let said = run(&workspace, args);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains("note: real/clip-0.mkv and 1 more: "), "{}", said.stderr);
        assert!(said.stderr.contains("`vidbench nets fetch i3d-400` fetches them"), "{}", said.stderr);
        let error = "have i3d-400.videogpt@1 features, but at least two are needed\nhint: the notes above explain why";
        assert!(said.stderr.contains(error), "{}", said.stderr);
    }
    assert!(!workspace.path().join("real.safetensors").exists());
}

#[test]
fn metrics_are_listed_and_explained_with_their_nets() {
    let workspace = Workspace::new();
    let list = run(&workspace, &["metrics", "list"]);
    let line = |id: &str| list.stdout.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
    assert!(line("vbench.motion_smoothness@1").contains("amt-s"), "{}", list.stdout);
    assert!(line("vbench.motion_smoothness@1").contains("no weights"), "{}", list.stdout);
    assert!(line("ssim@1").contains("yes"), "{}", list.stdout);
    let shown = run(&workspace, &["metrics", "show", "lpips.alex"]);
    assert!(shown.stdout.starts_with("# `lpips.alex@1`"), "{}", shown.stdout);
    assert!(shown.stdout.contains("\nNet lpips-alex: licence "), "{}", shown.stdout);
    let shared = run(&workspace, &["metrics", "show", "fvd"]);
    assert!(shared.stdout.starts_with("# `fvd.cdfvd-i3d@1`, "), "{}", shared.stderr);
    let family = run(&workspace, &["metrics", "show", "fvd", "--json"]);
    assert_eq!(family.code, 2);
    let hint = "hint: fvd is a family; name one or more of its metrics: fvd.cdfvd-i3d@1, fvd.cdfvd-videomae@1, fvd.common-metrics@1, fvd.styleganv@1, fvd.videogpt@1";
    assert!(family.stderr.contains(hint), "{}", family.stderr);
}

#[test]
fn the_selftest_of_nets_passes_here_and_names_nets_it_does_not_know() {
    let workspace = Workspace::new();
    let said = run(&workspace, &["metrics", "selftest", "aesthetic-head", "lpips-squeeze", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let formulas = json(&said)["formulas"].clone();
    assert_eq!((formulas.as_array().unwrap().len(), &formulas[1]["verdict"]), (11, &"pass".into()));
    assert_eq!(formulas[1]["published"], 22.490925496254036);
    let nets = &json(&said)["nets"];
    assert_eq!((&nets[0]["verdict"], &nets[1]["net"]), (&"pass".into(), &"lpips-squeeze".into()));
    assert!(nets[1]["runtime"].as_str().unwrap().starts_with("tract "));
    assert_eq!(json(&said)["anchors"], serde_json::json!([]));
    let unknown = run(&workspace, &["metrics", "selftest", "lpips"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("unknown net \"lpips\""), "{}", unknown.stderr);
    // Random weights of the test are not put into the store.
    assert!(!workspace.path().join("nets").exists());
}

#[test]
fn metrics_that_may_not_be_used_commercially_are_left_out_and_named() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let args = ["score", "full", "--commercial-safe", "--json", "--metrics"];
    let said = run(&workspace, &[&args[..], &["sharpness,vbench.motion_smoothness"]].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(json(&said)["metrics"], serde_json::json!(["sharpness@1"]));
    let note =
        "note: --commercial-safe leaves out vbench.motion_smoothness@1: commercial use of its nets is no";
    assert!(said.stderr.contains(note), "{}", said.stderr);
    let none = run(&workspace, &[&args[..], &["vbench.motion_smoothness"]].concat());
    assert_eq!(none.code, 2, "{}", none.stderr);
}

#[test]
fn a_published_figure_is_compared_with_trained_weights_alone() {
    let workspace = Workspace::new();
    let test = ["metrics", "selftest", "lpips-alex", "--json"];
    let anchor = |said: &Said| json(said)["anchors"][0].clone();
    let said = run(&workspace, &test);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert_eq!(anchor(&said)["verdict"], "not available: weights of lpips-alex are not installed");
    assert_eq!(
        (&anchor(&said)["published"], &anchor(&said)["value"]),
        (&0.8140090703964233.into(), &Value::Null)
    );

    // Uses a folder of random weights as if it were the store.
    assert_eq!(run(&workspace, &["nets", "random", "lpips-alex", "--seed", "1"]).code, 0);
    let random = workspace.path().join("nets/random-1");
    let said = Said::from(command(&workspace, &test).env("VIDBENCH_NETS", random).output().unwrap());
    assert_eq!(anchor(&said)["verdict"], "not available: the weights of lpips-alex are random");
    let table = run(&workspace, &test[..3]);
    assert!(
        table.stdout.contains("common_metrics_on_video_quality at 5f75173  0.814009"),
        "{}",
        table.stdout
    );
}

/// A clip of two frames that is the only one, and a PPM of its first frame.
fn clip_with_image(workspace: &Workspace) {
    let frames = first_frames(&clip(0), 2);
    std::fs::create_dir(workspace.path().join("clips")).unwrap();
    write(&workspace.path().join("clips"), "a red fox-0", &frames, true);
    std::fs::create_dir(workspace.path().join("images")).unwrap();
    let head = format!("P6\n{} {}\n255\n", frames.width(), frames.height());
    let image = [head.as_bytes(), frames.frame(0)].concat();
    std::fs::write(workspace.path().join("images/a red fox.ppm"), image).unwrap();
}

#[test]
fn a_clip_is_compared_with_the_image_it_was_made_from() {
    let workspace = Workspace::new();
    clip_with_image(&workspace);
    workspace.write("prompts.txt", "a red fox\n");
    let score =
        ["score", "clips", "--prompts", "prompts.txt", "--metrics", "vbench_i2v.i2v_subject", "--json"];
    let nets = ["--random-nets", "1"];
    let of = |said: &Said| json(said)["clips"][0]["scores"][0]["score"].clone();

    let none = run(&workspace, &[&score[..], &nets].concat());
    let reason = of(&none)["not_available"]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "the metric needs the image the clip was generated from, and none was given");

    // A new image gives a new score.
    let named = run(&workspace, &[&score[..], &["--images", "images"], &nets].concat());
    let value = of(&named)["value"].as_f64().unwrap_or_else(|| panic!("{}", named.stdout));
    assert!((0.0..=1.0).contains(&value) && value > 0.3, "{value}");

    let manifest = r#"{"file": "a red fox-0.mkv", "prompt": "a red fox", "index": 0, "image": "../images/a red fox.ppm"}"#;
    workspace.write("clips/manifest.jsonl", manifest);
    let told = run(&workspace, &[&score[..], &nets].concat());
    assert_eq!(of(&told)["value"].as_f64(), Some(value), "{}", told.stderr);
    assert!(told.stderr.contains("1 of 1 clips needed no decoding"), "{}", told.stderr);

    workspace.write("clips/manifest.jsonl", manifest.replace("red fox.ppm", "lost.ppm"));
    let lost = run(&workspace, &[&score[..], &nets].concat());
    assert!(lost.stderr.contains("a red fox-0.mkv is scored without its image: "), "{}", lost.stderr);
}

#[test]
fn frames_weigh_in_the_table_and_in_what_vbench_reads() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path().join("clips")).unwrap();
    for (at, frames) in [(0, 2), (1, 5)] {
        let stem = format!("a red fox, oil painting-{at}");
        write(&workspace.path().join("clips"), &stem, &first_frames(&clip(at), frames), true);
    }
    workspace.write("prompts.txt", "a red fox, oil painting\n");
    let metrics = "vbench.appearance_style,vbench.background_consistency,background_consistency";
    let score = ["score", "clips", "--prompts", "prompts.txt", "--metrics", metrics, "--random-nets", "1"];
    let found = json(&run(&workspace, &[&score[..], &["--json"]].concat()));
    let of = |clip: usize, at: usize| found["clips"][clip]["scores"][at]["score"]["value"].as_f64().unwrap();
    let mean = |at: usize| found["analysis"]["groups"][0]["metrics"][at]["mean"].as_f64().unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(mean(0), (2.0 * of(0, 0) + 5.0 * of(1, 0)) / 7.0);
    close(mean(1), (of(0, 1) + 4.0 * of(1, 1)) / 5.0);
    close(mean(2), (of(0, 2) + of(1, 2)) / 2.0);

    let export = ["vbench", "export", "latest", "--output", "out", "--name", "try"];
    assert_eq!(run(&workspace, &export).code, 0);
    let file = std::fs::read_to_string(workspace.path().join("out/try_eval_results.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    close(file["appearance_style"][0].as_f64().unwrap(), mean(0));
    close(file["background_consistency"][0].as_f64().unwrap(), mean(1));
    let video = &file["background_consistency"][1][1];
    assert_eq!(video["cnt_per_video"], 4);
    close(video["video_sim"].as_f64().unwrap(), 4.0 * of(1, 1));
    assert_eq!(file["appearance_style"][1][1]["frame_results"].as_array().unwrap().len(), 5);
}

/// Scorers may not write to the store: the files that ONNX Runtime needs beside the weights are written before they
/// start.
#[test]
#[ignore = "needs ONNX Runtime"]
fn ort_scores_with_weights_that_are_not_random() {
    let workspace = Workspace::new();
    folders(&workspace, 1);
    let score = |args: &[&str]| {
        let mut command = workspace.command([&PAIRS[..], args].concat());
        command
            .env("VIDBENCH_NETS", workspace.path().join("nets"))
            .env("VIDBENCH_NET_RUNTIME", "onnxruntime");
        json(&Said::from(command.output().unwrap()))["clips"][0]["scores"][0]["score"].clone()
    };
    let random = score(&["--random-nets", "1"]);
    // Makes the same weights look as if they were not random.
    let nets = workspace.path().join("nets");
    let (from, to) = (nets.join("random-1/lpips-squeeze"), nets.join("lpips-squeeze"));
    fs::create_dir(&to).unwrap();
    fs::copy(from.join("weights.safetensors"), to.join("weights.safetensors")).unwrap();
    let source = fs::read_to_string(from.join("source.json")).unwrap();
    let mut source: Value = serde_json::from_str(&source).unwrap();
    source["random"] = Value::Null;
    fs::write(to.join("source.json"), source.to_string()).unwrap();
    let found = score(&[]);
    assert!(found["value"].as_f64().is_some_and(|value| value > 0.0), "{found}");
    assert_eq!(found["value"], random["value"]);
    let names = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.starts_with("prepared-")), "it was prepared");
}
