//! `vidbench score` and `vidbench reference` with metrics that look through nets. The weights are random: what holds of any weights
//! is tested here.

use std::process::Command;

use serde_json::Value;

use crate::score::{clip, folders, json, write};
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
    assert_eq!(said.code, 0, "{}", said.stderr);
    let reason = &json(&said)["clips"][0]["scores"][0]["score"]["not_available"]["reason"];
    let reason = reason.as_str().unwrap();
    assert!(reason.contains("has no weights of lpips-squeeze"), "{reason}");
    assert!(reason.contains("`vidbench nets fetch lpips-squeeze` fetches them"), "{reason}");

    // What was not available for want of weights is computed once they are there.
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
    let wanted = "cuda:1 is not available: the runtime that is built in computes on the processor alone";
    assert!(reason.as_str().unwrap().contains(wanted), "{reason}");
    assert!(found["environment"]["nets"]["runtime"].as_str().unwrap().ends_with(" on cuda"), "{found}");

    for (devices, words) in
        [("cpu,cuda:0", "names cpu and cuda:0, which are of two kinds"), ("gpu", "\"gpu\" is no device")]
    {
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
    assert!(again.stderr.contains("1 of 1 clips were known from earlier"), "{}", again.stderr);
    assert_eq!(json(&again)["clips"][0]["scores"], first["clips"][0]["scores"]);
    let other = json(&seeded("2", "json"));
    assert_ne!(other["clips"][0]["scores"], first["clips"][0]["scores"]);
    let warning = "every net has random weights (seed 1): scores of nets say nothing of the clips";
    for format in ["table", "markdown"] {
        let said = seeded("1", format);
        assert!(said.stdout.contains(warning), "{format}: {}", said.stdout);
    }
    let reports = std::fs::read_dir(workspace.path().join(".vidbench/reports")).unwrap();
    let pages = reports.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    assert!(pages.filter(|page| page.contains(warning)).count() >= 2);
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
    assert!(none.stderr.contains("hint: add --reference-set VIDEOS"), "{}", none.stderr);

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
    // Everything was known: no clip was looked at again.
    assert!(file.stderr.contains("2 of 2 clips were known from earlier"), "{}", file.stderr);

    let table = run(&workspace, &[&SCORE[..], &["--reference-set", "real.safetensors"]].concat());
    assert!(table.stdout.contains("fvd videogpt"), "{}", table.stdout);
}

#[test]
fn sets_that_were_looked_at_in_other_ways_are_not_compared() {
    let workspace = Workspace::new();
    sets(&workspace);
    let make = ["reference", "make", "real", "--output", "real.safetensors", "--metrics", "fvd.videogpt"];
    assert_eq!(run(&workspace, &[&make[..], &["--random-nets", "2"]].concat()).code, 0);
    let said = run(&workspace, &[&SCORE[..], &["--reference-set", "real.safetensors", "--json"]].concat());
    assert_eq!(said.code, 1, "{}", said.stderr);
    let problem = json(&said)["sets"][0]["sets"][0]["problem"].as_str().unwrap().to_owned();
    assert!(problem.starts_with("the reference set was looked at by i3d-400@"), "{problem}");

    workspace.write("text.safetensors", "no tensors");
    let said = run(&workspace, &[&SCORE[..], &["--reference-set", "text.safetensors"]].concat());
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("text.safetensors is no reference set"), "{}", said.stderr);
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
        let error = "have features of i3d-400.videogpt@1, and two are needed\nhint: the notes above say why";
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
    let family = run(&workspace, &["metrics", "show", "fvd"]);
    assert_eq!(family.code, 2);
    let hint = "hint: there are several, which give different numbers: fvd.cdfvd-i3d@1, fvd.cdfvd-videomae@1, fvd.videogpt@1";
    assert!(family.stderr.contains(hint), "{}", family.stderr);
}

#[test]
fn the_selftest_of_nets_passes_here_and_names_nets_it_does_not_know() {
    let workspace = Workspace::new();
    let said = run(&workspace, &["metrics", "selftest", "aesthetic-head", "lpips-squeeze", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let nets = &json(&said)["nets"];
    assert_eq!((&nets[0]["verdict"], &nets[1]["net"]), (&"pass".into(), &"lpips-squeeze".into()));
    assert!(nets[1]["runtime"].as_str().unwrap().starts_with("tract "));
    let unknown = run(&workspace, &["metrics", "selftest", "lpips"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stdout.contains("FAIL: there is no net \"lpips\""), "{}", unknown.stdout);
    // Random weights of the test are not those of the store.
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
